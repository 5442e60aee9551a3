//! PURE. 考前准备: what has to be ready before the first session begins, said point by point by every office that has it;
//! and whether an office is ready, which is one word: all of it, by the rules in force.
//!
//! As with a 平安报, saying nothing says nothing: what nobody has spoken of when it was due is missing, and it is told
//! apart whether nobody wrote, or whether nobody can know because the line is down.

use std::collections::BTreeMap;

use prost::Message as _;
use proto::v1::{self, PointState, Preparation, Readiness, document::Content};

use super::{
    Desk,
    decision::keep_here,
    policy::{Point, Policy},
    refuse, tier, upward,
};
use crate::{
    io::Timestamp,
    limits,
    post::{
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
    topology::{Tier, Unit},
};

/// Under what all of it is found.
const TOPIC: &str = "ready";
/// Reports of one office that are looked at, the newest: many times what it has points.
const REPORTS_MAX: usize = 64;

/// The points the station of an office sees to by itself, in the policy in force here.
pub fn of_machine(desk: Desk<'_>) -> Vec<Point> {
    let tier = tier(desk);
    let policy = desk.shelf.in_force(desk);
    policy.points.iter().filter(|point| point.machine && point.tiers.contains(&tier)).cloned().collect()
}

/// How it stands with points of the policy that this office has.
pub(super) fn write(desk: Desk<'_>, said: &Preparation, draft: &mut Draft) -> Result<(), Refusal> {
    let policy = desk.shelf.in_force(desk);
    let tier = tier(desk);
    let points: Vec<_> = policy.points.iter().filter(|point| point.tiers.contains(&tier)).collect();
    let known = || points.iter().map(|point| point.code.as_str()).collect::<Vec<_>>().join(", ");
    if said.points.is_empty() {
        return refuse(Code::MissingFields, "say how it stands with at least one point", &["points"]);
    }
    for prepared in &said.points {
        let code = prepared.code.as_str();
        if !points.iter().any(|point| point.code == code) {
            let (known, reason) = (known(), format!("this office has no point `{code}` to prepare: {}", known()));
            return refuse(Code::NoSuchPoint, &reason, &[code, &known]);
        }
        if points.iter().any(|point| point.code == code && point.machine) && !prepared.machine {
            let reason = format!("`{code}` is found out by the station: nobody can say so for it");
            return refuse(Code::MachinesPoint, &reason, &[code]);
        }
        // Whoever is not ready, or need not be, says why.
        let explained = prepared.state() == Readiness::Done || !prepared.note.trim().is_empty();
        if prepared.state() == Readiness::Unspecified || !explained {
            return refuse(Code::PointUnexplained, &format!("say why `{code}` is not done"), &[code]);
        }
        if prepared.note.len() > limits::NOTE_BYTES_MAX {
            let reason = format!("a note has at most {} bytes", limits::NOTE_BYTES_MAX);
            return refuse(Code::FieldTooLong, &reason, &[]);
        }
    }
    match tier {
        // Nobody is above the ministry; it keeps its own.
        Tier::Ministry => keep_here(desk, draft, 'G', TOPIC),
        _ => {
            upward(desk, draft, 'G')?;
            draft.header.topic = TOPIC.to_owned();
        }
    }
    Ok(())
}

/// One point of one office.
#[derive(Debug, Clone, PartialEq)]
pub struct Stand {
    /// Which.
    pub point: Point,
    /// How it stands.
    pub state: PointState,
    /// What was said last, if anything was.
    pub said: Option<Said>,
}

/// What was said of one point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// How it stood.
    pub state: Readiness,
    /// Why it was not done.
    pub note: String,
    /// Who said so.
    pub officer: String,
    /// The report it stands in.
    pub number: String,
    /// When, by that office's clock.
    pub at: Timestamp,
}

/// One office before the exam.
#[derive(Debug, Clone, PartialEq)]
pub struct Office {
    /// Point by point, in the order of the policy.
    pub points: Vec<Stand>,
    /// The rules it wrote by last, if it wrote at all.
    pub rules: Option<String>,
    /// Everything is done or does not concern it, and it goes by the rules in force here.
    pub ready: bool,
}

/// How an office stands; `None` if it has nothing to prepare. `silent_since`: the line to it is down.
pub fn office(desk: Desk<'_>, unit: &Unit, status: v1::Status, silent_since: Option<Timestamp>) -> Option<Office> {
    let policy = desk.shelf.in_force(desk);
    let tier = desk.post.me().topology.place(unit.as_str())?.tier;
    let begins = policy.exam.begins()?;
    let mut last: BTreeMap<String, Said> = BTreeMap::new();
    let mut rules = None;
    for copy in desk.post.under_newest(TOPIC, unit.as_str(), REPORTS_MAX, desk.read) {
        let Some((said, at)) = counts(desk, &copy, &policy, begins, status) else { continue };
        for prepared in said.points {
            let (officer, number) = (said.officer.clone(), copy.header.number.clone());
            let said = Said { state: prepared.state(), note: prepared.note, officer, number, at };
            last.insert(prepared.code, said);
        }
        rules = Some(copy.header.policy);
    }
    let points = policy.points.iter().filter(|point| point.tiers.contains(&tier)).map(|point| {
        let said = last.remove(&point.code);
        let state = state(desk.now, point, said.as_ref().map(|said| said.state), silent_since);
        Stand { point: point.clone(), state, said }
    });
    let points: Vec<_> = points.collect();
    let settled = |stand: &Stand| matches!(stand.state, PointState::Done | PointState::NotConcerned);
    let ready = points.iter().all(settled) && rules.as_deref() == Some(policy.version.as_str());
    (!points.is_empty()).then_some(Office { points, rules, ready })
}

