//! One turn: decide → make durable → release.
//!
//! Every event that is ready is taken at once, so one `fdatasync` serves them all. [`Engine::step`] cannot await.
//! A commit that fails is final: nothing was changed by deciding, nothing is released, and the station stops and
//! recovers from its disk. A disk that is full says so before it writes anything: then the turn is as if it had not been,
//! and everybody is told to come again. [`Released`] can only be made here, so no acknowledgement exists before its facts
//! do.

pub mod news;
mod patrol;
pub mod run;
mod tidy;

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use prost::Message as _;
use proto::v1::{self, Disposition};

use crate::{
    io::{Io, Timestamp},
    limits,
    post::{
        Circumstances, Event, Post, Turn,
        envelope::{Place, Run},
        fact::{Abandoned, Fact, Record},
        losses::Stretch,
        office::{EarlyOffer, Filings, Pending, Shortage},
        refusal::{Code, Refusal},
        rows::Overlay,
        schedule::Entry,
        seal::Sealer,
    },
    topology::Unit,
};

use patrol::Patrol;
use tidy::Tidying;

/// Where facts become durable. A real disk in a station, memory with a will of its own in the simulator.
pub trait Disk: Send + 'static {
    /// Writes all records and returns when they are on stable storage.
    fn append(&mut self, records: &[Bytes]) -> Result<Vec<Place>, Unwritten>;
    /// Reads a record back.
    fn read(&self, place: Place) -> Result<Bytes, Unread>;
    /// Whether what was read so far can be believed: a read that failed may have looked as if there was nothing.
    fn sound(&self) -> Result<(), DiskFailed>;
    /// Whether the room on it runs short.
    fn shortage(&self) -> Option<Shortage>;
    /// Takes rows towards the index, off this thread. They stand for everything appended so far.
    fn drain(&mut self, rows: Arc<Overlay>) -> Result<(), DiskFailed>;
    /// Whether the last drain has ended.
    fn drained(&mut self) -> Result<bool, DiskFailed>;
    /// What the disk could give up, and at what cost.
    fn layout(&self) -> Layout;
    /// Reads records of one segment, from an offset on, until they are `bytes` long or the segment ends.
    fn walk(&self, from: Step, bytes: usize) -> Result<Walk, DiskFailed>;
    /// Drains rows, and then keeps all rows in a baseline, so that what came before is not needed to rebuild them.
    /// [`Self::drained`] says when that has ended.
    fn baseline(&mut self, rows: Arc<Overlay>) -> Result<(), DiskFailed>;
    /// Gives up the oldest segment, if it is before this one and a baseline stands for what it did to the rows. Says
    /// how many bytes that was; `None` if there is nothing (more) to be given up.
    fn retire(&mut self, before: u64) -> Result<Option<u64>, DiskFailed>;
}

/// What a disk could give up.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Segments that are full: number and bytes, oldest first.
    pub full: Vec<(u64, u64)>,
    /// The one being written.
    pub current: u64,
    /// Bytes of the last baseline.
    pub baseline: u64,
    /// Bytes that can be written in any case; less than the disk's, when that is full.
    pub room: u64,
}

/// A place to read on from in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Which segment.
    pub segment: u64,
    /// From where; 0 = from its first record.
    pub offset: u32,
}

/// Records of one segment, in order.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// What was read.
    pub records: Vec<(Place, Bytes)>,
    /// Where the next one lies; `None` at the end of the segment.
    pub next: Option<u32>,
    /// What could not be read between them.
    pub damaged: Vec<Stretch>,
}

/// The disk no longer does what it is asked. The station stops; nothing in memory is trusted after this.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}; the station stops here and recovers from its journal when it is started again")]
pub struct DiskFailed {
    /// What happened, to which file.
    pub what: String,
}

/// Why records are not on stable storage.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unwritten {
    /// There is no room, and nothing was written. A later try may succeed.
    #[error("the disk is full: {what}")]
    Full {
        /// What could not be made, and why.
        what: String,
    },
    /// Nobody knows what was written.
    #[error(transparent)]
    Failed(#[from] DiskFailed),
}

