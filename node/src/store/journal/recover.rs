//! Opening a journal: what is there, where it ends, what was torn, what is damaged.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
};

use rustix::fs::FlockOperation;

use super::{
    Options,
    error::{Damage, JournalError},
    format::{Header, JournalId, Position},
    scan::{Cut, Scan, Tail},
    segment::{self, Segment},
};

/// Everything opening found out.
pub(super) struct Recovered {
    pub(super) id: JournalId,
    /// Full segments, oldest first.
    pub(super) earlier: Vec<Segment>,
    /// The one being written.
    pub(super) current: Segment,
    /// Segments after it, empty and usable.
    pub(super) ready: VecDeque<Segment>,
    pub(super) end: u32,
    pub(super) sealed: bool,
    pub(super) cut: Option<Cut>,
    pub(super) mended: Vec<u64>,
    pub(super) damage: Vec<Damage>,
}

/// Takes the directory for this process, for as long as the file is open.
pub(super) fn lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("LOCK");
    let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = open.map_err(JournalError::io("open", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::Locked { dir: dir.to_owned() }),
        Err(errno) => Err(JournalError::io("lock", &path)(errno.into())),
    }
}

/// Creates the directory so that it survives a power cut.
pub(super) fn make_dir(dir: &Path) -> Result<(), JournalError> {
    fs::create_dir_all(dir).map_err(JournalError::io("create", dir))?;
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    segment::sync_dir(parent).map_err(JournalError::io("sync", parent))
}

/// Reads what is there, cuts what was torn, and leaves a journal that can be appended to.
pub(super) fn recover(dir: &Path, options: &Options) -> Result<Recovered, JournalError> {
    remove_drafts(dir)?;
    let Opened { id, segments: mut used, mended } = open_all(dir, options)?;
    let mut damage = missing(&used);
    let mut ready = split_off_empty(dir, &mut used)?;
    let Some(current) = used.pop() else {
        return Err(JournalError::Foreign { file: dir.to_owned(), why: "it holds no segment" });
    };
    let Tail { end, sealed, cut, damage: of_tail } = judge(dir, &current)?;
    damage.extend(of_tail);
    discard_unusable(dir, options, &mut ready)?;
    Ok(Recovered { id, earlier: used, current, ready, end, sealed, cut, mended, damage })
}

fn remove_drafts(dir: &Path) -> Result<(), JournalError> {
    for number in segment::numbers(dir, "tmp").map_err(JournalError::io("list", dir))? {
        let draft = dir.join(format!("{number:010}.tmp"));
        fs::remove_file(&draft).map_err(JournalError::io("remove", &draft))?;
    }
    Ok(())
}

/// The files of a journal.
struct Opened {
    id: JournalId,
    segments: Vec<Segment>,
    mended: Vec<u64>,
}

/// All segments in order, all of one journal; a new journal gets its first one here.
fn open_all(dir: &Path, options: &Options) -> Result<Opened, JournalError> {
    let numbers = segment::numbers(dir, "seg").map_err(JournalError::io("list", dir))?;
    if numbers.is_empty() {
        let header = Header { id: options.fresh_id, number: 1, bytes: options.segment_bytes };
        let first = Segment::create(dir, header)
            .map_err(|source| JournalError::NoSegment { dir: dir.to_owned(), source: source.into() })?;
        return Ok(Opened { id: options.fresh_id, segments: vec![first], mended: Vec::new() });
    }
    let headers = numbers.iter().map(|number| segment::header(dir, *number)).collect::<Result<Vec<_>, _>>()?;
    let Some(Header { id, .. }) = headers.iter().flatten().next().copied() else {
        return Err(JournalError::Foreign { file: segment::path(dir, numbers[0]), why: "its header is damaged" });
    };
    let mut opened = Opened { id, segments: Vec::new(), mended: Vec::new() };
    for (number, header) in numbers.into_iter().zip(headers) {
        opened.segments.push(match header {
            Some(header) if header.id != id => {
                let why = "it is of another journal";
                return Err(JournalError::Foreign { file: segment::path(dir, number), why });
            }
            Some(header) => Segment::open(dir, header)?,
            None => {
                opened.mended.push(number);
                Segment::mend(dir, id, number, options.segment_bytes)?
            }
        });
    }
    Ok(opened)
}

/// Numbers are consecutive, because only the oldest segment is ever retired.
fn missing(segments: &[Segment]) -> Vec<Damage> {
    let holes = segments.windows(2).filter(|pair| pair[1].number != pair[0].number + 1);
    holes
        .map(|pair| Damage { at: Position::start_of(pair[0].number + 1), resume: Position::start_of(pair[1].number) })
        .collect()
}

/// Takes the empty segments at the end away from the used ones. At least one stays.
fn split_off_empty(dir: &Path, used: &mut Vec<Segment>) -> Result<VecDeque<Segment>, JournalError> {
    let mut empty = VecDeque::new();
    while used.len() > 1 {
        let Some(last) = used.pop() else { break };
        let path = segment::path(dir, last.number);
        if Scan::of(&last).has_records().map_err(JournalError::io("read", &path))? {
            used.push(last);
            break;
        }
        empty.push_front(last);
    }
    Ok(empty)
}

/// Finds the end of the last segment and makes it one that can be written on from.
fn judge(dir: &Path, last: &Segment) -> Result<Tail, JournalError> {
    let path: PathBuf = segment::path(dir, last.number);
    let tail = Scan::of(last).tail().map_err(JournalError::io("read", &path))?;
    let length = last.file.metadata().map_err(JournalError::io("inspect", &path))?.len();
    let repaired = if tail.cut.is_some() || length < u64::from(last.bytes) {
        // What was cut must not come back as the continuation of what is written next.
        last.blank(tail.end)
    } else {
        // After a kill without a power cut, whole records may be in memory only; from here on they count as durable.
        last.file.sync_data()
    };
    repaired.map_err(JournalError::io("repair", &path))?;
    Ok(tail)
}

/// Keeps the ready segments that are as they should be; what follows an unusable one goes too.
fn discard_unusable(dir: &Path, options: &Options, ready: &mut VecDeque<Segment>) -> Result<(), JournalError> {
    let usable = |segment: &Segment| {
        let whole = segment.file.metadata().is_ok_and(|meta| meta.len() == u64::from(segment.bytes));
        whole && segment.bytes == options.segment_bytes && Scan::of(segment).is_blank().unwrap_or(false)
    };
    let keep = ready.iter().take_while(|segment| usable(segment)).count();
    for segment in ready.drain(keep..).rev() {
        let path = segment::path(dir, segment.number);
        fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
    }
    segment::sync_dir(dir).map_err(JournalError::io("sync", dir))
}
