//! What goes wrong, drawn for each seed: every kind of trouble has a rate and an extent, or does not occur at all, so that
//! some seeds have all of it and some very little.
//!
//! | trouble | from – to |
//! |---|---|
//! | tree | 1–3 provinces, 1–4 districts each, up to 2 districts directly under the ministry |
//! | lines | 5–800 ms one way, jitter up to 3 s, 300 bit/s – 1 Mbit/s |
//! | connections that break | every 1 min – 4 h |
//! | pauses of a line | 1–60 s, one way or both, every 1 min – 4 h |
//! | partitions | every 10 min – 8 h for 30 s – 3 h: one line, one way of it, all lines, a line that flaps |
//! | crashes | every 20 min – 12 h in the country, for 10 s – 1 h; half of them within a commit; all stations at once in one seed of ten; with the index lost, or in peace, now and then |
//! | commits | 1 ms – 2 s |
//! | disks that are full, or use their reserve | every 1–8 h for 1 min – 2 h |
//! | reads that fail their checksum | 1–10 of a thousand |
//! | wall clocks | wrong by up to 2 s; jumps of seconds to ten years either way every 1–8 h; drift of 500 ppm |
//! | stations that stand still | 1–120 s, every 10 min – 4 h |
//! | people | 0.1–10 times four documents an hour; bursts of up to 300; one hot incident; one precedence or all; bodies of up to 200 KB |
//! | retention | none, or 15 min – 24 h |
//!
//! Loss and doubling of single frames is not here: TCP does not do that. A connection breaks, what was on it is lost, and
//! what was not answered is offered again. Disks that are lost or come back from a backup lose what only they had, so they
//! are tried apart (`tests/sim/rebuilt.rs`). Records that are altered for good are not here: stations do not promise to
//! survive that.

use std::time::Duration;

use node::topology::Unit;

use super::{World, agenda::Happening, disk::Room, line::Nature};
use crate::dice::Dice;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Trouble {
    Break,
    Pause,
    Partition,
    Crash,
    Full,
    Jump,
    Standstill,
    People,
    Burst,
}

/// What can go wrong with a country of a seed, and how often.
#[derive(Debug, Clone, Default)]
pub(super) struct Weather {
    /// Once in so long on average.
    rates: Vec<(Trouble, Duration)>,
    /// How long partitions and crashes last on average.
    partitions_last: Duration,
    pub(super) repairs_take: Option<Duration>,
    full_lasts: Duration,
    all_at_once: bool,
    /// Microseconds a clock jumps by at the most.
    jumps: u64,
    pub(super) people: Habits,
}

/// What people of a seed write.
#[derive(Debug, Clone, Default)]
pub(super) struct Habits {
    pub(super) one_precedence: bool,
    pub(super) hot_incident: bool,
    /// Bytes of a text, at the most.
    pub(super) longest: u64,
    pub(super) burst: u64,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

fn seconds(dice: &mut Dice, least: u64, most: u64) -> Duration {
    Duration::from_secs(dice.spread(least, most))
}

impl Weather {
    /// The rates of a seed.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let mut rates = Vec::new();
        let mut rate = |dice: &mut Dice, trouble, percent, least, most| {
            let every = seconds(dice, least, most);
            if dice.chance(percent) {
                rates.push((trouble, every));
            }
        };
        rate(dice, Trouble::Break, 60, MINUTE, 4 * HOUR);
        rate(dice, Trouble::Pause, 50, MINUTE, 4 * HOUR);
        rate(dice, Trouble::Partition, 60, 10 * MINUTE, 8 * HOUR);
        rate(dice, Trouble::Crash, 70, 20 * MINUTE, 12 * HOUR);
        rate(dice, Trouble::Full, 30, HOUR, 8 * HOUR);
        rate(dice, Trouble::Jump, 30, HOUR, 8 * HOUR);
        rate(dice, Trouble::Standstill, 40, 10 * MINUTE, 4 * HOUR);
        rate(dice, Trouble::Burst, 20, 3 * HOUR, 24 * HOUR);
        // Four documents an hour in the whole country, or a tenth of that, or ten times.
        rate(dice, Trouble::People, 100, 90, 9000);
        let jumps = if dice.chance(50) { 3600 } else { 10 * 365 * 86_400 };
        Self {
            rates,
            partitions_last: seconds(dice, 30, 3 * HOUR) / 2,
            repairs_take: Some(seconds(dice, 10, HOUR) / 2),
            full_lasts: seconds(dice, MINUTE, 2 * HOUR) / 2,
            all_at_once: dice.chance(10),
            jumps: jumps * 1_000_000,
            people: Habits {
                one_precedence: dice.chance(25),
                hot_incident: dice.chance(25),
                longest: if dice.chance(20) { 200_000 } else { 2000 },
                burst: dice.spread(4, 300),
            },
        }
    }
}

