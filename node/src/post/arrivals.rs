//! What neighbours offer: is it theirs to offer, is it new, is there room; then custody is ours.
//!
//! Three answers exist. *Taken*: on our disk, now or long ago (a duplicate is answered again with the truth).
//! *Not now*: offer it again later. *Refused*: offering the same again is pointless; its holder asks a person.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;
use proto::v1::{self, Disposition, Kind, Stage};

use super::{
    envelope::{Channel, Run, digest},
    fact::{Answered, Body, Fact, Taken},
    keys,
    office::{Circumstances, EarlyOffer, Heard, Kept, Pending, Post, Shortage, Turn},
    outgoing::{Draft, Outbox},
    passage::{self, Skew, with_own},
    refusal::Code,
    schedule::State,
    seal::{self, Block, Tip},
};
use crate::{io::Timestamp, limits, topology::Unit};

/// A block off a link, opened and checked, and the way it came.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The block.
    pub block: Block,
    /// In the words of the stations on the way.
    pub passages: Vec<v1::Passage>,
}

/// What this turn has taken in so far: not durable yet, but not to be taken twice either.
#[derive(Default)]
pub(super) struct Fresh {
    heard: BTreeMap<Channel, Heard>,
    bodies: BTreeMap<Bytes, Bytes>,
    early: BTreeMap<Unit, u32>,
    not_early: BTreeSet<(Unit, v1::Precedence)>,
}

pub(super) struct No {
    disposition: Disposition,
    code: Code,
    reason: String,
}

impl No {
    fn never(code: Code, reason: String) -> Self {
        Self { disposition: Disposition::Refused, code, reason }
    }
    fn later(code: Code, reason: String) -> Self {
        Self { disposition: Disposition::NotNow, code, reason }
    }
}

enum Yes {
    New,
    Again,
}

impl Post {
    pub(super) fn offered(
        &self,
        peer: &Unit,
        bodies: Vec<(Bytes, Bytes)>,
        arrived: Vec<Arrived>,
        fresh: &mut Fresh,
        outbox: &mut Outbox<'_>,
        turn: &mut Turn,
    ) {
        let (now, shortage) = outbox.circumstances();
        self.keep_bodies(bodies, now, fresh, turn);
        let mut delivered: BTreeMap<(Unit, v1::Precedence), Vec<v1::Receipt>> = BTreeMap::new();
        for Arrived { block, passages } in arrived {
            let run = block.run.clone();
            let settlement = match self.judge(peer, &block, shortage, fresh) {
                Ok(Yes::Again) => {
                    turn.duplicates.push((peer.clone(), u64::from(run.count)));
                    settled(&run, now)
                }
                Ok(Yes::New) => {
                    note_heard(fresh.heard_mut(self, &run.channel), &block, now);
                    if run.channel.destination == self.me.unit {
                        self.receipt(&block, &passages, now, &mut delivered);
                    }
                    self.take(peer, block, passages, now, fresh, turn);
                    settled(&run, now)
                }
                Err(no) => v1::Settlement {
                    range: Some(run.to_proto()),
                    disposition: no.disposition.into(),
                    code: no.code.word().to_owned(),
                    reason: no.reason,
                    ..Default::default()
                },
            };
            turn.settlements.push((peer.clone(), settlement));
        }
        for ((origin, precedence), receipts) in delivered {
            outbox.write(receipt_draft(origin, precedence, receipts));
        }
    }

    /// May this be taken in?
    fn judge(&self, peer: &Unit, block: &Block, shortage: Option<&Shortage>, fresh: &mut Fresh) -> Result<Yes, No> {
        let run = &block.run;
        self.may_offer(peer, &run.channel)?;
        let heard = fresh.heard_mut(self, &run.channel);
        if heard.ranges.contains(run.first, run.last()) {
            return self.is_the_same(block).map(|()| Yes::Again);
        }
        if heard.ranges.touches(run.first, run.last()) {
            let reason = format!("numbers {}–{} of this channel came before, cut differently", run.first, run.last());
            return Err(No::never(Code::OverlappingNumbers, reason));
        }
        if heard.tip.last + 1 == run.first && heard.tip.hash != block.head.previous {
            let reason = format!("number {} does not follow the number {} received here", run.first, heard.tip.last);
            return Err(No::never(Code::BrokenChain, reason));
        }
        if heard.ranges.runs() >= limits::GAPS_MAX && run.first > heard.ranges.highest() + 1 {
            return Err(No::later(Code::TooManyGaps, "send the missing numbers first".to_owned()));
        }
        // Receipts are small, and what they settle makes room.
        if block.headers.iter().any(|header| header.kind() != v1::Kind::Receipt) {
            self.has_room(run, shortage)?;
        }
        for header in block.headers.iter().filter(|_| block.shared) {
            self.check_shared_body(header, fresh)?;
        }
        Ok(Yes::New)
    }

