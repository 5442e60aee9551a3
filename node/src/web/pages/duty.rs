//! What is owed, and who has the desk: 应办事项, 值班, 平安报, 值班表, 考前就绪.

use proto::v1::{
    self, NilRequest, NilState, ObligationView, ObligationsRequest, PointState, ReadinessRequest, RosterRequest,
    ShiftRequest, Verdict, station_server::Station as _,
};
use tonic::Request;

use super::{actions, just_done, office};
use crate::{
    cli::{obligation, shift as log, terms::Listed as _, time, visible},
    limits,
    web::{
        parts::{Cell, Facts, Part, Row, Table},
        visit::{Page, Problem, Right, Visit},
    },
};

/// Open points of an office that are named in the list of all.
const NAMED: usize = 3;
/// Lines of the log a page shows.
const LINES: u32 = 60;

/// Duties, a row each.
pub(super) fn obligations(visit: &Visit, id: &'static str, caption: String, owed: &[ObligationView]) -> Table {
    let words = &visit.words;
    let heads = ["head-due", "head-verdict", "head-owner", "head-duty", "head-row", "head-incident", "head-closed-by"];
    let rows = owed.iter().map(|one| {
        let late = one.verdict() == Verdict::Overdue;
        let incident = visible::line(&one.incident);
        Row {
            tone: if late { "waits" } else { "" },
            cells: vec![
                Cell::toned(obligation::due(one, words), "num"),
                Cell::toned(obligation::verdict(one, words, visit.now), if late { "bad" } else { "" }),
                office(visit, &one.owner),
                act(visit, one),
                Cell::toned(visible::line(&one.row), "quiet"),
                Cell::number(&incident, "/incident/"),
                visible::line(&one.met_by).into(),
            ],
        }
    });
    let empty = visit.w("obligations-none");
    Table { id, caption, heads: heads.map(|key| visit.w(key)).into(), rows: rows.collect(), empty, more: None }
}

/// A duty of this office leads to the sheet that meets it.
fn act(visit: &Visit, one: &ObligationView) -> Cell {
    let text = obligation::duty(one, &visit.words);
    let open = matches!(one.verdict(), Verdict::Open | Verdict::Overdue | Verdict::Unknown);
    if one.owner != visit.me() || !open {
        return text.into();
    }
    let sheet = match one.what.as_str() {
        "follow-up" | "state" => "follow-up",
        "endorse" => "endorse",
        "instruct" | "deploy" => "directive",
        "ask" => "request",
        "answer" => "approve",
        "assess" => "assess",
        "publish" => "propose",
        "meet" => "meeting",
        "tell" => "notice",
        _ => return Cell::link(text, format!("/m/{}", visible::line(&one.because))),
    };
    let about = if matches!(sheet, "endorse" | "approve") { &one.because } else { &one.incident };
    match crate::web::sheets::link(visit, sheet, about) {
        Some((_, href)) => Cell::link(text, href),
        None => text.into(),
    }
}

pub(super) async fn duties(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let mut request = ObligationsRequest {
        limit: u32::try_from(limits::INCIDENTS_LISTED_MAX).unwrap_or(u32::MAX),
        ..Default::default()
    };
    let mut owed = Vec::new();
    // Three pages of incidents are more than anybody reads; the rest is in the command line's list.
    for _ in 0..3 {
        let page = visit.web.api.list_obligations(Request::new(request.clone())).await?.into_inner();
        owed.extend(page.obligations);
        if page.next.is_empty() {
            break;
        }
        request.before = page.next;
    }
    owed.sort_by_key(|one| (one.verdict() != Verdict::Overdue, one.due_us));
    let (mine, others): (Vec<_>, Vec<_>) = owed.into_iter().partition(|one| one.owner == visit.me());
    let parts = vec![
        Part::Table(obligations(visit, "mine", visit.w("web-owed-here"), &mine)),
        Part::Table(obligations(visit, "others", visit.w("web-owed-elsewhere"), &others)),
    ];
    Ok(Page::new(visit.w("web-nav-duties"), parts))
}

