//! What evidence proves, and what is wrong with it. Needs no station, no network, no clock.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;
use proto::v1::{self, Kind, document::Content};
use rustls::pki_types::CertificateDer;

use super::{FORMAT, signed_bytes};
use crate::{
    identity::Signers,
    post::{
        envelope::{Digest, Run, digest},
        seal::{self, BadBlock, Checker as _},
    },
};

/// Places in an event that are looked at: nobody writes more reports, and somebody may claim to have.
const POSITIONS_MAX: u32 = 1000;

/// Not evidence at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotEvidence {
    /// Some other file, or one that was cut off.
    #[error("this is not an evidence file, or it was cut off")]
    Malformed,
    /// From a later version of this program.
    #[error("this evidence is of format {format}, which this program does not read; use a newer one")]
    Format {
        /// What it says.
        format: u32,
    },
    /// Its certificates are none.
    #[error("its root or authority certificates cannot be read: {why}")]
    Certificates {
        /// What was wrong.
        why: String,
    },
}

/// Something that must not be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The office that is said to have gathered it did not sign for that.
    Statement {
        /// Who that is.
        station: String,
        /// What was wrong.
        why: String,
    },
    /// A seal does not hold.
    Seal {
        /// Which block, from 1.
        block: usize,
        /// What was wrong.
        why: BadBlock,
    },
    /// Blocks or bodies were put in afterwards, or altered.
    Added {
        /// How many.
        count: usize,
    },
    /// Blocks or bodies were taken out afterwards, or altered.
    Removed {
        /// How many.
        count: usize,
    },
    /// A document whose text is not here.
    NoBody {
        /// What people call it.
        number: String,
    },
    /// Reports that must have been written, and are not here.
    Missing {
        /// Their places in the event.
        positions: Vec<u32>,
    },
    /// A receipt in the name of another office.
    Usurped {
        /// Who wrote it.
        origin: String,
        /// In whose name.
        station: String,
    },
}

/// A document somebody sealed.
#[derive(Debug, Clone)]
pub struct Proven {
    /// Its header.
    pub header: v1::Header,
    /// When that was, by the clock of the office that wrote it.
    pub sealed_at_us: i64,
    /// What it says.
    pub document: Option<v1::Document>,
}

/// What evidence comes to.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Who gathered it, and what of.
    pub statement: v1::EvidenceStatement,
    /// SHA-256 of the root certificates everything leads to. Whether they are the network's own, whoever verifies has to
    /// know from elsewhere.
    pub roots: Vec<Digest>,
    /// The documents of the event whose seals hold, in order of their places in it, then of time.
    pub documents: Vec<Proven>,
    /// Receipts about them whose seals hold, in order of time, with the number of the document.
    pub receipts: Vec<(String, v1::Receipt)>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// Checks everything, believes nothing.
pub fn verify(bytes: Bytes) -> Result<Verdict, NotEvidence> {
    let evidence = v1::Evidence::decode(bytes).map_err(|_| NotEvidence::Malformed)?;
    if evidence.format == 0 || evidence.statement.is_empty() {
        return Err(NotEvidence::Malformed);
    }
    if evidence.format != FORMAT {
        return Err(NotEvidence::Format { format: evidence.format });
    }
    let statement = v1::EvidenceStatement::decode(evidence.statement.clone()).map_err(|_| NotEvidence::Malformed)?;
    let certificates = |all: &[Bytes]| all.iter().map(|one| CertificateDer::from(one.to_vec())).collect::<Vec<_>>();
    let (roots, authorities) = (certificates(&evidence.roots), certificates(&evidence.authorities));
    let signers = Signers::new(&roots, &authorities, &statement.trust_domain)
        .map_err(|error| NotEvidence::Certificates { why: error.to_string() })?;
    let mut verdict = Verdict { roots: roots.iter().map(|root| digest(root)).collect(), ..Verdict::default() };
    let signed = signed_bytes(&evidence.statement);
    if let Err(why) = signers.check(&evidence.signer, &statement.station, &signed, &evidence.signature) {
        verdict.faults.push(Fault::Statement { station: statement.station.clone(), why });
    }
    verdict.compare(&evidence, &statement);
    verdict.open(&evidence, &statement, &signers);
    verdict.statement = statement;
    Ok(verdict)
}

