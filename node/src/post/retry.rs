//! When to try again: full-jitter exponential back-off, its dice drawn from the thing that is retried, so that the
//! same history waits the same time and a thousand stations do not return in step.

use std::time::Duration;

use crate::limits::{RETRY_FIRST, RETRY_LONGEST};

/// The wait before attempt number `attempt` (1 = the first retry) of the thing `seed` names.
pub fn wait(attempt: u32, seed: &[u8]) -> Duration {
    let ceiling = RETRY_FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(RETRY_LONGEST);
    let mut named = seed.to_vec();
    named.extend_from_slice(&attempt.to_be_bytes());
    let dice = crc32c::crc32c(&named);
    // Never zero: a peer that answers "not now" at once must not be asked in a tight loop.
    ceiling.mul_f64(0.1 + 0.9 * f64::from(dice) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_stays_bounded() {
        for attempt in 1..200 {
            let wait = wait(attempt, b"R-420100-0919-0007");
            assert!(wait <= RETRY_LONGEST);
            assert!(wait >= RETRY_FIRST / 10);
        }
    }

    #[test]
    fn two_stations_do_not_return_in_step() {
        let waits: std::collections::BTreeSet<_> = (0..100u8).map(|station| wait(8, &[station])).collect();
        assert!(waits.len() > 95);
    }

    #[test]
    fn the_same_history_waits_the_same() {
        assert_eq!(wait(3, b"x"), wait(3, b"x"));
    }
}
