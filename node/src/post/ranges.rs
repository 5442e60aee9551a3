//! A set of numbers kept as runs: what has been heard of a channel, without an entry per envelope.

use prost::bytes::{Buf, BufMut};

/// Numbers from 1 upward. Almost always a single run from 1; every further run means a gap.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds the numbers `first..=last`.
    pub fn insert(&mut self, first: u64, last: u64) {
        if last < first {
            return;
        }
        let start = self.0.partition_point(|run| run.1.saturating_add(1) < first);
        let end = self.0.partition_point(|run| run.0 <= last.saturating_add(1));
        let (mut first, mut last) = (first, last);
        if start < end {
            first = first.min(self.0[start].0);
            last = last.max(self.0[end - 1].1);
        }
        self.0.splice(start..end, [(first, last)]);
    }

    /// Whether all of `first..=last` is in the set.
    pub fn contains(&self, first: u64, last: u64) -> bool {
        let at = self.0.partition_point(|run| run.1 < first);
        self.0.get(at).is_some_and(|run| run.0 <= first && last <= run.1)
    }

    /// Whether any of `first..=last` is in the set.
    pub fn touches(&self, first: u64, last: u64) -> bool {
        let at = self.0.partition_point(|run| run.1 < first);
        self.0.get(at).is_some_and(|run| run.0 <= last)
    }

    /// The highest n with all of `1..=n` in the set; 0 if there is none.
    pub fn through(&self) -> u64 {
        match self.0.first() {
            Some(&(1, last)) => last,
            _ => 0,
        }
    }

    /// The highest number in the set.
    pub fn highest(&self) -> u64 {
        self.0.last().map_or(0, |run| run.1)
    }

    /// The runs missing below the highest number.
    pub fn gaps(&self) -> Vec<(u64, u64)> {
        let mut next = 1;
        let mut gaps = Vec::new();
        for &(first, last) in &self.0 {
            if first > next {
                gaps.push((next, first - 1));
            }
            next = last.saturating_add(1);
        }
        gaps
    }

    /// Takes the numbers `first..=last` out.
    pub fn remove(&mut self, first: u64, last: u64) {
        let kept = self.0.iter().flat_map(|&(from, to)| {
            let below = (from < first).then(|| (from, to.min(first - 1)));
            let above = (to > last).then(|| (from.max(last + 1), to));
            below.into_iter().chain(above).filter(|(from, to)| from <= to)
        });
        self.0 = kept.collect();
    }

    /// Cuts `first..=last` into runs that are in the set (`true`) and runs that are not, in order.
    pub fn cut(&self, first: u64, last: u64) -> Vec<((u64, u64), bool)> {
        let mut runs = Vec::new();
        let mut next = first;
        let within = self.0.iter().map(|&(from, to)| (from.max(first), to.min(last))).filter(|(from, to)| from <= to);
        for (from, to) in within {
            if next < from {
                runs.push(((next, from - 1), false));
            }
            runs.push(((from, to), true));
            next = to.saturating_add(1);
        }
        if next <= last && !self.contains(last, last) {
            runs.push(((next, last), false));
        }
        runs
    }

    /// How many runs: the cost of keeping the set.
    pub fn runs(&self) -> usize {
        self.0.len()
    }

    /// Appends the set to a row.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for &(first, last) in &self.0 {
            out.put_u64(first);
            out.put_u64(last);
        }
    }

    /// Reads the set from the rest of a row.
    pub fn decode(mut row: &[u8]) -> Self {
        let mut ranges = Self::default();
        while row.remaining() >= 16 {
            ranges.insert(row.get_u64(), row.get_u64());
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_set(runs in prop::collection::vec((1u64..60, 0u64..9), 0..30), probe in (1u64..70, 0u64..9)) {
            let mut ranges = Ranges::default();
            let mut model = BTreeSet::new();
            for (first, more) in runs {
                ranges.insert(first, first + more);
                model.extend(first..=first + more);
            }
            let (first, last) = (probe.0, probe.0 + probe.1);
            prop_assert_eq!(ranges.contains(first, last), (first..=last).all(|n| model.contains(&n)));
            prop_assert_eq!(ranges.touches(first, last), (first..=last).any(|n| model.contains(&n)));
            prop_assert_eq!(ranges.highest(), model.last().copied().unwrap_or(0));
            prop_assert_eq!(ranges.through(), (1..).take_while(|n| model.contains(n)).last().unwrap_or(0));
            let missing: BTreeSet<u64> = ranges.gaps().into_iter().flat_map(|(a, b)| a..=b).collect();
            let expected: BTreeSet<u64> = (1..=ranges.highest()).filter(|n| !model.contains(n)).collect();
            prop_assert_eq!(missing, expected);
            let mut row = Vec::new();
            ranges.encode(&mut row);
            prop_assert_eq!(&Ranges::decode(&row), &ranges);
            let cut = ranges.cut(first, last);
            let pieces: Vec<u64> = cut.iter().flat_map(|&((a, b), _)| a..=b).collect();
            prop_assert_eq!(pieces, (first..=last).collect::<Vec<_>>());
            prop_assert!(cut.iter().all(|&((a, b), has)| (a..=b).all(|n| model.contains(&n) == has)));
            ranges.remove(first, last);
            let mut rest = Ranges::default();
            model.iter().filter(|n| !(first..=last).contains(*n)).for_each(|n| rest.insert(*n, *n));
            prop_assert_eq!(ranges, rest);
        }
    }
}
