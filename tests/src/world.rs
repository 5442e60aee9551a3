//! A country in memory, on a clock of its own: the real post office, engine and outlets of every station, over disks that
//! tear and lines that break.
//!
//! Everything that is going to happen stands in one queue, in order of time: a frame arrives, a commit ends, a station
//! looks at the time, power fails, a person asks. Frames take time on lines (`line`), commits on disks (`station`), and a
//! crash may come in the middle of a commit: then any first part of it is on the disk, nobody was told, and what only
//! passed through may be with the next station already. A country in which nothing waits costs nothing.
//!
//! What goes wrong is drawn for each seed (`trouble`). What a station acknowledged to a person is written down here and
//! demanded at the end (`judge`). Each failure begins with its own word:
//!
//! | word | what was broken |
//! |---|---|
//! | lost | something acknowledged is not where it must be: at its addressee, or on a disk that comes back |
//! | twice | something was taken in, shown or filed a second time |
//! | order | an incident, or a channel that lost nothing, reads in another order than it was written in |
//! | receipts | an origin has not exactly one 送达 for what it filed |
//! | altered | the bytes of a block are not those its office sealed |
//! | leak | a block came to a station that is not on its way |
//! | overtaking | a 特提 waited for more than one lower frame on a line |
//! | unbounded | more waits to leave than the windows allow |
//! | stuck, livelock, restless | not all was done twelve hours after everything healed; the same was offered over and over; something went on after all was done |
//! | lists | pages of a list are not the list |
//!
//! A [`Plant`] makes something in this world wrong, to see that the end notices.

mod agenda;
mod births;
pub(crate) mod disk;
mod forget;
mod hands;
mod judge;
mod life;
mod line;
mod lines;
mod people;
mod plant;
mod station;
mod trouble;
mod turns;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use node::{
    desk::view::Listing,
    io::{Io, Timestamp},
    plan::{self, Desk, policy::Shelf},
    post::{
        Event,
        envelope::{Channel, DocId},
        schedule::Queue,
        seal::{Block, Checker},
    },
    topology::{Topology, Unit},
};
use proto::v1::{self, frame::Frame};

use self::{
    agenda::{Agenda, Happening, Trace},
    line::Line,
    people::People,
    station::{Command, Station},
    trouble::Weather,
};
pub use self::{
    hands::{Credulous, Hand, Hands},
    life::{Life, Sum},
    plant::Plant,
};
use crate::dice::Dice;

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
    /// The same by office and incident, in the order it was said.
    incidents: BTreeMap<(Unit, DocId), Vec<DocId>>,
    /// Receipts that became durable where they were written.
    pub receipts: Vec<v1::Receipt>,
    /// Which copies were forgotten where: station, document, addressee.
    pub forgotten: BTreeSet<(Unit, DocId, Unit)>,
    /// How many records stations gave up.
    pub retired: usize,
    /// What happened, in numbers.
    pub sum: Sum,
    retention: Option<Duration>,
    /// Stations that do not have all they ever sealed.
    replaced: BTreeSet<Unit>,
    /// Stations whose disk has lost a record or more.
    spoilt: BTreeSet<Unit>,
    /// What stations took in: never twice.
    taken: BTreeSet<(Unit, Channel, u64)>,
    /// How far they wrote their channels, as far as anybody could see.
    written: BTreeMap<(Unit, Channel), u64>,
    stations: BTreeMap<Unit, Station>,
    lines: BTreeMap<Unit, Line>,
    now: Timestamp,
    agenda: Agenda,
    trace: Trace,
    /// Whether everything that happens is printed.
    loud: bool,
    weather: Weather,
    people: People,
    tickets: BTreeMap<u64, Ticket>,
    /// What came of tickets somebody waits for.
    answers: BTreeMap<u64, Option<DocId>>,
    next_ticket: u64,
    /// How often what was offered where since all is well.
    offered_again: BTreeMap<(Unit, Channel, u64), u32>,
    plant: Plant,
    checker: Arc<dyn Checker>,
    /// Whether lines still flip bits: not any more once everything is healed.
    noisy: bool,
    /// Whether everything is healed.
    healed: bool,
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
pub struct Copied(disk::Platter);

/// Somebody waits for an answer at a desk.
struct Ticket {
    unit: Unit,
    destinations: Vec<Unit>,
    /// Of which it continues.
    incident: Option<DocId>,
    /// Whose wish it is.
    wish: Option<usize>,
}

impl World {
    /// A country of this tree, all stations new, all lines up and good, and this wrong with it.
    pub fn new(seed: u64, topology: &str, plant: Plant) -> Self {
        let mut world = Self::asleep(seed, topology, plant, Dice::new(seed));
        for unit in world.units() {
            world.start(&unit);
        }
        world.children().iter().for_each(|child| world.heal(child));
        world
    }

