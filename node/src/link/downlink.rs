//! Our children connect to us. Who they are comes from their certificates; the topology says who is a child.

use std::{pin::Pin, sync::Arc};

use arc_swap::ArcSwap;
use futures_util::{Stream, StreamExt as _};
use proto::v1::{
    self,
    link_server::{Link, LinkServer},
};
use tonic::{Request, Response, Status, Streaming};

use super::{
    allowance::Allowance,
    outlet::Outlet,
    pieces::Pieces,
    session::{self, Ends},
    socket::{self, Cut, Listener, Peer, Sessions},
    trouble::Trouble,
};
use crate::{
    identity::{Identity, readable},
    limits,
};

/// Serves the link to children.
pub struct Downlink {
    ends: Ends,
    pieces: Pieces,
    allowance: Allowance,
}

/// Answers children on this listener for as long as the station lives.
pub fn serve(
    listener: impl Listener,
    ends: Ends,
    pieces: Pieces,
    identity: Arc<ArcSwap<Identity>>,
    sessions: Sessions,
) {
    let incoming = socket::listen(listener, identity, sessions, ends.io.clone());
    let link = LinkServer::new(Downlink::new(ends, pieces))
        .max_decoding_message_size(limits::FRAME_BYTES_MAX)
        .max_encoding_message_size(limits::FRAME_BYTES_MAX);
    tokio::spawn(socket::server_builder().add_service(link).serve_with_incoming(incoming));
}

type Outgoing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Downlink {
    /// A downlink of this station.
    pub fn new(ends: Ends, pieces: Pieces) -> Self {
        Self { ends, pieces, allowance: Allowance::default() }
    }

    /// Who calls, if it may call now.
    fn caller<T>(&self, request: &Request<T>) -> Result<Peer, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        let peer = peer.ok_or_else(|| Status::unauthenticated("no certificate came with this connection"))?;
        if !self.allowance.takes(&peer.id.unit, self.ends.io.now()) {
            tracing::warn!(peer = %peer.id.unit, "it calls too often, and is told to wait");
            return Err(Status::resource_exhausted(
                "this station calls too often: wait some seconds between two calls",
            ));
        }
        Ok(peer)
    }
}

#[tonic::async_trait]
impl Link for Downlink {
    type ExchangeStream = Outgoing<v1::Frame>;
    type AttachmentsStream = Outgoing<v1::Piece>;

    async fn exchange(&self, request: Request<Streaming<v1::Frame>>) -> Result<Response<Self::ExchangeStream>, Status> {
        let peer = self.caller(&request)?;
        let unit = peer.id.unit.clone();
        if let Some(until) = self.ends.board.paused(&unit, self.ends.io.now()) {
            let kept_down = format!("an operator above keeps this line down until {}", readable(until));
            return Err(Status::unavailable(Trouble::Paused.says(kept_down)));
        }
        let incoming = request.into_inner();
        let (outlet, frames) = Outlet::new();
        let ends = self.ends.clone();
        tokio::spawn(async move {
            let failure = session::run(&ends, &peer, outlet, incoming).await;
            tracing::info!(peer = %unit, failure, "the line is down");
            // Frames already queued (a refusal, say) may still leave before the socket goes.
            peer.cut(Cut::Closed);
            ends.board.let_go(&unit);
        });
        Ok(Response::new(Box::pin(frames.map(Ok))))
    }

    async fn attachments(
        &self,
        request: Request<Streaming<v1::Piece>>,
    ) -> Result<Response<Self::AttachmentsStream>, Status> {
        let peer = self.caller(&request)?;
        Ok(Response::new(self.pieces.clone().answered(peer.id.unit, request.into_inner())))
    }
}
