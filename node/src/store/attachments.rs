//! Attachments: large bodies outside the journal, one file each, named by what is in it.
//!
//! Promises:
//! - A file without `.part` is whole: its SHA-256 was checked and the disk had it before it got its name.
//! - A transfer goes on where it stopped, also after a restart; a part that turns out wrong is thrown away, never kept.
//! - A name is the digest in hex and nothing else: nothing from outside reaches a path.
//! - What the disk keeps for the urgent is not filled with files.
//! - No body is longer than [`ATTACHMENT_BYTES_MAX`], and writing or checking one takes memory for a piece of it only.
//!
//! `ab/<hex>` is a whole body, `ab/<hex>.part` one that is being received (`ab` are the digest's first two digits), and
//! `local-<n>.part` one that is being handed in here and has no digest yet.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::UNIX_EPOCH,
};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;

use crate::{io::Timestamp, limits::ATTACHMENT_BYTES_MAX};

/// Bytes read at a time when a body is checked.
const CHECK_BYTES: usize = 64 * 1024;
/// Transfers that can be written at the same time.
const LOCKS: usize = 16;

/// Why an attachment could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// A piece that does not follow on what is there.
    #[error("attachment {digest}: a piece begins at {offset}, and {partial} bytes are here; go on from there")]
    Offset { digest: String, offset: u64, partial: u64 },
    /// More than was announced. What was received is thrown away.
    #[error("attachment {digest}: {bytes} bytes of an announced {total}; send it again from the beginning")]
    Excess { digest: String, bytes: u64, total: u64 },
    /// Longer than any attachment may be.
    #[error("an attachment of {bytes} bytes: at most {ATTACHMENT_BYTES_MAX} are taken; split it")]
    TooLarge { bytes: u64 },
    /// What is left is kept for reports.
    #[error(
        "only {} MiB are free on the disk and {} MiB are kept for what is urgent: free some space, then attach it again",
        .free >> 20,
        .reserve >> 20
    )]
    NoRoom { free: u64, reserve: u64 },
    /// All of it was received, and it is something else. It is thrown away.
    #[error("attachment {digest}: what was received is not it; send it again from the beginning")]
    Corrupt { digest: String },
    /// It is not here, or not all of it.
    #[error("attachment {digest} is not here; ask for it again")]
    Absent { digest: String },
    /// The file system said no.
    #[error("cannot {doing} {}: {source}; make sure of space and permissions", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

impl AttachmentError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// The attachments of one station; shared between threads.
#[derive(Debug)]
pub struct Attachments {
    dir: PathBuf,
    reserve: u64,
    locals: AtomicU64,
    // By the digest's first byte: two pieces of one transfer never mix, and few transfers wait for another one's sync.
    locks: [Mutex<()>; LOCKS],
}

impl Attachments {
    /// Opens the directory, creates it if need be, and clears up what a stop left behind. Nothing is written while less
    /// than `reserve` bytes are free on the disk.
    pub fn open(dir: &Path, reserve: u64) -> Result<Self, AttachmentError> {
        fs::create_dir_all(dir).map_err(AttachmentError::io("create", dir))?;
        let this = Self { dir: dir.to_owned(), reserve, locals: AtomicU64::new(0), locks: Default::default() };
        for entry in list(dir)? {
            if entry.is_dir() {
                for part in list(&entry)?.iter().filter(|path| is_part(path)) {
                    this.settle(part)?;
                }
            } else if is_part(&entry) {
                // Nobody was told that it had been taken.
                remove(&entry)?;
            }
        }
        Ok(this)
    }

    /// Bytes of the attachment, if it is here as a whole.
    pub fn have(&self, digest: &[u8; 32]) -> Option<u64> {
        fs::metadata(self.whole(digest)).ok().map(|metadata| metadata.len())
    }

    /// Bytes received of an attachment that is not here as a whole yet.
    pub fn partial(&self, digest: &[u8; 32]) -> u64 {
        fs::metadata(self.part(digest)).map_or(0, |metadata| metadata.len())
    }

