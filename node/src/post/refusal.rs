//! Every reason for which a station says no, in one list: a stable word each, and what its sentence has to be told.
//!
//! The words travel, to our own people and, in the answer to an offer, to neighbours; so a word never changes its
//! meaning. People read it as a sentence in their language with what to do next: `rule-WORD` in `node/locales`, which
//! a test holds against this list.

const FACT_CHARS_MAX: usize = 200;
const REASON_CHARS_MAX: usize = 600;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $word:literal [$($fact:literal),*];)+) => {
        /// A reason.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name),+
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable word.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word),+
                }
            }

            /// What its sentence has to be told, by name, in this order.
            pub fn facts(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$($fact),*]),+
                }
            }
        }
    };
}

codes! {
    // What a document has to be.
    /// Nothing was written.
    MissingDocument "missing-document" [];
    /// The content is not what this kind of document holds.
    WrongDocument "wrong-document" [];
    /// A draft stays where it is written.
    DraftDoesNotTravel "draft-does-not-travel" [];
    /// Neither actual nor exercise.
    MissingStatus "missing-status" [];
    /// 绝密 needs another channel.
    TopSecretDoesNotTravel "top-secret-does-not-travel" [];
    /// Nobody is named who speaks for the office.
    MissingOfficer "missing-officer" [];
    /// Fields are empty: which.
    MissingFields "missing-fields" ["fields"];
    /// A field is longer than any honest one.
    FieldTooLong "field-too-long" [];
    /// The text is longer than one document carries.
    BodyTooLong "body-too-long" ["bytes"];
    /// More files than one document carries.
    TooManyAttachments "too-many-attachments" ["most"];
    /// More points than one report makes.
    TooManyParticulars "too-many-particulars" ["most"];
    /// A point belongs to another category's form.
    ParticularOfAnotherCategory "particular-of-another-category" ["item"];
    /// A point does not hold what it is to hold.
    ParticularNotRight "particular-not-right" ["item", "holds"];
    /// A point does not say who says so, or as of when.
    ParticularWithoutSource "particular-without-source" ["item"];
    /// A point speaks of a moment still to come.
    ParticularFromTheFuture "particular-from-the-future" ["item"];
    /// 报告不得夹带请示.
    RequestInReport "request-in-report" [];

    /// A notice says that somebody was told at a moment still to come.
    NotYetTold "not-yet-told" [];
    /// An office looks over itself and those below it only.
    NotOverseen "not-overseen" ["unit"];
    /// Something that has to be done is declined: what may be.
    NotOptional "not-optional" ["what", "known"];
    /// No office is between this one and the ministry.
    NobodyPassedOver "nobody-passed-over" [];
    /// The office above can be reached, and has signed or has time to.
    SuperiorReachable "superior-reachable" ["unit"];
    /// The ministry has everything of it.
    AlreadyArrived "already-arrived" ["number"];
    /// Not a directive of the ministry to this office.
    NotAnOrder "not-an-order" ["number"];
    /// What continues a document is less secret than that: which, and how secret it is.
    LabelLowered "label-lowered" ["number", "label"];
    /// Whoever writes a document is not to read it.
    WriterExcluded "writer-excluded" ["officer"];
    /// Nobody of this name may work at this desk.
    UnknownOfficer "unknown-officer" ["officer"];
    /// One person would look after the machine, the people or the records, and something else besides.
    PostsApart "posts-apart" ["officer"];
    /// A password that is guessed too soon.
    WeakPassword "weak-password" ["least"];
    /// A text that is shown to officers by name only, and not to this one.
    NotForYou "not-for-you" ["number"];
    /// A file whose digest travelled, and which stays where it was attached.
    AttachmentHeldBack "attachment-held-back" ["name", "unit"];
    /// What is quoted is not what the report says.
    NotAQuote "not-a-quote" ["number"];
    /// Of an exercise, and this is none.
    OnlyAnExercise "only-an-exercise" [];
    /// Two documents of one incident.
    SameIncident "same-incident" ["one", "other"];
    /// This office has not said that the two are one event.
    NotLinked "not-linked" ["number"];
    /// Nobody has the desk, and this needs somebody who has.
    NobodyOnDuty "nobody-on-duty" [];
    /// Somebody else has the desk.
    AnotherOnDuty "another-on-duty" ["officer"];
    /// It was not submitted to anybody.
    NotSubmitted "not-submitted" ["number"];
    /// No hour of the policy has this name: which there are.
    NoSuchSlot "no-such-slot" ["slot", "slots"];
    /// The hour of a 平安报 is still to come.
    TooEarly "too-early" ["slot"];
    /// Another tier owes that 平安报, not this office.
    NotOwedHere "not-owed-here" ["slot"];
    /// This office has nothing of this name to prepare: what it has.
    NoSuchPoint "no-such-point" ["point", "points"];
    /// A point that the station finds out by itself.
    MachinesPoint "machines-point" ["point"];
    /// Another office leads in the incident.
    NotTheOwner "not-the-owner" ["unit"];
    /// It leads in the incident already, or is not on its way.
    NotOnTheWay "not-on-the-way" ["unit"];
    /// Something is not ready, or need not be, and it is not said why.
    PointUnexplained "point-unexplained" ["point"];
    /// A directive that sends nobody and nothing says who or what is sent.
    NothingIsSent "nothing-is-sent" [];
    /// Something that needs the leading group's decision: which subject.
    NeedsDecision "needs-decision" ["subject"];
    /// The decision named is about something else, or about others.
    DecisionDoesNotCover "decision-does-not-cover" ["number"];
    /// Too few of those who may decide agree: how many do, how many must.
    NoQuorum "no-quorum" ["votes", "quorum"];
    /// Whoever drafted it has no vote on it.
    DrafterVotes "drafter-votes" ["officer"];
    /// Not a member of the group.
    NotAMember "not-a-member" ["officer"];
    /// A publication has another subject, or a subject that is one has no publication.
    NotAPublication "not-a-publication" [];
    /// Nobody outside is told of an exercise.
    ExercisePublishesNothing "exercise-publishes-nothing" [];
    /// What is to be resumed was not suspended by that decision.
    NotASuspension "not-a-suspension" ["number"];
    /// It is not a proposal.
    NotAProposal "not-a-proposal" ["number"];
    /// A decision that takes effect in the past.
    EffectInThePast "effect-in-the-past" [];
    /// A policy that cannot be read: why.
    BadPolicy "bad-policy" ["why"];
    /// A version is never used twice.
    PolicyVersionUsed "policy-version-used" ["version"];
    /// Whoever writes it cannot be the one who signs it off.
    SelfReleased "self-released" ["officer"];

    // Who may write it, to whom.
    /// Only the ministry makes rules.
    NotTheMinistry "not-the-ministry" [];
    /// The ministry reports to nobody here.
    NoSuperior "no-superior" [];
    /// A district directs nobody.
    NotASuperior "not-a-superior" [];
    /// Nobody to act on it.
    MissingAddressee "missing-addressee" [];
    /// Nobody is called that.
    UnknownAddressee "unknown-addressee" ["address"];
    /// Only those below are directed.
    NotBelow "not-below" ["address"];
    /// There is no way from here to there.
    NoRoute "no-route" ["unit"];

    // What it refers to.
    /// Nothing is named.
    MissingReference "missing-reference" [];
    /// Nothing here is called that.
    NotFound "not-found" ["text"];
    /// Something here was called that, and cannot be read any more.
    RecordLost "record-lost" ["text"];
    /// Several things are.
    Ambiguous "ambiguous" ["text", "candidates"];
    /// It belongs to no incident.
    NotAnIncident "not-an-incident" ["number"];
    /// The incident was closed.
    IncidentClosed "incident-closed" ["by"];
    /// One is real and one is not.
    StatusDiffers "status-differs" ["number"];
    /// Another office wrote it.
    NotYours "not-yours" ["number", "unit"];
    /// Nobody outside is told of an exercise.
    ExerciseTellsNobody "exercise-tells-nobody" ["number"];
    /// The incident goes on.
    NotEnded "not-ended" ["number"];
    /// This office is not above the one that wrote it.
    NotAbove "not-above" ["number", "unit"];
    /// It is not a report.
    NotAReport "not-a-report" ["number"];
    /// It is superseded, cancelled or closed already.
    NotLive "not-live" ["number", "by"];
    /// It is not a 请示.
    NotARequest "not-a-request" ["number"];
    /// It is put to another office.
    NotTheDecidingBody "not-the-deciding-body" ["number"];
    /// It was answered.
    AlreadyAnswered "already-answered" ["number", "by"];

    // What an officer may do with it.
    /// Machines do that.
    NotAnAct "not-an-act" [];
    /// It is for another office.
    NotForThisDesk "not-for-this-desk" ["number"];
    /// It was done.
    AlreadyDone "already-done" ["number", "officer"];
    /// It was carried out, or said to be impossible.
    AlreadyEnded "already-ended" ["number", "officer"];
    /// It asks for a signature at most.
    NothingToCarryOut "nothing-to-carry-out" ["number"];
    /// Its time has passed.
    Expired "expired" ["number"];
    /// Signing comes first.
    SignFirst "sign-first" ["number"];

    // Files.
    /// A file the document names is not on this station.
    AttachmentNotHere "attachment-not-here" ["name"];
    /// A file is larger than any that travels.
    AttachmentTooLarge "attachment-too-large" ["bytes"];
    /// A file is still on its way.
    AttachmentOnItsWay "attachment-on-its-way" ["bytes"];
    /// Not the digest of a file.
    NotADigest "not-a-digest" [];
    /// The disk did not take it, or did not give it back.
    AttachmentFailed "attachment-failed" ["why"];

    // Room and reach.
    /// What is left is kept for the urgent.
    DiskNearlyFull "disk-nearly-full" [];
    /// Not even the urgent finds room.
    DiskFull "disk-full" [];
    /// Too much waits for one neighbour.
    QueueFull "queue-full" ["unit"];
    /// Not the parent, and not a child.
    NotANeighbour "not-a-neighbour" ["text"];
    /// The line is down.
    LinkDown "link-down" ["unit", "why"];
    /// The line is up and nothing comes back.
    LinkSilent "link-silent" ["unit"];
    /// The station is ending.
    Stopped "stopped" [];

    // What one station answers another.
    /// These numbers came before, cut differently.
    OverlappingNumbers "overlapping-numbers" [];
    /// It does not follow what came before.
    BrokenChain "broken-chain" [];
    /// Its numbers came before and meant something else.
    NumberUsed "number-used" [];
    /// Too many numbers are missing.
    TooManyGaps "too-many-gaps" [];
    /// Not theirs to bring.
    NotYourSubtree "not-your-subtree" [];
    /// Its text has not come.
    BodyMissing "body-missing" [];
    /// Not a block.
    Malformed "malformed" [];
    /// A block of a newer kind.
    UnknownFormat "unknown-format" [];
    /// The seal is not its writer's.
    SealNotTheirs "seal-not-theirs" [];
    /// A header was changed.
    AlteredHeader "altered-header" [];
    /// A text was changed.
    AlteredBody "altered-body" [];
    /// Nothing was answered at all.
    NoAnswer "no-answer" [];
}

