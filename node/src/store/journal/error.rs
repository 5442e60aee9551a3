//! What can go wrong with a journal, to which file, and what to do next.

use std::{io, path::Path, path::PathBuf, sync::Arc};

use super::format::{Place, Position};

/// A record that was durable and is not readable any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal is damaged at {at}; restore it from a backup, or read on from {resume} knowing that records are missing"
)]
pub struct Damage {
    /// The first bad byte belongs to the record that begins here.
    pub at: Position,
    /// The next readable record is not before this position.
    pub resume: Position,
}

/// Why the journal could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Two processes on one journal would destroy it.
    #[error("another process uses {}: stop it first, or give this station another directory", dir.display())]
    Locked { dir: PathBuf },
    /// Settings that cannot work.
    #[error(
        "a journal segment of {segment_bytes} bytes with {spare} spare: give a multiple of 4096 from 8 KiB to 1 GiB, and at least one spare"
    )]
    Options { segment_bytes: u32, spare: usize },
    /// A segment file that is not this journal's.
    #[error("{} cannot be used: {why}; restore it from a backup, or move it away knowing that its records are missing", file.display())]
    Foreign { file: PathBuf, why: &'static str },
    /// Records are missing in the middle.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A record that no segment can hold.
    #[error("a record of {bytes} bytes: this journal takes 1 to {most}")]
    Size { bytes: usize, most: u32 },
    /// There is no room for another segment. Nothing was written, and a later try may succeed.
    #[error("no new journal segment in {}: {source}; free some space", dir.display())]
    NoSegment { dir: PathBuf, source: Arc<io::Error> },
    /// An earlier write failed, so nobody knows what the disk holds.
    #[error("the journal stopped after a failed write ({cause}); restart the station, it recovers from disk")]
    Poisoned { cause: String },
    /// The file system said no.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// Reading from a place the journal does not have (any more, or yet).
    #[error("the journal does not reach {from}: it has {oldest} to {end}")]
    OutOfReach { from: Position, oldest: Position, end: Position },
    /// Only the oldest segment may go, so that a missing one is always noticed.
    #[error("segment {segment} cannot be retired: only the oldest ({oldest}) can, and never the one being written")]
    NotOldest { segment: u64, oldest: u64 },
}

impl JournalError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its segment was retired.
    #[error("the record at {} is no longer kept", place.position())]
    Gone { place: Place },
    /// What is there is not what was written.
    #[error("the record at {} is damaged; restore the journal from a backup", place.position())]
    Damaged { place: Place },
    /// The file system said no.
    #[error("cannot read the record at {}: {source}", place.position())]
    Io { place: Place, source: io::Error },
}
