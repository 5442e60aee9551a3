//! The words labels are made of. Every one is from a fixed list: a label never holds an id, a name of a person or
//! anything somebody wrote.

use proto::v1::{Kind, Precedence, Status};

/// Which way along the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the ministry.
    Up,
    /// Towards the districts.
    Down,
}

/// Where in a queue a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueState {
    /// May go as soon as the line can take it.
    Ready,
    /// Offered, not answered yet.
    InFlight,
    /// Waits for its next attempt.
    Parked,
    /// Waits for a person.
    Held,
}

/// How an attempt to hand something on ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The neighbour has it.
    Ok,
    /// The neighbour could not be reached.
    Unavailable,
    /// The neighbour did not answer in time.
    Deadline,
    /// One of the two did not believe the other.
    Unauthenticated,
    /// The neighbour will not have it.
    Rejected,
}

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// 签收
    Sign,
    /// 审核
    Endorse,
    /// 承办
    Undertake,
    /// 批复
    Decide,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Queued,
    Custody,
    Delivered,
    Signed,
    Completed,
    Expired,
    Refused,
}

/// What kind of traffic a count is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Traffic {
    /// Which way it goes.
    pub direction: Direction,
    /// What it is.
    pub kind: Kind,
    /// How fast it must be.
    pub precedence: Precedence,
    /// Whether it is real.
    pub status: Status,
}

/// A value of a label.
pub(super) trait Word {
    fn word(self) -> &'static str;
}

impl Word for Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl Word for QueueState {
    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::InFlight => "in_flight",
            Self::Parked => "parked",
            Self::Held => "held",
        }
    }
}

impl Word for Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unavailable => "unavailable",
            Self::Deadline => "deadline",
            Self::Unauthenticated => "unauthenticated",
            Self::Rejected => "rejected",
        }
    }
}

impl Word for Step {
    fn word(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Endorse => "endorse",
            Self::Undertake => "undertake",
            Self::Decide => "decide",
        }
    }
}

impl Word for Stage {
    fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Custody => "custody",
            Self::Delivered => "delivered",
            Self::Signed => "signed",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }
}

impl Word for Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unknown",
            Self::InitialReport => "initial_report",
            Self::FollowUpReport => "follow_up_report",
            Self::FinalReport => "final_report",
            Self::RequestForInstructions => "request_for_instructions",
            Self::Approval => "approval",
            Self::Denial => "denial",
            Self::Directive => "directive",
            Self::Endorsement => "endorsement",
            Self::LateralNotice => "lateral_notice",
            Self::Assessment => "assessment",
            Self::NilReport => "nil_report",
            Self::Preparation => "preparation",
            Self::Bypass => "bypass",
            Self::Linkage => "linkage",
            Self::Bulletin => "bulletin",
            Self::HandOver => "hand_over",
            Self::Roster => "roster",
            Self::EarlyWarning => "early_warning",
            Self::PolicyRelease => "policy_release",
            Self::Decision => "decision",
            Self::Proposal => "proposal",
            Self::Vote => "vote",
            Self::LogEntry => "log_entry",
            Self::Cancel => "cancel",
            Self::Receipt => "receipt",
        }
    }
}

impl Word for Precedence {
    fn word(self) -> &'static str {
        match self {
            Self::Routine => "routine",
            Self::PingJi => "ping_ji",
            Self::JiaJi => "jia_ji",
            Self::TeJi => "te_ji",
            Self::TeTi => "te_ti",
        }
    }
}

impl Word for Status {
    fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unknown",
            Self::Actual => "actual",
            Self::Exercise => "exercise",
            Self::System => "system",
            Self::Test => "test",
            Self::Draft => "draft",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words are the proto names in lower case, so that a log, a label and a message can be compared by eye.
    #[test]
    fn labels_are_spelled_like_the_messages() {
        for number in 1..=40 {
            let Ok(kind) = Kind::try_from(number) else { continue };
            assert_eq!(format!("KIND_{}", kind.word().to_uppercase()), kind.as_str_name());
        }
        for number in 0..5 {
            let precedence = Precedence::try_from(number).unwrap();
            assert_eq!(format!("PRECEDENCE_{}", precedence.word().to_uppercase()), precedence.as_str_name());
            let status = Status::try_from(number + 1).unwrap();
            assert_eq!(format!("STATUS_{}", status.word().to_uppercase()), status.as_str_name());
        }
    }
}
