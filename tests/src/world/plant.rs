//! Bugs, planted one at a time to see whether the invariants are worth anything. They live here, in the simulator's own
//! disks, lines and eyes; the stations around them run the real code.
//!
//! The twelve of the test plan, and what they are in this product:
//!
//! | bug | plant | found as |
//! |---|---|---|
//! | ack before commit | [`AnswersFirst`](Plant::AnswersFirst), [`EarlyDurable`](Plant::EarlyDurable) | lost |
//! | dedupe not durable | [`DeafRestart`](Plant::DeafRestart) | twice |
//! | done on send | [`DoneOnSend`](Plant::DoneOnSend) | lost, receipts, order |
//! | receipt not atomic with what it is about | [`HalfTurns`](Plant::HalfTurns) | receipts, lost |
//! | order by arrival | [`ReadsAsItCame`](Plant::ReadsAsItCame) | order |
//! | retries given up | [`GivesUp`](Plant::GivesUp) | stuck, lost |
//! | wrong way on retry | [`WrongWay`](Plant::WrongWay) | leak |
//! | deadlock of shared quotas | [`SharedQuota`](Plant::SharedQuota) | stuck, livelock |
//! | numbers used again after a restart | [`ReusedNumbers`](Plant::ReusedNumbers) | lost, altered |
//! | record after the answer | [`LateRecord`](Plant::LateRecord) | lost |
//! | precedence turned round | [`InTurn`](Plant::InTurn) | overtaking |
//! | tombstone gone before the last duplicate | [`ForgetsNumbers`](Plant::ForgetsNumbers) | twice |

/// What is wrong with a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plant {
    /// Nothing.
    #[default]
    Nothing,
    /// The world sees the effects of a turn while its commit still runs.
    AnswersFirst,
    /// Disks say "durable" of what is still in their cache: a crash takes the last commit along.
    EarlyDurable,
    /// Disks write the last record of a commit with the next one.
    LateRecord,
    /// A crash takes along up to three records that had long been durable.
    ForgetfulDisk,
    /// A station that restarts does not know which numbers it has heard.
    DeafRestart,
    /// The same, where everything of a channel has been forgotten.
    ForgetsNumbers,
    /// A station that restarts does not know which positions of an incident it has used.
    LostPositions,
    /// A station that restarts does not know which numbers it has given out.
    ReusedNumbers,
    /// A station that restarts does not know what it has still to hand on.
    LostQueues,
    /// A station that restarts takes the first records of a commit that was cut short for all of it.
    HalfTurns,
    /// Stations take what they have sent for what has arrived, and do not listen when a neighbour says how far it has heard
    /// them: otherwise they would give it again what is missing.
    DoneOnSend,
    /// Stations take nothing in while too much waits there, for whichever neighbour.
    SharedQuota,
    /// What was offered three times is not offered again.
    GivesUp,
    /// What is offered again goes to whoever is next in the list of neighbours.
    WrongWay,
    /// Desks show an incident in the order its documents came.
    ReadsAsItCame,
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
    /// Whether stations lose what they have taken in, and rightly take it again.
    pub(super) fn forgets(self) -> bool {
        let disks = [Self::AnswersFirst, Self::EarlyDurable, Self::LateRecord, Self::ForgetfulDisk];
        disks.contains(&self) || self == Self::HalfTurns
    }

    /// Whether lines flip bits.
    pub(super) fn is_noisy(self) -> bool {
        matches!(self, Self::Noise | Self::NoiseBelieved)
    }
}