    /// Whether a block may be taken in as far as room is concerned. Each way onward has a queue of its own, so what waits
    /// on its way up never keeps out what comes down.
    fn has_room(&self, run: &Run, shortage: Option<&Shortage>) -> Result<(), No> {
        let short = shortage.and_then(|short| Some((short.refuses(run.channel.precedence)?, &short.why)));
        if let Some((code, why)) = short {
            return Err(No::later(code, why.clone()));
        }
        let onward = self.next_hop(&run.channel.destination);
        if onward.and_then(|peer| self.queues.get(&peer)).is_some_and(|q| q.len() >= limits::QUEUED_BLOCKS_MAX) {
            return Err(No::later(Code::QueueFull, "the line onward is down and the queue for it is full".to_owned()));
        }
        Ok(())
    }

    /// Numbers that came before must have meant the same. What is not kept any more was settled, and cannot be compared.
    fn is_the_same(&self, block: &Block) -> Result<(), No> {
        let run = &block.run;
        let row = self.block_at(&run.channel, run.first).map(|(_, row)| row);
        if row.is_none_or(|row| row.last.is_empty() || row.last == block.head.last) {
            return Ok(());
        }
        let reason = format!(
            "numbers {}–{} of this channel came before and meant something else: the store that gave them out again was restored from an older copy",
            run.first,
            run.last()
        );
        Err(No::never(Code::NumberUsed, reason))
    }

    /// Level by level: a child may only bring what its own subtree wrote to those above it, the parent only what
    /// those above wrote to our subtree.
    pub(super) fn may_offer(&self, peer: &Unit, channel: &Channel) -> Result<(), No> {
        let tree = &self.me.topology;
        let (me, origin, destination) = (&self.me.unit, &channel.origin, &channel.destination);
        let up = tree.is_ancestor(destination, origin)
            && (destination == me || tree.is_ancestor(destination, me))
            && tree.next_hop(me, origin) == Some(peer)
            && tree.parent(me) != Some(peer);
        let down = tree.is_ancestor(origin, destination)
            && tree.parent(me) == Some(peer)
            && (destination == me || tree.is_ancestor(me, destination));
        // What comes straight from its author comes to whom it is for.
        let direct = peer == origin && destination == me && tree.passes_over(origin, me);
        if up || down || direct {
            return Ok(());
        }
        let reason = format!("{peer} may not bring what {origin} writes to {destination}");
        Err(No::never(Code::NotYourSubtree, reason))
    }

    fn check_shared_body(&self, header: &v1::Header, fresh: &Fresh) -> Result<(), No> {
        if let Some(body) = fresh.bodies.get(&header.body_digest) {
            return seal::check_body(header, body).map_err(|bad| No::never(bad.code(), bad.to_string()));
        }
        match self.rows.get(&keys::body(&header.body_digest)) {
            Some(_) => Ok(()),
            None => Err(No::later(Code::BodyMissing, "the body this block refers to has not come".to_owned())),
        }
    }

    fn keep_bodies(&self, bodies: Vec<(Bytes, Bytes)>, now: Timestamp, fresh: &mut Fresh, turn: &mut Turn) {
        for (name, body) in bodies {
            let known = fresh.bodies.contains_key(&name) || self.rows.get(&keys::body(&name)).is_some();
            if known || name != digest(&body).as_slice() || body.len() > limits::BODY_BYTES_MAX {
                continue;
            }
            // A slice of the receive buffer would keep all of it alive.
            let body = Bytes::copy_from_slice(&body);
            fresh.bodies.insert(name.clone(), body.clone());
            turn.facts.push(Pending::of(now, Fact::Body(Body { digest: name, body })));
        }
    }

