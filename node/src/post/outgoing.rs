//! What this office writes: drafts become numbered, chained, sealed blocks.
//!
//! Everything filed in one turn to one channel shares a block, so a thousand reports filed together cost a handful of
//! signatures and one commit, and a single 特提 is a block of its own.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use proto::v1;

use super::{
    envelope::{Channel, DocId, Run, digest},
    fact::{Body, Fact, Filed, Key, Moved},
    keys,
    office::{Circumstances, Kept, Pending, Post, Shortage},
    refusal::{Code, Refusal},
    schedule::State,
    seal::{self, Block, Tip, Unsealed},
};
use crate::{io::Timestamp, limits, topology::Unit};

/// A document as people wrote it: rules checked, addressees known, nothing numbered yet.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What it is and says about itself. Channel, number, chain, id and body fields are filled in here. Boxed: it is
    /// large, and goes from hand to hand.
    pub header: Box<v1::Header>,
    /// Speed of service.
    pub precedence: v1::Precedence,
    /// Who gets it, and why. One envelope each.
    pub destinations: Vec<(Unit, v1::Role)>,
    /// The encoded document.
    pub body: Bytes,
    /// First letter of the number people will use; `None` = it needs none.
    pub letter: Option<char>,
    /// Whether it opens an incident of its own.
    pub opens_incident: bool,
    /// Whether it is about an incident without being part of its chain: the addressees need not have the rest of it.
    pub beside_incident: bool,
    /// Filing under the same key again gives the same answer.
    pub key: Option<String>,
    /// What was filed before and is to go straight to its destination as well.
    pub also_direct: Vec<Run>,
}

/// A document that was filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filing {
    /// Its id.
    pub id: DocId,
    /// What people call it.
    pub number: String,
    /// When.
    pub at: Timestamp,
    /// To how many.
    pub recipients: u32,
    /// It had been filed before.
    pub repeated: bool,
}

/// What is written in one turn, before it is sealed.
pub struct Outbox<'a> {
    post: &'a Post,
    circumstances: &'a Circumstances<'a>,
    waiting: BTreeMap<(Unit, v1::Precedence), Vec<Letter>>,
    bodies: Vec<Bytes>,
    moved: Vec<Run>,
    keys: BTreeMap<String, Filing>,
    counters: BTreeMap<char, u64>,
    positions: BTreeMap<DocId, u32>,
    today: (u32, String),
    /// The id given last in this turn: one moment, one roll of the dice.
    last_id: Option<DocId>,
}

struct Letter {
    unsealed: Unsealed,
    key: Option<String>,
    shared: bool,
}

impl Letter {
    /// Documents with a time of their own are not sealed together with others: a block has one deadline.
    fn alone(&self) -> bool {
        self.unsealed.header.deliver_by_us > 0 || self.unsealed.header.expires_at_us > 0
    }

    fn bytes(&self) -> usize {
        self.unsealed.body.len() + 512
    }
}

impl<'a> Outbox<'a> {
    pub(super) fn new(post: &'a Post, circumstances: &'a Circumstances<'a>) -> Self {
        Self {
            post,
            circumstances,
            waiting: BTreeMap::new(),
            bodies: Vec::new(),
            moved: Vec::new(),
            keys: BTreeMap::new(),
            counters: BTreeMap::new(),
            positions: BTreeMap::new(),
            today: beijing_day(circumstances.now),
            last_id: None,
        }
    }

    pub(super) fn circumstances(&self) -> (Timestamp, Option<&'a Shortage>) {
        (self.circumstances.now, self.circumstances.shortage)
    }