    /// Adds a piece. With the last of `total` bytes, checks the body and brings it to the disk; if it is not what the
    /// digest says, throws it away. Pieces of an attachment that is here already are ignored.
    pub fn append(&self, digest: &[u8; 32], offset: u64, bytes: &[u8], total: u64) -> Result<(), AttachmentError> {
        if total > ATTACHMENT_BYTES_MAX {
            return Err(AttachmentError::TooLarge { bytes: total });
        }
        let _held = self.hold(digest);
        if self.have(digest).is_some() {
            return Ok(());
        }
        let partial = self.partial(digest);
        if offset != partial {
            return Err(AttachmentError::Offset { digest: hex(digest), offset, partial });
        }
        let part = self.part(digest);
        let end = offset + bytes.len() as u64;
        if end > total {
            remove(&part)?;
            return Err(AttachmentError::Excess { digest: hex(digest), bytes: end, total });
        }
        room(&self.dir, self.reserve)?;
        let file = self.create(digest)?;
        // At the offset, not at the end: whatever a failed write left behind is counted by `partial`.
        file.write_all_at(bytes, offset).map_err(AttachmentError::io("write", &part))?;
        if end < total {
            return Ok(());
        }
        if sha256(&part)? != *digest {
            remove(&part)?;
            return Err(AttachmentError::Corrupt { digest: hex(digest) });
        }
        self.keep(&file, &part, digest)
    }

