//! Chance that can be repeated: everything the demo chooses follows from the seed it prints.

use std::time::Duration;

/// A small generator (SplitMix64). Each use takes its own stream, so that one more throw here changes nothing there.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of one stream under one seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut dice = Self(seed ^ stream.wrapping_mul(0xa076_1d64_78bd_642f));
        dice.throw();
        dice
    }

    /// The next 64 bits.
    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; zero if that is zero. The bias is far below anything a demo could show.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.throw() % bound).unwrap_or(0)
    }

    /// A time between two others.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = most.saturating_sub(least);
        let millis = usize::try_from(span.as_millis()).unwrap_or(usize::MAX);
        least + Duration::from_millis(u64::try_from(self.below(millis.saturating_add(1))).unwrap_or(0))
    }

    /// Puts a list into a new order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_everything_and_streams_differ() {
        let throws = |seed, stream| -> Vec<u64> {
            let mut dice = Dice::new(seed, stream);
            (0..8).map(|_| dice.throw()).collect()
        };
        assert_eq!(throws(7, 1), throws(7, 1));
        assert_ne!(throws(7, 1), throws(7, 2));
        assert_ne!(throws(7, 1), throws(8, 1));
    }

    #[test]
    fn shuffling_loses_nobody_and_times_stay_in_their_bounds() {
        let mut dice = Dice::new(1, 1);
        let mut list: Vec<u32> = (0..20).collect();
        dice.shuffle(&mut list);
        assert_ne!(list, (0..20).collect::<Vec<_>>());
        list.sort_unstable();
        assert_eq!(list, (0..20).collect::<Vec<_>>());
        let (least, most) = (Duration::from_millis(10), Duration::from_millis(12));
        assert!((0..50).map(|_| dice.between(least, most)).all(|time| (least..=most).contains(&time)));
    }
}
