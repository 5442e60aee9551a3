//! The rows on one page: every kind of key, what its value is, and who folds it.
//!
//! First bytes and layouts are on disk: **keep them stable**. Numbers are big-endian, so order of keys is order of
//! numbers. The whole of it can be rebuilt from the journal.

use bytes::Bytes;
use proto::v1::{self, Stage};

use super::envelope::{Channel, DocId, Place, Run};
use crate::topology::Unit;

/// Builds keys.
struct Key(Vec<u8>);

impl Key {
    fn of(kind: u8) -> Self {
        Self(vec![kind])
    }
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
    fn u64(self, n: u64) -> Self {
        self.bytes(&n.to_be_bytes())
    }
    /// Length first, so that no text can run into what follows.
    fn text(self, text: &str) -> Self {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        self.bytes(&[length]).bytes(text.as_bytes())
    }
    fn channel(self, channel: &Channel) -> Self {
        let speed = u8::try_from(i32::from(channel.precedence)).unwrap_or(u8::MAX);
        self.text(channel.origin.as_str()).bytes(&channel.epoch.0).text(channel.destination.as_str()).bytes(&[speed])
    }
}

/// `m` name → a value of the station itself: `epoch` (16 bytes), `arrivals`, `unsigned`, `ended`, `lost` (u64).
pub fn meta(name: &str) -> Vec<u8> {
    Key::of(b'm').text(name).0
}

/// `o` destination, precedence → [`TipRow`]: where our own channel stands in the present epoch.
pub fn out(destination: &Unit, precedence: v1::Precedence) -> Vec<u8> {
    let speed = u8::try_from(i32::from(precedence)).unwrap_or(u8::MAX);
    Key::of(b'o').text(destination.as_str()).bytes(&[speed]).0
}

/// All of them.
pub const OUT: &[u8] = b"o";

/// `h` channel → [`HeardRow`]: what has been heard of another's channel.
pub fn heard(channel: &Channel) -> Vec<u8> {
    Key::of(b'h').channel(channel).0
}

/// All of them.
pub const HEARD: &[u8] = b"h";

/// The channel that follows the first byte of an `h`, `s`, `d` or `l` key.
pub fn channel_of(key: &[u8]) -> Option<Channel> {
    let text = |from: usize| -> Option<(&str, usize)> {
        let to = from + 1 + usize::from(*key.get(from)?);
        Some((std::str::from_utf8(key.get(from + 1..to)?).ok()?, to))
    };
    let (origin, at) = text(1)?;
    let epoch = key.get(at..at + 16)?;
    let (destination, at) = text(at + 16)?;
    Channel::of(origin, epoch, destination, i32::from(*key.get(at)?)).ok()
}

/// `a` arrival → [`BlockRow`]: a block that is here, in the order blocks became durable here.
pub fn arrival(arrival: u64) -> Vec<u8> {
    Key::of(b'a').u64(arrival).0
}

/// All of them.
pub const ARRIVAL: &[u8] = b"a";

/// Reads the number back from an `a`, `q` or `w` key: its last eight bytes.
pub fn arrival_of(key: &[u8]) -> u64 {
    key.last_chunk().map_or(0, |last| u64::from_be_bytes(*last))
}

/// `s` channel, first → arrival (u64): which block holds a number.
pub fn by_number(channel: &Channel, number: u64) -> Vec<u8> {
    Key::of(b's').channel(channel).u64(number).0
}

/// All blocks of one channel.
pub fn numbers(channel: &Channel) -> Vec<u8> {
    Key::of(b's').channel(channel).0
}

/// All blocks one office wrote.
pub fn numbers_of(origin: &Unit) -> Vec<u8> {
    Key::of(b's').text(origin.as_str()).0
}

/// `t` sealed at (µs), arrival → nothing: blocks by the moment in their documents' ids.
pub fn by_time(sealed_at_us: i64, arrival: u64) -> Vec<u8> {
    Key::of(b't').u64(sealed_at_us.max(0).unsigned_abs()).u64(arrival).0
}

