//! The bytes on disk, on one page. Pure: no files here.
//!
//! ```text
//! segment   header (4096 bytes) · frame · frame · … · end
//! header    magic 8 · version u32 · bytes u32 · number u64 · journal id 16 · crc u32 · zeros
//! frame     length u32 · first u32 · payload crc u32 · head crc u32 · payload · zeros up to a multiple of 8
//! end       16 zero bytes (more may come), or a frame head with length = !0 and no payload (sealed)
//! ```
//! Integers are little-endian. `first` is the offset of the first frame of the same commit. Both sums are CRC32C over
//! (journal id, segment number, offset, bytes): a frame is valid in one place of one segment of one journal, so what a
//! recycled segment still holds is not a record, and nobody who does not know the random id can hide one in a payload.

use std::fmt;

/// Records begin here: the header has a page of its own, which no record write ever touches.
pub(super) const HEADER_BYTES: u32 = 4096;
/// Bytes before each payload, and of the end mark.
pub(super) const HEAD_BYTES: u32 = 16;
/// Frames start at multiples of this, so that a search need not try every byte.
pub(super) const ALIGN: u32 = 8;

const MAGIC: &[u8; 8] = b"ZHUJIJNL";
const VERSION: u32 = 1;
const SEAL: u32 = u32::MAX;

/// Which journal this is: random, drawn once. An index made from another journal is recognised by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct JournalId(pub [u8; 16]);

impl fmt::Debug for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where one record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The segment's number.
    pub segment: u64,
    /// Where its frame begins.
    pub offset: u32,
    /// Bytes of its payload.
    pub length: u32,
}

impl Place {
    /// Where this record begins.
    pub const fn position(self) -> Position {
        Position { segment: self.segment, offset: self.offset }
    }

    /// Where the next record may begin.
    pub(super) const fn end(self) -> u32 {
        self.offset + frame_bytes(self.length)
    }
}

/// A point between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The segment's number.
    pub segment: u64,
    /// Bytes from its start.
    pub offset: u32,
}

impl Position {
    /// Before everything the journal still has.
    pub const START: Self = Self { segment: 0, offset: 0 };

    /// Where the first record of a segment begins.
    pub const fn start_of(segment: u64) -> Self {
        Self { segment, offset: HEADER_BYTES }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {} offset {}", self.segment, self.offset)
    }
}

/// Bytes a record with such a payload takes. Callers have checked the length against a segment's size.
pub(super) const fn frame_bytes(length: u32) -> u32 {
    HEAD_BYTES + length.next_multiple_of(ALIGN)
}

/// The largest payload a segment of this size holds.
pub(super) const fn payload_max(segment_bytes: u32) -> u32 {
    segment_bytes - HEADER_BYTES - 2 * HEAD_BYTES
}

/// The checksum of one segment, with everything but offset and bytes already in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum(u32);

impl Sum {
    pub(super) fn of(id: JournalId, segment: u64) -> Self {
        Self(crc32c::crc32c_append(crc32c::crc32c(&id.0), &segment.to_le_bytes()))
    }

    pub(super) fn at(self, offset: u32, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c_append(self.0, &offset.to_le_bytes()), bytes)
    }
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Record { length: u32, first: u32, payload: u32 },
    Seal { first: u32 },
}

impl Head {
    pub(super) fn encode(self, sum: Sum, offset: u32) -> [u8; HEAD_BYTES as usize] {
        let (length, first, payload) = match self {
            Self::Record { length, first, payload } => (length, first, payload),
            Self::Seal { first } => (SEAL, first, 0),
        };
        let mut head = [0; HEAD_BYTES as usize];
        head[..4].copy_from_slice(&length.to_le_bytes());
        head[4..8].copy_from_slice(&first.to_le_bytes());
        head[8..12].copy_from_slice(&payload.to_le_bytes());
        let own = sum.at(offset, &head[..12]);
        head[12..].copy_from_slice(&own.to_le_bytes());
        head
    }

    /// The head at this offset, if these bytes are one. Cheap on what is not: the sum comes last.
    pub(super) fn decode(head: [u8; HEAD_BYTES as usize], sum: Sum, offset: u32, segment_bytes: u32) -> Option<Self> {
        let first = u32_at(&head, 4);
        if first < HEADER_BYTES || first > offset {
            return None;
        }
        let length = u32_at(&head, 0);
        let room = segment_bytes.saturating_sub(offset).saturating_sub(2 * HEAD_BYTES);
        if length != SEAL && (length == 0 || length > room) {
            return None;
        }
        if u32_at(&head, 12) != sum.at(offset, &head[..12]) {
            return None;
        }
        Some(match length {
            SEAL => Self::Seal { first },
            _ => Self::Record { length, first, payload: u32_at(&head, 8) },
        })
    }

    pub(super) const fn first(self) -> u32 {
        match self {
            Self::Record { first, .. } | Self::Seal { first } => first,
        }
    }
}

/// What the first page of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: JournalId,
    pub(super) number: u64,
    pub(super) bytes: u32,
}

impl Header {
    /// The whole first page and the end mark after it: a segment that holds nothing yet.
    pub(super) fn encode(self) -> Vec<u8> {
        let mut page = vec![0; (HEADER_BYTES + HEAD_BYTES) as usize];
        page[..8].copy_from_slice(MAGIC);
        page[8..12].copy_from_slice(&VERSION.to_le_bytes());
        page[12..16].copy_from_slice(&self.bytes.to_le_bytes());
        page[16..24].copy_from_slice(&self.number.to_le_bytes());
        page[24..40].copy_from_slice(&self.id.0);
        let sum = crc32c::crc32c(&page[..40]);
        page[40..44].copy_from_slice(&sum.to_le_bytes());
        page
    }

    /// `None` if it is damaged; an error if it is whole and not for us.
    pub(super) fn decode(page: &[u8; 44]) -> Result<Option<Self>, &'static str> {
        if &page[..8] != MAGIC || u32_at(page, 40) != crc32c::crc32c(&page[..40]) {
            return Ok(None);
        }
        if u32_at(page, 8) != VERSION {
            return Err("a different version wrote it");
        }
        let (mut number, mut id) = ([0; 8], [0; 16]);
        number.copy_from_slice(&page[16..24]);
        id.copy_from_slice(&page[24..40]);
        Ok(Some(Self { id: JournalId(id), number: u64::from_le_bytes(number), bytes: u32_at(page, 12) }))
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}
