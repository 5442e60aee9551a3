//! PURE. The plan as data: what an office owes at which event, by when, and who says so.
//!
//! The plan has adverbs and no numbers. A policy gives each adverb a limit with its source, and each duty of the plan the
//! event it arises at, the tier that has it, and what closes it. The ministry releases policies; each document carries
//! the version in force where and when it was written, and what is owed because of it is judged by that one for ever.
//!
//! A policy is one TOML file; `deploy/policy/2014.toml` is the one stations begin with. [`Policy::parse`] refuses what
//! it does not understand and says where: a word that is misspelt would otherwise be a duty nobody has.

mod file;
mod shelf;
#[cfg(test)]
mod tests;

use std::time::Duration;

use proto::v1::{Category, Choice, Classification, Escalation, Grade, Item, Lateral, Precedence};

pub use self::{file::BadPolicy, shelf::Shelf};
use crate::{io::Timestamp, topology::Tier};

/// The policy stations begin with: a proposal, until the ministry releases one.
pub const BUILT_IN: &str = include_str!("../../../deploy/policy/2014.toml");

/// A policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// What it is called. Never used twice.
    pub version: String,
    /// Its title.
    pub title: String,
    /// The document it carries out: 文号.
    pub document: String,
    /// Whether the ministry stands behind it, or it is a proposal.
    pub confirmed: bool,
    /// When the exam is.
    pub exam: Exam,
    /// What is owed.
    pub duties: Vec<Rule>,
    /// Who decides what touches the holding of the exam.
    pub group: Group,
    /// When everybody says that nothing has happened, the earliest first.
    pub slots: Vec<Slot>,
    /// What has to be ready before the exam.
    pub points: Vec<Point>,
    /// Who has to know of something overdue, and after how long, the first step first.
    pub escalation: Vec<Step>,
    /// How a report of each category usually travels, where nobody says otherwise.
    pub usual: Vec<Usual>,
    /// Whether an office on the way looks at what passes before those above it are called.
    pub review: Option<Review>,
}

/// How a report of a category usually travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// Of which category.
    pub category: Category,
    /// How fast.
    pub precedence: Precedence,
    /// How secret.
    pub classification: Classification,
}

/// From this long after it was due, somebody more has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Who.
    pub to: Escalation,
    /// How long after it was due.
    pub after: Duration,
}

/// A province has so long to look at what passes. It passes all the same: who is above has it, and is not called before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// How long, from when the province had it.
    pub within: Duration,
    /// Of which speeds; the urgent is never among them.
    pub precedences: Vec<Precedence>,
}

/// Something that has to be ready before the exam.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// What people type.
    pub code: String,
    /// The sentence of the plan it comes from.
    pub row: String,
    /// What has to be ready.
    pub says: String,
    /// Who has to see to it.
    pub tiers: Vec<Tier>,
    /// By when.
    pub due: Timestamp,
    /// The station finds out by itself; nobody can say so for it.
    pub machine: bool,
}

/// An hour at which a 平安报 is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name: 开考, 试卷一结束.
    pub name: String,
    /// The hour.
    pub at: Timestamp,
    /// How long after it one is in time.
    pub grace: Duration,
    /// Who owes it.
    pub tiers: Vec<Tier>,
}

impl Slot {
    /// After this it is missing.
    pub fn due(&self) -> Timestamp {
        self.at + self.grace
    }
}

/// 领导小组: decides together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its members; empty = they have not been named yet, and whoever has a name may vote.
    pub members: Vec<String>,
    /// How many of them have to agree.
    pub quorum: usize,
}

/// The exam all deadlines give way to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exam {
    /// Its name.
    pub name: String,
    /// A deadline is pulled to this long before a session begins or ends.
    pub margin: Duration,
    /// Its sessions, the earliest first.
    pub sessions: Vec<Session>,
}

/// One paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name: 试卷一.
    pub name: String,
    /// When it begins.
    pub begins: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
}

