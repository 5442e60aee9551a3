//! A policy as it is written: TOML, read strictly.

use std::time::Duration;

use proto::v1::{Category, Choice, Classification, Escalation, Grade, Item, Lateral, Precedence};
use serde::Deserialize;

use super::{Condition, Exam, Group, Limit, Point, Policy, Review, Rule, Session, Slot, Step, Usual, What};
use crate::{
    config::parse_duration,
    io::Timestamp,
    limits,
    plan::particulars::{self, Holds},
    topology::Tier,
};

/// Why a text is no policy: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicy {
    /// It is not TOML of this form; the sentence has line and column.
    #[error("{0}")]
    Form(String),
    /// An entry says something that means nothing.
    #[error("{entry}: {what}")]
    Entry {
        /// Which: `duty 12 (4.1d)`.
        entry: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// Longer than any document that travels.
    #[error("a policy has at most {} bytes", limits::POLICY_BYTES_MAX)]
    TooLong,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    title: String,
    document: String,
    confirmed: bool,
    adverb: Vec<Adverb>,
    group: GroupTable,
    exam: Option<ExamTable>,
    #[serde(default)]
    nil: Vec<NilTable>,
    #[serde(default)]
    ready: Vec<ReadyTable>,
    #[serde(default)]
    escalate: Vec<StepTable>,
    review: Option<ReviewTable>,
    #[serde(default)]
    usual: Vec<UsualTable>,
    duty: Vec<Duty>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsualTable {
    category: String,
    precedence: String,
    classification: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepTable {
    to: String,
    after: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewTable {
    within: String,
    precedences: Vec<String>,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Adverb {
    words: Vec<String>,
    district: String,
    province: String,
    ministry: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NilTable {
    name: String,
    at: toml::value::Datetime,
    grace: String,
    tiers: Vec<Tier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadyTable {
    code: String,
    row: String,
    says: String,
    before: String,
    tiers: Vec<Tier>,
    #[serde(default)]
    machine: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupTable {
    members: Vec<String>,
    quorum: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExamTable {
    name: String,
    margin: String,
    session: Vec<SessionTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionTable {
    name: String,
    begins: toml::value::Datetime,
    ends: toml::value::Datetime,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Duty {
    row: String,
    says: String,
    what: String,
    to: Option<String>,
    #[serde(default)]
    written: bool,
    #[serde(default)]
    optional: bool,
    item: Option<String>,
    tiers: Vec<Tier>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    grades: Vec<String>,
    #[serde(default)]
    when: Vec<String>,
    adverb: Option<String>,
    within: Option<String>,
    source: Option<String>,
}

type Said<T> = Result<T, String>;

impl Policy {
    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, BadPolicy> {
        if text.len() > limits::POLICY_BYTES_MAX {
            return Err(BadPolicy::TooLong);
        }
        let file: File = toml::from_str(text).map_err(|error| BadPolicy::Form(error.to_string()))?;
        let in_head = |what: String| BadPolicy::Entry { entry: "the head".to_owned(), what };
        version(&file.version).map_err(in_head)?;
        let mut adverbs = Vec::new();
        for (index, adverb) in file.adverb.iter().enumerate() {
            let entry = format!("adverb {}", index + 1);
            limits_of(adverb, &mut adverbs).map_err(|what| BadPolicy::Entry { entry, what })?;
        }
        let exam = file.exam.map(exam).transpose();
        let exam = exam.map_err(|what| BadPolicy::Entry { entry: "exam".to_owned(), what })?.unwrap_or_default();
        let group = group(&file.group).map_err(|what| BadPolicy::Entry { entry: "group".to_owned(), what })?;
        let slots = slots(&file.nil).map_err(|what| BadPolicy::Entry { entry: "nil".to_owned(), what })?;
        let points = points(&file.ready, &exam).map_err(|what| BadPolicy::Entry { entry: "ready".to_owned(), what })?;
        let escalation = escalation(&file.escalate);
        let escalation = escalation.map_err(|what| BadPolicy::Entry { entry: "escalate".to_owned(), what })?;
        let review = file.review.as_ref().map(review).transpose();
        let review = review.map_err(|what| BadPolicy::Entry { entry: "review".to_owned(), what })?;
        let usual = usual(&file.usual).map_err(|what| BadPolicy::Entry { entry: "usual".to_owned(), what })?;
        let duties = file.duty.iter().enumerate().map(|(index, duty)| {
            let entry = format!("duty {} ({})", index + 1, duty.row);
            rule(duty, &adverbs).map_err(|what| BadPolicy::Entry { entry, what })
        });
        let duties = duties.collect::<Result<_, _>>()?;
        let File { version, title, document, confirmed, .. } = file;
        Ok(Self { version, title, document, confirmed, exam, duties, group, slots, points, escalation, usual, review })
    }
}

/// It stands in every header, in file names and in numbers people read aloud.
fn version(version: &str) -> Said<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if version.is_empty() || version.len() > limits::POLICY_VERSION_BYTES_MAX || !version.chars().all(plain) {
        let most = limits::POLICY_VERSION_BYTES_MAX;
        return Err(format!("the version `{version}` must be 1 to {most} letters, digits, dots or dashes"));
    }
    Ok(())
}

fn limits_of(adverb: &Adverb, known: &mut Vec<Limit>) -> Said<()> {
    if adverb.source.trim().is_empty() {
        return Err("a limit needs its source".to_owned());
    }
    let span = |text: &str| span(text);
    let (district, province, ministry) = (span(&adverb.district)?, span(&adverb.province)?, span(&adverb.ministry)?);
    for word in &adverb.words {
        if known.iter().any(|limit| limit.adverb == *word) {
            return Err(format!("`{word}` has a limit already"));
        }
        let source = adverb.source.clone();
        known.push(Limit { adverb: word.clone(), district, province, ministry, source });
    }
    Ok(())
}

fn span(text: &str) -> Said<Duration> {
    let span = parse_duration(text).map_err(|bad| bad.to_string())?;
    if span < Duration::from_secs(60) || span > limits::DUTY_LIMIT_MAX {
        return Err(format!("`{text}` is not between one minute and one year"));
    }
    Ok(span)
}

fn group(table: &GroupTable) -> Said<Group> {
    let GroupTable { members, quorum } = table;
    let named = members.len();
    if *quorum < 1 || *quorum > limits::MEMBERS_MAX || named > limits::MEMBERS_MAX || (named > 0 && *quorum > named) {
        return Err(format!("{quorum} of {named} members cannot agree"));
    }
    if members.iter().collect::<std::collections::BTreeSet<_>>().len() != named {
        return Err("a member is named twice".to_owned());
    }
    Ok(Group { members: members.clone(), quorum: *quorum })
}

fn slots(tables: &[NilTable]) -> Said<Vec<Slot>> {
    let mut slots: Vec<Slot> = Vec::new();
    for NilTable { name, at, grace, tiers } in tables {
        if name.trim().is_empty() || name.len() > limits::SLOT_BYTES_MAX {
            return Err(format!("`{name}` must have 1 to {} bytes", limits::SLOT_BYTES_MAX));
        }
        if slots.iter().any(|slot| slot.name == *name) {
            return Err(format!("`{name}` is there twice"));
        }
        if tiers.is_empty() || tiers.contains(&Tier::Ministry) {
            return Err(format!("`{name}` is owed by districts, provinces, or both"));
        }
        let grace = span(grace)?;
        slots.push(Slot { name: name.clone(), at: moment(at)?, grace, tiers: tiers.clone() });
    }
    slots.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    Ok(slots)
}

fn points(tables: &[ReadyTable], exam: &Exam) -> Said<Vec<Point>> {
    let mut points: Vec<Point> = Vec::new();
    for ReadyTable { code, row, says, before, tiers, machine } in tables {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if code.is_empty() || code.len() > limits::POINT_BYTES_MAX || !code.chars().all(plain) {
            return Err(format!("`{code}` must be 1 to {} letters, digits or dashes", limits::POINT_BYTES_MAX));
        }
        if points.iter().any(|point| point.code == *code) {
            return Err(format!("`{code}` is there twice"));
        }
        if tiers.is_empty() || says.trim().is_empty() {
            return Err(format!("`{code}` needs its words and the tiers that see to it"));
        }
        let begins =
            exam.begins().ok_or_else(|| format!("`{code}` is to be ready before an exam that has no session"))?;
        let due = begins - span(before)?;
        let (code, row, says, tiers) = (code.clone(), row.clone(), says.clone(), tiers.clone());
        points.push(Point { code, row, says, tiers, due, machine: *machine });
    }
    Ok(points)
}

fn escalation(tables: &[StepTable]) -> Said<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    for StepTable { to, after } in tables {
        let to = Escalation::from_str_name(&shouted("ESCALATION_", to))
            .filter(|to| *to > Escalation::DutyOfficer)
            .ok_or_else(|| format!("`{to}` is nobody: duty-leader, principal or above"))?;
        let after = span(after)?;
        if steps.last().is_some_and(|last| last.after >= after || last.to >= to) {
            return Err(format!("{} comes after the step before it, and later", to.as_str_name()));
        }
        steps.push(Step { to, after });
    }
    Ok(steps)
}

fn usual(tables: &[UsualTable]) -> Said<Vec<Usual>> {
    let mut all: Vec<Usual> = Vec::new();
    for table in tables {
        let category = category(&table.category)?;
        let precedence = Precedence::from_str_name(&shouted("PRECEDENCE_", &table.precedence))
            .ok_or_else(|| format!("`{}` is no speed: te-ti, te-ji, jia-ji, ping-ji or routine", table.precedence))?;
        let classification = Classification::from_str_name(&shouted("CLASSIFICATION_", &table.classification))
            .filter(|label| *label != Classification::TopSecret)
            .ok_or_else(|| format!("`{}` is no label that travels", table.classification))?;
        if table.source.trim().is_empty() || all.iter().any(|known| known.category == category) {
            return Err(format!("`{}` is there once, with its source", table.category));
        }
        all.push(Usual { category, precedence, classification });
    }
    Ok(all)
}

/// What is urgent waits for nobody's review.
fn review(table: &ReviewTable) -> Said<Review> {
    if table.source.trim().is_empty() {
        return Err("a review needs its source".to_owned());
    }
    let precedences = table.precedences.iter().map(|code| {
        let known = match code.as_str() {
            "routine" => Some(Precedence::Routine),
            "ping-ji" => Some(Precedence::PingJi),
            "jia-ji" => Some(Precedence::JiaJi),
            _ => None,
        };
        known.ok_or_else(|| format!("`{code}` is not reviewed: routine, ping-ji or jia-ji, and nothing more urgent"))
    });
    Ok(Review { within: span(&table.within)?, precedences: precedences.collect::<Said<_>>()? })
}

fn exam(table: ExamTable) -> Said<Exam> {
    let margin = parse_duration(&table.margin).map_err(|bad| bad.to_string())?;
    let mut sessions = Vec::new();
    for session in table.session {
        let (begins, ends) = (moment(&session.begins)?, moment(&session.ends)?);
        if ends <= begins {
            return Err(format!("{} ends before it begins", session.name));
        }
        sessions.push(Session { name: session.name, begins, ends });
    }
    sessions.sort_by_key(|session| session.begins);
    if let Some(pair) = sessions.windows(2).find(|pair| pair[1].begins < pair[0].ends) {
        return Err(format!("{} begins before {} has ended", pair[1].name, pair[0].name));
    }
    Ok(Exam { name: table.name, margin, sessions })
}

fn moment(written: &toml::value::Datetime) -> Said<Timestamp> {
    let text = written.to_string();
    let format = &time::format_description::well_known::Rfc3339;
    let parsed = time::OffsetDateTime::parse(&text, format);
    let nanoseconds = parsed.map(time::OffsetDateTime::unix_timestamp_nanos);
    let us = nanoseconds.ok().and_then(|nanoseconds| i64::try_from(nanoseconds / 1000).ok());
    us.map(Timestamp::from_us)
        .ok_or_else(|| format!("`{text}` is no moment: write day, time and zone, as in 2014-09-20T08:30:00+08:00"))
}

fn rule(duty: &Duty, adverbs: &[Limit]) -> Said<Rule> {
    let what = what(duty)?;
    if duty.tiers.is_empty() {
        return Err("name the tiers that have this duty".to_owned());
    }
    let categories = duty.categories.iter().map(|code| category(code)).collect::<Said<Vec<_>>>()?;
    let grades = duty.grades.iter().map(|code| grade(code)).collect::<Said<_>>()?;
    let when = duty.when.iter().map(|text| condition(text)).collect::<Said<_>>()?;
    if let What::State(item) = what
        && let Some(other) = categories.iter().find(|category| !particulars::belongs(item, **category))
    {
        return Err(format!("{} is not on the form of {other:?}", particulars::word(item.into())));
    }
    let limit = limit(duty, adverbs)?;
    let (row, says) = (duty.row.clone(), duty.says.clone());
    Ok(Rule { row, says, what, tiers: duty.tiers.clone(), categories, grades, when, limit, optional: duty.optional })
}

fn limit(duty: &Duty, adverbs: &[Limit]) -> Said<Limit> {
    match (&duty.adverb, &duty.within, &duty.source) {
        (Some(word), None, None) => {
            let known = adverbs.iter().find(|limit| limit.adverb == *word);
            known.cloned().ok_or_else(|| format!("`{word}` has no limit: add it to the words of an [[adverb]]"))
        }
        (None, Some(within), Some(source)) if !source.trim().is_empty() => {
            let within = span(within)?;
            let (district, province, ministry) = (within, within, within);
            Ok(Limit { adverb: String::new(), district, province, ministry, source: source.clone() })
        }
        _ => Err("say either `adverb`, or `within` and its `source`".to_owned()),
    }
}

fn what(duty: &Duty) -> Said<What> {
    let plain = duty.to.is_none() && duty.item.is_none() && !duty.written;
    let what = match (duty.what.as_str(), &duty.to, &duty.item) {
        ("tell", Some(to), None) => return Ok(What::Tell { to: lateral(to)?, written: duty.written }),
        ("state", None, Some(code)) if !duty.written => return Ok(What::State(item(code)?)),
        ("report", ..) => What::Report,
        ("sign", ..) => What::Sign,
        ("endorse", ..) => What::Endorse,
        ("instruct", ..) => What::Instruct,
        ("follow-up", ..) => What::FollowUp,
        ("ask", ..) => What::Ask,
        ("answer", ..) => What::Answer,
        ("assess", ..) => What::Assess,
        ("publish", ..) => What::Publish,
        ("deploy", ..) => What::Deploy,
        ("meet", ..) => What::Meet,
        ("tell", ..) => return Err("`tell` needs `to`, and no `item`".to_owned()),
        ("state", ..) => return Err("`state` needs `item`, and no `to` or `written`".to_owned()),
        (other, ..) => {
            let known =
                "report, sign, endorse, instruct, follow-up, ask, answer, assess, publish, deploy, meet, tell, state";
            return Err(format!("`{other}` is nothing to do: {known}"));
        }
    };
    if plain { Ok(what) } else { Err(format!("`{}` has no `to`, `item` or `written`", duty.what)) }
}

/// `disorder=violence`, `injured>0`.
fn condition(text: &str) -> Said<Condition> {
    if let Some((name, count)) = text.split_once('>') {
        let item = item(name)?;
        let count = count.trim().parse().ok().filter(|_| particulars::holds(item) == Some(Holds::Count));
        return count
            .map(|count| Condition::Above(item, count))
            .ok_or_else(|| format!("`{text}`: {name} is no count, or that is no number"));
    }
    let (name, code) = text.split_once('=').ok_or_else(|| format!("`{text}` is neither ITEM=CHOICE nor ITEM>COUNT"))?;
    let item = item(name)?;
    let choice = Choice::from_str_name(&shouted("CHOICE_", code));
    match (choice, particulars::holds(item)) {
        (Some(choice), Some(Holds::Choice(among))) if among.contains(&choice) => Ok(Condition::Is(item, choice)),
        _ => Err(format!("`{text}`: {name} cannot be {code}")),
    }
}

fn item(code: &str) -> Said<Item> {
    let known = Item::from_str_name(&shouted("ITEM_", code)).filter(|item| particulars::holds(*item).is_some());
    known.ok_or_else(|| format!("no form has an item `{code}`"))
}

fn lateral(code: &str) -> Said<Lateral> {
    let known = Lateral::from_str_name(&shouted("LATERAL_", code)).filter(|to| *to != Lateral::Unspecified);
    known.ok_or_else(|| {
        let all = (1..=20).filter_map(|n| Lateral::try_from(n).ok());
        let all: Vec<_> = all.map(|to| particulars::dashed(to.as_str_name(), "LATERAL_")).collect();
        format!("nobody outside is called `{code}`: {}", all.join(", "))
    })
}

fn category(code: &str) -> Said<Category> {
    let known = Category::from_str_name(&shouted("CATEGORY_", code)).filter(|one| *one != Category::Unspecified);
    known.ok_or_else(|| format!("there is no category `{code}`"))
}

fn grade(code: &str) -> Said<Grade> {
    match code {
        "none" => Ok(Grade::Unspecified),
        _ => Grade::from_str_name(&shouted("GRADE_", code)).ok_or_else(|| format!("there is no grade `{code}`")),
    }
}

/// `party-gov` as the protocol spells it: `LATERAL_PARTY_GOV`.
fn shouted(prefix: &str, code: &str) -> String {
    format!("{prefix}{}", code.trim().to_uppercase().replace('-', "_"))
}
