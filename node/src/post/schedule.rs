//! What to offer to a neighbour next: the highest precedence first, in order within it, never more in flight than
//! the link can carry without holding up something urgent, and nothing starves.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proto::v1;

use super::{
    envelope::{Channel, Place, Run},
    refusal::{Code, worded},
    retry,
};
use crate::{io::Timestamp, limits};

/// Precedences, 0 = routine.
pub const CLASSES: usize = 5;

/// Where a waiting block is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// May be offered.
    Ready,
    /// Offered, no answer yet.
    InFlight {
        /// Since when.
        offered: Timestamp,
    },
    /// Refused for a reason that will not pass by itself: waits for a person.
    Held {
        /// The neighbour's stable word.
        code: String,
        /// The neighbour's sentence.
        reason: String,
    },
}

/// A block that waits for a neighbour.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number among the blocks here: the order of offers.
    pub arrival: u64,
    /// Which envelopes.
    pub run: Run,
    /// Where its record lies.
    pub place: Place,
    /// Bytes.
    pub bytes: u32,
    /// Whether its bodies travel by digest.
    pub shared: bool,
    /// Since when it waits here.
    pub since: Timestamp,
    /// Where it is in its life.
    pub state: State,
    /// How often it was offered.
    pub attempts: u32,
    /// Why the last offer came to nothing.
    pub last_failure: String,
    /// The way it came.
    pub passages: Vec<v1::Passage>,
    /// Its author has been told that it is not delivered, or need not be.
    pub told: bool,
}

impl Entry {
    fn class(&self) -> usize {
        class(self.run.channel.precedence)
    }
}

/// A precedence as an index.
pub fn class(precedence: v1::Precedence) -> usize {
    usize::try_from(i32::from(precedence)).unwrap_or(0).min(CLASSES - 1)
}

/// All that waits for one neighbour.
#[derive(Debug, Default)]
pub struct Queue {
    up: bool,
    entries: BTreeMap<u64, Entry>,
    by_run: BTreeMap<(Channel, u64), u64>,
    ready: [BTreeSet<u64>; CLASSES],
    /// Held, and nobody has been told.
    untold: BTreeSet<u64>,
    in_flight: [u32; CLASSES],
    in_flight_bytes: [usize; CLASSES],
    /// "Not now" was the answer: this precedence rests until then.
    resting: [Option<Timestamp>; CLASSES],
    /// Since when: a clock that is set back must not make it longer.
    resting_since: [Timestamp; CLASSES],
    refusals: [u32; CLASSES],
    served: [Timestamp; CLASSES],
    window: Window,
}

/// How many bytes of one precedence may be in flight: as many as the line answers in good time. What is in flight cannot be
/// overtaken, so on a slow line it has to be little.
#[derive(Debug)]
struct Window {
    bytes: usize,
    /// What was offered before this says nothing about the window as it is.
    since: Timestamp,
}

impl Default for Window {
    fn default() -> Self {
        Self { bytes: limits::IN_FLIGHT_BYTES_FIRST, since: Timestamp::default() }
    }
}

impl Window {
    /// Something that had been offered then was answered now.
    fn answered(&mut self, bytes: usize, offered: Timestamp, now: Timestamp) {
        let took = now.since(offered);
        if took <= limits::SOON {
            self.bytes = (self.bytes + bytes).min(limits::IN_FLIGHT_BYTES_MAX);
        } else if took > limits::LATE && offered >= self.since {
            *self = Self { bytes: (self.bytes / 2).max(limits::IN_FLIGHT_BYTES_LEAST), since: now };
        }
    }
}

