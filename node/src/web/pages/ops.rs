//! 运维: lines, queues, store, certificates, checks. No content: numbers of documents, and what they wait for.

use proto::v1::{
    CheckRequest, Kind, LinkView, LogMatter, QueueRequest, Severity, document::Content, station_server::Station as _,
};
use tonic::Request;

use super::board::latencies;
use crate::{
    cli::{check, document, status, table, terms::Listed as _, time, trace, trouble, visible},
    desk::notify,
    web::{
        fields::Field,
        parts::{Cell, Facts, Form, Part, Row, Table},
        visit::{Page, Problem, Right, Visit},
    },
};

/// Entries of the queues a page shows.
const SHOWN: u32 = 100;
/// Lines of the log in which calls are looked for.
const CALLS: u32 = 500;

pub(super) async fn page(visit: &Visit) -> Result<Page, Problem> {
    match visit.rest().as_str() {
        "" | "links" => links(visit).await,
        "queues" => queues(visit).await,
        "store" | "certs" => store(visit).await,
        "check" => checks(visit).await,
        "notify" => calls(visit).await,
        _ => Err(Problem::NotFound),
    }
}

/// Every line: up or down, how far away, what waits for it.
pub(super) async fn links(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Operate)?;
    let status = visit.web.api.status().await?;
    let rows = status.links.iter().map(|link| {
        let queue = link.queue.unwrap_or_default();
        let failure = if link.up || link.last_failure.is_empty() {
            String::new()
        } else {
            trouble::told_whole(&link.last_failure, &visit.words)
        };
        Row {
            tone: if link.up { "" } else { "waits" },
            cells: vec![
                visit.names.get(&link.unit).into(),
                Cell::toned(status::link_text(link, &visit.words, visit.now), if link.up { "good" } else { "bad" }),
                Cell::toned(if link.up { status::rtt(link.rtt_us) } else { "–".into() }, "num"),
                Cell::toned(offset(link), "num"),
                Cell::toned(format!("{}/{}/{}/{}", queue.ready, queue.in_flight, queue.parked, queue.held), "num"),
                Cell::toned(status::oldest(queue.oldest_us, &visit.words, visit.now), "num"),
                failure.into(),
            ],
        }
    });
    let heads =
        ["head-peer", "head-state", "web-rtt", "web-offset", "web-queue-four", "web-oldest", "web-last-failure"];
    let mut parts = vec![Part::Table(Table {
        id: "links",
        caption: visit.w("web-nav-links"),
        heads: heads.map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        empty: visit.w("list-empty"),
        more: None,
    })];
    parts.push(Part::Table(latencies(visit, &status)));
    let peers = || status.links.iter().map(|link| (link.unit.clone(), visit.names.get(&link.unit))).collect::<Vec<_>>();
    for (what, key) in [("pause", "web-pause"), ("resume", "web-resume")] {
        let mut fields =
            vec![Field::of("peer", visit.w("head-peer"), crate::web::fields::Input::Select(peers())).required()];
        if what == "pause" {
            fields.push(Field::line("minutes", visit.w("web-minutes-long")).value("10").required());
            fields.push(Field::line("reason", visit.w("web-reason")).required());
        }
        let id = if what == "pause" { "pause" } else { "resume" };
        parts.push(Part::Form(small(visit, id, &format!("/do/{what}"), key, fields)));
    }
    Ok(Page::new(visit.w("web-nav-links"), parts))
}

fn offset(link: &LinkView) -> String {
    match link.up && link.offset_uncertainty_us > 0 {
        true => time::offset(link.offset_us, link.offset_uncertainty_us),
        false => "–".to_owned(),
    }
}

/// A form with few fields and one button.
pub(super) fn small(visit: &Visit, id: &'static str, action: &str, key: &str, fields: Vec<Field>) -> Form {
    Form {
        id,
        caption: visit.w(key),
        token: visit.form_token(action),
        action: action.to_owned(),
        key: String::new(),
        hidden: Vec::new(),
        fields,
        later: Vec::new(),
        submit: visit.w(key),
        error: None,
        outbox: false,
        files: String::new(),
        draft: String::new(),
    }
}

