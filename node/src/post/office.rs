//! What one station knows, and how it turns: [`Post::decide`] reads, [`Post::apply`] folds, [`Post::schedule`] offers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use prost::Message as _;
use proto::v1;

use super::{
    arrivals::Arrived,
    date::Told,
    envelope::{Channel, DocId, Epoch, Place, Run},
    fact::{Fact, Record},
    keys,
    notices::Due,
    outgoing::{Draft, Filing, Outbox},
    passage::Skew,
    ranges::Ranges,
    refusal::{Code, Refusal, worded},
    rows::{Base, Rows},
    schedule::{Entry, Queue, State},
    seal::{Block, Sealer, Tip},
};
use crate::{
    io::Timestamp,
    topology::{Topology, Unit},
};

/// Who this station is.
#[derive(Clone)]
pub struct Me {
    /// Its own unit.
    pub unit: Unit,
    /// The tree it stands in.
    pub topology: Arc<Topology>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// People here wrote documents. All of one event are filed, or none.
    File {
        /// Names the asker to the edges.
        ticket: u64,
        /// What they wrote.
        drafts: Vec<Draft>,
    },
    /// A neighbour offers blocks.
    Offered {
        /// Which neighbour, by its certificate.
        peer: Unit,
        /// Bodies that blocks of this connection refer to.
        bodies: Vec<(Bytes, Bytes)>,
        /// The blocks, opened and checked.
        arrived: Vec<Arrived>,
    },
    /// A neighbour answers for what we offered.
    Answered {
        /// Which neighbour.
        peer: Unit,
        /// What became of what.
        answers: Vec<v1::Settlement>,
    },
    /// A line is up. `heard` is how far the neighbour has heard our own channels.
    Linked {
        /// Which neighbour.
        peer: Unit,
        /// What it has heard.
        heard: Vec<v1::Range>,
    },
    /// A line is down.
    Unlinked {
        /// Which neighbour.
        peer: Unit,
        /// Why.
        failure: String,
    },
    /// A neighbour misses numbers.
    Missed {
        /// Which neighbour.
        peer: Unit,
        /// What it misses.
        runs: Vec<Run>,
    },
    /// A neighbour does not have numbers it was asked for, and nobody beyond it has.
    Gone {
        /// Which neighbour.
        peer: Unit,
        /// Which numbers.
        runs: Vec<Run>,
    },
    /// An operator says: try these again now.
    Retry {
        /// To whom they wait.
        peer: Unit,
        /// Which.
        runs: Vec<Run>,
    },
    /// A neighbour's clock was compared with ours.
    Compared {
        /// Which neighbour.
        peer: Unit,
        /// Ours minus theirs.
        skew: Skew,
    },
    /// Time passed.
    Tick,
}

/// What a turn is decided under.
pub struct Circumstances<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// Bytes nobody can guess.
    pub random: &'a dyn Fn(&mut [u8]),
    /// Signs what this office writes.
    pub sealer: &'a dyn Sealer,
    /// Whether the room on the disk runs short.
    pub shortage: Option<&'a Shortage>,
}

/// The room on a disk runs short: what is left is kept for the more urgent, and the very last of it for receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// What is short, and what to do.
    pub why: String,
    /// The least precedence that is still taken in; `None` = nothing is, any more.
    pub least: Option<v1::Precedence>,
}

impl Shortage {
    /// The code under which something of this precedence is refused, if it is.
    pub(super) fn refuses(&self, precedence: v1::Precedence) -> Option<Code> {
        match self.least {
            None => Some(Code::DiskFull),
            Some(least) => (precedence < least).then_some(Code::DiskNearlyFull),
        }
    }
}

/// A fact to be, and what is already known about it.
#[derive(Debug)]
pub struct Pending {
    /// To be made durable.
    pub record: Record,
    /// The block in it, read.
    pub block: Option<Block>,
    /// Offered onward before its own commit (cut-through).
    pub early: bool,
}