    /// The same, and no station has been started yet.
    fn asleep(seed: u64, topology: &str, plant: Plant, mut dice: Dice) -> Self {
        let topology = Arc::new(Topology::parse(topology).unwrap());
        let now = Timestamp::from_us(1_700_000_000_000_000);
        let (mut stations, mut lines) = (BTreeMap::new(), BTreeMap::new());
        for place in topology.places() {
            stations.insert(place.unit.clone(), Station::new(now, plant, &mut dice));
            if place.parent.is_some() {
                lines.insert(place.unit.clone(), Line::new(plant));
            }
        }
        Self {
            seed,
            dice,
            acknowledged: BTreeMap::new(),
            incidents: BTreeMap::new(),
            receipts: Vec::new(),
            forgotten: BTreeSet::new(),
            retired: 0,
            sum: Sum::default(),
            retention: None,
            replaced: BTreeSet::new(),
            spoilt: BTreeSet::new(),
            taken: BTreeSet::new(),
            written: BTreeMap::new(),
            stations,
            lines,
            now,
            agenda: Agenda::default(),
            trace: Trace::default(),
            loud: false,
            weather: Weather::default(),
            people: People::default(),
            tickets: BTreeMap::new(),
            answers: BTreeMap::new(),
            next_ticket: 0,
            offered_again: BTreeMap::new(),
            topology,
            checker: if plant == Plant::NoiseBelieved { Arc::new(Credulous) } else { Arc::new(Hands) },
            noisy: plant.is_noisy(),
            healed: false,
            frames_lost: false,
            plant,
        }
    }

    /// All units.
    pub fn units(&self) -> Vec<Unit> {
        self.stations.keys().cloned().collect()
    }

    /// Units that have a line to a parent.
    pub fn children(&self) -> Vec<Unit> {
        self.lines.keys().cloned().collect()
    }

    /// What a station knows, as its desk would look at it.
    pub fn look<T>(&self, unit: &Unit, at: impl FnOnce(Desk<'_>) -> T) -> T {
        let engine = self.stations[unit].engine();
        let read = |place| engine.read(place).ok();
        at(Desk { post: engine.post(), read: &read, now: self.now, refusing: None, shelf: &Shelf::default() })
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

    /// Everything happens that happens in this time.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((at, what)) = self.agenda.next(until) {
            self.now = self.now.max(at);
            self.happen(what);
        }
        self.now = until;
    }

    /// Goes on until something holds, but not for ever.
    pub fn run_until(&mut self, holds: impl Fn(&Self) -> bool) {
        let until = self.now + Duration::from_secs(3600);
        while !holds(self) {
            let next = self.agenda.next(until);
            let Some((at, what)) = next else { panic!("seed {}: stuck: {}", self.seed, self.waiting()) };
            self.now = self.now.max(at);
            self.happen(what);
        }
    }

    fn happen(&mut self, what: Happening) {
        self.sum.events += 1;
        self.trace.note(&(self.now, &what));
        if self.loud {
            println!("{} {what:?}", self.now);
        }
        match what {
            Happening::Left { child, up, connection } => self.left(&child, up, connection),
            Happening::Arrives { child, up, connection } => self.arrives(&child, up, connection),
            Happening::Commits { unit, life } => self.commits(&unit, life),
            Happening::Ticks { unit, life } => self.ticks(&unit, life),
            Happening::Fails { unit, life } => {
                if self.stations[&unit].life == life {
                    self.crash(&unit);
                }
            }
            Happening::Starts { unit } => self.start(&unit),
            Happening::GoesOn { unit } => self.goes_on(&unit),
            Happening::Dials { child } => self.dials(&child),
            Happening::Notices { child, upper, connection } => self.notices(&child, upper, connection),
            Happening::LosesPatience { child, up, connection } => self.loses_patience(&child, up, connection),
            Happening::Mends { child, up } => self.mends(&child, up),
            Happening::Flaps { child, left } => self.flaps(&child, left),
            Happening::Asks { wish } => self.asks(wish),
            Happening::Frees { unit } => self.free(&unit),
            Happening::Strikes(trouble) => self.strikes(trouble),
        }
    }

    fn after(&mut self, time: Duration, what: Happening) {
        self.agenda.put(self.now + time, what);
    }

    /// A person files something. What is answered is written down.
    pub fn file(&mut self, unit: &Unit, request: &v1::FileRequest) -> Option<DocId> {
        self.stations[unit].engine.as_ref()?;
        let ticket = self.ask(unit, request.clone(), None);
        self.run_until(|world| world.answers.contains_key(&ticket));
        self.answers.remove(&ticket).flatten()
    }