/// Why a record cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unread {
    /// It is not there any more, or not as it was written. The disk does what it is asked otherwise.
    #[error("{what}")]
    Damaged {
        /// What is wrong, where.
        what: String,
    },
    /// Nobody knows.
    #[error(transparent)]
    Failed(#[from] DiskFailed),
}

impl From<Unwritten> for DiskFailed {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Failed(failed) => failed,
            full @ Unwritten::Full { .. } => Self { what: full.to_string() },
        }
    }
}

/// Something to hand to a neighbour.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Which numbers.
    pub run: Run,
    /// The block as its origin sealed it.
    pub block: Bytes,
    /// The way it came.
    pub passages: Vec<v1::Passage>,
    /// Bodies it refers to: name and bytes.
    pub bodies: Vec<(Bytes, Bytes)>,
}

/// What the world may see of a turn: its facts are durable.
pub struct Released(Effects);

impl Released {
    /// Hands the effects to the edges.
    pub fn into_effects(self) -> Effects {
        self.0
    }
}

/// Consequences of a turn.
#[derive(Default)]
pub struct Effects {
    /// Answers to people, by ticket.
    pub answers: Vec<(u64, Filings)>,
    /// Answers to neighbours.
    pub settlements: Vec<(Unit, v1::Settlement)>,
    /// Questions to neighbours.
    pub missing: Vec<(Unit, Vec<Run>)>,
    /// Answers to theirs: not here any more.
    pub gone: Vec<(Unit, Vec<Run>)>,
    /// Offers to neighbours.
    pub offers: Vec<(Unit, Vec<Offer>)>,
    /// What was heard a second time.
    pub duplicates: Vec<(Unit, u64)>,
    /// Envelopes about which something became known, for those who watch them.
    pub touched: Vec<Run>,
    /// The facts themselves, for those who count.
    pub facts: Vec<Pending>,
    /// Bytes and time the commit took.
    pub bytes: usize,
}

/// A station's engine: the post office over a disk.
pub struct Engine<D: Disk> {
    post: Post,
    disk: D,
    io: Arc<dyn Io>,
    sealer: Arc<dyn Sealer>,
    /// Blocks committed lately, so that offering them at once needs no read.
    recent: BTreeMap<Place, Bytes>,
    recent_bytes: usize,
    /// What was found to be unreadable, and not dealt with yet.
    damaged: RefCell<Vec<Stretch>>,
    tidying: Option<Tidying>,
    patrol: Patrol,
}

/// How much of what was just written is kept to be offered without reading it back.
const RECENT_BYTES_MAX: usize = 16 * 1024 * 1024;

impl<D: Disk> Engine<D> {
    /// Puts an engine over what was recovered; `left_over` records of a turn that a crash cut short are declared void.
    /// A new store begins its first epoch here, and one with `holes` in its journal another one.
    pub fn new(
        post: Post,
        disk: D,
        io: Arc<dyn Io>,
        sealer: Arc<dyn Sealer>,
        left_over: u32,
        holes: &[Stretch],
    ) -> Result<Self, DiskFailed> {
        let mut engine = Self {
            post,
            disk,
            io,
            sealer,
            recent: BTreeMap::new(),
            recent_bytes: 0,
            damaged: RefCell::default(),
            tidying: None,
            patrol: Patrol::default(),
        };
        // Nobody watches yet.
        engine.post.take_touched();
        if left_over > 0 {
            let abandoned = Fact::Abandoned(Abandoned { records: left_over });
            let now = engine.io.now();
            engine.commit(vec![Pending::of(now, abandoned)])?;
        }
        if engine.post.is_new() {
            let io = engine.io.clone();
            let opened = Post::open_epoch(io.now(), &|buffer| io.random(buffer), "new store");
            engine.commit(vec![opened])?;
        }
        let io = engine.io.clone();
        let lost = engine.post.holes(holes, io.now(), &|buffer| io.random(buffer));
        engine.commit(lost)?;
        Ok(engine)
    }

    /// What the station knows.
    pub fn post(&self) -> &Post {
        &self.post
    }

