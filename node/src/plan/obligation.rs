//! PURE. What is owed because of one incident: by whom, since when, by when, and what closed it.
//!
//! Folded from the documents of the incident as this station has them, so every tier judges for itself and all come to
//! the same once they have the same, in whatever order it came. Every duty is judged by the policy its document names,
//! for ever. A duty is closed by evidence only: a signature, a document, a notice that names who was told, when, how and
//! under which number.
//!
//! People answer for their own time: a duty begins when its office *had* the document, by that office's own clock, and
//! ends when the office acted, by the same clock. What the line took between is in neither. While the line to an office is
//! down, this station cannot know what was done there, and says that instead of "overdue".

mod scene;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proto::v1::{Category, DocumentView, Escalation, Grade, Item, Kind, Lateral, Particular, particular::Value};

use self::scene::{Document, Scene};
use super::{
    particulars,
    policy::{self, Condition, Due, Policy, Rule, Step, What},
    review,
};
use crate::{
    io::Timestamp,
    topology::{Tier, Topology, Unit},
};

/// One duty of one office.
#[derive(Debug, Clone, PartialEq)]
pub struct Obligation {
    /// The duty, as the policy has it.
    pub rule: Rule,
    /// The version of that policy.
    pub policy: String,
    /// Whose it is.
    pub owner: Unit,
    /// The document it arose from.
    pub because: String,
    /// When: the owner had it.
    pub arose: Timestamp,
    /// By when.
    pub due: Due,
    /// What closed it.
    pub met: Option<Met>,
    /// Who has to know that it is overdue, and after how long.
    pub escalation: Vec<Step>,
}

/// What closed a duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// When, by the owner's clock.
    pub at: Timestamp,
    /// The document, or the officer.
    pub by: String,
}

/// How it stands with a duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done, with time to spare.
    Done,
    /// Done, too late by this.
    Late(Duration),
    /// Open, with this left.
    Open(Duration),
    /// Not done, due since.
    Overdue(Duration),
    /// It would be due, and the line to its office has been down since: nobody here can know.
    Unknown(Timestamp),
}

impl Obligation {
    /// How it stands. `silent_since`: since when the line to its office is down, if it is.
    pub fn verdict(&self, now: Timestamp, silent_since: Option<Timestamp>) -> Verdict {
        match (&self.met, silent_since) {
            (Some(met), _) if met.at <= self.due.at => Verdict::Done,
            (Some(met), _) => Verdict::Late(met.at.since(self.due.at)),
            (None, _) if now <= self.due.at => Verdict::Open(self.due.at.since(now)),
            // What was due before the line broke would have been seen here.
            (None, Some(since)) if since <= self.due.at => Verdict::Unknown(since),
            (None, _) => Verdict::Overdue(now.since(self.due.at)),
        }
    }
}

/// Who has to know of something that has been overdue for so long: whoever has the desk from the first moment.
pub fn escalated(steps: &[Step], overdue: Duration) -> Escalation {
    let reached = steps.iter().rev().find(|step| step.after <= overdue);
    reached.map_or(Escalation::DutyOfficer, |step| step.to)
}

/// Finds policies by version.
pub type Policies<'a> = &'a dyn Fn(&str) -> Option<Arc<Policy>>;

/// Everything owed because of an incident, as `me` knows it from `documents`, the soonest due first. Of a 首报 that was
/// cancelled or superseded nothing is owed; of an incident whose 首报 has not come, nothing is known.
pub fn of(documents: &[DocumentView], me: &Unit, tree: &Topology, policies: Policies<'_>) -> Vec<Obligation> {
    let Some(scene) = Scene::of(documents, me, tree) else { return Vec::new() };
    let Some(policy) = policies(&scene.first.header.policy) else { return Vec::new() };
    let fold = Fold { scene: &scene, policy: &policy };
    let mut owed: Vec<_> = policy.duties.iter().flat_map(|rule| fold.rule(rule)).collect();
    owed.sort_by(|a, b| (a.due.at, &a.rule.row, &a.owner, a.arose).cmp(&(b.due.at, &b.rule.row, &b.owner, b.arose)));
    owed
}

struct Fold<'a> {
    scene: &'a Scene<'a>,
    policy: &'a Policy,
}

/// What a duty arose from: the document, and when its owner had it.
struct Cause<'a> {
    document: Document<'a>,
    at: Timestamp,
}

