//! A country in memory: the real post office, engine and outlets of every station, over disks that tear and lines that
//! are cut.
//!
//! A line carries what is most urgent at the moment it can carry more; a cut loses whatever is on it, both ways. A crash
//! loses everything a station had not made durable, and may come in the middle of a commit, before or after the disk has
//! the batch (or its first records). What a station acknowledged to a person is written down here and demanded at the
//! end. A [`Plant`] makes something in this world wrong, to see that the end notices.

mod disk;
mod hands;
mod judge;
mod line;
mod plant;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use node::{
    engine::{Effects, Engine},
    io::{Io, Timestamp},
    link::wire,
    plan::{self, Desk},
    post::{
        Event, Me, Post,
        envelope::{DocId, Run},
        fact::{Record, Replay},
        keys,
        office::EarlyOffer,
        schedule::State,
        seal::Checker,
    },
    topology::{Topology, Unit},
};
use prost::Message as _;
use proto::v1::{self, frame::Frame};

use self::{
    disk::{Memory, Platter},
    line::{Line, Way},
};
pub use self::{
    hands::{Credulous, Hand, Hands},
    plant::Plant,
};
use crate::dice::Dice;

/// Of the frames on a noisy line, this many in a hundred are hit.
const NOISE_PERCENT: u64 = 15;

/// One country under trial.
pub struct World {
    /// The seed, to print with a failure.
    pub seed: u64,
    /// The dice.
    pub dice: Dice,
    /// The tree.
    pub topology: Arc<Topology>,
    /// What persons were told is filed.
    pub acknowledged: BTreeMap<DocId, Filed>,
    /// The same by incident, in the order it was said.
    incidents: BTreeMap<DocId, Vec<DocId>>,
    stations: BTreeMap<Unit, Station>,
    lines: BTreeMap<Unit, Line>,
    now: Timestamp,
    plant: Plant,
    checker: Arc<dyn Checker>,
    /// Whether lines still flip bits: not any more once everything is healed.
    noisy: bool,
}

/// A document somebody was told is filed.
pub struct Filed {
    /// Where.
    pub origin: Unit,
    /// For whom.
    pub destinations: Vec<Unit>,
}

struct Station {
    engine: Option<Engine<Memory>>,
    disk: Platter,
    io: Arc<Fixed>,
    tickets: BTreeMap<u64, Ticket>,
    next_ticket: u64,
}

struct Ticket {
    destinations: Vec<Unit>,
    /// Of which it continues.
    incident: Option<DocId>,
}

impl World {
    /// A country of this tree, all stations new, all lines up, and this wrong with it.
    pub fn new(seed: u64, topology: &str, plant: Plant) -> Self {
        let topology = Arc::new(Topology::parse(topology).unwrap());
        let mut world = Self {
            seed,
            dice: Dice::new(seed),
            acknowledged: BTreeMap::new(),
            incidents: BTreeMap::new(),
            stations: BTreeMap::new(),
            lines: BTreeMap::new(),
            now: Timestamp::from_us(1_700_000_000_000_000),
            topology: topology.clone(),
            checker: if plant == Plant::NoiseBelieved { Arc::new(Credulous) } else { Arc::new(Hands) },
            noisy: plant.is_noisy(),
            plant,
        };
        for place in topology.places() {
            let io = Arc::new(Fixed { now: Mutex::new(world.now), dice: Mutex::new(Dice::new(world.dice.roll())) });
            let disk = Platter::new(plant);
            let station = Station { engine: None, disk, io, tickets: BTreeMap::new(), next_ticket: 0 };
            world.stations.insert(place.unit.clone(), station);
            if place.parent.is_some() {
                world.lines.insert(place.unit.clone(), Line::new(plant));
            }
        }
        for unit in world.units() {
            world.start(&unit);
        }
        for child in world.children() {
            world.heal(&child);
        }
        world
    }

    /// All units.
    pub fn units(&self) -> Vec<Unit> {
        self.stations.keys().cloned().collect()
    }

    /// Units that have a line to a parent.
    pub fn children(&self) -> Vec<Unit> {
        self.lines.keys().cloned().collect()
    }

