//! Off the wire and onto it: messages become what the core understands, or a refusal that names what was wrong.

use bytes::Bytes;
use prost::Message as _;
use proto::v1::{self, Disposition};

use crate::{
    limits,
    post::{
        arrivals::{Arrived, bounded},
        envelope::Run,
        seal::{self, BadBlock, Checker},
    },
};

/// Version of the link protocol spoken here, and the oldest understood.
pub const VERSION: u32 = 1;
/// See [`VERSION`].
pub const VERSION_MIN: u32 = 1;

/// An offer, opened: what may go to the engine, and answers for what may not.
#[derive(Default)]
pub struct Opened {
    /// Bodies of broadcasts.
    pub bodies: Vec<(Bytes, Bytes)>,
    /// Blocks whose seal is good.
    pub arrived: Vec<Arrived>,
    /// Refusals of the others.
    pub refused: Vec<v1::Settlement>,
}

/// Opens what a neighbour offers. A block so broken that it cannot even be named ends the connection.
pub fn open(offer: v1::Offer, checker: &dyn Checker) -> Result<Opened, BadBlock> {
    let bodies = offer.bodies.into_iter().map(|shared| (own(shared.digest), shared.body)).collect();
    let mut opened = Opened { bodies, ..Opened::default() };
    for parcel in offer.parcels {
        let bytes = own(parcel.block);
        match seal::open(bytes.clone(), checker) {
            Ok(block) => opened.arrived.push(Arrived { block, passages: bounded(parcel.passages) }),
            Err(bad) => opened.refused.push(refusal(&bytes, &bad)?),
        }
    }
    Ok(opened)
}

/// Small pieces are copied out of the receive buffer: a slice would keep all of it in memory.
fn own(bytes: Bytes) -> Bytes {
    if bytes.len() < 32 * 1024 { Bytes::copy_from_slice(&bytes) } else { bytes }
}

fn refusal(bytes: &Bytes, bad: &BadBlock) -> Result<v1::Settlement, BadBlock> {
    let named = v1::Block::decode(bytes.clone()).ok().and_then(|block| v1::Head::decode(block.head).ok());
    let Some(head) = named.filter(|head| head.count as usize <= limits::BLOCK_ENVELOPES_MAX) else {
        return Err(bad.clone());
    };
    let channel = v1::ChannelId {
        origin: head.origin,
        epoch: head.epoch,
        destination: head.destination,
        precedence: head.precedence,
    };
    Ok(v1::Settlement {
        range: Some(v1::Range { channel: Some(channel), first: head.first, count: head.count }),
        disposition: Disposition::Refused.into(),
        code: bad.code().word().to_owned(),
        reason: bad.to_string(),
        ..Default::default()
    })
}

/// The runs a neighbour misses, or has no more; malformed ones are passed over: what matters is said again.
pub fn runs(ranges: &[v1::Range]) -> Vec<Run> {
    ranges.iter().take(1024).filter_map(|range| Run::parse(range).ok()).filter(|run| run.count > 0).collect()
}

/// Whether two stations can speak to each other: each must know the other's version or an older common one.
pub fn speaks(hello: &v1::Hello) -> Result<u32, String> {
    let common = VERSION.min(hello.version);
    if common >= VERSION_MIN.max(hello.version_min) {
        return Ok(common);
    }
    Err(format!(
        "{:.32} speaks link versions {}–{}, this station {VERSION_MIN}–{VERSION}: upgrade the older of the two",
        hello.unit, hello.version_min, hello.version
    ))
}