async fn queues(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Operate)?;
    let request = QueueRequest { limit: SHOWN, ..Default::default() };
    let view = visit.web.api.list_queue(Request::new(request)).await?.into_inner();
    let peers = view.peers.iter().map(|peer| {
        let totals = peer.totals.unwrap_or_default();
        Row {
            tone: if peer.up { "" } else { "waits" },
            cells: vec![
                visit.names.get(&peer.unit).into(),
                Cell::toned(totals.ready.to_string(), "num"),
                Cell::toned(totals.in_flight.to_string(), "num"),
                Cell::toned(totals.parked.to_string(), "num"),
                Cell::toned(totals.held.to_string(), "num"),
                Cell::toned(table::bytes(totals.bytes), "num"),
                Cell::toned(status::oldest(totals.oldest_us, &visit.words, visit.now), "num"),
            ],
        }
    });
    let heads = ["head-peer", "web-ready", "web-in-flight", "web-parked", "web-held", "web-size", "web-oldest"];
    let entries = view.entries.iter().map(|entry| {
        let state = entry.state.clone().unwrap_or_default();
        Row {
            tone: if state.held { "bad" } else { "" },
            cells: vec![
                visit.names.get(&entry.peer).into(),
                entry.numbers.iter().map(|number| visible::line(number)).collect::<Vec<_>>().join(" ").into(),
                Cell::toned(time::clock_and_age(entry.since_us, visit.now, &visit.words), "num"),
                trace::waiting_text(&state, &visit.words, visit.now).into(),
            ],
        }
    });
    let parts = vec![
        Part::Table(Table {
            id: "peers",
            caption: visit.w("web-nav-queues"),
            heads: heads.map(|key| visit.w(key)).into(),
            rows: peers.collect(),
            empty: visit.w("list-empty"),
            more: None,
        }),
        Part::Table(Table {
            id: "entries",
            caption: visit.w("web-queue-entries"),
            heads: ["head-peer", "head-number", "web-since", "head-state"].map(|key| visit.w(key)).into(),
            rows: entries.collect(),
            empty: visit.w("web-queue-empty"),
            more: None,
        }),
        Part::Form(small(visit, "retry", "/do/retry", "web-retry", vec![retry_field(visit, &view)])),
    ];
    Ok(Page::new(visit.w("web-nav-queues"), parts))
}

fn retry_field(visit: &Visit, view: &proto::v1::QueueResponse) -> Field {
    let peers = view.peers.iter().map(|peer| (peer.unit.clone(), visit.names.get(&peer.unit))).collect();
    Field::of("peer", visit.w("head-peer"), crate::web::fields::Input::Select(peers)).required()
}

async fn store(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Operate)?;
    let status = visit.web.api.status().await?;
    let store = status.store.clone().unwrap_or_default();
    let micros = |us: u32| time::measured(std::time::Duration::from_micros(us.into()));
    let accepting = match store.accepting {
        true => Cell::toned(visit.w("web-accepting"), "good"),
        false => Cell::toned(visible::line(&store.refusing_because), "bad"),
    };
    let rows = vec![
        (visit.w("head-state"), accepting),
        (visit.w("web-store-used"), table::bytes(store.used_bytes).into()),
        (visit.w("web-store-free"), table::bytes(store.free_bytes).into()),
        (visit.w("web-store-records"), table::count(store.records).into()),
        (
            visit.w("web-store-commit"),
            format!("P50 {} · P99 {}", micros(store.commit_p50_us), micros(store.commit_p99_us)).into(),
        ),
        (visit.w("web-store-forgotten"), table::count(store.forgotten).into()),
        (
            visit.w("web-store-lost"),
            Cell::toned(format!("{} / {}", store.lost_open, store.lost), if store.lost_open > 0 { "bad" } else { "" }),
        ),
    ];
    let losses = store.losses.iter().map(|loss| Row {
        tone: if loss.recovered_us == 0 { "bad" } else { "" },
        cells: vec![
            Cell::toned(time::clock(loss.at_us), "num"),
            visible::line(&loss.kind).into(),
            visible::line(&loss.from).into(),
            Cell::toned(time::clock(loss.recovered_us), "num"),
        ],
    });
    let certificates = status.certificates.iter().map(|one| Row {
        tone: "",
        cells: vec![
            visible::line(&one.role).into(),
            visible::line(&one.subject).into(),
            Cell::toned(status::certificate_text(one.not_after_us, &visit.words, visit.now), "num"),
        ],
    });
    let parts = vec![
        Part::Facts(Facts { id: "store", caption: visit.w("web-nav-store"), rows }),
        Part::Table(Table {
            id: "losses",
            caption: visit.w("web-losses"),
            heads: ["head-time", "head-kind", "head-from", "web-recovered"].map(|key| visit.w(key)).into(),
            rows: losses.collect(),
            empty: visit.w("web-no-losses"),
            more: None,
        }),
        Part::Table(Table {
            id: "certificates",
            caption: visit.w("web-certificates"),
            heads: ["web-use", "head-owner", "web-not-after"].map(|key| visit.w(key)).into(),
            rows: certificates.collect(),
            empty: visit.w("list-empty"),
            more: None,
        }),
    ];
    Ok(Page::new(visit.w("web-nav-store"), parts))
}

