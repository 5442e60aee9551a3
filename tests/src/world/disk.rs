//! Disks that tear, fill up and misread, and some that lie. Records lie in segments, the oldest of which may be given up.
//!
//! What is appended is durable when the commit ends ([`Platter::settle`]); power that fails before that leaves any first
//! part of it. A misread is one the journal's checksum finds: the same record reads well the next time. Disks that lose
//! or alter for good what they confirmed are only among the plants.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use node::{
    engine::{Disk, DiskFailed, Layout, Step, Unread, Unwritten, Walk},
    post::{
        envelope::Place,
        fact::{Fact, Record},
        losses::Stretch,
        office::Shortage,
        rows::{MemoryBase, Overlay},
    },
};
use prost::Message as _;
use proto::v1::Precedence;

use super::plant::Plant;
use crate::dice::Dice;

/// Records of one segment.
const SEGMENT: u64 = 6;

/// Records looked at in one step before they are given up.
const STEP: usize = 2;
/// Blocks that may wait at a station whose quota is shared by both directions.
const SHARED_QUOTA: usize = 4;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What survives a crash.
#[derive(Clone)]
pub(crate) struct Platter(Arc<Mutex<Written>>);

#[derive(Clone)]
pub(crate) struct Written {
    /// By number.
    records: BTreeMap<u64, Bytes>,
    next: u64,
    /// Those before this one survive a crash.
    durable: u64,
    /// Where the commit under way, or the last one, began.
    began: u64,
    /// The index. Whoever reads rows sees what has been drained into it.
    base: MemoryBase,
    /// It stands for all records before this one; `None` = it is lost.
    watermark: Option<u64>,
    /// All rows as of a record, for when it is.
    baseline: Option<(u64, Rows)>,
    tear_after: Option<usize>,
    pub(crate) room: Room,
    /// Of a thousand reads so many fail.
    pub(super) misreads: u64,
    /// Records that cannot be read any more.
    spoilt: BTreeSet<u64>,
    /// Blocks that wait at this station.
    pub(super) waiting: usize,
    /// Where the next look at what is to be given up begins, if it goes on.
    walked: u64,
    dice: Dice,
    plant: Plant,
}

/// How much a disk still takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Room {
    /// Enough.
    #[default]
    Enough,
    /// The reserve is being used.
    Little,
    /// Nothing.
    None,
}

impl Written {
    fn refuses(&self, records: &[Bytes]) -> bool {
        let takes = |bytes: &Bytes| matches!(Record::decode(bytes.clone()).unwrap().fact, Some(Fact::Taken(_)));
        self.plant == Plant::SharedQuota && self.waiting >= SHARED_QUOTA && records.iter().any(takes)
    }

    fn oldest(&self) -> u64 {
        self.records.keys().next().copied().unwrap_or(self.next)
    }
}

impl Platter {
    pub(crate) fn new(plant: Plant, dice: Dice) -> Self {
        Self(Arc::new(Mutex::new(Written {
            records: BTreeMap::new(),
            next: 0,
            durable: 0,
            began: 0,
            base: MemoryBase::default(),
            watermark: None,
            baseline: None,
            tear_after: None,
            room: Room::Enough,
            misreads: 0,
            spoilt: BTreeSet::new(),
            waiting: 0,
            walked: 0,
            dice,
            plant,
        })))
    }

    /// The same, apart from here on.
    pub(super) fn copied(&self) -> Self {
        let written = self.0.lock().unwrap();
        let base = MemoryBase(Arc::new(written.base.0.read().unwrap().clone().into()));
        Self(Arc::new(Mutex::new(Written { base, ..written.clone() })))
    }

