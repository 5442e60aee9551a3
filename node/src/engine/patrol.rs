//! Reading everything again, a little at a time, while nothing else is to be done: what a disk has silently spoiled is
//! found while a neighbour still has it, and not years later when somebody asks.

use super::{Disk, DiskFailed, Effects, Engine, Layout, Step, Unwritten};
use crate::{io::Timestamp, limits, post::losses::Stretch};

/// How far the round has come; `None` between two rounds.
#[derive(Debug, Default)]
pub(super) struct Patrol {
    begun: bool,
    at: Option<Step>,
    next: Timestamp,
}

impl<D: Disk> Engine<D> {
    /// The next small step, in a turn of its own, to be called when nothing is waiting. Returns what was found to be
    /// lost, if anything.
    pub fn patrol(&mut self, now: Timestamp) -> Result<Option<Effects>, DiskFailed> {
        // A clock that was set back does not end the rounds.
        if now < self.patrol.next && self.patrol.next <= now + limits::PATROL_AGAIN {
            return Ok(None);
        }
        self.patrol.next = now + limits::PATROL_EVERY;
        let Layout { full, current, .. } = self.disk.layout();
        let first = full.first().map_or(current, |(segment, _)| *segment);
        if !std::mem::replace(&mut self.patrol.begun, true) && first > 1 {
            // Nothing lies before the journal's beginning, unless a file went while the station was down.
            return self.is_lost(&[Stretch { from: (0, 0), to: (first, 0) }], now);
        }
        let from = self.patrol.at.unwrap_or(Step { segment: first, offset: 0 });
        // Segments are given up meanwhile.
        let segment = full.iter().map(|(segment, _)| *segment).find(|next| *next >= from.segment).unwrap_or(current);
        let at = Step { segment, offset: if segment == from.segment { from.offset } else { 0 } };
        let walk = self.disk.walk(at, limits::PATROL_BYTES)?;
        self.patrol.at = match walk.next {
            Some(offset) => Some(Step { offset, ..at }),
            None if segment < current => Some(Step { segment: segment + 1, offset: 0 }),
            None => {
                self.patrol.next = now + limits::PATROL_AGAIN;
                None
            }
        };
        self.is_lost(&walk.damaged, now)
    }

    fn is_lost(&mut self, unreadable: &[Stretch], now: Timestamp) -> Result<Option<Effects>, DiskFailed> {
        let lost = if unreadable.is_empty() { Vec::new() } else { self.post.damage(unreadable, now) };
        if lost.is_empty() {
            return Ok(None);
        }
        tracing::error!(where_ = ?unreadable, "the journal cannot be read any more where something lies");
        match self.commit(lost) {
            Ok((facts, bytes)) => Ok(Some(Effects { facts, bytes, ..Effects::default() })),
            // The next round finds it again.
            Err(Unwritten::Full { .. }) => Ok(None),
            Err(Unwritten::Failed(failed)) => Err(failed),
        }
    }
}
