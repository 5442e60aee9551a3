//! The engine's disk: the journal for facts, the index for rows, and how a station comes back from both.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use prost::Message as _;
use proto::v1::Precedence;

use super::{
    baseline::{self, Baseline, BaselineError},
    index::{self, Drained, Index, IndexError, Indexer},
    journal::{self, Journal, JournalError, JournalId, Position, ReadError, Reader},
};
use crate::{
    config,
    engine::{Disk, DiskFailed, Layout, Step, Unread, Unwritten, Walk},
    io::Io,
    limits,
    post::{
        Me, Post,
        envelope::Place,
        fact::{Record, Replay},
        losses::Stretch,
        office::Shortage,
        rows::Overlay,
    },
};

/// Changes when rows mean something else than before. The index is then rebuilt from the journal, but a baseline can only
/// be read: once segments have been given up, whoever changes the shape has to bring its rows along.
const SHAPE: u32 = 3;
/// The number of the first segment a journal ever has.
const FIRST_SEGMENT: u64 = 1;
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
    /// The baseline, which is needed because older segments were given up.
    #[error("the index has to be rebuilt: {0}")]
    Baseline(#[from] BaselineError),
    /// Neither index nor baseline: the oldest facts are gone.
    #[error(
        "the index has to be rebuilt, and the journal begins at segment {oldest} without a baseline that fits it ({why}); restore the whole data directory from one backup, or move it away: the station then begins anew, and its neighbours give it what they still have"
    )]
    NoBaseline {
        /// The oldest segment there is.
        oldest: u64,
        /// What is wrong with the baseline.
        why: String,
    },
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
    /// Parts of the journal that were durable and are lost.
    pub holes: Vec<Stretch>,
    /// In words, for the log and for `check`.
    pub notes: Vec<String>,
}

/// Journal and index of one station.
pub struct JournalDisk {
    journal: Journal,
    reader: Reader,
    index: Index,
    indexer: Indexer,
    beside: PathBuf,
    baseline: Option<Baseline>,
    reserve: u64,
    segment_bytes: u64,
    free: u64,
    since_look: u32,
    /// The first record the file system would not read.
    unread: OnceCell<DiskFailed>,
}

/// This part of a reserve is kept for 特提 …
const URGENT_PART: u64 = 4;
/// … and this one for receipts, and for what neighbours say to what was offered to them.
const LAST_PART: u64 = 16;

/// Commits between two looks at the free space of the disk.
const LOOK_EVERY: u32 = 64;

impl JournalDisk {
    /// Opens the store in a directory and brings a post office up to date with it.
    pub fn open(dir: &Path, store: &config::Store, me: Me, io: &dyn Io) -> Result<(Self, Post, Recovered), StoreError> {
        let mut fresh = [0; 16];
        io.random(&mut fresh);
        let segment_bytes = u32::try_from(store.segment).map_err(|_| StoreError::Segment(store.segment))?;
        let options = journal::Options { segment_bytes, spare: SPARE, fresh_id: JournalId(fresh) };
        let beside = dir.join("journal");
        let (journal, reader, opened) = Journal::open(&beside, options)?;
        let mut recovered = Recovered { holes: opened.damage.iter().map(stretch).collect(), ..Recovered::default() };
        if let Some(cut) = opened.cut {
            recovered.notes.push(format!("the last commit had been cut short and was taken away: {cut:?}"));
        }
        let mended = |number: &u64| format!("the damaged header of journal segment {number} was written again");
        recovered.notes.extend(opened.mended.iter().map(mended));
        let options = index::Options { cache_bytes: store.index_cache, journal: journal.span(), shape: SHAPE };
        let (index, found) = Index::open(dir.join("index"), &options)?;
        if let Some(aside) = found.set_aside {
            recovered.notes.push(format!(
                "the index is rebuilt ({}); the old one is in {}",
                aside.why,
                aside.to.display()
            ));
            // The journal may have noticed itself that its end is gone.
            let ahead = aside.ahead.filter(|_| opened.damage.last().is_none_or(|damage| damage.at != journal.end()));
            recovered.holes.extend(ahead.map(|ahead| between(journal.end(), ahead)));
        }
        let baseline = baseline::find(&beside);
        let from = match found.watermark {
            Some(watermark) => watermark,
            None => rebuild(&index, &journal, &beside, &baseline)?,
        };
        let mut post = Post::load(me, Box::new(index.clone()));
        let mut replay = Replay::default();
        let mut at = from;
        // What is lost is named, and everything behind it still counts.
        loop {
            let replayed = journal.replay(at, |place, payload| {
                // Between two turns rows may go into the index, so that a long journal is read in bounded memory.
                if replay.between_turns()
                    && post.rows_mut().undrained() > limits::UNDRAINED_ROWS_MAX
                    && let Some(rows) = post.rows_mut().start_drain()
                {
                    index.apply(&rows, place.position())?;
                    post.rows_mut().end_drain();
                }
                let place = own(place);
                let record = Record::decode(payload).map_err(|_| StoreError::Unknown { place })?;
                replay.feed(record, place, &mut post);
                Ok::<_, StoreError>(())
            });
            match replayed {
                Ok(()) => break,
                Err(StoreError::Journal(JournalError::Damaged(damage))) => {
                    replay.hole(&mut post);
                    recovered.holes.push(stretch(&damage));
                    at = damage.resume;
                }
                Err(error) => return Err(error),
            }
        }
        recovered.holes.sort_unstable_by_key(|hole| hole.from);
        recovered.holes.dedup();
        let lost =
            |hole: &Stretch| format!("the journal is lost from {:?} to {:?} (segment, offset)", hole.from, hole.to);
        recovered.notes.extend(recovered.holes.iter().map(lost));
        (recovered.replayed, recovered.left_over) = replay.finish();
        let free = journal.space()?.free;
        let indexer = Indexer::start(index.clone())?;
        // One that does not read is written anew before anything relies on it.
        let baseline = baseline.ok().flatten();
        let reserve = store.reserve;
        let disk = Self {
            journal,
            reader,
            index,
            indexer,
            beside,
            baseline,
            reserve,
            segment_bytes: store.segment,
            free,
            since_look: 0,
            unread: OnceCell::new(),
        };
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
        let places = match self.journal.append(records) {
            Ok(places) => places,
            Err(full @ JournalError::NoSegment { .. }) => return Err(Unwritten::Full { what: full.to_string() }),
            Err(error) => return Err(failed(error).into()),
        };
        self.look_at_space()?;
        Ok(places.into_iter().map(own).collect())
    }

