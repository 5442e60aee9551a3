//! Opening sled so that nothing it does wrong keeps a station from starting.

use std::{
    any::Any,
    ffi::OsString,
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::FlockOperation;

use super::{
    IndexError, Opened, Options, SetAside, WATERMARK, anew,
    watermark::{Contents, Watermark},
};
use crate::store::journal::Position;

/// A file of this name in the index says that it must not be used again.
const CONDEMNED: &str = "REBUILD";
/// sled keeps buffers of this size in memory; stations are small, and rows far below a quarter of it.
const SEGMENT_BYTES: usize = 512 * 1024;
/// Threads of an index that was just closed may hold its file a moment longer.
const RELEASE_TRIES: u32 = 20;
const RELEASE_PAUSE: Duration = Duration::from_millis(50);

/// Why an index was not opened.
enum Refused {
    /// It is worthless: set it aside. Perhaps it says how far the journal once reached.
    Unusable(String, Option<Position>),
    /// It may be fine, and something else is not.
    Final(IndexError),
}

impl Refused {
    fn worthless(why: impl Into<String>) -> Self {
        Self::Unusable(why.into(), None)
    }

    fn io(dir: &Path, doing: &str) -> impl Fn(io::Error) -> Self {
        move |error| Self::Final(cannot(dir, format!("cannot {doing}: {error}")))
    }
}

/// sled's part of an index.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) db: sled::Db,
    /// A second handle on its file: sled's own is private, and its flush stops short of the disk.
    pub(super) data: File,
    /// Where it lies.
    pub(super) dir: PathBuf,
}

/// An open index that is what it should be.
pub(super) struct Usable {
    pub(super) store: Store,
    pub(super) contents: Contents,
    pub(super) watermark: Option<Position>,
}

/// Opens what is there; if it is unusable, moves it aside and begins an empty one.
pub(super) fn open(base: &Path, options: &Options) -> Result<(Usable, Opened), IndexError> {
    let dir = &anew::current(base).map_err(|error| cannot(base, format!("cannot look for it: {error}")))?;
    let (why, ahead) = match attempt(dir, options) {
        Ok(usable) => {
            let opened = Opened { watermark: usable.watermark, set_aside: None };
            return Ok((usable, opened));
        }
        Err(Refused::Final(error)) => return Err(error),
        Err(Refused::Unusable(why, ahead)) => (why, ahead),
    };
    let to = set_aside(base, dir).map_err(|error| cannot(dir, format!("{why}; cannot move it aside: {error}")))?;
    match attempt(base, options) {
        Ok(usable) => {
            let opened = Opened { watermark: usable.watermark, set_aside: Some(SetAside { to, why, ahead }) };
            Ok((usable, opened))
        }
        Err(Refused::Final(error)) => Err(error),
        Err(Refused::Unusable(again, _)) => Err(cannot(base, format!("{why}; then, empty: {again}"))),
    }
}

/// Has an index set aside when it is opened next.
pub(super) fn condemn(dir: &Path) -> io::Result<()> {
    File::create(dir.join(CONDEMNED))?.sync_all()?;
    File::open(dir)?.sync_all()
}

/// What a panic said.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".into())
}

fn attempt(dir: &Path, options: &Options) -> Result<Usable, Refused> {
    fs::create_dir_all(dir).map_err(Refused::io(dir, "create it"))?;
    if dir.join(CONDEMNED).exists() {
        return Err(Refused::worthless("it was marked to be rebuilt"));
    }
    wait_until_free(dir)?;
    remove_half_snapshots(dir).map_err(Refused::io(dir, "clean it up"))?;

    // Damage makes sled return errors, and sometimes panic.
    let read = catch_unwind(AssertUnwindSafe(|| read_through(dir, options)));
    let (db, mark, contents) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => return Err(judge(dir, error)),
        Err(panic) => return Err(Refused::worthless(said(&*panic))),
    };
    let watermark = match mark {
        None if contents == Contents::default() => None,
        None => return Err(Refused::worthless("its rows do not say what they stand for")),
        Some(bytes) => {
            let mark = Watermark::decode(&bytes);
            let mark = mark.ok_or_else(|| Refused::worthless("its watermark is unreadable"))?;
            mark.fits(options, contents).map_err(|why| Refused::Unusable(why, mark.is_ahead_of(options)))?;
            Some(mark.at)
        }
    };
    let data = make_durable(dir).map_err(Refused::io(dir, "sync it"))?;
    Ok(Usable { store: Store { db, data, dir: dir.to_owned() }, contents, watermark })
}

