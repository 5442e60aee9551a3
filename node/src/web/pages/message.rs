//! One document, one timeline; and one incident with everything that belongs to it.

use std::time::Duration;

use proto::v1::{
    DocumentView, Kind, ListRequest, ObligationsRequest, RecipientView, Stage, Standing, document::Content,
    station_server::Station as _,
};
use tonic::Request;

use super::{actions, documents, duty, just_done, office};
use crate::{
    cli::{
        document, incident, items,
        ladder::{self, Event, Leg, What},
        table,
        terms::Listed as _,
        time, trace, visible,
    },
    limits,
    topology::Tier,
    web::{
        parts::{Action, Actions, Bar, Cell, Facts, Part, Row, Table, Text, Timeline},
        sheets,
        visit::{Page, Problem, Right, Visit},
    },
};

/// Shorter than this is not drawn: it would be thinner than a hair.
const DRAWN_FROM: u32 = 2;

pub(super) async fn message(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let view = visit.read(&visit.rest()).await?;
    let number = document::number(&view);
    let mut parts: Vec<_> = just_done(visit).into_iter().collect();
    parts.extend(what_next(visit, &view, &number));
    parts.push(Part::Timeline(timeline(visit, &view)));
    parts.push(Part::Text(Text {
        id: "body",
        caption: visit.words.say("web-body", &[("office", visit.names.get(&origin(&view)).into())]),
        lines: document::body_lines(&view, &visit.names, &visit.words),
    }));
    parts.push(Part::Facts(facts(visit, &view)));
    if let Some(Content::Report(report)) = document::content(&view)
        && !report.particulars.is_empty()
    {
        parts.push(Part::Table(particulars(visit, &report.particulars)));
    }
    if view.recipients.len() > 1 || ladder::wanted(&view).len() > 2 {
        parts.push(Part::Table(recipients(visit, &view)));
    }
    if !view.attachments.is_empty() {
        parts.push(Part::Table(attachments(visit, &view, &number)));
    }
    parts.extend(acts(visit, &view, &number));
    Ok(Page::new(trace::title(&view, &visit.words), parts))
}

fn origin(view: &DocumentView) -> String {
    view.header.as_ref().map(|header| header.origin.clone()).unwrap_or_default()
}

