//! Every bound in the system, with its unit and its reason. Queues that have none do not exist.

use std::time::Duration;

/// Bytes of one document's body. Longer texts belong in an attachment.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one attachment.
pub const ATTACHMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Attachments of one document.
pub const ATTACHMENTS_MAX: usize = 16;
/// Envelopes under one head: where the cost of a signature disappears (measured knee: 64–256).
pub const BLOCK_ENVELOPES_MAX: usize = 128;
/// Bytes under one head, unless a single envelope is larger.
pub const BLOCK_BYTES_MAX: usize = 128 * 1024;
/// Bytes of one frame on a link, and of one message on the local socket.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Bytes one commit may write: a 特提 waits for at most one of these.
pub const COMMIT_BYTES_MAX: usize = 512 * 1024;
/// Envelopes of one precedence in flight to one neighbour: small is fast, and nothing urgent waits behind more.
pub const IN_FLIGHT_ENVELOPES_MAX: u32 = 1024;
/// Blocks waiting for one neighbour. Beyond it intake is refused, and says so.
pub const QUEUED_BLOCKS_MAX: usize = 400_000;
/// Events waiting for the engine.
pub const INBOX_EVENTS_MAX: usize = 1024;
/// How long a lower precedence may be overtaken before one of its blocks goes first.
pub const STARVATION_AFTER: Duration = Duration::from_secs(30);
/// An offer without an answer is made again after this (then with back-off).
pub const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// First and longest wait before trying again.
pub const RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest wait before trying again.
pub const RETRY_LONGEST: Duration = Duration::from_secs(30);
/// TCP connect plus TLS handshake.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// The first HTTP/2 byte after the handshake: hyper has no timer of its own there.
pub const FIRST_BYTE_WITHIN: Duration = Duration::from_secs(5);
/// Connections still shaking hands, in all and per address.
pub const HANDSHAKES_MAX: usize = 256;
/// Connections still shaking hands per address. A province behind one address translator needs some room.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = 16;
/// Connections one certificate identity may hold: the old one may still be dying.
pub const CONNECTIONS_PER_IDENTITY_MAX: usize = 2;
/// HTTP/2 keepalive: ask after this silence …
pub const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
/// … and give up after that.
pub const KEEPALIVE_WITHIN: Duration = Duration::from_secs(10);
/// HTTP/2 streams of one connection.
pub const STREAMS_MAX: u32 = 16;
/// Locally reset streams before the connection is cut (off by default in tonic).
pub const RESET_STREAMS_MAX: usize = 64;
/// Bytes of one header list.
pub const HEADER_LIST_BYTES_MAX: u32 = 8 * 1024;
/// HTTP/2 windows: 1 MiB carries full speed, 64 KiB costs a third of it.
pub const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// HTTP/2 window of the connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
/// HTTP/2 frame size.
pub const H2_FRAME_BYTES: u32 = 256 * 1024;
