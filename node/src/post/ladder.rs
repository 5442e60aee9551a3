//! What is known about a document after it was filed: how far it got, who did what, what ended it.
//!
//! Stages a machine reaches (送达) are kept by runs; what a person did (签收, 承办, 办结 …) by envelope, every act beside
//! the ones before it, never over them.

use prost::Message as _;
use proto::v1::{self, Kind, Stage, Standing, document::Content};

use super::{
    arrivals::{bounded, clipped},
    envelope::{Channel, DocId, Run},
    keys,
    office::Post,
    seal::Block,
};
use crate::{limits, topology::Unit};

/// Whether a document of this header is for the desk of `post`'s station: addressed to it, or on its way up through
/// it (level by level, each office reads and signs).
pub fn surfaces(post: &Post, header: &v1::Header) -> bool {
    for_a_desk(header) && on_its_way(post, header)
}

fn for_a_desk(header: &v1::Header) -> bool {
    header.status() != v1::Status::System && header.kind() != Kind::Receipt
}

fn on_its_way(post: &Post, header: &v1::Header) -> bool {
    let me = &post.me.unit;
    let (Ok(origin), Ok(destination)) = (Unit::parse(&header.origin), Unit::parse(&header.destination)) else {
        return false;
    };
    let here = destination == *me || post.me.topology.is_ancestor(me, &origin);
    here && origin != *me
}

impl Post {
    /// Notes what the documents of a block say about other documents.
    pub(super) fn fold_documents(&mut self, block: &Block, arrival: u64) {
        // First: what began here may end here.
        self.open(block, arrival);
        for (index, header) in block.headers.iter().enumerate() {
            let number = block.sequence(index);
            self.fold_place(block, header, number);
            self.fold_end(header);
            if header.kind() == Kind::Receipt
                && let Some(body) = block.bodies.get(index)
                && let Ok(v1::Document { content: Some(Content::Receipts(receipts)) }) =
                    v1::Document::decode(body.clone())
            {
                for receipt in receipts.receipts {
                    self.fold_receipt(receipt, &header.origin);
                }
            }
        }
    }

    /// Where a document belongs: into an incident, beside one, or among the policies.
    fn fold_place(&mut self, block: &Block, header: &v1::Header, number: u64) {
        let Some(id) = DocId::from_slice(&header.id) else { return };
        let locator = || keys::Locator { channel: Some(block.run.channel.to_proto()), number }.encode_to_vec();
        let incident = DocId::from_slice(&header.incident);
        match (header.position, incident) {
            (0, Some(incident)) => self.rows.put(keys::beside(incident, id), locator()),
            (2.., Some(incident)) => {
                self.rows.put(keys::of_incident(incident, &header.origin, header.position), locator());
            }
            _ => {}
        }
        if !header.topic.is_empty() && header.topic.len() <= limits::TOPIC_BYTES_MAX {
            self.rows.put(keys::topic(&header.topic, &header.origin, id), locator());
        }
        // Of an exercise nobody learns new rules, and from nobody but the ministry.
        let ministry = header.origin == self.me.topology.root().as_str();
        if header.kind() == Kind::PolicyRelease && header.status() == v1::Status::Actual && ministry {
            self.rows.put(keys::release(id), locator());
            self.releases.insert(id);
        }
        if header.kind() == Kind::Assessment && header.origin == self.me.unit.as_str() {
            incident.into_iter().for_each(|incident| {
                let key = keys::assessed(incident);
                self.rows.put(key, Vec::new());
                self.close(incident);
            });
        }
    }

    /// Cancels, supersedes and answers leave a mark under the document they end: it works whichever comes first.
    fn fold_end(&mut self, header: &v1::Header) {
        let (Some((target, standing)), Some(by)) = (ends(header), DocId::from_slice(&header.id)) else { return };
        let number = clipped(header.number.clone(), limits::NAME_BYTES_MAX);
        let row = keys::EndRow { standing: standing.into(), number, origin: header.origin.clone() };
        self.rows.put(keys::ended(target, by), row.encode_to_vec());
        if target.ms() > self.ended_up_to {
            self.ended_up_to = target.ms();
            self.rows.put(keys::meta("ended"), target.ms().to_be_bytes().to_vec());
        }
        self.close(target);
    }

