//! Delivery latency by hop, kept for `status`: it must answer whether or not anything is exported.
//!
//! What has been since the start, and quarter of an hour by quarter of an hour for the last few hours, so that a slow hour is seen
//! and is not lost in a quick day.
//!
//! Promises: bounded memory, whatever stations the envelopes claim to have come through; two significant figures
//! from a microsecond to 71 minutes (what [`HopLatency`] can say; longer waits count as that).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;
use proto::v1::{HopLatency, LatencyWindow, Precedence};

use crate::io::Timestamp;

/// Pairs of stations remembered: a country has under 300 hops.
const PAIRS_MAX: usize = 1024;
/// A quarter of an hour, and how many of them are kept besides the one under way.
const WINDOW: Duration = Duration::from_secs(15 * 60);
const WINDOWS: usize = 12;
const FIGURES: u8 = 2;
const PRECEDENCES: usize = 5;

type ByPrecedence = [Option<Box<Histogram<u32>>>; PRECEDENCES];

/// Histograms by hop and precedence; shared between threads by reference.
#[derive(Debug, Default)]
pub struct Latencies {
    hops: Mutex<Hops>,
}

#[derive(Debug, Default)]
struct Hops {
    /// By `from`, then by `to`: looked up without building a key.
    from: BTreeMap<String, BTreeMap<String, Pair>>,
    pairs: usize,
    /// When the window under way began; nobody has said yet = 0.
    began_us: i64,
    past: VecDeque<LatencyWindow>,
}

/// One hop.
#[derive(Debug, Default)]
struct Pair {
    ever: ByPrecedence,
    /// In the window under way.
    lately: Option<Box<Histogram<u32>>>,
}

impl Latencies {
    /// `count` envelopes took this long from one station to the next.
    pub fn record(&self, from: &str, to: &str, precedence: Precedence, took: Duration, count: u64) {
        let us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let mut hops = self.lock();
        let Some(pair) = hops.pair(from, to) else { return };
        let Some(ever) = usize::try_from(i32::from(precedence)).ok().and_then(|at| pair.ever.get_mut(at)) else {
            return;
        };
        for slot in [ever, &mut pair.lately] {
            if slot.is_none() {
                // Starts small and grows with what it sees: most hops only ever see a few milliseconds.
                *slot = Histogram::new(FIGURES).ok().map(Box::new);
            }
            if let Some(histogram) = slot {
                // Cannot fail: the histogram grows to whatever 32 bits can say.
                let _grown = histogram.record_n(us.into(), count);
            }
        }
    }

    /// It is now this late: a window that is over is closed. To be called every few seconds.
    pub fn tick(&self, now: Timestamp) {
        let length = i64::try_from(WINDOW.as_micros()).unwrap_or(i64::MAX);
        let began_us = now.us() - now.us().rem_euclid(length);
        let mut hops = self.lock();
        if hops.began_us != 0 && hops.began_us != began_us {
            let over = hops.window();
            hops.past.push_back(over);
            while hops.past.len() > WINDOWS {
                hops.past.pop_front();
            }
            hops.from.values_mut().flat_map(BTreeMap::values_mut).for_each(|pair| pair.lately = None);
        }
        hops.began_us = began_us;
    }

    /// The windows that are over, and the one under way.
    pub fn windows(&self) -> Vec<LatencyWindow> {
        let hops = self.lock();
        hops.past.iter().cloned().chain([hops.window()]).collect()
    }

