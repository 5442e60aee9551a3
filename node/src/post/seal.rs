//! Sealing and opening blocks: one signature over a head, a chain of hashes below it.
//!
//! The head signs the hash of its last header; every header carries the hash of the one before it and the digest of
//! its body. So one signature covers the block, and a byte changed anywhere is found. A block is carried as the
//! bytes its origin sealed; opening reads it, nothing ever writes it again.

use bytes::Bytes;
use prost::Message as _;
use proto::v1;

use super::{
    envelope::{BadChannel, Channel, Digest, DocId, Run, digest},
    refusal::Code,
};
use crate::{io::Timestamp, limits};

/// What a head's signature is made over, in front of the head's own bytes.
const HEAD_DOMAIN: &[u8] = b"zhuji/head/v1";
/// Format and suite of what is written today.
const FORMAT: u32 = 1;
const SUITE: u32 = 1;

/// The office's hand: signs what this station writes.
pub trait Sealer: Send + Sync {
    /// Signs a message.
    fn sign(&self, message: &[u8]) -> [u8; 64];
    /// The certificate that says whose hand this is.
    fn certificate(&self) -> Bytes;
    /// SHA-256 of the public key.
    fn key_id(&self) -> Digest;
}

/// Tells whether a signature is the named office's.
pub trait Checker: Send + Sync {
    /// `Ok` if `certificate` belongs to `unit` and its key made `signature` over `message`.
    fn check(&self, certificate: &[u8], unit: &str, message: &[u8], signature: &[u8]) -> Result<Digest, String>;
}

/// A header and its body, numbered later.
#[derive(Debug, Clone)]
pub struct Unsealed {
    /// Everything but the channel, the number and the chain.
    pub header: Box<v1::Header>,
    /// The encoded document.
    pub body: Bytes,
}

/// Where a channel stands: the next number, and the hash of the header before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tip {
    /// The last number given out; 0 = none.
    pub last: u64,
    /// Hash of that header; empty = none.
    pub hash: Bytes,
}

impl Tip {
    /// Where a channel stands after a block. Owns its hash: a slice would keep all of the block in memory.
    pub fn of(block: &Block) -> Self {
        Self { last: block.run.last(), hash: Bytes::copy_from_slice(&block.head.last) }
    }
}

/// Numbers, chains and signs up to a block's worth of envelopes. Bodies go inside unless `shared`.
pub fn seal(
    channel: &Channel,
    tip: &mut Tip,
    envelopes: Vec<Unsealed>,
    shared: bool,
    now: Timestamp,
    sealer: &dyn Sealer,
) -> Block {
    let before = tip.clone();
    let epoch = Bytes::copy_from_slice(&channel.epoch.0);
    let room = || Vec::with_capacity(envelopes.len());
    let (mut headers, mut raw_headers, mut bodies) = (Vec::with_capacity(envelopes.len()), room(), room());
    for Unsealed { mut header, body } in envelopes {
        header.format = FORMAT;
        header.suite = SUITE;
        header.origin = channel.origin.to_string();
        header.epoch = epoch.clone();
        header.destination = channel.destination.to_string();
        header.precedence = channel.precedence.into();
        header.sequence = tip.last + 1;
        header.previous = tip.hash.clone();
        let raw = Bytes::from(header.encode_to_vec());
        *tip = Tip { last: header.sequence, hash: Bytes::copy_from_slice(&digest(&raw)) };
        raw_headers.push(raw);
        headers.push(*header);
        bodies.push(body);
    }
    let count = u32::try_from(headers.len()).unwrap_or(u32::MAX);
    let head = v1::Head {
        format: FORMAT,
        suite: SUITE,
        origin: channel.origin.to_string(),
        epoch,
        destination: channel.destination.to_string(),
        precedence: channel.precedence.into(),
        first: before.last + 1,
        count,
        previous: before.hash,
        last: tip.hash.clone(),
        sealed_at_us: now.us(),
        next_by_us: (now + limits::HEAD_EVERY).us(),
        signer_key: Bytes::copy_from_slice(&sealer.key_id()),
        bundle_sequence: 0,
        checkpoint: Bytes::new(),
    };
    let raw_head = Bytes::from(head.encode_to_vec());
    let signature = sealer.sign(&signed_bytes(&raw_head));
    let mut raw = v1::Block {
        head: raw_head,
        signature: Bytes::copy_from_slice(&signature),
        signer: sealer.certificate(),
        headers: raw_headers,
        bodies: Vec::new(),
    };
    let run = Run { channel: channel.clone(), first: head.first, count };
    let bytes = if shared {
        raw.encode_to_vec()
    } else {
        raw.bodies = bodies;
        let bytes = raw.encode_to_vec();
        bodies = raw.bodies;
        bytes
    };
    Block { bytes: Bytes::from(bytes), head, run, headers, bodies, shared }
}

fn signed_bytes(raw_head: &[u8]) -> Vec<u8> {
    [HEAD_DOMAIN, raw_head].concat()
}

