//! How often each neighbour may call: a bucket of tokens that fills at a steady pace. A child that has lost its line
//! calls again a few times; one that has lost its mind is told to wait.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    io::Timestamp,
    limits::{CALL_EVERY, CALLS_AT_ONCE_MAX},
    topology::Unit,
};

/// The buckets of all neighbours. Cheap to clone; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Allowance(Arc<Mutex<BTreeMap<Unit, Bucket>>>);

/// When it was last known to be full, moved forward by what was taken since: the classic leaky bucket in one number.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    full_at: Timestamp,
}

impl Allowance {
    /// Whether `neighbour` may call now. Neighbours are known by certificate, so there are few.
    pub fn takes(&self, neighbour: &Unit, now: Timestamp) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.entry(neighbour.clone()).or_default().takes(now)
    }
}

impl Bucket {
    fn takes(&mut self, now: Timestamp) -> bool {
        let whole = CALL_EVERY * CALLS_AT_ONCE_MAX;
        // Further ahead than an empty bucket is only what a clock said that has been set back since.
        let before = if self.full_at > now + whole { now } else { self.full_at.max(now) };
        let full_at = before + CALL_EVERY;
        let allowed = full_at.since(now) <= whole;
        if allowed {
            self.full_at = full_at;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_a_steady_pace_and_everybody_for_himself() {
        let allowance = Allowance::default();
        let unit = |text| Unit::parse(text).unwrap();
        let (one, other) = (unit("420100"), unit("420500"));
        let mut now = Timestamp::from_us(1_000_000_000);
        let burst = (0..100).filter(|_| allowance.takes(&one, now)).count();
        assert_eq!(burst, CALLS_AT_ONCE_MAX as usize);
        assert!(allowance.takes(&other, now), "it is not the other's fault");
        for _ in 0..10 {
            now = now + CALL_EVERY;
            assert!(allowance.takes(&one, now));
            assert!(!allowance.takes(&one, now));
        }
        now = now + CALL_EVERY * 1000;
        let burst = (0..100).filter(|_| allowance.takes(&one, now)).count();
        assert_eq!(burst, CALLS_AT_ONCE_MAX as usize, "rest does not add up for ever");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let allowance = Allowance::default();
        let one = Unit::parse("420100").unwrap();
        let wrong = Timestamp::from_us(1_000_000_000_000_000);
        assert!(allowance.takes(&one, wrong));
        let right = Timestamp::from_us(1_000_000_000);
        let burst = (0..100).filter(|_| allowance.takes(&one, right)).count();
        assert_eq!(burst, CALLS_AT_ONCE_MAX as usize);
    }
}