impl Queue {
    /// Whether the neighbour can be reached.
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// How many blocks wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Everything that waits, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.values()
    }

    /// What waits of one run.
    pub fn find(&self, channel: &Channel, number: u64) -> Option<&Entry> {
        let (key, arrival) = self.by_run.range(..=(channel.clone(), number)).next_back()?;
        let entry = self.entries.get(arrival)?;
        (key.0 == *channel && entry.run.last() >= number).then_some(entry)
    }

    /// Until when a precedence rests.
    pub fn resting(&self, precedence: v1::Precedence) -> Option<Timestamp> {
        self.resting[class(precedence)]
    }

    /// A block begins to wait.
    pub fn insert(&mut self, entry: Entry) {
        let class = entry.class();
        match entry.state {
            State::Ready => _ = self.ready[class].insert(entry.arrival),
            State::InFlight { .. } => self.flies(&entry),
            State::Held { .. } if !entry.told => _ = self.untold.insert(entry.arrival),
            State::Held { .. } => {}
        }
        self.by_run.insert((entry.run.channel.clone(), entry.run.first), entry.arrival);
        self.entries.insert(entry.arrival, entry);
    }

    /// The neighbour has it: it waits no longer.
    pub fn remove(&mut self, run: &Run) -> Option<Entry> {
        let arrival = self.by_run.remove(&(run.channel.clone(), run.first))?;
        let entry = self.entries.remove(&arrival)?;
        self.leave_state(&entry);
        self.refusals[entry.class()] = 0;
        Some(entry)
    }

    /// The neighbour has taken it, and the time that took says what the line carries.
    pub fn taken(&mut self, run: &Run, now: Timestamp) {
        if let Some(Entry { state: State::InFlight { offered }, bytes, .. }) = self.remove(run) {
            self.window.answered(bytes as usize, offered, now);
        }
    }

    /// "Not now": this precedence rests, then everything of it is offered again in order.
    pub fn rest(&mut self, run: &Run, reason: &str, asked: Duration, now: Timestamp) {
        let class = class(run.channel.precedence);
        self.refusals[class] = self.refusals[class].saturating_add(1);
        let wait = retry::wait(self.refusals[class], run.channel.origin.as_str().as_bytes()).max(asked);
        (self.resting[class], self.resting_since[class]) = (Some(now + wait), now);
        self.change(run, |entry| {
            entry.state = State::Ready;
            reason.clone_into(&mut entry.last_failure);
        });
    }

    /// "No": it waits for a person.
    pub fn hold(&mut self, run: &Run, code: &str, reason: &str) {
        self.change(run, |entry| {
            entry.last_failure = worded(code, reason);
            entry.state = State::Held { code: code.to_owned(), reason: reason.to_owned() };
        });
    }

    /// A person says: try again.
    pub fn release(&mut self, run: &Run) -> bool {
        self.change(run, |entry| entry.state = State::Ready)
    }

    /// What was refused and not yet reported, oldest first.
    pub fn untold(&self) -> impl Iterator<Item = &Entry> {
        self.untold.iter().filter_map(|arrival| self.entries.get(arrival))
    }

    /// That a block is not delivered has been reported; not again.
    pub fn told(&mut self, run: &Run) {
        self.change(run, |entry| entry.told = true);
    }

    /// A block lies somewhere else now.
    pub fn carried(&mut self, arrival: u64, place: Place) {
        if let Some(entry) = self.entries.get_mut(&arrival) {
            entry.place = place;
        }
    }

    /// The line is there. What was in flight on an earlier one is offered again.
    pub fn connected(&mut self) {
        self.up = true;
        self.resting = [None; CLASSES];
        self.window = Window::default();
        self.all_ready("");
    }

    /// The line is gone.
    pub fn disconnected(&mut self, failure: &str) {
        self.up = false;
        self.all_ready(failure);
    }

    /// Whether a block of this run could go at once, `already` envelopes having gone this turn.
    pub fn could_pass(&self, run: &Run, already: u32) -> bool {
        let class = class(run.channel.precedence);
        self.up
            && self.ready[class].is_empty()
            && self.resting[class].is_none()
            && self.room(class, already) >= run.count
    }

    /// Takes what may be offered now, marking it in flight.
    pub fn take(&mut self, now: Timestamp) -> Vec<Entry> {
        let mut offers = Vec::new();
        if !self.up {
            return offers;
        }
        for class in 0..CLASSES {
            if self.resting[class].is_some_and(|until| until <= now || now < self.resting_since[class]) {
                self.resting[class] = None;
            }
        }
        while let Some(arrival) = self.next(now) {
            let Some(entry) = self.entries.get_mut(&arrival) else { break };
            entry.state = State::InFlight { offered: now };
            entry.attempts += 1;
            let entry = entry.clone();
            self.ready[entry.class()].remove(&arrival);
            self.flies(&entry);
            self.served[entry.class()] = now;
            offers.push(entry);
        }
        offers
    }

    /// Offers without an answer for too long go back to be offered again.
    pub fn give_up_waiting(&mut self, now: Timestamp) {
        let ahead = self.in_flight_bytes.iter().sum::<usize>() as u64 / limits::SLOWEST_LINE;
        let late: Vec<Run> = self
            .entries
            .values()
            .filter(|entry| match entry.state {
                State::InFlight { offered } => {
                    let patience = limits::ANSWER_WITHIN.saturating_mul(1 << entry.attempts.min(4));
                    let patience = patience + Duration::from_secs(ahead);
                    // Nobody knows how long ago that was if the clock has been set back since.
                    now.since(offered) > patience || now < offered
                }
                _ => false,
            })
            .map(|entry| entry.run.clone())
            .collect();
        for run in late {
            self.change(&run, |entry| {
                entry.state = State::Ready;
                Code::NoAnswer.word().clone_into(&mut entry.last_failure);
            });
        }
    }

    /// Whether something could go if less were in flight.
    pub fn waits_for_room(&self) -> bool {
        self.up && self.ready.iter().zip(&self.resting).any(|(ready, resting)| !ready.is_empty() && resting.is_none())
    }

    /// Whether the passing of time can change anything here.
    pub fn awaits_time(&self) -> bool {
        (self.up && !self.entries.is_empty()) || !self.untold.is_empty()
    }

    /// The next block to offer, if any may go.
    fn next(&self, now: Timestamp) -> Option<u64> {
        let head = |class: usize| self.ready[class].first().copied().filter(|_| self.resting[class].is_none());
        // The guard: whoever has been overtaken for too long goes once, lowest first.
        for class in 0..CLASSES {
            let Some(arrival) = head(class) else { continue };
            let waits_since = self.entries.get(&arrival)?.since.max(self.served[class]);
            let overtaken = (class + 1..CLASSES).any(|above| self.in_flight[above] > 0);
            if overtaken && now.since(waits_since) > limits::STARVATION_AFTER && self.in_flight[class] == 0 {
                return Some(arrival);
            }
        }
        (0..CLASSES).rev().find_map(|class| {
            let arrival = head(class)?;
            let count = self.entries.get(&arrival)?.run.count;
            (self.room(class, 0) >= count).then_some(arrival)
        })
    }

    /// How many more envelopes of a class may be in flight: its own and everything more urgent counts.
    fn room(&self, class: usize, already: u32) -> u32 {
        let ahead: u32 = self.in_flight[class..].iter().sum();
        let bytes: usize = self.in_flight_bytes[class..].iter().sum();
        if bytes >= self.window.bytes {
            return 0;
        }
        limits::IN_FLIGHT_ENVELOPES_MAX.saturating_sub(ahead + already)
    }

    fn change(&mut self, run: &Run, change: impl FnOnce(&mut Entry)) -> bool {
        let Some(&arrival) = self.by_run.get(&(run.channel.clone(), run.first)) else { return false };
        let Some(mut entry) = self.entries.remove(&arrival) else { return false };
        self.leave_state(&entry);
        change(&mut entry);
        self.insert(entry);
        true
    }

    fn leave_state(&mut self, entry: &Entry) {
        let class = entry.class();
        match entry.state {
            State::Ready => _ = self.ready[class].remove(&entry.arrival),
            State::InFlight { .. } => {
                self.in_flight[class] = self.in_flight[class].saturating_sub(entry.run.count);
                self.in_flight_bytes[class] = self.in_flight_bytes[class].saturating_sub(entry.bytes as usize);
            }
            State::Held { .. } => _ = self.untold.remove(&entry.arrival),
        }
    }

    fn flies(&mut self, entry: &Entry) {
        self.in_flight[entry.class()] += entry.run.count;
        self.in_flight_bytes[entry.class()] += entry.bytes as usize;
    }

    fn all_ready(&mut self, failure: &str) {
        self.in_flight = [0; CLASSES];
        self.in_flight_bytes = [0; CLASSES];
        for entry in self.entries.values_mut() {
            if matches!(entry.state, State::InFlight { .. }) {
                entry.state = State::Ready;
                if !failure.is_empty() {
                    failure.clone_into(&mut entry.last_failure);
                }
                self.ready[entry.class()].insert(entry.arrival);
            }
        }
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{post::envelope::Epoch, topology::Unit};

    pub(super) fn entry(arrival: u64, precedence: v1::Precedence, count: u32) -> Entry {
        let channel = Channel {
            origin: Unit::parse("420100").unwrap(),
            epoch: Epoch([0; 16]),
            destination: Unit::parse("000000").unwrap(),
            precedence,
        };
        Entry {
            arrival,
            run: Run { channel, first: arrival * 1000, count },
            place: Place::default(),
            bytes: 100,
            shared: false,
            since: Timestamp::from_us(0),
            state: State::Ready,
            attempts: 0,
            last_failure: String::new(),
            passages: Vec::new(),
            told: false,
        }
    }

    fn taken(queue: &mut Queue, now: Timestamp) -> Vec<u64> {
        queue.take(now).iter().map(|entry| entry.arrival).collect()
    }

    const NOW: Timestamp = Timestamp::from_us(1_000_000);

    #[test]
    fn the_urgent_goes_first_and_each_precedence_in_order() {
        let mut queue = Queue::default();
        queue.connected();
        for (arrival, precedence) in
            [v1::Precedence::Routine, v1::Precedence::TeTi, v1::Precedence::Routine, v1::Precedence::TeTi]
                .into_iter()
                .enumerate()
        {
            queue.insert(entry(arrival as u64, precedence, 1));
        }
        assert_eq!(taken(&mut queue, NOW), [1, 3, 0, 2]);
        assert!(taken(&mut queue, NOW).is_empty(), "each is offered once");
    }

    #[test]
    fn a_window_full_of_routine_does_not_hold_up_the_urgent() {
        let mut queue = Queue::default();
        queue.connected();
        for arrival in 0..20 {
            queue.insert(entry(arrival, v1::Precedence::Routine, 128));
        }
        assert_eq!(queue.take(NOW).len(), limits::IN_FLIGHT_ENVELOPES_MAX as usize / 128);
        queue.insert(entry(99, v1::Precedence::TeTi, 1));
        assert_eq!(taken(&mut queue, NOW), [99]);
    }

    /// How much is in flight on a line that answers after so long, once it is known.
    fn settled_window(answers_after: Duration) -> usize {
        let mut queue = Queue::default();
        queue.connected();
        let mut now = NOW;
        for round in 0..40 {
            for n in 0..600 {
                queue.insert(Entry { bytes: 1024, ..entry(round * 1000 + n, v1::Precedence::Routine, 1) });
            }
            let offered = queue.take(now);
            now = now + answers_after;
            offered.iter().for_each(|entry| queue.taken(&entry.run, now));
        }
        queue.take(now).iter().map(|entry| entry.bytes as usize).sum()
    }

    #[test]
    fn a_line_is_given_what_it_answers_in_good_time() {
        let envelopes_max = limits::IN_FLIGHT_ENVELOPES_MAX as usize * 1024;
        assert_eq!(settled_window(Duration::from_millis(2)), envelopes_max.min(limits::IN_FLIGHT_BYTES_MAX));
        assert_eq!(settled_window(limits::LATE * 2), limits::IN_FLIGHT_BYTES_LEAST);
        assert_eq!(settled_window(Duration::from_secs(1)), limits::IN_FLIGHT_BYTES_FIRST, "neither soon nor late");
    }

    #[test]
    fn a_block_larger_than_the_window_goes_alone_and_is_waited_for() {
        let mut queue = Queue::default();
        queue.connected();
        for arrival in 0..2 {
            queue.insert(Entry { bytes: 256 * 1024, ..entry(arrival, v1::Precedence::Routine, 1) });
        }
        assert_eq!(taken(&mut queue, NOW), [0]);
        queue.give_up_waiting(NOW + Duration::from_secs(256 * 1024 / limits::SLOWEST_LINE));
        assert!(taken(&mut queue, NOW + Duration::from_secs(600)).is_empty(), "a slow line needs that long");
    }

    #[test]
    fn room_is_waited_for_only_by_what_could_go() {
        let mut queue = Queue::default();
        for arrival in 0..20 {
            queue.insert(entry(arrival, v1::Precedence::Routine, 128));
        }
        assert!(!queue.waits_for_room(), "the line is down");
        queue.connected();
        queue.take(NOW);
        assert!(queue.waits_for_room());
        queue.rest(&entry(0, v1::Precedence::Routine, 128).run, "disk full", Duration::ZERO, NOW);
        assert!(!queue.waits_for_room(), "it rests");
        queue.connected();
        (0..18).for_each(|arrival| _ = queue.remove(&entry(arrival, v1::Precedence::Routine, 128).run));
        queue.take(NOW);
        assert!(!queue.waits_for_room(), "the last of it is on its way");
    }

    #[test]
    fn the_routine_is_not_starved_by_a_flood_above_it() {
        let mut queue = Queue::default();
        queue.connected();
        for arrival in 0..200 {
            queue.insert(entry(arrival, v1::Precedence::TeJi, 128));
        }
        queue.insert(entry(500, v1::Precedence::Routine, 1));
        let early = taken(&mut queue, NOW);
        assert!(!early.contains(&500));
        let later = taken(&mut queue, NOW + limits::STARVATION_AFTER + Duration::from_secs(2));
        assert_eq!(later, [500]);
    }

    #[test]
    fn a_lost_line_puts_what_was_in_flight_back_in_order() {
        let mut queue = Queue::default();
        queue.connected();
        for arrival in 0..4 {
            queue.insert(entry(arrival, v1::Precedence::Routine, 1));
        }
        assert_eq!(taken(&mut queue, NOW), [0, 1, 2, 3]);
        queue.remove(&entry(1, v1::Precedence::Routine, 1).run);
        queue.disconnected("reset");
        assert!(taken(&mut queue, NOW).is_empty());
        queue.connected();
        assert_eq!(taken(&mut queue, NOW), [0, 2, 3]);
    }

    #[test]
    fn not_now_rests_and_no_waits_for_a_person() {
        let mut queue = Queue::default();
        queue.connected();
        for arrival in 0..2 {
            queue.insert(entry(arrival, v1::Precedence::Routine, 1));
        }
        assert_eq!(taken(&mut queue, NOW), [0, 1]);
        queue.rest(&entry(0, v1::Precedence::Routine, 1).run, "disk full", Duration::ZERO, NOW);
        queue.hold(&entry(1, v1::Precedence::Routine, 1).run, "not-your-subtree", "…");
        assert!(taken(&mut queue, NOW).is_empty());
        let later = NOW + limits::RETRY_LONGEST;
        assert_eq!(taken(&mut queue, later), [0]);
        assert!(queue.release(&entry(1, v1::Precedence::Routine, 1).run));
        assert_eq!(taken(&mut queue, later), [1]);
    }
}