    fn read(&self, place: Place) -> Result<Bytes, Unread> {
        let Place { segment, offset, length } = place;
        self.reader.read(journal::Place { segment, offset, length }).map_err(|error| match error {
            ReadError::Io { .. } => self.unread.get_or_init(|| failed(&error)).clone().into(),
            ReadError::Gone { .. } | ReadError::Damaged { .. } => Unread::Damaged { what: error.to_string() },
        })
    }

    fn sound(&self) -> Result<(), DiskFailed> {
        let index = self.index.trouble().map(failed);
        index.or_else(|| self.unread.get().cloned()).map_or(Ok(()), Err)
    }

    fn shortage(&self) -> Option<Shortage> {
        let headroom = self.journal.headroom();
        if let Some(trouble) = headroom.trouble {
            // What is left is the journal's own reserve: one segment, made ready long before.
            let left = |parts: u64| headroom.bytes < self.segment_bytes / parts;
            let least = match () {
                () if left(LAST_PART) => None,
                () if left(URGENT_PART) => Some(Precedence::TeTi),
                () => Some(Precedence::TeJi),
            };
            let why =
                format!("the journal cannot grow ({trouble}): {}; free some space, or see to the disk", kept(least));
            return Some(Shortage { why, least });
        }
        (self.free < self.reserve).then(|| {
            let most_urgent = self.free < self.reserve / URGENT_PART;
            let least = Some(if most_urgent { Precedence::TeTi } else { Precedence::TeJi });
            let (free, reserve) = (self.free >> 20, self.reserve >> 20);
            let why = format!(
                "only {free} MiB are free on the disk, of {reserve} MiB in reserve: {}; free some space",
                kept(least)
            );
            Shortage { why, least }
        })
    }

    fn drain(&mut self, rows: Arc<Overlay>) -> Result<(), DiskFailed> {
        self.indexer.submit(rows, self.journal.end(), None).map_err(failed)
    }

    fn drained(&mut self) -> Result<bool, DiskFailed> {
        match self.indexer.poll() {
            Some(Err(error)) => Err(failed(error)),
            Some(Ok(Drained { baseline, .. })) => {
                match baseline {
                    Some(Ok(baseline)) => self.baseline = Some(baseline),
                    Some(Err(error)) => tracing::warn!(%error, "no segment is given up; tried again later"),
                    None => {}
                }
                Ok(true)
            }
            None => Ok(!self.indexer.busy()),
        }
    }

