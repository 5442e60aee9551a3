//! One life of a country: trouble for a day, then everything heals; within twelve hours all must be done, and stay quiet.

use std::{fmt, ops::AddAssign, time::Duration};

use super::{Plant, World, trouble::Weather};
use crate::dice::Dice;

/// Trouble lasts for this long.
const TROUBLE: Duration = Duration::from_secs(24 * 3600);
/// Afterwards everything is done within this.
const DONE_WITHIN: Duration = Duration::from_secs(12 * 3600);
/// How often somebody looks whether it is.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Which life.
#[derive(Debug, Clone, Copy, Default)]
pub struct Life {
    /// Everything that is drawn comes from this.
    pub seed: u64,
    /// What is wrong with this country.
    pub plant: Plant,
    /// Stations forget what is settled and older than this; if not given, as the seed has it.
    pub retention: Option<Duration>,
    /// Whether everything that happens is printed.
    pub loud: bool,
}

/// What happened, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Sum {
    pub lives: u64,
    pub hours: u64,
    pub events: u64,
    pub commits: u64,
    pub filed: u64,
    pub refused: u64,
    pub crashes: u64,
    pub partitions: u64,
    pub full: u64,
    pub jumps: u64,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, more: Self) {
        self.lives += more.lives;
        self.hours += more.hours;
        self.events += more.events;
        self.commits += more.commits;
        self.filed += more.filed;
        self.refused += more.refused;
        self.crashes += more.crashes;
        self.partitions += more.partitions;
        self.full += more.full;
        self.jumps += more.jumps;
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lives, hours, events, commits, filed, refused, crashes, partitions, full, jumps } = self;
        write!(
            f,
            "{lives} lives, {hours} simulated hours: {events} events, {commits} commits, {filed} documents acknowledged \
             ({refused} refused), {crashes} crashes, {partitions} partitions, {full} full disks, {jumps} clock jumps"
        )
    }
}

impl Life {
    /// The life of a seed in which nothing is wrong but what the seed brings.
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Lives it, and judges it.
    pub fn live(self) -> World {
        let mut dice = Dice::new(self.seed);
        let tree = tree(&mut dice);
        let weather = Weather::draw(&mut dice);
        let retention = dice.chance(25).then(|| Duration::from_secs(dice.spread(900, 24 * 3600)));
        let mut world = World::asleep(self.seed, &tree, self.plant, dice);
        (world.weather, world.loud) = (weather, self.loud);
        world.retention = self.retention.or(retention);
        if self.loud {
            println!("{tree}\n{:?}\nretention {:?}", world.weather, world.retention);
        }
        world.begin_trouble();
        world.units().iter().for_each(|unit| world.start(unit));
        world.run(TROUBLE);
        world.last_jumps();
        world.all_is_well();
        world.finish(DONE_WITHIN);
        world.judge();
        world.sum.lives = 1;
        world.sum.hours = (TROUBLE + DONE_WITHIN).as_secs() / 3600;
        world
    }
}

impl World {
    /// Everything is done within this time, and then nothing happens any more.
    fn finish(&mut self, within: Duration) {
        let until = self.now + within;
        while !self.is_quiet() {
            assert!(self.now < until, "seed {}: stuck: {}", self.seed, self.waiting());
            self.retry_what_is_held();
            self.run(LOOK_EVERY);
        }
        let taken = self.taken.len();
        if self.now < until {
            self.run(until.since(self.now));
        }
        assert!(self.is_quiet(), "seed {}: restless: {}", self.seed, self.waiting());
        assert_eq!(self.taken.len(), taken, "seed {}: restless: something was taken in once all was done", self.seed);
    }

    /// Everything that happened, as one number.
    pub fn trace(&self) -> u64 {
        self.trace.number()
    }
}

/// A ministry, one to three provinces with one to four districts each, and districts without a province.
fn tree(dice: &mut Dice) -> String {
    let mut tree = String::from("[network]\nname = \"trial\"\ntrust_domain = \"trial\"\n");
    let mut station = |unit: &str, tier: &str, parent: Option<&str>| {
        tree += &format!("[[station]]\nunit = \"{unit}\"\ntier = \"{tier}\"\nname = \"{unit}\"\n");
        if let Some(parent) = parent {
            tree += &format!("parent = \"{parent}\"\n");
        }
    };
    station("000000", "ministry", None);
    for province in 0..dice.between(1, 3) {
        let unit = format!("4{province}0000");
        station(&unit, "province", Some("000000"));
        for district in 1..=dice.between(1, 4) {
            station(&format!("4{province}0{district}00"), "district", Some(&unit));
        }
    }
    for alone in 0..dice.between(0, 2) {
        station(&format!("8{alone}0000"), "district", Some("000000"));
    }
    tree
}
