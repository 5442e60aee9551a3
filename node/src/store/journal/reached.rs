//! How far the journal has reached, beside it: a commit that was durable and is gone looks like one that was cut short,
//! and only this tells them apart.
//!
//! Written after every commit and never synced, so it costs next to nothing: a killed process leaves it exact, a power cut
//! leaves it some seconds behind, and it is never ahead of what was durable. Where it cannot be written it stays behind,
//! and nothing else changes.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
};

use super::format::{JournalId, Position};

const NAME: &str = "reached";
const BYTES: usize = 16;

/// The mark of a journal that is being written.
#[derive(Debug)]
pub(super) struct Reached {
    file: Option<File>,
    id: JournalId,
}

impl Reached {
    /// Opens the mark and reads it; what does not read says nothing.
    pub(super) fn open(dir: &Path, id: JournalId) -> (Self, Option<Position>) {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.join(NAME)).ok();
        let mut bytes = [0; BYTES];
        let read = file.as_ref().and_then(|file| file.read_exact_at(&mut bytes, 0).ok());
        let reached = read.and_then(|()| decode(&bytes, id));
        (Self { file, id }, reached)
    }

    /// Everything before this position is durable.
    pub(super) fn note(&self, at: Position) {
        // Behind is as good as it gets without it.
        _ = self.file.as_ref().map(|file| file.write_all_at(&encode(at, self.id), 0));
    }
}

fn encode(at: Position, id: JournalId) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&at.segment.to_le_bytes());
    bytes[8..12].copy_from_slice(&at.offset.to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&id.0), &bytes[..12]);
    bytes[12..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; BYTES], id: JournalId) -> Option<Position> {
    let (segment, rest) = bytes.split_first_chunk()?;
    let (offset, _) = rest.split_first_chunk()?;
    let at = Position { segment: u64::from_le_bytes(*segment), offset: u32::from_le_bytes(*offset) };
    (encode(at, id) == *bytes).then_some(at)
}
