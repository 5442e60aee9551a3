//! The station on one screen: links, queues, store, certificates, latency by hop.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proto::v1;

use crate::{
    desk::{duties::Tally, seen::Seen},
    identity::Identity,
    io::Timestamp,
    link::board::{Board, Line},
    plan::Desk,
    post::{
        losses::{Loss, Lost},
        schedule::{Entry, Queue, State},
    },
    telemetry::{Direction, Meters, QueueState},
    topology::{Topology, Unit},
};

/// What of a status does not come from the engine.
pub struct Around {
    /// Its lines.
    pub board: Board,
    /// What was seen.
    pub seen: Arc<Seen>,
    /// Who it is.
    pub identity: Arc<arc_swap::ArcSwap<Identity>>,
    /// The tree.
    pub topology: Arc<Topology>,
    /// When it started.
    pub started: Timestamp,
    /// Where its journal lies.
    pub journal: std::path::PathBuf,
    /// What is owed.
    pub tally: Tally,
}

/// Losses told in a status; all of them are in the log.
const LOSSES_SHOWN: usize = 16;

/// What of a status only the engine knows.
#[derive(Debug, Clone, Default)]
pub struct Known {
    queues: BTreeMap<Unit, v1::QueueTotals>,
    unsigned: u64,
    gaps: u64,
    losses: Vec<Loss>,
    /// Why only the urgent is taken in.
    pub refusing: Option<String>,
}

/// Asks the engine's part.
pub fn known(desk: Desk<'_>) -> Known {
    Known {
        queues: desk.post.queues().map(|(unit, queue)| (unit.clone(), totals(queue, desk.now))).collect(),
        unsigned: desk.post.unsigned_count(),
        gaps: desk.post.gaps().map(|run| u64::from(run.count)).sum(),
        losses: desk.post.losses(),
        refusing: desk.refusing.map(str::to_owned),
    }
}

/// What waits for one neighbour, summed up.
pub fn totals(queue: &Queue, now: Timestamp) -> v1::QueueTotals {
    let mut totals = v1::QueueTotals::default();
    for entry in queue.entries() {
        let count = u64::from(entry.run.count);
        *match state(queue, entry, now) {
            QueueState::Ready => &mut totals.ready,
            QueueState::InFlight => &mut totals.in_flight,
            QueueState::Parked => &mut totals.parked,
            QueueState::Held => &mut totals.held,
        } += count;
        totals.bytes += u64::from(entry.bytes);
        if totals.oldest_us == 0 || entry.since.us() < totals.oldest_us {
            totals.oldest_us = entry.since.us();
        }
    }
    totals
}

fn state(queue: &Queue, entry: &Entry, now: Timestamp) -> QueueState {
    let resting = queue.resting(entry.run.channel.precedence).is_some_and(|until| until > now);
    match entry.state {
        State::InFlight { .. } => QueueState::InFlight,
        State::Held { .. } => QueueState::Held,
        State::Ready if queue.is_up() && !resting => QueueState::Ready,
        State::Ready => QueueState::Parked,
    }
}

impl Around {
    /// Puts the whole status together.
    pub fn status(&self, known: &Known, owed: v1::Owed, now: Timestamp) -> v1::StatusView {
        let identity = self.identity.load();
        let unit = identity.unit();
        let place = self.topology.place(unit.as_str());
        let links: Vec<v1::LinkView> =
            self.board.lines().iter().map(|(peer, line)| self.link(peer, line, known, now)).collect();
        v1::StatusView {
            unit: unit.to_string(),
            name: place.map(|place| place.name.clone()).unwrap_or_default(),
            tier: place.map(|place| place.tier.as_str().to_owned()).unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_us: self.started.us(),
            now_us: now.us(),
            unsigned: known.unsigned,
            held: known.queues.values().map(|queue| queue.held).sum(),
            store: Some(self.store(known)),
            links,
            certificates: certificates(&identity),
            totals: Some(self.seen.totals(known.gaps)),
            hops: self.seen.latencies.snapshot(),
            windows: self.seen.latencies.windows(),
            owed: Some(owed),
        }
    }

    fn link(&self, peer: &Unit, line: &Line, known: &Known, now: Timestamp) -> v1::LinkView {
        let us = |duration: Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        let me = self.identity.load().unit().clone();
        v1::LinkView {
            unit: peer.to_string(),
            name: self.topology.name(peer.as_str(), false).to_owned(),
            parent: self.topology.parent(&me) == Some(peer),
            up: line.outlet.is_some(),
            since_us: line.since.us(),
            last_contact_us: line.last_contact.us(),
            rtt_us: line.sample.map_or(0, |sample| us(sample.rtt)),
            offset_us: line.sample.map_or(0, |sample| sample.offset_us),
            offset_uncertainty_us: line.sample.map_or(0, |sample| us(sample.uncertainty)),
            last_failure: line.last_failure.clone(),
            next_attempt_us: line.next_attempt.map_or(0, Timestamp::us),
            paused: line.paused_until.is_some_and(|until| until > now),
            queue: known.queues.get(peer).copied(),
            direct: self.topology.passes_over(&me, peer),
        }
    }