    /// Custody becomes ours; what only passes through may go on at once.
    fn take(
        &self,
        peer: &Unit,
        block: Block,
        passages: Vec<v1::Passage>,
        now: Timestamp,
        fresh: &mut Fresh,
        turn: &mut Turn,
    ) {
        let onward = self.next_hop(&block.run.channel.destination);
        let early = onward.is_some_and(|onward| self.pass_early(&onward, &block, &passages, now, fresh, turn));
        let taken = Taken {
            block: block.bytes.clone(),
            from: peer.to_string(),
            passages,
            offset_us: self.skew.offset_us,
            offset_uncertainty_us: self.skew.uncertainty_us,
        };
        turn.facts.push(Pending { block: Some(block), early, ..Pending::of(now, Fact::Taken(taken)) });
    }

    fn pass_early(
        &self,
        onward: &Unit,
        block: &Block,
        passages: &[v1::Passage],
        now: Timestamp,
        fresh: &mut Fresh,
        turn: &mut Turn,
    ) -> bool {
        let lane = (onward.clone(), block.run.channel.precedence);
        let already = fresh.early.get(onward).copied().unwrap_or(0);
        let could = !block.shared
            && !fresh.not_early.contains(&lane)
            && self.queues.get(onward).is_some_and(|queue| queue.could_pass(&block.run, already));
        if !could {
            // What follows in this turn must not overtake what now has to wait.
            fresh.not_early.insert(lane);
            return false;
        }
        fresh.early.insert(onward.clone(), already + block.run.count);
        turn.early.push(EarlyOffer {
            peer: onward.clone(),
            run: block.run.clone(),
            bytes: block.bytes.clone(),
            passages: self.offered_on(passages, now, now, 1),
        });
        true
    }

    /// 送达, by the station the block is for. Receipts take none.
    fn receipt(
        &self,
        block: &Block,
        passages: &[v1::Passage],
        now: Timestamp,
        delivered: &mut BTreeMap<(Unit, v1::Precedence), Vec<v1::Receipt>>,
    ) {
        if block.headers.iter().all(|header| header.kind() == Kind::Receipt) {
            return;
        }
        let receipt = v1::Receipt {
            about: Some(block.run.to_proto()),
            stage: Stage::Delivered.into(),
            at_us: now.us(),
            station: self.me.unit.to_string(),
            passages: with_own(passages, passage::arrived(&self.me.unit, now, self.skew)),
            ..Default::default()
        };
        let to = (block.run.channel.origin.clone(), block.run.channel.precedence);
        delivered.entry(to).or_default().push(receipt);
    }

    pub(super) fn answered(
        &self,
        peer: &Unit,
        answers: Vec<v1::Settlement>,
        circumstances: &Circumstances<'_>,
        turn: &mut Turn,
    ) {
        let now = circumstances.now;
        for answer in answers {
            let Some(Ok(run)) = answer.range.as_ref().map(Run::parse) else { continue };
            let waits = self.queues.get(peer).is_some_and(|queue| queue.find(&run.channel, run.first).is_some());
            if !waits || !matches!(answer.disposition(), Disposition::Taken | Disposition::Refused) {
                continue;
            }
            let used = [Code::NumberUsed, Code::BrokenChain, Code::OverlappingNumbers]
                .iter()
                .any(|no| no.word() == answer.code);
            if used && run.channel.origin == self.me.unit && run.channel.epoch == self.epoch {
                self.begin_anew(
                    &format!("{peer} knows other things under the numbers given out here"),
                    circumstances,
                    turn,
                );
            }
            let answered = Answered {
                peer: peer.to_string(),
                range: answer.range,
                disposition: answer.disposition,
                code: clipped(answer.code, limits::NAME_BYTES_MAX),
                reason: clipped(answer.reason, limits::NOTE_BYTES_MAX),
            };
            turn.facts.push(Pending::of(now, Fact::Answered(answered)));
        }
    }

    pub(super) fn apply_taken(
        &mut self,
        block: &Block,
        taken: &Taken,
        place: super::envelope::Place,
        at: Timestamp,
        early: bool,
    ) {
        let heard = self.heard.entry(block.run.channel.clone()).or_default();
        // It fills a hole: perhaps it was here before.
        let again = block.run.last() <= heard.tip.last;
        if again {
            self.replace(&block.run);
        }
        note_heard(self.heard.entry(block.run.channel.clone()).or_default(), block, at);
        self.keep_heard(&block.run.channel);
        let state = if early { State::InFlight { offered: at } } else { State::Ready };
        let skew = Skew { offset_us: taken.offset_us, uncertainty_us: taken.offset_uncertainty_us };
        let passages = with_own(&taken.passages, passage::arrived(&self.me.unit, at, skew));
        let kept = Kept { place, from: &taken.from, at, passages: &passages };
        let arrival = self.keep(block, kept, state);
        // In this order: what a document in the same block voids does not wait for anybody.
        self.fold_documents(block, arrival);
        self.await_signatures(arrival, block, again);
        if again {
            self.recovered(&block.run, at);
        }
    }