/// `u` series, number, arrival → the last of that series in the block (u64): which block holds a number people use.
pub fn numbered(series: &str, number: u64, arrival: u64) -> Vec<u8> {
    Key::of(b'u').text(series).u64(number).u64(arrival).0
}

/// Splits what people call a document into its series and its place there: `R-420100-0919-0007` → `R-420100-0919`, 7.
pub fn series_of(number: &str) -> Option<(&str, u64)> {
    let (series, place) = number.rsplit_once('-')?;
    Some((series, place.parse().ok()?))
}

/// `q` peer, arrival → [`QueueRow`]: a block that waits for a neighbour.
pub fn queued(peer: &Unit, arrival: u64) -> Vec<u8> {
    Key::of(b'q').text(peer.as_str()).u64(arrival).0
}

/// All of them.
pub const QUEUED: &[u8] = b"q";

/// The peer in a `q` key.
pub fn queued_peer(key: &[u8]) -> Option<Unit> {
    let length = usize::from(*key.get(1)?);
    Unit::parse(std::str::from_utf8(key.get(2..2 + length)?).ok()?).ok()
}

/// `x` when (µs), arrival, stage → nothing: the time a block was given, while it matters here.
pub fn due(at_us: i64, arrival: u64, stage: Stage) -> Vec<u8> {
    let stage = u8::try_from(i32::from(stage)).unwrap_or(u8::MAX);
    Key::of(b'x').u64(at_us.max(0).unsigned_abs()).u64(arrival).bytes(&[stage]).0
}

/// All of them.
pub const DUE: &[u8] = b"x";

/// Reads an `x` key back.
pub fn due_of(key: &[u8]) -> Option<(i64, u64, Stage)> {
    let key: &[u8; 18] = key.try_into().ok().filter(|key: &&[u8; 18]| key.starts_with(DUE))?;
    let (at, rest) = key[1..].split_first_chunk::<8>()?;
    let (arrival, stage) = rest.split_first_chunk::<8>()?;
    let at_us = i64::try_from(u64::from_be_bytes(*at)).ok()?;
    Some((at_us, u64::from_be_bytes(*arrival), Stage::try_from(i32::from(*stage.first()?)).ok()?))
}

/// `w` arrival → bitmap (u128) of the envelopes in it that wait for a signature here.
pub fn unsigned(arrival: u64) -> Vec<u8> {
    Key::of(b'w').u64(arrival).0
}

/// All of them.
pub const UNSIGNED: &[u8] = b"w";

/// `d` channel, first, stage, station → [`MarkRow`]: a stage a whole run has reached without a person.
pub fn reached(channel: &Channel, first: u64, stage: Stage, station: &str) -> Vec<u8> {
    let stage = u8::try_from(i32::from(stage)).unwrap_or(u8::MAX);
    Key::of(b'd').channel(channel).u64(first).bytes(&[stage]).text(station).0
}

/// Bounds of the `d` rows of a channel whose run begins at or before `number`.
pub fn reached_up_to(channel: &Channel, number: u64) -> (Vec<u8>, Vec<u8>) {
    let from = Key::of(b'd').channel(channel).0;
    let to = Key::of(b'd').channel(channel).u64(number.saturating_add(1)).0;
    (from, to)
}