    /// What has been seen so far, by hop, the most urgent first.
    pub fn snapshot(&self) -> Vec<HopLatency> {
        let hops = self.lock();
        let pairs = hops.from.iter().flat_map(|(from, to)| to.iter().map(move |(to, pair)| (from, to, &pair.ever)));
        pairs
            .flat_map(|(from, to, slots)| {
                let seen = slots.iter().enumerate().rev().filter_map(|(at, slot)| Some((at, slot.as_deref()?)));
                seen.map(move |(at, histogram)| said(from, to, at, histogram))
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Hops> {
        self.hops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hops {
    fn window(&self) -> LatencyWindow {
        let pairs = self.from.iter().flat_map(|(from, to)| to.iter().map(move |(to, pair)| (from, to, &pair.lately)));
        let hops = pairs.filter_map(|(from, to, lately)| Some(said(from, to, 0, lately.as_deref()?)));
        LatencyWindow { from_us: self.began_us, hops: hops.collect() }
    }

    fn pair(&mut self, from: &str, to: &str) -> Option<&mut Pair> {
        if !self.from.get(from).is_some_and(|pairs| pairs.contains_key(to)) {
            if self.pairs == PAIRS_MAX {
                return None;
            }
            self.pairs += 1;
            self.from.entry(from.to_owned()).or_default().insert(to.to_owned(), Pair::default());
        }
        self.from.get_mut(from)?.get_mut(to)
    }
}

fn said(from: &str, to: &str, precedence: usize, histogram: &Histogram<u32>) -> HopLatency {
    let us = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    HopLatency {
        from: from.to_owned(),
        to: to.to_owned(),
        precedence: i32::try_from(precedence).unwrap_or_default(),
        count: histogram.len(),
        p50_us: us(histogram.value_at_quantile(0.50)),
        p95_us: us(histogram.value_at_quantile(0.95)),
        p99_us: us(histogram.value_at_quantile(0.99)),
        max_us: us(histogram.max()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: u32, expected: u32) -> bool {
        value.abs_diff(expected) <= expected / 100 + 1
    }

    #[test]
    fn a_block_counts_as_many_as_it_holds() {
        let latencies = Latencies::default();
        latencies.record("a", "b", Precedence::Routine, Duration::from_millis(2), 980);
        latencies.record("a", "b", Precedence::Routine, Duration::from_secs(3), 20);
        latencies.record("a", "b", Precedence::TeTi, Duration::from_micros(700), 1);
        latencies.record("b", "c", Precedence::Routine, Duration::from_secs(86_400), 1);
        let said = latencies.snapshot();
        let order: Vec<_> = said.iter().map(|hop| (hop.from.as_str(), hop.precedence)).collect();
        assert_eq!(order, [("a", 4), ("a", 0), ("b", 0)], "the most urgent first");
        assert_eq!(said[1].count, 1000);
        assert!(near(said[1].p50_us, 2000), "{:?}", said[1]);
        assert!(near(said[1].p99_us, 3_000_000), "{:?}", said[1]);
        assert!(near(said[0].max_us, 700), "{:?}", said[0]);
        assert_eq!(said[2].max_us, u32::MAX, "longer than can be said");
    }

    #[test]
    fn a_slow_quarter_of_an_hour_is_seen_after_it_is_over_and_old_ones_go() {
        let latencies = Latencies::default();
        let at = |windows: u32| Timestamp::from_us(1_789_778_650_000_000) + WINDOW * windows;
        latencies.tick(at(0));
        latencies.record("a", "b", Precedence::TeJi, Duration::from_secs(40), 1);
        latencies.tick(at(0));
        latencies.tick(at(1));
        latencies.record("a", "b", Precedence::TeJi, Duration::from_millis(3), 1);
        let windows = latencies.windows();
        let p95: Vec<_> = windows.iter().map(|window| window.hops[0].p95_us).collect();
        assert!(near(p95[0], 40_000_000) && near(p95[1], 3000), "{p95:?}");
        (2..40).for_each(|n| latencies.tick(at(n)));
        assert_eq!(latencies.windows().len(), WINDOWS + 1);
        assert!(latencies.windows().iter().all(|window| window.hops.is_empty()), "no samples, no figures");
        assert_eq!(latencies.snapshot()[0].count, 2, "what has been since the start stays");
    }

    #[test]
    fn invented_stations_cannot_fill_the_memory() {
        let latencies = Latencies::default();
        for n in 0..3 * PAIRS_MAX {
            latencies.record(&format!("{n}"), "x", Precedence::Routine, Duration::from_millis(1), 1);
        }
        latencies.record("0", "x", Precedence::Routine, Duration::from_millis(1), 1);
        let said = latencies.snapshot();
        assert_eq!(said.len(), PAIRS_MAX);
        assert_eq!(said[0].count, 2, "a known pair is still counted");
    }
}