impl Weather {
    pub(super) fn has_jumps(&self) -> bool {
        self.rates.iter().any(|(trouble, _)| *trouble == Trouble::Jump)
    }
}

impl World {
    /// Stations, lines and disks get their nature, and trouble begins.
    pub(super) fn begin_trouble(&mut self) {
        let dice = &mut self.dice;
        let (slowest, farthest) = (dice.spread(300, 1_000_000), dice.spread(5, 800));
        let (jitter, commit) = (if dice.chance(50) { dice.spread(1, 3000) } else { 0 }, dice.spread(1, 2000));
        for line in self.lines.values_mut() {
            line.nature = Nature {
                latency: Duration::from_millis(dice.spread(5, farthest.max(6))),
                jitter: Duration::from_millis(jitter),
                rate: dice.spread(slowest, 1_000_000),
            };
        }
        let (misreads, wrong, drift) = (dice.chance(20), dice.chance(50), dice.chance(30));
        for station in self.stations.values_mut() {
            station.commit = Duration::from_millis(dice.spread(1, commit.max(2)));
            station.ahead_us = if wrong { i64::try_from(dice.below(4_000_000)).unwrap() - 2_000_000 } else { 0 };
            station.drift_ppm = if drift { i64::try_from(dice.below(1000)).unwrap() - 500 } else { 0 };
            let of_a_thousand = dice.spread(1, 10);
            station.disk.set(|disk| disk.misreads = if misreads { of_a_thousand } else { 0 });
        }
        for (trouble, every) in self.weather.rates.clone() {
            let wait = self.dice.wait(every);
            self.after(wait, Happening::Strikes(trouble));
        }
    }

    /// Trouble strikes, and will again, unless all is well by now.
    pub(super) fn strikes(&mut self, trouble: Trouble) {
        if self.healed {
            return;
        }
        let every =
            self.weather.rates.iter().find(|(kind, _)| *kind == trouble).map_or(Duration::MAX / 4, |rate| rate.1);
        let wait = self.dice.wait(every);
        self.after(wait, Happening::Strikes(trouble));
        let unit = self.dice.pick(&self.units()).clone();
        let child = self.dice.pick(&self.children()).clone();
        match trouble {
            Trouble::Break => {
                if self.lines[&child].holds {
                    self.break_off(&child, None);
                }
            }
            Trouble::Pause => {
                let time = Duration::from_secs(self.dice.spread(1, 60));
                let way = self.dice.below(3);
                [true, false]
                    .into_iter()
                    .filter(|up| way != usize::from(*up))
                    .for_each(|up| self.block(&child, up, time));
            }
            Trouble::Partition => self.part(&child),
            Trouble::Crash => self.strike_down(&unit),
            Trouble::Full => {
                let lasts = self.dice.wait(self.weather.full_lasts);
                let room = *self.dice.pick(&[Room::Little, Room::None]);
                self.stations[&unit].disk.set(|disk| disk.room = room);
                self.after(lasts, Happening::Frees { unit });
                self.sum.full += 1;
            }
            Trouble::Jump => self.jump(&unit),
            Trouble::Standstill => {
                let time = Duration::from_secs(self.dice.spread(1, 120));
                self.stations.get_mut(&unit).unwrap().stopped_until = self.now + time;
                for child in self.children() {
                    if child == unit || self.topology.parent(&child) == Some(&unit) {
                        self.block(&child, child == unit, time);
                    }
                }
                self.after(time, Happening::GoesOn { unit });
            }
            Trouble::People => self.wish(),
            Trouble::Burst => {
                for _ in 0..self.weather.people.burst {
                    self.wish_at(&unit);
                }
            }
        }
    }

