//! Bugs, planted one at a time to see whether the invariants are worth anything. They live here, in the simulator's own
//! disks, lines and eyes; the stations around them run the real code.

/// What is wrong with a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plant {
    /// Nothing.
    #[default]
    Nothing,
    /// Disks say "durable" of what is still in their cache: a crash takes the last commit along.
    EarlyDurable,
    /// A crash takes along up to three records that had long been durable.
    ForgetfulDisk,
    /// A station that restarts does not know which numbers it has heard.
    DeafRestart,
    /// A station that restarts does not know which positions of an incident it has used.
    LostPositions,
    /// A station that restarts does not know which numbers it has given out.
    ReusedNumbers,
    /// A station that restarts does not know what it has still to hand on.
    LostQueues,
    /// A station that restarts takes the first records of a commit that was cut short for all of it.
    HalfTurns,
    /// Stations take what they have sent for what has arrived.
    DoneOnSend,
    /// Lines carry what was queued first, not what is urgent.
    InTurn,
    /// Lines deliver out of order.
    Shuffle,
    /// Lines flip a bit in passing blocks. By itself this must be survived.
    Noise,
    /// The same, and nobody checks whose seal it is.
    NoiseBelieved,
}

impl Plant {
    /// Whether lines flip bits.
    pub(super) fn is_noisy(self) -> bool {
        matches!(self, Self::Noise | Self::NoiseBelieved)
    }
}
