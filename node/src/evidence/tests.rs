//! Whoever alters evidence, adds to it or takes something away is found out, and honest evidence holds.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use prost::Message as _;
use proto::v1::{self, Kind, Precedence, Stage, document::Content};

use super::{
    signed_bytes,
    verify::{Fault, NotEvidence, Verdict, verify},
};
use crate::{
    identity::{
        Identity, Seals,
        testing::{DISTRICT, Network, RELAY},
    },
    io::Timestamp,
    post::{
        envelope::{Channel, DocId, Epoch, digest},
        seal::{Block, Sealer, Tip, Unsealed, seal},
    },
    topology::Unit,
};

/// An office that seals.
struct Office {
    hand: Seals,
    identity: Arc<Identity>,
    unit: &'static str,
    tip: Tip,
}

impl Office {
    fn of(network: &Network, id: &str, unit: &'static str) -> Self {
        let identity = network.station(id);
        let hand = Seals::new(Arc::new(ArcSwap::new(identity.clone())));
        Self { hand, identity, unit, tip: Tip::default() }
    }

    fn seal(&mut self, to: &str, papers: Vec<(v1::Header, Content)>) -> (Block, Vec<Bytes>) {
        let channel = Channel {
            origin: Unit::parse(self.unit).unwrap(),
            epoch: Epoch([1; 16]),
            destination: Unit::parse(to).unwrap(),
            precedence: Precedence::TeJi,
        };
        let body = |content| Bytes::from(v1::Document { content: Some(content) }.encode_to_vec());
        let papers: Vec<_> = papers.into_iter().map(|(header, content)| (header, body(content))).collect();
        let bodies = papers.iter().map(|(_, body)| body.clone()).collect();
        let unsealed = papers.into_iter().map(|(header, body)| {
            let header = v1::Header {
                body_digest: Bytes::copy_from_slice(&digest(&body)),
                body_length: body.len() as u64,
                ..header
            };
            Unsealed { header: Box::new(header), body }
        });
        let now = Timestamp::from_us(1_700_000_000_000_000);
        (seal(&channel, &mut self.tip, unsealed.collect(), false, now, &self.hand), bodies)
    }
}

fn report(n: u8) -> (v1::Header, Content) {
    let header = v1::Header {
        id: DocId([n; 16]).to_bytes(),
        incident: DocId([1; 16]).to_bytes(),
        kind: if n == 1 { Kind::InitialReport } else { Kind::FollowUpReport }.into(),
        position: n.into(),
        number: format!("R-420100-0919-000{n}"),
        ..Default::default()
    };
    (header, Content::Report(v1::Report { text: format!("第{n}报"), ..Default::default() }))
}

/// A receipt of this office for the first numbers of a block.
fn receipt(of: &str, about: &Block) -> (v1::Header, Content) {
    let receipt = v1::Receipt {
        about: Some(about.run.to_proto()),
        stage: Stage::Signed.into(),
        at_us: 1_700_000_001_000_000,
        station: of.to_owned(),
        officer: "王五".into(),
        ..Default::default()
    };
    let header = v1::Header { id: DocId([9; 16]).to_bytes(), kind: Kind::Receipt.into(), ..Default::default() };
    (header, Content::Receipts(v1::Receipts { receipts: vec![receipt] }))
}

fn stripped(block: &Block) -> Bytes {
    let mut raw = v1::Block::decode(block.bytes.clone()).unwrap();
    raw.bodies = Vec::new();
    raw.encode_to_vec().into()
}

/// Two reports of a district, signed for by its province, which gathers them.
struct Case {
    evidence: v1::Evidence,
    statement: v1::EvidenceStatement,
    province: Office,
}