    fn store(&self, known: &Known) -> v1::StoreView {
        let (used, free) = space(&self.journal);
        let (records, commit_p50_us, commit_p99_us) = self.seen.commits();
        v1::StoreView {
            used_bytes: used,
            free_bytes: free,
            records,
            commit_p50_us,
            commit_p99_us,
            accepting: known.refusing.is_none(),
            refusing_because: known.refusing.clone().unwrap_or_default(),
            forgotten: self.seen.forgotten(),
            lost: known.losses.len() as u64,
            lost_open: known.open_losses(),
            losses: known.losses.iter().rev().take(LOSSES_SHOWN).map(loss).collect(),
        }
    }

    /// Sets the gauges: what is waiting, which lines are up, how long certificates last.
    pub fn measure(&self, known: &Known, owed: &v1::Owed, now: Timestamp) {
        let meters = self.seen.meters();
        for (peer, line) in self.board.lines() {
            let link = self.link(&peer, &line, known, now);
            meters.set_link(&link.unit, link.up, line.ups);
            let way = if link.parent { Direction::Up } else { Direction::Down };
            if link.rtt_us > 0 {
                meters.observe_rtt(&link.unit, Duration::from_micros(link.rtt_us.into()), link.offset_us);
            }
            meters.observe_contact(&link.unit, Timestamp::from_us(link.last_contact_us));
            meters.set_queue_bytes(&link.unit, way, link.queue.unwrap_or_default().bytes);
        }
        let (used, free) = space(&self.journal);
        meters.set_store(used, free);
        let open = known.open_losses();
        meters.set_losses(open, known.losses.len() as u64 - open);
        meters.set_owed(owed);
        let identity = self.identity.load();
        meters.set_certificate("transport", &identity.id().to_string(), identity.transport_not_after());
        meters.set_certificate("signing", &identity.id().to_string(), identity.signing_not_after());
    }
}

impl Known {
    fn open_losses(&self) -> u64 {
        self.losses.iter().filter(|loss| loss.recovered.is_none()).count() as u64
    }
}

fn loss(loss: &Loss) -> v1::LossView {
    let view = v1::LossView {
        at_us: loss.at.us(),
        recovered_us: loss.recovered.map_or(0, Timestamp::us),
        ..v1::LossView::default()
    };
    match &loss.what {
        Lost::Damaged(run, from) => v1::LossView {
            kind: "damaged".into(),
            range: Some(run.to_proto()),
            from: from.as_ref().map(Unit::to_string).unwrap_or_default(),
            ..view
        },
        Lost::Unsent(run) => v1::LossView { kind: "unsent".into(), range: Some(run.to_proto()), ..view },
        Lost::Gone(run, from) => {
            v1::LossView { kind: "gone".into(), range: Some(run.to_proto()), from: from.to_string(), ..view }
        }
        Lost::Hole(hole) => v1::LossView { kind: "hole".into(), hole: hole.to_string(), ..view },
    }
}

/// Sets the queue gauges, class by class.
pub fn measure_queues(desk: Desk<'_>, meters: &Meters) {
    let me = desk.post.me();
    for (peer, queue) in desk.post.queues() {
        let way = if me.topology.parent(&me.unit) == Some(peer) { Direction::Up } else { Direction::Down };
        let mut counts: BTreeMap<(i32, u8), u64> = BTreeMap::new();
        let mut oldest: BTreeMap<i32, Timestamp> = BTreeMap::new();
        let states = [QueueState::Ready, QueueState::InFlight, QueueState::Parked, QueueState::Held];
        for entry in queue.entries() {
            let class = i32::from(entry.run.channel.precedence);
            let state = state(queue, entry, desk.now);
            let index = (0u8..).zip(states).find(|(_, s)| *s == state).map_or(0, |(index, _)| index);
            *counts.entry((class, index)).or_default() += u64::from(entry.run.count);
            let since = oldest.entry(class).or_insert(entry.since);
            *since = entry.since.min(*since);
        }
        for class in 0..=4 {
            let Ok(precedence) = v1::Precedence::try_from(class) else { continue };
            for (index, state) in (0u8..).zip(states) {
                let count = counts.get(&(class, index)).copied().unwrap_or(0);
                meters.set_queue(peer.as_str(), way, precedence, state, count);
            }
            let age = oldest.get(&class).map_or(Duration::ZERO, |since| desk.now.since(*since));
            meters.set_oldest(peer.as_str(), way, precedence, age);
        }
    }
}

/// How long the certificates of a station are good.
pub(crate) fn certificates(identity: &Identity) -> Vec<v1::CertificateView> {
    let subject = identity.id().to_string();
    [("transport", identity.transport_not_after()), ("signing", identity.signing_not_after())]
        .map(|(role, not_after)| v1::CertificateView {
            role: role.to_owned(),
            subject: subject.clone(),
            not_after_us: not_after.us(),
        })
        .to_vec()
}

/// Bytes used under a directory and bytes free around it; zero where the system does not say.
fn space(directory: &std::path::Path) -> (u64, u64) {
    let used = std::fs::read_dir(directory).map_or(0, |entries| {
        entries.filter_map(Result::ok).filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
    });
    let free = rustix::fs::statvfs(directory).map_or(0, |system| system.f_bavail.saturating_mul(system.f_frsize));
    (used, free)
}
