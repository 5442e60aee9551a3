//! We dial our parent, and keep trying: several addresses in turn, full-jitter back-off, one connection at a time. And the
//! ministry, past our parent, for as long as something is to go there directly ([`post::direct`](crate::post::direct)).

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use proto::v1::link_client::LinkClient;

use super::{
    outlet::Outlet,
    pieces::Pieces,
    session::{self, Ends},
    socket::{self, Network},
    trouble::Trouble,
};
use crate::{
    identity::{Identity, Neighbour},
    limits,
    post::retry,
    topology::Unit,
};

/// Dials the parent for as long as the station lives.
pub async fn keep(
    network: impl Network,
    ends: Ends,
    parent: Unit,
    endpoints: Vec<String>,
    identity: Arc<ArcSwap<Identity>>,
    pieces: Pieces,
) {
    let mut attempt = 0u32;
    let way = Way { network, ends, to: parent, neighbour: Neighbour::Parent, identity, pieces };
    for endpoint in endpoints.iter().cycle() {
        way.wait_while_paused().await;
        way.once_and_rest(endpoint, &mut attempt, std::future::pending()).await;
    }
}

/// Dials the ministry while something here is to go there directly, and hangs up when nothing has been for a while.
pub async fn keep_direct(
    network: impl Network,
    ends: Ends,
    ministry: Unit,
    endpoints: Vec<String>,
    identity: Arc<ArcSwap<Identity>>,
    pieces: Pieces,
) {
    let mut attempt = 0u32;
    let way = Way { network, ends, to: ministry, neighbour: Neighbour::Ministry, identity, pieces };
    for endpoint in endpoints.iter().cycle() {
        if !way.wants_direct().await {
            way.ends.board.let_go(&way.to);
            attempt = 0;
            if !way.until_wanted().await {
                return;
            }
        }
        way.wait_while_paused().await;
        way.once_and_rest(endpoint, &mut attempt, way.until_needless()).await;
    }
}

/// One way up.
struct Way<N> {
    network: N,
    ends: Ends,
    to: Unit,
    neighbour: Neighbour,
    identity: Arc<ArcSwap<Identity>>,
    pieces: Pieces,
}

impl<N: Network> Way<N> {
    /// One connection, and the pause after it.
    async fn once_and_rest(&self, endpoint: &str, attempt: &mut u32, needless: impl Future<Output = ()>) {
        let Self { ends, to, .. } = self;
        let began = ends.io.now();
        let failure = self.once(endpoint, needless).await;
        // A line that held for a while is not the same trouble as one that never came up.
        let held = ends.io.now().since(began) > limits::LINE_HOLDS;
        *attempt = if held { 1 } else { attempt.saturating_add(1) };
        let wait = retry::wait(*attempt, ends.me.as_str().as_bytes());
        let now = ends.io.now();
        tracing::info!(peer = %to, endpoint, failure, wait_ms = wait.as_millis(), "the line is down");
        ends.board.note(to, |line| {
            line.last_failure.clone_from(&failure);
            line.next_attempt = Some(now + wait);
        });
        tokio::time::sleep(wait).await;
    }

    async fn once(&self, endpoint: &str, needless: impl Future<Output = ()>) -> String {
        let identity = self.identity.load_full();
        let io = self.ends.io.clone();
        let (channel, peer) = match socket::dial_as(self.neighbour, &self.network, endpoint, &identity, io).await {
            Ok(dialled) => dialled,
            Err(error) => return error.trouble().says(error),
        };
        let mut client = LinkClient::new(channel)
            .max_decoding_message_size(limits::FRAME_BYTES_MAX)
            .max_encoding_message_size(limits::FRAME_BYTES_MAX);
        let (outlet, frames) = Outlet::new();
        let exchange = tokio::time::timeout(limits::HELLO_WITHIN, client.exchange(frames)).await;
        let incoming = match exchange {
            Err(_) => return Trouble::TimedOut.says("the station above did not answer in time"),
            Ok(Err(status)) => return session::said(&status),
            Ok(Ok(response)) => response.into_inner(),
        };
        let attachments = tokio::spawn(self.pieces.clone().dialled(client, self.to.clone()));
        let running = session::run(&self.ends, &peer, outlet, incoming);
        tokio::pin!(running);
        let failure = tokio::select! {
            failure = &mut running => failure,
            () = needless => {
                peer.cut(socket::Cut::Closed);
                running.await
            }
        };
        attachments.abort();
        peer.cut(socket::Cut::Closed);
        failure
    }

    async fn wait_while_paused(&self) {
        let Self { ends, to, .. } = self;
        let mut changes = ends.board.changes();
        while let Some(until) = ends.board.paused(to, ends.io.now()) {
            let rest = until.since(ends.io.now());
            tokio::select! {
                biased;
                () = tokio::time::sleep(rest) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn wants_direct(&self) -> bool {
        self.ends.engine.ask(|desk| desk.post.wants_direct()).await.unwrap_or(false)
    }

    /// `false`: the engine has ended.
    async fn until_wanted(&self) -> bool {
        let mut news = self.ends.engine.news();
        while !self.wants_direct().await {
            if !news.about(&[]).await {
                return false;
            }
        }
        true
    }

    /// What is answered should come back the same way, so the line stays for a while.
    async fn until_needless(&self) {
        let mut idle = Duration::ZERO;
        while idle < limits::DIRECT_LINGERS {
            tokio::time::sleep(limits::DIRECT_LOOKED_AT_EVERY).await;
            let parent_is_up = self.ends.engine.ask(|desk| {
                let me = desk.post.me();
                me.topology.parent(&me.unit).is_some_and(|parent| desk.post.is_up(parent))
            });
            let needed = !parent_is_up.await.unwrap_or(true) || self.wants_direct().await;
            idle = if needed { Duration::ZERO } else { idle + limits::DIRECT_LOOKED_AT_EVERY };
        }
    }
}