/// A block handed to the next station while its own commit still runs. Only what passes through qualifies: it is
/// immutable, the receiver deduplicates, and its sender keeps it until *we* have it on disk. What this office wrote
/// itself never does: nobody may see a number before it is durable.
#[derive(Debug, Clone)]
pub struct EarlyOffer {
    /// To whom.
    pub peer: Unit,
    /// Which numbers.
    pub run: Run,
    /// The block.
    pub bytes: Bytes,
    /// The way it came, this station included.
    pub passages: Vec<v1::Passage>,
}

/// An answer to a filing; the world may hear it once the turn's facts are durable.
pub type Filings = Result<Vec<Filing>, Refusal>;

/// What a turn comes to. Deciding changes nothing.
#[derive(Debug, Default)]
pub struct Turn {
    /// To be made durable, in this order.
    pub facts: Vec<Pending>,
    /// May go before the commit.
    pub early: Vec<EarlyOffer>,
    /// After it: answers to people …
    pub answers: Vec<(u64, Filings)>,
    /// … answers to neighbours …
    pub settlements: Vec<(Unit, v1::Settlement)>,
    /// … questions to neighbours …
    pub missing: Vec<(Unit, Vec<Run>)>,
    /// … that there is no answer to theirs …
    pub gone: Vec<(Unit, Vec<Run>)>,
    /// … and how many envelopes were offered a second time.
    pub duplicates: Vec<(Unit, u64)>,
}

/// What has been heard of one channel.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Which numbers.
    pub ranges: Ranges,
    /// The highest number and its header's hash.
    pub tip: Tip,
    /// Since when a number below the highest is missing.
    pub torn_since: Option<Timestamp>,
}

impl Heard {
    /// Whether a number is missing that came once, or should have come before another.
    pub(super) fn is_torn(&self) -> bool {
        self.ranges.through() < self.tip.last.max(self.ranges.highest())
    }

    /// The runs that are missing.
    pub(super) fn missing(&self) -> impl Iterator<Item = (u64, u64)> + use<> {
        let cut = self.ranges.cut(1, self.tip.last.max(self.ranges.highest()));
        cut.into_iter().filter(|(_, here)| !here).map(|(run, _)| run)
    }
}

/// One station's post office.
pub struct Post {
    pub(super) me: Me,
    pub(super) rows: Rows,
    pub(super) epoch: Epoch,
    pub(super) outs: BTreeMap<(Unit, v1::Precedence), Tip>,
    pub(super) heard: BTreeMap<Channel, Heard>,
    pub(super) queues: BTreeMap<Unit, Queue>,
    /// Times blocks were given, soonest first.
    pub(super) due: BTreeSet<Due>,
    pub(super) arrivals: u64,
    pub(super) unsigned: u64,
    /// Losses put on record so far.
    pub(super) lost: u64,
    /// Envelopes about which something became known since this was last taken.
    pub(super) touched: Vec<Run>,
    /// The millisecond in which the youngest document that was ever ended had been filed.
    pub(super) ended_up_to: u64,
    /// Policies the ministry released, in the order it did.
    pub(super) releases: BTreeSet<DocId>,
    /// The last number people were given on a day of any year, by letter.
    pub(super) counters: BTreeMap<(u32, char), u64>,
    /// Not kept, nor is what follows: clocks are compared again as soon as the line is up.
    pub(super) skew: Skew,
    pub(super) told: Told,
}

impl Post {
    /// Puts together what the rows say. Facts newer than the rows are then [applied](Self::apply) one by one.
    pub fn load(me: Me, base: Box<dyn Base>) -> Self {
        let rows = Rows::new(base);
        let mut post = Self {
            epoch: Epoch::default(),
            outs: BTreeMap::new(),
            heard: BTreeMap::new(),
            queues: BTreeMap::new(),
            due: BTreeSet::new(),
            arrivals: 0,
            unsigned: 0,
            lost: 0,
            touched: Vec::new(),
            ended_up_to: 0,
            releases: BTreeSet::new(),
            counters: BTreeMap::new(),
            skew: Skew::default(),
            told: Told::default(),
            rows,
            me,
        };
        post.read_rows();
        post
    }

