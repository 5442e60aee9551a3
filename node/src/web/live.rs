//! What changes while a page is open: its parts, sent again when they differ from what was sent last.
//!
//! The stream asks for the page as the page was asked for, so nothing is pushed that could not be seen. Nothing is buffered
//! for a slow browser: it gets the newest, whenever it can take it. A beat says that the line to the browser is alive.

use std::{collections::BTreeMap, convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{
    Web,
    visit::{self, Visit},
};

/// Ages grow and lines fall without a turn of the engine.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// However much happens, a page changes no more often than this.
const NO_SOONER: Duration = Duration::from_millis(400);
/// Streams at once: more than all desks of an office, and each costs a look a second.
const STREAMS_MAX: usize = 64;

static OPEN: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(STREAMS_MAX);

/// `GET /events?view=PATH`
pub(super) async fn events(
    State(web): State<Web>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Ok(place) = OPEN.try_acquire() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let Some(view) = seen_at(&uri) else { return StatusCode::BAD_REQUEST.into_response() };
    let (out, events) = mpsc::channel::<Result<Event, Infallible>>(1);
    tokio::spawn(async move {
        let _place = place;
        keep_showing(web, from, headers, view, out).await;
    });
    let stream = Sse::new(ReceiverStream::new(events)).keep_alive(KeepAlive::new().interval(Duration::from_secs(10)));
    ([("x-accel-buffering", "no")], stream).into_response()
}

/// The page a stream is for, as its own address.
fn seen_at(uri: &Uri) -> Option<Uri> {
    let mut query = visit::query(uri);
    let path = query.remove("view").filter(|path| path.starts_with('/'))?;
    let rest: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let path = path.split('/').map(encoded).collect::<Vec<_>>().join("/");
    format!("{path}?{rest}").parse().ok()
}

fn encoded(segment: &str) -> String {
    form_urlencoded::byte_serialize(segment.as_bytes()).collect::<String>().replace('+', "%20")
}

async fn keep_showing(
    web: Web,
    from: SocketAddr,
    headers: HeaderMap,
    uri: Uri,
    out: mpsc::Sender<Result<Event, Infallible>>,
) {
    let mut turns = web.api.engine.turns();
    let mut sent = BTreeMap::<String, String>::new();
    let mut locked = None;
    loop {
        let Ok(visit) = Visit::of(&web, &headers, &uri, from, false).await else {
            // Browsers pass over an event that has no data.
            drop(out.send(Ok(Event::default().event("leave").data("–"))).await);
            return;
        };
        // Locked or unlocked since: another page altogether.
        if locked.replace(visit.who.locked).is_some_and(|before| before != visit.who.locked) {
            drop(out.send(Ok(Event::default().event("resync").data("–"))).await);
            return;
        }
        let parts = visit.current().await;
        let first = sent.is_empty();
        let changed: Vec<_> = parts.into_iter().filter(|(id, html)| sent.get(id) != Some(html)).collect();
        for (id, html) in changed {
            let data = json!({ "id": id, "html": html }).to_string();
            sent.insert(id, html);
            // The page has just been loaded; what it shows is what would be sent.
            if !first && out.send(Ok(Event::default().event("part").data(data))).await.is_err() {
                return;
            }
        }
        if out.send(Ok(Event::default().event("beat").data((visit.now.us() / 1000).to_string()))).await.is_err() {
            return;
        }
        tokio::time::sleep(NO_SOONER).await;
        tokio::select! {
            () = out.closed() => return,
            () = tokio::time::sleep(LOOK_EVERY - NO_SOONER) => {}
            changed = turns.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_for_one_page_with_what_that_was_asked_for() {
        let uri: Uri = "/events?view=%2Fm%2FR-1&filed=4".parse().unwrap();
        assert_eq!(seen_at(&uri).unwrap().to_string(), "/m/R-1?filed=4");
        assert!(seen_at(&"/events".parse().unwrap()).is_none());
        assert!(seen_at(&"/events?view=https%3A%2F%2Fa".parse().unwrap()).is_none());
    }
}