    /// A station's word about documents of others. Its origin is who sealed it; it speaks for itself only.
    fn fold_receipt(&mut self, receipt: v1::Receipt, origin: &str) {
        let Some(Ok(run)) = receipt.about.as_ref().map(Run::parse) else { return };
        if receipt.station != origin || run.count == 0 {
            return;
        }
        self.touched.push(run.clone());
        let stage = receipt.stage();
        let view = v1::StageView {
            stage: receipt.stage,
            at_us: receipt.at_us,
            station: receipt.station,
            // Their word, but our disk. All of it stands in the journal.
            officer: clipped(receipt.officer, limits::NAME_BYTES_MAX),
            note: clipped(receipt.note, limits::NOTE_BYTES_MAX),
            passages: bounded(receipt.passages),
        };
        if by_person(stage) {
            let most = run.first.saturating_add(limits::BLOCK_ENVELOPES_MAX as u64 - 1);
            for number in run.first..=run.last().min(most) {
                self.fold_act(&run.channel, number, &view);
            }
        } else {
            let key = keys::reached(&run.channel, run.first, stage, &view.station);
            if self.rows.get(&key).is_none() {
                let row = keys::MarkRow { count: run.count, stage: Some(view) };
                self.rows.put(key, row.encode_to_vec());
            }
            if stage == Stage::Delivered {
                self.leave_direct(&run);
            }
        }
    }

    fn fold_act(&mut self, channel: &Channel, number: u64, act: &v1::StageView) {
        let before = self.acts_on(channel, number);
        let same =
            |known: &v1::StageView| (known.stage, known.at_us, &known.station) == (act.stage, act.at_us, &act.station);
        let Some(index) = u32::try_from(before.len()).ok().filter(|_| before.len() < limits::ACTS_MAX) else { return };
        if before.iter().any(same) {
            return;
        }
        self.rows.put(keys::act(channel, number, index), act.encode_to_vec());
        if act.station == self.me.unit.as_str() {
            self.signature_given(channel, number);
        }
    }

    /// What persons did with one envelope.
    pub fn acts_on(&self, channel: &Channel, number: u64) -> Vec<v1::StageView> {
        let rows = self.rows.prefix(&keys::acts(channel, number), limits::ACTS_MAX);
        rows.iter().filter_map(|(_, row)| v1::StageView::decode(row.as_slice()).ok()).collect()
    }

    /// Everything known about how far one envelope got, in the order it happened.
    pub fn stages(&self, channel: &Channel, number: u64) -> Vec<v1::StageView> {
        let mut stages = self.acts_on(channel, number);
        let (from, to) = keys::reached_up_to(channel, number);
        for (key, row) in self.rows.range_back(&from, &to, 16) {
            let Ok(row) = keys::MarkRow::decode(row.as_slice()) else { continue };
            let first = keys::first_of_mark(&key, channel);
            if number < first.saturating_add(u64::from(row.count)) {
                stages.extend(row.stage);
            }
        }
        stages.sort_by_key(|stage| (stage.at_us, stage.stage));
        stages
    }

    /// What ended a document, if those who did may: its own office, or one above it.
    pub fn end_of(&self, document: DocId, origin: &str) -> Option<keys::EndRow> {
        self.ends_of(document, origin).next()
    }

    /// Whether a document was cancelled or superseded before it came.
    fn came_void(&self, header: &v1::Header) -> bool {
        DocId::from_slice(&header.id).is_some_and(|id| self.ends_of(id, &header.origin).any(|end| void(end.standing())))
    }

    fn ends_of(&self, document: DocId, origin: &str) -> impl Iterator<Item = keys::EndRow> {
        // Of what comes in hardly anything has ended, and to know that costs a comparison: nothing filed later than the
        // youngest document ever ended can have been.
        let may_have = document.ms() <= self.ended_up_to;
        let rows = if may_have { self.rows.prefix(&keys::ends(document), 64) } else { Vec::new() };
        let tree = &self.me.topology;
        let origin = may_have.then(|| Unit::parse(origin).ok()).flatten();
        rows.into_iter().filter_map(|(_, row)| keys::EndRow::decode(row.as_slice()).ok()).filter(move |end| {
            let by = Unit::parse(&end.origin).ok();
            by.zip(origin.as_ref()).is_some_and(|(by, origin)| by == *origin || tree.is_ancestor(&by, origin))
        })
    }