impl Fold<'_> {
    fn rule(&self, rule: &Rule) -> Vec<Obligation> {
        let owners = self.scene.owners(&rule.tiers);
        let known = |owner: &Unit| !is_seen_at_home_only(rule.what) || owner == self.scene.me;
        owners
            .into_iter()
            .filter(|(owner, _)| known(owner))
            .flat_map(|(owner, tier)| self.owed(rule, owner, tier))
            .collect()
    }

    fn owed(&self, rule: &Rule, owner: &Unit, tier: Tier) -> Vec<Obligation> {
        let one = |cause: Option<Cause<'_>>, met: Option<Met>| {
            let met = met.or_else(|| self.declined(rule, owner));
            cause.map(|cause| self.obligation(rule, owner, tier, cause, met)).into_iter().collect()
        };
        match rule.what {
            What::Report => one(self.known(), Some(self.scene.first.filed())),
            What::Sign => one(self.had_first(owner), self.scene.signed(self.scene.first, owner)),
            What::Endorse => one(self.had_first(owner), self.scene.first_of(owner, scene::recommends)),
            What::Instruct => one(self.had_first(owner), self.scene.first_of(owner, scene::instructs)),
            What::Ask => one(self.cause(rule, owner), self.scene.first_of(owner, scene::asks)),
            What::Deploy => one(self.cause(rule, owner), self.scene.first_of(owner, scene::deploys)),
            What::Meet => one(self.cause(rule, owner), self.scene.first_of(owner, scene::meets)),
            What::Tell { to, written } => one(self.to_tell(rule, owner), self.told(owner, to, written)),
            What::State(item) => one(self.cause(rule, owner), self.stated(item)),
            What::Assess => one(self.ended(owner), self.scene.first_of(owner, scene::assesses)),
            What::Answer => self.answers(rule, owner, tier),
            What::Publish => self.publications(rule, owner, tier),
            What::FollowUp => self.beats(rule, owner, tier),
        }
    }

    fn obligation(&self, rule: &Rule, owner: &Unit, tier: Tier, cause: Cause<'_>, met: Option<Met>) -> Obligation {
        let within = rule.limit.at(tier);
        // The plan's adverbs give way to the exam; the hours of another law do not.
        let due = match rule.limit.adverb.is_empty() {
            true => Due { at: cause.at + within, before: None },
            false => self.policy.exam.due(cause.at, within),
        };
        Obligation {
            rule: rule.clone(),
            policy: self.policy.version.clone(),
            owner: owner.clone(),
            because: cause.document.header.number.clone(),
            arose: cause.at,
            due,
            met,
            escalation: self.policy.escalation.clone(),
        }
    }

    /// What may be done is answered as well by why it is not.
    fn declined(&self, rule: &Rule, owner: &Unit) -> Option<Met> {
        let word = policy::word(rule.what);
        self.scene.first_of(owner, |document| scene::declines(document, word)).filter(|_| rule.optional)
    }

    /// When the office at the place knew.
    fn known(&self) -> Option<Cause<'_>> {
        let first = self.scene.first;
        let report = first.report()?;
        let at = if report.known_at_us > 0 { report.known_at_us } else { report.occurred_at_us };
        Some(Cause { document: first, at: Timestamp::from_us(at).min(first.created()) })
    }

    /// When an office had the 首报, and was called for it.
    fn had_first(&self, owner: &Unit) -> Option<Cause<'_>> {
        let at = self.scene.had(self.scene.first, owner)?;
        Some(Cause { document: self.scene.first, at: self.reviewed(owner).map_or(at, |called| at.max(called)) })
    }

    /// When the ministry was called for what a province was given time to look at.
    fn reviewed(&self, owner: &Unit) -> Option<Timestamp> {
        let review = self.policy.review.as_ref()?;
        let province = self.scene.reviewer(owner).filter(|_| review::concerns(review, self.scene.first.header))?;
        let over = self.scene.had(self.scene.first, province)? + review.within;
        let spoke = self.scene.first_of(province, |document| document.header.kind() == Kind::Endorsement);
        Some(spoke.map_or(over, |spoke| spoke.at.min(over)))
    }

    /// The earliest report that makes a duty one: of its category, and with one of its conditions.
    fn cause(&self, rule: &Rule, owner: &Unit) -> Option<Cause<'_>> {
        let causes = self.scene.reports().filter(|report| self.calls_for(rule, *report));
        let causes = causes.filter_map(|document| Some(Cause { document, at: self.scene.had(document, owner)? }));
        let earliest = causes.min_by_key(|cause| cause.at)?;
        // Whoever is at the place need not wait for his own report.
        let at_place = earliest.document.header.id == self.scene.first.header.id && *owner == self.scene.origin;
        if at_place { self.known() } else { Some(earliest) }
    }

    fn calls_for(&self, rule: &Rule, document: Document<'_>) -> bool {
        let Some(report) = document.report() else { return false };
        let category = match report.category() {
            Category::Unspecified => self.scene.category(),
            named => named,
        };
        (rule.categories.is_empty() || rule.categories.contains(&category))
            && (rule.grades.is_empty() || rule.grades.contains(&self.scene.grade()))
            && (rule.when.is_empty() || rule.when.iter().any(|condition| holds(*condition, &report.particulars)))
    }

    /// Nobody is told of an exercise: there is no such duty without something [`Real`](super::lateral::Real).
    fn to_tell(&self, rule: &Rule, owner: &Unit) -> Option<Cause<'_>> {
        super::lateral::Real::of(self.scene.first.header)?;
        self.cause(rule, owner)
    }

    fn told(&self, owner: &Unit, to: Lateral, written: bool) -> Option<Met> {
        let notices = self.scene.of_office(owner).filter_map(|document| {
            let notice = document.notice()?;
            let fits = notice.to() == to && (!written || notice.manner() == proto::v1::Manner::Written);
            fits.then(|| Met { at: Timestamp::from_us(notice.told_at_us), by: document.header.number.clone() })
        });
        notices.min_by(|a, b| (a.at, &a.by).cmp(&(b.at, &b.by)))
    }

    /// The first report that says how it stands; that nobody knows yet says nothing.
    fn stated(&self, item: Item) -> Option<Met> {
        let said = |document: Document<'_>| {
            let one = document.report()?.particulars.iter().find(|one| one.item() == item && settles(one))?;
            let filed = document.filed();
            // What was done counts from when it was done, not from when somebody had the time to write it down.
            let done = Timestamp::from_us(one.as_of_us).min(filed.at);
            Some(Met { at: if particulars::is_measure(item) { done } else { filed.at }, ..filed })
        };
        self.scene.reports().find_map(said)
    }

    fn ended(&self, owner: &Unit) -> Option<Cause<'_>> {
        let ends = self.scene.standing().filter(|document| document.header.kind() == Kind::FinalReport);
        let ends = ends.filter_map(|document| Some(Cause { document, at: self.scene.had(document, owner)? }));
        ends.min_by_key(|cause| cause.at)
    }

    /// A 批复 for every 请示, sooner if whoever asks needs it sooner.
    fn answers(&self, rule: &Rule, owner: &Unit, tier: Tier) -> Vec<Obligation> {
        let asked = self.scene.standing().filter(|document| scene::asks(*document));
        let asked = asked.filter(|document| document.header.destination == owner.as_str());
        asked
            .filter_map(|document| {
                let at = self.scene.had(document, owner)?;
                let met = self.scene.first_of(owner, |answer| scene::answers(answer, document));
                let mut owed = self.obligation(rule, owner, tier, Cause { document, at }, met);
                let needed = Timestamp::from_us(document.header.reply_by_us);
                if needed.us() > 0 && needed < owed.due.at {
                    owed.due = Due { at: needed.max(at), before: None };
                }
                Some(owed)
            })
            .collect()
    }

    /// Every notice to candidates this office is to put where they see it, from when it had it or it takes effect.
    fn publications(&self, rule: &Rule, owner: &Unit, tier: Tier) -> Vec<Obligation> {
        let notices = self.scene.standing().filter_map(|document| Some((document, scene::notifies(document, owner)?)));
        notices
            .filter_map(|(document, effective)| {
                let at = self.scene.had(document, owner)?.max(effective);
                let met = self.scene.completed(document, owner);
                Some(self.obligation(rule, owner, tier, Cause { document, at }, met))
            })
            .collect()
    }

    /// One beat after another until the end. Those in time are no news; those missed are, and the next one.
    fn beats(&self, rule: &Rule, owner: &Unit, tier: Tier) -> Vec<Obligation> {
        if !(rule.grades.is_empty() || rule.grades.contains(&self.scene.grade())) {
            return Vec::new();
        }
        let reports: Vec<_> = self.scene.reports().collect();
        let pairs = reports.iter().zip(reports.iter().skip(1));
        let mut owed: Vec<_> = pairs
            .map(|(before, after)| {
                let cause = Cause { document: *before, at: before.created() };
                self.obligation(rule, owner, tier, cause, Some(after.filed()))
            })
            .filter(|beat| beat.met.as_ref().is_some_and(|met| met.at > beat.due.at))
            .collect();
        let last = reports.last().filter(|last| last.header.kind() != Kind::FinalReport);
        owed.extend(last.map(|document| {
            let cause = Cause { document: *document, at: document.created() };
            self.obligation(rule, owner, tier, cause, None)
        }));
        owed
    }
}

/// What an office does within itself, or towards those below it, is not seen above: nobody there may call it late.
fn is_seen_at_home_only(what: What) -> bool {
    matches!(what, What::Deploy | What::Meet)
}

fn holds(condition: Condition, said: &[Particular]) -> bool {
    said.iter().any(|one| match (condition, &one.value) {
        (Condition::Is(item, choice), Some(Value::Choice(said))) => one.item() == item && *said == i32::from(choice),
        (Condition::Above(item, least), Some(Value::Count(count))) => one.item() == item && *count > least,
        _ => false,
    })
}

/// "Unknown", "suspected" and "not verified yet" leave it open.
fn settles(said: &Particular) -> bool {
    use proto::v1::Choice;
    match said.value {
        Some(Value::Choice(choice)) => !matches!(
            Choice::try_from(choice),
            Ok(Choice::Unknown | Choice::Suspected | Choice::Unverified | Choice::Unspecified) | Err(_)
        ),
        Some(_) => true,
        None => false,
    }
}

/// The grade that counts: the highest any tier gives now.
fn highest(grades: &BTreeMap<String, Grade>) -> Grade {
    grades.values().copied().filter(|grade| *grade != Grade::Unspecified).min().unwrap_or(Grade::Unspecified)
}
