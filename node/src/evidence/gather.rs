//! Putting evidence together, a little at a time, so that nothing urgent waits for it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;
use proto::v1::{self, Kind, document::Content};

use super::{FORMAT, signed_bytes};
use crate::{
    io::Timestamp,
    plan::Desk,
    post::{
        envelope::{Channel, DocId, Run, digest},
        seal::{Block, Sealer},
        view::Copy,
    },
};

/// Blocks looked at in one go.
const STEP: usize = 64;

/// Who hands it out, and what for.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The network.
    pub trust_domain: String,
    /// Who answers for it.
    pub officer: String,
    /// For whom, or under which reference.
    pub purpose: String,
    /// The roots (DER).
    pub roots: Vec<Bytes>,
    /// Who issued signing certificates (DER).
    pub authorities: Vec<Bytes>,
}

/// Evidence on its way.
#[derive(Debug)]
pub struct Gathering {
    incident: DocId,
    blocks: BTreeMap<u64, Bytes>,
    bodies: BTreeMap<Bytes, Bytes>,
    ways: Vec<v1::EvidenceWay>,
    /// The envelopes it is about.
    about: BTreeSet<(Channel, u64)>,
    /// Which block is looked at next for receipts; `None` = all have been.
    next: Option<u64>,
}

impl Gathering {
    /// Begins with the documents of the event: its reports, what was ordered because of it, and the policies they were
    /// written under.
    pub fn of(desk: Desk<'_>, incident: DocId) -> Self {
        let post = desk.post;
        let (blocks, bodies, ways, about) = Default::default();
        let mut all = Self { incident, blocks, bodies, ways, about, next: None };
        let named = post.incident(incident, desk.read).into_iter().chain(post.beside(incident, desk.read));
        let mut ids: Vec<DocId> = Vec::new();
        let mut policies = BTreeSet::new();
        for copy in named {
            policies.insert(copy.header.policy.clone());
            if !ids.contains(&copy.id()) {
                ids.push(copy.id());
            }
        }
        let copies = ids.into_iter().flat_map(|id| post.copies(id, desk.read));
        let released = post.releases().iter().filter_map(|id| post.release(*id, desk.read));
        let released = released.filter(|copy| {
            let body = post.body(copy, desk.read).and_then(|body| v1::Document::decode(body).ok());
            let content = body.and_then(|document| document.content);
            matches!(content, Some(Content::PolicyRelease(release)) if policies.contains(&release.version))
        });
        copies.chain(released).for_each(|copy| all.take(desk, &copy));
        all.next = all.blocks.keys().next().copied();
        all
    }

    /// Whether there is no more to look for.
    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// Looks through the next blocks for receipts about these documents.
    pub fn look(&mut self, desk: Desk<'_>) {
        let Some(from) = self.next else { return };
        let (arrivals, next) = desk.post.oldest_from(from, STEP);
        for (arrival, _) in arrivals.into_iter().filter(|(_, documents)| !documents) {
            let Some(block) = desk.post.block(arrival, desk.read) else { continue };
            for (header, body) in block.headers.iter().zip(&block.bodies) {
                if header.kind() == Kind::Receipt && self.is_about(body) {
                    self.keep(arrival, &block);
                    self.bodies.insert(header.body_digest.clone(), body.clone());
                }
            }
        }
        self.next = next;
    }

    /// Seals it with the hand of the office here.
    pub fn seal(self, me: &str, errand: Errand, now: Timestamp, hand: &dyn Sealer) -> v1::Evidence {
        let digests =
            |all: &mut dyn Iterator<Item = &Bytes>| all.map(|one| Bytes::copy_from_slice(&digest(one))).collect();
        let statement = v1::EvidenceStatement {
            station: me.to_owned(),
            trust_domain: errand.trust_domain,
            at_us: now.us(),
            officer: errand.officer,
            purpose: errand.purpose,
            incident: self.incident.to_bytes(),
            blocks: digests(&mut self.blocks.values()),
            bodies: digests(&mut self.bodies.values()),
            ways: self.ways,
        };
        let statement = Bytes::from(statement.encode_to_vec());
        v1::Evidence {
            format: FORMAT,
            signature: Bytes::copy_from_slice(&hand.sign(&signed_bytes(&statement))),
            signer: hand.certificate(),
            statement,
            roots: errand.roots,
            authorities: errand.authorities,
            blocks: self.blocks.into_values().collect(),
            bodies: self.bodies.into_values().collect(),
        }
    }

    fn take(&mut self, desk: Desk<'_>, copy: &Copy) {
        let Some(block) = desk.post.block(copy.arrival, desk.read) else { return };
        if !self.about.insert((copy.channel.clone(), copy.number)) {
            return;
        }
        self.keep(copy.arrival, &block);
        if let Some(body) = desk.post.body(copy, desk.read) {
            self.bodies.insert(copy.header.body_digest.clone(), body);
        }
        self.ways.push(v1::EvidenceWay {
            document: copy.header.id.clone(),
            destination: copy.channel.destination.to_string(),
            from: copy.row.from.clone(),
            arrived_us: copy.row.at_us,
            passages: copy.row.passages.clone(),
        });
    }

    /// The block without its bodies: those of other events are nobody's business here.
    fn keep(&mut self, arrival: u64, block: &Block) {
        // It was read from its bytes before.
        if let Ok(mut raw) = v1::Block::decode(block.bytes.clone()) {
            raw.bodies = Vec::new();
            self.blocks.insert(arrival, raw.encode_to_vec().into());
        }
    }

    fn is_about(&self, body: &Bytes) -> bool {
        let Ok(v1::Document { content: Some(Content::Receipts(receipts)) }) = v1::Document::decode(body.clone()) else {
            return false;
        };
        let runs = receipts.receipts.iter().filter_map(|receipt| Run::parse(receipt.about.as_ref()?).ok());
        runs.into_iter().any(|run| {
            run.first <= run.last()
                && self
                    .about
                    .range((run.channel.clone(), run.first)..=(run.channel.clone(), run.last()))
                    .next()
                    .is_some()
        })
    }
}