/// One duty of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The sentence of the plan it comes from.
    pub row: String,
    /// Its words.
    pub says: String,
    /// What is to be done.
    pub what: What,
    /// Who has it.
    pub tiers: Vec<Tier>,
    /// In which categories; empty = in all.
    pub categories: Vec<Category>,
    /// At which grades; empty = at all. [`Grade::Unspecified`] = not graded.
    pub grades: Vec<Grade>,
    /// Only once one of these has been stated; empty = at once.
    pub when: Vec<Condition>,
    /// By when.
    pub limit: Limit,
    /// 必要时, 可: that it is not done, and why, is as good an answer.
    pub optional: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// 首报, from the moment it was known.
    Report,
    /// 签收 of the 首报.
    Sign,
    /// 审核意见 with a 建议.
    Endorse,
    /// 指示 in answer to a 首报.
    Instruct,
    /// 续报, again and again until the 终报.
    FollowUp,
    /// 请示.
    Ask,
    /// 批复.
    Answer,
    /// 评估, after the 终报.
    Assess,
    /// Put a notice to candidates where they see it.
    Publish,
    /// 派员.
    Deploy,
    /// 紧急会议.
    Meet,
    /// Tell somebody outside; `written` = in writing.
    Tell {
        /// Whom.
        to: Lateral,
        /// A call is not enough.
        written: bool,
    },
    /// Say in a report how it stands with something.
    State(Item),
}

/// The stable word of what is to be done.
pub fn word(what: What) -> &'static str {
    match what {
        What::Report => "report",
        What::Sign => "sign",
        What::Endorse => "endorse",
        What::Instruct => "instruct",
        What::FollowUp => "follow-up",
        What::Ask => "ask",
        What::Answer => "answer",
        What::Assess => "assess",
        What::Publish => "publish",
        What::Deploy => "deploy",
        What::Meet => "meet",
        What::Tell { .. } => "tell",
        What::State(_) => "state",
    }
}

/// Something a report may state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// This choice.
    Is(Item, Choice),
    /// More than so many.
    Above(Item, u64),
}

/// How long an office has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The plan's adverb; empty where the limit is another law's.
    pub adverb: String,
    /// At a district.
    pub district: Duration,
    /// At a province.
    pub province: Duration,
    /// At the ministry.
    pub ministry: Duration,
    /// Who says so.
    pub source: String,
}

impl Limit {
    /// At one tier.
    pub fn at(&self, tier: Tier) -> Duration {
        match tier {
            Tier::District => self.district,
            Tier::Province => self.province,
            Tier::Ministry => self.ministry,
        }
    }
}

/// A moment by which something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The moment.
    pub at: Timestamp,
    /// The session it was pulled in front of, if it was.
    pub before: Option<String>,
}

impl Exam {
    /// When the first session begins.
    pub fn begins(&self) -> Option<Timestamp> {
        self.sessions.first().map(|session| session.begins)
    }

    /// When the last session ends.
    pub fn ends(&self) -> Option<Timestamp> {
        self.sessions.last().map(|session| session.ends)
    }

    /// When something is due that arose then and has so long: no later than shortly before the next session begins or
    /// the present one ends, and where even that has almost come, half of what is left.
    pub fn due(&self, arose: Timestamp, within: Duration) -> Due {
        let plain = arose + within;
        let edges = self.sessions.iter().flat_map(|session| [(session.begins, session), (session.ends, session)]);
        let next = edges.filter(|(edge, _)| *edge > arose).min_by_key(|(edge, _)| *edge);
        match next {
            Some((edge, session)) if plain > edge - self.margin => {
                let half = arose + edge.since(arose) / 2;
                let pulled = (edge - self.margin).max(half);
                if pulled < plain {
                    return Due { at: pulled, before: Some(session.name.clone()) };
                }
                Due { at: plain, before: None }
            }
            _ => Due { at: plain, before: None },
        }
    }

    /// When the exam is over for everybody: what was released early stays secret until then. `None` once it is.
    pub fn secret_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.sessions.iter().find(|session| session.begins <= now && now < session.ends).map(|session| session.ends)
    }
}