    fn layout(&self) -> Layout {
        let mut full: Vec<_> = self.journal.segments().iter().map(|used| (used.number, used.bytes)).collect();
        let current = full.pop().map_or(FIRST_SEGMENT, |(number, _)| number);
        let headroom = self.journal.headroom();
        let room = if headroom.trouble.is_some() { headroom.bytes } else { headroom.bytes.max(self.free) };
        Layout { full, current, baseline: self.baseline.map_or(0, |baseline| baseline.bytes), room }
    }

    fn walk(&self, from: Step, bytes: usize) -> Result<Walk, DiskFailed> {
        let mut walk = Walk::default();
        let mut read = 0;
        let start = Position::start_of(from.segment).max(Position { segment: from.segment, offset: from.offset });
        let mut visit = |place: journal::Place, payload: &[u8]| {
            if place.segment != from.segment || read >= bytes {
                walk.next = (place.segment == from.segment).then_some(place.offset);
                return Err(Halt::Enough);
            }
            read += payload.len();
            walk.records.push((own(place), Bytes::copy_from_slice(payload)));
            Ok(())
        };
        let mut at = start;
        let mut damaged = Vec::new();
        loop {
            match self.journal.replay(at, &mut visit) {
                Ok(()) | Err(Halt::Enough) => break,
                Err(Halt::Journal(JournalError::Damaged(damage))) if damage.at.segment == from.segment => {
                    damaged.push(stretch(&damage));
                    at = damage.resume;
                    if at.segment != from.segment {
                        break;
                    }
                }
                Err(Halt::Journal(JournalError::Damaged(_))) => break,
                Err(Halt::Journal(error)) => return Err(failed(error)),
            }
        }
        walk.damaged = damaged;
        Ok(walk)
    }

    fn baseline(&mut self, rows: Arc<Overlay>) -> Result<(), DiskFailed> {
        self.indexer.submit(rows, self.journal.end(), Some(self.beside.clone())).map_err(failed)
    }

    fn retire(&mut self, before: u64) -> Result<Option<u64>, DiskFailed> {
        let stands_for = self.baseline.map_or(0, |baseline| baseline.at.segment);
        match self.journal.segments().first() {
            Some(oldest) if oldest.number < before.min(stands_for) => {
                self.journal.retire(oldest.number).map_err(failed)?;
                // Whoever waits for space wants to know at once.
                self.free = self.journal.space().map_err(failed)?.free;
                Ok(Some(oldest.bytes))
            }
            _ => Ok(None),
        }
    }
}

/// Why a walk ended before the journal did.
enum Halt {
    Enough,
    Journal(JournalError),
}

impl From<JournalError> for Halt {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// Begins an empty index with what the baseline says, and says where the journal goes on from there.
fn rebuild(
    index: &Index,
    journal: &Journal,
    beside: &Path,
    baseline: &Result<Option<Baseline>, BaselineError>,
) -> Result<Position, StoreError> {
    let journal::Span { id, oldest, end } = journal.span();
    let why = match baseline {
        // Everything that ever happened is still here.
        _ if oldest.segment == FIRST_SEGMENT => return Ok(Position::START),
        Ok(Some(baseline)) if baseline.journal != id => "it belongs to another journal".to_owned(),
        Ok(Some(baseline)) if baseline.shape != SHAPE => {
            format!("its rows have shape {}, this version needs {SHAPE}", baseline.shape)
        }
        Ok(Some(Baseline { at, .. })) if *at < oldest || *at > end => format!("it stands for {at}"),
        Ok(Some(Baseline { at, .. })) => {
            // Until the last row is there, the rows stand for nothing: a stop in between begins anew.
            baseline::read(beside, |rows| Ok::<_, StoreError>(index.apply(&rows, Position::START)?))?;
            index.apply(&index::Rows::new(), *at)?;
            return Ok(*at);
        }
        Ok(None) => "there is none".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(StoreError::NoBaseline { oldest: oldest.segment, why })
}

fn kept(least: Option<Precedence>) -> &'static str {
    match least {
        None => "nothing is taken in",
        Some(Precedence::TeTi) => "only 特提 is taken in",
        Some(_) => "only 特提 and 特急 are taken in",
    }
}

fn own(place: journal::Place) -> Place {
    Place { segment: place.segment, offset: place.offset, length: place.length }
}

fn stretch(damage: &journal::Damage) -> Stretch {
    between(damage.at, damage.resume)
}

fn between(from: Position, to: Position) -> Stretch {
    Stretch { from: (from.segment, from.offset), to: (to.segment, to.offset) }
}

fn failed(error: impl std::fmt::Display) -> DiskFailed {
    DiskFailed { what: error.to_string() }
}
