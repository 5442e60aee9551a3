//! Reading everything again, a little at a time, while nothing else is to be done: what a disk has silently spoiled is
//! found while a neighbour still has it, and not years later when somebody asks.

use super::{Disk, DiskFailed, Effects, Engine, Step, Unwritten};
use crate::{io::Timestamp, limits, post::losses::Stretch};

/// How far the round has come.
#[derive(Debug, Default)]
pub(super) struct Patrol {
    at: Option<Step>,
    next: Timestamp,
}

impl<D: Disk> Engine<D> {
    /// The next small step, in a turn of its own, to be called when nothing is waiting. Returns what was found to be
    /// lost, if anything.
    pub fn patrol(&mut self, now: Timestamp) -> Result<Option<Effects>, DiskFailed> {
        // A clock that was set back does not end the rounds.
        if now < self.patrol.next && self.patrol.next <= now + limits::PATROL_EVERY {
            return Ok(None);
        }
        self.patrol.next = now + limits::PATROL_EVERY;
        // The segment being written is watched by those who read what was just written.
        let full = self.disk.layout().full;
        let from = self.patrol.at.unwrap_or(Step { segment: 0, offset: 0 });
        let onward = full.iter().find(|(segment, _)| *segment >= from.segment).or_else(|| full.first());
        let Some((segment, _)) = onward else { return Ok(None) };
        let at = Step { segment: *segment, offset: if *segment == from.segment { from.offset } else { 0 } };
        let walk = self.disk.walk(at, limits::PATROL_BYTES)?;
        self.patrol.at = Some(match walk.next {
            Some(offset) => Step { offset, ..at },
            None => Step { segment: at.segment + 1, offset: 0 },
        });
        let mut unreadable = walk.damaged;
        if at.offset == 0 && full.first().is_some_and(|(first, _)| *first == at.segment) {
            // A round begins with what should lie before the journal's beginning: nothing does.
            unreadable.push(Stretch { from: (0, 0), to: (at.segment, 0) });
        }
        let lost = self.post.damage(&unreadable, now);
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