    /// Kills a station: what its disk does not have is gone.
    pub fn crash(&mut self, unit: &Unit) {
        let station = self.stations.get_mut(unit).unwrap();
        if station.engine.take().is_some() {
            station.disk.crash(&mut self.dice);
        }
        self.fall_silent(unit);
    }

    /// Ends a station in peace: its index takes in all it knows, so that the next start replays only what is newer.
    pub fn stop(&mut self, unit: &Unit) {
        if let Some(engine) = self.stations.get_mut(unit).unwrap().engine.take() {
            engine.finish().unwrap();
        }
        self.fall_silent(unit);
    }

    /// Starts a station from what its disk has.
    pub fn start(&mut self, unit: &Unit) {
        let me = Me { unit: unit.clone(), topology: self.topology.clone() };
        let station = self.stations.get_mut(unit).unwrap();
        if station.engine.is_some() {
            return;
        }
        let (base, watermark) = station.disk.index();
        let mut post = Post::load(me.clone(), Box::new(base));
        let mut replay = Replay::default();
        for (at, bytes) in station.disk.records(watermark) {
            replay.feed(Record::decode(bytes).unwrap(), at, &mut post);
        }
        let left_over = replay.finish().1;
        let forgotten = match self.plant {
            Plant::DeafRestart => Some(keys::HEARD.to_vec()),
            Plant::LostPositions => Some(keys::incident(DocId([0; 16]))[..1].to_vec()),
            _ => None,
        };
        if let Some(kind) = forgotten {
            let rows = post.rows_mut().everything();
            station.disk.set_index(rows.into_iter().filter(|(key, _)| !key.starts_with(&kind)).collect());
            post = Post::load(me, Box::new(station.disk.index().0));
        }
        let disk = Memory { platter: station.disk.clone(), draining: None };
        let engine = Engine::new(post, disk, station.io.clone(), Arc::new(Hand::of(unit.as_str())), left_over);
        station.engine = engine.ok();
    }

    /// Cuts the line above a station: what is on it is lost.
    pub fn cut(&mut self, child: &Unit) {
        let line = self.lines.get_mut(child).unwrap();
        if !std::mem::take(&mut line.up) {
            return;
        }
        line.lose();
        let parent = self.topology.parent(child).unwrap().clone();
        self.turn(child, vec![Event::Unlinked { peer: parent.clone(), failure: "cut".into() }]);
        self.turn(&parent, vec![Event::Unlinked { peer: child.clone(), failure: "cut".into() }]);
    }

    /// Heals the line above a station, if both ends live.
    pub fn heal(&mut self, child: &Unit) {
        let parent = self.topology.parent(child).unwrap().clone();
        let lives = |world: &Self, unit: &Unit| world.stations[unit].engine.is_some();
        if self.lines[child].up || !lives(self, child) || !lives(self, &parent) {
            return;
        }
        self.lines.get_mut(child).unwrap().up = true;
        let heard = |world: &Self, at: &Unit, of: &Unit| world.stations[at].engine().post().heard_of(of);
        let (by_parent, by_child) = (heard(self, &parent, child), heard(self, child, &parent));
        self.turn(child, vec![Event::Linked { peer: parent.clone(), heard: by_parent }]);
        self.turn(&parent, vec![Event::Linked { peer: child.clone(), heard: by_child }]);
    }

    /// A person files something. What is answered is written down.
    pub fn file(&mut self, unit: &Unit, request: &v1::FileRequest) {
        let station = self.stations.get_mut(unit).unwrap();
        let Some(engine) = &station.engine else { return };
        let read = |place| engine.read(place).ok();
        let desk = Desk { post: engine.post(), read: &read, now: self.now, refusing: None };
        let Ok(draft) = plan::draft(desk, request) else { return };
        let destinations = draft.destinations.iter().map(|(unit, _)| unit.clone()).collect();
        let incident = DocId::from_slice(&draft.header.incident);
        station.next_ticket += 1;
        let ticket = station.next_ticket;
        station.tickets.insert(ticket, Ticket { destinations, incident });
        self.turn(unit, vec![Event::File { ticket, drafts: vec![draft] }]);
    }