/// The number a `d` key of this channel begins at.
pub fn first_of_mark(key: &[u8], channel: &Channel) -> u64 {
    let prefix = reached_up_to(channel, 0).0.len();
    key.get(prefix..prefix + 8).and_then(|n| n.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// `l` channel, number, index → [`StageView`](v1::StageView): one thing a person did with one envelope, in the order it
/// became known here.
pub fn act(channel: &Channel, number: u64, index: u32) -> Vec<u8> {
    Key::of(b'l').channel(channel).u64(number).bytes(&index.to_be_bytes()).0
}

/// All of one envelope.
pub fn acts(channel: &Channel, number: u64) -> Vec<u8> {
    Key::of(b'l').channel(channel).u64(number).0
}

/// Bounds of the `d` rows of marks that begin within a run.
pub fn reached_in(run: &Run) -> (Vec<u8>, Vec<u8>) {
    let at = |number: u64| Key::of(b'd').channel(&run.channel).u64(number).0;
    (at(run.first), at(run.last().saturating_add(1)))
}

/// Bounds of the `l` rows of a run.
pub fn acts_in(run: &Run) -> (Vec<u8>, Vec<u8>) {
    (acts(&run.channel, run.first), acts(&run.channel, run.last().saturating_add(1)))
}

/// `i` incident, origin, position → [`Locator`]: the documents of an incident after its first.
pub fn of_incident(incident: DocId, origin: &str, position: u32) -> Vec<u8> {
    Key::of(b'i').bytes(&incident.0).text(origin).bytes(&position.to_be_bytes()).0
}

/// All of one incident.
pub fn incident(incident: DocId) -> Vec<u8> {
    Key::of(b'i').bytes(&incident.0).0
}

/// `j` incident, document → [`Locator`]: a document about an incident, outside of its chain.
pub fn beside(incident: DocId, document: DocId) -> Vec<u8> {
    Key::of(b'j').bytes(&incident.0).bytes(&document.0).0
}

/// All of one incident.
pub fn all_beside(incident: DocId) -> Vec<u8> {
    Key::of(b'j').bytes(&incident.0).0
}

/// `r` sealed at (µs), arrival → ids in order, 16 bytes each: the incidents that began in a block, of those this office
/// is not done with.
pub fn open(sealed_at_us: i64, arrival: u64) -> Vec<u8> {
    Key::of(b'r').u64(sealed_at_us.max(0).unsigned_abs()).u64(arrival).0
}

/// All of them.
pub const OPEN: &[u8] = b"r";

/// Reads an `r` key back.
pub fn open_of(key: &[u8]) -> Option<(i64, u64)> {
    let (sealed_us, arrival) = key.strip_prefix(OPEN)?.split_first_chunk()?;
    Some((i64::try_from(u64::from_be_bytes(*sealed_us)).ok()?, u64::from_be_bytes(arrival.try_into().ok()?)))
}

/// `e` incident → nothing: this office has judged how it was dealt with.
pub fn assessed(incident: DocId) -> Vec<u8> {
    Key::of(b'e').bytes(&incident.0).0
}

/// `c` topic, origin, document → [`Locator`]: a document that is found again under a topic.
pub fn topic(topic: &str, origin: &str, document: DocId) -> Vec<u8> {
    Key::of(b'c').text(topic).text(origin).bytes(&document.0).0
}

/// All of one office under one topic.
pub fn under_of(topic: &str, origin: &str) -> Vec<u8> {
    Key::of(b'c').text(topic).text(origin).0
}

/// All under one topic.
pub fn under(topic: &str) -> Vec<u8> {
    Key::of(b'c').text(topic).0
}

/// `p` document → [`Locator`]: a policy the ministry released.
pub fn release(document: DocId) -> Vec<u8> {
    Key::of(b'p').bytes(&document.0).0
}

/// All of them.
pub const RELEASE: &[u8] = b"p";

/// The document a `p` key ends with.
pub fn document_of(key: &[u8]) -> Option<DocId> {
    key.last_chunk().map(|id: &[u8; 16]| DocId(*id))
}

/// `z` document, what → [`EndRow`]: it was cancelled, superseded or answered, perhaps before it came.
pub fn ended(document: DocId, by: DocId) -> Vec<u8> {
    Key::of(b'z').bytes(&document.0).bytes(&by.0).0
}

/// All ends of one document.
pub fn ends(document: DocId) -> Vec<u8> {
    Key::of(b'z').bytes(&document.0).0
}

/// `k` idempotency key → [`KeyRow`].
pub fn idempotency(key: &str) -> Vec<u8> {
    Key::of(b'k').bytes(key.as_bytes()).0
}

/// Stands for all of them in a counter.
pub const EVERY_LETTER: char = '*';

/// `n` day, letter → the last number people were given (u64).
pub fn counter(day: u32, letter: char) -> Vec<u8> {
    Key::of(b'n').bytes(&day.to_be_bytes()).text(letter.encode_utf8(&mut [0; 4])).0
}

/// All of them. They stay: a number is not given out again in another year.
pub const COUNTER: &[u8] = b"n";

/// Reads an `n` key back.
pub fn counter_of(key: &[u8]) -> Option<(u32, char)> {
    let (day, letter) = key.strip_prefix(COUNTER)?.split_first_chunk::<4>()?;
    let letter = std::str::from_utf8(letter.get(1..)?).ok()?.chars().next()?;
    Some((u32::from_be_bytes(*day), letter))
}

/// `g` segment → a sure date (µs, i64): everything before that segment was full by then.
pub fn full_before(segment: u64) -> Vec<u8> {
    Key::of(b'g').u64(segment).0
}

/// Bounds of those from a segment on.
pub fn full_from(segment: u64) -> (Vec<u8>, Vec<u8>) {
    (full_before(segment), Key::of(b'g' + 1).0)
}

/// Bounds of those before a segment.
pub fn full_up_to(segment: u64) -> (Vec<u8>, Vec<u8>) {
    (Key::of(b'g').0, full_before(segment))
}

/// The date in a `g` row; one that cannot be read is far away.
pub fn date_of(row: &[u8]) -> i64 {
    row.try_into().map_or(i64::MAX, i64::from_be_bytes)
}

/// `f` digest, arrival → nothing: a block here names this file, or this body of a broadcast.
pub fn named(digest: &[u8], arrival: u64) -> Vec<u8> {
    Key::of(b'f').bytes(digest).u64(arrival).0
}

/// All blocks that name one.
pub fn naming(digest: &[u8]) -> Vec<u8> {
    Key::of(b'f').bytes(digest).0
}

/// `y` digest → [`Place`]: the body of a broadcast.
pub fn body(digest: &[u8]) -> Vec<u8> {
    Key::of(b'y').bytes(digest).0
}

/// All of them.
pub const BODY: &[u8] = b"y";

/// The digest in a `y` key.
pub fn digest_of(key: &[u8]) -> &[u8] {
    key.get(1..).unwrap_or_default()
}

/// `v` number → [`LossRow`]: something that was lost, in the order it was found.
pub fn loss(number: u64) -> Vec<u8> {
    Key::of(b'v').u64(number).0
}

/// All of them.
pub const LOSS: &[u8] = b"v";

/// Packs a place.
pub fn place_row(place: Place) -> Vec<u8> {
    let mut row = place.segment.to_be_bytes().to_vec();
    row.extend_from_slice(&place.offset.to_be_bytes());
    row.extend_from_slice(&place.length.to_be_bytes());
    row
}

/// Unpacks a place.
pub fn place_of(row: &[u8]) -> Option<Place> {
    let row: &[u8; 16] = row.try_into().ok()?;
    let (segment, rest) = row.split_first_chunk::<8>()?;
    let (offset, length) = rest.split_first_chunk::<4>()?;
    Some(Place {
        segment: u64::from_be_bytes(*segment),
        offset: u32::from_be_bytes(*offset),
        length: u32::from_be_bytes(length.try_into().ok()?),
    })
}

/// Unpacks a number.
pub fn u64_of(row: &[u8]) -> u64 {
    row.try_into().map_or(0, u64::from_be_bytes)
}

/// Value of an `o` row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TipRow {
    /// Last number given out.
    #[prost(uint64, tag = "1")]
    pub last: u64,
    /// Hash of its header.
    #[prost(bytes = "bytes", tag = "2")]
    pub hash: Bytes,
}

/// Value of an `h` row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeardRow {
    /// Runs of numbers, packed by [`super::ranges::Ranges::encode`].
    #[prost(bytes = "vec", tag = "1")]
    pub ranges: Vec<u8>,
    /// The highest number whose header hash is kept.
    #[prost(uint64, tag = "2")]
    pub last: u64,
    /// That hash.
    #[prost(bytes = "bytes", tag = "3")]
    pub hash: Bytes,
}