    /// Begins an attachment that is handed in here; its digest is known when it is finished.
    pub fn begin_local(&self) -> Result<Writer, AttachmentError> {
        room(&self.dir, self.reserve)?;
        let number = self.locals.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("local-{number}.part"));
        let file = File::create_new(&path).map_err(AttachmentError::io("create", &path))?;
        let (dir, reserve) = (self.dir.clone(), self.reserve);
        Ok(Writer { dir, reserve, path, file, hash: Context::new(&SHA256), bytes: 0 })
    }

    /// Up to `length` bytes from `offset`: fewer at the end, none behind it.
    pub fn read(&self, digest: &[u8; 32], offset: u64, length: u32) -> Result<Bytes, AttachmentError> {
        let path = self.whole(digest);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(AttachmentError::Absent { digest: hex(digest) });
            }
            opened => opened.map_err(AttachmentError::io("open", &path))?,
        };
        let len = file.metadata().map_err(AttachmentError::io("read", &path))?.len();
        // A whole file has at most ATTACHMENT_BYTES_MAX, so this does too.
        let take = len.saturating_sub(offset).min(length.into());
        let mut bytes = vec![0; usize::try_from(take).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, offset).map_err(AttachmentError::io("read", &path))?;
        Ok(bytes.into())
    }

    /// Attachments, whole or not, that nothing was written to since this moment.
    pub fn untouched_since(&self, moment: Timestamp) -> Result<Vec<[u8; 32]>, AttachmentError> {
        let mut found = Vec::new();
        for under in list(&self.dir)?.iter().filter(|path| path.is_dir()) {
            let names = list(under)?;
            let digests = names.iter().filter_map(|path| unhex(path.file_stem()?.to_str()?));
            found.extend(digests.filter(|digest| self.touched(digest).is_some_and(|at| at < moment)));
        }
        Ok(found)
    }

    /// Removes an attachment, or the part of it that is here, unless it was written to since this moment.
    pub fn remove(&self, digest: &[u8; 32], untouched_since: Timestamp) -> Result<(), AttachmentError> {
        let _held = self.hold(digest);
        if self.touched(digest).is_some_and(|at| at < untouched_since) {
            remove(&self.whole(digest))?;
            remove(&self.part(digest))?;
        }
        Ok(())
    }

    /// When this attachment was last written to.
    fn touched(&self, digest: &[u8; 32]) -> Option<Timestamp> {
        let modified = |path: PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let last = modified(self.whole(digest)).max(modified(self.part(digest)))?;
        let since = last.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(Timestamp::from_us(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
    }

    /// A part left by a stop: not needed any more, received but not yet named, or to be gone on with.
    fn settle(&self, part: &Path) -> Result<(), AttachmentError> {
        let digest = sha256(part)?;
        if part.with_extension("").exists() {
            remove(part)
        } else if self.part(&digest) == part {
            let file = File::open(part).map_err(AttachmentError::io("open", part))?;
            self.keep(&file, part, &digest)
        } else {
            Ok(())
        }
    }

    fn create(&self, digest: &[u8; 32]) -> Result<File, AttachmentError> {
        let path = self.part(digest);
        let under = under(&self.dir, digest);
        fs::create_dir_all(&under).map_err(AttachmentError::io("create", &under))?;
        let opened = File::options().create(true).truncate(false).write(true).open(&path);
        opened.map_err(AttachmentError::io("open", &path))
    }

    fn keep(&self, file: &File, part: &Path, digest: &[u8; 32]) -> Result<(), AttachmentError> {
        keep(&self.dir, file, part, digest)
    }

    fn hold(&self, digest: &[u8; 32]) -> MutexGuard<'_, ()> {
        // Guards files, not memory: a panic elsewhere leaves nothing half done that a stop would not.
        self.locks[usize::from(digest[0]) % LOCKS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn whole(&self, digest: &[u8; 32]) -> PathBuf {
        whole(&self.dir, digest)
    }

    fn part(&self, digest: &[u8; 32]) -> PathBuf {
        self.whole(digest).with_extension("part")
    }
}

/// An attachment that is being handed in. Dropped before [`Writer::finish`], it leaves nothing behind.
pub struct Writer {
    dir: PathBuf,
    reserve: u64,
    path: PathBuf,
    file: File,
    hash: Context,
    bytes: u64,
}

impl Writer {
    /// Adds bytes at the end. After an error the attachment is lost: drop it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), AttachmentError> {
        let end = self.bytes.saturating_add(bytes.len() as u64);
        if end > ATTACHMENT_BYTES_MAX {
            return Err(AttachmentError::TooLarge { bytes: end });
        }
        room(&self.dir, self.reserve)?;
        self.file.write_all(bytes).map_err(AttachmentError::io("write", &self.path))?;
        self.hash.update(bytes);
        self.bytes = end;
        Ok(())
    }

    /// Brings it to the disk under its name; says its digest and its length.
    pub fn finish(self) -> Result<([u8; 32], u64), AttachmentError> {
        let digest = taken(self.hash.clone());
        // The name moves on, so that dropping `self` finds nothing to remove.
        keep(&self.dir, &self.file, &self.path, &digest)?;
        Ok((digest, self.bytes))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // If it stays, the next start removes it.
        fs::remove_file(&self.path).ok();
    }
}

/// The file, then its name, then the directories the name is in: in this order, or a stop could leave an empty file
/// with a name that promises all of it.
fn keep(dir: &Path, file: &File, part: &Path, digest: &[u8; 32]) -> Result<(), AttachmentError> {
    let (to, under) = (whole(dir, digest), under(dir, digest));
    fs::create_dir_all(&under).map_err(AttachmentError::io("create", &under))?;
    file.sync_all().map_err(AttachmentError::io("sync", part))?;
    fs::rename(part, &to).map_err(AttachmentError::io("rename", part))?;
    for changed in [&under, dir] {
        File::open(changed).and_then(|dir| dir.sync_all()).map_err(AttachmentError::io("sync", changed))?;
    }
    Ok(())
}

fn room(dir: &Path, reserve: u64) -> Result<(), AttachmentError> {
    let system =
        rustix::fs::statvfs(dir).map_err(|errno| AttachmentError::io("ask for free space in", dir)(errno.into()))?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if free < reserve { Err(AttachmentError::NoRoom { free, reserve }) } else { Ok(()) }
}

fn under(dir: &Path, digest: &[u8; 32]) -> PathBuf {
    dir.join(format!("{:02x}", digest[0]))
}

fn whole(dir: &Path, digest: &[u8; 32]) -> PathBuf {
    under(dir, digest).join(hex(digest))
}

fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "part")
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, AttachmentError> {
    let entries = fs::read_dir(dir).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    entries.map_err(AttachmentError::io("list", dir))
}

fn remove(path: &Path) -> Result<(), AttachmentError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(AttachmentError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn sha256(path: &Path) -> Result<[u8; 32], AttachmentError> {
    let mut hash = Context::new(&SHA256);
    let mut read = || -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut buffer = vec![0; CHECK_BYTES];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                n => hash.update(&buffer[..n]),
            }
        }
    };
    read().map_err(AttachmentError::io("read", path))?;
    Ok(taken(hash))
}