    /// Takes a draft in.
    pub(super) fn write(&mut self, mut draft: Draft) -> Filing {
        if let Some(known) = draft.key.as_ref().and_then(|key| self.known(key)) {
            return known;
        }
        let id = self.next_id();
        let number = draft.letter.map_or_else(String::new, |letter| self.number(letter));
        self.complete(&mut draft, id, &number);
        let recipients = u32::try_from(draft.destinations.len()).unwrap_or(u32::MAX);
        let filing = Filing { id, number, at: self.circumstances.now, recipients, repeated: false };
        if let Some(key) = &draft.key {
            self.keys.insert(key.clone(), Filing { repeated: true, ..filing.clone() });
        }
        let shared = draft.destinations.len() > 1;
        if shared {
            self.bodies.push(draft.body.clone());
        }
        let Draft { mut header, precedence, mut destinations, body, key, also_direct, .. } = draft;
        self.moved.extend(also_direct);
        // Most documents have one destination, which gets the header itself.
        let last = destinations.pop();
        for (destination, role) in destinations {
            header.role = role.into();
            let unsealed = Unsealed { header: header.clone(), body: body.clone() };
            self.address(destination, precedence, Letter { unsealed, key: key.clone(), shared });
        }
        if let Some((destination, role)) = last {
            header.role = role.into();
            self.address(destination, precedence, Letter { unsealed: Unsealed { header, body }, key, shared });
        }
        filing
    }

    fn address(&mut self, destination: Unit, precedence: v1::Precedence, mut letter: Letter) {
        letter.unsealed.header.direct |= self.post.goes_direct(&destination);
        self.waiting.entry((destination, precedence)).or_default().push(letter);
    }

    fn next_id(&mut self) -> DocId {
        let next = self.last_id.map_or_else(
            || {
                let mut random = [0; 10];
                (self.circumstances.random)(&mut random);
                DocId::mint(self.circumstances.now, random)
            },
            DocId::following,
        );
        self.last_id = Some(next);
        next
    }

    /// Seals what was written: bodies of broadcasts first, then block by block.
    pub(super) fn seal(self) -> Vec<Pending> {
        let now = self.circumstances.now;
        let mut facts: Vec<Pending> = self
            .bodies
            .into_iter()
            .map(|body| {
                let digest = Bytes::copy_from_slice(&digest(&body));
                Pending::of(now, Fact::Body(Body { digest, body }))
            })
            .collect();
        for ((destination, precedence), letters) in self.waiting {
            let mut tip = self.post.outs.get(&(destination.clone(), precedence)).cloned().unwrap_or_default();
            let channel =
                Channel { origin: self.post.me.unit.clone(), epoch: self.post.epoch, destination, precedence };
            for group in groups(letters) {
                facts.push(seal_group(&channel, &mut tip, group, self.circumstances));
            }
        }
        facts.extend(self.moved.into_iter().map(|run| {
            let moved = Moved { peer: run.channel.destination.to_string(), range: Some(run.to_proto()) };
            Pending::of(now, Fact::Moved(moved))
        }));
        facts
    }

    fn known(&self, key: &str) -> Option<Filing> {
        self.keys.get(key).cloned().or_else(|| self.post.filed_under(key))
    }

    /// The next number people will use, e.g. `R-420100-0919-0007`: day in Beijing time, counted from 1.
    fn number(&mut self, letter: char) -> String {
        let (day, month_day) = self.today.clone();
        let last = |letter| self.post.counters.get(&(day % YEAR, letter)).copied().unwrap_or(0);
        let next = self.counters.entry(letter).or_insert_with(|| last(letter).max(last(keys::EVERY_LETTER)));
        *next += 1;
        format!("{letter}-{}-{month_day}-{:04}", self.post.me.unit, *next)
    }

    fn complete(&mut self, draft: &mut Draft, id: DocId, number: &str) {
        let header = &mut draft.header;
        header.id = id.to_bytes();
        number.clone_into(&mut header.number);
        header.created = Some(v1::Clock { wall_us: self.circumstances.now.us(), ..Default::default() });
        header.body_digest = Bytes::copy_from_slice(&digest(&draft.body));
        header.body_length = draft.body.len() as u64;
        if draft.opens_incident {
            header.incident = id.to_bytes();
            header.position = 1;
            self.positions.insert(id, 1);
        } else if let Some(incident) = DocId::from_slice(&header.incident).filter(|_| !draft.beside_incident) {
            let next = self.positions.entry(incident).or_insert_with(|| self.post.last_position(incident));
            *next += 1;
            header.position = *next;
        }
    }
}

