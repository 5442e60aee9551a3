//! The index: rows folded from the journal, in sled, so that nobody has to read the journal to answer a question.
//!
//! It is never the truth. sled 0.34 is not durable against power loss by itself and may come back damaged, so:
//! - every batch carries the journal position it stands for, in the same atomic write: after any crash the rows are those
//!   of *some* earlier position, and a replay from [`Opened::watermark`] brings them up to date;
//! - [`Index::checkpoint`] adds the `fdatasync` that sled leaves out, and only moves [`Index::durable`] afterwards;
//! - what does not open, panics, or belongs to another journal, another position or another shape of rows is moved aside,
//!   reported, and begun anew;
//! - every row is counted and summed on opening, because sled may come up without complaint and without some of them;
//! - a read that fails is not "no such row": [`Index::trouble`] is set, and no decision made since may be committed.
//!
//! Rows are small ([`ROW_BYTES_MAX`]): sled puts what is larger than a quarter of a segment into files it never syncs.

mod anew;
mod open;
#[cfg(test)]
mod tests;
mod watermark;
mod worker;

use std::{
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
};

use super::{
    baseline::Baseline,
    journal::{JournalId, Position, Span},
};
use crate::{limits::ROW_BYTES_MAX, post::rows::Base};

use open::Store;
use watermark::{Contents, Watermark};
pub use worker::{Drained, Indexer};

/// Rows read at a time when all of them are shown.
const PAGE_ROWS: usize = 1024;
/// The row that says what the others stand for. No other row has an empty key.
const WATERMARK: &[u8] = &[];

/// Rows to write, by key; `None` removes the row.
pub type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What an index is opened for.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of rows kept in memory. sled may use a few times as much.
    pub cache_bytes: u64,
    /// The journal it must be an index of.
    pub journal: Span,
    /// The version of the rows' shape; rows of another one are rebuilt.
    pub shape: u32,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The rows stand for the journal up to here; none for an empty index. Replay from here.
    pub watermark: Option<Position>,
    /// An index was there and could not be used.
    pub set_aside: Option<SetAside>,
}

/// An index that was moved away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now, for whoever wants to look. Only the latest is kept.
    pub to: PathBuf,
    /// What was wrong with it.
    pub why: String,
    /// It stood for more of the journal than there is: what is missing from there up to here was durable once.
    pub ahead: Option<Position>,
}

/// Why the index cannot do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Another process, or another part of this one, has it open.
    #[error("the index in {} is in use: stop the other process", dir.display())]
    InUse { dir: PathBuf },
    /// Even an empty one could not be opened.
    #[error("no index can be opened in {}: {cause}; make sure of space and permissions, then restart the station", dir.display())]
    Open { dir: PathBuf, cause: String },
    /// A row that must not be stored.
    #[error("a row of {bytes} bytes with a key of {key_bytes}: a key has at least one, a row at most {ROW_BYTES_MAX}")]
    Row { bytes: usize, key_bytes: usize },
    /// A batch is still being written.
    #[error("the index is still writing the batch before")]
    Busy,
    /// sled failed. Nothing read since then can be relied on.
    #[error("the index failed ({cause}); restart the station, the index is rebuilt from the journal if need be")]
    Failed { cause: String },
}

/// A handle on the index; clones share it.
#[derive(Debug, Clone)]
pub struct Index {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    base: PathBuf,
    // Changed only when it is written anew.
    store: RwLock<Store>,
    cache_bytes: u64,
    journal: JournalId,
    shape: u32,
    // Held while a batch is written. Apart from the marks, so that asking for those never waits for a batch.
    contents: Mutex<Contents>,
    marks: Mutex<Marks>,
    trouble: OnceLock<String>,
}

#[derive(Debug, Clone, Copy)]
struct Marks {
    applied: Option<Position>,
    durable: Option<Position>,
}

impl Index {
    /// Opens the index in this directory, or begins an empty one if that cannot be used.
    pub fn open(dir: impl AsRef<Path>, options: &Options) -> Result<(Self, Opened), IndexError> {
        let dir = dir.as_ref();
        let (open::Usable { store, contents, watermark: _ }, opened) = open::open(dir, options)?;
        let marks = Marks { applied: opened.watermark, durable: opened.watermark };
        let shared = Shared {
            base: dir.to_owned(),
            store: RwLock::new(store),
            cache_bytes: options.cache_bytes,
            journal: options.journal.id,
            shape: options.shape,
            contents: Mutex::new(contents),
            marks: Mutex::new(marks),
            trouble: OnceLock::new(),
        };
        Ok((Self { shared: Arc::new(shared) }, opened))
    }

    /// Has the index in this directory rebuilt when it is opened next.
    pub fn condemn(dir: &Path) -> io::Result<()> {
        open::condemn(&anew::current(dir)?)
    }

