//! What is known of each line now: up or down since when, how far away, how wrong the clocks are.
//! Nothing here is durable; after a restart it is learnt again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::outlet::Outlet;
use crate::{io::Timestamp, post::passage::Skew, topology::Unit};

/// One line.
#[derive(Clone, Default)]
pub struct Line {
    /// The connection, while there is one.
    pub outlet: Option<Outlet>,
    /// The peer as its certificate names it.
    pub identity: String,
    /// Up or down since.
    pub since: Timestamp,
    /// The last frame of any kind.
    pub last_contact: Timestamp,
    /// The last clock sample.
    pub sample: Option<Sample>,
    /// When it was taken.
    pub sampled_at: Timestamp,
    /// Why it went down last.
    pub last_failure: String,
    /// When it is tried again, if it is known.
    pub next_attempt: Option<Timestamp>,
    /// An operator keeps it down until then.
    pub paused_until: Option<Timestamp>,
    /// How often it went up.
    pub ups: u64,
}

/// Round trip and clock offset, measured with four stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// There and back, without the time the peer took.
    pub rtt: Duration,
    /// Their clock minus ours, microseconds.
    pub offset_us: i64,
    /// Half the round trip: the offset is known no better than that.
    pub uncertainty: Duration,
}

impl Sample {
    /// From when we sent, when they received, when they sent, when we received.
    pub fn of(sent: Timestamp, received: Timestamp, answered: Timestamp, back: Timestamp) -> Self {
        let there_and_back = back.since(sent).saturating_sub(answered.since(received));
        // Their stamps may be anything.
        let ahead = received.us().saturating_sub(sent.us());
        let offset = ahead.saturating_add(answered.us().saturating_sub(back.us())) / 2;
        Self { rtt: there_and_back, offset_us: offset, uncertainty: there_and_back / 2 }
    }

    /// The same from their side: our clock minus theirs.
    pub fn skew(&self) -> Skew {
        let half = u32::try_from(self.uncertainty.as_micros()).unwrap_or(u32::MAX);
        // Zero means "not known", and no line is that quick.
        Skew { offset_us: self.offset_us.saturating_neg(), uncertainty_us: half.max(1) }
    }
}

/// All lines of a station.
#[derive(Clone)]
pub struct Board {
    lines: Arc<Mutex<BTreeMap<Unit, Line>>>,
    neighbours: Arc<BTreeSet<Unit>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Board {
    /// A board on which nothing is known yet, for these neighbours.
    pub fn new(neighbours: impl IntoIterator<Item = Unit>, now: Timestamp) -> Self {
        let neighbours: BTreeSet<Unit> = neighbours.into_iter().collect();
        let lines = neighbours.iter().map(|unit| (unit.clone(), Line { since: now, ..Line::default() }));
        let lines = Arc::new(Mutex::new(lines.collect()));
        Self { lines, neighbours: Arc::new(neighbours), changed: Arc::new(watch::channel(0).0) }
    }

    /// All lines as they are now.
    pub fn lines(&self) -> Vec<(Unit, Line)> {
        self.lock().iter().map(|(unit, line)| (unit.clone(), line.clone())).collect()
    }

    /// One line as it is now.
    pub fn line(&self, peer: &Unit) -> Option<Line> {
        self.lock().get(peer).cloned()
    }

    /// Notes something about a line.
    pub fn note(&self, peer: &Unit, change: impl FnOnce(&mut Line)) {
        change(self.lock().entry(peer.clone()).or_default());
        self.changed.send_modify(|n| *n += 1);
    }

    /// A line that comes and goes is not missed when it has gone. A neighbour's is.
    pub fn let_go(&self, peer: &Unit) {
        let mut lines = self.lock();
        let gone = !self.neighbours.contains(peer) && lines.get(peer).is_some_and(|line| line.outlet.is_none());
        if gone {
            lines.remove(peer);
        }
        drop(lines);
        self.changed.send_modify(|n| *n += 1);
    }

    /// Changes whenever something was noted.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Whether an operator keeps this line down.
    pub fn paused(&self, peer: &Unit, now: Timestamp) -> Option<Timestamp> {
        self.line(peer).and_then(|line| line.paused_until).filter(|until| *until > now)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Unit, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_that_make_no_sense_are_survived() {
        let at = Timestamp::from_us;
        for (received, answered) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (i64::MAX, i64::MAX)] {
            Sample::of(at(i64::MIN), at(received), at(answered), at(i64::MAX));
        }
    }

    #[test]
    fn four_stamps_tell_distance_and_offset() {
        // They are 500 µs ahead; 100 µs each way; they took 1000 µs to answer.
        let at = Timestamp::from_us;
        let sample = Sample::of(at(1000), at(1600), at(2600), at(2200));
        assert_eq!(sample.rtt, Duration::from_micros(200));
        assert_eq!(sample.offset_us, 500);
        assert_eq!(sample.uncertainty, Duration::from_micros(100));
        assert_eq!(sample.skew(), Skew { offset_us: -500, uncertainty_us: 100 });
    }
}
