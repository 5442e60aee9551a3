//! The journal: everything a station must not forget, in the order it happened.
//!
//! Promises:
//! - [`Journal::append`] returns after the disk has every record of the batch, or returns an error.
//! - A batch that was cut short by a crash leaves its first records or none, never a hole; [`Opened::cut`] says so.
//! - A record that was durable and is unreadable is reported as [`Damage`], by place; it is never passed over.
//! - No error is survived in memory: after a failed write every append fails until the journal is opened again.
//! - A full disk is announced by [`Journal::headroom`] before it bites, and refuses a batch before writing any of it.
//!
//! Records live in segment files of one size, zeroed before use and used again after [`Journal::retire`], because a
//! file that grows makes every sync several times dearer. `format` is the layout, `scan` tells a torn end from
//! damage, `recover` opens, `ahead` keeps segments ready, [`Reader`] reads single records from any thread.
//!
//! What cannot be told from the segments alone: damage to the very last commit looks like a commit that was cut short. So
//! `reached` remembers how far there was something durable, and where that is further, [`Opened::damage`] says so.

mod ahead;
mod error;
mod format;
#[cfg(test)]
mod model;
mod pages;
mod reached;
mod reader;
mod recover;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File},
    io,
    ops::Range,
    path::{Path, PathBuf},
};

use ahead::{Ahead, Maker};
use format::{ALIGN, HEAD_BYTES, HEADER_BYTES, Head};
use pages::{PAGE, Pages};
use reached::Reached;
use reader::Live;
use scan::{Found, Scan};
use segment::Segment;

pub use error::{Damage, JournalError, ReadError};
pub use format::{JournalId, Place, Position};
pub use reader::Reader;
pub use scan::Cut;

/// How a journal is laid out.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of a segment file: a multiple of 4096 from 8 KiB to 1 GiB. The largest record is about as large.
    pub segment_bytes: u32,
    /// Segments kept ready ahead of need: the reserve when the disk is full.
    pub spare: usize,
    /// Sixteen random bytes, used if there is no journal yet.
    pub fresh_id: JournalId,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Segments that hold records.
    pub segments: usize,
    /// The last commit had been cut short and was taken away.
    pub cut: Option<Cut>,
    /// Segments whose header was damaged, and is as it was again.
    pub mended: Vec<u64>,
    /// Damage seen so far: missing segments, bad records in the last one, an end that is gone. A replay checks the rest.
    pub damage: Vec<Damage>,
}

/// Which journal, from where to where. An index outside of it is not an index of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Which journal.
    pub id: JournalId,
    /// Its oldest record begins here.
    pub oldest: Position,
    /// Its next record begins here.
    pub end: Position,
}

/// One segment with records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentUse {
    /// Its number.
    pub number: u64,
    /// Bytes written so far; of a full segment, all of them.
    pub bytes: u64,
}

/// How much can still be written, whatever the disk says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headroom {
    /// Bytes in the segments that are ready. A batch also loses up to one record's size at each segment border.
    pub bytes: u64,
    /// Why no further segment can be made ready.
    pub trouble: Option<String>,
}

/// Space on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes the journal's files take.
    pub used: u64,
    /// Bytes the file system has left for us.
    pub free: u64,
}

/// The journal, held by the one that writes it.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    id: JournalId,
    spare: usize,
    segment_bytes: u32,
    live: Live,
    current: Segment,
    end: u32,
    /// The page the last commit ended in.
    pages: Pages,
    sealed: bool,
    reached: Reached,
    poison: Option<String>,
    ahead: Ahead,
    // Last: the lock goes when nothing of ours touches the directory any more.
    _lock: File,
}

/// The part of a batch that goes into one segment.
struct Part {
    segment: Segment,
    from: u32,
    records: Range<usize>,
    seals: bool,
}

impl Journal {
    /// Opens the journal in this directory, or begins one. Torn ends are cut; damage is reported and left as it is.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<(Self, Reader, Opened), JournalError> {
        let Options { segment_bytes, spare, fresh_id: _ } = options;
        if !segment::size_ok(segment_bytes) || spare == 0 {
            return Err(JournalError::Options { segment_bytes, spare });
        }
        let dir = dir.as_ref().to_owned();
        recover::make_dir(&dir)?;
        let lock = recover::lock(&dir)?;
        let found = recover::recover(&dir, &options)?;
        let recover::Recovered { id, earlier, current, ready, end, sealed, cut, mended, damage } = found;
        let mut opened = Opened { segments: earlier.len() + 1, cut, mended, damage };
        let at = Position { segment: current.number, offset: end };
        let (reached, resume) = Reached::open(&dir, id);
        if let Some(resume) = resume.filter(|reached| *reached > at) {
            // It had been durable. What is left of its commit, if anything, went with it.
            opened.cut = None;
            opened.damage.push(Damage { at, resume });
        }

