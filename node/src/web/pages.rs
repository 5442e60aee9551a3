//! The pages: which there are, who may see them, and the frame they have in common. Each is a function of what the station
//! says to a list of parts, and is asked again whenever something changes.

pub(super) use self::desk::travelling;

mod admin;
mod board;
mod desk;
mod duty;
mod lists;
mod message;
mod ops;

use proto::v1::{LinkView, StatusView};

use super::{
    parts::{Action, Actions, Alarm, Cell, Part, Row, Strip, Table},
    sheets,
    visit::{Link, Page, Problem, Right, Visit},
};
use crate::{
    cli::{document, time, visible},
    topology::Tier,
};

/// The page at a path.
pub(super) async fn page(visit: &Visit) -> Result<Page, Problem> {
    let path = visit.path.trim_end_matches('/').to_owned();
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "" => home(visit).await,
        "board" => board::board(visit).await,
        "unit" => board::unit(visit).await,
        "m" => message::message(visit).await,
        "incident" => message::incident(visit).await,
        "search" => lists::search(visit).await,
        "duties" => duty::duties(visit).await,
        "shift" => duty::shift(visit).await,
        "nil" => duty::nil(visit).await,
        "roster" => duty::roster(visit).await,
        "ready" => duty::ready(visit).await,
        "ops" => ops::page(visit).await,
        "admin" => admin::officers(visit).await,
        "audit" => admin::audit(visit).await,
        "policy" => admin::policy(visit).await,
        "file" => sheets::page(visit, &visit.rest()).await,
        "help" => Ok(admin::help(visit)),
        name => lists::list(visit, name).await,
    }
}

/// The page somebody's work begins at.
async fn home(visit: &Visit) -> Result<Page, Problem> {
    if visit.may(Right::Look) {
        desk::today(visit).await
    } else if visit.may(Right::Board) {
        board::board(visit).await
    } else if visit.may(Right::Operate) {
        ops::links(visit).await
    } else if visit.may(Right::Enrol) {
        admin::officers(visit).await
    } else {
        admin::audit(visit).await
    }
}

/// What this officer may go to, in the order of the day.
pub(super) fn navigation(visit: &Visit) -> Vec<Link> {
    let tier = visit.tier();
    let mut all = Vec::new();
    let mut add = |right: Right, href: &str, key: &str| {
        if visit.may(right) {
            let here = visit.path == href || href != "/" && visit.path.starts_with(&format!("{href}/"));
            all.push(Link { href: href.to_owned(), text: visit.w(key), here });
        }
    };
    add(Right::Look, "/", "web-nav-today");
    add(Right::Board, "/board", if tier == Tier::Ministry { "web-nav-board" } else { "web-nav-districts" });
    add(Right::Look, "/inbox", "web-nav-inbox");
    add(Right::Look, "/sent", "web-nav-sent");
    add(Right::Look, "/directives", "web-nav-directives");
    add(Right::Look, "/decisions", "web-nav-decisions");
    add(Right::Look, "/duties", "web-nav-duties");
    add(Right::Look, "/shift", "web-nav-shift");
    add(Right::Board, "/nil", "web-nav-nil");
    add(Right::Look, "/ready", "web-nav-ready");
    add(Right::Look, "/roster", "web-nav-roster");
    add(Right::Look, "/more", "web-nav-more");
    add(Right::Operate, "/ops/links", "web-nav-links");
    add(Right::Operate, "/ops/queues", "web-nav-queues");
    add(Right::Operate, "/ops/store", "web-nav-store");
    add(Right::Operate, "/ops/check", "web-nav-check");
    add(Right::Operate, "/ops/notify", "web-nav-calls");
    add(Right::Enrol, "/admin/officers", "web-nav-officers");
    add(Right::Audit, "/audit", "web-nav-audit");
    add(Right::Look, "/search", "web-nav-search");
    all.push(Link { href: "/help".into(), text: visit.w("web-nav-help"), here: visit.path == "/help" });
    all
}

/// Over every page. What it counts has no content, so that it may be seen while the desk is locked.
pub(super) async fn strip(visit: &Visit) -> Strip {
    let mut strip = visit.empty_strip();
    strip.live = visit.w("web-js-live");
    strip.mute = visit.w("web-js-mute");
    let Ok(status) = visit.web.api.status().await else { return strip };
    if let Some(parent) = status.links.iter().find(|link| link.parent) {
        strip.line = if parent.up { "up" } else { "down" };
        strip.line_text = line_text(visit, parent);
    } else {
        let up = status.links.iter().filter(|link| link.up && !link.direct).count();
        let all = status.links.iter().filter(|link| !link.direct).count();
        strip.line = if up == all { "up" } else { "down" };
        strip.line_text = visit.words.say("web-lines", &[("up", up.into()), ("all", all.into())]);
    }
    strip.alarms = alarms(visit, &status);
    let begun = visit.list(proto::v1::Box::Unspecified, &[proto::v1::Kind::Directive], 20).await;
    let playing = begun.is_ok_and(|listed| lists::drill_under_way(&listed.documents));
    if playing {
        strip.exercise = visit.w("web-exercise");
    }
    strip
}

fn line_text(visit: &Visit, link: &LinkView) -> String {
    let since = time::ago(link.since_us, visit.now, &visit.words);
    let args = [("name", visit.names.get(&link.unit).into()), ("since", since.into())];
    visit.words.say(if link.up { "web-line-up" } else { "web-line-down" }, &args)
}