impl Post {
    /// Files a person's documents: all of them, or none.
    pub(super) fn file(&self, drafts: Vec<Draft>, outbox: &mut Outbox<'_>) -> Result<Vec<Filing>, Refusal> {
        for draft in &drafts {
            self.may_file(draft, outbox.circumstances)?;
        }
        Ok(drafts.into_iter().map(|draft| outbox.write(draft)).collect())
    }

    fn may_file(&self, draft: &Draft, circumstances: &Circumstances<'_>) -> Result<(), Refusal> {
        if draft.body.len() > limits::BODY_BYTES_MAX {
            let reason = format!(
                "the text has {} bytes and at most {} travel in one document: send the rest as an attachment",
                draft.body.len(),
                limits::BODY_BYTES_MAX
            );
            let most = limits::BODY_BYTES_MAX.to_string();
            return Err(Refusal::new(Code::BodyTooLong, &reason, &[&most]));
        }
        let short = circumstances.shortage.and_then(|short| Some((short.refuses(draft.precedence)?, &short.why)));
        if let Some((code, why)) = short {
            return Err(Refusal::new(code, why, &[]));
        }
        // What an office keeps for itself goes nowhere.
        for (destination, _) in draft.destinations.iter().filter(|(destination, _)| *destination != self.me.unit) {
            let Some(peer) = self.next_hop(destination) else {
                let reason = format!("{destination} cannot be reached from here");
                return Err(Refusal::new(Code::NoRoute, &reason, &[destination.as_str()]));
            };
            if self.queues.get(&peer).is_some_and(|queue| queue.len() >= limits::QUEUED_BLOCKS_MAX) {
                let reason = format!(
                    "{} blocks already wait for {peer}: nothing more is taken in until the line carries some of them",
                    limits::QUEUED_BLOCKS_MAX
                );
                return Err(Refusal::new(Code::QueueFull, &reason, &[peer.as_str()]));
            }
        }
        Ok(())
    }

    /// The highest position this office has used in an incident.
    pub(super) fn last_position(&self, incident: DocId) -> u32 {
        let prefix = keys::of_incident(incident, self.me.unit.as_str(), 0);
        let from = &prefix[..prefix.len() - 4];
        let last = self.rows.range_back(from, &super::rows::after_prefix(from), 1);
        let used = last.first().and_then(|(key, _)| key.last_chunk()).map_or(0, |n| u32::from_be_bytes(*n));
        // The 首报 has no row of its own; whether it is ours or not, what follows it begins at 2.
        used.max(1)
    }

    /// What was filed under a key, if it is durable.
    pub fn filed_under(&self, key: &str) -> Option<Filing> {
        let row = keys::KeyRow::decode(self.rows.get(&keys::idempotency(key))?.as_slice()).ok()?;
        Some(Filing {
            id: DocId::from_slice(&row.id)?,
            number: row.number,
            at: Timestamp::from_us(row.at_us),
            recipients: row.recipients,
            repeated: true,
        })
    }

    pub(super) fn apply_filed(&mut self, block: &Block, named: &[Key], place: super::envelope::Place, at: Timestamp) {
        let tip = Tip::of(block);
        let out = (block.run.channel.destination.clone(), block.run.channel.precedence);
        let row = keys::TipRow { last: tip.last, hash: tip.hash.clone() };
        self.rows.put(keys::out(&out.0, out.1), row.encode_to_vec());
        self.outs.insert(out, tip);
        for key in named {
            let Some(header) = block.headers.get(key.index as usize) else { continue };
            let mut row = self
                .rows
                .get(&keys::idempotency(&key.key))
                .and_then(|row| keys::KeyRow::decode(row.as_slice()).ok())
                .unwrap_or_default();
            row.id = header.id.clone();
            header.number.clone_into(&mut row.number);
            row.at_us = at.us();
            row.recipients += 1;
            self.rows.put(keys::idempotency(&key.key), row.encode_to_vec());
        }
        self.count(block, at);
        let arrival = self.keep(block, Kept { place, from: "", at, passages: &[] }, State::Ready);
        self.fold_documents(block, arrival);
    }

