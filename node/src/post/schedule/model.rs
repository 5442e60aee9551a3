//! A queue beside a list that is simple enough to be right: whatever people, neighbours, lines and clocks do, and however
//! often the station is restarted.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{tests::entry, *};

#[derive(Debug, Clone)]
enum Action {
    Insert {
        class: usize,
        count: u32,
        bytes: u32,
    },
    Connect,
    Disconnect,
    Take,
    /// The neighbour says something about one of those that wait, or about what it was never offered.
    Taken(usize),
    NotNow(usize, u64),
    No(usize),
    /// An operator says: again.
    Retry(usize),
    Pass(u64),
    /// The clock is set back.
    Back(u64),
    /// What was in flight is known to have been offered only in memory; what was refused is on disk.
    Restart,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0..CLASSES, 1u32..200, 50u32..300_000).prop_map(|(class, count, bytes)| Action::Insert { class, count, bytes }),
        2 => Just(Action::Connect),
        1 => Just(Action::Disconnect),
        4 => Just(Action::Take),
        6 => (0usize..40).prop_map(Action::Taken),
        1 => (0usize..40, 0u64..120).prop_map(|(which, wait)| Action::NotNow(which, wait)),
        1 => (0usize..40).prop_map(Action::No),
        1 => (0usize..40).prop_map(Action::Retry),
        2 => prop_oneof![0u64..400, 1000u64..5000].prop_map(Action::Pass),
        1 => (1u64..100_000).prop_map(Action::Back),
        1 => Just(Action::Restart),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Ready,
    InFlight,
    Held,
}

#[derive(Default)]
struct Trial {
    queue: Queue,
    /// What waits, and where each is in its life.
    model: BTreeMap<u64, (Entry, Is)>,
    /// When each was offered last.
    offered: BTreeMap<u64, Timestamp>,
    up: bool,
    now: Timestamp,
    next: u64,
}

fn state(entry: &Entry) -> Is {
    match entry.state {
        State::Ready => Is::Ready,
        State::InFlight { .. } => Is::InFlight,
        State::Held { .. } => Is::Held,
    }
}

impl Trial {
    fn does(&mut self, action: Action) {
        match action {
            Action::Insert { class, count, bytes } => {
                let precedence = v1::Precedence::try_from(i32::try_from(class).unwrap()).unwrap();
                let entry = Entry { bytes, since: self.now, ..entry(self.next, precedence, count) };
                self.next += 1;
                self.model.insert(entry.arrival, (entry.clone(), Is::Ready));
                self.queue.insert(entry);
            }
            Action::Connect => self.line(true),
            Action::Disconnect => self.line(false),
            Action::Take => self.take(),
            Action::Taken(which) => {
                if let Some(run) = self.pick(which) {
                    self.queue.taken(&run, self.now);
                    self.model.retain(|_, (entry, _)| entry.run != run);
                }
            }
            Action::NotNow(which, wait) => self.says(which, Is::Ready, |queue, run, now| {
                queue.rest(run, "full", Duration::from_secs(wait), now);
            }),
            Action::No(which) => self.says(which, Is::Held, |queue, run, _| queue.hold(run, "no", "never")),
            Action::Retry(which) => self.says(which, Is::Ready, |queue, run, _| assert!(queue.release(run))),
            Action::Pass(seconds) => {
                self.now = self.now + Duration::from_secs(seconds);
                self.loses_patience();
            }
            Action::Back(seconds) => {
                self.now = self.now - Duration::from_secs(seconds);
                self.loses_patience();
            }
            Action::Restart => {
                let kept = std::mem::take(&mut self.queue).entries;
                self.up = false;
                for entry in kept.into_values() {
                    let state = if state(&entry) == Is::Held { entry.state.clone() } else { State::Ready };
                    self.queue.insert(Entry { state, ..entry });
                }
                self.not_in_flight();
            }
        }
        self.is_as_the_model();
    }

    /// With what is in flight, in the end, and with nothing else.
    fn loses_patience(&mut self) {
        let ahead = self.model.values().filter(|(_, is)| *is == Is::InFlight).map(|(entry, _)| u64::from(entry.bytes));
        let ahead = Duration::from_secs(ahead.sum::<u64>() / limits::SLOWEST_LINE);
        self.queue.give_up_waiting(self.now);
        for (arrival, (_, is)) in self.model.iter_mut().filter(|(_, (_, is))| *is == Is::InFlight) {
            let offered = self.offered[arrival];
            let waited = self.now.since(offered);
            let ready = self.queue.entries[arrival].state == State::Ready;
            // Nobody knows how long ago that was if the clock has been set back since.
            if self.now < offered || waited > limits::ANSWER_WITHIN * 16 + ahead {
                assert!(ready, "{arrival} is waited for without an end");
            } else if waited <= limits::ANSWER_WITHIN * 2 + ahead {
                assert!(!ready, "{arrival} is given up after {waited:?}");
            }
            if ready {
                *is = Is::Ready;
            }
        }
    }