/// A block whose parts have been read, beside the bytes they were read from.
#[derive(Debug, Clone)]
pub struct Block {
    /// Exactly as sealed.
    pub bytes: Bytes,
    /// What was signed.
    pub head: v1::Head,
    /// Which numbers of which channel these are.
    pub run: Run,
    /// In order of their numbers.
    pub headers: Vec<v1::Header>,
    /// One a header; empty if they travel by digest and were not looked up.
    pub bodies: Vec<Bytes>,
    /// Whether bodies travel by digest.
    pub shared: bool,
}

impl Block {
    /// Reads a block this station has checked before.
    pub fn trusted(bytes: Bytes) -> Result<Self, BadBlock> {
        read(bytes).map(|(block, _)| block)
    }

    /// The number of the envelope at `index`.
    pub fn sequence(&self, index: usize) -> u64 {
        self.run.first + index as u64
    }
}

/// One envelope of a block this station has checked before, and nothing of the others.
pub fn envelope(block: Bytes, index: usize) -> Option<(v1::Header, Option<Bytes>)> {
    let raw = v1::Block::decode(block).ok()?;
    let header = v1::Header::decode(raw.headers.get(index)?.clone()).ok()?;
    Some((header, raw.bodies.get(index).cloned()))
}

/// Opens a block that came off a link: everything is checked, nothing is believed.
pub fn open(bytes: Bytes, checker: &dyn Checker) -> Result<Block, BadBlock> {
    let (block, raw) = read(bytes)?;
    let head = &block.head;
    if head.format != FORMAT || head.suite != SUITE {
        return Err(BadBlock::Format { format: head.format, suite: head.suite });
    }
    let key = checker
        .check(&raw.signer, &head.origin, &signed_bytes(&raw.head), &raw.signature)
        .map_err(|why| BadBlock::Signature { origin: head.origin.clone(), why })?;
    if head.signer_key != key.as_slice() {
        return Err(BadBlock::Signature { origin: head.origin.clone(), why: "the head names another key".into() });
    }
    let mut hash;
    let mut previous: &[u8] = &head.previous;
    for (index, (header, raw_header)) in block.headers.iter().zip(&raw.headers).enumerate() {
        let number = block.sequence(index);
        let same_channel = header.origin == head.origin
            && header.epoch == head.epoch
            && header.destination == head.destination
            && header.precedence == head.precedence;
        if !same_channel || header.sequence != number || header.previous != previous {
            return Err(BadBlock::Chain { number });
        }
        if header.format != FORMAT || header.suite != SUITE || DocId::from_slice(&header.id).is_none() {
            return Err(BadBlock::Header { number });
        }
        if let Some(body) = block.bodies.get(index) {
            check_body(header, body)?;
        }
        hash = digest(raw_header);
        previous = &hash;
    }
    if previous != head.last {
        return Err(BadBlock::Chain { number: block.run.last() });
    }
    Ok(block)
}

/// Whether a body is the one its header was written for.
pub fn check_body(header: &v1::Header, body: &[u8]) -> Result<(), BadBlock> {
    if header.body_length != body.len() as u64 || header.body_digest != digest(body).as_slice() {
        return Err(BadBlock::Body { number: header.sequence });
    }
    Ok(())
}

fn read(bytes: Bytes) -> Result<(Block, v1::Block), BadBlock> {
    let raw = v1::Block::decode(bytes.clone()).map_err(|_| BadBlock::Malformed("block"))?;
    let head = v1::Head::decode(raw.head.clone()).map_err(|_| BadBlock::Malformed("head"))?;
    let channel = Channel::of(&head.origin, &head.epoch, &head.destination, head.precedence)?;
    let count = raw.headers.len();
    let counted = head.count as usize == count && (1..=limits::BLOCK_ENVELOPES_MAX).contains(&count);
    let bodied = raw.bodies.is_empty() || raw.bodies.len() == count;
    if !counted || !bodied || head.first == 0 || head.first.checked_add(u64::from(head.count)).is_none() {
        return Err(BadBlock::Malformed("count"));
    }
    let headers = raw
        .headers
        .iter()
        .map(|raw| v1::Header::decode(raw.clone()).map_err(|_| BadBlock::Malformed("header")))
        .collect::<Result<Vec<_>, _>>()?;
    if raw.bodies.iter().any(|body| body.len() > limits::BODY_BYTES_MAX) {
        return Err(BadBlock::Malformed("body length"));
    }
    let run = Run { channel, first: head.first, count: head.count };
    let (bodies, shared) = (raw.bodies.clone(), raw.bodies.is_empty());
    Ok((Block { bytes, head, run, headers, bodies, shared }, raw))
}

