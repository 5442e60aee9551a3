//! What was seen, turn by turn: totals, commit times, latency by hop. For `status`, and for the meters.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use proto::v1::{self, Disposition, Kind, Stage, Status};

use crate::{
    engine::{Effects, run::Observer},
    io::Timestamp,
    link::pieces::Pieces,
    post::{
        Post,
        envelope::{Channel, Run},
        fact::Fact,
        ladder,
        office::Pending,
        seal::Block,
    },
    telemetry::{Direction, Health, Latencies, Meters, Outcome, Step, Traces, Traffic},
    topology::{Tier, Unit},
};

/// Counts what a station's engine does.
pub struct Seen {
    /// Latency from disk to disk, by hop, of what arrived here.
    pub latencies: Latencies,
    meters: Meters,
    traces: Traces,
    health: Health,
    pieces: Pieces,
    commits: Mutex<Histogram<u64>>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    records: AtomicU64,
    filed: AtomicU64,
    taken: AtomicU64,
    passed: AtomicU64,
    delivered: AtomicU64,
    duplicates: AtomicU64,
    refused: AtomicU64,
    forgotten: AtomicU64,
}

impl Seen {
    /// Nothing seen yet.
    pub fn new(meters: Meters, traces: Traces, health: Health, pieces: Pieces) -> Self {
        // Three significant digits up to a minute, in microseconds.
        let commits = Histogram::new_with_max(60_000_000, 2)
            .unwrap_or_else(|_| Histogram::new(2).unwrap_or_else(|_| unreachable!("2 digits are allowed")));
        Self {
            latencies: Latencies::default(),
            meters,
            traces,
            health,
            pieces,
            commits: Mutex::new(commits),
            counts: Counts::default(),
        }
    }

    /// Totals since the station started; gaps are known elsewhere.
    pub fn totals(&self, gaps: u64) -> v1::Totals {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        v1::Totals {
            filed: read(&self.counts.filed),
            taken: read(&self.counts.taken),
            passed: read(&self.counts.passed),
            delivered: read(&self.counts.delivered),
            duplicates: read(&self.counts.duplicates),
            refused: read(&self.counts.refused),
            gaps,
        }
    }

    /// Records written, and what a commit takes: median and 99th percentile in microseconds.
    pub fn commits(&self) -> (u64, u32, u32) {
        let commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |quantile| u32::try_from(commits.value_at_quantile(quantile)).unwrap_or(u32::MAX);
        (self.counts.records.load(Ordering::Relaxed), at(0.5), at(0.99))
    }

    /// Envelopes that were settled long ago and given up.
    pub fn forgotten(&self) -> u64 {
        self.counts.forgotten.load(Ordering::Relaxed)
    }

