//! What need not be kept any longer, and what has to move because its segment is about to go.
//!
//! A block is *settled* when it waits for no neighbour, for no signature here and for no time to pass, has arrived where it
//! is addressed to (a neighbour may lose its disk: until then what is here may be the only copy left), and nobody will ask
//! for what is in it: a 请示 has its answer, an incident its end, a directive to this office what it asked for, and no
//! validity runs on. What is settled when it has lain here for longer than the retention (reckoned by [sure
//! dates](super::date)) is forgotten, rows and all. What is not is carried: its bytes are written again, further on. When
//! that has been done with every record of a segment, nothing points into it.
//!
//! Numbers heard, numbers given out and the people's own numbering are not part of any document and stay: what is
//! forgotten is still recognised when it is offered again.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message as _;
use proto::v1::{self, Kind, Role, document::Content};

use super::{
    envelope::{DocId, Place, Run},
    fact::{Body, Carried, Fact, Forgotten, Key, Record},
    keys, ladder,
    names::series,
    notices::times,
    office::{Pending, Post, names},
    seal::Block,
    view::Read,
};
use crate::{io::Timestamp, limits, topology::Unit};

/// What some records of an old segment come to.
#[derive(Debug, Default)]
pub struct Tidied {
    /// To be made durable, as one turn.
    pub facts: Vec<Pending>,
    /// Bodies of broadcasts among the records: their turn comes when all blocks have had theirs.
    pub bodies: Vec<(Place, Bytes)>,
}

impl Post {
    /// Forgets what is settled of these records of a segment that [was full](Self::was_full) long ago, and
    /// carries the rest. Records nothing points to any more (they were
    /// forgotten or carried before, or say nothing that is not in the rows) come to nothing.
    pub fn tidy(&self, records: Vec<(Place, Record)>, now: Timestamp, read: Read<'_>) -> Tidied {
        let mut broom = Broom {
            post: self,
            now,
            read,
            gone: BTreeSet::new(),
            rows: BTreeSet::new(),
            envelopes: 0,
            carried: Vec::new(),
        };
        let mut bodies = Vec::new();
        for (place, record) in records {
            match record.fact {
                Some(Fact::Body(body)) => bodies.push((place, body.digest)),
                Some(Fact::Filed(filed)) => broom.block(place, filed.block, filed.keys),
                Some(Fact::Taken(taken)) => broom.block(place, taken.block, Vec::new()),
                Some(Fact::Carried(carried)) => broom.block(place, carried.block, carried.keys),
                _ => {}
            }
        }
        Tidied { facts: broom.facts(), bodies }
    }

    /// The same for bodies of broadcasts: one that no block here names is forgotten.
    pub fn tidy_bodies<E>(
        &self,
        bodies: &[(Place, Bytes)],
        now: Timestamp,
        read: impl Fn(Place) -> Result<Bytes, E>,
    ) -> Result<Vec<Pending>, E> {
        let (mut facts, mut rows) = (Vec::new(), Vec::new());
        for (place, digest) in bodies.iter().filter(|(place, digest)| self.body_place(digest) == Some(*place)) {
            if self.is_named(digest) {
                facts.push(Pending::of(now, Fact::Body(Body { digest: digest.clone(), body: read(*place)? })));
            } else {
                rows.push(keys::body(digest));
            }
        }
        facts.extend(forgotten(rows, 0, now));
        Ok(facts)
    }

    /// When segments before this one were full, which hold nothing any more.
    pub fn tidy_dates(&self, before: u64, now: Timestamp) -> Vec<Pending> {
        let (from, to) = keys::full_up_to(before + 1);
        forgotten(self.rows.range(&from, &to, usize::MAX).into_iter().map(|(key, _)| key), 0, now)
    }

    /// Whether a block that is here names this file, or this body.
    pub fn is_named(&self, digest: &[u8]) -> bool {
        !self.rows.prefix(&keys::naming(digest), 1).is_empty()
    }

    /// The blocks here that name a file, by arrival.
    pub fn naming(&self, digest: &[u8]) -> Vec<u64> {
        let rows = self.rows.prefix(&keys::naming(digest), limits::LIST_MAX);
        rows.iter().map(|(key, _)| keys::arrival_of(key)).collect()
    }

    pub(super) fn apply_forgotten(&mut self, forgotten: &Forgotten) {
        for key in &forgotten.rows {
            self.rows.delete(key.clone());
            // Folded again, a time may run here that had been looked at before this was forgotten.
            if let Some((us, arrival, stage)) = keys::due_of(key) {
                self.due.remove(&(Timestamp::from_us(us), arrival, stage));
            }
            if let Some(release) = keys::document_of(key).filter(|_| key.starts_with(keys::RELEASE)) {
                self.releases.remove(&release);
            }
        }
    }

    pub(super) fn apply_carried(&mut self, carried: &Carried, place: Place) {
        let Some(mut row) = self.block_row(carried.arrival) else { return };
        row.place = keys::place_row(place);
        self.rows.put(keys::arrival(carried.arrival), row.encode_to_vec());
        for queue in self.queues.values_mut() {
            queue.carried(carried.arrival, place);
        }
    }
}