impl Case {
    fn new(reports: &[u8], in_whose_name: &str) -> Self {
        let network = Network::new();
        let mut district = Office::of(&network, DISTRICT, "420100");
        let mut province = Office::of(&network, RELAY, "420000");
        let (block, mut bodies) = district.seal("000000", reports.iter().map(|n| report(*n)).collect());
        let (signed, words) = province.seal("420100", vec![receipt(in_whose_name, &block)]);
        bodies.extend(words);
        let blocks = vec![stripped(&block), stripped(&signed)];
        let digests = |all: &[Bytes]| all.iter().map(|one| Bytes::copy_from_slice(&digest(one))).collect();
        let way = |header: &v1::Header| v1::EvidenceWay { document: header.id.clone(), ..Default::default() };
        let statement = v1::EvidenceStatement {
            station: "420000".into(),
            trust_domain: "drill.test".into(),
            incident: DocId([1; 16]).to_bytes(),
            blocks: digests(&blocks),
            bodies: digests(&bodies),
            ways: block.headers.iter().map(way).collect(),
            ..Default::default()
        };
        let [roots, authorities] =
            province.identity.public().clone().map(|all| all.iter().map(|one| Bytes::copy_from_slice(one)).collect());
        let evidence = v1::Evidence { format: 1, roots, authorities, blocks, bodies, ..v1::Evidence::default() };
        let mut case = Self { evidence, statement, province };
        case.sign();
        case
    }

    /// The province signs for its list, as it is now.
    fn sign(&mut self) {
        self.evidence.statement = self.statement.encode_to_vec().into();
        self.evidence.signature =
            Bytes::copy_from_slice(&self.province.hand.sign(&signed_bytes(&self.evidence.statement)));
        self.evidence.signer = self.province.hand.certificate();
    }

    fn bytes(&self) -> Bytes {
        self.evidence.encode_to_vec().into()
    }

    fn verdict(&self) -> Verdict {
        verify(self.bytes()).unwrap()
    }
}

#[test]
fn row_4_7f_honest_evidence_holds_and_says_who_wrote_what() {
    let verdict = Case::new(&[1, 2], "420000").verdict();
    assert_eq!(verdict.faults, []);
    let numbers: Vec<_> = verdict.documents.iter().map(|one| one.header.number.as_str()).collect();
    assert_eq!(numbers, ["R-420100-0919-0001", "R-420100-0919-0002"]);
    assert!(verdict.documents.iter().all(|one| one.document.is_some()));
    let receipts: Vec<_> =
        verdict.receipts.iter().map(|(number, one)| (number.as_str(), one.officer.as_str())).collect();
    assert_eq!(receipts, [("R-420100-0919-0001", "王五"), ("R-420100-0919-0002", "王五")]);
}

/// A signature is told to everybody above and below, under a seal of its own for each.
#[test]
fn what_was_told_to_several_is_one_receipt() {
    let mut case = Case::new(&[1], "420000");
    let first = Block::trusted(case.evidence.blocks[0].clone()).unwrap();
    let (again, bodies) = case.province.seal("000000", vec![receipt("420000", &first)]);
    assert_eq!(case.evidence.bodies[1], bodies[0]);
    case.evidence.blocks.push(stripped(&again));
    case.statement.blocks.push(Bytes::copy_from_slice(&digest(&stripped(&again))));
    case.sign();
    let verdict = case.verdict();
    assert_eq!((verdict.receipts.len(), verdict.faults), (1, vec![]));
}

/// One bit anywhere, and it does not hold any more, or leads to another root, which whoever verifies will not know.
#[test]
fn row_4_7f_no_bit_can_be_altered() {
    let case = Case::new(&[1, 2], "420000");
    let (honest, bytes) = (case.verdict(), case.bytes());
    for at in 0..bytes.len() {
        let mut altered = bytes.to_vec();
        altered[at] ^= 1 << (at % 8);
        let Ok(verdict) = verify(altered.into()) else { continue };
        let noticed = !verdict.faults.is_empty() || verdict.roots != honest.roots;
        assert!(noticed, "bit {} of byte {at} of {} can be altered", at % 8, bytes.len());
    }
}

