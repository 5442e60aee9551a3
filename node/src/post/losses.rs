//! What was here and cannot be read any more, or was to come and never will: named, asked for again, and told.
//!
//! ```text
//! record unreadable ──▶ Damaged ──▶ a neighbour brought it: unheard, so asked for again ──▶ recovered, or Gone
//!                                └▶ it was written here: the next station has it, or nobody, and that is said
//! journal unreadable ─▶ Hole ────▶ nobody knows what it was: a new epoch, and the neighbours offer theirs again
//! number missing ─────▶ Gone ────▶ nobody has it: the office it was for is told
//! ```
//! A loss stays on record when it was made good. Losses are few; whatever is done here may be slow, but is never silent.

use std::fmt;

use bytes::Bytes;
use prost::Message as _;

use super::{
    envelope::{Place, Run},
    fact::{Damaged, Fact, Hole},
    keys,
    notices::times,
    office::{Pending, Post},
};
use crate::{io::Timestamp, topology::Unit};

/// A part of a journal: from this position up to that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Segment and offset of its first byte.
    pub from: (u64, u32),
    /// Those of the first byte behind it.
    pub to: (u64, u32),
}

impl Stretch {
    /// Where one record lies.
    pub fn of(place: Place) -> Self {
        Self { from: (place.segment, place.offset), to: (place.segment, place.offset.saturating_add(1)) }
    }

    fn holds(&self, place: Place) -> bool {
        (self.from..self.to).contains(&(place.segment, place.offset))
    }

    fn of_hole(hole: &Hole) -> Self {
        Self { from: (hole.segment, hole.offset), to: (hole.to_segment, hole.to_offset) }
    }
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} offset {} to segment {} offset {}", self.from.0, self.from.1, self.to.0, self.to.1)
    }
}

/// One thing that was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// When that was found.
    pub at: Timestamp,
    /// What.
    pub what: Lost,
    /// When it was made good.
    pub recovered: Option<Timestamp>,
}

/// What was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Envelopes that were here, and had been written here or brought by this neighbour.
    Damaged(Run, Option<Unit>),
    /// Envelopes that were written here, and that nobody else has.
    Unsent(Run),
    /// Envelopes that never came, and that this neighbour has no more.
    Gone(Run, Unit),
    /// A part of the journal.
    Hole(Stretch),
}

/// Losses kept on record. There are never so many; if there are, the first ones tell the story.
pub const LOSSES_MAX: usize = 1024;
/// Rows looked at in one go.
const PART: usize = 1024;
/// Blocks named in one fact: it has to fit into any segment.
const NAMED_MAX: usize = 1024;

impl Post {
    /// What cannot be read in these parts of the journal. What nothing points to is no loss.
    pub fn damage(&self, unreadable: &[Stretch], now: Timestamp) -> Vec<Pending> {
        let hit = |place: Option<Place>| place.is_some_and(|place| unreadable.iter().any(|part| part.holds(place)));
        let mut damaged = Damaged::default();
        self.each_row(keys::BODY, |key, row| {
            if hit(keys::place_of(row)) {
                let digest = keys::digest_of(key);
                // What names a body that is not here any more cannot be handed on either.
                let naming = self.rows.prefix(&keys::naming(digest), usize::MAX);
                damaged.arrivals.extend(naming.iter().map(|(key, _)| keys::arrival_of(key)));
                damaged.bodies.push(Bytes::copy_from_slice(digest));
            }
        });
        damaged.arrivals.retain(|arrival| self.block_row(*arrival).is_some_and(|row| row.shared));
        self.each_row(keys::ARRIVAL, |key, row| {
            let row = keys::BlockRow::decode(row).unwrap_or_default();
            if !row.damaged && hit(keys::place_of(&row.place)) {
                damaged.arrivals.push(keys::arrival_of(key));
            }
        });
        damaged.arrivals.sort_unstable();
        damaged.arrivals.dedup();
        let Damaged { arrivals, bodies } = damaged;
        let bodies = bodies.chunks(NAMED_MAX).map(|part| Damaged { bodies: part.to_vec(), ..Damaged::default() });
        let arrivals = arrivals.chunks(NAMED_MAX).map(|part| Damaged { arrivals: part.to_vec(), ..Damaged::default() });
        bodies.chain(arrivals).map(|damaged| Pending::of(now, Fact::Damaged(damaged))).collect()
    }

    /// Parts of the journal that could not be read when it was replayed. Whatever had been given out there must not be
    /// given out again, so each of them begins a new epoch; what is on record already is no news.
    pub fn holes(&self, found: &[Stretch], now: Timestamp, random: &dyn Fn(&mut [u8])) -> Vec<Pending> {
        let known: Vec<Lost> = self.losses().into_iter().map(|loss| loss.what).collect();
        let news = found.iter().filter(|hole| !known.contains(&Lost::Hole(**hole)));
        let mut facts: Vec<Pending> = news
            .map(|hole| {
                let ((segment, offset), (to_segment, to_offset)) = (hole.from, hole.to);
                Pending::of(now, Fact::Hole(Hole { segment, offset, to_segment, to_offset }))
            })
            .collect();
        if !facts.is_empty() {
            facts.extend(self.damage(found, now));
            facts.push(Self::open_epoch(now, random, "a part of the journal is lost"));
        }
        facts
    }

    /// Everything that was ever lost here, oldest first.
    pub fn losses(&self) -> Vec<Loss> {
        let rows = self.rows.prefix(keys::LOSS, LOSSES_MAX);
        rows.iter().filter_map(|(_, row)| Loss::read(&keys::LossRow::decode(row.as_slice()).ok()?)).collect()
    }