impl Code {
    /// What a neighbour may say to an offer; whoever waits for it is told why by `answer-WORD`.
    pub const ANSWERS: &'static [Self] = &[
        Self::DiskNearlyFull,
        Self::DiskFull,
        Self::QueueFull,
        Self::OverlappingNumbers,
        Self::BrokenChain,
        Self::NumberUsed,
        Self::TooManyGaps,
        Self::NotYourSubtree,
        Self::BodyMissing,
        Self::Malformed,
        Self::UnknownFormat,
        Self::SealNotTheirs,
        Self::AlteredHeader,
        Self::AlteredBody,
        Self::NoAnswer,
    ];
}

/// Why something was refused. Nothing of it was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Which reason.
    pub code: Code,
    /// What happened, as [`Code::facts`] names it.
    pub facts: Vec<String>,
    /// An English sentence for logs and programs, with what next.
    pub reason: String,
}

impl Refusal {
    /// A refusal with what its sentence has to be told. Both are cut short: they may quote what somebody sent, and
    /// travel in the trailers of an answer.
    pub fn new(code: Code, reason: &str, facts: &[&str]) -> Self {
        debug_assert_eq!(facts.len(), code.facts().len(), "{}", code.word());
        let short = |text: &str, most| text.chars().take(most).collect();
        let facts = facts.iter().map(|fact| short(fact, FACT_CHARS_MAX)).collect();
        Self { code, facts, reason: short(reason, REASON_CHARS_MAX) }
    }
}

/// A reason as one text: the word, then details. Whoever knows the word can tell it in another language.
pub fn worded(word: &str, details: &str) -> String {
    if word.is_empty() { details.to_owned() } else { format!("{word}: {details}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_sent_back_whole() {
        let long = "长".repeat(1 << 20);
        let refusal = Refusal::new(Code::NotFound, &long, &[&long]);
        assert!(refusal.reason.len() + refusal.facts[0].len() < 4096);
    }

    #[test]
    fn no_two_reasons_share_a_word() {
        let words: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
    }
}