    /// Whether the store has begun a life yet.
    pub fn is_new(&self) -> bool {
        self.epoch == Epoch::default()
    }

    /// Who this station is.
    pub fn me(&self) -> &Me {
        &self.me
    }

    /// The fact that begins a new life of this store.
    pub fn open_epoch(now: Timestamp, random: &dyn Fn(&mut [u8]), reason: &str) -> Pending {
        let mut epoch = [0; 16];
        random(&mut epoch);
        let opened = super::fact::Opened { epoch: Bytes::copy_from_slice(&epoch), reason: reason.to_owned() };
        Pending::of(now, Fact::Opened(opened))
    }

    /// Turns events into facts and answers. Reads only: if the facts cannot be made durable, nothing has happened.
    pub fn decide(&self, events: Vec<Event>, circumstances: &Circumstances<'_>) -> Turn {
        let mut turn = Turn::default();
        let mut outbox = Outbox::new(self, circumstances);
        let mut fresh = super::arrivals::Fresh::default();
        for event in events {
            match event {
                Event::File { ticket, drafts } => {
                    let filings = self.file(drafts, &mut outbox);
                    turn.answers.push((ticket, filings));
                }
                Event::Offered { peer, bodies, arrived } => {
                    self.offered(&peer, bodies, arrived, &mut fresh, &mut outbox, &mut turn);
                }
                Event::Answered { peer, answers } => self.answered(&peer, answers, circumstances, &mut turn),
                Event::Linked { peer, heard } => self.compare(&peer, &heard, circumstances, &mut turn),
                Event::Missed { peer, runs } => self.missed(&peer, runs, circumstances.now, &mut turn),
                Event::Gone { peer, runs } => self.gone(&peer, &runs, circumstances.now, &mut fresh, &mut turn),
                Event::Retry { peer, runs } => turn.facts.extend(runs.into_iter().map(|run| {
                    let moved = super::fact::Moved { peer: peer.to_string(), range: Some(run.to_proto()) };
                    Pending::of(circumstances.now, Fact::Moved(moved))
                })),
                Event::Unlinked { .. } | Event::Compared { .. } => {}
                Event::Tick => {
                    self.notices(circumstances.now, &mut outbox, &mut turn);
                    self.ask_for_gaps(circumstances.now, &mut turn);
                }
            }
        }
        turn.facts.extend(outbox.seal());
        turn
    }

    /// Folds a durable fact into what this station knows. The only way anything that lasts changes.
    /// Whoever has the block of it open passes it along.
    pub fn apply(&mut self, record: &Record, block: Option<&Block>, place: Place, early: bool) {
        let at = Timestamp::from_us(record.at_us);
        let Some(fact) = &record.fact else { return };
        let opened = fact.block().filter(|_| block.is_none()).and_then(|bytes| Block::trusted(bytes.clone()).ok());
        let block = block.or(opened.as_ref());
        match fact {
            Fact::Opened(opened) => {
                let first = self.epoch == Epoch::default();
                self.new_life(&opened.epoch);
                if !first {
                    self.leap(at);
                }
            }
            Fact::Body(body) => self.rows.put(keys::body(&body.digest), keys::place_row(place)),
            Fact::Filed(filed) => {
                if let Some(block) = block {
                    self.apply_filed(block, &filed.keys, place, at);
                }
            }
            Fact::Taken(taken) => {
                if let Some(block) = block {
                    self.apply_taken(block, taken, place, at, early);
                }
            }
            Fact::Answered(answered) => self.apply_answered(answered, at),
            Fact::Moved(moved) => self.apply_moved(moved),
            Fact::Gone(gone) => self.apply_gone(gone, at),
            Fact::Damaged(damaged) => self.apply_damaged(damaged, at),
            Fact::Hole(hole) => self.apply_hole(hole, at),
            Fact::Noted(noted) => self.apply_noted(noted, at),
            Fact::Forgotten(forgotten) => self.apply_forgotten(forgotten),
            Fact::Carried(carried) => self.apply_carried(carried, place),
            Fact::Dated(dated) => self.apply_dated(dated, at),
            Fact::Abandoned(_) => {}
        }
    }

