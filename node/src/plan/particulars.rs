//! PURE. The forms of the eight categories: which points a report of each may state, and what each point holds.
//!
//! No point is ever required: a 首报 needs its five things, and what is known later follows later. A point that is
//! stated says who says so and as of when, so two figures that differ stand side by side and neither replaces the
//! other. No point holds what is printed on a paper: bags are counted, seals looked at, and that is all that travels.
//!
//! These rules are for what is written here. What another office wrote is kept and shown as it came, the points this
//! station does not know included.

use proto::v1::{Category, Choice, Item, Particular, Report, particular::Value};

use super::refuse;
use crate::{
    io::Timestamp,
    limits,
    post::refusal::{Code, Refusal},
};

/// What a point holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// How many.
    Count,
    /// One of these.
    Choice(&'static [Choice]),
    /// A moment that has been.
    Moment,
    /// A name, a number, a place: short.
    Text,
    /// What was done, in words as short.
    Deed,
}

/// Which categories a point belongs to.
type Within = &'static [Category];

const ANY: Within = &[];
/// Where papers lie about when something else happens.
const PAPERS: Within = &[PaperSecurity, RoomOrder, NaturalDisaster, Accident];

use Category::{
    Accident, Discipline, Epidemic, InfoSecurity, NaturalDisaster, PaperSecurity, PublicOpinion, RoomOrder,
};
use Choice::{Other, Unknown};

const YES_OR_NO: Holds = Holds::Choice(&[Choice::Yes, Choice::No, Unknown]);