    /// Time passes for everybody, and one thing happens: a frame arrives somewhere, or a clock ticks.
    pub fn step(&mut self) {
        self.now = self.now + std::time::Duration::from_millis(1 + self.dice.roll() % 400);
        if self.dice.chance(10) || !self.carry() {
            let unit = self.dice.pick(&self.units()).clone();
            self.turn(&unit, vec![Event::Tick]);
        }
    }

    /// The next commit of a station fails, leaving some of its records on the disk.
    pub fn tear(&mut self, unit: &Unit) {
        let keep = self.dice.below(4);
        self.stations[unit].disk.tear_after(Some(keep));
    }

    /// Rolls the index of a station back to nothing: it has to be rebuilt from the journal.
    pub fn lose_index(&mut self, unit: &Unit) {
        self.stations[unit].disk.lose_index();
    }

    /// Everybody lives, every line holds, and everything is carried to its end, if it comes to one.
    pub fn heal_everything(&mut self) {
        self.noisy = false;
        for unit in self.units() {
            self.stations[&unit].disk.tear_after(None);
            self.start(&unit);
        }
        for _ in 0..100_000 {
            for child in self.children() {
                self.heal(&child);
            }
            self.retry_what_is_held();
            self.step();
            if self.is_quiet() {
                return;
            }
        }
    }

    /// Nobody answers there any more: who waits at the desk, and the lines, learn it.
    fn fall_silent(&mut self, unit: &Unit) {
        self.stations.get_mut(unit).unwrap().tickets.clear();
        for child in self.children() {
            if child == *unit || self.topology.parent(&child) == Some(unit) {
                self.cut(&child);
            }
        }
    }

    /// A frame arrives somewhere, if any is on its way.
    fn carry(&mut self) -> bool {
        let mut ways: Vec<(Unit, bool)> =
            self.children().into_iter().flat_map(|c| [(c.clone(), true), (c, false)]).collect();
        while !ways.is_empty() {
            let (child, up) = ways.swap_remove(self.dice.below(ways.len()));
            let line = self.lines.get_mut(&child).unwrap();
            let way = if up { &mut line.upward } else { &mut line.downward };
            let Some(frame) = way.next(&mut self.dice) else { continue };
            let parent = self.topology.parent(&child).unwrap().clone();
            let (from, to) = if up { (child, parent) } else { (parent, child) };
            self.arrive(&from, &to, frame);
            return true;
        }
        false
    }

    /// What was refused waits for a person; here is one.
    fn retry_what_is_held(&mut self) {
        for unit in self.units() {
            let held = |entry: &node::post::schedule::Entry| matches!(entry.state, State::Held { .. });
            let queues = self.stations[&unit].engine().post().queues();
            let retries: Vec<Event> = queues
                .map(|(peer, queue)| {
                    (peer, queue.entries().filter(|e| held(e)).map(|e| e.run.clone()).collect::<Vec<Run>>())
                })
                .filter(|(_, runs)| !runs.is_empty())
                .map(|(peer, runs)| Event::Retry { peer: peer.clone(), runs })
                .collect();
            if !retries.is_empty() {
                assert!(self.plant.is_noisy(), "seed {}: lost: something good was refused", self.seed);
                self.turn(&unit, retries);
            }
        }
    }

    /// Whether nothing waits anywhere.
    fn is_quiet(&self) -> bool {
        self.stations
            .values()
            .map(|station| station.engine().post())
            .all(|post| post.queues().all(|(_, queue)| queue.is_empty()) && post.gaps().next().is_none())
    }

    fn waiting(&self) -> String {
        let mut all = String::new();
        for (unit, station) in &self.stations {
            let Some(engine) = &station.engine else { continue };
            for (peer, queue) in engine.post().queues() {
                for entry in queue.entries().take(3) {
                    all += &format!("{unit}→{peer} {:?} {:?}; ", entry.run, entry.state);
                }
            }
            for gap in engine.post().gaps().take(3) {
                all += &format!("{unit} misses {gap:?}; ");
            }
        }
        all
    }

