//! What was seen, counted. Callers say what happened; only this file knows the names of metrics.
//!
//! Promises: recording never blocks on an exit and never fails; without an exit nothing is kept at all. Names and
//! labels are those the operators' manual lists. Line time and people's time are never in one histogram.
//!
//! Counts are exact: a block of 128 envelopes adds 128 to a counter at once. A histogram can only be told one value
//! at a time, so a block is entered 16 times at most ([`WEIGHT_MAX`]). Its envelopes share one commit at either end and
//! thereby one latency, so nothing about the shape is lost but the weight of large blocks against small ones; and a
//! full block costs 6 µs instead of 48 (measured), half a per cent of a core at 100,000 envelopes a second.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter},
};
use proto::v1::{Kind, Precedence, Status};

use super::{
    About,
    labels::{Direction, Outcome, QueueState, Stage, Step, Traffic, Word},
};
use crate::io::Timestamp;

/// How often one observation about many envelopes is entered into a histogram.
const WEIGHT_MAX: u64 = 16;

const DELIVERY_SECONDS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0];
const TRANSIT_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
const DWELL_SECONDS: &[f64] = &[10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0];
const RTT_SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
const COMMIT_SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// The station's instruments; cheap to clone, and deaf when nothing is exported.
#[derive(Clone, Default)]
pub struct Meters(Option<Arc<Instruments>>);

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Meters" } else { "Meters(deaf)" })
    }
}

struct Instruments {
    messages: Counter<u64>,
    delivery: Histogram<f64>,
    transit: Histogram<f64>,
    dwell: Histogram<f64>,
    queue_messages: Gauge<u64>,
    queue_bytes: Gauge<u64>,
    queue_oldest: Gauge<f64>,
    attempts: Counter<u64>,
    duplicates: Counter<u64>,
    gaps: Gauge<u64>,
    link_up: Gauge<u64>,
    link_transitions: Counter<u64>,
    rtt: Histogram<f64>,
    offset: Gauge<f64>,
    contact: Gauge<f64>,
    commit: Histogram<f64>,
    used: Gauge<u64>,
    free: Gauge<u64>,
    forgotten: Counter<u64>,
    losses: Gauge<u64>,
    owed: Gauge<u64>,
    nil: Gauge<u64>,
    recoveries: Counter<u64>,
    certificate: Gauge<f64>,
    /// Transitions counted so far, by peer.
    links: Mutex<HashMap<String, u64>>,
}

impl Meters {
    /// Instruments that keep nothing.
    pub fn deaf() -> Self {
        Self::default()
    }

    pub(super) fn new(meter: &Meter, about: &About) -> Self {
        let instruments = Instruments::new(meter);
        meter.u64_gauge("zhuji_build_info").with_description("What runs here; always 1").build().record(
            1,
            &[
                KeyValue::new("version", about.version),
                KeyValue::new("revision", about.revision),
                KeyValue::new("tier", about.tier.as_str()),
            ],
        );
        // A counter nobody has touched is not shown, and "no recoveries" should be seen, not guessed.
        instruments.recoveries.add(0, &[]);
        Self(Some(Arc::new(instruments)))
    }

    /// Documents were sealed here and are on this disk.
    pub fn observe_filed(&self, what: Traffic, count: u64) {
        self.stage(what, Stage::Queued, count);
    }

    /// Custody of envelopes was taken from a neighbour.
    pub fn observe_taken(&self, what: Traffic, count: u64) {
        self.stage(what, Stage::Custody, count);
    }

    /// Envelopes arrived where they were going, `latency` after they were filed. `province` is the provincial unit
    /// at or above the far end (a district without a province is its own).
    pub fn observe_delivered(&self, what: Traffic, province: &str, latency: Duration, count: u64) {
        self.stage(what, Stage::Delivered, count);
        let Some(i) = &self.0 else { return };
        let labels = [
            direction(what.direction),
            KeyValue::new("province", province.to_owned()),
            precedence(what.precedence),
            status(what.status),
        ];
        weigh(&i.delivery, latency, count, &labels);
    }

    /// A person signed for documents.
    pub fn observe_signed(&self, what: Traffic, count: u64) {
        self.stage(what, Stage::Signed, count);
    }

    /// What a document asked for was done.
    pub fn observe_completed(&self, what: Traffic, count: u64) {
        self.stage(what, Stage::Completed, count);
    }

    /// Documents ran out of time on their way.
    pub fn observe_expired(&self, what: Traffic, count: u64) {
        self.stage(what, Stage::Expired, count);
    }

    /// Documents were turned away.
    pub fn observe_refused(&self, what: Traffic, count: u64) {
        self.stage(what, Stage::Refused, count);
    }

    /// Envelopes crossed the line to or from `peer`. A time the two clocks cannot vouch for, because their offset is
    /// less certain than the time is long, is left out.
    pub fn observe_hop(
        &self,
        peer: &str,
        way: Direction,
        urgency: Precedence,
        transit: Duration,
        uncertainty: Duration,
        count: u64,
    ) {
        let Some(i) = self.0.as_ref().filter(|_| uncertainty <= transit) else { return };
        weigh(&i.transit, transit, count, &[named(peer), direction(way), precedence(urgency)]);
    }

