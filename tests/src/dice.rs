//! Dice that fall the same way for the same seed, on any machine: whole numbers only.

use std::time::Duration;

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n.max(1) as u64).unwrap()
    }

    /// True in `percent` of all cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.roll() % 100 < percent
    }

    /// One of some things.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.roll() % (most - least + 1)
    }

    /// A number from `least` to `most`, every order of magnitude as likely as the next.
    pub fn spread(&mut self, least: u64, most: u64) -> u64 {
        let doublings = (most / least.max(1)).max(1).ilog2();
        let from = least << self.between(0, doublings.into());
        self.between(from.min(most), (from * 2).min(most))
    }

    /// How long until something happens that happens once in `mean` on average.
    pub fn wait(&mut self, mean: Duration) -> Duration {
        self.up_to(mean * 2)
    }

    /// A time up to `most`.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.between(0, u64::try_from(most.as_micros()).unwrap()))
    }
}