    fn arrive(&mut self, from: &Unit, to: &Unit, frame: Frame) {
        let peer = from.clone();
        let event = match frame {
            Frame::Offer(mut offer) => {
                self.make_noise(&mut offer);
                let Ok(opened) = wire::open(offer, &*self.checker) else {
                    // A block that cannot even be named ends the connection.
                    return self.cut_between(from, to);
                };
                if !opened.refused.is_empty() {
                    assert!(self.plant.is_noisy(), "seed {}: lost: a good block was refused", self.seed);
                    opened.refused.into_iter().for_each(|refusal| self.way(to, from, |way| way.settle(refusal)));
                }
                Event::Offered { peer, bodies: opened.bodies, arrived: opened.arrived }
            }
            Frame::Settlements(answers) => Event::Answered { peer, answers: answers.settlements },
            Frame::Missing(missing) => Event::Missed { peer, runs: wire::missing(missing) },
            Frame::Hello(_) | Frame::Heartbeat(_) => return,
        };
        self.turn(to, vec![event]);
    }

    /// One bit of one block, now and then.
    fn make_noise(&mut self, offer: &mut v1::Offer) {
        if !self.noisy || offer.parcels.is_empty() || !self.dice.chance(NOISE_PERCENT) {
            return;
        }
        let hit = self.dice.below(offer.parcels.len());
        let mut block = offer.parcels[hit].block.to_vec();
        let at = self.dice.below(block.len());
        block[at] ^= 1 << self.dice.below(8);
        offer.parcels[hit].block = Bytes::from(block);
    }

    fn turn(&mut self, unit: &Unit, events: Vec<Event>) {
        let station = self.stations.get_mut(unit).unwrap();
        *station.io.now.lock().unwrap() = self.now;
        let Some(engine) = &mut station.engine else { return };
        let mut early = Vec::new();
        let released = engine.step(events, self.now, &mut |offer| early.push(offer));
        for EarlyOffer { peer, run, bytes, passages } in early {
            let offer = node::engine::Offer { run, block: bytes, passages, bodies: Vec::new() };
            self.way(unit, &peer, |way| way.offer(vec![offer]));
        }
        match released {
            Ok(released) => self.release(unit, released.into_effects()),
            // The disk failed: the station is dead until somebody starts it.
            Err(_) => self.crash(unit),
        }
    }

    fn release(&mut self, unit: &Unit, effects: Effects) {
        for (ticket, answer) in effects.answers {
            let Some(ticket) = self.stations.get_mut(unit).unwrap().tickets.remove(&ticket) else { continue };
            for filing in answer.into_iter().flatten().filter(|filing| !filing.repeated) {
                let filed = Filed { origin: unit.clone(), destinations: ticket.destinations.clone() };
                self.acknowledged.insert(filing.id, filed);
                self.incidents.entry(ticket.incident.unwrap_or(filing.id)).or_default().push(filing.id);
            }
        }
        for (peer, settlement) in effects.settlements {
            self.way(unit, &peer, |way| way.settle(settlement));
        }
        for (peer, runs) in effects.missing {
            let ranges = runs.iter().map(Run::to_proto).collect();
            self.way(unit, &peer, |way| way.send(Frame::Missing(v1::Missing { ranges })));
        }
        for (peer, offers) in effects.offers {
            self.way(unit, &peer, |way| way.offer(offers));
        }
    }

    fn way(&mut self, from: &Unit, to: &Unit, put: impl FnOnce(&mut Way)) {
        let up = self.topology.parent(from) == Some(to);
        let line = self.lines.get_mut(if up { from } else { to }).unwrap();
        if line.up {
            put(if up { &mut line.upward } else { &mut line.downward });
        }
    }

    fn cut_between(&mut self, one: &Unit, other: &Unit) {
        let child = if self.topology.parent(one) == Some(other) { one } else { other };
        self.cut(&child.clone());
    }
}

impl Station {
    fn engine(&self) -> &Engine<Memory> {
        self.engine.as_ref().unwrap()
    }
}

struct Fixed {
    now: Mutex<Timestamp>,
    dice: Mutex<Dice>,
}

impl Io for Fixed {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn random(&self, buffer: &mut [u8]) {
        let mut dice = self.dice.lock().unwrap();
        buffer.iter_mut().for_each(|byte| *byte = dice.roll().to_le_bytes()[0]);
    }
}