/// What a report says, if it is about this exam and was not taken back.
fn counts(
    desk: Desk<'_>,
    copy: &Copy,
    policy: &Policy,
    begins: Timestamp,
    status: v1::Status,
) -> Option<(Preparation, Timestamp)> {
    let at = Timestamp::from_us(copy.header.created.as_ref()?.wall_us);
    let of_this_exam = at > begins - limits::PREPARED_WITHIN && policy.exam.ends().is_some_and(|ends| at < ends);
    let stands = desk.post.end_of(copy.id(), &copy.header.origin).is_none();
    if copy.header.status() != status || !of_this_exam || !stands {
        return None;
    }
    match v1::Document::decode(desk.post.body(copy, desk.read)?).ok()?.content? {
        Content::Preparation(said) => Some((said, at)),
        _ => None,
    }
}

fn state(now: Timestamp, point: &Point, said: Option<Readiness>, silent_since: Option<Timestamp>) -> PointState {
    match said {
        Some(Readiness::Done) => PointState::Done,
        Some(Readiness::NotConcerned) => PointState::NotConcerned,
        // What was said not to be done yet is no better than silence once it is due, but it is known.
        Some(_) if now <= point.due => PointState::NotYet,
        Some(_) => PointState::Overdue,
        None if now <= point.due => PointState::Awaited,
        None if silent_since.is_some_and(|since| since <= point.due) => PointState::Silent,
        None => PointState::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::trial::{Office as Desktop, paper, unit};

    const HOUR: i64 = 3_600_000_000;

    fn said(points: &[(&str, Readiness, &str)]) -> v1::FileRequest {
        let points = points.iter().map(|(code, state, note)| v1::Prepared {
            code: (*code).into(),
            state: (*state).into(),
            note: (*note).into(),
            machine: ["certificates", "clock", "disk"].contains(code),
        });
        let content = Content::Preparation(Preparation { points: points.collect(), officer: "张三".into() });
        paper("张三", v1::Kind::Preparation, content)
    }

    fn begins(office: &Desktop) -> Timestamp {
        office.at_desk(|desk| desk.shelf.in_force(desk).exam.begins()).unwrap()
    }

    /// So many hours before the first session.
    fn before(office: &mut Desktop, hours: i64) {
        office.now = Timestamp::from_us(begins(office).us() - hours * HOUR);
    }

    fn stands(office: &Desktop, of: &str, silent: Option<Timestamp>) -> Office {
        office.at_desk(|desk| super::office(desk, &unit(of), v1::Status::Actual, silent)).unwrap()
    }

    fn of(office: &Office, code: &str) -> PointState {
        office.points.iter().find(|stand| stand.point.code == code).unwrap().state
    }

    fn all(office: &Desktop) -> v1::FileRequest {
        let stands = stands(office, "420100", None);
        said(&stands.points.iter().map(|s| (s.point.code.as_str(), Readiness::Done, "")).collect::<Vec<_>>())
    }

    /// The hard ready state: one point open, and the office is not ready.
    #[test]
    fn row_1_6_in_part_an_office_is_ready_when_all_of_its_points_are() {
        let mut wuhan = Desktop::of("420100");
        before(&mut wuhan, 80);
        assert!(!stands(&wuhan, "420100", None).ready, "nobody has said so");
        wuhan.file(&all(&wuhan)).unwrap();
        assert!(stands(&wuhan, "420100", None).ready);
        wuhan.file(&said(&[("drill", Readiness::NotYet, "9月18日补做")])).unwrap();
        let seen = stands(&wuhan, "420100", None);
        assert!(!seen.ready && of(&seen, "drill") == PointState::NotYet, "what is said last counts");
        before(&mut wuhan, 10);
        assert_eq!(of(&stands(&wuhan, "420100", None), "drill"), PointState::Overdue);
        wuhan.file(&said(&[("drill", Readiness::NotConcerned, "上月已演练")])).unwrap();
        assert!(stands(&wuhan, "420100", None).ready);
    }

    #[test]
    fn row_p1_in_part_an_office_that_goes_by_old_rules_is_not_ready() {
        let (mut wuhan, mut ministry) = (Desktop::of("420100"), Desktop::of("000000"));
        before(&mut wuhan, 80);
        before(&mut ministry, 80);
        wuhan.file(&all(&wuhan)).unwrap();
        ministry.hear(&wuhan);
        assert!(stands(&ministry, "420100", None).ready);
        let text = crate::plan::policy::BUILT_IN.replace("2014-proposal-4", "2014-1");
        let release = v1::PolicyRelease {
            version: "2014-1".into(),
            text,
            officer: "赵一".into(),
            releaser: "钱二".into(),
            reference: "司办通〔2014〕40号".into(),
        };
        ministry.file(&paper("赵一", v1::Kind::PolicyRelease, Content::PolicyRelease(release))).unwrap();
        let seen = stands(&ministry, "420100", None);
        assert_eq!((seen.ready, seen.rules.as_deref()), (false, Some("2014-proposal-4")));
    }

    #[test]
    fn row_1_11_in_part_who_to_call_at_the_place_is_checked_before_the_exam() {
        missing_once_due("contacts", "420100", 72);
        missing_once_due("contacts", "420000", 72);
    }

    #[test]
    fn row_1_8_in_part_every_level_has_its_leading_group() {
        missing_once_due("group", "420100", 72);
        missing_once_due("group", "420000", 72);
    }

    #[test]
    fn row_4_4b_in_part_sites_are_safe_before_the_exam() {
        missing_once_due("safe-sites", "420100", 72);
    }

    #[test]
    fn row_4_6a_in_part_safety_of_large_gatherings_is_seen_to_before_the_exam() {
        missing_once_due("public-safety", "420100", 24);
    }

    #[test]
    fn row_4_6b_in_part_facilities_are_inspected_before_the_exam() {
        missing_once_due("facilities", "420100", 24);
    }

    #[test]
    fn row_4_7a_in_part_the_systems_are_looked_after_before_the_exam() {
        missing_once_due("systems", "420000", 72);
        missing_once_due("systems", "000000", 72);
    }

    #[test]
    fn row_4_8b_in_part_somebody_is_named_to_watch_what_is_said() {
        for office in ["420100", "420000", "000000"] {
            missing_once_due("monitor", office, 72);
        }
    }

    /// Seen from the ministry: awaited until it is due, then missing, or not known; and done when the office says so.
    fn missing_once_due(code: &str, office: &str, hours: i64) {
        let mut ministry = Desktop::of("000000");
        before(&mut ministry, hours + 1);
        assert_eq!(of(&stands(&ministry, office, None), code), PointState::Awaited, "{code} of {office}");
        before(&mut ministry, hours - 1);
        assert_eq!(of(&stands(&ministry, office, None), code), PointState::Missing, "{code} of {office}");
        let down = |hours| Some(Timestamp::from_us(begins(&ministry).us() - hours * HOUR));
        assert_eq!(of(&stands(&ministry, office, down(hours + 2)), code), PointState::Silent);
        let late = of(&stands(&ministry, office, down(0)), code);
        assert_eq!(late, PointState::Missing, "the line broke after it was due");
        let mut at_work = Desktop::of(office);
        before(&mut at_work, hours + 1);
        at_work.file(&said(&[(code, Readiness::Done, "")])).unwrap();
        if office == "000000" {
            assert_eq!(of(&stands(&at_work, office, None), code), PointState::Done, "the ministry keeps its own");
        } else {
            ministry.hear(&at_work);
            assert_eq!(of(&stands(&ministry, office, None), code), PointState::Done, "{code} of {office}");
        }
    }

    #[test]
    fn what_is_not_done_is_explained_and_what_nobody_asked_for_is_refused() {
        let mut wuhan = Desktop::of("420100");
        before(&mut wuhan, 80);
        assert_eq!(wuhan.refused(&said(&[])), Code::MissingFields);
        assert_eq!(wuhan.refused(&said(&[("tea", Readiness::Done, "")])), Code::NoSuchPoint);
        assert_eq!(wuhan.refused(&said(&[("systems", Readiness::Done, "")])), Code::NoSuchPoint, "another tier's");
        for state in [Readiness::NotYet, Readiness::NotConcerned, Readiness::Unspecified] {
            assert_eq!(wuhan.refused(&said(&[("drill", state, " ")])), Code::PointUnexplained);
        }
    }

    #[test]
    fn last_years_word_and_a_drills_count_for_nothing() {
        let mut wuhan = Desktop::of("420100");
        before(&mut wuhan, 24 * 365);
        wuhan.file(&all(&wuhan)).unwrap();
        before(&mut wuhan, 80);
        wuhan.file(&v1::FileRequest { status: v1::Status::Exercise.into(), ..all(&wuhan) }).unwrap();
        let seen = stands(&wuhan, "420100", None);
        assert!(!seen.ready && seen.rules.is_none() && of(&seen, "drill") == PointState::Awaited);
        let number = wuhan.file(&all(&wuhan)).unwrap();
        assert!(stands(&wuhan, "420100", None).ready);
        let cancel =
            Content::Cancel(v1::Cancel { reason: "误报".into(), officer: "张三".into(), ..Default::default() });
        wuhan.file(&v1::FileRequest { refers_to: number, ..paper("张三", v1::Kind::Cancel, cancel) }).unwrap();
        assert!(!stands(&wuhan, "420100", None).ready, "what was taken back was not said");
    }
}