    /// A person took this long.
    pub fn observe_dwell(&self, province: &str, step: Step, urgency: Precedence, dwell: Duration) {
        let Some(i) = &self.0 else { return };
        let labels =
            [KeyValue::new("province", province.to_owned()), KeyValue::new("step", step.word()), precedence(urgency)];
        i.dwell.record(dwell.as_secs_f64(), &labels);
    }

    /// So many messages wait for `peer` in this state.
    pub fn set_queue(&self, peer: &str, way: Direction, urgency: Precedence, state: QueueState, messages: u64) {
        let Some(i) = &self.0 else { return };
        let labels = [named(peer), direction(way), precedence(urgency), KeyValue::new("state", state.word())];
        i.queue_messages.record(messages, &labels);
    }

    /// So many bytes wait for `peer`.
    pub fn set_queue_bytes(&self, peer: &str, way: Direction, bytes: u64) {
        let Some(i) = &self.0 else { return };
        i.queue_bytes.record(bytes, &[named(peer), direction(way)]);
    }

    /// The oldest message for `peer` has waited this long; zero when none waits.
    pub fn set_oldest(&self, peer: &str, way: Direction, urgency: Precedence, age: Duration) {
        let Some(i) = &self.0 else { return };
        i.queue_oldest.record(age.as_secs_f64(), &[named(peer), direction(way), precedence(urgency)]);
    }

    /// An attempt to hand something to `peer` ended.
    pub fn observe_attempt(&self, peer: &str, outcome: Outcome) {
        let Some(i) = &self.0 else { return };
        i.attempts.add(1, &[named(peer), KeyValue::new("outcome", outcome.word())]);
    }

    /// `peer` offered envelopes this station already had.
    pub fn observe_duplicates(&self, peer: &str, kind: Kind, count: u64) {
        let Some(i) = &self.0 else { return };
        i.duplicates.add(count, &[named(peer), KeyValue::new("kind", kind.word())]);
    }

    /// So many numbers are missing now in the channels that come through `peer`.
    pub fn set_gaps(&self, peer: &str, way: Direction, missing: u64) {
        let Some(i) = &self.0 else { return };
        i.gaps.record(missing, &[named(peer), direction(way)]);
    }

    /// The line to `peer` is up or down, and has come up `ups` times so far. May be said as often as one likes, and
    /// as rarely: what happened in between counts all the same.
    pub fn set_link(&self, peer: &str, up: bool, ups: u64) {
        let Some(i) = &self.0 else { return };
        i.link_up.record(u64::from(up), &[named(peer)]);
        // Every time it came up it went down again, but for this one.
        let transitions = (2 * ups).saturating_sub(u64::from(up));
        let before = i.links.lock().unwrap_or_else(PoisonError::into_inner).insert(peer.to_owned(), transitions);
        i.link_transitions.add(transitions.saturating_sub(before.unwrap_or(0)), &[named(peer)]);
    }

    /// A heartbeat went to `peer` and back; their clock is ahead of ours by `offset_us`.
    pub fn observe_rtt(&self, peer: &str, rtt: Duration, offset_us: i64) {
        let Some(i) = &self.0 else { return };
        i.rtt.record(rtt.as_secs_f64(), &[named(peer)]);
        i.offset.record(seconds(offset_us), &[named(peer)]);
    }

    /// Something was heard from `peer`.
    pub fn observe_contact(&self, peer: &str, at: Timestamp) {
        let Some(i) = &self.0 else { return };
        i.contact.record(seconds(at.us()), &[named(peer)]);
    }

    /// A batch of facts reached the disk.
    pub fn observe_commit(&self, took: Duration) {
        let Some(i) = &self.0 else { return };
        i.commit.record(took.as_secs_f64(), &[]);
    }

    /// The journal takes so many bytes, and so many are left.
    pub fn set_store(&self, used: u64, free: u64) {
        let Some(i) = &self.0 else { return };
        i.used.record(used, &[]);
        i.free.record(free, &[]);
    }

    /// Duties that are overdue: this office's, others', and those of drills.
    pub fn set_owed(&self, owed: &proto::v1::Owed) {
        let Some(i) = &self.0 else { return };
        for (owner, count) in
            [("here", owed.overdue_here), ("elsewhere", owed.overdue_elsewhere), ("exercise", owed.overdue_exercise)]
        {
            i.owed.record(count.into(), &[KeyValue::new("owner", owner)]);
        }
        i.nil.record(owed.nil_missing.into(), &[KeyValue::new("reason", "not_sent")]);
        i.nil.record(owed.nil_silent.into(), &[KeyValue::new("reason", "line_down")]);
    }

    /// What was lost, and what of that was not or was made good.
    pub fn set_losses(&self, open: u64, recovered: u64) {
        let Some(i) = &self.0 else { return };
        i.losses.record(open, &[KeyValue::new("state", "open")]);
        i.losses.record(recovered, &[KeyValue::new("state", "recovered")]);
    }

