//! A country in memory: the real post office, engine and outlets of every station, over disks that tear and lines that
//! are cut.
//!
//! A line carries what is most urgent at the moment it can carry more; a cut loses whatever is on it, both ways. A crash
//! loses everything a station had not made durable, and may come in the middle of a commit, before or after the disk has
//! the batch (or its first records). What a station acknowledged to a person is written down here and demanded at the
//! end. A [`Plant`] makes something in this world wrong, to see that the end notices.

mod disk;
mod forget;
mod hands;
mod judge;
mod line;
mod plant;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use node::{
    desk::view::Listing,
    engine::{Effects, Engine},
    io::{Io, Timestamp},
    link::wire,
    plan::{self, Desk},
    post::{
        Event, Me, Post,
        envelope::{Channel, DocId, Run},
        fact::{Fact, Record, Replay},
        keys,
        office::EarlyOffer,
        schedule::{Queue, State},
        seal::{Block, Checker},
    },
    topology::{Topology, Unit},
};
use prost::Message as _;
use proto::v1::{self, frame::Frame};

use self::{
    disk::{Memory, Platter},
    forget::Stake,
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
    /// Receipts that became durable where they were written.
    pub receipts: Vec<v1::Receipt>,
    /// Which copies were forgotten where: station, document, addressee.
    pub forgotten: BTreeSet<(Unit, DocId, Unit)>,
    /// How many records stations gave up.
    pub retired: usize,
    retention: Option<Duration>,
    /// Stations that do not have all they ever sealed.
    replaced: BTreeSet<Unit>,
    /// What stations took in: never twice.
    taken: BTreeSet<(Unit, Channel, u64)>,
    stations: BTreeMap<Unit, Station>,
    lines: BTreeMap<Unit, Line>,
    now: Timestamp,
    plant: Plant,
    checker: Arc<dyn Checker>,
    /// Whether lines still flip bits: not any more once everything is healed.
    noisy: bool,
    /// Whether a line has swallowed something without breaking.
    frames_lost: bool,
}

/// A document somebody was told is filed.
pub struct Filed {
    /// Where.
    pub origin: Unit,
    /// For whom.
    pub destinations: Vec<Unit>,
}

/// A copy of a disk.
pub struct Copied(Platter);

