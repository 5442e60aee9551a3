//! Giving up old segments, a little at a time.
//!
//! ```text
//! resting ──▶ sweeping ──▶ baseline ──▶ giving up ──▶ resting
//!    it pays     │ forgets what is settled, carries the rest, in turns of their own
//! ```
//! Nothing points into a swept segment; the baseline, durable, holds what its facts did to the rows; only then does it go,
//! the oldest first. A stop at any point costs at most the work of this round: what was forgotten or carried stays so,
//! and a segment is swept again in no time, because its records come to nothing.
//!
//! Space is worth only so much writing: `worth` says how much.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use bytes::Bytes;
use prost::Message as _;

use super::{Disk, DiskFailed, Effects, Engine, Layout, Step, Unread, Unwritten};
use crate::{
    io::Timestamp,
    limits,
    post::{Post, envelope::Place, fact::Record, office::Pending},
};

/// What a station that forgets is doing about it.
pub(super) struct Tidying {
    retention: Duration,
    state: State,
    round: Round,
}

/// Where retention draws the line.
#[derive(Clone, Copy)]
struct Line {
    /// What time it is, and that is sure.
    now: Timestamp,
    /// What came after this is kept in any case.
    before: Timestamp,
}

enum State {
    /// Looks again then.
    Resting { until: Timestamp },
    /// Goes through old segments.
    Sweeping { at: Step, bodies: Vec<(Place, Bytes)>, swept: usize, most: usize },
    /// Segments before this one hold nothing that is needed; the baseline is next.
    Swept { before: u64 },
    /// The baseline is being written, or stands.
    GivingUp { before: u64 },
}

/// What a round came to, for the log.
#[derive(Debug, Default)]
struct Round {
    forgotten: u64,
    carried: usize,
    freed: u64,
    segments: u64,
}

impl<D: Disk> Engine<D> {
    /// From now on what is settled and older than this is forgotten, whenever that gives enough space back.
    #[must_use]
    pub fn forgetting_after(mut self, retention: Duration) -> Self {
        let state = State::Resting { until: Timestamp::default() };
        self.tidying = Some(Tidying { retention, state, round: Round::default() });
        self
    }

    /// Whether a round is under way: [`Self::tidy`] would have something to do.
    pub fn is_tidying(&self) -> bool {
        self.tidying.as_ref().is_some_and(|tidying| !matches!(tidying.state, State::Resting { .. }))
    }

    /// The next small step, in a turn of its own, to be called when nothing is waiting. Returns what was forgotten and
    /// carried, if anything.
    pub fn tidy(&mut self, now: Timestamp) -> Result<Option<Effects>, DiskFailed> {
        let Some(mut tidying) = self.tidying.take() else { return Ok(None) };
        let line = Line { now, before: now - tidying.retention };
        let stepped = match tidying.state {
            State::Resting { until } if now < until && until <= now + limits::TIDY_LOOK_EVERY => Ok(None),
            // What is forgotten in a wrong year is gone in the right one.
            State::Resting { .. } | State::Sweeping { .. } if !self.post.date_is_sure(now) => {
                tidying.state = State::later(now);
                Ok(None)
            }
            State::Resting { .. } => match self.post.full_now(self.disk.layout().current, now) {
                Some(dated) => self.put(vec![dated], &mut tidying, now),
                None => {
                    tidying.state = self.look(line);
                    Ok(None)
                }
            },
            State::Sweeping { .. } => self.sweep(&mut tidying, line),
            State::Swept { before } => self.write_baseline(before).map(|state| {
                tidying.state = state;
                None
            }),
            State::GivingUp { before } => self.give_up(&mut tidying, before, now).map(|()| None),
        };
        self.tidying = Some(tidying);
        stepped
    }

    /// Is there anything old enough, and is it worth the trouble?
    fn look(&self, line: Line) -> State {
        let layout = self.disk.layout();
        let rest = State::later(line.now);
        let short = self.disk.shortage().is_some();
        let Some(least) = worth(&layout, &stuck(&self.post), short) else { return rest };
        let (Some((first, _)), Some((last, _))) = (layout.full.first(), layout.full.get(least - 1)) else {
            return rest;
        };
        if !self.post.was_full(*last, line.before) {
            return rest;
        }
        let most = least.max(limits::TIDY_SEGMENTS).min(layout.full.len());
        State::Sweeping { at: Step { segment: *first, offset: 0 }, bodies: Vec::new(), swept: 0, most }
    }

    fn sweep(&mut self, tidying: &mut Tidying, line: Line) -> Result<Option<Effects>, DiskFailed> {
        let State::Sweeping { at, bodies, swept, most } = &mut tidying.state else { return Ok(None) };
        // What is carried must never be what fills the disk.
        if self.disk.layout().room < ROOM {
            tidying.state = State::later(line.now);
            return Ok(None);
        }
        let mut decided = match self.decide_sweep(at, bodies, line.now) {
            Ok(decided) => decided,
            Err(error) => {
                // Nothing was changed. What cannot be read cannot be carried; first it has to be known for lost.
                tracing::error!(
                    why = %error,
                    segment = at.segment,
                    "this segment cannot be given up; tried again later"
                );
                tidying.state = State::later(line.now);
                return Ok(None);
            }
        };
        if at.offset == SWEPT && bodies.is_empty() {
            *swept += 1;
            *at = Step { segment: at.segment + 1, offset: 0 };
            let (done, segment) = (*swept >= *most, at.segment);
            if done || !self.post.was_full(segment, line.before) {
                decided.extend(self.post.tidy_dates(segment, line.now));
                tidying.state = State::Swept { before: segment };
            }
        }
        if decided.is_empty() {
            return Ok(None);
        }
        self.put(decided, tidying, line.now)
    }

