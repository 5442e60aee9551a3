//! 通知: whoever has the desk is called when something waits for him and he does not sit before it.
//!
//! Promises: no text that leaves the station this way has content, only that something waits and how urgent it is; every
//! call is in the journal with what came of it, and so is that nobody could be called; nobody is called twice by one route
//! for one thing, not after a restart either; a drill calls nobody unless a route says so. Who is called when is decided by
//! [`route`], which knows no clock and no network; [`means`] carries it out.

pub mod means;
pub mod route;

use std::{sync::Arc, time::Duration};

use proto::v1::{
    self, Box, Classification, Document, FileRequest, Kind, ListRequest, LogEntry, LogMatter, ObligationsRequest,
    RosterRequest, Status, Verdict, document::Content, station_server::Station as _,
};
use tonic::Request;

use self::{
    means::Means,
    route::{Call, Told, Waiting, Why},
};
use crate::{
    cli::{terms::Listed as _, words::Words},
    config::Notify,
    desk::api::Api,
    post::envelope::DocId,
};

/// How often it is looked who waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Lines of the log that are read after a start: what was told before.
const REMEMBERED: u32 = 1000;
/// Documents looked at; the oldest of them come first.
const LOOKED_AT: u32 = 100;
/// Who writes these lines of the log.
pub const STATION: &str = "station";
/// The route of a call that nobody got.
pub const NOBODY: &str = "–";

/// Calls for as long as the station lives.
pub async fn keep_calling(config: Notify, api: Api, words: Words) {
    let means = Arc::new(Means::default());
    let mut told = remembered(&api).await;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(waiting) = waiting(&api).await else { continue };
        told.keep(&waiting);
        for call in route::due(&config.routes, &waiting, &told, api.io.now()) {
            let outcome = match &call {
                Call::Route(route, one) => {
                    let text = text(one, &api, &words);
                    let number = number(&api, route).await;
                    means.deliver(route, number.as_deref(), &text, one).await
                }
                Call::Nobody(_) => Err("no route".to_owned()),
            };
            if let Err(why) = &outcome {
                tracing::error!(route = call.route(), why, about = call.waiting().number, "nobody was called");
            }
            note(&api, &call, &outcome).await;
            told.add(&call, outcome.is_ok(), api.io.now());
        }
    }
}

/// What waits for somebody here.
async fn waiting(api: &Api) -> Option<Vec<Waiting>> {
    let request = ListRequest { r#box: Box::Unsigned.into(), limit: LOOKED_AT, ..Default::default() };
    let unsigned = api.list(Request::new(request)).await.ok()?.into_inner().documents;
    let mut all: Vec<_> = unsigned
        .iter()
        .filter_map(|view| {
            let header = view.header.as_ref()?;
            let grade = match view.document.as_ref().and_then(|document| document.content.as_ref()) {
                Some(Content::Report(report)) => report.grade(),
                _ => v1::Grade::Unspecified,
            };
            Some(Waiting {
                about: DocId::from_slice(&view.id)?,
                number: header.number.clone(),
                why: Why::Unsigned,
                precedence: header.precedence(),
                grade,
                status: header.status(),
                since_us: view.arrived_us,
            })
        })
        .collect();
    let me = api.around.identity.load().unit().to_string();
    let request = ObligationsRequest { owner: me, ..Default::default() };
    let owed = api.list_obligations(Request::new(request)).await.ok()?.into_inner().obligations;
    let late = owed.iter().filter(|one| one.verdict() == Verdict::Overdue);
    all.extend(late.filter_map(|one| {
        Some(Waiting {
            about: DocId::from_slice(&one.incident_id)?,
            number: one.incident.clone(),
            why: Why::Overdue(one.row.clone()),
            precedence: v1::Precedence::TeJi,
            grade: v1::Grade::Unspecified,
            status: one.status(),
            since_us: one.due_us,
        })
    }));
    Some(all)
}

/// That something waits, how urgent, and where. Not what.
fn text(one: &Waiting, api: &Api, words: &Words) -> String {
    let me = api.around.identity.load().unit().to_string();
    let office = api.around.topology.place(&me).map_or(me.as_str(), |place| place.name.as_str());
    let status = match one.status {
        Status::Actual => String::new(),
        status => words.say("notify-not-real", &[("status", status.word(words).into())]),
    };
    let args =
        [("office", office.into()), ("precedence", one.precedence.word(words).into()), ("status", status.into())];
    match one.why {
        Why::Unsigned => words.say("notify-unsigned", &args),
        Why::Overdue(_) => words.say("notify-overdue", &args),
    }
}

/// The number a route calls: its own, or that of whoever's turn it is.
async fn number(api: &Api, route: &route::Route) -> Option<String> {
    match &route.to {
        route::To::Number { number, .. } if number == route::ROSTER => {
            let roster = api.list_roster(Request::new(RosterRequest::default())).await.ok()?.into_inner();
            let me = api.around.identity.load().unit().to_string();
            let mine = roster.units.into_iter().find(|unit| unit.unit == me)?;
            mine.turn.map(|turn| turn.phone).filter(|phone| !phone.trim().is_empty())
        }
        route::To::Number { number, .. } => Some(number.clone()),
        _ => None,
    }
}

async fn note(api: &Api, call: &Call<'_>, outcome: &Result<(), String>) {
    let waiting = call.waiting();
    let entry = LogEntry {
        matter: LogMatter::Notified.into(),
        other: call.route().to_owned(),
        text: outcome.as_ref().map_or_else(|why| format!("failed: {why}"), |()| "sent".to_owned()),
        declined: waiting.why.word(),
        ..Default::default()
    };
    let request = FileRequest {
        document: Some(Document { content: Some(Content::LogEntry(entry)) }),
        kind: Kind::LogEntry.into(),
        status: Status::Actual.into(),
        precedence: waiting.precedence.into(),
        classification: Classification::Internal.into(),
        officer: STATION.into(),
        refers_to: waiting.about.to_string(),
        ..Default::default()
    };
    if let Err(status) = api.file(Request::new(request)).await {
        tracing::warn!(%status, route = call.route(), "this call is not in the journal");
    }
}

/// What was told before the station was started.
async fn remembered(api: &Api) -> Told {
    let request = ListRequest {
        r#box: Box::Filed.into(),
        kinds: vec![Kind::LogEntry.into()],
        limit: REMEMBERED,
        ..Default::default()
    };
    let mut told = Told::default();
    let Ok(listed) = api.list(Request::new(request)).await else { return told };
    for view in listed.into_inner().documents {
        let Some(Content::LogEntry(entry)) = view.document.and_then(|document| document.content) else { continue };
        if entry.matter() == LogMatter::Notified
            && let Some(about) = DocId::from_slice(&entry.about)
            && (entry.text == "sent" || entry.other == NOBODY)
        {
            told.before(about, &entry.declined, &entry.other);
        }
    }
    told
}