/// Value of an `a` row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct BlockRow {
    /// Which numbers of which channel.
    #[prost(message, optional, tag = "1")]
    pub range: Option<v1::Range>,
    /// The journal record it lies in.
    #[prost(bytes = "vec", tag = "2")]
    pub place: Vec<u8>,
    /// From which neighbour; empty = written here.
    #[prost(string, tag = "3")]
    pub from: String,
    /// When it became durable here.
    #[prost(int64, tag = "4")]
    pub at_us: i64,
    /// When its origin sealed it.
    #[prost(int64, tag = "5")]
    pub sealed_us: i64,
    /// The way it came.
    #[prost(message, repeated, tag = "6")]
    pub passages: Vec<v1::Passage>,
    /// Bytes of the block.
    #[prost(uint32, tag = "7")]
    pub bytes: u32,
    /// Bodies travel by digest.
    #[prost(bool, tag = "8")]
    pub shared: bool,
    /// 最迟送达时间 and 有效期 of what is in it; 0 = none.
    #[prost(int64, tag = "9")]
    pub deliver_by_us: i64,
    /// See above.
    #[prost(int64, tag = "10")]
    pub expires_at_us: i64,
    /// Whether any document in it is more than a receipt.
    #[prost(bool, tag = "11")]
    pub documents: bool,
    /// The hash of its last header, which seals the others: whether another block is the same one.
    #[prost(bytes = "bytes", tag = "12")]
    pub last: Bytes,
    /// Written here, and unreadable since.
    #[prost(bool, tag = "13")]
    pub damaged: bool,
}