/// Opens sled and looks at every row: what is damaged shows now, and not in the middle of a decision.
fn read_through(dir: &Path, options: &Options) -> sled::Result<(sled::Db, Option<sled::IVec>, Contents)> {
    let db = config(dir, options.cache_bytes).open()?;
    let (mut mark, mut contents) = (None, Contents::default());
    for row in db.iter() {
        let (key, value) = row?;
        if *key == *WATERMARK { mark = Some(value) } else { contents.add(&key, &value) }
    }
    Ok((db, mark, contents))
}

/// How sled is to behave.
pub(super) fn config(dir: &Path, cache_bytes: u64) -> sled::Config {
    sled::Config::new()
        .path(dir)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(cache_bytes)
        .mode(sled::Mode::LowSpace)
        .flush_every_ms(None)
}

/// A full disk or a wrong owner says nothing about the rows; everything else does.
fn judge(dir: &Path, error: sled::Error) -> Refused {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error {
        sled::Error::Io(error)
            if matches!(error.kind(), StorageFull | QuotaExceeded | PermissionDenied | ReadOnlyFilesystem) =>
        {
            Refused::Final(cannot(dir, error.to_string()))
        }
        error => Refused::worthless(error.to_string()),
    }
}

/// sled takes the same lock, but reports a taken one like any other failure; an index in use must not be moved away.
fn wait_until_free(dir: &Path) -> Result<(), Refused> {
    let file = match File::open(dir.join("db")) {
        Err(none) if none.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file.map_err(Refused::io(dir, "open it"))?,
    };
    for _ in 0..RELEASE_TRIES {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) => thread::sleep(RELEASE_PAUSE),
            Err(errno) => return Err(Refused::io(dir, "lock it")(errno.into())),
        }
    }
    Err(Refused::Final(IndexError::InUse { dir: dir.to_owned() }))
}

/// A stop while sled was opening leaves a half snapshot, which it would read, and fail on, for ever after.
fn remove_half_snapshots(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// sled never syncs its settings file or its directory.
pub(super) fn make_durable(dir: &Path) -> io::Result<File> {
    File::open(dir.join("conf"))?.sync_all()?;
    let data = File::open(dir.join("db"))?;
    data.sync_all()?;
    File::open(dir)?.sync_all()?;
    Ok(data)
}

/// Renames the directory to the next free `….damaged-<n>` and removes the earlier ones: they are only good for a look.
fn set_aside(base: &Path, dir: &Path) -> io::Result<PathBuf> {
    let mut prefix = base.file_name().map_or_else(|| OsString::from("index"), OsString::from);
    prefix.push(".damaged-");
    let prefix = prefix.to_string_lossy().into_owned();
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut earlier = Vec::new();
    for entry in fs::read_dir(parent)? {
        let name = entry?.file_name();
        earlier.extend(name.to_string_lossy().strip_prefix(&prefix).and_then(|number| number.parse::<u64>().ok()));
    }
    let number = earlier.iter().max().map_or(1, |last| last + 1);
    let to = parent.join(format!("{prefix}{number}"));
    fs::rename(dir, &to)?;
    for number in earlier {
        fs::remove_dir_all(parent.join(format!("{prefix}{number}")))?;
    }
    File::open(parent)?.sync_all()?;
    Ok(to)
}

fn cannot(dir: &Path, cause: String) -> IndexError {
    IndexError::Open { dir: dir.to_owned(), cause }
}