    /// Back or forth, but never further away from the truth than that.
    fn jump(&mut self, unit: &Unit) {
        let by = i64::try_from(self.dice.spread(1_000_000, self.weather.jumps)).unwrap();
        self.stations.get_mut(unit).unwrap().ahead_us = if self.dice.chance(50) { by } else { -by };
        self.sum.jumps += 1;
    }

    /// The last thing before everything heals: what waits for a time now, waits by a clock that is wrong from now on.
    pub(super) fn last_jumps(&mut self) {
        for unit in self.units() {
            if self.weather.has_jumps() && self.dice.chance(50) {
                self.jump(&unit);
            }
        }
    }

    fn part(&mut self, child: &Unit) {
        self.sum.partitions += 1;
        let lasts = self.dice.wait(self.weather.partitions_last) + Duration::from_secs(1);
        match self.dice.below(4) {
            0 => [true, false].into_iter().for_each(|up| self.block(child, up, lasts)),
            1 => {
                let up = self.dice.chance(50);
                self.block(child, up, lasts);
            }
            2 => {
                for child in self.children() {
                    [true, false].into_iter().for_each(|up| self.block(&child, up, lasts));
                }
            }
            _ => {
                let times = self.dice.between(2, 40);
                self.flaps(child, times);
            }
        }
    }

    pub(super) fn flaps(&mut self, child: &Unit, left: u64) {
        if self.healed || left == 0 {
            return;
        }
        if self.lines[child].holds {
            self.break_off(child, None);
        }
        let down = self.dice.up_to(Duration::from_secs(20));
        [true, false].into_iter().for_each(|up| self.block(child, up, down));
        let wait = down + self.dice.up_to(Duration::from_secs(20));
        self.after(wait, Happening::Flaps { child: child.clone(), left: left - 1 });
    }

    fn strike_down(&mut self, unit: &Unit) {
        let units = if self.weather.all_at_once { self.units() } else { vec![unit.clone()] };
        for unit in units {
            match self.dice.below(20) {
                0..10 if self.stations[&unit].engine.is_some() => {
                    self.stations.get_mut(&unit).unwrap().doomed = true;
                    continue;
                }
                10 => {
                    self.crash(&unit);
                    self.lose_index(&unit);
                }
                11..14 => self.stop(&unit),
                _ => self.crash(&unit),
            }
            self.starts_later(&unit);
        }
    }

    /// Somebody will start it, if stations are looked after in this country.
    pub(super) fn starts_later(&mut self, unit: &Unit) {
        if let Some(mean) = self.weather.repairs_take {
            let wait = self.dice.wait(mean) + Duration::from_secs(5);
            self.after(wait, Happening::Starts { unit: unit.clone() });
        }
    }

    /// A disk has only its reserve left.
    pub fn fill(&mut self, unit: &Unit) {
        self.stations[unit].disk.set(|disk| disk.room = Room::Little);
        self.sum.full += 1;
    }

    /// A disk has room again.
    pub fn free(&mut self, unit: &Unit) {
        self.stations[unit].disk.set(|disk| disk.room = Room::Enough);
    }

    /// Somebody sets a station's clock to so many seconds from the truth.
    pub fn set_clock(&mut self, unit: &Unit, seconds: i64) {
        self.stations.get_mut(unit).unwrap().ahead_us = seconds * 1_000_000;
    }
}