    /// The meters, for whoever sees something the engine does not.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    fn fact(&self, post: &Post, pending: &Pending) {
        let at = Timestamp::from_us(pending.record.at_us);
        match (&pending.record.fact, &pending.block) {
            (Some(Fact::Filed(_)), Some(block)) => {
                let documents = documents(block);
                add(&self.counts.filed, documents);
                self.meters.observe_filed(traffic(post, block), u64::from(block.run.count));
                self.acts(post, block, at);
            }
            (Some(Fact::Taken(taken)), Some(block)) => self.taken(post, block, taken, at),
            (Some(Fact::Answered(answered)), _) => {
                let count = answered.range.as_ref().map_or(0, |range| u64::from(range.count));
                let taken = answered.disposition() == Disposition::Taken;
                add(if taken { &self.counts.passed } else { &self.counts.refused }, count);
                self.meters.observe_attempt(&answered.peer, if taken { Outcome::Ok } else { Outcome::Rejected });
                if let Some(Ok(run)) = answered.range.as_ref().map(Run::parse).filter(|_| !taken) {
                    self.meters.observe_refused(unopened(post, &run.channel), count);
                }
            }
            (Some(Fact::Noted(noted)), _) if noted.stage() == Stage::Expired => {
                if let Some(Ok(run)) = noted.range.as_ref().map(Run::parse) {
                    self.meters.observe_expired(unopened(post, &run.channel), u64::from(run.count));
                }
            }
            (Some(Fact::Opened(opened)), _) => {
                tracing::warn!(reason = opened.reason, "a new epoch of this store begins")
            }
            (Some(Fact::Moved(moved)), _) => {
                tracing::info!(to = moved.peer, what = ?moved.range, "is offered again");
            }
            (Some(Fact::Gone(gone)), _) => {
                tracing::warn!(peer = gone.peer, what = ?gone.range, "these numbers will not come any more");
            }
            (Some(Fact::Damaged(damaged)), _) => {
                let (blocks, bodies) = (damaged.arrivals.len(), damaged.bodies.len());
                tracing::error!(blocks, bodies, "records of this disk cannot be read any more; check names them");
            }
            (Some(Fact::Forgotten(forgotten)), _) => {
                add(&self.counts.forgotten, forgotten.envelopes);
                self.meters.observe_forgotten(forgotten.envelopes);
            }
            _ => {}
        }
    }

    /// People's time, from when it was here to when somebody acted.
    fn acts(&self, post: &Post, block: &Block, at: Timestamp) {
        for (receipt, about) in ladder::acts_in(block) {
            match receipt.stage() {
                Stage::Signed => self.meters.observe_signed(unopened(post, &about.channel), 1),
                Stage::Completed => self.meters.observe_completed(unopened(post, &about.channel), 1),
                _ => {}
            }
            let step = match receipt.stage() {
                Stage::Signed => Step::Sign,
                Stage::Undertaken => Step::Undertake,
                _ => continue,
            };
            if let Some(arrived) = post.arrived(&about.channel, about.first) {
                let (me, origin) = (post.me(), &about.channel.origin);
                let lower = if me.topology.is_ancestor(&me.unit, origin) { origin } else { &me.unit };
                let dwell = at.since(arrived);
                self.meters.observe_dwell(province(post, lower), step, about.channel.precedence, dwell);
            }
        }
    }

    fn taken(&self, post: &Post, block: &Block, taken: &crate::post::fact::Taken, at: Timestamp) {
        let count = u64::from(block.run.count);
        add(&self.counts.taken, count);
        let what = traffic(post, block);
        self.meters.observe_taken(what, count);
        let me = &post.me().unit;
        let urgency = block.run.channel.precedence;
        let legs = post.legs(&block.run.channel, taken, at);
        let whole = legs.iter().map(|leg| leg.took).sum();
        if documents(block) > 0 {
            for leg in &legs {
                self.latencies.record(leg.from, leg.to, urgency, leg.took, count);
            }
            if let [first, _, ..] = legs.as_slice() {
                self.latencies.record(first.from, me.as_str(), urgency, whole, count);
            }
            if let Some(crossing) = post.crossing(taken, at) {
                let uncertainty = crossing.uncertainty.unwrap_or_default();
                self.meters.observe_hop(&taken.from, what.direction, urgency, crossing.transit, uncertainty, count);
            }
        }
        if block.run.channel.destination == *me {
            add(&self.counts.delivered, documents(block));
            self.meters.observe_delivered(what, province(post, &block.run.channel.origin), whole, count);
        }
        if let Ok(from) = Unit::parse(&taken.from) {
            for attachment in block.headers.iter().flat_map(|header| &header.attachments) {
                if !attachment.held_back {
                    self.pieces.want(&from, attachment);
                }
            }
        }
    }
}

impl Observer for Seen {
    fn turn(&self, post: &Post, effects: &Effects, took: Duration) {
        self.health.turned();
        for (peer, count) in &effects.duplicates {
            add(&self.counts.duplicates, *count);
            self.meters.observe_duplicates(peer.as_str(), Kind::Unspecified, *count);
        }
        self.traces.observe_turn(post, effects, took);
        if effects.facts.is_empty() {
            return;
        }
        add(&self.counts.records, effects.facts.len() as u64);
        self.meters.observe_commit(took);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(us);
        effects.facts.iter().for_each(|pending| self.fact(post, pending));
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

/// Envelopes that are more than receipts.
fn documents(block: &Block) -> u64 {
    block.headers.iter().filter(|header| header.kind() != Kind::Receipt).count() as u64
}

fn traffic(post: &Post, block: &Block) -> Traffic {
    let header = block.headers.first();
    Traffic {
        kind: header.map_or(Kind::Unspecified, v1::Header::kind),
        status: header.map_or(Status::Unspecified, v1::Header::status),
        ..unopened(post, &block.run.channel)
    }
}

/// What is known of envelopes without reading them: counting is not worth a look at the disk.
fn unopened(post: &Post, channel: &Channel) -> Traffic {
    let up = post.me().topology.is_ancestor(&channel.destination, &channel.origin);
    Traffic {
        direction: if up { Direction::Up } else { Direction::Down },
        kind: Kind::Unspecified,
        precedence: channel.precedence,
        status: Status::Unspecified,
    }
}

/// The provincial unit at or above a station; a district without one is its own.
pub fn province<'a>(post: &'a Post, unit: &'a Unit) -> &'a str {
    let tree = &post.me().topology;
    let mut at = unit;
    loop {
        if tree.place(at.as_str()).is_some_and(|place| place.tier == Tier::Province) {
            return at.as_str();
        }
        match tree.parent(at) {
            Some(parent) if parent != tree.root() => at = parent,
            _ => return at.as_str(),
        }
    }
}
