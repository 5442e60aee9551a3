//! Reading a segment from front to back, and telling a torn end from a hole.
//!
//! A commit is one write and one sync, and the disk may keep any part of a write that was never synced. So after a bad
//! frame there are two stories. If every valid frame behind it belongs to the *same* commit (its `first` is not after
//! the bad spot), that commit was cut short, nobody was told it was durable, and it goes. If any frame behind it belongs
//! to a *later* commit, the bad one had been durable before: that is damage, and it is named.

use std::{io, os::unix::fs::FileExt};

use super::{
    error::Damage,
    format::{ALIGN, HEAD_BYTES, HEADER_BYTES, Head, Place, Position},
    segment::Segment,
};

const WINDOW_BYTES: u32 = 1024 * 1024;

/// What lies at an offset.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// A whole record.
    Record(Place),
    /// The end of a full segment.
    Seal,
    /// The end of a segment that has room.
    End,
    /// Neither: torn or damaged.
    Bad,
}

/// What valid frames lie behind a bad one.
#[derive(Debug, Default)]
struct Behind {
    next: Option<u32>,
    records: u32,
    later_commit: bool,
}

/// A torn commit that was taken away on opening. Nobody was ever told that it was durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The journal now ends here.
    pub at: Position,
    /// Whole records behind the torn one, of the same commit, that went with it.
    pub records: u32,
}

/// How the last segment ends.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) end: u32,
    pub(super) sealed: bool,
    pub(super) cut: Option<Cut>,
    pub(super) damage: Vec<Damage>,
}

/// A segment seen through a window of memory.
pub(super) struct Scan<'a> {
    segment: &'a Segment,
    window: Vec<u8>,
    start: u32,
}

impl<'a> Scan<'a> {
    pub(super) const fn of(segment: &'a Segment) -> Self {
        Self { segment, window: Vec::new(), start: 0 }
    }

    /// What lies here, both checksums verified.
    pub(super) fn at(&mut self, offset: u32) -> io::Result<Found> {
        if offset + HEAD_BYTES > self.segment.bytes {
            return Ok(Found::Bad);
        }
        let sum = self.segment.sum;
        let head = self.head(offset)?;
        if head == [0; HEAD_BYTES as usize] {
            return Ok(Found::End);
        }
        Ok(match Head::decode(head, sum, offset, self.segment.bytes) {
            None => Found::Bad,
            Some(Head::Seal { .. }) => Found::Seal,
            Some(Head::Record { length, payload, .. }) => {
                let place = Place { segment: self.segment.number, offset, length };
                if sum.at(offset, self.payload(place)?) == payload { Found::Record(place) } else { Found::Bad }
            }
        })
    }

    /// The payload at a place that [`Self::at`] found.
    pub(super) fn payload(&mut self, place: Place) -> io::Result<&[u8]> {
        self.bytes(place.offset + HEAD_BYTES, place.length)
    }

    /// The first valid frame after a bad one, if any.
    pub(super) fn next_after(&mut self, bad: u32) -> io::Result<Option<u32>> {
        Ok(self.behind(bad, true)?.next)
    }

    /// Whether anything was ever committed here.
    pub(super) fn has_records(&mut self) -> io::Result<bool> {
        Ok(matches!(self.at(HEADER_BYTES)?, Found::Record(_) | Found::Seal)
            || self.behind(HEADER_BYTES - ALIGN, true)?.next.is_some())
    }

    /// Whether the first record can be written here without more ado.
    pub(super) fn is_blank(&mut self) -> io::Result<bool> {
        Ok(matches!(self.at(HEADER_BYTES)?, Found::End))
    }

    /// Reads the last segment through and judges its end.
    pub(super) fn tail(&mut self) -> io::Result<Tail> {
        let (mut end, mut damage) = (HEADER_BYTES, Vec::new());
        loop {
            let found = self.at(end)?;
            match found {
                Found::Record(place) => end = place.end(),
                Found::Seal => return Ok(Tail { end, sealed: true, cut: None, damage }),
                Found::End | Found::Bad => {
                    let behind = self.behind(end, false)?;
                    let at = Position { segment: self.segment.number, offset: end };
                    match behind.next {
                        Some(next) if behind.later_commit => {
                            damage.push(Damage { at, resume: Position { offset: next, ..at } });
                            end = next;
                        }
                        next => {
                            let torn = matches!(found, Found::Bad) || next.is_some();
                            let cut = torn.then_some(Cut { at, records: behind.records });
                            return Ok(Tail { end, sealed: false, cut, damage });
                        }
                    }
                }
            }
        }
    }

    /// Looks for valid heads behind a bad spot: the first one only, or on until one of a later commit.
    fn behind(&mut self, bad: u32, first_only: bool) -> io::Result<Behind> {
        let mut behind = Behind::default();
        let mut offset = bad + ALIGN;
        while offset + HEAD_BYTES <= self.segment.bytes {
            let head = self.head(offset)?;
            if let Some(head) = Head::decode(head, self.segment.sum, offset, self.segment.bytes) {
                behind.next.get_or_insert(offset);
                behind.records += u32::from(matches!(head, Head::Record { .. }));
                behind.later_commit = head.first() > bad;
                if behind.later_commit || first_only {
                    break;
                }
            }
            offset += ALIGN;
        }
        Ok(behind)
    }

    fn head(&mut self, offset: u32) -> io::Result<[u8; HEAD_BYTES as usize]> {
        let mut head = [0; HEAD_BYTES as usize];
        head.copy_from_slice(self.bytes(offset, HEAD_BYTES)?);
        Ok(head)
    }

    /// These bytes of the segment; what a shortened file has lost reads as zeros. The caller stays inside the segment.
    fn bytes(&mut self, offset: u32, length: u32) -> io::Result<&[u8]> {
        let held = u32::try_from(self.window.len()).unwrap_or(u32::MAX);
        if offset < self.start || offset + length > self.start + held {
            let count = length.max(WINDOW_BYTES).min(self.segment.bytes - offset);
            self.window.clear();
            self.window.resize(count as usize, 0);
            self.start = offset;
            read_up_to(self.segment, &mut self.window, offset)?;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.window[from..from + length as usize])
    }
}

fn read_up_to(segment: &Segment, mut buffer: &mut [u8], offset: u32) -> io::Result<()> {
    let mut offset = u64::from(offset);
    while !buffer.is_empty() {
        match segment.file.read_at(buffer, offset) {
            Ok(0) => break,
            Ok(count) => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
            Err(again) if again.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