    /// A person hands something in; the ticket says what comes of it.
    fn ask(&mut self, unit: &Unit, request: v1::FileRequest, wish: Option<usize>) -> u64 {
        let ticket = self.ticket(unit, wish);
        self.tell(unit, Command::File { ticket, request: Box::new(request) });
        ticket
    }

    fn ticket(&mut self, unit: &Unit, wish: Option<usize>) -> u64 {
        self.next_ticket += 1;
        let ticket = Ticket { unit: unit.clone(), destinations: Vec::new(), incident: None, wish };
        self.tickets.insert(self.next_ticket, ticket);
        self.next_ticket
    }

    /// An operator has everything tried again that waits for him.
    pub fn retry(&mut self, unit: &Unit) {
        let held: Vec<Event> = self.look(unit, |desk| {
            let waiting = |queue: &Queue| queue.entries().map(|entry| entry.run.clone()).collect();
            desk.post.queues().map(|(peer, queue)| Event::Retry { peer: peer.clone(), runs: waiting(queue) }).collect()
        });
        held.into_iter().for_each(|event| self.tell(unit, Command::Post(event)));
    }

    /// Somebody claims that what he writes takes the place of another office's document.
    pub fn file_superseding(&mut self, unit: &Unit, request: &v1::FileRequest, of_another: DocId) {
        let mut draft = self.look(unit, |desk| plan::draft(desk, request)).unwrap();
        draft.header.supersedes = of_another.to_bytes();
        self.tell(unit, Command::Post(Event::File { ticket: 0, drafts: vec![draft] }));
    }

    /// The next frame a station has sent its parent comes twice.
    pub fn double_a_frame(&mut self, child: &Unit) {
        self.lines.get_mut(child).unwrap().upward.double_one();
        self.pump(child, true);
    }

    /// Loses the next frame a station has sent its parent, the line holding: a fault no line should have.
    pub fn lose_a_frame(&mut self, child: &Unit) {
        self.frames_lost = true;
        self.lines.get_mut(child).unwrap().upward.lose_one();
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
            self.tell(child, Command::Post(Event::Answered { peer: parent.clone(), answers }));
        }
    }

    /// Everybody lives, every line holds, and everything is carried to its end, if it comes to one within twelve hours.
    pub fn heal_everything(&mut self) {
        self.all_is_well();
        let until = self.now + Duration::from_secs(12 * 3600);
        while self.now < until && !self.is_quiet() {
            self.retry_what_is_held();
            self.run(Duration::from_secs(2));
        }
    }

    /// Whether nothing waits anywhere.
    fn is_quiet(&self) -> bool {
        self.tickets.is_empty()
            && self.people.are_content()
            && self.lines.values().all(|line| line.is_up() && line.upward.is_idle() && line.downward.is_idle())
            && self.stations.values().all(Station::is_quiet)
    }

    fn waiting(&self) -> String {
        let mut all = String::new();
        for (unit, station) in &self.stations {
            let Some(engine) = &station.engine else {
                all += &format!("{unit} is down; ");
                continue;
            };
            for (peer, queue) in engine.post().queues() {
                for entry in queue.entries().take(3) {
                    all += &format!("{unit}→{peer} {:?} {:?}; ", entry.run, entry.state);
                }
            }
            for gap in engine.post().gaps().take(3) {
                all += &format!("{unit} misses {gap:?}; ");
            }
        }
        for (child, line) in self.lines.iter().filter(|(_, line)| !line.is_up()) {
            all += &format!("the line of {child} is down ({} in vain); ", line.attempts);
        }
        format!("{all}{} wait at desks, people are content: {}", self.tickets.len(), self.people.are_content())
    }

    fn way(&mut self, from: &Unit, to: &Unit) -> (Unit, bool) {
        let up = self.topology.parent(from) == Some(to);
        (if up { from } else { to }.clone(), up)
    }

    fn send(&mut self, from: &Unit, to: &Unit, put: impl FnOnce(&mut line::Way) -> Result<(), String>) {
        let (child, up) = self.way(from, to);
        let line = self.lines.get_mut(&child).unwrap();
        let believed = *line.end(!up);
        if line.holds && believed == Some(line.connection) {
            if let Err(why) = put(line.way(up)) {
                panic!("seed {}: unbounded: {why}, from {from} to {to}", self.seed);
            }
            self.pump(&child, up);
        }
    }

    fn send_frame(&mut self, from: &Unit, to: &Unit, frame: Frame) {
        self.send(from, to, |way| {
            way.send(frame);
            Ok(())
        });
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

    /// It is this late.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap() = now;
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