/// Who was called about what waits, and what came of it.
async fn calls(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Operate)?;
    let log = visit.list(proto::v1::Box::Filed, &[Kind::LogEntry], CALLS).await?.documents;
    let rows = log.iter().filter_map(|view| match document::content(view) {
        Some(Content::LogEntry(entry)) if entry.matter() == LogMatter::Notified => {
            let sent = entry.text == "sent";
            let nobody = entry.other == notify::NOBODY;
            let who = if nobody { visit.w("web-nobody-called") } else { visible::line(&entry.other) };
            Some(Row {
                tone: if sent { "" } else { "waits" },
                cells: vec![
                    Cell::toned(time::clock(entry.at_us), "num"),
                    Cell::toned(who, if nobody { "bad" } else { "" }),
                    visit.w(if entry.declined == "unsigned" { "web-why-unsigned" } else { "web-why-overdue" }).into(),
                    match sent {
                        true => Cell::toned(visit.w("web-called"), "good"),
                        false => Cell::toned(visible::line(&entry.text), "bad"),
                    },
                ],
            })
        }
        _ => None,
    });
    let parts = vec![Part::Table(Table {
        id: "calls",
        caption: visit.w("web-nav-calls"),
        heads: ["head-time", "web-called-whom", "web-called-why", "web-outcome"].map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        empty: visit.w("web-no-calls"),
        more: None,
    })];
    Ok(Page::new(visit.w("web-nav-calls"), parts))
}

/// Everything the station finds out about itself, with what to do.
async fn checks(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Operate)?;
    let request = CheckRequest { stage: "full".into() };
    let items = visit.web.api.check(Request::new(request)).await?.into_inner().items;
    let rows = items.iter().map(|item| {
        let hint = format!("check-{}-hint", item.id);
        let bad = item.severity() != Severity::Ok;
        let todo = if bad && visit.words.has(&hint) { visit.words.text(&hint) } else { String::new() };
        Row {
            tone: if bad { "waits" } else { "" },
            cells: vec![
                Cell::toned(
                    format!("{} {}", check::mark(item.severity()), item.severity().word(&visit.words)),
                    match item.severity() {
                        Severity::Ok => "good",
                        Severity::Warning => "warn",
                        Severity::Failure => "bad",
                    },
                ),
                check::sentence(item, &visit.names, &visit.words).into(),
                todo.into(),
            ],
        }
    });
    let parts = vec![Part::Table(Table {
        id: "checks",
        caption: visit.w("web-nav-check"),
        heads: ["head-state", "web-finding", "web-to-do"].map(|key| visit.w(key)).into(),
        rows: rows.collect(),
        empty: visit.w("list-empty"),
        more: None,
    })];
    Ok(Page::new(visit.w("web-nav-check"), parts))
}