        let pages = current.last_page(end).map_err(JournalError::io("read", &dir))?;
        let live = Live::default();
        live.write().extend(earlier.iter().chain([&current]).map(|segment| (segment.number, segment.clone())));
        let reader = Reader { live: live.clone() };
        let next = ready.back().unwrap_or(&current).number + 1;
        let maker = Maker { dir: dir.clone(), id, segment_bytes, spare };
        let ahead = Ahead::start(maker, ready, next).map_err(JournalError::io("start a thread for", &dir))?;
        let journal = Self {
            dir,
            id,
            spare,
            segment_bytes,
            live,
            current,
            end,
            pages,
            sealed,
            reached,
            poison: None,
            ahead,
            _lock: lock,
        };
        Ok((journal, reader, opened))
    }

    /// Which journal this is, and from where to where it reaches.
    pub fn span(&self) -> Span {
        Span { id: self.id, oldest: Position::start_of(self.oldest()), end: self.end() }
    }

    /// Where the next record will begin: after every record that is durable.
    pub const fn end(&self) -> Position {
        Position { segment: self.current.number, offset: self.end }
    }

    /// Shows every record from here on, in order. Stops at damage; the caller decides whether to go on behind it.
    pub fn replay<E: From<JournalError>>(
        &self,
        from: Position,
        mut visit: impl FnMut(Place, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Span { oldest, end, .. } = self.span();
        let from = if from == Position::START { oldest } else { from };
        if from < oldest || from > end {
            return Err(JournalError::OutOfReach { from, oldest, end }.into());
        }
        for number in from.segment..=end.segment {
            let start = if number == from.segment { from.offset.max(HEADER_BYTES) } else { HEADER_BYTES };
            self.replay_segment(number, start, &mut visit)?;
        }
        Ok(())
    }

    /// Writes the batch and returns when the disk has it, with the place of each record.
    pub fn append<P: AsRef<[u8]>>(&mut self, payloads: &[P]) -> Result<Vec<Place>, JournalError> {
        if let Some(cause) = &self.poison {
            return Err(JournalError::Poisoned { cause: cause.clone() });
        }
        if payloads.is_empty() {
            return Ok(Vec::new());
        }
        // Everything that can be refused is refused here, before the first byte is written.
        let (parts, places) = self.plan(payloads)?;
        for part in parts {
            self.write(part, payloads, &places).map_err(|source| {
                // Nobody knows what the disk holds now, and a second sync would lie.
                self.poison = Some(source.to_string());
                JournalError::io("write", &segment::path(&self.dir, self.current.number))(source)
            })?;
        }
        Ok(places)
    }

    /// Gives up the oldest segment; its file will be used again. The one being written cannot be retired.
    pub fn retire(&mut self, segment: u64) -> Result<(), JournalError> {
        if let Some(cause) = &self.poison {
            return Err(JournalError::Poisoned { cause: cause.clone() });
        }
        let oldest = self.oldest();
        if segment != oldest || segment == self.current.number {
            return Err(JournalError::NotOldest { segment, oldest });
        }
        let path = segment::path(&self.dir, segment);
        let waiting = segment::numbers(&self.dir, "spare").map_err(JournalError::io("list", &self.dir))?;
        let gone = if waiting.len() < self.spare {
            fs::rename(&path, segment::spare_path(&self.dir, segment))
        } else {
            fs::remove_file(&path)
        };
        gone.map_err(JournalError::io("retire", &path))?;
        self.live.write().remove(&segment);
        segment::sync_dir(&self.dir).map_err(JournalError::io("sync", &self.dir))
    }

    /// The segments that hold records, oldest first.
    pub fn segments(&self) -> Vec<SegmentUse> {
        let used = |segment: &Segment| if segment.number == self.current.number { self.end } else { segment.bytes };
        self.live.read().values().map(|s| SegmentUse { number: s.number, bytes: u64::from(used(s)) }).collect()
    }

    /// What can be written without asking the file system for anything.
    pub fn headroom(&self) -> Headroom {
        if let Some(cause) = &self.poison {
            return Headroom { bytes: 0, trouble: Some(cause.clone()) };
        }
        let (ready, trouble) = self.ahead.ready();
        let here = if self.sealed { 0 } else { self.current.bytes.saturating_sub(self.end + HEAD_BYTES) };
        let each = u64::from(self.segment_bytes - HEADER_BYTES - HEAD_BYTES);
        Headroom { bytes: u64::from(here) + each * ready as u64, trouble: trouble.map(|error| error.to_string()) }
    }

    /// Space taken, and space left on the file system.
    pub fn space(&self) -> Result<Space, JournalError> {
        let mut used = 0;
        for entry in fs::read_dir(&self.dir).map_err(JournalError::io("list", &self.dir))? {
            // A draft may vanish between being listed and being asked for its size.
            used += entry.and_then(|entry| entry.metadata()).map_or(0, |meta| meta.len());
        }
        let system = rustix::fs::statvfs(&self.dir).map_err(io::Error::from);
        let system = system.map_err(JournalError::io("ask for the free space of", &self.dir))?;
        Ok(Space { used, free: system.f_bavail.saturating_mul(system.f_frsize) })
    }

    fn oldest(&self) -> u64 {
        self.live.read().keys().next().copied().unwrap_or(self.current.number)
    }

    fn replay_segment<E: From<JournalError>>(
        &self,
        number: u64,
        mut at: u32,
        visit: &mut impl FnMut(Place, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let next_segment = Position::start_of(number + 1);
        let Some(segment) = self.live.read().get(&number).cloned() else {
            return Err(JournalError::from(Damage { at: Position::start_of(number), resume: next_segment }).into());
        };
        let last = number == self.current.number;
        let path = segment::path(&self.dir, number);
        let mut scan = Scan::of(&segment);
        while !last || at < self.end {
            match scan.at(at).map_err(JournalError::io("read", &path))? {
                Found::Record(place) => {
                    visit(place, scan.payload(place).map_err(JournalError::io("read", &path))?)?;
                    at = place.end();
                }
                Found::Seal => break,
                Found::End | Found::Bad => {
                    let next = scan.next_after(at).map_err(JournalError::io("read", &path))?;
                    let rest = if last { self.end() } else { next_segment };
                    let resume = next.map_or(rest, |offset| Position { segment: number, offset });
                    let damage = Damage { at: Position { segment: number, offset: at }, resume };
                    return Err(JournalError::from(damage).into());
                }
            }
        }
        Ok(())
    }

    /// Lays the batch out over this segment and as many next ones as it needs.
    fn plan<P: AsRef<[u8]>>(&self, payloads: &[P]) -> Result<(Vec<Part>, Vec<Place>), JournalError> {
        let mut part = Part { segment: self.current.clone(), from: self.end, records: 0..0, seals: self.sealed };
        let (mut parts, mut places, mut at) = (Vec::new(), Vec::with_capacity(payloads.len()), self.end);
        for (index, payload) in payloads.iter().enumerate() {
            let length = match self.length(payload.as_ref()) {
                Ok(length) => length,
                Err(refused) => return Err(self.abandon(parts, part, refused)),
            };
            if part.seals || at + format::frame_bytes(length) + HEAD_BYTES > part.segment.bytes {
                part.seals = true;
                let segment = match self.ahead.take() {
                    Ok(segment) => segment,
                    Err(source) => {
                        let refused = JournalError::NoSegment { dir: self.dir.clone(), source };
                        return Err(self.abandon(parts, part, refused));
                    }
                };
                parts.push(part);
                at = HEADER_BYTES;
                part = Part { segment, from: at, records: index..index, seals: false };
            }
            let place = Place { segment: part.segment.number, offset: at, length };
            at = place.end();
            part.records.end = index + 1;
            places.push(place);
        }
        parts.push(part);
        Ok((parts, places))
    }

    /// Gives back the segments a refused batch had taken.
    fn abandon(&self, parts: Vec<Part>, last: Part, refused: JournalError) -> JournalError {
        let taken = parts.into_iter().chain([last]).map(|part| part.segment);
        self.ahead.give_back(taken.filter(|segment| segment.number != self.current.number).collect());
        refused
    }

    fn length(&self, payload: &[u8]) -> Result<u32, JournalError> {
        let most = format::payload_max(self.segment_bytes);
        let length = u32::try_from(payload.len()).ok().filter(|length| (1..=most).contains(length));
        length.ok_or(JournalError::Size { bytes: payload.len(), most })
    }

    /// One part: one write, one sync. The next part begins only after this one is durable, so no hole can appear.
    fn write<P: AsRef<[u8]>>(&mut self, part: Part, payloads: &[P], places: &[Place]) -> io::Result<()> {
        let Part { segment, from, records, seals } = part;
        if segment.number == self.current.number && self.sealed {
            return Ok(());
        }
        if segment.number != self.current.number {
            self.pages = Pages::default();
        }
        for (place, payload) in places[records.clone()].iter().zip(&payloads[records.clone()]) {
            let payload = payload.as_ref();
            let sum = segment.sum.at(place.offset, payload);
            let head = Head::Record { length: place.length, first: from, payload: sum };
            self.pages.put(&head.encode(segment.sum, place.offset));
            self.pages.put(payload);
            self.pages.put(&[0; ALIGN as usize][..payload.len().next_multiple_of(ALIGN as usize) - payload.len()]);
        }
        let end = places[records].last().map_or(from, |place| place.end());
        let mark = if seals { Head::Seal { first: from }.encode(segment.sum, end) } else { [0; HEAD_BYTES as usize] };
        self.pages.put(&mark);
        segment.write(self.pages.whole(), from)?;
        segment.file.sync_data()?;
        self.pages.keep_last(end as usize - from as usize / PAGE * PAGE);

        self.live.write().entry(segment.number).or_insert_with(|| segment.clone());
        (self.current, self.end, self.sealed) = (segment, end, seals);
        self.reached.note(self.end());
        Ok(())
    }
}