    /// The disk.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// Decides, makes durable, and only then hands back what the world may see. `early` gets what passes through
    /// and need not wait for this disk.
    pub fn step(
        &mut self,
        events: Vec<Event>,
        now: Timestamp,
        early: &mut dyn FnMut(EarlyOffer),
    ) -> Result<Released, DiskFailed> {
        for event in &events {
            self.post.observe(event, now);
        }
        let shortage = self.disk.shortage();
        let io = self.io.clone();
        let turn = self.post.decide(
            events,
            &Circumstances {
                now,
                random: &|buffer| io.random(buffer),
                sealer: &*self.sealer,
                shortage: shortage.as_ref(),
            },
        );
        let Turn { mut facts, early: offers, answers, settlements, missing, gone, duplicates } = turn;
        offers.into_iter().for_each(early);
        facts.extend(self.losses(now));
        let (facts, bytes) = match self.commit(facts) {
            Ok(committed) => committed,
            Err(Unwritten::Full { what }) => return Ok(Released(come_again(answers, settlements, &what))),
            Err(Unwritten::Failed(failed)) => return Err(failed),
        };
        if !missing.is_empty() {
            self.post.asked_for_gaps(now);
        }
        let offers = self.offers(now)?;
        self.drain_rows()?;
        let touched = self.post.take_touched();
        Ok(Released(Effects { answers, settlements, missing, gone, offers, duplicates, touched, facts, bytes }))
    }

    /// The bytes of a block or body that lies at `place`.
    pub fn read(&self, place: Place) -> Result<Bytes, Unread> {
        if let Some(bytes) = self.recent.get(&place) {
            return Ok(bytes.clone());
        }
        let read = self.disk.read(place).and_then(|record| content(&record, place));
        if let Err(Unread::Damaged { what }) = &read {
            self.note_damage(Stretch::of(place), what);
        }
        read
    }

    fn note_damage(&self, part: Stretch, what: &str) {
        let mut damaged = self.damaged.borrow_mut();
        if !damaged.contains(&part) {
            tracing::error!(what, "a record is lost");
            damaged.push(part);
        }
    }

    /// Whether something was found to be lost since the last turn.
    pub fn has_losses(&self) -> bool {
        !self.damaged.borrow().is_empty()
    }

    /// What becomes of what was found to be lost.
    fn losses(&mut self, now: Timestamp) -> Vec<Pending> {
        let damaged = std::mem::take(self.damaged.get_mut());
        if damaged.is_empty() {
            return Vec::new();
        }
        self.post.damage(&damaged, now)
    }

    /// Writes everything still in memory towards the index. Called when the station ends in peace.
    pub fn finish(mut self) -> Result<(), DiskFailed> {
        while !self.disk.drained()? {
            std::thread::yield_now();
        }
        self.post.rows_mut().end_drain();
        if self.disk.shortage().is_none()
            && let Some(rows) = self.post.rows_mut().start_drain()
        {
            self.disk.drain(rows)?;
        }
        while !self.disk.drained()? {
            std::thread::yield_now();
        }
        Ok(())
    }

    fn commit(&mut self, mut facts: Vec<Pending>) -> Result<(Vec<Pending>, usize), Unwritten> {
        self.disk.sound()?;
        let Some(last) = facts.last_mut() else { return Ok((facts, 0)) };
        last.record.ends_turn = true;
        let records: Vec<Bytes> = facts.iter().map(|pending| pending.record.encode_to_vec().into()).collect();
        let places = self.disk.append(&records)?;
        for (pending, place) in facts.iter().zip(&places) {
            self.remember(&pending.record, *place);
            self.post.apply(&pending.record, pending.block.as_ref(), *place, pending.early);
        }
        Ok((facts, records.iter().map(Bytes::len).sum()))
    }

    fn remember(&mut self, record: &Record, place: Place) {
        let Some(bytes) = content_of(record) else { return };
        self.recent_bytes += bytes.len();
        self.recent.insert(place, bytes);
        while self.recent_bytes > RECENT_BYTES_MAX {
            let Some((_, oldest)) = self.recent.pop_first() else { break };
            self.recent_bytes -= oldest.len();
        }
    }

