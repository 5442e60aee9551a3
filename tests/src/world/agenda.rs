//! What is going to happen, in order of time; at one moment, in the order it was put down. Everything that has happened is
//! folded into one number: two runs of a seed that differ anywhere differ in it.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use node::{io::Timestamp, topology::Unit};

use super::trouble::Trouble;

/// Something that is going to happen. Whatever a life or a connection began says which: it may have ended meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Happening {
    /// The last bit of a frame has left a station.
    Left { child: Unit, up: bool, connection: u64 },
    /// A frame is at the other end of a line.
    Arrives { child: Unit, up: bool, connection: u64 },
    /// A station's commit is on its disk.
    Commits { unit: Unit, life: u64 },
    /// A station looks at the time.
    Ticks { unit: Unit, life: u64 },
    /// The power of a station fails, if it still lives that life.
    Fails { unit: Unit, life: u64 },
    /// A station is started.
    Starts { unit: Unit },
    /// A station that was stopped by a signal goes on.
    GoesOn { unit: Unit },
    /// A station dials its parent.
    Dials { child: Unit },
    /// One end of a connection sees that nothing comes any more.
    Notices { child: Unit, upper: bool, connection: u64 },
    /// If still nothing comes, it will have had enough.
    LosesPatience { child: Unit, up: bool, connection: u64 },
    /// A line may carry again.
    Mends { child: Unit, up: bool },
    /// A line that flaps is down for a moment, and will be again so many times.
    Flaps { child: Unit, left: u64 },
    /// A person asks (again) for what he wants.
    Asks { wish: usize },
    /// A disk has room again.
    Frees { unit: Unit },
    /// Trouble of a kind strikes, and some time later again.
    Strikes(Trouble),
}

/// The queue.
#[derive(Default)]
pub(super) struct Agenda {
    queue: BinaryHeap<Reverse<(Timestamp, u64, Happening)>>,
    number: u64,
}

impl Agenda {
    pub(super) fn put(&mut self, at: Timestamp, what: Happening) {
        self.number += 1;
        self.queue.push(Reverse((at, self.number, what)));
    }

    /// The next thing to happen, if it does by then.
    pub(super) fn next(&mut self, by: Timestamp) -> Option<(Timestamp, Happening)> {
        self.queue.peek().filter(|Reverse((at, ..))| *at <= by)?;
        self.queue.pop().map(|Reverse((at, _, what))| (at, what))
    }
}

/// What has happened, as one number.
#[derive(Default)]
pub(super) struct Trace(DefaultHasher);

impl Trace {
    pub(super) fn note(&mut self, what: &impl Hash) {
        what.hash(&mut self.0);
    }

    pub(super) fn number(&self) -> u64 {
        self.0.finish()
    }
}