    /// In a new life of the store nobody knows any more which numbers were given out that day, so people's numbers leap
    /// ahead: further than anybody counts in a day, and not to where an earlier leap is likely to have ended.
    pub(super) fn leap(&mut self, at: Timestamp) {
        let leap = 100_000 * (1 + u64::from(self.epoch.0[0] % 9));
        let day = beijing_day(at).0;
        self.rows.put(keys::counter(day, keys::EVERY_LETTER), leap.to_be_bytes().to_vec());
        self.counted(day, keys::EVERY_LETTER, leap);
    }

    /// The next number given out today follows the highest in this block.
    fn count(&mut self, block: &Block, at: Timestamp) {
        let mut highest: BTreeMap<char, u64> = BTreeMap::new();
        for number in block.headers.iter().map(|header| header.number.as_str()) {
            if let (Some(letter), Some((_, place))) = (number.chars().next(), keys::series_of(number)) {
                let known = highest.entry(letter).or_default();
                *known = place.max(*known);
            }
        }
        let day = beijing_day(at).0;
        for (letter, place) in highest {
            let known = self.counted(day, letter, place);
            self.rows.put(keys::counter(day, letter), known.to_be_bytes().to_vec());
        }
    }

    /// People were given numbers up to this one on a day. Returns the highest of that day in any year: the year is not in
    /// the number, and a clock may have been set to another year and back.
    pub(super) fn counted(&mut self, day: u32, letter: char, last: u64) -> u64 {
        let known = self.counters.entry((day % YEAR, letter)).or_default();
        *known = last.max(*known);
        *known
    }
}

fn groups(letters: Vec<Letter>) -> Vec<Vec<Letter>> {
    let mut groups: Vec<Vec<Letter>> = Vec::new();
    let mut bytes = 0;
    for letter in letters {
        let joins = groups.last().and_then(|group| group.last().map(|last| (group.len(), last))).is_some_and(
            |(count, last)| {
                count < limits::BLOCK_ENVELOPES_MAX
                    && bytes + letter.bytes() <= limits::BLOCK_BYTES_MAX
                    && last.shared == letter.shared
                    && last.unsealed.header.direct == letter.unsealed.header.direct
                    && !last.alone()
                    && !letter.alone()
            },
        );
        bytes = if joins { bytes + letter.bytes() } else { letter.bytes() };
        match groups.last_mut() {
            Some(group) if joins => group.push(letter),
            _ => groups.push(vec![letter]),
        }
    }
    groups
}

fn seal_group(channel: &Channel, tip: &mut Tip, group: Vec<Letter>, circumstances: &Circumstances<'_>) -> Pending {
    let shared = group.first().is_some_and(|letter| letter.shared);
    let named = (0..).zip(&group).filter_map(|(index, letter)| Some(Key { index, key: letter.key.clone()? })).collect();
    let envelopes = group.into_iter().map(|letter| letter.unsealed).collect();
    let block = seal::seal(channel, tip, envelopes, shared, circumstances.now, circumstances.sealer);
    let filed = Filed { block: block.bytes.clone(), keys: named };
    Pending { block: Some(block), ..Pending::of(circumstances.now, Fact::Filed(filed)) }
}

/// Days as numbers repeat after so many.
const YEAR: u32 = 10_000;

/// The day in Beijing as a number (YYYYMMDD, to count within) and as people write it in a number (MMDD).
pub(super) fn beijing_day(at: Timestamp) -> (u32, String) {
    let beijing = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.us()) * 1000)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
        .to_offset(time::macros::offset!(+8));
    let (year, month, day) = beijing.to_calendar_date();
    let month = u8::from(month);
    let number = year.unsigned_abs() * 10_000 + u32::from(month) * 100 + u32::from(day);
    (number, format!("{month:02}{day:02}"))
}