/// Why a block was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBlock {
    /// Not a block.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// From a newer or foreign network.
    #[error("format {format} with suite {suite} is unknown here; this station may need an upgrade")]
    Format {
        /// What it says.
        format: u32,
        /// What it says.
        suite: u32,
    },
    /// Its channel is not one.
    #[error(transparent)]
    Channel(#[from] BadChannel),
    /// Not signed by the office it names.
    #[error("the seal is not {origin}'s: {why}")]
    Signature {
        /// Who it says wrote it.
        origin: String,
        /// What was wrong.
        why: String,
    },
    /// A header that does not follow the one before it, or is of another channel.
    #[error("the chain of headers breaks at number {number}")]
    Chain {
        /// Where.
        number: u64,
    },
    /// A header of a format this station does not read.
    #[error("header {number} is malformed")]
    Header {
        /// Which.
        number: u64,
    },
    /// A body that is not the one its header names.
    #[error("the body of number {number} is not what its header says")]
    Body {
        /// Which.
        number: u64,
    },
}

impl BadBlock {
    /// What is told to whoever offered it.
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed(_) | Self::Header { .. } => Code::Malformed,
            Self::Format { .. } | Self::Channel(BadChannel::Precedence(_)) => Code::UnknownFormat,
            Self::Channel(_) => Code::Malformed,
            Self::Signature { .. } => Code::SealNotTheirs,
            Self::Chain { .. } => Code::AlteredHeader,
            Self::Body { .. } => Code::AlteredBody,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
    use proptest::prelude::*;

    use super::*;
    use crate::{post::envelope::Epoch, topology::Unit};

    /// A hand whose "certificate" is its unit and its bare public key.
    pub(crate) struct Hand(Ed25519KeyPair, String);

    impl Hand {
        pub(crate) fn of(unit: &str) -> Self {
            let mut seed = [7; 32];
            seed[..unit.len()].copy_from_slice(unit.as_bytes());
            Self(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap(), unit.to_owned())
        }
    }

    impl Sealer for Hand {
        fn sign(&self, message: &[u8]) -> [u8; 64] {
            self.0.sign(message).as_ref().try_into().unwrap()
        }
        fn certificate(&self) -> Bytes {
            [self.0.public_key().as_ref(), self.1.as_bytes()].concat().into()
        }
        fn key_id(&self) -> Digest {
            digest(self.0.public_key().as_ref())
        }
    }

    /// Checks hands made by [`Hand::of`]: the key must be the one that unit would have.
    pub(crate) struct Hands;

    impl Checker for Hands {
        fn check(&self, certificate: &[u8], unit: &str, message: &[u8], signature: &[u8]) -> Result<Digest, String> {
            let hand = Hand::of(unit);
            if certificate != hand.certificate() {
                return Err("certificate of another".into());
            }
            UnparsedPublicKey::new(&ED25519, hand.0.public_key().as_ref())
                .verify(message, signature)
                .map_err(|_| "bad signature".to_owned())?;
            Ok(hand.key_id())
        }
    }

    fn block(count: u8) -> Block {
        let channel = Channel {
            origin: Unit::parse("420100").unwrap(),
            epoch: Epoch([3; 16]),
            destination: Unit::parse("000000").unwrap(),
            precedence: v1::Precedence::TeJi,
        };
        let envelopes = (0..count).map(|n| {
            let body = Bytes::from(vec![n; 40]);
            Unsealed {
                header: Box::new(v1::Header {
                    id: vec![n; 16].into(),
                    body_digest: digest(&body).to_vec().into(),
                    body_length: 40,
                    ..Default::default()
                }),
                body,
            }
        });
        seal(&channel, &mut Tip::default(), envelopes.collect(), false, Timestamp::from_us(5), &Hand::of("420100"))
    }

    #[test]
    fn opens_what_was_sealed() {
        let sealed = block(3);
        let opened = open(sealed.bytes.clone(), &Hands).unwrap();
        assert_eq!(opened.run, sealed.run);
        assert_eq!(opened.headers, sealed.headers);
        assert_eq!(opened.bodies, sealed.bodies);
    }

    proptest! {
        /// A relay that changes any one byte is found out.
        #[test]
        fn any_flipped_byte_is_noticed(count in 1u8..5, at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let sealed = block(count);
            let mut bytes = sealed.bytes.to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            // A flip may rename an unknown field of the outer wrapper; what it says must still be what was sealed.
            if let Ok(opened) = open(bytes.into(), &Hands) {
                prop_assert_eq!(opened.headers, sealed.headers);
                // Without bodies it is one whose bodies travel apart, each under its digest in a header.
                prop_assert!(opened.shared || opened.bodies == sealed.bodies);
            }
        }
    }

    #[test]
    fn another_office_cannot_seal_for_this_one() {
        let sealed = block(1);
        let mut raw = v1::Block::decode(sealed.bytes).unwrap();
        let thief = Hand::of("350200");
        raw.signer = thief.certificate();
        raw.signature = thief.sign(&signed_bytes(&raw.head)).to_vec().into();
        let error = open(raw.encode_to_vec().into(), &Hands).unwrap_err();
        assert_eq!(error.code(), Code::SealNotTheirs);
    }

    #[test]
    fn a_withheld_middle_breaks_the_chain() {
        let mut raw = v1::Block::decode(block(3).bytes).unwrap();
        raw.headers.remove(1);
        raw.bodies.remove(1);
        assert!(matches!(open(raw.encode_to_vec().into(), &Hands), Err(BadBlock::Malformed("count"))));
    }
}