    pub(super) fn apply_answered(&mut self, answered: &Answered, at: Timestamp) {
        let (Ok(peer), Some(Ok(run))) = (Unit::parse(&answered.peer), answered.range.as_ref().map(Run::parse)) else {
            return;
        };
        let Some(queue) = self.queues.get_mut(&peer) else { return };
        let Some(arrival) = queue.find(&run.channel, run.first).map(|entry| entry.arrival) else { return };
        if answered.disposition() == Disposition::Taken {
            queue.taken(&run, at);
            // Nobody says of a receipt that it has arrived: with a neighbour it is as good as there.
            if self.waits_directly(&run) && self.block_row(arrival).is_some_and(|row| !row.documents) {
                self.leave_direct(&run);
            }
            self.touched.push(run.clone());
            self.rows.delete(keys::queued(&peer, arrival));
            let stage = v1::StageView {
                stage: Stage::Custody.into(),
                at_us: at.us(),
                station: answered.peer.clone(),
                ..Default::default()
            };
            let key = keys::reached(&run.channel, run.first, Stage::Custody, &answered.peer);
            self.rows.put(key, keys::MarkRow { count: run.count, stage: Some(stage) }.encode_to_vec());
        } else {
            queue.hold(&run, &answered.code, &answered.reason);
            let mut row = self.queue_row(&peer, arrival);
            answered.code.clone_into(&mut row.held_code);
            answered.reason.clone_into(&mut row.held_reason);
            self.rows.put(keys::queued(&peer, arrival), row.encode_to_vec());
        }
    }

    pub(super) fn queue_row(&self, peer: &Unit, arrival: u64) -> keys::QueueRow {
        let row = self.rows.get(&keys::queued(peer, arrival)).unwrap_or_default();
        keys::QueueRow::decode(row.as_slice()).unwrap_or_default()
    }
}

impl Fresh {
    /// What has been heard of a channel, this turn included.
    pub(super) fn heard_mut(&mut self, post: &Post, channel: &Channel) -> &mut Heard {
        self.heard.entry(channel.clone()).or_insert_with(|| post.heard.get(channel).cloned().unwrap_or_default())
    }
}

fn note_heard(heard: &mut Heard, block: &Block, now: Timestamp) {
    heard.ranges.insert(block.run.first, block.run.last());
    if block.run.last() > heard.tip.last {
        heard.tip = Tip::of(block);
    }
    heard.torn_since = if heard.is_torn() { heard.torn_since.or(Some(now)) } else { None };
}

fn settled(run: &Run, now: Timestamp) -> v1::Settlement {
    v1::Settlement {
        range: Some(run.to_proto()),
        disposition: Disposition::Taken.into(),
        taken_at_us: now.us(),
        ..Default::default()
    }
}

/// A tree is not deeper than this; more is not a way, it is an attack on memory.
const PASSAGES_MAX: usize = 8;

/// The way something came, as others tell it, and no longer than a way can be.
pub fn bounded(mut passages: Vec<v1::Passage>) -> Vec<v1::Passage> {
    passages.truncate(PASSAGES_MAX);
    passages.retain(|passage| passage.station.len() <= 32);
    passages
}

/// At most this many bytes of what somebody else wrote, cut between two characters.
pub fn clipped(mut text: String, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text
}

/// Receipts of this station for one office, in one document.
pub fn receipt_draft(to: Unit, precedence: v1::Precedence, receipts: Vec<v1::Receipt>) -> Draft {
    let content = v1::document::Content::Receipts(v1::Receipts { receipts });
    Draft {
        header: Box::new(v1::Header {
            kind: Kind::Receipt.into(),
            status: v1::Status::System.into(),
            classification: v1::Classification::Internal.into(),
            ..Default::default()
        }),
        precedence,
        destinations: vec![(to, v1::Role::Action)],
        body: v1::Document { content: Some(content) }.encode_to_vec().into(),
        ..Default::default()
    }
}