impl Verdict {
    /// What is here is what the statement lists.
    fn compare(&mut self, evidence: &v1::Evidence, statement: &v1::EvidenceStatement) {
        let here = |all: &[Bytes]| all.iter().map(|one| digest(one).to_vec()).collect::<BTreeSet<_>>();
        let listed = |all: &[Bytes]| all.iter().map(|one| one.to_vec()).collect::<BTreeSet<_>>();
        let pairs =
            [(here(&evidence.blocks), listed(&statement.blocks)), (here(&evidence.bodies), listed(&statement.bodies))];
        let added = pairs.iter().map(|(here, listed)| here.difference(listed).count()).sum();
        let removed = pairs.iter().map(|(here, listed)| listed.difference(here).count()).sum();
        self.faults.extend((added > 0).then_some(Fault::Added { count: added }));
        self.faults.extend((removed > 0).then_some(Fault::Removed { count: removed }));
    }

    fn open(&mut self, evidence: &v1::Evidence, statement: &v1::EvidenceStatement, signers: &Signers) {
        let bodies: BTreeMap<Digest, &Bytes> = evidence.bodies.iter().map(|body| (digest(body), body)).collect();
        let listed: BTreeSet<&[u8]> = statement.ways.iter().map(|way| &way.document[..]).collect();
        let mut numbers = BTreeMap::new();
        let mut receipts = Vec::new();
        for (index, bytes) in evidence.blocks.iter().enumerate() {
            let block = match seal::open(bytes.clone(), signers) {
                Ok(block) => block,
                Err(why) => {
                    self.faults.push(Fault::Seal { block: index + 1, why });
                    continue;
                }
            };
            for (at, header) in block.headers.iter().enumerate() {
                let body = Digest::try_from(&header.body_digest[..]).ok().and_then(|digest| bodies.get(&digest));
                let document = body.and_then(|body| v1::Document::decode((*body).clone()).ok());
                if header.kind() == Kind::Receipt {
                    // Of receipts without a body here, none is about this event.
                    receipts.extend(document.map(|document| (header.origin.clone(), document)));
                } else if listed.contains(&header.id[..]) {
                    numbers.insert((block.run.channel.clone(), block.sequence(at)), header.number.clone());
                    if self.documents.iter().any(|known| known.header.id == header.id) {
                        continue;
                    }
                    if document.is_none() {
                        self.faults.push(Fault::NoBody { number: header.number.clone() });
                    }
                    let sealed_at_us = block.head.sealed_at_us;
                    self.documents.push(Proven { header: header.clone(), sealed_at_us, document });
                }
            }
        }
        self.documents.sort_by_key(|one| (one.header.position == 0, one.header.position, one.sealed_at_us));
        for (origin, document) in receipts {
            let Some(Content::Receipts(receipts)) = document.content else { continue };
            for receipt in receipts.receipts {
                let Some(Ok(run)) = receipt.about.as_ref().map(Run::parse) else { continue };
                if run.first > run.last() {
                    continue;
                }
                let about = numbers.range((run.channel.clone(), run.first)..=(run.channel.clone(), run.last()));
                let about: BTreeSet<&String> = about.map(|(_, number)| number).collect();
                if !about.is_empty() && receipt.station != origin {
                    self.faults.push(Fault::Usurped { origin: origin.clone(), station: receipt.station.clone() });
                    continue;
                }
                self.receipts.extend(about.into_iter().map(|number| (number.clone(), receipt.clone())));
            }
        }
        self.receipts.sort_by_key(|(_, receipt)| receipt.at_us);
        // One word goes to everybody who waits for it, under a seal for each of them.
        let same = |a: &v1::Receipt, b: &v1::Receipt| {
            (a.stage, &a.station, a.at_us, &a.officer, &a.note) == (b.stage, &b.station, b.at_us, &b.officer, &b.note)
        };
        self.receipts.dedup_by(|(a, one), (b, other)| a == b && same(one, other));
        self.miss();
    }

    /// Reports of an event are counted by the office that writes them, from the 首报 on: one in between that is not here
    /// is known to be missing.
    fn miss(&mut self) {
        let placed = || self.documents.iter().map(|one| &one.header).filter(|header| header.position > 0);
        let here: BTreeSet<_> = placed().map(|header| (header.origin.as_str(), header.position)).collect();
        let begun = placed().any(|header| header.position == 1);
        let missing = placed().flat_map(|header| {
            let before = (1..header.position.min(POSITIONS_MAX)).filter(|position| match position {
                1 => !begun,
                _ => !here.contains(&(header.origin.as_str(), *position)),
            });
            before.collect::<Vec<_>>()
        });
        let missing: Vec<u32> = missing.collect::<BTreeSet<_>>().into_iter().collect();
        self.faults.extend((!missing.is_empty()).then_some(Fault::Missing { positions: missing }));
    }
}