    /// Changes how the disk behaves.
    pub(crate) fn set<T>(&self, change: impl FnOnce(&mut Written) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// The commit under way has ended: what it wrote survives from now on.
    pub(crate) fn settle(&self) {
        let mut written = self.0.lock().unwrap();
        written.durable = match written.plant {
            // Syncing what came before is all this disk ever does.
            Plant::EarlyDurable => written.began,
            Plant::LateRecord => written.next.saturating_sub(1),
            _ => written.next,
        };
    }

    /// The rows of the index, rebuilt from the baseline if need be, and the record to go on with.
    pub(crate) fn index(&self) -> (MemoryBase, u64) {
        let mut written = self.0.lock().unwrap();
        let oldest = written.oldest();
        let watermark = written.watermark.filter(|watermark| *watermark >= oldest).unwrap_or_else(|| {
            let (watermark, rows) = written.baseline.clone().unwrap_or_default();
            assert!(watermark >= oldest, "lost: the facts before {oldest}, and what they came to");
            written.base = MemoryBase(Arc::new(rows.into()));
            watermark
        });
        written.watermark = Some(watermark);
        (written.base.clone(), watermark)
    }

    pub(super) fn rows(&self) -> Rows {
        self.0.lock().unwrap().base.0.read().unwrap().clone()
    }

    /// The records from there on; `None` for what cannot be read.
    pub(crate) fn records(&self, from: u64) -> Vec<(Place, Option<Bytes>)> {
        let written = self.0.lock().unwrap();
        let readable = |at, bytes: &Bytes| (!written.spoilt.contains(at)).then(|| bytes.clone());
        written.records.range(from..).map(|(at, bytes)| (place(*at), readable(at, bytes))).collect()
    }

    /// A record goes bad, and stays it.
    pub(super) fn spoil(&self, dice: &mut Dice) {
        let mut written = self.0.lock().unwrap();
        let (oldest, durable) = (written.oldest(), written.durable);
        if oldest < durable {
            written.spoilt.insert(dice.between(oldest, durable - 1));
        }
    }

    /// The records that are the next to be looked at, before they are given up.
    pub(super) fn walked(&self) -> Vec<(Place, Bytes)> {
        let written = self.0.lock().unwrap();
        let after = |at| written.records.range(at..).take(STEP);
        let records = after(written.oldest()).chain(after(written.walked));
        records.map(|(at, bytes)| (place(*at), bytes.clone())).collect()
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap().records.len()
    }

    /// The next commit fails, leaving its first records on the disk; or it does not, after all.
    pub(crate) fn tear_after(&self, records: Option<usize>) {
        self.0.lock().unwrap().tear_after = records;
    }

    /// The index has these rows, and says they stand for every record.
    pub(super) fn set_index(&self, rows: Rows) {
        let mut written = self.0.lock().unwrap();
        written.base = MemoryBase(Arc::new(rows.into()));
        written.watermark = Some(written.next);
    }

    /// The index is gone: it has to be rebuilt from the journal.
    pub(super) fn lose_index(&self) {
        let mut written = self.0.lock().unwrap();
        (written.base, written.watermark) = (MemoryBase::default(), None);
    }

    /// The power goes: an honest disk keeps everything it has acknowledged.
    pub(crate) fn crash(&self, dice: &mut Dice) {
        let mut written = self.0.lock().unwrap();
        let keep = match written.plant {
            Plant::ForgetfulDisk => written.durable.saturating_sub(1 + dice.below(3) as u64),
            _ => dice.between(written.durable, written.next),
        };
        written.records.split_off(&keep);
        written.spoilt.split_off(&keep);
        (written.next, written.durable) = (keep, keep);
        if written.watermark.is_some_and(|watermark| watermark > keep) {
            (written.base, written.watermark) = (MemoryBase::default(), None);
        }
    }
}

fn place(at: u64) -> Place {
    Place { segment: at / SEGMENT, offset: u32::try_from(at % SEGMENT).unwrap(), length: 1 }
}

fn number(segment: u64, offset: u32) -> u64 {
    segment * SEGMENT + u64::from(offset)
}

/// A station's disk while it runs.
pub(crate) struct Memory {
    platter: Platter,
    /// Done one at a time, so that a crash may come between any two.
    work: VecDeque<Work>,
    /// Whether a commit has ended when it returns.
    at_once: bool,
}

enum Work {
    Drain(Arc<Overlay>, u64),
    Baseline,
}

impl Memory {
    pub(crate) fn over(platter: Platter) -> Self {
        Self { platter, work: VecDeque::new(), at_once: false }
    }

    /// Over a disk whose commits have ended when they return.
    pub(crate) fn at_once(platter: Platter) -> Self {
        Self { at_once: true, ..Self::over(platter) }
    }
}

impl Disk for Memory {
    fn append(&mut self, records: &[Bytes]) -> Result<Vec<Place>, Unwritten> {
        let mut written = self.platter.0.lock().unwrap();
        if written.room == Room::None || written.refuses(records) {
            return Err(Unwritten::Full { what: "no space left".into() });
        }
        written.began = written.next;
        let keep = written.tear_after.take();
        let mut places = Vec::new();
        for record in records.iter().take(keep.unwrap_or(usize::MAX)) {
            let at = written.next;
            written.next += 1;
            written.records.insert(at, record.clone());
            places.push(place(at));
        }
        if keep.is_some() {
            written.durable = written.next;
            return Err(DiskFailed { what: "power cut".into() }.into());
        }
        drop(written);
        if self.at_once {
            self.platter.settle();
        }
        Ok(places)
    }

