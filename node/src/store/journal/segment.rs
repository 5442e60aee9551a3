//! One segment: a file of fixed size, all of it written before the first record comes.
//!
//! Writes go past the page cache where the file system allows it: nobody reads them back soon, and copying them twice
//! (zeros once, records once) cost a quarter of a busy station.
//!
//! A file that grows, or has blocks the file system has not written yet, costs every commit a transaction of the file
//! system's own journal. So zeros are written and synced first, under another name; the name `0000000007.seg` appears
//! only when the segment is ready, and whoever finds it may rely on header and size.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    error::JournalError,
    format::{HEADER_BYTES, Header, JournalId, Sum},
    pages::{PAGE, Pages},
};

/// Zeros of one write.
const ZEROS: usize = 1 << 20;

/// An open segment. Cloning shares the file.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) bytes: u32,
    pub(super) sum: Sum,
    /// For reading.
    pub(super) file: Arc<File>,
    /// For writing whole pages.
    pub(super) pages: Arc<File>,
}

impl Segment {
    /// A new segment, zeroed and durable.
    pub(super) fn create(dir: &Path, header: Header) -> io::Result<Self> {
        let draft = dir.join(format!("{:010}.tmp", header.number));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&draft)?;
        let made = room(&file, header.bytes)
            .and_then(|()| past_the_cache(&draft))
            .and_then(|pages| zero(&pages, 0, header.bytes).map(|()| pages))
            .and_then(|pages| Self::publish(dir, &draft, file, pages, header));
        if made.is_err() {
            // A draft left behind takes the space others may need; if it cannot go now, the next start removes it.
            fs::remove_file(&draft).ok();
        }
        made
    }

    /// A retired segment under a new number. What it still holds is valid under the old number only.
    pub(super) fn recycle(dir: &Path, spare: &Path, header: Header) -> io::Result<Self> {
        // Its retirement must be durable first: an old name over a new header would look like damage.
        sync_dir(dir)?;
        let file = OpenOptions::new().read(true).write(true).open(spare)?;
        Self::publish(dir, spare, file, past_the_cache(spare)?, header)
    }

    fn publish(dir: &Path, draft: &Path, file: File, pages: File, header: Header) -> io::Result<Self> {
        file.write_all_at(&header.encode(), 0)?;
        file.sync_all()?;
        fs::rename(draft, path(dir, header.number))?;
        sync_dir(dir)?;
        Ok(Self::from(header, file, pages))
    }

    fn from(header: Header, file: File, pages: File) -> Self {
        let sum = Sum::of(header.id, header.number);
        Self { number: header.number, bytes: header.bytes, sum, file: Arc::new(file), pages: Arc::new(pages) }
    }

    /// Opens a segment that exists, with the header it should have.
    pub(super) fn open(dir: &Path, header: Header) -> Result<Self, JournalError> {
        let path = path(dir, header.number);
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(JournalError::io("open", &path))?;
        let pages = past_the_cache(&path).map_err(JournalError::io("open", &path))?;
        Ok(Self::from(header, file, pages))
    }

    /// Opens a segment whose header cannot be read. Everything in it is known from elsewhere, and no record is valid
    /// under a wrong one, so it is written again and nothing is lost.
    pub(super) fn mend(dir: &Path, id: JournalId, number: u64, segment_bytes: u32) -> Result<Self, JournalError> {
        let path = path(dir, number);
        let length = fs::metadata(&path).map_err(JournalError::io("inspect", &path))?.len();
        let bytes = u32::try_from(length).ok().filter(|bytes| size_ok(*bytes)).unwrap_or(segment_bytes);
        let header = Header { id, number, bytes };
        let segment = Self::open(dir, header)?;
        let mended = segment.file.write_all_at(&header.encode()[..HEADER_BYTES as usize], 0);
        mended.and_then(|()| segment.file.sync_all()).map_err(JournalError::io("repair", &path))?;
        Ok(segment)
    }

    /// Overwrites everything from here to the end with zeros, and makes that durable.
    pub(super) fn blank(&self, from: u32) -> io::Result<()> {
        let page = from.next_multiple_of(PAGE as u32).min(self.bytes);
        self.file.write_all_at(&vec![0; (page - from) as usize], from.into())?;
        self.file.sync_all()?;
        zero(&self.pages, page, self.bytes)?;
        self.file.sync_all()
    }

    /// The page that `end` lies in, as far as `end`: the next write begins with it.
    pub(super) fn last_page(&self, end: u32) -> io::Result<Pages> {
        let mut last = vec![0; end as usize % PAGE];
        self.file.read_exact_at(&mut last, u64::from(end) / PAGE as u64 * PAGE as u64)?;
        Ok(Pages::beginning_with(&last))
    }

    /// Writes whole pages at the page that `from` lies in. Not durable yet.
    pub(super) fn write(&self, pages: &[u8], from: u32) -> io::Result<()> {
        self.pages.write_all_at(pages, u64::from(from) / PAGE as u64 * PAGE as u64)
    }
}

/// What a segment's file says of itself; `None` if that cannot be read.
pub(super) fn header(dir: &Path, number: u64) -> Result<Option<Header>, JournalError> {
    let path = path(dir, number);
    let file = File::open(&path).map_err(JournalError::io("open", &path))?;
    let mut page = [0; 44];
    match file.read_exact_at(&mut page, 0) {
        Err(short) if short.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read.map_err(JournalError::io("read", &path))?,
    }
    let foreign = |why| JournalError::Foreign { file: path.clone(), why };
    let Some(header) = Header::decode(&page).map_err(foreign)? else { return Ok(None) };
    if header.number != number {
        return Err(foreign("its header has another number"));
    }
    if !size_ok(header.bytes) {
        return Err(foreign("its header has an impossible size"));
    }
    Ok(Some(header))
}

/// Sizes a segment may have. Offsets then never overflow, and a header has room for records after it.
pub(super) const fn size_ok(bytes: u32) -> bool {
    bytes >= 8 * 1024 && bytes <= 1 << 30 && bytes.is_multiple_of(4096)
}

/// The file of a segment in use.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.seg"))
}

/// The file of a retired one that waits to be used again.
pub(super) fn spare_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.spare"))
}

/// The numbers of all files with this extension, in order.
pub(super) fn numbers(dir: &Path, extension: &str) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = PathBuf::from(entry?.file_name());
        if path.extension() != Some(OsStr::new(extension)) {
            continue;
        }
        found.extend(path.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

/// Makes creations, renames and removals in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Asks for the space all at once, so that a disk without room says so now, and not after it was filled to the brim
/// with zeros. A file system that cannot say shows it while they are written.
fn room(file: &File, bytes: u32) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes.into()) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) | Ok(()) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// The file once more, for writes of whole pages that leave no copy behind. Where the file system does not know this
/// (memory file systems, say), an ordinary one does as well.
fn past_the_cache(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    let direct = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).unwrap_or(0);
    options.clone().custom_flags(direct).open(path).or_else(|_| options.open(path))
}

/// Zeros from one page to another.
fn zero(pages: &File, from: u32, to: u32) -> io::Result<()> {
    let (mut at, to) = (u64::from(from), u64::from(to));
    let mut zeros = Pages::zeros(ZEROS);
    while at < to {
        let count = usize::try_from(to - at).unwrap_or(usize::MAX).min(ZEROS);
        pages.write_all_at(&zeros.whole()[..count], at)?;
        at += count as u64;
    }
    Ok(())
}