    pub(super) fn apply_damaged(&mut self, damaged: &Damaged, at: Timestamp) {
        for digest in &damaged.bodies {
            self.rows.delete(keys::body(digest));
        }
        for arrival in &damaged.arrivals {
            let Some(row) = self.block_row(*arrival) else { continue };
            let Some(run) = Self::run_of(&row) else { continue };
            if row.from.is_empty() {
                let lost = if self.stop_waiting(*arrival, &run) { Lost::Unsent(run) } else { Lost::Damaged(run, None) };
                self.lose(at, lost);
                self.rows.put(keys::arrival(*arrival), keys::BlockRow { damaged: true, ..row }.encode_to_vec());
            } else {
                self.unhear(*arrival, &row, &run);
                self.lose(at, Lost::Damaged(run, Unit::parse(&row.from).ok()));
            }
        }
    }

    pub(super) fn apply_hole(&mut self, hole: &Hole, at: Timestamp) {
        self.lose(at, Lost::Hole(Stretch::of_hole(hole)));
    }

    /// Puts a loss on record.
    pub(super) fn lose(&mut self, at: Timestamp, what: Lost) {
        self.lost += 1;
        let row = Loss { at, what, recovered: None }.row();
        self.rows.put(keys::loss(self.lost), row.encode_to_vec());
        self.rows.put(keys::meta("lost"), self.lost.to_be_bytes().to_vec());
    }

    /// What had been lost is here again.
    pub(super) fn recovered(&mut self, run: &Run, at: Timestamp) {
        if self.lost == 0 {
            return;
        }
        for (key, row) in self.rows.prefix(keys::LOSS, LOSSES_MAX) {
            let Ok(mut row) = keys::LossRow::decode(row.as_slice()) else { continue };
            let same = row.range.as_ref().and_then(|range| Run::parse(range).ok()).as_ref() == Some(run);
            if same && row.recovered_us == 0 {
                row.recovered_us = at.us();
                self.rows.put(key, row.encode_to_vec());
            }
        }
    }

    /// What cannot be read cannot be handed on. Whether it would have been.
    fn stop_waiting(&mut self, arrival: u64, run: &Run) -> bool {
        let Some(peer) = self.next_hop(&run.channel.destination) else { return false };
        self.leave_direct(run);
        self.rows.delete(keys::queued(&peer, arrival));
        self.queues.get_mut(&peer).is_some_and(|queue| queue.remove(run).is_some())
    }

    /// What comes again takes the place of what is here: that it was lost may have been lost itself.
    pub(super) fn replace(&mut self, run: &Run) {
        if let Some((arrival, row)) = self.block_at(&run.channel, run.first) {
            self.unhear(arrival, &row, run);
        }
    }

    /// As if it had never come: the neighbour that brought it is asked for it again.
    fn unhear(&mut self, arrival: u64, row: &keys::BlockRow, run: &Run) {
        self.rows.delete(keys::arrival(arrival));
        self.rows.delete(keys::by_number(&run.channel, run.first));
        // The rows that only its text could name stay, and point nowhere.
        self.rows.delete(keys::by_time(row.sealed_us, arrival));
        self.rows.delete(keys::open(row.sealed_us, arrival));
        for (at, stage) in times(row) {
            self.due.remove(&(at, arrival, stage));
            self.rows.delete(keys::due(at.us(), arrival, stage));
        }
        self.forget_signatures(arrival);
        self.stop_waiting(arrival, run);
        if let Some(heard) = self.heard.get_mut(&run.channel) {
            heard.ranges.remove(run.first, run.last());
            // It has been missing for long enough.
            heard.torn_since = Some(Timestamp::default());
        }
        self.keep_heard(&run.channel);
    }

    fn each_row(&self, kind: &[u8], mut look: impl FnMut(&[u8], &[u8])) {
        let (mut from, to) = (kind.to_vec(), super::rows::after_prefix(kind));
        loop {
            let rows = self.rows.range(&from, &to, PART);
            rows.iter().for_each(|(key, row)| look(key, row));
            let Some((last, _)) = rows.into_iter().nth(PART - 1) else { return };
            from = last;
            from.push(0);
        }
    }
}

impl Loss {
    fn row(&self) -> keys::LossRow {
        let mut row = keys::LossRow { at_us: self.at.us(), ..Default::default() };
        match &self.what {
            Lost::Damaged(run, from) => {
                row.range = Some(run.to_proto());
                row.from = from.as_ref().map(Unit::to_string).unwrap_or_default();
            }
            Lost::Unsent(run) => {
                row.range = Some(run.to_proto());
                row.unsent = true;
            }
            Lost::Gone(run, peer) => {
                row.range = Some(run.to_proto());
                row.from = peer.to_string();
                row.gone = true;
            }
            Lost::Hole(Stretch { from, to }) => {
                row.hole = vec![from.0, from.1.into(), to.0, to.1.into()];
            }
        }
        row
    }

    fn read(row: &keys::LossRow) -> Option<Self> {
        let narrow = |offset: u64| u32::try_from(offset).unwrap_or(u32::MAX);
        let what = match (&row.range, row.hole.as_slice()) {
            (Some(range), _) => {
                let (run, from) = (Run::parse(range).ok()?, Unit::parse(&row.from).ok());
                match (row.gone, row.unsent) {
                    (true, _) => Lost::Gone(run, from?),
                    (_, true) => Lost::Unsent(run),
                    _ => Lost::Damaged(run, from),
                }
            }
            (None, [segment, offset, to_segment, to_offset]) => {
                Lost::Hole(Stretch { from: (*segment, narrow(*offset)), to: (*to_segment, narrow(*to_offset)) })
            }
            _ => return None,
        };
        let recovered = (row.recovered_us > 0).then(|| Timestamp::from_us(row.recovered_us));
        Some(Self { at: Timestamp::from_us(row.at_us), what, recovered })
    }
}
