//! The sockets links run on: TCP, TLS, and the limits a stranger meets before anything of ours runs.
//!
//! ```text
//! listen: accept → cap per address and in all → TLS within 5 s → h2 → cap per station → tonic
//! dial:   connect → TLS → h2 → the parent's first byte → channel           (all within 5 s)
//! ```
//!
//! Promises: who is at the other end ([`Peer`]) is what its certificate says and nothing else; a connection ends at
//! once, idle or not, when its certificate does, when its station loses its place, or when its owner says so; nobody
//! who has not shown a certificate can keep out one who has; every limit of HTTP/2 that tonic lets us set is set,
//! none of those is left to a library's default.

mod counted;
mod dial;
mod listen;
mod network;
mod peer;
mod pending;
mod sessions;
#[cfg(test)]
mod tests;

use tonic::transport::Server;

pub(crate) use self::dial::dial_as;
pub use self::{
    dial::{DialError, dial, dial_over},
    listen::{HandshakeError, accept_over, listen},
    network::{Listener, Network, Stream, Tcp},
    peer::{Cut, Peer, PeerIo},
    sessions::Sessions,
};
use crate::limits;

/// Streams reset by the other side before we took them up: the rapid-reset brake. Streams are few, so resets are too.
const PENDING_RESETS_MAX: usize = 8;

/// A tonic server with every limit set. `None` means *no limit* to tonic, also where hyper would have one.
pub fn server_builder() -> Server {
    Server::builder()
        .accept_http1(false)
        .max_concurrent_streams(limits::STREAMS_MAX)
        .http2_max_local_error_reset_streams(Some(limits::RESET_STREAMS_MAX))
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_header_list_size(limits::HEADER_LIST_BYTES_MAX)
        .max_frame_size(limits::H2_FRAME_BYTES)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .http2_adaptive_window(Some(false))
        .http2_keepalive_interval(Some(limits::KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(limits::KEEPALIVE_WITHIN))
        // Until a handler answers, that is: a stream that has been answered may stay open for weeks.
        .timeout(limits::ANSWER_WITHIN)
}