struct Station {
    engine: Option<Engine<Memory>>,
    disk: Platter,
    io: Arc<Fixed>,
    tickets: BTreeMap<u64, Ticket>,
    next_ticket: u64,
    /// What may be forgotten in the step being taken, by arrival.
    stakes: BTreeMap<u64, Stake>,
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
            receipts: Vec::new(),
            forgotten: BTreeSet::new(),
            retired: 0,
            retention: None,
            replaced: BTreeSet::new(),
            taken: BTreeSet::new(),
            stations: BTreeMap::new(),
            lines: BTreeMap::new(),
            now: Timestamp::from_us(1_700_000_000_000_000),
            topology: topology.clone(),
            checker: if plant == Plant::NoiseBelieved { Arc::new(Credulous) } else { Arc::new(Hands) },
            noisy: plant.is_noisy(),
            frames_lost: false,
            plant,
        };
        for place in topology.places() {
            let io = Arc::new(Fixed::new(world.now, world.dice.roll()));
            let (disk, tickets, stakes) = (Platter::new(plant), BTreeMap::new(), BTreeMap::new());
            let station = Station { engine: None, disk, io, tickets, next_ticket: 0, stakes };
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

    /// A station's disk is replaced by an empty one, or by a copy made of it earlier.
    pub fn replace_disk(&mut self, unit: &Unit, copy: Option<Copied>) {
        self.crash(unit);
        // What it knew is gone with the old disk: taking it in again is not taking it twice.
        self.replaced.insert(unit.clone());
        self.taken.retain(|(station, ..)| station != unit);
        let station = self.stations.get_mut(unit).unwrap();
        station.disk = copy.map_or_else(|| Platter::new(self.plant), |copy| copy.0);
        self.start(unit);
    }

    /// What a station's disk holds now, kept for later.
    pub fn copy_disk(&self, unit: &Unit) -> Copied {
        Copied(self.stations[unit].disk.copied())
    }

    /// Starts a station from what its disk has.
    pub fn start(&mut self, unit: &Unit) {
        let me = Me { unit: unit.clone(), topology: self.topology.clone() };
        let retention = self.retention_of(unit);
        let station = self.stations.get_mut(unit).unwrap();
        if station.engine.is_some() {
            return;
        }
        let (base, watermark) = station.disk.index();
        let mut post = Post::load(me.clone(), Box::new(base));
        let mut replay = Replay::default();
        for (at, bytes) in station.disk.records(watermark) {
            let mut record = Record::decode(bytes).unwrap();
            record.ends_turn |= self.plant == Plant::HalfTurns;
            replay.feed(record, at, &mut post);
        }
        let left_over = replay.finish().1;
        let forgotten = match self.plant {
            Plant::DeafRestart => Some(keys::HEARD.to_vec()),
            Plant::LostPositions => Some(keys::incident(DocId([0; 16]))[..1].to_vec()),
            Plant::ReusedNumbers => Some(keys::OUT.to_vec()),
            Plant::LostQueues => Some(keys::QUEUED.to_vec()),
            _ => None,
        };
        if let Some(kind) = forgotten {
            let rows = post.rows_mut().everything();
            station.disk.set_index(rows.into_iter().filter(|(key, _)| !key.starts_with(&kind)).collect());
            post = Post::load(me, Box::new(station.disk.index().0));
        }
        let disk = Memory::over(station.disk.clone());
        let engine = Engine::new(post, disk, station.io.clone(), Arc::new(Hand::of(unit.as_str())), left_over, &[]);
        let engine = engine.map(|engine| match retention {
            Some(retention) => engine.forgetting_after(retention),
            None => engine,
        });
        station.engine = engine.ok();
        self.judge_forgotten(unit);
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

    /// What a station knows, as its desk would look at it.
    pub fn look<T>(&self, unit: &Unit, at: impl FnOnce(Desk<'_>) -> T) -> T {
        let engine = self.stations[unit].engine();
        let read = |place| engine.read(place).ok();
        at(Desk { post: engine.post(), read: &read, now: self.now, refusing: None })
    }

    /// One page of a list, as a person at a station gets it.
    pub fn list(&self, unit: &Unit, request: v1::ListRequest) -> v1::ListResponse {
        let mut listing = Listing::of(request);
        while !listing.complete() {
            self.look(unit, |desk| listing.look(desk));
        }
        listing.response
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Nothing but time passes for a while.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    /// Every clock ticks once.
    pub fn tick(&mut self) {
        for unit in self.units() {
            self.turn(&unit, vec![Event::Tick]);
        }
    }

    /// Goes on until something holds.
    pub fn step_until(&mut self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            if holds(self) {
                return;
            }
            self.step();
        }
        panic!("seed {}: it never came to pass: {}", self.seed, self.waiting());
    }

    /// An operator has everything tried again that waits for him.
    pub fn retry(&mut self, unit: &Unit) {
        let held: Vec<Event> = self.look(unit, |desk| {
            let waiting = |queue: &Queue| queue.entries().map(|entry| entry.run.clone()).collect();
            desk.post.queues().map(|(peer, queue)| Event::Retry { peer: peer.clone(), runs: waiting(queue) }).collect()
        });
        self.turn(unit, held);
    }

    /// Somebody claims that what he writes takes the place of another office's document.
    pub fn file_superseding(&mut self, unit: &Unit, request: &v1::FileRequest, of_another: DocId) {
        let mut draft = self.look(unit, |desk| plan::draft(desk, request)).unwrap();
        draft.header.supersedes = of_another.to_bytes();
        self.turn(unit, vec![Event::File { ticket: 0, drafts: vec![draft] }]);
    }

    /// The next frame a station has sent its parent comes twice.
    pub fn double_a_frame(&mut self, child: &Unit) {
        self.lines.get_mut(child).unwrap().upward.double();
    }

    /// Loses the next frame a station has sent its parent, the line holding: a fault no line should have.
    pub fn lose_a_frame(&mut self, child: &Unit) {
        self.frames_lost = true;
        drop(self.lines.get_mut(child).unwrap().upward.take());
    }

    /// A neighbour refuses for good whatever its child offers it: its answers come instead of those of the station.
    pub fn refuse(&mut self, child: &Unit, code: &str) {
        let parent = self.topology.parent(child).unwrap().clone();
        for offer in self.lines.get_mut(child).unwrap().upward.take_offers() {
            let answers = offer.parcels.into_iter().map(|parcel| v1::Settlement {
                range: Some(Block::trusted(parcel.block).unwrap().run.to_proto()),
                disposition: v1::Disposition::Refused.into(),
                code: code.into(),
                reason: "no".into(),
                ..Default::default()
            });
            let answers = answers.collect();
            self.turn(child, vec![Event::Answered { peer: parent.clone(), answers }]);
        }
    }

    /// A person files something. What is answered is written down.
    pub fn file(&mut self, unit: &Unit, request: &v1::FileRequest) -> Option<DocId> {
        let station = self.stations.get_mut(unit).unwrap();
        let engine = station.engine.as_ref()?;
        let read = |place| engine.read(place).ok();
        let desk = Desk { post: engine.post(), read: &read, now: self.now, refusing: None };
        let draft = plan::draft(desk, request).ok()?;
        let destinations = draft.destinations.iter().map(|(unit, _)| unit.clone()).collect();
        let incident = DocId::from_slice(&draft.header.incident);
        station.next_ticket += 1;
        let ticket = station.next_ticket;
        station.tickets.insert(ticket, Ticket { destinations, incident });
        let known: Vec<DocId> = self.acknowledged.keys().copied().collect();
        self.turn(unit, vec![Event::File { ticket, drafts: vec![draft] }]);
        self.acknowledged.keys().copied().find(|id| known.binary_search(id).is_err())
    }

    /// Time passes for everybody, and one thing happens: a frame arrives somewhere, or a clock ticks.
    pub fn step(&mut self) {
        self.now = self.now + Duration::from_millis(1 + self.dice.roll() % 400);
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
            Frame::Missing(missing) => Event::Missed { peer, runs: wire::runs(&missing.ranges) },
            Frame::Gone(gone) => Event::Gone { peer, runs: wire::runs(&gone.ranges) },
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
        let calm = matches!(events.as_slice(), [Event::Tick]);
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
        if calm {
            self.tidy(unit);
        }
    }

    fn release(&mut self, unit: &Unit, effects: Effects) {
        let taken = effects.facts.iter().filter(|fact| matches!(fact.record.fact, Some(Fact::Taken(_))));
        for run in taken.filter_map(|fact| fact.block.as_ref()).map(|block| &block.run) {
            let new = self.taken.insert((unit.clone(), run.channel.clone(), run.first));
            assert!(new || self.plant != Plant::Nothing, "seed {}: twice: {unit} took {run:?}", self.seed);
        }
        let filed = effects.facts.iter().filter(|fact| matches!(fact.record.fact, Some(Fact::Filed(_))));
        self.receipts.extend(filed.filter_map(|fact| fact.block.as_ref()).flat_map(receipts_in));
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
        for (peer, runs) in effects.gone {
            let ranges = runs.iter().map(Run::to_proto).collect();
            self.way(unit, &peer, |way| way.send(Frame::Gone(v1::Gone { ranges })));
        }
        for (peer, offers) in effects.offers {
            let sent: Vec<Run> = offers.iter().map(|offer| offer.run.clone()).collect();
            self.way(unit, &peer, |way| way.offer(offers));
            if self.plant == Plant::DoneOnSend {
                let answers = sent.iter().map(|run| v1::Settlement {
                    range: Some(run.to_proto()),
                    disposition: v1::Disposition::Taken.into(),
                    ..Default::default()
                });
                self.turn(unit, vec![Event::Answered { peer, answers: answers.collect() }]);
            }
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

fn receipts_in(block: &Block) -> Vec<v1::Receipt> {
    let receipts = block.headers.iter().zip(&block.bodies).filter(|(header, _)| header.kind() == v1::Kind::Receipt);
    let documents = receipts.map(|(_, body)| v1::Document::decode(body.clone()).unwrap());
    let contents = documents.filter_map(|document| match document.content {
        Some(v1::document::Content::Receipts(receipts)) => Some(receipts.receipts),
        _ => None,
    });
    contents.flatten().collect()
}

impl Station {
    fn engine(&self) -> &Engine<Memory> {
        self.engine.as_ref().unwrap()
    }
}

/// A clock that goes when it is told to, and dice of a seed.
pub struct Fixed {
    now: Mutex<Timestamp>,
    dice: Mutex<Dice>,
}

impl Fixed {
    /// Begins at this moment.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self { now: Mutex::new(now), dice: Mutex::new(Dice::new(seed)) }
    }

    /// Time passes.
    pub fn pass(&self, by: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = *now + by;
    }
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
