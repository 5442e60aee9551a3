//! Disks that tear, and two that lie.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use node::{
    engine::{Disk, DiskFailed, Unwritten},
    post::{
        envelope::Place,
        rows::{MemoryBase, Overlay},
    },
};

use super::plant::Plant;
use crate::dice::Dice;

/// What survives a crash.
#[derive(Clone, Default)]
pub(super) struct Platter(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    records: Vec<Bytes>,
    /// How many of them survive a crash: all, unless the disk lies.
    durable: usize,
    base: BTreeMap<Vec<u8>, Vec<u8>>,
    watermark: usize,
    tear_after: Option<usize>,
    plant: Plant,
}

impl Platter {
    pub(super) fn new(plant: Plant) -> Self {
        Self(Arc::new(Mutex::new(Written { plant, ..Written::default() })))
    }

    /// The rows of the index, and how many records they stand for.
    pub(super) fn index(&self) -> (MemoryBase, usize) {
        let written = self.0.lock().unwrap();
        let base = MemoryBase::default();
        *base.0.write().unwrap() = written.base.clone();
        (base, written.watermark)
    }

    pub(super) fn records(&self, from: usize) -> Vec<(Place, Bytes)> {
        let written = self.0.lock().unwrap();
        (from..written.records.len()).map(|at| (place(at), written.records[at].clone())).collect()
    }

    /// The next commit fails, leaving its first records on the disk; or it does not, after all.
    pub(super) fn tear_after(&self, records: Option<usize>) {
        self.0.lock().unwrap().tear_after = records;
    }

    /// The index has these rows, and says they stand for every record.
    pub(super) fn set_index(&self, rows: BTreeMap<Vec<u8>, Vec<u8>>) {
        let mut written = self.0.lock().unwrap();
        (written.base, written.watermark) = (rows, written.records.len());
    }

    /// The index is gone: it has to be rebuilt from the journal.
    pub(super) fn lose_index(&self) {
        let mut written = self.0.lock().unwrap();
        (written.base, written.watermark) = (BTreeMap::new(), 0);
    }

    /// The power goes: an honest disk keeps everything it has acknowledged.
    pub(super) fn crash(&self, dice: &mut Dice) {
        let mut written = self.0.lock().unwrap();
        let keep = match written.plant {
            Plant::ForgetfulDisk => written.records.len().saturating_sub(1 + dice.below(3)),
            _ => written.durable,
        };
        written.records.truncate(keep);
        written.durable = keep;
        if written.watermark > keep {
            (written.base, written.watermark) = (BTreeMap::new(), 0);
        }
    }
}

fn place(at: usize) -> Place {
    Place { segment: at as u64, offset: 0, length: 0 }
}

/// A station's disk while it runs.
pub(super) struct Memory {
    pub(super) platter: Platter,
    pub(super) draining: Option<(Arc<Overlay>, usize)>,
}

impl Disk for Memory {
    fn append(&mut self, records: &[Bytes]) -> Result<Vec<Place>, Unwritten> {
        let mut written = self.platter.0.lock().unwrap();
        let first = written.records.len();
        if let Some(keep) = written.tear_after.take() {
            written.records.extend(records.iter().take(keep).cloned());
            written.durable = written.records.len();
            return Err(DiskFailed { what: "power cut".into() }.into());
        }
        written.records.extend_from_slice(records);
        // Syncing what came before is all the lying disk ever does.
        written.durable = if written.plant == Plant::EarlyDurable { first } else { written.records.len() };
        Ok((first..written.records.len()).map(place).collect())
    }

    fn read(&self, place: Place) -> Result<Bytes, DiskFailed> {
        let at = usize::try_from(place.segment).unwrap();
        Ok(self.platter.0.lock().unwrap().records[at].clone())
    }

    fn refusing(&self) -> Option<String> {
        None
    }

    fn drain(&mut self, rows: Arc<Overlay>) -> Result<(), DiskFailed> {
        self.draining = Some((rows, self.platter.0.lock().unwrap().records.len()));
        Ok(())
    }

    fn drained(&mut self) -> Result<bool, DiskFailed> {
        if let Some((rows, watermark)) = self.draining.take() {
            let mut written = self.platter.0.lock().unwrap();
            for (key, row) in rows.iter() {
                match row {
                    Some(row) => written.base.insert(key.clone(), row.clone()),
                    None => written.base.remove(key),
                };
            }
            written.watermark = watermark;
        }
        Ok(true)
    }
}