    /// Documents that came for the desk wait for a signature; what came `again` after it was lost may have one already.
    pub(super) fn await_signatures(&mut self, arrival: u64, block: &Block, again: bool) {
        let mut waiting = 0u128;
        // All of a block has one origin and one destination.
        if !block.headers.first().is_some_and(|header| on_its_way(self, header)) {
            return;
        }
        for (index, header) in block.headers.iter().enumerate() {
            let signed = || again && self.is_signed(&block.run.channel, block.sequence(index));
            if for_a_desk(header) && header.kind() != Kind::Cancel && !self.came_void(header) && !signed() {
                waiting |= 1 << index.min(127);
            }
        }
        if waiting != 0 {
            self.rows.put(keys::unsigned(arrival), waiting.to_be_bytes().to_vec());
            self.count_unsigned(self.unsigned + u64::from(waiting.count_ones()));
        }
    }

    fn signature_given(&mut self, channel: &Channel, number: u64) {
        let Some((arrival, row)) = self.block_at(channel, number) else { return };
        let first = row.range.map_or(number, |range| range.first);
        let key = keys::unsigned(arrival);
        let Some(waiting) = self.rows.get(&key).and_then(|row| row.try_into().ok()).map(u128::from_be_bytes) else {
            return;
        };
        let bit = 1u128 << (number - first).min(127);
        if waiting & bit == 0 {
            return;
        }
        let left = waiting & !bit;
        if left == 0 {
            self.rows.delete(key);
        } else {
            self.rows.put(key, left.to_be_bytes().to_vec());
        }
        self.count_unsigned(self.unsigned.saturating_sub(1));
    }

    fn is_signed(&self, channel: &Channel, number: u64) -> bool {
        self.acts_on(channel, number).iter().any(|act| act.station == self.me.unit.as_str())
    }

    /// Nobody can sign for what is not here any more.
    pub(super) fn forget_signatures(&mut self, arrival: u64) {
        let key = keys::unsigned(arrival);
        let waiting = self.rows.get(&key).and_then(|row| row.try_into().ok()).map_or(0, u128::from_be_bytes);
        if waiting != 0 {
            self.rows.delete(key);
            self.count_unsigned(self.unsigned.saturating_sub(u64::from(waiting.count_ones())));
        }
    }

    fn count_unsigned(&mut self, count: u64) {
        self.unsigned = count;
        self.rows.put(keys::meta("unsigned"), count.to_be_bytes().to_vec());
    }
}

/// Which document this one ends, and how.
pub(super) fn ends(header: &v1::Header) -> Option<(DocId, Standing)> {
    let first_reference = header.references.first();
    let (target, standing) = match header.kind() {
        Kind::Cancel => (first_reference, Standing::Cancelled),
        Kind::Approval | Kind::Denial => (first_reference, Standing::Closed),
        Kind::FinalReport => (Some(&header.incident), Standing::Closed),
        _ => (Some(&header.supersedes), Standing::Superseded),
    };
    Some((DocId::from_slice(target?)?, standing))
}

/// Ended in a way that leaves nothing to sign for. What a 终报 or a 批复 closes is still to be read.
fn void(standing: Standing) -> bool {
    matches!(standing, Standing::Cancelled | Standing::Superseded)
}

/// What persons did, as the receipts in a block written here say it. Everybody concerned is told; it happened once, so
/// only the word to the author of the document counts.
pub fn acts_in(block: &Block) -> Vec<(v1::Receipt, Run)> {
    let receipts = block.headers.iter().zip(&block.bodies).filter(|(header, _)| header.kind() == Kind::Receipt);
    let documents = receipts.filter_map(|(_, body)| v1::Document::decode(body.clone()).ok());
    let receipts = documents.flat_map(|document| match document.content {
        Some(Content::Receipts(receipts)) => receipts.receipts,
        _ => Vec::new(),
    });
    receipts
        .filter(|receipt| by_person(receipt.stage()))
        .filter_map(|receipt| Some((receipt.clone(), Run::parse(receipt.about.as_ref()?).ok()?)))
        .filter(|(_, about)| about.channel.origin == block.run.channel.destination)
        .collect()
}

/// Stages that need a named person.
pub fn by_person(stage: Stage) -> bool {
    matches!(stage, Stage::Signed | Stage::Read | Stage::Undertaken | Stage::Completed | Stage::CannotComply)
}

/// How far up the ladder a stage is, for "the furthest reached". Refusals and delays are not steps up.
pub fn height(stage: Stage) -> u8 {
    match stage {
        Stage::Unspecified | Stage::Delayed | Stage::NotDelivered | Stage::Expired => 0,
        Stage::Custody => 1,
        Stage::Delivered => 2,
        Stage::Signed => 3,
        Stage::Read => 4,
        Stage::Undertaken => 5,
        Stage::Completed | Stage::CannotComply => 6,
    }
}
