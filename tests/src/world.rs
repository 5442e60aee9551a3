//! A country in memory: the real post office and engine of every station, over disks that tear and lines that are cut.
//!
//! A line carries frames in order while it holds; a cut loses whatever is on it, both ways. A crash loses everything a
//! station had not made durable, and may come in the middle of a commit, before or after the disk has the batch (or
//! its first records). What a station acknowledged to a person is written down here and demanded at the end.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use bytes::Bytes;
use node::{
    desk::view::Listing,
    engine::{Disk, DiskFailed, Effects, Engine, Offer},
    io::{Io, Timestamp},
    link::wire,
    plan::{self, Desk},
    post::{
        Event, Me, Post,
        envelope::{Channel, Digest, DocId, Place, Run, digest},
        fact::{Fact, Record, Replay},
        rows::{MemoryBase, Overlay},
        schedule::Queue,
        seal::{Block, Checker, Sealer},
    },
    topology::{Topology, Unit},
};
use prost::Message as _;
use proto::v1;

use crate::dice::Dice;

/// One country under trial.
pub struct World {
    /// The seed, to print with a failure.
    pub seed: u64,
    /// The dice.
    pub dice: Dice,
    /// The tree.
    pub topology: Arc<Topology>,
    /// What persons were told is filed: id → (origin, destinations).
    pub acknowledged: BTreeMap<DocId, (Unit, Vec<Unit>)>,
    /// Receipts that became durable where they were written.
    pub receipts: Vec<v1::Receipt>,
    stations: BTreeMap<Unit, Station>,
    lines: BTreeMap<Unit, Line>,
    now: Timestamp,
}

struct Station {
    engine: Option<Engine<Memory>>,
    disk: Platter,
    io: Arc<Fixed>,
    tickets: BTreeMap<u64, Vec<Unit>>,
    next_ticket: u64,
}

/// The line between a station and its parent.
#[derive(Default)]
struct Line {
    up: bool,
    upward: VecDeque<Frame>,
    downward: VecDeque<Frame>,
}

#[derive(Clone)]
enum Frame {
    Offers(Vec<Offer>),
    Settlements(Vec<v1::Settlement>),
    Missing(Vec<Run>),
}