/// Bytes of keys in one fact: it has to fit into any segment.
const FACT_BYTES: usize = 64 * 1024;

/// The facts that remove rows.
fn forgotten(rows: impl IntoIterator<Item = Vec<u8>>, envelopes: u64, now: Timestamp) -> Vec<Pending> {
    let mut parts = Vec::new();
    let (mut part, mut bytes) = (Forgotten { rows: Vec::new(), envelopes }, 0);
    for row in rows {
        bytes += row.len();
        part.rows.push(row);
        if bytes > FACT_BYTES {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
    }
    if !part.rows.is_empty() {
        parts.push(part);
    }
    parts.into_iter().map(|part| Pending::of(now, Fact::Forgotten(part))).collect()
}

/// Goes over the records of one turn.
struct Broom<'a> {
    post: &'a Post,
    /// What time it is, and that is sure.
    now: Timestamp,
    read: Read<'a>,
    /// Arrivals that this turn forgets.
    gone: BTreeSet<u64>,
    /// Their rows.
    rows: BTreeSet<Vec<u8>>,
    envelopes: u64,
    carried: Vec<Pending>,
}

impl Broom<'_> {
    fn block(&mut self, place: Place, bytes: Bytes, named: Vec<Key>) {
        let Ok(block) = Block::trusted(bytes) else { return };
        let Some((arrival, row)) = self.post.block_at(&block.run.channel, block.run.first) else { return };
        if keys::place_of(&row.place) != Some(place) {
            return;
        }
        if self.is_settled(arrival, &row, &block) {
            self.forget(arrival, &row, &block, &named);
        } else {
            let carried = Carried { arrival, block: block.bytes, keys: named };
            self.carried.push(Pending::of(self.now, Fact::Carried(carried)));
        }
    }

    fn facts(self) -> Vec<Pending> {
        let mut facts = self.carried;
        facts.extend(forgotten(self.rows, self.envelopes, self.now));
        facts
    }

    fn is_settled(&self, arrival: u64, row: &keys::BlockRow, block: &Block) -> bool {
        let rows = &self.post.rows;
        let to = &block.run.channel.destination;
        let waits = |peer: &Unit| rows.get(&keys::queued(peer, arrival)).is_some();
        !waits(to)
            && self.post.next_hop(to).is_none_or(|peer| !waits(&peer))
            && (!row.documents || self.post.has_arrived(&block.run))
            && rows.get(&keys::unsigned(arrival)).is_none()
            && !times(row).any(|(at, stage)| self.post.due.contains(&(at, arrival, stage)))
            && block.headers.iter().enumerate().all(|(index, header)| self.is_over(block, index, header))
    }

    /// Whether nobody will come back to a document.
    fn is_over(&self, block: &Block, index: usize, header: &v1::Header) -> bool {
        let Some(id) = DocId::from_slice(&header.id).filter(|_| header.kind() != Kind::Receipt) else { return true };
        let open = || match header.kind() {
            // Old duties are judged by the rules of their time.
            Kind::RequestForInstructions | Kind::PolicyRelease => true,
            Kind::Directive => self.asks_us(block, index, header),
            _ => false,
        };
        let ended = || self.post.end_of(id, &header.origin).is_some();
        let runs_on = header.expires_at_us > self.now.us() || open();
        (!runs_on || ended()) && self.incident_is_over(header)
    }

    /// Whether a directive asks this office for something it has neither done nor declined.
    fn asks_us(&self, block: &Block, index: usize, header: &v1::Header) -> bool {
        let me = self.post.me().unit.as_str();
        if header.destination != me || header.role() != Role::Action {
            return false;
        }
        let body = match block.bodies.get(index) {
            Some(body) => Some(body.clone()),
            None => self.post.shared_body(&header.body_digest, self.read),
        };
        let Some(Ok(v1::Document { content: Some(Content::Directive(directive)) })) = body.map(v1::Document::decode)
        else {
            return false;
        };
        let required = ladder::height(directive.require());
        let acts = self.post.acts_on(&block.run.channel, block.sequence(index));
        required > 0 && !acts.iter().any(|act| act.station == me && ladder::height(act.stage()) >= required)
    }

    /// An incident whose 首报 is not here has had its end here.
    fn incident_is_over(&self, header: &v1::Header) -> bool {
        let Some(incident) = DocId::from_slice(&header.incident) else { return true };
        let over = |origin: &str| self.post.end_of(incident, origin).is_some();
        if over(&header.origin) {
            return true;
        }
        if header.id == header.incident {
            return false;
        }
        // Reading blocks is dear, and hardly ever needed: without any end it is enough that the 首报 may be here.
        if self.post.rows.prefix(&keys::ends(incident), 1).is_empty() {
            return self.post.of_moment(incident).is_empty();
        }
        self.post.copies(incident, self.read).first().is_none_or(|first| over(&first.header.origin))
    }

    fn forget(&mut self, arrival: u64, row: &keys::BlockRow, block: &Block, named: &[Key]) {
        self.gone.insert(arrival);
        self.envelopes += u64::from(block.run.count);
        let run = &block.run;
        self.rows.extend([keys::arrival(arrival), keys::by_number(&run.channel, run.first)]);
        if row.documents {
            self.rows.insert(keys::by_time(row.sealed_us, arrival));
            let open = keys::open(row.sealed_us, arrival);
            self.rows.extend(self.post.rows.get(&open).map(|_| open));
            self.rows.extend(series(block).iter().map(|(name, (first, _))| keys::numbered(name, *first, arrival)));
        }
        self.rows.extend(times(row).map(|(at, stage)| keys::due(at.us(), arrival, stage)));
        self.rows.extend(names(block).into_iter().map(|digest| keys::named(digest, arrival)));
        for key in named {
            let meant = self.post.rows.get(&keys::idempotency(&key.key));
            let meant = meant.and_then(|row| keys::KeyRow::decode(row.as_slice()).ok());
            // The key may stand for something filed later by now.
            if meant.is_some_and(|row| block.headers.get(key.index as usize).is_some_and(|h| h.id == row.id)) {
                self.rows.insert(keys::idempotency(&key.key));
            }
        }
        for (from, to) in [keys::reached_in(run), keys::acts_in(run)] {
            self.rows.extend(self.post.rows.range(&from, &to, usize::MAX).into_iter().map(|(key, _)| key));
        }
        for (index, header) in block.headers.iter().enumerate() {
            if header.kind() == Kind::Receipt {
                self.forget_marks(block.bodies.get(index));
            } else {
                if let Some(id) = DocId::from_slice(&header.id).filter(|_| !header.topic.is_empty()) {
                    self.rows.insert(keys::topic(&header.topic, &header.origin, id));
                }
                if header.kind() == Kind::PolicyRelease {
                    self.rows.extend(DocId::from_slice(&header.id).map(keys::release));
                }
                let own = [&header.id, &header.incident].into_iter().filter_map(|id| DocId::from_slice(id));
                let target = ladder::ends(header).map(|(target, _)| target);
                let names: BTreeSet<_> = own.chain(target).collect();
                names.into_iter().for_each(|name| self.forget_ends(name));
            }
        }
    }

    /// What is known about a document, and where those of an incident are, goes with the last of them.
    fn forget_ends(&mut self, name: DocId) {
        let known = [keys::ends(name), keys::incident(name), keys::all_beside(name), keys::assessed(name)];
        let known: Vec<_> = known.iter().flat_map(|prefix| self.post.rows.prefix(prefix, usize::MAX)).collect();
        if !known.is_empty() && !self.is_here(name) {
            self.rows.extend(known.into_iter().map(|(key, _)| key));
        }
    }

    /// Whether a document, or one of an incident of this name, stays.
    fn is_here(&self, name: DocId) -> bool {
        let stays = |arrival: u64| !self.gone.contains(&arrival);
        // The latest of an incident is the likeliest to be here.
        let [chain, beside] = [keys::incident(name), keys::all_beside(name)];
        let rows =
            [beside, chain].iter().flat_map(|prefix| self.post.rows.prefix(prefix, usize::MAX)).collect::<Vec<_>>();
        let located = rows.into_iter().rev().any(|(_, row)| {
            let locator = keys::Locator::decode(row.as_slice()).unwrap_or_default();
            let channel = locator.channel.as_ref().map(super::envelope::Channel::parse);
            let Some(Ok(channel)) = channel else { return false };
            self.post.block_at(&channel, locator.number).is_some_and(|(arrival, _)| stays(arrival))
        });
        let mut others = self.post.of_moment(name).into_iter().filter(|arrival| stays(*arrival));
        located || others.any(|arrival| self.post.block_copies(arrival, self.read).iter().any(|copy| copy.id() == name))
    }

    /// Marks that a receipt left under documents that are not here (any more): nobody else would remove them.
    fn forget_marks(&mut self, receipts: Option<&Bytes>) {
        let Some(Ok(v1::Document { content: Some(Content::Receipts(receipts)) })) =
            receipts.map(|body| v1::Document::decode(body.clone()))
        else {
            return;
        };
        for receipt in receipts.receipts {
            let Some(Ok(run)) = receipt.about.as_ref().map(Run::parse) else { continue };
            let marks: Vec<_> = if ladder::by_person(receipt.stage()) {
                let numbers = run.first..=run.last().min(run.first.saturating_add(128));
                numbers.map(|number| (number, keys::acts(&run.channel, number))).collect()
            } else {
                vec![(run.first, keys::reached(&run.channel, run.first, receipt.stage(), &receipt.station))]
            };
            for (number, prefix) in marks {
                let here = self.post.block_at(&run.channel, number);
                if here.is_none_or(|(arrival, _)| self.gone.contains(&arrival)) {
                    self.rows.extend(self.post.rows.prefix(&prefix, usize::MAX).into_iter().map(|(key, _)| key));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
