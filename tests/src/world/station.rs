//! A station of the simulated country: its inbox, its turns, the commits they end with, and its clock.
//!
//! A turn takes what is ready as `engine::run` does, the urgent first. What only passes through leaves at once; all else
//! the world sees when the commit has ended, and until then the station does nothing. It looks at the time while
//! something waits for that, every [`TICK_EVERY`](limits::TICK_EVERY), and less and less often while nothing else
//! happens.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use node::{
    engine::{Effects, Engine},
    io::Timestamp,
    limits,
    post::Event,
    topology::Unit,
};
use prost::Message as _;
use proto::v1::{self, Precedence};

use super::{
    Fixed,
    disk::{Memory, Platter},
    forget::Stake,
    plant::Plant,
};
use crate::dice::Dice;

/// After so many turns for what is pressing, bulk travels along once.
const OVERTAKEN_MAX: u32 = 16;

/// What a station is told.
pub(super) enum Command {
    File { ticket: u64, request: Box<v1::FileRequest> },
    Act(v1::ActRequest),
    Post(Event),
    Up { peer: Unit, connection: u64, heard: Vec<v1::Range> },
    Down { peer: Unit, connection: u64 },
}

impl Command {
    fn weight(&self) -> usize {
        match self {
            Self::File { request, .. } => 512 + request.encoded_len(),
            Self::Post(Event::Offered { arrived, bodies, .. }) => {
                arrived.iter().map(|arrived| arrived.block.bytes.len()).sum::<usize>()
                    + bodies.iter().map(|(_, body)| body.len()).sum::<usize>()
            }
            _ => 256,
        }
    }

    fn is_pressing(&self) -> bool {
        match self {
            Self::File { request, .. } => request.precedence() >= Precedence::TeJi,
            Self::Act(_) => true,
            Self::Post(Event::Offered { arrived, .. }) => {
                arrived.iter().any(|arrived| arrived.block.run.channel.precedence >= Precedence::TeJi)
            }
            _ => false,
        }
    }

    pub(super) fn is_bulk(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Post(Event::Offered { .. })) && !self.is_pressing()
    }
}

pub(super) struct Station {
    pub(super) engine: Option<Engine<Memory>>,
    pub(super) disk: Platter,
    pub(super) io: Arc<Fixed>,
    /// How often it was started.
    pub(super) life: u64,
    /// Its wall clock is ahead by so many microseconds, and by so many more a second.
    pub(super) ahead_us: i64,
    pub(super) drift_ppm: i64,
    /// How long its commits take.
    pub(super) commit: Duration,
    /// Stopped by a signal until then.
    pub(super) stopped_until: Timestamp,
    /// Its power fails during its next commit.
    pub(super) doomed: bool,
    began: Timestamp,
    pub(super) urgent: VecDeque<Command>,
    pub(super) routine: VecDeque<Command>,
    overtaken: u32,
    /// The turn whose commit is under way.
    pub(super) turn: Option<Effects>,
    pub(super) calm: bool,
    pub(super) tick: Option<Timestamp>,
    /// When it last heard what time it is elsewhere.
    pub(super) compared: Timestamp,
    pub(super) patience: Duration,
    /// What may be forgotten in the step being taken, by arrival.
    pub(super) stakes: BTreeMap<u64, Stake>,
}

impl Station {
    pub(super) fn new(now: Timestamp, plant: Plant, dice: &mut Dice) -> Self {
        Self {
            engine: None,
            disk: Platter::new(plant, Dice::new(dice.roll())),
            io: Arc::new(Fixed::new(now, dice.roll())),
            life: 0,
            ahead_us: 0,
            drift_ppm: 0,
            commit: Duration::from_millis(2),
            stopped_until: Timestamp::default(),
            doomed: false,
            began: now,
            urgent: VecDeque::new(),
            routine: VecDeque::new(),
            overtaken: 0,
            turn: None,
            calm: false,
            tick: None,
            compared: Timestamp::default(),
            patience: limits::TICK_EVERY,
            stakes: BTreeMap::new(),
        }
    }

    pub(super) fn engine(&self) -> &Engine<Memory> {
        self.engine.as_ref().unwrap()
    }

    /// What its wall clock says.
    pub(super) fn clock(&self, now: Timestamp) -> Timestamp {
        let drift = i64::try_from(now.since(self.began).as_secs()).unwrap() * self.drift_ppm;
        Timestamp::from_us(now.us() + self.ahead_us + drift)
    }

    /// Whether a lane is full, so that nothing more is read off the lines.
    pub(super) fn is_full(&self) -> bool {
        self.urgent.len().max(self.routine.len()) >= limits::INBOX_COMMANDS_MAX
    }

    pub(super) fn is_committing(&self) -> bool {
        self.turn.is_some()
    }

    /// Whether nothing waits here.
    pub(super) fn is_quiet(&self) -> bool {
        let quiet = |engine: &Engine<Memory>| {
            let post = engine.post();
            post.queues().all(|(_, queue)| queue.is_empty()) && post.gaps().next().is_none()
        };
        self.turn.is_none()
            && self.urgent.is_empty()
            && self.routine.is_empty()
            && self.engine.as_ref().is_some_and(quiet)
    }

    /// Everything that is ready, the urgent first, up to what one commit may write.
    pub(super) fn ready(&mut self) -> Vec<Command> {
        let (mut commands, mut weight, mut pressing) = (Vec::new(), 0, false);
        while weight < limits::COMMIT_BYTES_MAX {
            let alone = pressing && self.overtaken < OVERTAKEN_MAX;
            let next = self.urgent.pop_front();
            let Some(next) = next.or_else(|| if alone { None } else { self.routine.pop_front() }) else { break };
            weight += next.weight();
            pressing |= next.is_pressing();
            commands.push(next);
        }
        self.overtaken = if pressing && self.overtaken < OVERTAKEN_MAX { self.overtaken + 1 } else { 0 };
        commands
    }
}