impl World {
    /// A country of this tree, all stations new, all lines up.
    pub fn new(seed: u64, topology: &str) -> Self {
        let topology = Arc::new(Topology::parse(topology).unwrap());
        let mut world = Self {
            seed,
            dice: Dice::new(seed),
            acknowledged: BTreeMap::new(),
            receipts: Vec::new(),
            stations: BTreeMap::new(),
            lines: BTreeMap::new(),
            now: Timestamp::from_us(1_700_000_000_000_000),
            topology: topology.clone(),
        };
        for place in topology.places() {
            let io = Arc::new(Fixed { now: Mutex::new(world.now), dice: Mutex::new(Dice::new(world.dice.roll())) });
            let station =
                Station { engine: None, disk: Platter::default(), io, tickets: BTreeMap::new(), next_ticket: 0 };
            world.stations.insert(place.unit.clone(), station);
            if place.parent.is_some() {
                world.lines.insert(place.unit.clone(), Line::default());
            }
        }
        for unit in world.units() {
            world.start(&unit);
        }
        for child in world.lines.keys().cloned().collect::<Vec<_>>() {
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
        station.engine = None;
        station.tickets.clear();
        for child in self.children() {
            if child == *unit || self.topology.parent(&child) == Some(unit) {
                self.cut(&child);
            }
        }
    }

    /// Starts a station from what its disk has.
    pub fn start(&mut self, unit: &Unit) {
        let topology = self.topology.clone();
        let station = self.stations.get_mut(unit).unwrap();
        if station.engine.is_some() {
            return;
        }
        let (base, watermark) = station.disk.index();
        let mut post = Post::load(Me { unit: unit.clone(), topology }, Box::new(base));
        let mut replay = Replay::default();
        for (at, bytes) in station.disk.records(watermark) {
            replay.feed(Record::decode(bytes).unwrap(), at, &mut post);
        }
        let left_over = replay.finish().1;
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
        line.upward.clear();
        line.downward.clear();
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
        let heard = |world: &Self, at: &Unit, of: &Unit| {
            world.stations[at].engine.as_ref().map(|engine| engine.post().heard_of(of)).unwrap_or_default()
        };
        let (by_parent, by_child) = (heard(self, &parent, child), heard(self, child, &parent));
        self.turn(child, vec![Event::Linked { peer: parent.clone(), heard: by_parent }]);
        self.turn(&parent, vec![Event::Linked { peer: child.clone(), heard: by_child }]);
    }

    /// What a station knows, as its desk would look at it.
    pub fn look<T>(&self, unit: &Unit, at: impl FnOnce(Desk<'_>) -> T) -> T {
        let engine = self.stations[unit].engine.as_ref().unwrap();
        let read = |place| engine.read(place).ok();
        at(Desk { post: engine.post(), read: &read, now: self.now, refusing: None })
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
        let line = self.lines.get_mut(child).unwrap();
        if let Some(frame) = line.upward.front().cloned() {
            line.upward.push_back(frame);
        }
    }

    /// Loses the next frame a station has sent its parent, the line holding: a fault no line should have.
    pub fn lose_a_frame(&mut self, child: &Unit) {
        self.lines.get_mut(child).unwrap().upward.pop_front();
    }

    /// A neighbour refuses for good whatever its child offers it: its answers come instead of those of the station.
    pub fn refuse(&mut self, child: &Unit, code: &str) {
        let parent = self.topology.parent(child).unwrap().clone();
        let line = self.lines.get_mut(child).unwrap();
        let (offers, others) = line.upward.drain(..).partition(|frame| matches!(frame, Frame::Offers(_)));
        line.upward = others;
        let offers: VecDeque<Frame> = offers;
        for frame in offers {
            let Frame::Offers(offers) = frame else { continue };
            let answers = offers.iter().map(|offer| v1::Settlement {
                range: Some(offer.run.to_proto()),
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
        station.next_ticket += 1;
        let ticket = station.next_ticket;
        station.tickets.insert(ticket, destinations);
        let known: BTreeSet<DocId> = self.acknowledged.keys().copied().collect();
        self.turn(unit, vec![Event::File { ticket, drafts: vec![draft] }]);
        self.acknowledged.keys().copied().find(|id| !known.contains(id))
    }

    /// Time passes for everybody, and one thing happens: a frame arrives somewhere, or a clock ticks.
    pub fn step(&mut self) {
        self.now = self.now + Duration::from_millis(1 + self.dice.roll() % 400);
        let lines: Vec<Unit> = self
            .lines
            .iter()
            .filter(|(_, l)| !l.upward.is_empty() || !l.downward.is_empty())
            .map(|(u, _)| u.clone())
            .collect();
        if lines.is_empty() || self.dice.chance(10) {
            let unit = self.dice.pick(&self.units()).clone();
            self.turn(&unit, vec![Event::Tick]);
            return;
        }
        let child = self.dice.pick(&lines).clone();
        let parent = self.topology.parent(&child).unwrap().clone();
        let line = self.lines.get_mut(&child).unwrap();
        let up = if line.upward.is_empty() || line.downward.is_empty() {
            line.downward.is_empty()
        } else {
            self.dice.chance(50)
        };
        let frame = if up { line.upward.pop_front() } else { line.downward.pop_front() };
        let (from, to) = if up { (child, parent) } else { (parent, child) };
        if let Some(frame) = frame {
            self.arrive(&from, &to, frame);
        }
    }

    /// The next commit of a station fails, leaving some of its records on the disk.
    pub fn tear(&mut self, unit: &Unit) {
        let keep = self.dice.below(4);
        self.stations[unit].disk.0.lock().unwrap().tear_after = Some(keep);
    }

    /// Rolls the index of a station back to nothing: it has to be rebuilt from the journal.
    pub fn lose_index(&mut self, unit: &Unit) {
        let mut disk = self.stations[unit].disk.0.lock().unwrap();
        disk.base = BTreeMap::new();
        disk.watermark = 0;
    }

    /// Everybody lives, every line holds, and everything is carried to its end.
    pub fn heal_everything(&mut self) {
        for unit in self.units() {
            self.stations[&unit].disk.0.lock().unwrap().tear_after = None;
            self.start(&unit);
        }
        for _ in 0..200_000 {
            for child in self.children() {
                self.heal(&child);
            }
            self.step();
            if self.is_quiet() {
                return;
            }
        }
        panic!("seed {}: not everything was carried to its end: {}", self.seed, self.waiting());
    }

    /// What must hold once everything has been carried to its end.
    pub fn judge(&self) {
        for (id, (origin, destinations)) in &self.acknowledged {
            for destination in destinations {
                let station = self.stations[destination].engine.as_ref().unwrap();
                let read = |place| station.read(place).ok();
                let copies = station.post().copies(*id, &read);
                let here = copies.iter().filter(|copy| copy.channel.destination == *destination).count();
                assert_eq!(here, 1, "seed {}: {id} of {origin} is {here} times at {destination}", self.seed);
            }
            self.judge_receipts(*id, origin, destinations.len());
        }
        for (unit, station) in &self.stations {
            let post = station.engine.as_ref().unwrap().post();
            assert_eq!(post.gaps().count(), 0, "seed {}: numbers are missing at {unit}", self.seed);
        }
        self.judge_numbers();
        self.judge_lists();
    }

    fn judge_receipts(&self, id: DocId, origin: &Unit, count: usize) {
        let station = self.stations[origin].engine.as_ref().unwrap();
        let read = |place| station.read(place).ok();
        let copies = station.post().copies(id, &read);
        assert_eq!(copies.len(), count, "seed {}: copies of {id} at {origin}", self.seed);
        for copy in copies {
            let stages = station.post().stages(&copy.channel, copy.number);
            let delivered = stages.iter().filter(|stage| stage.stage() == v1::Stage::Delivered).count();
            assert_eq!(delivered, 1, "seed {}: {origin} has {delivered} delivery receipts for {id}", self.seed);
        }
    }

    /// A number of a channel never stands for two different headers, anywhere in the country.
    fn judge_numbers(&self) {
        let mut meant: BTreeMap<(Channel, u64), Bytes> = BTreeMap::new();
        let mut orders: BTreeMap<Vec<u8>, BTreeSet<u32>> = BTreeMap::new();
        for station in self.stations.values() {
            let engine = station.engine.as_ref().unwrap();
            let read = |place| engine.read(place).ok();
            for arrival in engine.post().newest(usize::MAX) {
                for copy in engine.post().block_copies(arrival, &read) {
                    let header = Bytes::from(copy.header.encode_to_vec());
                    let known = meant.entry((copy.channel.clone(), copy.number)).or_insert_with(|| header.clone());
                    assert_eq!(*known, header, "seed {}: one number, two meanings", self.seed);
                    if copy.header.position > 0 {
                        let chain = [copy.header.origin.as_bytes(), &copy.header.incident].concat();
                        orders.entry(chain).or_default().insert(copy.header.position);
                    }
                }
            }
        }
        for positions in orders.values() {
            let expected: BTreeSet<u32> = (1..=u32::try_from(positions.len()).unwrap()).collect();
            assert_eq!(*positions, expected, "seed {}: an incident has holes", self.seed);
        }
    }

    /// A list read page by page, of whatever size, is the list read at once.
    fn judge_lists(&self) {
        for (unit, station) in &self.stations {
            let engine = station.engine.as_ref().unwrap();
            let read = |place| engine.read(place).ok();
            let desk = Desk { post: engine.post(), read: &read, now: self.now, refusing: None };
            for which in [v1::Box::Unspecified, v1::Box::Unsigned] {
                let pages = |limit| {
                    let mut request = v1::ListRequest { r#box: which.into(), limit, ..Default::default() };
                    let mut ids = Vec::new();
                    loop {
                        let mut listing = Listing::of(request.clone());
                        while !listing.complete() {
                            listing.look(desk);
                        }
                        ids.extend(listing.response.documents.into_iter().map(|document| document.id));
                        request.before = listing.response.next;
                        if request.before == 0 {
                            let mut seen = BTreeSet::new();
                            ids.retain(|id| seen.insert(id.clone()));
                            return ids;
                        }
                    }
                };
                assert_eq!(pages(1000), pages(3), "seed {}: pages at {unit}", self.seed);
            }
        }
    }

    fn is_quiet(&self) -> bool {
        let frames = self.lines.values().all(|line| line.upward.is_empty() && line.downward.is_empty());
        let queues = self.stations.values().filter_map(|station| station.engine.as_ref());
        frames
            && queues
                .map(Engine::post)
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
        let event = match frame {
            Frame::Offers(offers) => {
                let bodies = offers.iter().flat_map(|offer| offer.bodies.clone());
                let offer = v1::Offer {
                    bodies: bodies.map(|(digest, body)| v1::SharedBody { digest, body }).collect(),
                    parcels: offers
                        .iter()
                        .map(|offer| v1::Parcel { block: offer.block.clone(), passages: offer.passages.clone() })
                        .collect(),
                };
                let opened = wire::open(offer, &Hands).unwrap();
                assert!(opened.refused.is_empty(), "seed {}: a good block was refused", self.seed);
                Event::Offered { peer: from.clone(), bodies: opened.bodies, arrived: opened.arrived }
            }
            Frame::Settlements(answers) => Event::Answered { peer: from.clone(), answers },
            Frame::Missing(runs) => Event::Missed { peer: from.clone(), runs },
        };
        self.turn(to, vec![event]);
    }

    fn turn(&mut self, unit: &Unit, events: Vec<Event>) {
        let station = self.stations.get_mut(unit).unwrap();
        *station.io.now.lock().unwrap() = self.now;
        let Some(engine) = &mut station.engine else { return };
        let mut early = Vec::new();
        let released = engine.step(events, self.now, &mut |offer| early.push(offer));
        for offer in early {
            let node::post::office::EarlyOffer { peer, run, bytes, passages } = offer;
            self.put(unit, &peer, Frame::Offers(vec![Offer { run, block: bytes, passages, bodies: Vec::new() }]));
        }
        match released {
            Ok(released) => self.release(unit, released.into_effects()),
            // The disk failed: the station is dead until somebody starts it.
            Err(_) => self.crash(unit),
        }
    }

    fn release(&mut self, unit: &Unit, effects: Effects) {
        let filed = effects.facts.iter().filter(|fact| matches!(fact.record.fact, Some(Fact::Filed(_))));
        self.receipts.extend(filed.filter_map(|fact| fact.block.as_ref()).flat_map(receipts_in));
        for (ticket, answer) in effects.answers {
            let destinations = self.stations.get_mut(unit).unwrap().tickets.remove(&ticket).unwrap_or_default();
            for filing in answer.into_iter().flatten().filter(|filing| !filing.repeated) {
                self.acknowledged.insert(filing.id, (unit.clone(), destinations.clone()));
            }
        }
        for (peer, settlement) in effects.settlements {
            self.put(unit, &peer, Frame::Settlements(vec![settlement]));
        }
        for (peer, runs) in effects.missing {
            self.put(unit, &peer, Frame::Missing(runs));
        }
        for (peer, offers) in effects.offers {
            self.put(unit, &peer, Frame::Offers(offers));
        }
    }

    fn put(&mut self, from: &Unit, to: &Unit, frame: Frame) {
        let up = self.topology.parent(from) == Some(to);
        let line = self.lines.get_mut(if up { from } else { to }).unwrap();
        if line.up {
            if up { line.upward.push_back(frame) } else { line.downward.push_back(frame) }
        }
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

/// What survives a crash.
#[derive(Clone, Default)]
struct Platter(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    records: Vec<Bytes>,
    base: BTreeMap<Vec<u8>, Vec<u8>>,
    watermark: usize,
    tear_after: Option<usize>,
}

impl Platter {
    fn index(&self) -> (MemoryBase, usize) {
        let written = self.0.lock().unwrap();
        let base = MemoryBase::default();
        *base.0.write().unwrap() = written.base.clone();
        (base, written.watermark)
    }

    fn records(&self, from: usize) -> Vec<(Place, Bytes)> {
        let written = self.0.lock().unwrap();
        (from..written.records.len()).map(|at| (place(at), written.records[at].clone())).collect()
    }
}

fn place(at: usize) -> Place {
    Place { segment: at as u64, offset: 0, length: 0 }
}

struct Memory {
    platter: Platter,
    draining: Option<(Arc<Overlay>, usize)>,
}

impl Disk for Memory {
    fn append(&mut self, records: &[Bytes]) -> Result<Vec<Place>, DiskFailed> {
        let mut written = self.platter.0.lock().unwrap();
        let first = written.records.len();
        if let Some(keep) = written.tear_after.take() {
            written.records.extend(records.iter().take(keep).cloned());
            return Err(DiskFailed { what: "power cut".into() });
        }
        written.records.extend_from_slice(records);
        Ok((first..written.records.len()).map(place).collect())
    }

    fn read(&self, place: Place) -> Result<Bytes, DiskFailed> {
        let at = usize::try_from(place.segment).unwrap();
        Ok(self.platter.0.lock().unwrap().records[at].clone())
    }

    fn refusing(&self) -> Option<String> {
        None
    }

    fn drain(&mut self, rows: Arc<Overlay>) -> Result<(), DiskFailed> {
        self.draining = Some((rows, self.platter.0.lock().unwrap().records.len()));
        Ok(())
    }

    fn drained(&mut self) -> Result<bool, DiskFailed> {
        if let Some((rows, watermark)) = self.draining.take() {
            let mut written = self.platter.0.lock().unwrap();
            for (key, row) in rows.iter() {
                match row {
                    Some(row) => written.base.insert(key.clone(), row.clone()),
                    None => written.base.remove(key),
                };
            }
            written.watermark = watermark;
        }
        Ok(true)
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

/// A hand whose certificate is its unit and its bare public key.
pub struct Hand(Ed25519KeyPair, String);

impl Hand {
    /// The hand of a unit: always the same.
    pub fn of(unit: &str) -> Self {
        let mut seed = [7; 32];
        seed[..unit.len()].copy_from_slice(unit.as_bytes());
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap(), unit.to_owned())
    }
}

impl Sealer for Hand {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }

    fn certificate(&self) -> Bytes {
        [self.0.public_key().as_ref(), self.1.as_bytes()].concat().into()
    }

    fn key_id(&self) -> Digest {
        digest(self.0.public_key().as_ref())
    }
}

/// Checks the hands of [`Hand::of`].
pub struct Hands;

impl Checker for Hands {
    fn check(&self, certificate: &[u8], unit: &str, message: &[u8], signature: &[u8]) -> Result<Digest, String> {
        let hand = Hand::of(unit);
        if certificate != hand.certificate() {
            return Err("certificate of another".into());
        }
        UnparsedPublicKey::new(&ED25519, hand.0.public_key().as_ref())
            .verify(message, signature)
            .map_err(|_| "bad signature".to_owned())?;
        Ok(hand.key_id())
    }
}