#[test]
fn what_was_cut_off_is_no_evidence_or_does_not_hold() {
    let bytes = Case::new(&[1], "420000").bytes();
    for length in 0..bytes.len() {
        let holds = verify(bytes.slice(..length)).is_ok_and(|verdict| verdict.faults.is_empty());
        assert!(!holds, "the first {length} bytes hold");
    }
    let newer = v1::Evidence { format: 2, ..Case::new(&[1], "420000").evidence };
    assert_eq!(verify(newer.encode_to_vec().into()).unwrap_err(), NotEvidence::Format { format: 2 });
}

#[test]
fn row_6_5_what_is_taken_out_or_put_in_is_missed_or_noticed() {
    let mut taken = Case::new(&[1, 2], "420000");
    taken.evidence.blocks.pop();
    assert_eq!(taken.verdict().faults, [Fault::Removed { count: 1 }]);
    let mut silenced = Case::new(&[1, 2], "420000");
    silenced.evidence.bodies.remove(0);
    let expected = [Fault::Removed { count: 1 }, Fault::NoBody { number: "R-420100-0919-0001".into() }];
    assert_eq!(silenced.verdict().faults, expected);
    let mut more = Case::new(&[1, 2], "420000");
    more.evidence.bodies.push(Bytes::from_static(b"more"));
    assert_eq!(more.verdict().faults, [Fault::Added { count: 1 }]);
    // The office that gathers leaves out a report, and signs for that.
    let partial = Case::new(&[1, 3], "420000");
    assert_eq!(partial.verdict().faults, [Fault::Missing { positions: vec![2] }]);
}

#[test]
fn the_office_that_gathers_cannot_write_for_others() {
    let usurped = Case::new(&[1], "000000");
    let fault = Fault::Usurped { origin: "420000".into(), station: "000000".into() };
    assert_eq!(usurped.verdict().faults, [fault]);
    assert!(usurped.verdict().receipts.is_empty());
    // A list somebody else is said to have signed.
    let mut other = Case::new(&[1], "420000");
    other.statement.station = "000000".into();
    other.sign();
    assert!(matches!(other.verdict().faults.as_slice(), [Fault::Statement { .. }]));
    // A block re-sealed by the province in the district's name.
    let mut forged = Case::new(&[1], "420000");
    forged.province.unit = "420100";
    let (block, bodies) = forged.province.seal("000000", vec![report(1)]);
    forged.evidence.blocks[0] = stripped(&block);
    forged.statement.blocks[0] = Bytes::copy_from_slice(&digest(&stripped(&block)));
    assert_eq!(forged.evidence.bodies[0], bodies[0]);
    forged.sign();
    assert!(matches!(forged.verdict().faults.as_slice(), [Fault::Seal { block: 1, .. }]));
}

#[test]
fn claims_that_make_no_sense_are_survived() {
    let mut case = Case::new(&[1], "420000");
    let mut endless = receipt("420000", &case.province.seal("420100", vec![report(1)]).0);
    if let Content::Receipts(receipts) = &mut endless.1 {
        let about = receipts.receipts[0].about.as_mut().unwrap();
        (about.first, about.count) = (5, 0);
    }
    let mut far = report(2);
    far.0.position = u32::MAX;
    let (block, bodies) = case.province.seal("420100", vec![endless, far]);
    case.statement.ways.push(v1::EvidenceWay { document: DocId([2; 16]).to_bytes(), ..Default::default() });
    case.evidence.blocks.push(stripped(&block));
    case.evidence.bodies.extend(bodies);
    case.statement.blocks = case.evidence.blocks.iter().map(|one| Bytes::copy_from_slice(&digest(one))).collect();
    case.statement.bodies = case.evidence.bodies.iter().map(|one| Bytes::copy_from_slice(&digest(one))).collect();
    case.sign();
    let faults = case.verdict().faults;
    assert!(matches!(faults.as_slice(), [Fault::Missing { positions }] if positions.len() == 998), "{faults:?}");
}