    fn put(
        &mut self,
        decided: Vec<Pending>,
        tidying: &mut Tidying,
        now: Timestamp,
    ) -> Result<Option<Effects>, DiskFailed> {
        match self.commit(decided) {
            Ok((facts, bytes)) => {
                tidying.round.count(&facts);
                Ok(Some(Effects { facts, bytes, ..Effects::default() }))
            }
            // Nothing was written, so nothing of this segment may be taken for done.
            Err(full @ Unwritten::Full { .. }) => {
                tracing::warn!(why = %full, "no segment is given up; tried again later");
                tidying.state = State::later(now);
                Ok(None)
            }
            Err(Unwritten::Failed(failed)) => Err(failed),
        }
    }

    /// The facts of the next step, and where the one after it begins.
    fn decide_sweep(
        &self,
        at: &mut Step,
        bodies: &mut Vec<(Place, Bytes)>,
        now: Timestamp,
    ) -> Result<Vec<Pending>, Unread> {
        if at.offset == SWEPT {
            let mut bytes = 0;
            let fits = |(place, _): &&(Place, _)| {
                let first = bytes == 0;
                bytes += place.length as usize;
                first || bytes <= limits::TIDY_BYTES
            };
            let count = bodies.iter().rev().take_while(fits).count();
            let step = bodies.split_off(bodies.len() - count);
            return self.post.tidy_bodies(&step, now, |place| self.read(place));
        }
        let walk = self.disk.walk(*at, limits::TIDY_BYTES)?;
        let unreadable = RefCell::new(None);
        let read = |place| match self.read(place) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                unreadable.replace(Some(error));
                None
            }
        };
        let lost = self.post.damage(&walk.damaged, now);
        let unknown = |place: Place| DiskFailed { what: format!("the record at {place:?} is of an unknown form") };
        let records = walk.records.into_iter();
        let records = records.map(|(place, bytes)| Ok((place, Record::decode(bytes).map_err(|_| unknown(place))?)));
        let records = records.collect::<Result<_, DiskFailed>>()?;
        let tidied = self.post.tidy(records, now, &read);
        if let Some(error) = unreadable.into_inner() {
            return Err(error);
        }
        bodies.extend(tidied.bodies);
        at.offset = walk.next.unwrap_or(SWEPT);
        Ok(tidied.facts.into_iter().chain(lost).collect())
    }

    fn write_baseline(&mut self, before: u64) -> Result<State, DiskFailed> {
        if !self.disk.drained()? {
            return Ok(State::Swept { before });
        }
        self.post.rows_mut().end_drain();
        let Some(rows) = self.post.rows_mut().start_drain() else { return Ok(State::Swept { before }) };
        self.disk.baseline(rows)?;
        Ok(State::GivingUp { before })
    }

    /// One segment a step: removing a large file takes its time.
    fn give_up(&mut self, tidying: &mut Tidying, before: u64, now: Timestamp) -> Result<(), DiskFailed> {
        if !self.disk.drained()? {
            return Ok(());
        }
        self.post.rows_mut().end_drain();
        match self.disk.retire(before)? {
            Some(bytes) => {
                tidying.round.freed += bytes;
                tidying.round.segments += 1;
            }
            None => {
                let Round { forgotten, carried, freed, segments } = std::mem::take(&mut tidying.round);
                // There may be more where this came from; if nothing went, something is in the way.
                tidying.state = if segments > 0 { State::Resting { until: now } } else { State::later(now) };
                tracing::info!(forgotten, carried, segments, freed_bytes = freed, "forgot what was settled long ago");
            }
        }
        Ok(())
    }
}

/// The offset of a segment of which only the bodies are left to be looked at.
const SWEPT: u32 = u32::MAX;
/// Bytes that must be free before anything is carried.
const ROOM: u64 = 8 * limits::TIDY_BYTES as u64;

impl State {
    fn later(now: Timestamp) -> Self {
        Self::Resting { until: now + limits::TIDY_LOOK_EVERY }
    }
}

impl Round {
    fn count(&mut self, facts: &[Pending]) {
        use crate::post::fact::Fact;
        for pending in facts {
            match &pending.record.fact {
                Some(Fact::Forgotten(forgotten)) => self.forgotten += forgotten.envelopes,
                Some(Fact::Carried(_) | Fact::Body(_)) => self.carried += 1,
                _ => {}
            }
        }
    }
}

/// Bytes that wait for a neighbour and would have to be written again, by segment.
fn stuck(post: &Post) -> BTreeMap<u64, u64> {
    let mut stuck = BTreeMap::new();
    for entry in post.queues().flat_map(|(_, queue)| queue.entries()) {
        *stuck.entry(entry.place.segment).or_default() += u64::from(entry.bytes);
    }
    stuck
}

/// How many of the oldest segments have to go for the space to be worth the writing: at least as many bytes come back
/// as are written for it. When the disk is `short`, the baseline is not counted. `None` if it is not worth it at all.
fn worth(layout: &Layout, stuck: &BTreeMap<u64, u64>, short: bool) -> Option<usize> {
    let (mut freed, mut written) = (0, if short { 0 } else { layout.baseline });
    (1..).zip(&layout.full).find_map(|(count, (segment, bytes))| {
        let again = stuck.get(segment).copied().unwrap_or(0);
        written += again;
        freed += bytes.saturating_sub(again);
        (freed >= written).then_some(count)
    })
}

#[cfg(test)]
mod tests;