/// The forms, a line a point.
const FORMS: &[(Item, Within, Holds)] = &[
    (Item::Dead, ANY, Holds::Count),
    (Item::Injured, ANY, Holds::Count),
    (Item::Missing, ANY, Holds::Count),
    (Item::Evacuated, ANY, Holds::Count),
    (Item::Seated, ANY, Holds::Count),
    (Item::Holding, ANY, Holds::Choice(&[Choice::Normal, Choice::Postponed, Choice::Halted, Unknown])),
    (Item::Rooms, ANY, Holds::Count),
    (Item::Candidates, ANY, Holds::Count),
    (Item::MinutesLost, ANY, Holds::Count),
    (Item::Papers, PAPERS, Holds::Choice(&[Choice::Safe, Choice::Damaged, Choice::Lost, Unknown])),
    (Item::Bags, PAPERS, Holds::Count),
    (Item::BagsMissing, PAPERS, Holds::Count),
    (Item::SealsBroken, PAPERS, Holds::Count),
    (
        Item::Spread,
        &[PaperSecurity, PublicOpinion],
        Holds::Choice(&[Choice::NotSpread, Choice::Suspected, Choice::Spread, Unknown]),
    ),
    (Item::SpreadRange, &[PaperSecurity, PublicOpinion], Holds::Text),
    (
        Item::CustodyStep,
        &[PaperSecurity],
        Holds::Choice(&[
            Choice::Transport,
            Choice::Storage,
            Choice::Opening,
            Choice::InSession,
            Choice::Collection,
            Other,
        ]),
    ),
    (
        Item::Disorder,
        &[RoomOrder],
        Holds::Choice(&[
            Choice::Dispute,
            Choice::Incitement,
            Choice::Violence,
            Choice::Explosion,
            Choice::Terror,
            Other,
        ]),
    ),
    (Item::PoliceCalled, ANY, Holds::Moment),
    (Item::PoliceReference, ANY, Holds::Text),
    (Item::LargeScale, &[Discipline], YES_OR_NO),
    (Item::Organised, &[Discipline], YES_OR_NO),
    (Item::Vicious, &[Discipline], YES_OR_NO),
    (Item::GraveEffect, &[Discipline], YES_OR_NO),
    (Item::Channel, &[Discipline], Holds::Choice(&[Choice::Radio, Choice::Sms, Choice::Chat, Other, Unknown])),
    (Item::ChannelMark, &[Discipline], Holds::Text),
    (Item::Hazard, &[NaturalDisaster], Holds::Choice(&[Choice::Flood, Choice::Typhoon, Choice::Earthquake, Other])),
    (
        Item::WarningLevel,
        &[NaturalDisaster],
        Holds::Choice(&[Choice::Red, Choice::Orange, Choice::Yellow, Choice::Blue]),
    ),
    (Item::WarningIssuer, &[NaturalDisaster, Epidemic], Holds::Text),
    (Item::StoppedAt, ANY, Holds::Moment),
    (Item::Disease, &[Epidemic], Holds::Text),
    (
        Item::Verified,
        &[Epidemic, PublicOpinion],
        Holds::Choice(&[Choice::Unverified, Choice::Confirmed, Choice::Refuted]),
    ),
    (Item::VerifiedBy, &[Epidemic, PublicOpinion], Holds::Text),
    (Item::VerifiedAt, &[Epidemic, PublicOpinion], Holds::Moment),
    (Item::Isolated, &[Epidemic], Holds::Count),
    (Item::Accident, &[Accident], Holds::Choice(&[Choice::Fire, Choice::Poisoning, Choice::Collapse, Other])),
    (Item::Briefed, &[Accident, NaturalDisaster, RoomOrder], Holds::Count),
    (Item::BriefedAt, &[Accident, NaturalDisaster, RoomOrder], Holds::Moment),
    (
        Item::System,
        &[InfoSecurity],
        Holds::Choice(&[Choice::Registration, Choice::Results, Choice::Qualification, Other]),
    ),
    (
        Item::Symptom,
        &[InfoSecurity],
        Holds::Choice(&[Choice::Outage, Choice::DataLoss, Choice::DataTheft, Choice::Tampering, Other]),
    ),
    (Item::Since, &[InfoSecurity], Holds::Moment),
    (Item::Cause, &[InfoSecurity], Holds::Choice(&[Choice::Sabotage, Choice::Technical, Other, Unknown])),
    (
        Item::ClueNature,
        &[PublicOpinion],
        Holds::Choice(&[Choice::Tendency, Choice::Emerging, Choice::Gathering, Other]),
    ),
    (
        Item::Phase,
        &[PublicOpinion],
        Holds::Choice(&[
            Choice::Registering,
            Choice::HoldingExam,
            Choice::DisputingAnswers,
            Choice::Marking,
            Choice::PublishingResults,
            Choice::Qualifying,
            Other,
        ]),
    ),
    (Item::Platform, &[PublicOpinion], Holds::Text),
    (Item::Link, &[PublicOpinion], Holds::Text),
    (Item::FirstSeen, &[PublicOpinion], Holds::Moment),
    (Item::ShowsContent, &[PublicOpinion], YES_OR_NO),
    (Item::SceneControlled, ANY, Holds::Deed),
    (Item::EvidenceKept, ANY, Holds::Deed),
    (Item::Contained, ANY, Holds::Deed),
    (Item::PublicGuided, ANY, Holds::Deed),
    (Item::SceneClosed, ANY, Holds::Deed),
    (Item::EntryBarred, ANY, Holds::Deed),
    (Item::Calmed, &[RoomOrder, NaturalDisaster, Epidemic, Accident], Holds::Deed),
    (Item::Agitators, &[RoomOrder], Holds::Deed),
    (Item::CheatingStopped, &[Discipline], Holds::Deed),
    (Item::Cheaters, &[Discipline], Holds::Deed),
    (Item::CandidatesTold, ANY, Holds::Deed),
    (Item::Sheltered, &[NaturalDisaster, Accident], Holds::Deed),
    (Item::SourceTraced, &[PublicOpinion], Holds::Deed),
    (Item::RumourCountered, &[PublicOpinion], Holds::Deed),
];

/// Whether a point says what was done, and not how things stand.
pub fn is_measure(item: Item) -> bool {
    holds(item) == Some(Holds::Deed)
}

/// What a point holds, if there is such a point.
pub fn holds(item: Item) -> Option<Holds> {
    FORMS.iter().find(|(known, ..)| *known == item).map(|(.., holds)| *holds)
}