    fn read(&self, place: Place) -> Result<Bytes, Unread> {
        let mut written = self.platter.0.lock().unwrap();
        if written.misreads > 0 && written.dice.roll() % 1000 < written.misreads {
            return Err(DiskFailed { what: format!("the disk does not give the record at {place:?}") }.into());
        }
        let at = number(place.segment, place.offset);
        if written.spoilt.contains(&at) {
            return Err(Unread::Damaged { what: format!("the record at {place:?} has a wrong checksum") });
        }
        let record = written.records.get(&at).cloned();
        // Nobody may hold on to a place that was given up: as a failed read it would be found out much later.
        Ok(record.unwrap_or_else(|| panic!("lost: {place:?} was given up, and somebody reads it")))
    }

    fn sound(&self) -> Result<(), DiskFailed> {
        Ok(())
    }

    fn shortage(&self) -> Option<Shortage> {
        let least = match self.platter.0.lock().unwrap().room {
            Room::Enough => return None,
            Room::Little => Some(Precedence::TeJi),
            // What is urgent finds out for itself that there is none.
            Room::None => Some(Precedence::TeTi),
        };
        Some(Shortage { why: "free some space".into(), least })
    }

    fn drain(&mut self, rows: Arc<Overlay>) -> Result<(), DiskFailed> {
        let next = self.platter.0.lock().unwrap().next;
        self.work.push_back(Work::Drain(rows, next));
        Ok(())
    }

    fn drained(&mut self) -> Result<bool, DiskFailed> {
        let Some(work) = self.work.pop_front() else { return Ok(true) };
        let mut written = self.platter.0.lock().unwrap();
        match work {
            Work::Drain(rows, watermark) => {
                written.base.absorb(&rows);
                written.watermark = Some(watermark);
            }
            Work::Baseline => {
                let rows = written.base.0.read().unwrap().clone();
                written.baseline = Some((written.watermark.unwrap(), rows));
            }
        }
        Ok(self.work.is_empty())
    }

    fn layout(&self) -> Layout {
        let written = self.platter.0.lock().unwrap();
        let full = written.oldest() / SEGMENT..written.next / SEGMENT;
        Layout {
            full: full.map(|segment| (segment, 1)).collect(),
            current: written.next / SEGMENT,
            baseline: 0,
            room: if written.room == Room::None { 0 } else { u64::MAX },
        }
    }

    fn walk(&self, from: Step, _bytes: usize) -> Result<Walk, DiskFailed> {
        let mut written = self.platter.0.lock().unwrap();
        let range = number(from.segment, from.offset)..number(from.segment + 1, 0);
        let mut records = written.records.range(range).map(|(at, bytes)| (*at, bytes.clone()));
        let walked: Vec<_> = records.by_ref().take(STEP).collect();
        let next = records.next().map(|(at, _)| place(at).offset);
        drop(records);
        let (spoilt, walked): (Vec<_>, Vec<_>) = walked.into_iter().partition(|(at, _)| written.spoilt.contains(at));
        let damaged = spoilt.into_iter().map(|(at, _)| Stretch::of(place(at))).collect();
        let records = walked.into_iter().map(|(at, bytes)| (place(at), bytes)).collect();
        written.walked = next.map_or(number(from.segment + 1, 0), |offset| number(from.segment, offset));
        Ok(Walk { records, next, damaged })
    }

    fn baseline(&mut self, rows: Arc<Overlay>) -> Result<(), DiskFailed> {
        self.drain(rows)?;
        self.work.push_back(Work::Baseline);
        Ok(())
    }

    fn retire(&mut self, before: u64) -> Result<Option<u64>, DiskFailed> {
        let mut written = self.platter.0.lock().unwrap();
        let oldest = written.oldest() / SEGMENT;
        let stands_for = written.baseline.as_ref().map_or(0, |(at, _)| at / SEGMENT);
        if oldest >= before.min(stands_for) {
            return Ok(None);
        }
        written.records = written.records.split_off(&number(oldest + 1, 0));
        written.spoilt = written.spoilt.split_off(&number(oldest + 1, 0));
        Ok(Some(1))
    }
}
