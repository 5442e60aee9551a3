//! A country of whole stations in one thread: the product's own links over real TLS and HTTP/2, its engine loop and its
//! desk, on the network and the clock of [`turmoil`], over disks in memory.
//!
//! What [`world`](crate::world) tries a million times over with frames of its own making is tried here with all that lies
//! between two post offices in a station: handshakes, streams, flow control, heartbeats, back-off, the two lanes, answers
//! that wait to be shared. One seed decides everything: what people write, when a station is killed, which line loses,
//! delays or swallows what is on it, and for how long. Then all is healed, and everything acknowledged is demanded.

mod network;
mod office;
mod station;

use std::{
    collections::BTreeMap,
    fs,
    ops::AddAssign,
    path::PathBuf,
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

use node::{
    identity::Identity,
    post::Me,
    topology::{Topology, Unit},
};

use self::station::{Station, Trace, host};
use crate::{
    country::{COUNTRY, tier_of},
    dice::Dice,
    world::{
        Plant,
        disk::{Platter, Room},
    },
};

/// When a country begins: as late as its certificates are old.
const EPOCH_US: i64 = 1_700_000_000_000_000;
/// The network looks at the time so often.
const TICK: Duration = Duration::from_millis(20);
/// Trouble lasts so long.
const TROUBLED: Duration = Duration::from_secs(90);
/// One trouble every so often, on average.
const TROUBLE_EVERY: Duration = Duration::from_secs(4);
/// After which everything must be where it belongs: a back-off, a handshake that is waited for, and an offer's patience.
const PATIENCE: Duration = Duration::from_secs(600);

/// What one life, or many, came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lived {
    /// Lives.
    pub lives: u64,
    /// Seconds until the last of it was where it belongs.
    pub seconds: u64,
    /// Documents that people were told are filed.
    pub acknowledged: usize,
    /// Stations killed.
    pub crashes: u64,
    /// Commits that failed, and took their station with them.
    pub failures: u64,
    /// Lines cut, one way or both.
    pub cuts: u64,
    /// Lines on which everything waited for a while, or some of it was lost.
    pub bad_lines: u64,
    /// What happened, as one number. Not a sum.
    pub trace: u64,
}

impl AddAssign for Lived {
    fn add_assign(&mut self, more: Self) {
        self.lives += more.lives;
        self.seconds += more.seconds;
        self.acknowledged += more.acknowledged;
        self.crashes += more.crashes;
        self.failures += more.failures;
        self.cuts += more.cuts;
        self.bad_lines += more.bad_lines;
        self.trace ^= more.trace;
    }
}

/// What is done when a trouble is over.
#[derive(Debug, Clone)]
enum Mend {
    Revive(Unit),
    Repair(Unit),
    Release(Unit),
    Carry(Unit),
    Room(Unit),
}

/// Lives one life of a country, with this wrong with it.
pub fn live(seed: u64, plant: Plant) -> Lived {
    let mut dice = Dice::new(seed);
    let mut country = Country::found(seed, plant, &mut dice);
    let mut next = dice.wait(TROUBLE_EVERY);
    while country.sim.elapsed() < TROUBLED {
        country.step();
        if country.sim.elapsed() >= next {
            country.strike(&mut dice);
            next += dice.wait(TROUBLE_EVERY);
        }
    }
    country.heal();
    // What is planted comes out soon, or not at all.
    country.finish(if plant == Plant::Nothing { PATIENCE } else { PATIENCE / 5 })
}

struct Country {
    seed: u64,
    sim: turmoil::Sim<'static>,
    stations: BTreeMap<String, Arc<Station>>,
    topology: Arc<Topology>,
    mends: Vec<(Duration, Mend)>,
    down: Vec<Unit>,
    lived: Lived,
    trace: Arc<Trace>,
    dice: Dice,
    // Files of stations; none is written, but the folders have to be there.
    _files: tempfile::TempDir,
}