pub(super) async fn shift(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let view = visit.web.api.get_shift(Request::new(ShiftRequest { entries: LINES })).await?.into_inner();
    let mut parts: Vec<_> = just_done(visit).into_iter().collect();
    let verbs: &[(&str, &'static str)] = match view.officer.is_empty() {
        true => &[("shift", "N")],
        false => &[("note", "N"), ("phone", "P"), ("handover", "H")],
    };
    parts.extend(actions(visit, "verbs", "", verbs));
    let rows = match view.officer.is_empty() {
        true => vec![(visit.w("head-officer"), Cell::toned(visit.w("web-nobody"), "bad"))],
        false => vec![
            (visit.w("head-officer"), visible::line(&view.officer).into()),
            (visit.w("web-duty-leader"), visible::line(&view.leader).into()),
            (visit.w("web-since"), time::clock_and_age(view.since_us, visit.now, &visit.words).into()),
            (visit.w("web-pending"), visible::line(&view.pending).into()),
        ],
    };
    parts.push(Part::Facts(Facts { id: "now", caption: visit.w("web-desk"), rows }));
    // Who logged in and who read what is for the auditor.
    let lines = view.entries.iter().rev().filter_map(|one| one.entry.as_ref().map(|entry| (one, entry)));
    let lines = lines.filter(|(_, entry)| {
        !matches!(entry.matter(), v1::LogMatter::Account | v1::LogMatter::Reading | v1::LogMatter::Notified)
    });
    let rows = lines.map(|(one, entry)| {
        let about = visible::line(&one.about);
        Row {
            tone: "",
            cells: vec![
                Cell::toned(time::clock(entry.at_us), "num"),
                visible::line(&entry.officer).into(),
                format!("{} {}", entry.matter().word(&visit.words), log::told(entry, &visit.words)).into(),
                visible::lines(&entry.text).join(" / ").into(),
                if about.is_empty() { Cell::default() } else { Cell::number(&about, "/m/") },
            ],
        }
    });
    let heads = ["head-time", "head-officer", "head-matter", "web-log-text", "head-number"];
    parts.push(Part::Table(Table {
        id: "log",
        caption: visit.w("web-log"),
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        empty: visit.w("list-empty"),
        more: None,
    }));
    Ok(Page::new(visit.w("web-nav-shift"), parts))
}

/// 平安报格: offices down, hours across.
pub(super) async fn nil(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Board)?;
    let status = if visit.asked("exercise") == "yes" { v1::Status::Exercise } else { v1::Status::Actual };
    let ask = async |slot: &str| {
        let request = NilRequest { slot: slot.to_owned(), status: status.into() };
        Ok::<_, Problem>(visit.web.api.list_nil(Request::new(request)).await?.into_inner())
    };
    let first = ask("").await?;
    let mut heads = vec![visit.w("head-unit")];
    let mut columns = Vec::new();
    for slot in &first.slots {
        heads.push(format!("{} {}", visible::line(&slot.name), time::clock(slot.at_us)));
        columns.push(ask(&slot.name).await?);
    }
    let units: Vec<_> =
        columns.iter().max_by_key(|one| one.units.len()).map(|one| one.units.clone()).unwrap_or_default();
    let rows = units.iter().map(|unit| {
        let mut cells = vec![office(visit, &unit.unit)];
        for column in &columns {
            let here = column.units.iter().find(|one| one.unit == unit.unit);
            cells.push(here.map_or_else(|| "–".to_owned().into(), |one| nil_cell(visit, one)));
        }
        Row { tone: "", cells }
    });
    let mut parts: Vec<_> = just_done(visit).into_iter().collect();
    parts.extend(actions(visit, "verbs", "", &[("nil", "N")]));
    let empty = visit.w("nil-slots-none");
    parts.push(Part::Table(Table {
        id: "grid",
        caption: visit.w("web-nav-nil"),
        heads,
        rows: rows.collect(),
        empty,
        more: None,
    }));
    Ok(Page::new(visit.w("web-nav-nil"), parts))
}

fn nil_cell(visit: &Visit, one: &v1::NilView) -> Cell {
    let (glyph, class) = match one.state() {
        NilState::Received => ("●", "good"),
        NilState::Late => ("◐", "warn"),
        NilState::Missing => ("■", "bad"),
        NilState::Silent => ("○", "gone"),
        NilState::Awaited | NilState::Unspecified => ("·", "quiet"),
    };
    // What is not due yet is most of a country's grid, and says nothing.
    let text = match one.state() {
        NilState::Awaited => glyph.to_owned(),
        state => format!("{glyph} {}", state.word(&visit.words)),
    };
    let number = visible::line(&one.number);
    Cell { text, href: if number.is_empty() { String::new() } else { format!("/m/{number}") }, class }
}

