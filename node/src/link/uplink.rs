//! We dial our parent, and keep trying: several addresses in turn, full-jitter back-off, one connection at a time.

use std::sync::Arc;

use arc_swap::ArcSwap;
use proto::v1::link_client::LinkClient;

use super::{
    outlet::Outlet,
    pieces::Pieces,
    session::{self, Ends},
    socket::{self, Network},
    trouble::Trouble,
};
use crate::{identity::Identity, limits, post::retry, topology::Unit};

/// Dials for as long as the station lives.
pub async fn keep(
    network: impl Network,
    ends: Ends,
    parent: Unit,
    endpoints: Vec<String>,
    identity: Arc<ArcSwap<Identity>>,
    pieces: Pieces,
) {
    let mut attempt = 0u32;
    for endpoint in endpoints.iter().cycle() {
        wait_while_paused(&ends, &parent).await;
        let began = ends.io.now();
        let failure = once(&network, &ends, &parent, endpoint, &identity, &pieces).await;
        // A line that held for a while is not the same trouble as one that never came up.
        let held = ends.io.now().since(began) > limits::LINE_HOLDS;
        attempt = if held { 1 } else { attempt.saturating_add(1) };
        let wait = retry::wait(attempt, ends.me.as_str().as_bytes());
        let now = ends.io.now();
        tracing::info!(peer = %parent, endpoint, failure, wait_ms = wait.as_millis(), "the line is down");
        ends.board.note(&parent, |line| {
            line.last_failure.clone_from(&failure);
            line.next_attempt = Some(now + wait);
        });
        tokio::time::sleep(wait).await;
    }
}

async fn once(
    network: &impl Network,
    ends: &Ends,
    parent: &Unit,
    endpoint: &str,
    identity: &ArcSwap<Identity>,
    pieces: &Pieces,
) -> String {
    let identity = identity.load_full();
    let (channel, peer) = match socket::dial(network, endpoint, &identity, ends.io.clone()).await {
        Ok(dialled) => dialled,
        Err(error) => return error.trouble().says(error),
    };
    let mut client = LinkClient::new(channel)
        .max_decoding_message_size(limits::FRAME_BYTES_MAX)
        .max_encoding_message_size(limits::FRAME_BYTES_MAX);
    let (outlet, frames) = Outlet::new();
    let exchange = tokio::time::timeout(limits::HELLO_WITHIN, client.exchange(frames)).await;
    let incoming = match exchange {
        Err(_) => return Trouble::TimedOut.says("the parent did not answer in time"),
        Ok(Err(status)) => return session::said(&status),
        Ok(Ok(response)) => response.into_inner(),
    };
    let attachments = tokio::spawn(pieces.clone().dialled(client, parent.clone()));
    let failure = session::run(ends, &peer, outlet, incoming).await;
    attachments.abort();
    peer.cut(socket::Cut::Closed);
    failure
}

async fn wait_while_paused(ends: &Ends, parent: &Unit) {
    let mut changes = ends.board.changes();
    while let Some(until) = ends.board.paused(parent, ends.io.now()) {
        let rest = until.since(ends.io.now());
        tokio::select! {
            biased;
            () = tokio::time::sleep(rest) => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}
