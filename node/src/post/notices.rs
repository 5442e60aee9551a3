//! 延误, 过期, 未送达: bad news about a document, to the office that wrote it, once.
//!
//! Two clocks run for every time a document was given. Whoever holds it when the time is up says so; and the office
//! that wrote it notices by itself that no 送达 has come, also while nobody can tell it anything. What is refused
//! for good is reported by whoever was refused, with the addressee and the reason.
//!
//! Promises: each notice is given once, across restarts and crashes, because it is one turn with the fact that it was
//! given; there are none about receipts, hence none about notices; what has expired still travels, so that its
//! channel has no hole.

use prost::Message as _;
use proto::v1::{self, Stage};

use super::{
    arrivals::receipt_draft,
    envelope::Run,
    fact::{Fact, Noted},
    keys,
    office::{Pending, Post, Turn},
    outgoing::Outbox,
    schedule::{Entry, State},
};
use crate::{io::Timestamp, limits, topology::Unit};

/// A time that is not up yet, or has not been looked at: when, which block, what it is then.
pub(super) type Due = (Timestamp, u64, Stage);

impl Post {
    /// A block began to travel: from now on its times run here.
    pub(super) fn await_due(&mut self, arrival: u64, row: &keys::BlockRow) {
        for (at, stage) in times(row) {
            self.rows.put(keys::due(at.us(), arrival, stage), Vec::new());
            self.due.insert((at, arrival, stage));
        }
    }

    /// Time is up for some blocks of which that is no news: they have arrived, or are another's by now. No fact says
    /// so, since folding the facts again and looking again comes to the same.
    pub(super) fn forget_met(&mut self, now: Timestamp) {
        for due in self.due_by(now).filter(|due| self.met(due.1)).collect::<Vec<_>>() {
            self.forget_due(due);
        }
    }

    /// What there is to tell now.
    pub(super) fn notices(&self, now: Timestamp, outbox: &mut Outbox<'_>, turn: &mut Turn) {
        for (_, arrival, stage) in self.due_by(now).filter(|due| !self.met(due.1)) {
            let Some(row) = self.block_row(arrival) else { continue };
            // It has run out altogether: that it is late as well is no news.
            let expired = row.expires_at_us > 0 && row.expires_at_us <= now.us();
            if let Some(run) = Self::run_of(&row).filter(|_| stage == Stage::Expired || !expired) {
                self.tell(&run, stage, self.whereabouts(&run), now, outbox, turn);
            }
        }
        for (peer, queue) in &self.queues {
            for entry in queue.untold().take(limits::NOTICES_A_TURN_MAX) {
                self.tell(&entry.run, Stage::NotDelivered, refusal_of(peer, entry), now, outbox, turn);
            }
        }
    }

    pub(super) fn apply_noted(&mut self, noted: &Noted, at: Timestamp) {
        let Some(Ok(run)) = noted.range.as_ref().map(Run::parse) else { return };
        let Some((arrival, row)) = self.block_at(&run.channel, run.first) else { return };
        match noted.stage() {
            Stage::NotDelivered => self.apply_told(&run, arrival),
            // What has expired need not be called late as well.
            said => times(&row)
                .filter(|(_, stage)| said == Stage::Expired || said == *stage)
                .for_each(|(at, stage)| self.forget_due((at, arrival, stage))),
        }
        if run.channel.origin == self.me.unit {
            let view = v1::StageView {
                stage: noted.stage,
                at_us: at.us(),
                station: self.me.unit.to_string(),
                note: noted.note.clone(),
                ..Default::default()
            };
            let key = keys::reached(&run.channel, run.first, noted.stage(), self.me.unit.as_str());
            self.rows.put(key, keys::MarkRow { count: run.count, stage: Some(view) }.encode_to_vec());
            self.touched.push(run);
        }
    }

    /// Whether any block may still become late.
    pub(super) fn awaits_due(&self) -> bool {
        !self.due.is_empty()
    }

    fn apply_told(&mut self, run: &Run, arrival: u64) {
        let Some(peer) = self.next_hop(&run.channel.destination) else { return };
        let row = keys::QueueRow { told: true, ..self.queue_row(&peer, arrival) };
        self.rows.put(keys::queued(&peer, arrival), row.encode_to_vec());
        if let Some(queue) = self.queues.get_mut(&peer) {
            queue.told(run);
        }
    }

    fn tell(&self, run: &Run, stage: Stage, note: String, now: Timestamp, outbox: &mut Outbox<'_>, turn: &mut Turn) {
        let noted = Noted { range: Some(run.to_proto()), stage: stage.into(), note: note.clone() };
        turn.facts.push(Pending::of(now, Fact::Noted(noted)));
        let channel = &run.channel;
        if channel.origin == self.me.unit {
            return;
        }
        let receipt = v1::Receipt {
            about: Some(run.to_proto()),
            stage: stage.into(),
            at_us: now.us(),
            station: self.me.unit.to_string(),
            note,
            ..Default::default()
        };
        outbox.write(receipt_draft(channel.origin.clone(), channel.precedence, vec![receipt]));
    }

    fn due_by(&self, now: Timestamp) -> impl Iterator<Item = Due> {
        self.due.iter().copied().take_while(move |(at, ..)| *at <= now).take(limits::NOTICES_A_TURN_MAX)
    }

    /// Whether a block is where it should be: arrived, as far as its author is concerned; handed on, as far as
    /// anybody else is.
    fn met(&self, arrival: u64) -> bool {
        let Some(run) = self.block_row(arrival).as_ref().and_then(Self::run_of) else { return true };
        match run.channel.origin == self.me.unit {
            true => self.has_arrived(&run),
            false => self.waiting(&run.channel, run.first).is_none(),
        }
    }

    /// Whether a block is where it is addressed to: here, or its office has said so.
    pub(super) fn has_arrived(&self, run: &Run) -> bool {
        let there = &run.channel.destination;
        let said = || self.rows.get(&keys::reached(&run.channel, run.first, Stage::Delivered, there.as_str()));
        *there == self.me.unit || said().is_some()
    }

    fn forget_due(&mut self, due: Due) {
        if self.due.remove(&due) {
            self.rows.delete(keys::due(due.0.us(), due.1, due.2));
        }
    }

    /// Where a block that is late was seen last.
    fn whereabouts(&self, run: &Run) -> String {
        if let Some((peer, entry)) = self.waiting(&run.channel, run.first) {
            return match &entry.state {
                State::Held { .. } => refusal_of(peer, entry),
                _ if entry.last_failure.is_empty() => format!("waits for {peer}"),
                _ => format!("waits for {peer}: {}", entry.last_failure),
            };
        }
        match self.next_hop(&run.channel.destination) {
            Some(peer) => format!("{peer} has it; {} has not said that it arrived", run.channel.destination),
            None => String::new(),
        }
    }
}

/// The times a block was given, and what it is after each.
pub(super) fn times(row: &keys::BlockRow) -> impl Iterator<Item = (Timestamp, Stage)> + use<> {
    let given = [(row.deliver_by_us, Stage::Delayed), (row.expires_at_us, Stage::Expired)];
    given.into_iter().filter(|(us, _)| *us > 0).map(|(us, stage)| (Timestamp::from_us(us), stage))
}

fn refusal_of(peer: &Unit, entry: &Entry) -> String {
    let to = &entry.run.channel.destination;
    let onward = if to == peer { String::new() } else { format!(" for {to}") };
    match &entry.state {
        State::Held { code, reason } => format!("{peer} refuses it{onward}: {reason} ({code})"),
        _ => format!("{peer} does not take it{onward}"),
    }
}
