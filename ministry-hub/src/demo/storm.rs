//! What goes wrong in `--scenario link-storm`: an endless plan that follows from the seed alone.
//!
//! Promises: what is cut is healed and what is killed is revived, within seconds; nothing is broken twice at once;
//! never more than a third of the stations is down.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    time::Duration,
};

use node::topology::Unit;
use serde::{Deserialize, Serialize};

use super::{
    dice::Dice,
    words::{Words, words},
};

/// The stream of the dice the storm throws.
const STREAM: u64 = 0x5707;
/// Between two strokes.
const GAP: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(2_000));
/// How long a line stays cut.
const CUT_FOR: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));
/// How long a station stays dead.
const DEAD_FOR: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(6));

/// One thing done to a station or to the line to its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Deed {
    Cut,
    Heal,
    Kill,
    Revive,
}

impl Deed {
    /// What happened, for people.
    pub(crate) fn words(self) -> Words {
        match self {
            Self::Cut => words("线路中断", "line cut"),
            Self::Heal => words("线路恢复", "line healed"),
            Self::Kill => words("进程被强杀(kill -9)", "process killed (kill -9)"),
            Self::Revive => words("重新启动", "started again"),
        }
    }
}

/// A deed and its time, counted from the start of the storm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stroke {
    pub(crate) at: Duration,
    pub(crate) unit: Unit,
    pub(crate) deed: Deed,
}

/// The plan.
#[derive(Debug)]
pub(crate) struct Storm {
    dice: Dice,
    stations: Vec<Unit>,
    root: Unit,
    next: Duration,
    /// Repairs that are due.
    due: BinaryHeap<Reverse<Stroke>>,
    cut: BTreeSet<Unit>,
    dead: BTreeSet<Unit>,
}

impl Storm {
    /// The storm of one seed over these stations; the root has no line to cut.
    pub(crate) fn new(seed: u64, root: Unit, stations: Vec<Unit>) -> Self {
        let mut dice = Dice::new(seed, STREAM);
        let next = dice.between(GAP.0, GAP.1);
        Self { dice, stations, root, next, due: BinaryHeap::new(), cut: BTreeSet::new(), dead: BTreeSet::new() }
    }

    fn repair(&mut self, stroke: &Stroke) {
        match stroke.deed {
            Deed::Heal => self.cut.remove(&stroke.unit),
            _ => self.dead.remove(&stroke.unit),
        };
    }

    /// Tries one new stroke; none if the dice named something already broken.
    fn strike(&mut self) -> Option<Stroke> {
        let at = self.next;
        self.next += self.dice.between(GAP.0, GAP.1);
        let unit = self.stations.get(self.dice.below(self.stations.len()))?.clone();
        let kill = self.dice.below(3) == 0 || unit == self.root;
        let (broken, lasting, deed, repair) = if kill {
            if self.dead.len() >= (self.stations.len() / 3).max(1) {
                return None;
            }
            (&mut self.dead, DEAD_FOR, Deed::Kill, Deed::Revive)
        } else {
            (&mut self.cut, CUT_FOR, Deed::Cut, Deed::Heal)
        };
        if !broken.insert(unit.clone()) {
            return None;
        }
        let mended = at + self.dice.between(lasting.0, lasting.1);
        self.due.push(Reverse(Stroke { at: mended, unit: unit.clone(), deed: repair }));
        Some(Stroke { at, unit, deed })
    }
}

impl Iterator for Storm {
    type Item = Stroke;

    fn next(&mut self) -> Option<Stroke> {
        if self.stations.is_empty() {
            return None;
        }
        loop {
            if self.due.peek().is_some_and(|due| due.0.at <= self.next) {
                let Reverse(stroke) = self.due.pop()?;
                self.repair(&stroke);
                return Some(stroke);
            }
            if let Some(stroke) = self.strike() {
                return Some(stroke);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn strokes(seed: u64, count: usize) -> Vec<Stroke> {
        let units: Vec<Unit> =
            ["000000", "350000", "420000", "420100", "420500"].map(|unit| Unit::parse(unit).unwrap()).to_vec();
        Storm::new(seed, units[0].clone(), units).take(count).collect()
    }

    #[test]
    fn the_seed_says_it_all() {
        assert_eq!(strokes(42, 200), strokes(42, 200));
        assert_ne!(strokes(42, 200), strokes(43, 200));
    }

    #[test]
    fn time_goes_forward_and_everything_broken_is_mended() {
        let strokes = strokes(7, 2_000);
        assert!(strokes.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let mut broken: BTreeMap<(Unit, bool), Duration> = BTreeMap::new();
        for stroke in strokes {
            let line = matches!(stroke.deed, Deed::Cut | Deed::Heal);
            assert!(!(line && stroke.unit.as_str() == "000000"), "the ministry has no line to a parent");
            let key = (stroke.unit, line);
            match stroke.deed {
                Deed::Cut | Deed::Kill => assert_eq!(broken.insert(key, stroke.at), None, "broken twice"),
                Deed::Heal | Deed::Revive => {
                    let since = broken.remove(&key).unwrap();
                    assert!(stroke.at - since <= CUT_FOR.1);
                }
            }
            assert!(broken.keys().filter(|(_, line)| !line).count() <= 1, "too many dead at once");
        }
    }

    #[test]
    fn all_four_deeds_happen() {
        let seen: BTreeSet<Deed> = strokes(1, 100).into_iter().map(|stroke| stroke.deed).collect();
        assert_eq!(seen.len(), 4);
    }
}
