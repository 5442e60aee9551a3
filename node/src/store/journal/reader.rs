//! Reading single records, from any thread, while the journal is being written.

use std::{
    collections::BTreeMap,
    io,
    os::unix::fs::FileExt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bytes::Bytes;

use super::{
    error::ReadError,
    format::{HEAD_BYTES, Head, Place},
    segment::Segment,
};

/// The segments that hold records, shared by the journal and its readers.
#[derive(Debug, Clone, Default)]
pub(super) struct Live(Arc<RwLock<BTreeMap<u64, Segment>>>);

impl Live {
    // The map is whole between any two statements, so a panic elsewhere does not make it wrong.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, BTreeMap<u64, Segment>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<u64, Segment>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, number: u64) -> Option<Segment> {
        self.read().get(&number).cloned()
    }
}

/// Reads records by their place. Cheap to clone; every read is checked against the record's checksum.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) live: Live,
}

impl Reader {
    /// The payload at a place an append or a replay gave.
    pub fn read(&self, place: Place) -> Result<Bytes, ReadError> {
        let segment = self.live.get(place.segment).ok_or(ReadError::Gone { place })?;
        match checked(&segment, place) {
            Ok(Some(payload)) => Ok(payload),
            // The segment may have been retired and written over since we looked.
            _ if self.live.get(place.segment).is_none() => Err(ReadError::Gone { place }),
            Ok(None) => Err(ReadError::Damaged { place }),
            Err(source) => Err(ReadError::Io { place, source }),
        }
    }
}

fn checked(segment: &Segment, place: Place) -> io::Result<Option<Bytes>> {
    if place.length > segment.bytes {
        return Ok(None);
    }
    let mut frame = vec![0; (HEAD_BYTES + place.length) as usize];
    match segment.file.read_exact_at(&mut frame, u64::from(place.offset)) {
        Err(short) if short.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let frame = Bytes::from(frame);
    let payload = frame.slice(HEAD_BYTES as usize..);
    let mut head = [0; HEAD_BYTES as usize];
    head.copy_from_slice(&frame[..HEAD_BYTES as usize]);
    let sum = segment.sum.at(place.offset, &payload);
    Ok(match Head::decode(head, segment.sum, place.offset, segment.bytes) {
        Some(Head::Record { length, payload: expected, .. }) if length == place.length && expected == sum => {
            Some(payload)
        }
        _ => None,
    })
}