/// Value of a `q` row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueueRow {
    /// Why it waits for a person; empty = it does not.
    #[prost(string, tag = "1")]
    pub held_code: String,
    /// The neighbour's sentence.
    #[prost(string, tag = "2")]
    pub held_reason: String,
    /// Its author has been told that it is not delivered.
    #[prost(bool, tag = "3")]
    pub told: bool,
}

/// Value of a `d` row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MarkRow {
    /// How many numbers from the first.
    #[prost(uint32, tag = "1")]
    pub count: u32,
    /// What, when, where, by which way.
    #[prost(message, optional, tag = "2")]
    pub stage: Option<v1::StageView>,
}

/// Value of an `i`, `j`, `c` or `p` row: one envelope.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Locator {
    /// Its channel.
    #[prost(message, optional, tag = "1")]
    pub channel: Option<v1::ChannelId>,
    /// Its number there.
    #[prost(uint64, tag = "2")]
    pub number: u64,
}

/// Value of a `z` row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EndRow {
    /// Cancelled, superseded, closed.
    #[prost(enumeration = "v1::Standing", tag = "1")]
    pub standing: i32,
    /// What people call the document that ended it.
    #[prost(string, tag = "2")]
    pub number: String,
    /// Who wrote that.
    #[prost(string, tag = "3")]
    pub origin: String,
}

/// Value of a `k` row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyRow {
    /// The document's id.
    #[prost(bytes = "bytes", tag = "1")]
    pub id: Bytes,
    /// Its number.
    #[prost(string, tag = "2")]
    pub number: String,
    /// When it was filed.
    #[prost(int64, tag = "3")]
    pub at_us: i64,
    /// To how many.
    #[prost(uint32, tag = "4")]
    pub recipients: u32,
}

/// Value of a `v` row: envelopes, or a part of the journal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LossRow {
    /// When it was found.
    #[prost(int64, tag = "1")]
    pub at_us: i64,
    /// Which envelopes.
    #[prost(message, optional, tag = "2")]
    pub range: Option<v1::Range>,
    /// The neighbour that brought them, or does not have them; empty = they were written here.
    #[prost(string, tag = "3")]
    pub from: String,
    /// They never came.
    #[prost(bool, tag = "4")]
    pub gone: bool,
    /// Segment and offset of its first byte and of the one behind it.
    #[prost(uint64, repeated, tag = "5")]
    pub hole: Vec<u64>,
    /// When they came again; 0 = they did not.
    #[prost(int64, tag = "6")]
    pub recovered_us: i64,
    /// They were written here and not handed on.
    #[prost(bool, tag = "7")]
    pub unsent: bool,
}