fn taken(hash: Context) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(name: &str) -> Option<[u8; 32]> {
    let digits = |at: usize| u8::from_str_radix(name.get(2 * at..2 * at + 2)?, 16).ok();
    let digest: Vec<u8> = (0..32).map_while(digits).collect();
    digest.try_into().ok().filter(|digest| hex(digest) == name)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::{AttachmentError as Error, *};

    fn fresh() -> (TempDir, Attachments) {
        let dir = tempfile::tempdir().unwrap();
        let attachments = Attachments::open(dir.path(), 0).unwrap();
        (dir, attachments)
    }

    fn digest(bytes: &[u8]) -> [u8; 32] {
        let mut hash = Context::new(&SHA256);
        hash.update(bytes);
        taken(hash)
    }

    fn parts(dir: &TempDir) -> usize {
        let inside = |path: &PathBuf| if path.is_dir() { list(path).unwrap() } else { vec![path.clone()] };
        list(dir.path()).unwrap().iter().flat_map(inside).filter(|path| is_part(path)).count()
    }

    #[test]
    fn a_transfer_goes_on_where_it_stopped_even_after_a_restart() {
        let (dir, attachments) = fresh();
        let d = digest(b"hello world");
        attachments.append(&d, 0, b"hello", 11).unwrap();
        assert_eq!((attachments.have(&d), attachments.partial(&d)), (None, 5));
        assert!(matches!(attachments.read(&d, 0, 5), Err(Error::Absent { .. })));
        let again = Attachments::open(dir.path(), 0).unwrap();
        assert_eq!(again.partial(&d), 5);
        again.append(&d, 5, b" world", 11).unwrap();
        assert_eq!((again.have(&d), again.partial(&d)), (Some(11), 0));
        let name = dir.path().join(format!("{:02x}/{}", d[0], hex(&d)));
        assert_eq!(fs::read(name).unwrap(), b"hello world");
        again.append(&d, 0, b"hello", 11).unwrap();
        assert_eq!((again.have(&d), parts(&dir)), (Some(11), 0), "a late piece changes nothing");
    }

    #[test]
    fn an_empty_body_is_a_body() {
        let (_dir, attachments) = fresh();
        attachments.append(&digest(b""), 0, b"", 0).unwrap();
        assert_eq!(attachments.have(&digest(b"")), Some(0));
        assert_eq!(attachments.read(&digest(b""), 0, 9).unwrap(), Bytes::new());
    }

    #[test]
    fn a_piece_at_the_wrong_place_is_refused_and_changes_nothing() {
        let (_dir, attachments) = fresh();
        let d = digest(b"hello world");
        attachments.append(&d, 0, b"hello", 11).unwrap();
        for wrong in [0, 4, 6, u64::MAX] {
            let refused = attachments.append(&d, wrong, b"!", 11);
            assert!(matches!(refused, Err(Error::Offset { offset, partial: 5, .. }) if offset == wrong), "{refused:?}");
        }
        attachments.append(&d, 5, b" world", 11).unwrap();
        assert_eq!(attachments.have(&d), Some(11));
    }

    #[test]
    fn a_corrupt_body_is_thrown_away_and_can_be_sent_again() {
        let (dir, attachments) = fresh();
        let d = digest(b"hello world");
        attachments.append(&d, 0, b"hellO", 11).unwrap();
        assert!(matches!(attachments.append(&d, 5, b" world", 11), Err(Error::Corrupt { .. })));
        assert_eq!((attachments.have(&d), attachments.partial(&d), parts(&dir)), (None, 0, 0));
        attachments.append(&d, 0, b"hello world", 11).unwrap();
        assert_eq!(attachments.have(&d), Some(11));
    }

    #[test]
    fn an_oversized_body_is_refused() {
        let (dir, attachments) = fresh();
        let d = digest(b"hello world");
        let bytes = ATTACHMENT_BYTES_MAX + 1;
        assert!(matches!(attachments.append(&d, 0, b"h", bytes), Err(Error::TooLarge { bytes: b }) if b == bytes));
        attachments.append(&d, 0, b"hello", 11).unwrap();
        assert!(matches!(attachments.append(&d, 5, b" world!", 11), Err(Error::Excess { bytes: 12, total: 11, .. })));
        assert_eq!((attachments.partial(&d), parts(&dir)), (0, 0));

        let mut writer = attachments.begin_local().unwrap();
        let block = vec![0; 1024 * 1024];
        for _ in 0..ATTACHMENT_BYTES_MAX / block.len() as u64 {
            writer.write(&block).unwrap();
        }
        assert!(matches!(writer.write(b"!"), Err(Error::TooLarge { bytes: b }) if b == bytes));
        drop(writer);
        assert_eq!(parts(&dir), 0);
    }

    #[test]
    fn what_is_handed_in_here_can_be_read_in_pieces() {
        fn travels<T: Send + 'static>(it: T) -> T {
            it
        }
        let (dir, attachments) = fresh();
        let mut writer = travels(attachments.begin_local().unwrap());
        let unfinished = attachments.begin_local().unwrap();
        writer.write(b"hello ").unwrap();
        writer.write(b"world").unwrap();
        let (d, bytes) = writer.finish().unwrap();
        assert_eq!((d, bytes, attachments.have(&d)), (digest(b"hello world"), 11, Some(11)));
        assert_eq!(parts(&dir), 1);
        drop(unfinished);
        assert_eq!(parts(&dir), 0);
        let read = |offset, length| attachments.read(&d, offset, length).unwrap();
        assert_eq!((read(0, 5), read(6, u32::MAX)), (Bytes::from("hello"), Bytes::from("world")));
        assert_eq!((read(11, 1), read(u64::MAX, 1)), (Bytes::new(), Bytes::new()));
    }

    #[test]
    fn what_nobody_touched_for_long_can_be_removed_and_nothing_else() {
        let (dir, attachments) = fresh();
        fs::create_dir(dir.path().join("journal")).unwrap();
        fs::write(dir.path().join("journal/baseline"), b"not ours").unwrap();
        let [whole, begun, fresh] = [b"whole" as &[u8], b"begun", b"fresh"].map(digest);
        attachments.append(&whole, 0, b"whole", 5).unwrap();
        attachments.append(&begun, 0, b"beg", 5).unwrap();
        attachments.append(&fresh, 0, b"fresh", 5).unwrap();
        for old in [attachments.whole(&whole), attachments.part(&begun)] {
            let hour_ago = UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
            File::options().write(true).open(old).unwrap().set_modified(hour_ago).unwrap();
        }
        let moment = Timestamp::from_us(1_000_001_000_000);
        let mut old = attachments.untouched_since(moment).unwrap();
        old.sort_unstable();
        let mut expected = [whole, begun];
        expected.sort_unstable();
        assert_eq!(old, expected);
        for each in [whole, begun, fresh] {
            attachments.remove(&each, moment).unwrap();
        }
        assert_eq!([&whole, &begun, &fresh].map(|d| attachments.have(d)), [None, None, Some(5)]);
        assert_eq!(parts(&dir), 0);
        assert!(dir.path().join("journal/baseline").exists());
    }

    #[test]
    fn opening_clears_up_what_a_stop_left_behind() {
        let (dir, attachments) = fresh();
        let [received, had, begun] = [b"received" as &[u8], b"had", b"begun"].map(digest);
        attachments.append(&had, 0, b"had", 3).unwrap();
        attachments.append(&received, 0, b"rec", 8).unwrap();
        attachments.append(&begun, 0, b"beg", 5).unwrap();
        fs::write(attachments.part(&received), b"received").unwrap();
        fs::write(attachments.part(&had), b"h").unwrap();
        fs::write(dir.path().join("local-0.part"), b"half").unwrap();
        let again = Attachments::open(dir.path(), 0).unwrap();
        assert_eq!([&received, &had, &begun].map(|d| again.have(d)), [Some(8), Some(3), None]);
        assert_eq!((again.partial(&begun), parts(&dir)), (3, 1));
        drop(again.begin_local().unwrap());
    }

    #[test]
    fn what_is_kept_for_the_urgent_is_not_filled_with_files() {
        let dir = tempfile::tempdir().unwrap();
        let attachments = Attachments::open(dir.path(), u64::MAX).unwrap();
        let piece = attachments.append(&digest(b"hello world"), 0, b"hello", 11);
        assert!(matches!(piece, Err(Error::NoRoom { .. })), "{piece:?}");
        assert!(matches!(attachments.begin_local().err(), Some(Error::NoRoom { .. })));
        assert_eq!(parts(&dir), 0);
    }
}