impl Country {
    fn found(seed: u64, plant: Plant, dice: &mut Dice) -> Self {
        let farthest = Duration::from_millis(dice.spread(2, 800));
        let mut sim = turmoil::Builder::new()
            .rng_seed(dice.roll())
            .tick_duration(TICK)
            .simulation_duration(TROUBLED + 2 * PATIENCE)
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(farthest)
            .tcp_capacity(1 << 16)
            .build();
        let topology = Arc::new(Topology::parse(COUNTRY).unwrap());
        let files = tempfile::tempdir().unwrap();
        let trace = Arc::new(Trace::default());
        let mut stations = BTreeMap::new();
        for place in topology.places() {
            let unit = place.unit.clone();
            let me = Me { unit: unit.clone(), topology: topology.clone() };
            let folder = files.path().join(unit.as_str());
            fs::create_dir(&folder).unwrap();
            let disk = Platter::new(plant, Dice::new(dice.roll()));
            let station = Station::new(seed, me, identity(&unit), folder, disk, dice, trace.clone());
            let station = Arc::new(station);
            stations.insert(host(&unit), station.clone());
            sim.host(host(&unit), move || station.clone().live());
        }
        let (mends, down, lived) = (Vec::new(), Vec::new(), Lived { lives: 1, ..Lived::default() });
        let dice = Dice::new(dice.roll());
        Self { seed, sim, stations, topology, mends, down, lived, trace, dice, _files: files }
    }