pub(super) async fn roster(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let request = RosterRequest { at_us: 0, status: v1::Status::Actual.into() };
    let view = visit.web.api.list_roster(Request::new(request)).await?.into_inner();
    let heads = ["head-unit", "head-officer", "head-leader", "head-phone", "head-turn-until", "head-roster-open"];
    let rows = view.units.iter().map(|unit| {
        let turn = unit.turn.clone().unwrap_or_default();
        let nobody = unit.turn.is_none();
        let officer = if nobody { visit.w("roster-nobody") } else { visible::line(&turn.officer) };
        Row {
            tone: if nobody { "waits" } else { "" },
            cells: vec![
                office(visit, &unit.unit),
                Cell::toned(officer, if nobody { "bad" } else { "" }),
                visible::line(&turn.leader).into(),
                visible::line(&turn.phone).into(),
                Cell::toned(time::clock(turn.until_us), "num"),
                crate::cli::roster::open(unit, &visit.words).into(),
            ],
        }
    });
    let mut parts: Vec<_> = just_done(visit).into_iter().collect();
    parts.extend(actions(visit, "verbs", "", &[("roster", "N")]));
    parts.push(Part::Table(Table {
        id: "roster",
        caption: visit.w("web-nav-roster"),
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        empty: visit.w("list-empty"),
        more: None,
    }));
    Ok(Page::new(visit.w("web-nav-roster"), parts))
}

/// 考前就绪: one word an office, and what is open.
pub(super) async fn ready(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let unit = visit.asked("unit").to_owned();
    let request = ReadinessRequest { unit: unit.clone(), status: v1::Status::Actual.into() };
    let view = visit.web.api.list_readiness(Request::new(request)).await?.into_inner();
    let settled = |point: &v1::PointView| matches!(point.state(), PointState::Done | PointState::NotConcerned);
    let ready = view.units.iter().filter(|unit| unit.ready).count();
    let args = [
        ("exam", visible::line(&view.exam).into()),
        ("begins", time::clock(view.begins_us).into()),
        ("ready", ready.into()),
        ("all", view.units.len().into()),
    ];
    let mut parts: Vec<_> = just_done(visit).into_iter().collect();
    let said = match view.begins_us {
        0 => visit.w("ready-no-exam"),
        _ => visit.words.say("ready-summary", &args),
    };
    parts.push(Part::note("summary", if ready == view.units.len() { "good" } else { "bad" }, said, Vec::new()));
    parts.extend(actions(visit, "verbs", "", &[("prepare", "N")]));
    let (heads, rows): (Vec<_>, Vec<_>) = if unit.is_empty() {
        let rows = view.units.iter().map(|one| {
            let open: Vec<_> =
                one.points.iter().filter(|point| !settled(point)).map(|point| visible::line(&point.says)).collect();
            Row {
                tone: if one.ready { "" } else { "waits" },
                cells: vec![
                    Cell::link(visit.names.get(&one.unit), format!("/ready?unit={}", visible::line(&one.unit))),
                    Cell::toned(
                        visit.w(if one.ready { "ready-yes" } else { "ready-no" }),
                        if one.ready { "good" } else { "bad" },
                    ),
                    Cell::toned(format!("{}/{}", one.points.len() - open.len(), one.points.len()), "num"),
                    first_of(&open, &visit.w("list-comma")).into(),
                ],
            }
        });
        (vec!["head-owner", "head-is-ready", "head-ready-done", "head-ready-open"], rows.collect())
    } else {
        let rows = view.units.iter().flat_map(|one| &one.points).map(|point| Row {
            tone: if settled(point) { "" } else { "waits" },
            cells: vec![
                visible::line(&point.says).into(),
                Cell::toned(point.state().word(&visit.words), if settled(point) { "good" } else { "bad" }),
                Cell::toned(time::clock(point.due_us), "num"),
                visible::line(&point.officer).into(),
                visible::line(&point.note).into(),
            ],
        });
        (vec!["web-point", "head-state", "head-due", "head-officer", "web-note"], rows.collect())
    };
    parts.push(Part::Table(Table {
        id: "ready",
        caption: visit.w("web-nav-ready"),
        heads: heads.into_iter().map(|key| visit.w(key)).collect(),
        rows,
        empty: visit.w("list-empty"),
        more: None,
    }));
    Ok(Page::new(visit.w("web-nav-ready"), parts))
}

/// The first few of many; the office's own page has them all.
fn first_of(all: &[String], comma: &str) -> String {
    let more = if all.len() > NAMED { " …" } else { "" };
    format!("{}{more}", all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(comma))
}