fn alarms(visit: &Visit, status: &StatusView) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    let mut add = |count: u64, key: &str, href: &str, tone: &'static str| {
        if count > 0 {
            let text = visit.words.say(key, &[("count", count.into())]);
            alarms.push(Alarm { text, href: href.to_owned(), tone });
        }
    };
    let owed = status.owed.clone().unwrap_or_default();
    add(status.unsigned, "web-alarm-unsigned", "/inbox", "red");
    add(owed.overdue_here.into(), "web-alarm-overdue", "/duties", "red");
    add(owed.overdue_elsewhere.into(), "web-alarm-elsewhere", "/duties", "amber");
    add(owed.nil_missing.into(), "web-alarm-nil", "/nil", "amber");
    add(status.totals.as_ref().map_or(0, |totals| totals.gaps), "web-alarm-gaps", "/inbox", "amber");
    add(status.held, "web-alarm-held", "/ops/queues", "amber");
    let open = status.store.as_ref().map_or(0, |store| store.lost_open);
    add(open, "web-alarm-lost", "/ops/store", "red");
    if status.store.as_ref().is_some_and(|store| !store.accepting) {
        alarms.push(Alarm { text: visit.w("web-alarm-full"), href: "/ops/store".into(), tone: "red" });
    }
    alarms
}

/// Sheets that may be filled in here, as buttons.
fn actions(visit: &Visit, id: &'static str, about: &str, names: &[(&str, &'static str)]) -> Option<Part> {
    let links: Vec<_> = names
        .iter()
        .filter_map(|(name, key)| {
            let (text, href) = sheets::link(visit, name, about)?;
            Some(Action { text, href, key, primary: false })
        })
        .enumerate()
        .map(|(index, action)| Action { primary: index == 0, ..action })
        .collect();
    (!links.is_empty()).then(|| Part::Actions(Actions { id, label: visit.w("web-actions"), links }))
}

/// What was just done, at the top of the page it leads to.
fn just_done(visit: &Visit) -> Option<Part> {
    if let Ok(us) = visit.asked("filed").parse::<u64>() {
        let durable = time::measured(std::time::Duration::from_micros(us));
        let said = visit.words.say("web-filed", &[("durable", durable.into())]);
        return Some(Part::note("done", "good", said, Vec::new()));
    }
    let acted = visit.asked("acted");
    let stage = <proto::v1::Stage as crate::cli::terms::Listed>::parse(acted)?;
    let word = crate::cli::terms::Listed::word(stage, &visit.words);
    Some(Part::note("done", "good", visit.words.say("web-acted", &[("stage", word.into())]), Vec::new()))
}

/// Documents, a row each.
fn documents(visit: &Visit, id: &'static str, caption: String, views: &[proto::v1::DocumentView]) -> Table {
    let heads = [
        "head-grade",
        "head-precedence",
        "head-number",
        "head-kind",
        "head-matter",
        "head-from",
        "head-state",
        "head-time",
    ];
    let rows = views.iter().filter_map(|view| {
        let header = view.header.as_ref()?;
        let waits = view.arrived_us != 0 && !view.signed_here;
        let at = if view.arrived_us == 0 { document::created(header) } else { view.arrived_us };
        let number = document::number(view);
        let kind = document::kind_text(view, &visit.words);
        let kind = match header.status() {
            proto::v1::Status::Exercise => format!("{kind} · {}", document::status_text(view, &visit.words)),
            _ => kind,
        };
        Some(Row {
            tone: if waits { "waits" } else { "" },
            cells: vec![
                Cell::toned(document::grade_text(view, &visit.words), grade_class(view)),
                Cell::toned(document::precedence_text(view, &visit.words), "quiet"),
                Cell::number(&number, "/m/"),
                kind.into(),
                document::matter_text(view, &visit.words).into(),
                visit.names.get(&header.origin).into(),
                Cell::toned(document::state_text(view, &visit.words), if waits { "bad" } else { "" }),
                Cell::toned(time::clock_and_age(at, visit.now, &visit.words), "num"),
            ],
        })
    });
    Table {
        id,
        caption,
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        empty: visit.w("list-empty"),
        more: None,
    }
}

/// The same in a narrow column.
pub(super) fn briefly(visit: &Visit, id: &'static str, caption: String, views: &[proto::v1::DocumentView]) -> Table {
    let rows = views.iter().map(|view| {
        let number = document::number(view);
        let kind = document::kind_text(view, &visit.words);
        Row {
            tone: "",
            cells: vec![
                Cell::number(&number, "/m/"),
                format!("{kind} {}", document::matter_text(view, &visit.words)).into(),
                document::state_text(view, &visit.words).into(),
            ],
        }
    });
    let heads = ["head-number", "head-matter", "head-state"].map(|key| visit.w(key)).into();
    Table { id, caption, heads, rows: rows.collect(), empty: visit.w("list-empty"), more: None }
}

fn grade_class(view: &proto::v1::DocumentView) -> &'static str {
    use proto::v1::{Grade, document::Content};
    match view.document.as_ref().and_then(|document| document.content.as_ref()) {
        Some(Content::Report(report)) => match report.grade() {
            Grade::I => "grade g1",
            Grade::Ii => "grade g2",
            Grade::Iii => "grade g3",
            Grade::Iv => "grade g4",
            Grade::Unspecified => "",
        },
        _ => "",
    }
}

/// Names an office as a link to what is known of it.
fn office(visit: &Visit, unit: &str) -> Cell {
    Cell::link(visit.names.get(unit), format!("/unit/{}", visible::line(unit)))
}