    /// Things that change without being facts: lines come and go, answers say "not now", time passes.
    pub fn observe(&mut self, event: &Event, now: Timestamp) {
        self.told.observe(event, now);
        match event {
            Event::Linked { peer, .. } => self.queues.entry(peer.clone()).or_default().connected(),
            Event::Unlinked { peer, failure } => {
                self.queues.entry(peer.clone()).or_default().disconnected(failure);
            }
            Event::Answered { peer, answers } => {
                let Some(queue) = self.queues.get_mut(peer) else { return };
                for answer in answers.iter().filter(|a| a.disposition() == v1::Disposition::NotNow) {
                    let asked = std::time::Duration::from_millis(u64::from(answer.retry_after_ms));
                    if let Some(Ok(run)) = answer.range.as_ref().map(Run::parse) {
                        queue.rest(&run, &worded(&answer.code, &answer.reason), asked, now);
                    }
                }
            }
            Event::Compared { peer, skew } if self.me.topology.parent(&self.me.unit) == Some(peer) => self.skew = *skew,
            Event::Tick => {
                self.queues.values_mut().for_each(|queue| queue.give_up_waiting(now));
                self.forget_met(now);
            }
            _ => {}
        }
    }

    /// What to offer now, to whom. What is returned counts as in flight.
    pub fn schedule(&mut self, now: Timestamp) -> Vec<(Unit, Vec<Entry>)> {
        self.queues
            .iter_mut()
            .map(|(peer, queue)| (peer.clone(), queue.take(now)))
            .filter(|(_, offers)| !offers.is_empty())
            .collect()
    }

    /// Whether something for a neighbour waits until answers make room for it.
    pub fn waits_for_room(&self, peer: &Unit) -> bool {
        self.queues.get(peer).is_some_and(Queue::waits_for_room)
    }

    /// Whether the passing of time can change anything: otherwise the station may sleep until something happens.
    pub fn awaits_time(&self) -> bool {
        self.awaits_due()
            || self.queues.values().any(Queue::awaits_time)
            || self.heard.values().any(|heard| heard.torn_since.is_some())
    }

    /// Envelopes about which something became known since this was last asked: for those who watch them.
    pub fn take_touched(&mut self) -> Vec<Run> {
        std::mem::take(&mut self.touched)
    }

    /// The rows, to drain them.
    pub fn rows_mut(&mut self) -> &mut Rows {
        &mut self.rows
    }

    /// Which neighbour an envelope for `destination` goes to; `None` if it is for us.
    pub(super) fn next_hop(&self, destination: &Unit) -> Option<Unit> {
        self.me.topology.next_hop(&self.me.unit, destination).cloned()
    }