    fn offers(&mut self, now: Timestamp) -> Result<Vec<(Unit, Vec<Offer>)>, DiskFailed> {
        let mut offers = Vec::new();
        for (peer, entries) in self.post.schedule(now) {
            let mut to_peer = Vec::with_capacity(entries.len());
            for entry in &entries {
                match self.offer(entry, now) {
                    Ok(offer) => to_peer.push(offer),
                    // It was noted; the next turn says what becomes of it.
                    Err(Unread::Damaged { .. }) => {}
                    Err(Unread::Failed(failed)) => return Err(failed),
                }
            }
            offers.push((peer, to_peer));
        }
        Ok(offers)
    }

    fn offer(&self, entry: &Entry, now: Timestamp) -> Result<Offer, Unread> {
        let block = self.read(entry.place)?;
        let passages = self.post.offered_on(&entry.passages, entry.since, now, entry.attempts);
        let bodies = if entry.shared { self.bodies_of(&block, entry.place)? } else { Vec::new() };
        Ok(Offer { run: entry.run.clone(), block, passages, bodies })
    }

    fn bodies_of(&self, block: &Bytes, place: Place) -> Result<Vec<(Bytes, Bytes)>, Unread> {
        // A block whose text is not here cannot be handed on, any more than one that is not here itself.
        let lost = |what: String| {
            self.note_damage(Stretch::of(place), &what);
            Unread::Damaged { what }
        };
        let block = crate::post::seal::Block::trusted(block.clone())
            .map_err(|bad| lost(format!("a block in the journal does not read: {bad}")))?;
        let mut bodies: Vec<(Bytes, Bytes)> = Vec::new();
        for header in &block.headers {
            if bodies.iter().any(|(name, _)| *name == header.body_digest) {
                continue;
            }
            let missing = || lost(format!("the body of {} is not in the journal", header.number));
            let body = self.post.body_place(&header.body_digest).ok_or_else(missing)?;
            bodies.push((header.body_digest.clone(), self.read(body)?));
        }
        Ok(bodies)
    }

    fn drain_rows(&mut self) -> Result<(), DiskFailed> {
        if self.disk.drained()? {
            self.post.rows_mut().end_drain();
            // An index that meets a full disk is no good afterwards. Until there is room again its rows stay in memory;
            // how many that can be, the journal's own room bounds.
            if self.disk.shortage().is_none()
                && self.post.rows_mut().undrained() > limits::UNDRAINED_ROWS_MAX
                && let Some(rows) = self.post.rows_mut().start_drain()
            {
                self.disk.drain(rows)?;
            }
        }
        Ok(())
    }
}

/// A turn whose facts found no room never was: what was accepted in it is not. Offers and questions were not made yet.
fn come_again(answers: Vec<(u64, Filings)>, settlements: Vec<(Unit, v1::Settlement)>, what: &str) -> Effects {
    let reason = format!("the disk of this station is full ({what}): nothing is taken in until there is space again");
    let refusal = Refusal { code: Code::DiskFull, facts: Vec::new(), reason: reason.clone() };
    let unfiled = |filings: Filings| Err(filings.err().unwrap_or_else(|| refusal.clone()));
    let not_now = |settlement: v1::Settlement| match settlement.disposition() {
        Disposition::Taken => v1::Settlement {
            range: settlement.range,
            disposition: Disposition::NotNow.into(),
            code: refusal.code.word().to_owned(),
            reason: reason.clone(),
            ..Default::default()
        },
        _ => settlement,
    };
    tracing::error!(what, "the disk is full; free some space");
    Effects {
        answers: answers.into_iter().map(|(ticket, filings)| (ticket, unfiled(filings))).collect(),
        settlements: settlements.into_iter().map(|(peer, settlement)| (peer, not_now(settlement))).collect(),
        ..Effects::default()
    }
}

/// What a record at `place` carries.
fn content(record: &Bytes, place: Place) -> Result<Bytes, Unread> {
    let bad = || Unread::Damaged { what: format!("the journal record at {place:?} is not a block") };
    let record = Record::decode(record.clone()).map_err(|_| bad())?;
    content_of(&record).ok_or_else(bad)
}

fn content_of(record: &Record) -> Option<Bytes> {
    match &record.fact {
        Some(Fact::Body(body)) => Some(body.body.clone()),
        Some(Fact::Carried(carried)) => Some(carried.block.clone()),
        fact => fact.as_ref().and_then(Fact::block).cloned(),
    }
}