    /// Writes the rows and what they stand for, all or nothing. Visible at once, durable after a checkpoint.
    pub fn apply(&self, rows: &Rows, watermark: Position) -> Result<(), IndexError> {
        for (key, value) in rows {
            let bytes = key.len() + value.as_ref().map_or(0, Vec::len);
            if key.is_empty() || bytes > ROW_BYTES_MAX {
                return Err(IndexError::Row { bytes, key_bytes: key.len() });
            }
        }
        // Changed only after the write, so a panic elsewhere does not make it wrong.
        let mut current = self.shared.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let mut contents = *current;
        self.guarded("write", |Store { db, .. }| {
            let mut batch = sled::Batch::default();
            for (key, value) in rows {
                if let Some(old) = db.get(key)? {
                    contents.remove(key, &old);
                }
                match value {
                    Some(value) => {
                        contents.add(key, value);
                        batch.insert(key.as_slice(), value.as_slice());
                    }
                    None => batch.remove(key.as_slice()),
                }
            }
            let Shared { shape, journal, .. } = *self.shared;
            batch.insert(WATERMARK, Watermark { shape, journal, at: watermark, contents }.encode());
            db.apply_batch(batch)
        })?;
        *current = contents;
        self.marks(|marks| marks.applied = Some(watermark));
        Ok(())
    }

    /// Brings everything applied so far to the disk.
    pub fn checkpoint(&self) -> Result<(), IndexError> {
        let applied = self.marks(|marks| marks.applied);
        self.guarded("flush", |Store { db, data, .. }| {
            db.flush()?;
            data.sync_data()?;
            Ok(())
        })?;
        self.marks(|marks| marks.durable = applied);
        Ok(())
    }

    /// The rows stand for the journal up to here.
    pub fn watermark(&self) -> Option<Position> {
        self.marks(|marks| marks.applied)
    }

    /// The rows on disk stand for the journal up to here; what is before it is not needed to rebuild them.
    pub fn durable(&self) -> Option<Position> {
        self.marks(|marks| marks.durable)
    }

    /// What a baseline of all rows stands for.
    pub(super) fn as_baseline(&self) -> Baseline {
        let contents = self.contents();
        let Shared { journal, shape, .. } = *self.shared;
        Baseline { journal, shape, at: self.watermark().unwrap_or(Position::START), rows: contents.count(), bytes: 0 }
    }

    /// Shows every row, in order. An error if one is missing or has changed: sled can lose rows without a word.
    pub(super) fn each<E: From<IndexError>>(
        &self,
        mut show: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut from, mut seen) = (Vec::new(), Contents::default());
        loop {
            let rows = self.rows(&from, &[0xff; 64], PAGE_ROWS, false);
            for (key, value) in &rows {
                seen.add(key, value);
                show(key, value)?;
            }
            match rows.into_iter().next_back() {
                Some((last, _)) => from = [&last[..], &[0]].concat(),
                None => break,
            }
        }
        let expected = self.contents();
        self.guarded("read", |_| {
            let missing = || sled::Error::ReportableBug(format!("{seen:?} is there and {expected:?} should be"));
            if seen == expected { Ok(()) } else { Err(missing()) }
        })?;
        Ok(())
    }

    /// Set once sled has failed: reads may have missed rows since then.
    pub fn trouble(&self) -> Option<IndexError> {
        self.shared.trouble.get().map(|cause| IndexError::Failed { cause: cause.clone() })
    }

    fn contents(&self) -> Contents {
        *self.shared.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Two positions: whole at any time, so a panic elsewhere does not make them wrong.
    fn marks<T>(&self, f: impl FnOnce(&mut Marks) -> T) -> T {
        f(&mut self.shared.marks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks sled; an error or a panic is final.
    fn guarded<T>(&self, doing: &str, f: impl FnOnce(&Store) -> sled::Result<T>) -> Result<T, IndexError> {
        if let Some(trouble) = self.trouble() {
            return Err(trouble);
        }
        let store = self.shared.store.read().unwrap_or_else(PoisonError::into_inner);
        let asked = catch_unwind(AssertUnwindSafe(|| f(&store)));
        let (cause, rebuild) = match asked {
            Ok(Ok(answer)) => return Ok(answer),
            // The system's errors pass with their cause; anything else means that the rows are no good.
            Ok(Err(sled::Error::Io(error))) => (error.to_string(), error.kind() == io::ErrorKind::UnexpectedEof),
            Ok(Err(error)) => (error.to_string(), true),
            Err(panic) => (open::said(&*panic), true),
        };
        let mut cause = format!("cannot {doing}: {cause}");
        if rebuild && let Err(error) = open::condemn(&store.dir) {
            cause = format!("{cause}; cannot have it rebuilt: {error}");
        }
        Err(IndexError::Failed { cause: self.shared.trouble.get_or_init(|| cause).clone() })
    }

    fn rows(&self, from: &[u8], to: &[u8], limit: usize, back: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
        // The smallest key there is, after the watermark's.
        let from = if from.is_empty() { &[0] } else { from };
        if from >= to {
            return Vec::new();
        }
        let found = self.guarded("read", |Store { db, .. }| {
            let range = db.range(from..to);
            let owned =
                |row: sled::Result<(sled::IVec, sled::IVec)>| row.map(|(key, value)| (key.to_vec(), value.to_vec()));
            if back { range.rev().take(limit).map(owned).collect() } else { range.take(limit).map(owned).collect() }
        });
        found.unwrap_or_default()
    }
}

impl Base for Index {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        if key.is_empty() {
            return None;
        }
        self.guarded("read", |Store { db, .. }| db.get(key)).ok().flatten().map(|value| value.to_vec())
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.rows(from, to, limit, false)
    }

    fn range_back(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.rows(from, to, limit, true)
    }
}