    /// Keeps a block: where it lies, when it came, whom it waits for. Returns its arrival.
    pub(super) fn keep(&mut self, block: &Block, kept: Kept<'_>, state: State) -> u64 {
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.rows.put(keys::meta("arrivals"), self.arrivals.to_be_bytes().to_vec());
        let soonest = |pick: fn(&v1::Header) -> i64| block.headers.iter().map(pick).filter(|us| *us > 0).min();
        let row = keys::BlockRow {
            range: Some(block.run.to_proto()),
            place: keys::place_row(kept.place),
            from: kept.from.to_owned(),
            at_us: kept.at.us(),
            sealed_us: block.head.sealed_at_us,
            passages: kept.passages.to_vec(),
            bytes: u32::try_from(block.bytes.len()).unwrap_or(u32::MAX),
            shared: block.shared,
            deliver_by_us: soonest(|header| header.deliver_by_us).unwrap_or(0),
            expires_at_us: soonest(|header| header.expires_at_us).unwrap_or(0),
            documents: block.headers.iter().any(|header| header.kind() != v1::Kind::Receipt),
            last: Bytes::copy_from_slice(&block.head.last),
            damaged: false,
        };
        self.rows.put(keys::by_number(&block.run.channel, block.run.first), arrival.to_be_bytes().to_vec());
        if row.documents {
            self.rows.put(keys::by_time(row.sealed_us, arrival), Vec::new());
            self.name(block, arrival);
        }
        for digest in names(block) {
            self.rows.put(keys::named(digest, arrival), Vec::new());
        }
        if let Some(peer) = self.next_hop(&block.run.channel.destination) {
            self.rows.put(keys::queued(&peer, arrival), keys::QueueRow::default().encode_to_vec());
            if let Some(entry) = entry_of(arrival, &row, &keys::QueueRow::default(), state) {
                self.queues.entry(peer).or_default().insert(entry);
            }
            self.await_due(arrival, &row);
            self.await_direct(block, arrival, &row);
        }
        self.rows.put(keys::arrival(arrival), row.encode_to_vec());
        arrival
    }

    /// The row of the block that holds a number, and its arrival.
    pub(super) fn block_at(&self, channel: &Channel, number: u64) -> Option<(u64, keys::BlockRow)> {
        let from = keys::by_number(channel, 0);
        let to = keys::by_number(channel, number.saturating_add(1));
        let (_, arrival) = self.rows.range_back(&from, &to, 1).into_iter().next()?;
        let arrival = keys::u64_of(&arrival);
        let row = keys::BlockRow::decode(self.rows.get(&keys::arrival(arrival))?.as_slice()).ok()?;
        let run = Run::parse(row.range.as_ref()?).ok()?;
        (run.channel == *channel && run.first <= number && number <= run.last()).then_some((arrival, row))
    }

    fn new_life(&mut self, epoch: &[u8]) {
        self.epoch = Epoch(epoch.try_into().unwrap_or_default());
        self.rows.put(keys::meta("epoch"), self.epoch.0.to_vec());
        for (destination, precedence) in std::mem::take(&mut self.outs).into_keys() {
            self.rows.delete(keys::out(&destination, precedence));
        }
    }

    fn read_rows(&mut self) {
        let meta = |rows: &Rows, name: &str| rows.get(&keys::meta(name));
        self.epoch = Epoch(meta(&self.rows, "epoch").and_then(|row| row.try_into().ok()).unwrap_or_default());
        self.arrivals = meta(&self.rows, "arrivals").map_or(0, |row| keys::u64_of(&row));
        self.unsigned = meta(&self.rows, "unsigned").map_or(0, |row| keys::u64_of(&row));
        self.lost = meta(&self.rows, "lost").map_or(0, |row| keys::u64_of(&row));
        self.ended_up_to = meta(&self.rows, "ended").map_or(0, |row| keys::u64_of(&row));
        self.outs = self.rows.prefix(keys::OUT, usize::MAX).iter().filter_map(|(k, v)| read_out(k, v)).collect();
        self.heard = self.rows.prefix(keys::HEARD, usize::MAX).iter().filter_map(|(k, v)| read_heard(k, v)).collect();
        let releases = self.rows.prefix(keys::RELEASE, usize::MAX);
        self.releases = releases.iter().filter_map(|(key, _)| keys::document_of(key)).collect();
        self.counters = BTreeMap::new();
        for (key, row) in self.rows.prefix(keys::COUNTER, usize::MAX) {
            if let Some((day, letter)) = keys::counter_of(&key) {
                self.counted(day, letter, keys::u64_of(&row));
            }
        }
        let due = self.rows.prefix(keys::DUE, usize::MAX);
        let due = due.iter().filter_map(|(key, _)| keys::due_of(key));
        self.due = due.map(|(us, arrival, stage)| (Timestamp::from_us(us), arrival, stage)).collect();
        for (key, row) in self.rows.prefix(keys::QUEUED, usize::MAX) {
            let arrival = keys::arrival_of(&key);
            let block = self.rows.get(&keys::arrival(arrival)).and_then(|row| keys::BlockRow::decode(&*row).ok());
            let queued = keys::QueueRow::decode(row.as_slice()).unwrap_or_default();
            let entry = block.and_then(|block| entry_of(arrival, &block, &queued, State::Ready));
            if let (Some(peer), Some(entry)) = (keys::queued_peer(&key), entry) {
                self.queues.entry(peer).or_default().insert(entry);
            }
        }
    }
}

