//! What a neighbour sends: frames, blocks, certificates.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use bytes::Bytes;
use node::{
    evidence::verify::verify,
    identity::{Identity, Seals},
    link::wire,
    post::{
        envelope::{Channel, Epoch, digest},
        seal::{self, Block, Checker, Sealer, Tip, Unsealed},
    },
    topology::{Topology, Unit},
};
use prost::Message as _;
use proto::v1::{self, Precedence, frame::Frame};

use crate::world::{Hand, Hands};

/// A channel from one office to another.
pub(super) fn channel(origin: &str, destination: &str, precedence: Precedence) -> Channel {
    let unit = |text| Unit::parse(text).unwrap();
    Channel { origin: unit(origin), epoch: Epoch([3; 16]), destination: unit(destination), precedence }
}

/// A block of so many envelopes; its text travels apart if it is shared.
pub(super) fn sealed(channel: &Channel, tip: &mut Tip, count: u8, shared: bool) -> Block {
    let envelopes = (0..count).map(|n| {
        let body = Bytes::from(vec![n; 40]);
        let header = v1::Header {
            id: vec![n; 16].into(),
            kind: v1::Kind::InitialReport.into(),
            body_digest: digest(&body).to_vec().into(),
            body_length: body.len() as u64,
            ..Default::default()
        };
        Unsealed { header: Box::new(header), body }
    });
    let now = node::io::Timestamp::from_us(1_700_000_000_000_000);
    seal::seal(channel, tip, envelopes.collect(), shared, now, &Hand::of(channel.origin.as_str()))
}

/// All that was ever sealed here.
fn all() -> &'static [Block] {
    static ALL: OnceLock<Vec<Block>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut tip = Tip::default();
        let up = channel("420100", "000000", Precedence::TeJi);
        let mut blocks: Vec<_> = [1, 3].iter().map(|count| sealed(&up, &mut tip, *count, false)).collect();
        blocks.push(sealed(&channel("000000", "420100", Precedence::TeTi), &mut Tip::default(), 1, true));
        blocks
    })
}

/// A seal that holds is on what was sealed.
fn is_genuine(block: &Block) {
    let same = |known: &&Block| known.headers == block.headers && known.run == block.run;
    let known = all().iter().find(same);
    let known = known.unwrap_or_else(|| panic!("{:?} was never sealed, and its seal holds", block.run));
    // Without bodies it is one whose bodies travel apart, each under its digest in a header.
    assert!(block.shared || block.bodies == known.bodies, "a text was changed under its seal");
    assert_eq!(u64::from(block.run.count), block.headers.len() as u64);
}

pub(super) fn blocks() -> Vec<Vec<u8>> {
    all().iter().map(|block| block.bytes.to_vec()).collect()
}

pub(super) fn block(bytes: &[u8]) {
    if let Ok(block) = seal::open(Bytes::copy_from_slice(bytes), &Hands) {
        is_genuine(&block);
    }
}

pub(super) fn frames() -> Vec<Vec<u8>> {
    let range = |first, count| v1::Range {
        channel: Some(channel("420100", "000000", Precedence::TeJi).to_proto()),
        first,
        count,
    };
    let ranges = vec![range(1, 3), range(7, 1)];
    let body = Bytes::from_static(&[0; 40]);
    let parcels =
        all().iter().map(|block| v1::Parcel { block: block.bytes.clone(), passages: vec![v1::Passage::default()] });
    let offer = v1::Offer {
        bodies: vec![v1::SharedBody { digest: digest(&body).to_vec().into(), body }],
        parcels: parcels.collect(),
    };
    let settlement = v1::Settlement {
        range: Some(range(1, 3)),
        disposition: v1::Disposition::Refused.into(),
        code: "disk-full".into(),
        reason: "磁盘已满".into(),
        ..Default::default()
    };
    let hello = v1::Hello {
        version: 1,
        version_min: 1,
        unit: "420100".into(),
        software: "0.1.0".into(),
        heard: ranges.clone(),
    };
    let frames = [
        Frame::Hello(hello),
        Frame::Offer(offer),
        Frame::Settlements(v1::Settlements { settlements: vec![settlement] }),
        Frame::Heartbeat(v1::Heartbeat { sequence: 3, sent_us: -1, answer_now: true, ..Default::default() }),
        Frame::Missing(v1::Missing { ranges: ranges.clone() }),
        Frame::Gone(v1::Gone { ranges }),
    ];
    frames.map(|frame| v1::Frame { frame: Some(frame) }.encode_to_vec()).to_vec()
}

