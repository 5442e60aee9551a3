//! The names of things that travel: documents, epochs, channels, and where a block lies in the journal.

use std::fmt;

use bytes::Bytes;
use proto::v1::{self, Precedence};

use crate::{io::Timestamp, topology::Unit};

/// Names one document; the copies of a broadcast share it. A UUIDv7: its first 48 bits are the moment of filing,
/// which is how a block is found again without an index entry per document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocId(pub [u8; 16]);

impl DocId {
    /// Mints an id for a document filed at `now`.
    pub fn mint(now: Timestamp, random: [u8; 10]) -> Self {
        Self(*uuid::Builder::from_unix_timestamp_millis(now.ms(), &random).as_uuid().as_bytes())
    }

    /// The id of the next document of the same moment (RFC 9562 §6.2, method 2): as unique as this one, in order, and
    /// no dice are needed.
    pub fn following(self) -> Self {
        const COUNTS: u128 = (1 << 56) - 1;
        let id = u128::from_be_bytes(self.0);
        Self((id & !COUNTS | (id & COUNTS).wrapping_add(1) & COUNTS).to_be_bytes())
    }

    /// Reads an id off the wire.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The millisecond in which the document was filed.
    pub fn ms(self) -> u64 {
        let mut wide = [0; 8];
        wide[2..].copy_from_slice(&self.0[..6]);
        u64::from_be_bytes(wide)
    }

    /// The id as it goes onto the wire.
    pub fn to_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&uuid::Uuid::from_bytes(self.0), f)
    }
}

impl fmt::Debug for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One life of a station's store. Numbers never restart inside one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub [u8; 16]);

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}…", u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]))
    }
}

/// SHA-256.
pub type Digest = [u8; 32];

/// SHA-256 of some bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}

/// One numbered line of envelopes: who writes, in which life, to whom, how fast.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Channel {
    /// The office that writes.
    pub origin: Unit,
    /// Which life of its store.
    pub epoch: Epoch,
    /// The office it writes to.
    pub destination: Unit,
    /// Speed of service.
    pub precedence: Precedence,
}

impl Channel {
    /// Reads a channel off the wire.
    pub fn parse(id: &v1::ChannelId) -> Result<Self, BadChannel> {
        Self::of(&id.origin, &id.epoch, &id.destination, id.precedence)
    }

    /// Puts a channel together from its parts on the wire.
    pub fn of(origin: &str, epoch: &[u8], destination: &str, precedence: i32) -> Result<Self, BadChannel> {
        let unit = |text: &str| Unit::parse(text).map_err(|_| BadChannel::Unit(text.chars().take(64).collect()));
        Ok(Self {
            origin: unit(origin)?,
            epoch: Epoch(epoch.try_into().map_err(|_| BadChannel::Epoch(epoch.len()))?),
            destination: unit(destination)?,
            precedence: Precedence::try_from(precedence).map_err(|_| BadChannel::Precedence(precedence))?,
        })
    }

    /// The channel as it goes onto the wire.
    pub fn to_proto(&self) -> v1::ChannelId {
        v1::ChannelId {
            origin: self.origin.to_string(),
            epoch: Bytes::copy_from_slice(&self.epoch.0),
            destination: self.destination.to_string(),
            precedence: self.precedence.into(),
        }
    }
}

/// What on the wire was not a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadChannel {
    /// A malformed unit id.
    #[error("`{0}` is not a unit id")]
    Unit(String),
    /// An epoch of the wrong length.
    #[error("an epoch has 16 bytes, not {0}")]
    Epoch(usize),
    /// A precedence this software does not know.
    #[error("precedence {0} is unknown here; this station may need an upgrade")]
    Precedence(i32),
}

/// A run of numbers in one channel.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Run {
    /// Which channel.
    pub channel: Channel,
    /// The first number.
    pub first: u64,
    /// How many; at least one.
    pub count: u32,
}

impl Run {
    /// Reads a range off the wire.
    pub fn parse(range: &v1::Range) -> Result<Self, BadChannel> {
        let channel = Channel::parse(range.channel.as_ref().unwrap_or(&v1::ChannelId::default()))?;
        Ok(Self { channel, first: range.first, count: range.count })
    }

    /// The last number.
    pub fn last(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count).saturating_sub(1))
    }

    /// The run as it goes onto the wire.
    pub fn to_proto(&self) -> v1::Range {
        v1::Range { channel: Some(self.channel.to_proto()), first: self.first, count: self.count }
    }
}

/// Where a record lies in the journal. Opaque here: handed out by the store, handed back to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    /// Which segment file.
    pub segment: u64,
    /// Where in it.
    pub offset: u32,
    /// How long.
    pub length: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_moment_follow_each_other() {
        let at = Timestamp::from_us(1_790_000_000_000_000);
        for random in [[0; 10], [7; 10], [0xff; 10]] {
            let first = DocId::mint(at, random);
            let second = first.following();
            let version = |id: DocId| uuid::Uuid::from_bytes(id.0).get_version_num();
            assert_eq!((second.ms(), version(second)), (first.ms(), 7));
            assert_eq!(second.0[..9], first.0[..9], "only what counts changes");
            assert!(second != first && second.following() != first);
        }
        assert!(DocId::mint(at, [1; 10]) < DocId::mint(at, [1; 10]).following());
    }
}