/// The sheets somebody may fill in about it.
fn what_next(visit: &Visit, view: &DocumentView, number: &str) -> Vec<Part> {
    let kind = ladder::kind(view);
    let stands = view.standing() == Standing::Active;
    let mine = view.arrived_us == 0;
    let verbs: &[(&str, &'static str)] = match kind {
        Kind::InitialReport | Kind::FollowUpReport | Kind::FinalReport => match visit.tier() {
            Tier::District => {
                &[("follow-up", "F"), ("final", ""), ("correct", ""), ("notice", ""), ("request", ""), ("bypass", "")]
            }
            Tier::Province => &[
                ("endorse", "E"),
                ("directive", "D"),
                ("notice", ""),
                ("submitted", ""),
                ("meeting", ""),
                ("request", ""),
            ],
            Tier::Ministry => &[("directive", "D"), ("propose", ""), ("submitted", ""), ("meeting", "")],
        },
        Kind::RequestForInstructions if stands && !mine => &[("approve", "A"), ("deny", ""), ("propose", "")],
        Kind::Proposal => &[("vote", "V"), ("release", "")],
        Kind::Directive | Kind::Decision if mine => &[("cancel", "")],
        _ => &[],
    };
    let mut more = vec![("phone", ""), ("note", ""), ("read", "")];
    if lists_drill(view) {
        more.insert(0, ("drill-stop", ""));
    }
    if view.header.as_ref().is_some_and(|header| !header.incident.is_empty()) && !mine {
        more.insert(0, ("urge", "U"));
    }
    let verbs: Vec<_> = verbs.iter().copied().chain(more).collect();
    let papers = [("web-print", format!("/print/{number}")), ("web-docx", format!("/docx/{number}"))];
    let mut links: Vec<_> =
        papers.map(|(key, href)| Action { text: visit.w(key), href, key: "", primary: false }).into();
    if view.header.as_ref().is_some_and(|header| !header.incident.is_empty()) {
        links.push(Action {
            text: visit.w("web-incident"),
            href: format!("/incident/{number}"),
            key: "I",
            primary: false,
        });
        links.push(Action {
            text: visit.w("web-evidence"),
            href: format!("/evidence/{number}"),
            key: "",
            primary: false,
        });
    }
    let papers = Part::Actions(Actions { id: "papers", label: visit.w("web-papers"), links });
    actions(visit, "verbs", number, &verbs).into_iter().chain([papers]).collect()
}

fn lists_drill(view: &DocumentView) -> bool {
    super::lists::order(view) == Some(proto::v1::Order::Drill) && view.arrived_us == 0
}

/// A named officer's word about it, where one is asked for.
fn acts(visit: &Visit, view: &DocumentView, number: &str) -> Vec<Part> {
    if view.arrived_us == 0 || !visit.may(Right::Write) || view.standing() != Standing::Active {
        return Vec::new();
    }
    if !view.signed_here {
        return vec![sheets::act_form(visit, Stage::Signed, number, false)];
    }
    let me = view.recipients.iter().find(|one| one.unit == visit.me());
    let directed = matches!(ladder::kind(view), Kind::Directive | Kind::Decision);
    let Some(me) = me.filter(|_| directed) else { return Vec::new() };
    let wanted = ladder::wanted(view);
    let open = |stage| !ladder::has_reached(me, stage) && ladder::ended(me).is_none();
    let mut parts = Vec::new();
    if wanted.contains(&Stage::Undertaken) && open(Stage::Undertaken) {
        parts.push(sheets::act_form(visit, Stage::Undertaken, number, true));
    }
    if open(Stage::Completed) {
        parts.push(sheets::act_form(visit, Stage::Completed, number, true));
        parts.push(sheets::act_form(visit, Stage::CannotComply, number, true));
    }
    parts
}

fn timeline(visit: &Visit, view: &DocumentView) -> Timeline {
    let words = &visit.words;
    let events = ladder::events(view);
    let (human, line) = trace::totals(&events);
    let args = [("human", time::measured(human).into()), ("line", time::measured(line).into())];
    let mut rows: Vec<_> = events.iter().map(|event| row(visit, view, event)).collect();
    for recipient in &view.recipients {
        if let Some(waiting) = &recipient.waiting {
            rows.push(Row {
                tone: "waits",
                cells: vec![
                    String::new().into(),
                    office(visit, &waiting.peer),
                    trace::waiting_text(waiting, words, visit.now).into(),
                    String::new().into(),
                    String::new().into(),
                ],
            });
        }
    }
    Timeline {
        id: "timeline",
        caption: visit.w("web-timeline"),
        bars: bars(&events, words),
        summary: words.say("web-human-and-line", &args),
        heads: ["head-time", "head-unit", "head-state", "head-leg", "web-signature"].map(|key| visit.w(key)).into(),
        events: rows,
    }
}

fn row(visit: &Visit, view: &DocumentView, event: &Event) -> Row {
    let words = &visit.words;
    let leg = event.leg.map(|leg| trace::leg_text(leg, words)).unwrap_or_default();
    let proof = match &event.what {
        // What somebody wrote down is not what a machine signed; and a station on the way says when it had something, and
        // seals nothing for that.
        What::Occurred => visit.w("web-by-account"),
        What::Passed if event.unit == visit.me() => visit.w("web-recorded-here"),
        What::Passed => visit.w("web-by-station"),
        _ if event.unit == visit.me() && view.arrived_us == 0 => visit.w("web-sealed-here"),
        _ => visit.w("web-sealed"),
    };
    let bad =
        matches!(&event.what, What::Reached { stage: Stage::CannotComply | Stage::NotDelivered | Stage::Expired, .. });
    Row {
        tone: if bad { "bad" } else { "" },
        cells: vec![
            Cell::toned(time::clock_ms(event.at_us), "num"),
            office(visit, &event.unit),
            trace::what_text(event, &visit.names, words).into(),
            format!("{leg}{}", trace::passage_text(event, words)).into(),
            Cell::toned(proof, "quiet"),
        ],
    }
}

/// The legs to scale, people's and the line's apart.
fn bars(events: &[Event], words: &crate::cli::words::Words) -> Vec<Bar> {
    let legs: Vec<_> = events.iter().filter_map(|event| event.leg).collect();
    let span = |leg: &Leg| match leg {
        Leg::Human(took) | Leg::Line(took) => *took,
    };
    let whole: Duration = legs.iter().map(span).sum();
    if whole.is_zero() {
        return Vec::new();
    }
    let mut x = 0.0;
    let mut bars = Vec::new();
    for leg in &legs {
        let width = span(leg).as_secs_f64() / whole.as_secs_f64() * 1000.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both lie between 0 and 1000")]
        let (from, wide) = (x as u32, width.round() as u32);
        bars.push(Bar {
            x: from,
            width: wide.max(DRAWN_FROM),
            kind: if matches!(leg, Leg::Human(_)) { "human" } else { "line" },
            text: trace::leg_text(*leg, words),
        });
        x += width;
    }
    bars
}

fn facts(visit: &Visit, view: &DocumentView) -> Facts {
    let words = &visit.words;
    let mut rows: Vec<(String, Cell)> = Vec::new();
    let mut add = |key: &str, cell: Cell| {
        if !cell.text.is_empty() {
            rows.push((visit.w(key), cell));
        }
    };
    if let Some(header) = &view.header {
        let comma = visit.w("list-comma");
        let to = |units: &[String]| {
            units.iter().map(|unit| document::address_text(unit, &visit.names, words)).collect::<Vec<_>>().join(&comma)
        };
        let when = |us: i64| if us == 0 { String::new() } else { time::clock_and_age(us, visit.now, words) };
        add("field-classification", header.classification().word(words).into());
        add("web-precedence", header.precedence().word(words).into());
        add("web-reality", header.status().word(words).into());
        add("field-readers", document::readers(&header.need_to_know, words).into());
        add("field-from", office(visit, &header.origin));
        add("field-created", when(document::created(header)).into());
        add("field-arrived", when(view.arrived_us).into());
        add("field-action-to", to(&header.action_to).into());
        add("field-info-to", to(&header.info_to).into());
        add("field-deliver-by", when(header.deliver_by_us).into());
        add("field-reply-by", when(header.reply_by_us).into());
        add("field-expires", when(header.expires_at_us).into());
        if header.direct {
            add("field-way", visit.w("way-direct").into());
        }
    }
    for (key, value) in document::content_fields(view, &visit.names, words) {
        add(key, value.into());
    }
    if !view.owner.is_empty() {
        add("field-owner", office(visit, &view.owner));
    }
    if view.recommendation_pending {
        add("field-review", Cell::toned(visit.w("recommendation-awaited"), "bad"));
    }
    add("field-state", document::state_text(view, words).into());
    if !view.missing_positions.is_empty() {
        add("field-missing", Cell::toned(document::missing_text(view), "bad"));
    }
    for related in &view.related {
        let related = visible::line(related);
        add("field-related", Cell::link(related.clone(), format!("/m/{related}")));
    }
    for same in &view.same_event {
        let same = visible::line(same);
        add("field-same-event", Cell::link(same.clone(), format!("/m/{same}")));
    }
    Facts { id: "facts", caption: visit.w("web-facts"), rows }
}

fn particulars(visit: &Visit, said: &[proto::v1::Particular]) -> Table {
    let heads = ["head-item", "head-value", "head-as-of", "head-source"];
    let rows = said.iter().map(|one| Row {
        tone: "",
        cells: vec![
            items::name(one, &visit.words).into(),
            items::value(one, &visit.words).into(),
            Cell::toned(time::clock(one.as_of_us), "num"),
            visible::line(&one.source).into(),
        ],
    });
    Table {
        id: "points",
        caption: visit.w("web-points"),
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        ..Table::default()
    }
}

/// Who has it and how far each has come; those who are behind first, with their phones.
fn recipients(visit: &Visit, view: &DocumentView) -> Table {
    let wanted = ladder::wanted(view);
    let mut heads = vec![visit.w("head-unit")];
    heads.extend(wanted.iter().map(|stage| stage.word(&visit.words)));
    heads.extend([visit.w("head-state"), visit.w("head-phone")]);
    let behind = |one: &RecipientView| !wanted.iter().all(|stage| ladder::has_reached(one, *stage));
    let mut all: Vec<_> = view.recipients.iter().collect();
    all.sort_by_key(|one| !behind(one));
    let rows = all.into_iter().map(|one| {
        let mut cells = vec![office(visit, &one.unit)];
        for stage in &wanted {
            cells.push(match ladder::reached_at(one, *stage) {
                Some(at) => Cell::toned(format!("{} {}", time::clock(at.at_us), visible::line(&at.officer)), "num"),
                None if ladder::has_reached(one, *stage) => "●".to_owned().into(),
                None => "○".to_owned().into(),
            });
        }
        let state = match (&one.waiting, ladder::ended(one)) {
            (_, Some(stage)) => stage.word(&visit.words),
            (Some(waiting), _) => trace::waiting_text(waiting, &visit.words, visit.now),
            _ => String::new(),
        };
        cells.push(state.into());
        cells.push(visit.names.phone(&one.unit).into());
        Row { tone: if behind(one) { "waits" } else { "" }, cells }
    });
    Table { id: "recipients", caption: visit.w("web-recipients"), heads, rows: rows.collect(), ..Table::default() }
}

fn attachments(visit: &Visit, view: &DocumentView, number: &str) -> Table {
    let rows = view.attachments.iter().filter_map(|one| {
        let file = one.attachment.as_ref()?;
        let here = one.held >= file.length;
        let key = match (here, file.held_back) {
            (true, _) => "web-file-here",
            (false, true) => "web-file-elsewhere",
            (false, false) => "web-file-coming",
        };
        let digest = document::hex(&file.digest);
        let name = visible::line(&file.name);
        Some(Row {
            tone: "",
            cells: vec![
                if here { Cell::link(name, format!("/attachment/{number}/{digest}")) } else { name.into() },
                Cell::toned(table::bytes(file.length), "num"),
                visit.w(key).into(),
                Cell::toned(digest, "mono"),
            ],
        })
    });
    let heads = ["web-file", "web-size", "head-state", "web-digest"];
    Table {
        id: "files",
        caption: visit.w("web-files-of"),
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        ..Table::default()
    }
}

/// Everything about one incident.
pub(super) async fn incident(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let asked = visit.rest();
    let request = ListRequest {
        incident: asked.clone(),
        limit: u32::try_from(limits::LIST_MAX).unwrap_or(u32::MAX),
        ..Default::default()
    };
    let listed = visit.web.api.list(Request::new(request)).await?.into_inner().documents;
    let folded = crate::plan::incident::fold(&listed);
    let request = ObligationsRequest { incident: asked.clone(), closed: true, ..Default::default() };
    let owed = visit.web.api.list_obligations(Request::new(request)).await?.into_inner().obligations;
    let mut parts = Vec::new();
    let verbs = [
        ("follow-up", "F"),
        ("final", ""),
        ("assess", ""),
        ("lead", ""),
        ("link", ""),
        ("unlink", ""),
        ("urge", "U"),
        ("decline", ""),
    ];
    parts.extend(actions(visit, "verbs", &asked, &verbs));
    if !folded.missing.is_empty() {
        let missing = folded.missing.iter().map(u32::to_string).collect::<Vec<_>>().join(&visit.w("list-comma"));
        let said = visit.words.say("incident-missing", &[("positions", missing.into())]);
        parts.push(Part::note("missing", "bad", said, Vec::new()));
    }
    parts.push(Part::Table(documents(visit, "list", visit.w("web-incident-documents"), &listed)));
    let grades = folded.grades.iter().map(|(unit, grade)| (visit.names.get(unit), grade.word(&visit.words).into()));
    parts.push(Part::Facts(Facts { id: "grades", caption: visit.w("web-grades"), rows: grades.collect() }));
    let heads = ["head-item", "head-value", "head-as-of", "head-source", "head-from", "head-number", "head-state"];
    let rows = folded.statements.iter().map(|one| Row {
        tone: if one.latest { "" } else { "quiet" },
        cells: vec![
            items::name(&one.said, &visit.words).into(),
            items::value(&one.said, &visit.words).into(),
            Cell::toned(time::clock(one.said.as_of_us), "num"),
            visible::line(&one.said.source).into(),
            office(visit, &one.office),
            visible::line(&one.number).into(),
            visit.w(incident::state_key(one)).into(),
        ],
    });
    parts.push(Part::Table(Table {
        id: "points",
        caption: visit.w("web-points"),
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        empty: visit.w("list-empty"),
        more: None,
    }));
    parts.push(Part::Table(duty::obligations(visit, "owed", visit.w("web-nav-duties"), &owed)));
    let number = folded.reports.first().map_or(asked, document::number);
    let evidence =
        Action { text: visit.w("web-evidence"), href: format!("/evidence/{number}"), key: "", primary: false };
    let label = visit.w("web-papers");
    parts.push(Part::Actions(Actions { id: "papers", label, links: vec![evidence] }));
    Ok(Page::new(visit.words.say("web-incident-of", &[("number", number.into())]), parts))
}
