//! The engine's disk: the journal for facts, the index for rows, and how a station comes back from both.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use prost::Message as _;

use super::{
    index::{self, Index, IndexError, Indexer},
    journal::{self, Journal, JournalError, JournalId, Position, Reader},
};
use crate::{
    config,
    engine::{Disk, DiskFailed, Unwritten},
    io::Io,
    post::{
        Me, Post,
        envelope::Place,
        fact::{Record, Replay},
        rows::Overlay,
    },
};

/// Changes when rows mean something else than before: the index is then rebuilt from the journal.
const SHAPE: u32 = 2;
/// Segments kept ready ahead of need.
const SPARE: usize = 1;

/// Why a station's store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The indexer's thread.
    #[error("the indexer cannot be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A record that was durable and whole, and says nothing this software understands.
    #[error("the journal record at {place:?} is of an unknown form: was it written by a newer version?")]
    Unknown {
        /// Which.
        place: Place,
    },
    /// A segment size the journal cannot have.
    #[error("[store] segment is {0} bytes: at most 1 GiB")]
    Segment(u64),
}

/// What opening found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Facts replayed onto the rows.
    pub replayed: u64,
    /// Records of a turn that a crash cut short.
    pub left_over: u32,
    /// In words, for the log and for `check`.
    pub notes: Vec<String>,
}

/// Journal and index of one station.
pub struct JournalDisk {
    journal: Journal,
    reader: Reader,
    index: Index,
    indexer: Indexer,
    reserve: u64,
    free: u64,
    since_look: u32,
}

/// Commits between two looks at the free space of the disk.
const LOOK_EVERY: u32 = 64;

impl JournalDisk {
    /// Opens the store in a directory and brings a post office up to date with it.
    pub fn open(dir: &Path, store: &config::Store, me: Me, io: &dyn Io) -> Result<(Self, Post, Recovered), StoreError> {
        let mut fresh = [0; 16];
        io.random(&mut fresh);
        let segment_bytes = u32::try_from(store.segment).map_err(|_| StoreError::Segment(store.segment))?;
        let options = journal::Options { segment_bytes, spare: SPARE, fresh_id: JournalId(fresh) };
        let (journal, reader, opened) = Journal::open(dir.join("journal"), options)?;
        let mut recovered = Recovered::default();
        if let Some(cut) = opened.cut {
            recovered.notes.push(format!("the last commit had been cut short and was taken away: {cut:?}"));
        }
        let options = index::Options { cache_bytes: store.index_cache, journal: journal.span(), shape: SHAPE };
        let (index, found) = Index::open(dir.join("index"), &options)?;
        if let Some(aside) = found.set_aside {
            recovered.notes.push(format!(
                "the index is rebuilt ({}); the old one is in {}",
                aside.why,
                aside.to.display()
            ));
        }
        let mut post = Post::load(me, Box::new(index.clone()));
        let from = found.watermark.unwrap_or(Position::START);
        let mut replay = Replay::default();
        journal.replay(from, |place, payload| {
            let place = own(place);
            let record = Record::decode(payload).map_err(|_| StoreError::Unknown { place })?;
            replay.feed(record, place, &mut post);
            Ok::<_, StoreError>(())
        })?;
        (recovered.replayed, recovered.left_over) = replay.finish();
        let free = journal.space()?.free;
        let indexer = Indexer::start(index.clone())?;
        let disk = Self { journal, reader, index, indexer, reserve: store.reserve, free, since_look: 0 };
        Ok((disk, post, recovered))
    }

    /// Bytes the journal takes, and bytes the file system has left.
    pub fn space(&self) -> Result<journal::Space, JournalError> {
        self.journal.space()
    }

    fn look_at_space(&mut self) -> Result<(), DiskFailed> {
        self.since_look += 1;
        if self.since_look >= LOOK_EVERY {
            self.since_look = 0;
            self.free = self.journal.space().map_err(failed)?.free;
        }
        Ok(())
    }
}

impl Disk for JournalDisk {
    fn append(&mut self, records: &[Bytes]) -> Result<Vec<Place>, Unwritten> {
        // A read of the index that failed may have looked like "no such row" to whoever decided this.
        if let Some(trouble) = self.index.trouble() {
            return Err(failed(trouble).into());
        }
        let places = match self.journal.append(records) {
            Ok(places) => places,
            Err(full @ JournalError::NoSegment { .. }) => return Err(Unwritten::Full { what: full.to_string() }),
            Err(error) => return Err(failed(error).into()),
        };
        self.look_at_space()?;
        Ok(places.into_iter().map(own).collect())
    }

    fn read(&self, place: Place) -> Result<Bytes, DiskFailed> {
        let Place { segment, offset, length } = place;
        self.reader.read(journal::Place { segment, offset, length }).map_err(failed)
    }

    fn refusing(&self) -> Option<String> {
        let headroom = self.journal.headroom();
        if let Some(trouble) = headroom.trouble {
            return Some(format!("the disk is full ({trouble}): only 特提 and 特急 are taken in; free some space"));
        }
        (self.free < self.reserve).then(|| {
            format!(
                "only {} MiB are free on the disk and {} MiB are kept for 特提 and 特急: free some space",
                self.free >> 20,
                self.reserve >> 20
            )
        })
    }

    fn drain(&mut self, rows: Arc<Overlay>) -> Result<(), DiskFailed> {
        self.indexer.submit(rows, self.journal.end()).map_err(failed)
    }

    fn drained(&mut self) -> Result<bool, DiskFailed> {
        match self.indexer.poll() {
            Some(Err(error)) => Err(failed(error)),
            Some(Ok(_)) => Ok(true),
            None => Ok(!self.indexer.busy()),
        }
    }
}

fn own(place: journal::Place) -> Place {
    Place { segment: place.segment, offset: place.offset, length: place.length }
}

fn failed(error: impl std::fmt::Display) -> DiskFailed {
    DiskFailed { what: error.to_string() }
}