impl Pending {
    /// A fact without a block.
    pub fn of(now: Timestamp, fact: Fact) -> Self {
        let record = Record { at_us: now.us(), fact: Some(fact), ends_turn: false };
        Self { record, block: None, early: false }
    }
}

/// Where and how a block came to be kept.
pub(super) struct Kept<'a> {
    pub(super) place: Place,
    pub(super) from: &'a str,
    pub(super) at: Timestamp,
    pub(super) passages: &'a [v1::Passage],
}

/// Digests of what a block refers to and does not hold: files, and bodies that travel by digest.
pub(super) fn names(block: &Block) -> BTreeSet<&[u8]> {
    let files = block.headers.iter().flat_map(|header| &header.attachments).map(|file| &file.digest[..]);
    let bodies = block.headers.iter().filter(|_| block.shared).map(|header| &header.body_digest[..]);
    // What is no digest names nothing.
    files.chain(bodies).filter(|digest| digest.len() == 32).collect()
}

pub(super) fn entry_of(arrival: u64, row: &keys::BlockRow, queued: &keys::QueueRow, state: State) -> Option<Entry> {
    let held = !queued.held_code.is_empty();
    Some(Entry {
        arrival,
        run: Run::parse(row.range.as_ref()?).ok()?,
        place: keys::place_of(&row.place)?,
        bytes: row.bytes,
        shared: row.shared,
        since: Timestamp::from_us(row.at_us),
        state: if held {
            State::Held { code: queued.held_code.clone(), reason: queued.held_reason.clone() }
        } else {
            state
        },
        attempts: 0,
        last_failure: worded(&queued.held_code, &queued.held_reason),
        passages: row.passages.clone(),
        // Receipts are nobody's news.
        told: queued.told || !row.documents,
    })
}

fn read_out(key: &[u8], row: &[u8]) -> Option<((Unit, v1::Precedence), Tip)> {
    let row = keys::TipRow::decode(row).ok()?;
    let length = usize::from(*key.get(1)?);
    let unit = Unit::parse(std::str::from_utf8(key.get(2..2 + length)?).ok()?).ok()?;
    let precedence = v1::Precedence::try_from(i32::from(*key.get(2 + length)?)).ok()?;
    Some(((unit, precedence), Tip { last: row.last, hash: row.hash }))
}

fn read_heard(key: &[u8], row: &[u8]) -> Option<(Channel, Heard)> {
    let channel = keys::channel_of(key)?;
    let row = keys::HeardRow::decode(row).ok()?;
    let mut heard =
        Heard { ranges: Ranges::decode(&row.ranges), tip: Tip { last: row.last, hash: row.hash }, torn_since: None };
    // How long it has been torn is not kept; after a restart it has been long enough.
    heard.torn_since = heard.is_torn().then_some(Timestamp::default());
    Some((channel, heard))
}