    /// A little time passes.
    fn step(&mut self) {
        if let Err(error) = self.sim.step() {
            panic!("seed {}: {error}", self.seed);
        }
        let fallen = |station: &&Arc<Station>| station.fell.swap(false, Ordering::Relaxed);
        let fallen: Vec<Unit> = self.stations.values().filter(fallen).map(|station| station.unit.clone()).collect();
        for unit in fallen {
            self.lived.failures += 1;
            self.kill(&unit);
        }
        let now = self.sim.elapsed();
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.mends).into_iter().partition(|(at, _)| *at <= now);
        self.mends = later;
        due.into_iter().for_each(|(_, mend)| self.mend(mend));
    }

    fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Revive(unit) => {
                self.down.retain(|down| *down != unit);
                self.sim.bounce(host(&unit));
            }
            Mend::Repair(child) => self.on_line(&child, |sim, below, above| sim.repair(below, above)),
            Mend::Release(child) => self.on_line(&child, |sim, below, above| sim.release(below, above)),
            Mend::Carry(child) => self.on_line(&child, |sim, below, above| sim.set_link_fail_rate(below, above, 0.0)),
            Mend::Room(unit) => self.station(&unit).disk.set(|disk| disk.room = Room::Enough),
        }
    }

    fn on_line(&mut self, child: &Unit, what: impl FnOnce(&mut turmoil::Sim<'static>, String, String)) {
        let parent = self.topology.parent(child).unwrap();
        what(&mut self.sim, host(child), host(parent));
    }

    fn station(&self, unit: &Unit) -> &Arc<Station> {
        &self.stations[&host(unit)]
    }

    fn later(&mut self, most: u64, mend: Mend) {
        let after = Duration::from_millis(self.dice.spread(50, most));
        self.mends.push((self.sim.elapsed() + after, mend));
    }

    /// The process is gone, and what the disk had not confirmed with it.
    fn kill(&mut self, unit: &Unit) {
        if self.down.contains(unit) {
            return;
        }
        self.sim.crash(host(unit));
        let mut dice = self.dice.clone();
        self.station(unit).disk.crash(&mut dice);
        self.dice = dice;
        self.down.push(unit.clone());
        self.later(20_000, Mend::Revive(unit.clone()));
    }

    fn strike(&mut self, dice: &mut Dice) {
        let units: Vec<Unit> = self.topology.places().map(|place| place.unit.clone()).collect();
        let children: Vec<Unit> = units.iter().filter(|unit| self.topology.parent(unit).is_some()).cloned().collect();
        let (unit, child) = (dice.pick(&units).clone(), dice.pick(&children).clone());
        match dice.below(12) {
            0..3 => {
                self.lived.crashes += 1;
                self.kill(&unit);
            }
            3..5 => {
                self.lived.cuts += 1;
                self.on_line(&child, |sim, below, above| sim.partition(below, above));
                self.later(40_000, Mend::Repair(child));
            }
            5 => {
                self.lived.cuts += 1;
                let up = dice.chance(50);
                self.on_line(&child, |sim, below, above| match up {
                    true => sim.partition_oneway(below, above),
                    false => sim.partition_oneway(above, below),
                });
                self.later(40_000, Mend::Repair(child));
            }
            6 => {
                self.lived.bad_lines += 1;
                self.on_line(&child, |sim, below, above| sim.hold(below, above));
                self.later(20_000, Mend::Release(child));
            }
            7 => {
                self.lived.bad_lines += 1;
                let lost = f64::from(u32::try_from(dice.between(1, 100)).unwrap()) / 1000.0;
                self.on_line(&child, |sim, below, above| sim.set_link_fail_rate(below, above, lost));
                self.later(20_000, Mend::Carry(child));
            }
            8 | 9 => self.station(&unit).disk.tear_after(Some(dice.below(4))),
            10 => {
                let room = if dice.chance(50) { Room::Little } else { Room::None };
                self.station(&unit).disk.set(|disk| disk.room = room);
                self.later(30_000, Mend::Room(unit));
            }
            _ => {
                // Hours mostly; a year makes its certificate, or its neighbours', invalid for a while.
                let most = if dice.chance(10) { 366 * 86_400 } else { 7200 };
                let by = i64::try_from(dice.spread(1, most)).unwrap() * 1_000_000;
                let by = if dice.chance(50) { by } else { -by };
                self.station(&unit).clock.ahead_us.store(by, Ordering::Relaxed);
            }
        }
    }

    /// Everything works again, and people finish what they are about.
    fn heal(&mut self) {
        for (_, mend) in std::mem::take(&mut self.mends) {
            self.mend(mend);
        }
        for station in self.stations.values() {
            station.disk.tear_after(None);
            station.clock.ahead_us.store(0, Ordering::Relaxed);
            station.office().closing = true;
        }
    }

    /// Until everything is where it belongs.
    fn finish(mut self, patience: Duration) -> Lived {
        let until = self.sim.elapsed() + patience;
        let mut looked = Duration::ZERO;
        let mut missing = String::new();
        while self.sim.elapsed() < until {
            self.step();
            if self.sim.elapsed() < looked {
                continue;
            }
            looked = self.sim.elapsed() + Duration::from_secs(2);
            match office::judge(self.seed, &self.stations) {
                Ok(()) => {
                    self.lived.seconds = self.sim.elapsed().as_secs();
                    self.lived.acknowledged =
                        self.stations.values().map(|station| station.office().acknowledged.len()).sum();
                    self.lived.trace = self.trace.number();
                    return self.lived;
                }
                Err(why) => missing = why,
            }
        }
        panic!("seed {}: {} s after everything healed: {missing}", self.seed, patience.as_secs());
    }
}

/// Who a station is. Certificates are made once: no life depends on their bytes.
fn identity(unit: &Unit) -> Arc<Identity> {
    static MADE: OnceLock<BTreeMap<Unit, Arc<Identity>>> = OnceLock::new();
    let all = MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let topology = Arc::new(Topology::parse(COUNTRY).unwrap());
        let now = time::OffsetDateTime::from_unix_timestamp(EPOCH_US / 1_000_000).unwrap();
        let authority = certs::Authority::create("trial", &topology.network.trust_domain, now).unwrap();
        let made = topology.places().map(|place| {
            let folder: PathBuf = dir.path().join(place.unit.as_str());
            let bundle = authority.issue_station(tier_of(place.tier), place.unit.as_str(), now).unwrap();
            bundle.write(&folder, COUNTRY).unwrap();
            (place.unit.clone(), Arc::new(Identity::load(&folder, topology.clone()).unwrap()))
        });
        made.collect()
    });
    all[unit].clone()
}