pub(super) fn frame(bytes: &[u8]) {
    let Ok(frame) = v1::Frame::decode(bytes) else { return };
    let again = v1::Frame::decode(frame.encode_to_vec().as_slice()).unwrap();
    assert_eq!(again, frame, "a frame that was read means something else when it is passed on");
    match frame.frame {
        Some(Frame::Offer(offer)) => {
            if let Ok(opened) = wire::open(offer, &Hands) {
                opened.arrived.iter().for_each(|arrived| is_genuine(&arrived.block));
            }
        }
        Some(Frame::Hello(hello)) => _ = wire::speaks(&hello),
        Some(Frame::Missing(v1::Missing { ranges }) | Frame::Gone(v1::Gone { ranges })) => {
            for run in wire::runs(&ranges) {
                assert!(run.count > 0 && run.last() >= run.first);
            }
        }
        _ => {}
    }
}

/// A station of a network made here, and what it signed.
struct Signer {
    seals: Seals,
    /// Roots, and who issued signing certificates.
    public: [Vec<Bytes>; 2],
    signature: [u8; 64],
    _bundle: tempfile::TempDir,
}

const MESSAGE: &[u8] = b"a head";

fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| {
        let topology = crate::country::small();
        let tree = Arc::new(Topology::parse(&topology).unwrap());
        let now = time::OffsetDateTime::now_utc();
        let authority = certs::Authority::create("trial", &tree.network.trust_domain, now).unwrap();
        let bundle = tempfile::tempdir().unwrap();
        let issued = authority.issue_station(certs::Tier::Province, "420000", now).unwrap();
        let folder = bundle.path().join("identity");
        issued.write(&folder, &topology).unwrap();
        let identity = Identity::load(&folder, tree).unwrap();
        let public = identity.public().clone().map(|all| all.iter().map(|one| Bytes::copy_from_slice(one)).collect());
        let seals = Seals::new(Arc::new(ArcSwap::from_pointee(identity)));
        let signature = seals.sign(MESSAGE);
        Signer { seals, public, signature, _bundle: bundle }
    })
}

pub(super) fn certificates() -> Vec<Vec<u8>> {
    vec![signer().seals.certificate().to_vec()]
}

pub(super) fn certificate(der: &[u8]) {
    let Signer { seals, signature, .. } = signer();
    if let Ok(key) = seals.check(der, "420000", MESSAGE, signature) {
        assert_eq!(key, seals.key_id(), "another key's certificate was believed");
    }
    assert!(seals.check(der, "420100", MESSAGE, signature).is_err(), "it speaks for another office");
    assert!(seals.check(der, "420000", b"another head", signature).is_err(), "it signed something else");
}

/// Evidence of one event: two reports of the station made here.
pub(super) fn evidences() -> Vec<Vec<u8>> {
    let Signer { seals, public, .. } = signer();
    let up = channel("420000", "000000", Precedence::TeJi);
    let bodies: Vec<Bytes> = (1..3).map(|n| papers(n).encode_to_vec().into()).collect();
    let envelopes = (1..).zip(&bodies).map(|(n, body)| {
        let header = v1::Header {
            id: vec![n; 16].into(),
            incident: vec![1; 16].into(),
            position: n.into(),
            kind: v1::Kind::InitialReport.into(),
            body_digest: digest(body).to_vec().into(),
            body_length: body.len() as u64,
            ..Default::default()
        };
        Unsealed { header: Box::new(header), body: body.clone() }
    });
    let now = node::io::Timestamp::from_us(1_700_000_000_000_000);
    let block = seal::seal(&up, &mut Tip::default(), envelopes.collect(), true, now, seals).bytes;
    let statement = v1::EvidenceStatement {
        station: "420000".into(),
        trust_domain: Topology::parse(&crate::country::small()).unwrap().network.trust_domain,
        incident: vec![1; 16].into(),
        blocks: vec![digest(&block).to_vec().into()],
        bodies: bodies.iter().map(|body| digest(body).to_vec().into()).collect(),
        ways: (1..3).map(|n| v1::EvidenceWay { document: vec![n; 16].into(), ..Default::default() }).collect(),
        ..Default::default()
    };
    let statement = Bytes::from(statement.encode_to_vec());
    let [roots, authorities] = public.clone();
    let evidence = v1::Evidence {
        format: 1,
        signature: seals.sign(&[b"zhuji/evidence/v1", &statement[..]].concat()).to_vec().into(),
        signer: seals.certificate(),
        statement,
        roots,
        authorities,
        blocks: vec![block],
        bodies,
    };
    vec![evidence.encode_to_vec()]
}

fn papers(n: u8) -> v1::Document {
    let report = v1::Report { text: format!("第{n}报"), ..Default::default() };
    v1::Document { content: Some(v1::document::Content::Report(report)) }
}

/// Evidence that holds and leads to our root says what was sealed, all of it, and nothing else.
pub(super) fn evidence(bytes: &[u8]) {
    let Ok(verdict) = verify(Bytes::copy_from_slice(bytes)) else { return };
    let ours: Vec<_> = signer().public[0].iter().map(|root| digest(root)).collect();
    if verdict.faults.is_empty() && verdict.roots == ours {
        let said: Vec<_> = verdict.documents.into_iter().map(|one| one.document).collect();
        assert_eq!(said, [Some(papers(1)), Some(papers(2))], "it says something that nobody wrote");
    }
}
