//! Disks that tear, and two that lie. Records lie in segments, the oldest of which may be given up.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use node::{
    engine::{Disk, DiskFailed, Layout, Step, Unread, Unwritten, Walk},
    post::{
        envelope::Place,
        rows::{MemoryBase, Overlay},
    },
};

use super::plant::Plant;
use crate::dice::Dice;

/// Records of one segment.
const SEGMENT: u64 = 6;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What survives a crash.
#[derive(Clone, Default)]
pub(super) struct Platter(Arc<Mutex<Written>>);

#[derive(Default, Clone)]
struct Written {
    /// By number.
    records: BTreeMap<u64, Bytes>,
    next: u64,
    /// Those before this one survive a crash: all, unless the disk lies.
    durable: u64,
    /// The index. Whoever reads rows sees what has been drained into it.
    base: MemoryBase,
    /// It stands for all records before this one; `None` = it is lost.
    watermark: Option<u64>,
    /// All rows as of a record, for when it is.
    baseline: Option<(u64, Rows)>,
    tear_after: Option<usize>,
    plant: Plant,
}

impl Written {
    fn oldest(&self) -> u64 {
        self.records.keys().next().copied().unwrap_or(self.next)
    }
}

impl Platter {
    pub(super) fn new(plant: Plant) -> Self {
        Self(Arc::new(Mutex::new(Written { plant, ..Written::default() })))
    }

    /// The same, apart from here on.
    pub(super) fn copied(&self) -> Self {
        let written = self.0.lock().unwrap();
        let base = MemoryBase(Arc::new(written.base.0.read().unwrap().clone().into()));
        Self(Arc::new(Mutex::new(Written { base, ..written.clone() })))
    }

    /// The rows of the index, rebuilt from the baseline if need be, and the record to go on with.
    pub(super) fn index(&self) -> (MemoryBase, u64) {
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

    pub(super) fn records(&self, from: u64) -> Vec<(Place, Bytes)> {
        let written = self.0.lock().unwrap();
        written.records.range(from..).map(|(at, bytes)| (place(*at), bytes.clone())).collect()
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap().records.len()
    }

    /// The next commit fails, leaving its first records on the disk; or it does not, after all.
    pub(super) fn tear_after(&self, records: Option<usize>) {
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
    pub(super) fn crash(&self, dice: &mut Dice) {
        let mut written = self.0.lock().unwrap();
        let keep = match written.plant {
            Plant::ForgetfulDisk => written.next.saturating_sub(1 + dice.below(3) as u64),
            _ => written.durable,
        };
        written.records.split_off(&keep);
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
pub(super) struct Memory {
    platter: Platter,
    /// Done one at a time, so that a crash may come between any two.
    work: VecDeque<Work>,
}

enum Work {
    Drain(Arc<Overlay>, u64),
    Baseline,
}

impl Memory {
    pub(super) fn over(platter: Platter) -> Self {
        Self { platter, work: VecDeque::new() }
    }
}

impl Disk for Memory {
    fn append(&mut self, records: &[Bytes]) -> Result<Vec<Place>, Unwritten> {
        let mut written = self.platter.0.lock().unwrap();
        let (first, keep) = (written.next, written.tear_after.take());
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
        // Syncing what came before is all the lying disk ever does.
        written.durable = if written.plant == Plant::EarlyDurable { first } else { written.next };
        Ok(places)
    }

    fn read(&self, place: Place) -> Result<Bytes, Unread> {
        let record = self.platter.0.lock().unwrap().records.get(&number(place.segment, place.offset)).cloned();
        // Nobody may hold on to a place that was given up: as a failed read it would be found out much later.
        Ok(record.unwrap_or_else(|| panic!("lost: {place:?} was given up, and somebody reads it")))
    }

    fn sound(&self) -> Result<(), DiskFailed> {
        Ok(())
    }

    fn refusing(&self) -> Option<String> {
        None
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
        Layout { full: full.map(|segment| (segment, 1)).collect(), baseline: 0, room: u64::MAX }
    }

    fn walk(&self, from: Step, _bytes: usize) -> Result<Walk, DiskFailed> {
        let written = self.platter.0.lock().unwrap();
        let range = number(from.segment, from.offset)..number(from.segment + 1, 0);
        let mut records = written.records.range(range).map(|(at, bytes)| (place(*at), bytes.clone()));
        let walked = records.by_ref().take(2).collect();
        Ok(Walk { records: walked, next: records.next().map(|(place, _)| place.offset), damaged: Vec::new() })
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
        Ok(Some(1))
    }
}
