//! Every bound in the system, with its unit and its reason. Queues that have none do not exist.

use std::time::Duration;

/// Bytes of one document's body. Longer texts belong in an attachment.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one attachment.
pub const ATTACHMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Attachments of one document.
pub const ATTACHMENTS_MAX: usize = 16;
/// Points one report says one by one: many times what the longest form has.
pub const PARTICULARS_MAX: usize = 256;
/// The largest count a report may state: more than all who ever sat the exam. Beyond it somebody mistyped.
pub const COUNT_MAX: u64 = 10_000_000;
/// How far in the future a moment may lie that has happened: clocks differ a little.
pub const AHEAD: Duration = Duration::from_secs(5 * 60);
/// Envelopes under one head: where the cost of a signature disappears (measured knee: 64–256).
pub const BLOCK_ENVELOPES_MAX: usize = 128;
/// Bytes under one head, unless a single envelope is larger.
pub const BLOCK_BYTES_MAX: usize = 128 * 1024;
/// Bytes of one frame on a link, and of one message on the local socket.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Bytes one commit may write: a 特提 waits for at most one of these.
pub const COMMIT_BYTES_MAX: usize = 192 * 1024;
/// Envelopes of one precedence in flight to one neighbour: small is fast, and nothing urgent waits behind more.
pub const IN_FLIGHT_ENVELOPES_MAX: u32 = 256;
/// Bytes of one precedence in flight to one neighbour, where bodies are long.
pub const IN_FLIGHT_BYTES_MAX: usize = 512 * 1024;
/// The same on a new connection: it doubles with each window that is answered soon.
pub const IN_FLIGHT_BYTES_FIRST: usize = 32 * 1024;
/// The same on the slowest line, where it is halved with each window that is answered late.
pub const IN_FLIGHT_BYTES_LEAST: usize = 4 * 1024;
/// An answer within this is soon …
pub const SOON: Duration = Duration::from_millis(500);
/// … and one after this is late: what is urgent waits behind what is in flight.
pub const LATE: Duration = Duration::from_secs(4);
/// Bytes a second that any line carries which is of use at all: waiting for an answer takes this into account.
pub const SLOWEST_LINE: u64 = 500;
/// Blocks waiting for one neighbour. Beyond it intake is refused, and says so.
pub const QUEUED_BLOCKS_MAX: usize = 400_000;
/// Commands waiting for the engine, in each of its two lanes. One may carry a frame.
pub const INBOX_COMMANDS_MAX: usize = 64;
/// How long an answer that frees nothing waits for a commit it can share: a few commits.
pub const ANSWERS_WAIT: Duration = Duration::from_millis(5);
/// How often a station looks whether time alone has changed anything, while something waits.
pub const TICK_EVERY: Duration = Duration::from_millis(500);
/// The first frame of a connection says hello within this, on the slowest of lines.
pub const HELLO_WITHIN: Duration = Duration::from_secs(30);
/// So many times between two heartbeats nothing may arrive, not a byte, before a line counts as dead.
pub const HEARTBEATS_MISSED_MAX: u32 = 2;
/// How long a lower precedence may be overtaken before one of its blocks goes first.
pub const STARVATION_AFTER: Duration = Duration::from_secs(30);
/// An offer without an answer is made again after this (then with back-off).
pub const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// First and longest wait before trying again.
pub const RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest wait before trying again: a line that heals is used again within this.
pub const RETRY_LONGEST: Duration = Duration::from_secs(10);
/// A line that held for this long is not to blame for the failures before it.
pub const LINE_HOLDS: Duration = Duration::from_secs(2);
/// Certificates that end sooner than this after an exam are not ready for it.
pub const CERTIFICATES_OUTLIVE: Duration = Duration::from_secs(86_400);
/// Clocks that differ by more are not ready for an exam.
pub const CLOCKS_APART: Duration = Duration::from_secs(1);
/// A disk with less free is not ready for an exam.
pub const DISK_FREE_LEAST: u64 = 1024 * 1024 * 1024;
/// Turns of one roster.
pub const TURNS_MAX: usize = 128;
/// Reports one 汇总 quotes.
pub const QUOTES_MAX: usize = 64;
/// Names in the 知悉范围 of one document.
pub const READERS_MAX: usize = 32;
/// A line straight to the ministry stays this long after it was last needed, for the answers.
pub const DIRECT_LINGERS: Duration = Duration::from_secs(600);
/// How often it is looked at whether it still is.
pub const DIRECT_LOOKED_AT_EVERY: Duration = Duration::from_secs(5);
/// TCP connect plus TLS handshake: the certificates alone take eight seconds on a line of 9.6 kbit/s.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(20);
/// The first HTTP/2 byte after the handshake: hyper has no timer of its own there.
pub const FIRST_BYTE_WITHIN: Duration = Duration::from_secs(10);
/// Connections still shaking hands, in all and per address.
pub const HANDSHAKES_MAX: usize = 256;
/// Connections still shaking hands per address. A province behind one address translator needs some room.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = 16;
/// Connections one certificate identity may hold: the old one may still be dying.
pub const CONNECTIONS_PER_IDENTITY_MAX: usize = 2;
/// Calls one neighbour may make at once. A connection is two of them: envelopes and attachments.
pub const CALLS_AT_ONCE_MAX: u32 = 32;
/// Afterwards it may make one more each time this has passed.
pub const CALL_EVERY: Duration = Duration::from_secs(1);
/// How long a connection lives, give or take a fifth: so that keys are fresh and nothing stale lives on unnoticed.
pub const CONNECTION_AGE: Duration = Duration::from_secs(12 * 60 * 60);
/// HTTP/2 keepalive: ask after this silence …
pub const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
/// … and give up after that. Long, because on a slow line the question waits behind all that was written before; whether
/// a line carries anything is seen by the bytes that arrive.
pub const KEEPALIVE_WITHIN: Duration = Duration::from_secs(10 * 60);
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
/// Another head follows within this, or the office is silent.
pub const HEAD_EVERY: Duration = Duration::from_secs(60);
/// A missing number is asked for after this: it may only be overtaken on another path.
pub const GAP_PATIENCE: Duration = Duration::from_secs(5);
/// Channels a hello says how far they were heard: many times what a province has.
pub const HEARD_CHANNELS_MAX: usize = 8192;
/// Blocks offered again for one question about missing numbers.
pub const MISSED_BLOCKS_MAX: usize = 1024;
/// Notices about late and refused blocks given in one turn; the others follow in the next.
pub const NOTICES_A_TURN_MAX: usize = 256;
/// Runs kept of one channel's numbers: a channel torn into more pieces than this is refused until gaps close. They
/// share a row.
pub const GAPS_MAX: usize = 128;
/// Bytes of one row of the index, key and value together: seventeen of them, a full node, stay far below what sled
/// would put into a file it never syncs. Whatever goes into a row is bounded so that it fits.
pub const ROW_BYTES_MAX: usize = 4096;
/// Rows written before they are drained into the index.
pub const UNDRAINED_ROWS_MAX: usize = 8192;
/// Documents one list answers with.
pub const LIST_MAX: usize = 1000;
/// Blocks one look-up or list reads at the most: some ten milliseconds in which nothing urgent can be taken in.
pub const SCAN_BLOCKS_MAX: usize = 512;
/// Documents that are not urgent whose creation is recorded as a trace, a second: enough for people, little for bulk.
pub const TRACES_A_SECOND_MAX: u32 = 10;
/// Recorded blocks whose handing-on is followed. Those beyond it travel all the same, with that span missing.
pub const TRACED_BLOCKS_MAX: usize = 1024;
/// Bytes of a name: an officer's, a document's number, a key to file under.
pub const NAME_BYTES_MAX: usize = 255;
/// Bytes of what is said about a document in passing: the note to a signature, the reason of a refusal.
pub const NOTE_BYTES_MAX: usize = 2048;
/// Acts of persons kept of one envelope. Offices are few, and so is what each may do.
pub const ACTS_MAX: usize = 64;
/// Bytes of old records looked at in one go when a segment is given up, and at most written again: a 特提 that comes
/// meanwhile waits for one of these.
pub const TIDY_BYTES: usize = 128 * 1024;
/// The pause between two of them while nothing else is to be done; while there is, [`TICK_EVERY`] is.
pub const TIDY_PAUSE: Duration = Duration::from_millis(5);
/// How often a station looks whether giving up segments would pay.
pub const TIDY_LOOK_EVERY: Duration = Duration::from_secs(10);
/// Segments given up at the cost of one baseline, if that alone would pay.
pub const TIDY_SEGMENTS: usize = 16;
/// How often files that no document has any more are looked for.
pub const FORGET_FILES_EVERY: Duration = Duration::from_secs(600);
/// Bytes of the journal read again in one go to see that they are still what was written.
pub const PATROL_BYTES: usize = 1024 * 1024;
/// How often, while nothing else is to be done: a hundred gigabytes in a fortnight.
pub const PATROL_EVERY: Duration = Duration::from_secs(10);
/// When the next round begins after one has come to its end.
pub const PATROL_AGAIN: Duration = Duration::from_secs(600);
/// Bytes of a policy: it travels as one document.
pub const POLICY_BYTES_MAX: usize = 128 * 1024;
/// Bytes of a policy's version: it stands in every header.
pub const POLICY_VERSION_BYTES_MAX: usize = 32;
/// The longest anybody may be given for a duty.
pub const DUTY_LIMIT_MAX: Duration = Duration::from_secs(366 * 86_400);
/// Incidents whose obligations are listed in one go.
pub const INCIDENTS_LISTED_MAX: usize = 200;
/// Bytes of a topic documents are found under.
pub const TOPIC_BYTES_MAX: usize = 64;
/// Members of a group that may decide, and so votes on a decision.
pub const MEMBERS_MAX: usize = 64;
/// Persons and offices one assessment commends.
pub const COMMENDED_MAX: usize = 64;
/// People one directive sends.
pub const PEOPLE_SENT_MAX: usize = 32;
/// Bytes of the name of an hour at which a 平安报 is owed: with its first word it is a topic.
pub const SLOT_BYTES_MAX: usize = 48;
/// Bytes of what a point of preparation is called.
pub const POINT_BYTES_MAX: usize = 32;
/// How long before an exam its preparation begins: what was said earlier was said of another.
pub const PREPARED_WITHIN: Duration = Duration::from_secs(60 * 86_400);
/// How long before its hour a 平安报 may be written.
pub const NIL_BEFORE: Duration = Duration::from_secs(30 * 60);
/// How long after its hour a 平安报 that did not come is told of.
pub const NIL_TOLD_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long a session at the desk may be left alone, unless the configuration says otherwise.
pub const IDLE: Duration = Duration::from_secs(15 * 60);
