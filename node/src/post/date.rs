//! What day it is, as far as something that cannot be taken back may hang on it.
//!
//! A wall clock may be wrong by years, for a minute or for a month, and nothing on one machine tells. So the date is
//! *sure* only while the clocks of most neighbours show about the same; and how long something has lain here is reckoned
//! between two sure dates, never from the stamps on it: on a sure date it is put on record which segments are full, and
//! nothing in them is younger than that.

use std::{collections::BTreeMap, time::Duration};

use super::{
    fact::{Dated, Fact},
    keys,
    office::{Event, Pending, Post},
};
use crate::{io::Timestamp, topology::Unit};

/// Clocks that are no further apart show the same date.
const APART: Duration = Duration::from_secs(86_400);

/// What neighbours on the line said last of what time it is.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<Unit, Timestamp>);

impl Told {
    pub(super) fn observe(&mut self, event: &Event, now: Timestamp) {
        match event {
            Event::Compared { peer, skew } => {
                let theirs = Timestamp::from_us(now.us().saturating_sub(skew.offset_us));
                self.0.insert(peer.clone(), theirs);
            }
            Event::Unlinked { peer, .. } => {
                self.0.remove(peer);
            }
            _ => {}
        }
    }

    fn agree(&self, now: Timestamp) -> bool {
        let near = |theirs: &&Timestamp| now.since(**theirs).max(theirs.since(now)) < APART;
        2 * self.0.values().filter(near).count() > self.0.len()
    }
}

impl Post {
    /// Whether most neighbours on the line say so too. Alone, a station is not sure of any date.
    pub fn date_is_sure(&self, now: Timestamp) -> bool {
        self.told.agree(now)
    }

    /// To be put on record on a sure date: everything before this segment is full, if that is not known yet.
    pub fn full_now(&self, before: u64, now: Timestamp) -> Option<Pending> {
        let known = self.rows.get(&keys::full_before(before)).is_some();
        (!known && before > 0).then(|| Pending::of(now, Fact::Dated(Dated { full_before: before })))
    }

    /// Whether a segment was full on a sure date no later than this one.
    pub fn was_full(&self, segment: u64, by: Timestamp) -> bool {
        let (from, to) = keys::full_from(segment + 1);
        let first = self.rows.range(&from, &to, 1).pop();
        first.is_some_and(|(_, row)| keys::date_of(&row) <= by.us())
    }

    pub(super) fn apply_dated(&mut self, dated: &Dated, at: Timestamp) {
        self.rows.put(keys::full_before(dated.full_before), at.us().to_be_bytes().to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::{super::passage::Skew, *};

    fn said(peer: &str, offset_us: i64) -> Event {
        Event::Compared { peer: Unit::parse(peer).unwrap(), skew: Skew { offset_us, uncertainty_us: 1 } }
    }

    #[test]
    fn a_date_is_sure_while_most_of_those_on_the_line_have_it() {
        let (now, year) = (Timestamp::from_us(1_700_000_000_000_000), 365 * 86_400_000_000);
        let mut told = Told::default();
        assert!(!told.agree(now), "alone");
        told.observe(&said("000000", 3_000_000), now);
        assert!(told.agree(now));
        assert!(!told.agree(now + Duration::from_secs(400 * 86_400)), "our own clock jumped since");
        assert!(!told.agree(now - Duration::from_secs(400 * 86_400)));
        told.observe(&said("420100", year), now);
        assert!(!told.agree(now), "one against one");
        told.observe(&said("420500", -3_600_000_000), now);
        assert!(told.agree(now), "two against one");
        let gone = Event::Unlinked { peer: Unit::parse("420500").unwrap(), failure: String::new() };
        told.observe(&gone, now);
        assert!(!told.agree(now), "what it said is too old to count");
    }

    #[test]
    fn dates_that_no_clock_shows_are_survived() {
        let mut told = Told::default();
        for at in [i64::MIN, 0, i64::MAX] {
            for offset in [i64::MIN, 0, i64::MAX] {
                told.observe(&said("000000", offset), Timestamp::from_us(at));
                told.agree(Timestamp::from_us(at));
            }
        }
    }
}