/// Whether a point is on the form of a category. What fits no category may state any.
pub fn belongs(item: Item, category: Category) -> bool {
    let open = matches!(category, Category::Other | Category::Unspecified);
    FORMS.iter().any(|(known, within, _)| *known == item && (open || within.is_empty() || within.contains(&category)))
}

/// The points on the form of a category, in its order.
pub fn form(category: Category) -> impl Iterator<Item = Item> {
    FORMS.iter().map(|(item, ..)| *item).filter(move |item| belongs(*item, category))
}

/// Holds every point of a report against the form of its category.
pub fn check(report: &Report, category: Category, now: Timestamp) -> Result<(), Refusal> {
    if report.particulars.len() > limits::PARTICULARS_MAX {
        let most = limits::PARTICULARS_MAX.to_string();
        let reason = format!("one report states {most} items at most: state the others in follow-ups");
        return refuse(Code::TooManyParticulars, &reason, &[&most]);
    }
    report.particulars.iter().try_for_each(|particular| one(particular, category, now))
}

fn one(particular: &Particular, category: Category, now: Timestamp) -> Result<(), Refusal> {
    let item = particular.item();
    let word = word(particular.item);
    let Some(holds) = holds(item) else {
        let reason = format!("this station knows no item {word}: leave it out, or write it into the text");
        return refuse(Code::ParticularNotRight, &reason, &[&word, "nothing"]);
    };
    if !belongs(item, category) {
        let of = dashed(category.as_str_name(), "CATEGORY_");
        let reason = format!("{word} is not on the form of {of}: leave it out, or name the right category");
        return refuse(Code::ParticularOfAnotherCategory, &reason, &[&word]);
    }
    if !fits(particular.value.as_ref(), holds) {
        let wanted = wanted(holds);
        let reason = format!("{word} holds {wanted}: leave out what is not known yet");
        return refuse(Code::ParticularNotRight, &reason, &[&word, &wanted]);
    }
    if particular.source.trim().is_empty() || particular.as_of_us <= 0 {
        let reason = format!("{word} does not say who says so, or as of when");
        return refuse(Code::ParticularWithoutSource, &reason, &[&word]);
    }
    if particular.source.len() > limits::NAME_BYTES_MAX {
        let reason = format!("the source of {word} has at most {} bytes", limits::NAME_BYTES_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    let latest = (now + limits::AHEAD).us();
    let moment = match particular.value {
        Some(Value::AtUs(us)) => us,
        _ => 0,
    };
    if particular.as_of_us.max(moment) > latest {
        let reason = format!("{word} speaks of a moment still to come");
        return refuse(Code::ParticularFromTheFuture, &reason, &[&word]);
    }
    Ok(())
}

fn fits(value: Option<&Value>, holds: Holds) -> bool {
    match (value, holds) {
        (Some(Value::Count(count)), Holds::Count) => *count <= limits::COUNT_MAX,
        (Some(Value::Choice(choice)), Holds::Choice(among)) => among.iter().any(|one| i32::from(*one) == *choice),
        (Some(Value::AtUs(us)), Holds::Moment) => *us > 0,
        (Some(Value::Text(text)), Holds::Text | Holds::Deed) => {
            !text.trim().is_empty() && text.len() <= limits::NAME_BYTES_MAX
        }
        _ => false,
    }
}

/// The stable word of a point: `seals-broken`; the number of one this station does not know.
pub fn word(item: i32) -> String {
    match Item::try_from(item) {
        Ok(item) => dashed(item.as_str_name(), "ITEM_"),
        Err(_) => item.to_string(),
    }
}

/// What a point holds, in stable words: `count`, `moment`, `text`, or the choices.
fn wanted(holds: Holds) -> String {
    match holds {
        Holds::Count => "count".to_owned(),
        Holds::Choice(among) => {
            among.iter().map(|one| dashed(one.as_str_name(), "CHOICE_")).collect::<Vec<_>>().join(", ")
        }
        Holds::Moment => "moment".to_owned(),
        Holds::Text | Holds::Deed => "text".to_owned(),
    }
}

/// `PARTY_GOV` as people type it.
pub(super) fn dashed(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests;