    fn line(&mut self, up: bool) {
        if up {
            self.queue.connected()
        } else {
            self.queue.disconnected("cut")
        }
        self.up = up;
        self.not_in_flight();
    }

    fn not_in_flight(&mut self) {
        self.model.values_mut().filter(|(_, is)| *is == Is::InFlight).for_each(|(_, is)| *is = Is::Ready);
    }

    fn pick(&self, which: usize) -> Option<Run> {
        self.model.values().nth(which).map(|(entry, _)| entry.run.clone())
    }

    fn says(&mut self, which: usize, becomes: Is, say: impl FnOnce(&mut Queue, &Run, Timestamp)) {
        if let Some(run) = self.pick(which) {
            say(&mut self.queue, &run, self.now);
            self.model.values_mut().filter(|(entry, _)| entry.run == run).for_each(|(_, is)| *is = becomes);
        }
    }

    fn take(&mut self) {
        let flying = |trial: &Self, class: usize| {
            let above = trial.model.values().filter(|(entry, is)| *is == Is::InFlight && entry.class() >= class);
            above.fold((0, 0), |(count, bytes), (entry, _)| (count + entry.run.count, bytes + entry.bytes as usize))
        };
        let before = self.model.clone();
        let idle = before.values().all(|(_, is)| *is != Is::InFlight);
        let offers = self.queue.take(self.now);
        let rests = |entry: &Entry| self.queue.resting(entry.run.channel.precedence).is_some();
        if idle && self.up {
            // Nothing is in the way: the most urgent goes first, and something goes if anything can.
            let able = before.values().filter(|(entry, is)| *is == Is::Ready && !rests(entry));
            let highest = able.map(|(entry, _)| entry.class()).max();
            assert_eq!(offers.first().map(Entry::class), highest, "the most urgent does not go first");
        }
        for offered in offers {
            assert!(
                self.queue.resting(offered.run.channel.precedence).is_none(),
                "{} rests, and is offered",
                offered.arrival
            );
            self.offered.insert(offered.arrival, self.now);
            assert!(self.up, "the line is down, and {} is offered", offered.arrival);
            let class = offered.class();
            let (count, bytes) = flying(self, class);
            let (entry, is) = self.model.get_mut(&offered.arrival).expect("what is offered waits");
            assert_eq!(*is, Is::Ready, "{} is offered, and not ready", offered.arrival);
            *is = Is::InFlight;
            let (alone, starved) = (count == 0, self.now.since(entry.since) > limits::STARVATION_AFTER);
            let fits =
                count + offered.run.count <= limits::IN_FLIGHT_ENVELOPES_MAX && bytes < limits::IN_FLIGHT_BYTES_MAX;
            assert!(alone || fits || starved, "{count} envelopes and {bytes} bytes are in flight before {offered:?}");
            let earlier =
                self.model.range(..offered.arrival).any(|(_, (entry, is))| *is == Is::Ready && entry.class() == class);
            assert!(!earlier, "{} overtakes one of its own precedence", offered.arrival);
        }
    }

    fn is_as_the_model(&self) {
        let there: Vec<_> = self.queue.entries().map(|entry| (entry.arrival, state(entry))).collect();
        let expected: Vec<_> = self.model.iter().map(|(arrival, (_, is))| (*arrival, *is)).collect();
        assert_eq!(there, expected);
        for class in 0..CLASSES {
            let of = |is: Is| self.model.values().filter(move |(entry, known)| *known == is && entry.class() == class);
            assert_eq!(self.queue.ready[class].len(), of(Is::Ready).count());
            let (count, bytes) = (
                of(Is::InFlight).map(|(e, _)| e.run.count).sum(),
                of(Is::InFlight).map(|(e, _)| e.bytes as usize).sum(),
            );
            assert_eq!((self.queue.in_flight[class], self.queue.in_flight_bytes[class]), (count, bytes));
        }
        for (entry, _) in self.model.values() {
            assert_eq!(
                self.queue.find(&entry.run.channel, entry.run.last()).map(|found| found.arrival),
                Some(entry.arrival)
            );
        }
    }

    /// With a line that holds and a neighbour that takes everything, all goes that no person has to look at.
    fn ends_well(&mut self) {
        self.line(true);
        let mut rounds = 0;
        while self.model.values().any(|(_, is)| *is != Is::Held) {
            rounds += 1;
            assert!(rounds < 5000, "it never ends: {:?}", self.model);
            self.take();
            let flying: Vec<_> =
                self.model.values().filter(|(_, is)| *is == Is::InFlight).map(|(e, _)| e.run.clone()).collect();
            for run in flying {
                self.queue.taken(&run, self.now);
                self.model.retain(|_, (entry, _)| entry.run != run);
            }
            self.now = self.now + Duration::from_secs(1);
            self.is_as_the_model();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_queue_is_what_a_simple_list_says(actions in prop::collection::vec(action(), 0..120)) {
        let mut trial = Trial { now: Timestamp::from_us(1_700_000_000_000_000), ..Trial::default() };
        for action in actions {
            trial.does(action);
        }
        trial.ends_well();
    }
}