    /// Envelopes settled long ago were given up.
    pub fn observe_forgotten(&self, count: u64) {
        let Some(i) = &self.0 else { return };
        i.forgotten.add(count, &[]);
    }

    /// The store had to be recovered from its journal.
    pub fn observe_recovery(&self) {
        let Some(i) = &self.0 else { return };
        i.recoveries.add(1, &[]);
    }

    /// The certificate for `role` (`transport`, `signing`) ends then.
    pub fn set_certificate(&self, role: &'static str, subject: &str, not_after: Timestamp) {
        let Some(i) = &self.0 else { return };
        let labels = [KeyValue::new("role", role), KeyValue::new("subject", subject.to_owned())];
        i.certificate.record(seconds(not_after.us()), &labels);
    }

    fn stage(&self, what: Traffic, stage: Stage, count: u64) {
        let Some(i) = &self.0 else { return };
        let labels = [
            direction(what.direction),
            KeyValue::new("kind", what.kind.word()),
            precedence(what.precedence),
            KeyValue::new("stage", stage.word()),
            status(what.status),
        ];
        i.messages.add(count, &labels);
    }
}

fn direction(way: Direction) -> KeyValue {
    KeyValue::new("direction", way.word())
}

fn precedence(urgency: Precedence) -> KeyValue {
    KeyValue::new("precedence", urgency.word())
}

fn status(status: Status) -> KeyValue {
    KeyValue::new("status", status.word())
}

fn named(peer: &str) -> KeyValue {
    KeyValue::new("peer", peer.to_owned())
}

fn weigh(histogram: &Histogram<f64>, value: Duration, count: u64, labels: &[KeyValue]) {
    for _ in 0..count.min(WEIGHT_MAX) {
        histogram.record(value.as_secs_f64(), labels);
    }
}

#[expect(clippy::cast_precision_loss, reason = "53 bits of microseconds reach into the year 2255")]
fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let counter = |name, about| meter.u64_counter(name).with_description(about).build();
        let gauge = |name, about| meter.u64_gauge(name).with_description(about).build();
        let moment = |name, about| meter.f64_gauge(name).with_description(about).with_unit("s").build();
        let histogram = |name, about, bounds: &[f64]| {
            let builder = meter.f64_histogram(name).with_description(about).with_unit("s");
            builder.with_boundaries(bounds.to_vec()).build()
        };
        Self {
            messages: counter("zhuji_messages_total", "Messages by the stage they reached here"),
            delivery: histogram(
                "zhuji_delivery_latency_seconds",
                "From the commit at the origin to the commit at the destination",
                DELIVERY_SECONDS,
            ),
            transit: histogram(
                "zhuji_hop_transit_seconds",
                "Line time of one hop, corrected for the offset of the two clocks",
                TRANSIT_SECONDS,
            ),
            dwell: histogram("zhuji_human_dwell_seconds", "Time a person took, by what was done", DWELL_SECONDS),
            queue_messages: gauge("zhuji_queue_messages", "Messages waiting for a neighbour"),
            queue_bytes: gauge("zhuji_queue_bytes", "Bytes waiting for a neighbour"),
            queue_oldest: moment(
                "zhuji_queue_oldest_message_age_seconds",
                "How long the oldest message has waited; 0 when none does",
            ),
            attempts: counter("zhuji_delivery_attempts_total", "Attempts to hand something on, by how they ended"),
            duplicates: counter("zhuji_duplicates_total", "Messages offered again and answered again"),
            gaps: gauge("zhuji_sequence_gaps", "Numbers known to be missing now"),
            link_up: gauge("zhuji_link_up", "1 while the line is up"),
            link_transitions: counter("zhuji_link_transitions_total", "How often the line went up or down"),
            rtt: histogram("zhuji_link_rtt_seconds", "Round trip of a heartbeat", RTT_SECONDS),
            offset: moment("zhuji_peer_clock_offset_seconds", "The neighbour's clock minus ours"),
            contact: moment("zhuji_peer_last_contact_timestamp_seconds", "When the neighbour was last heard"),
            commit: histogram(
                "zhuji_store_commit_duration_seconds",
                "From handing a batch to the journal to its fdatasync being done",
                COMMIT_SECONDS,
            ),
            used: gauge("zhuji_store_used_bytes", "Bytes the journal takes"),
            forgotten: counter("zhuji_forgotten_total", "Messages settled long ago that were given up"),
            losses: gauge("zhuji_losses", "What was found to be lost on disk or on the way"),
            nil: gauge("zhuji_nil_reports_missing", "Offices that have not been heard for the last hour that is due"),
            owed: gauge("zhuji_obligations_overdue", "Duties of the plan that are overdue, of the newest incidents"),
            free: gauge("zhuji_store_free_bytes", "Bytes the store can still take"),
            recoveries: counter("zhuji_store_recoveries_total", "Times the store was recovered from its journal"),
            certificate: moment("zhuji_certificate_not_after_timestamp_seconds", "When a certificate ends"),
            links: Mutex::default(),
        }
    }
}
