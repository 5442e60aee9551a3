//! Writing the index anew when sled's file has grown far beyond its rows.
//!
//! sled gives back little of what it once took while much comes and goes for long: after an hour of it the file is twenty
//! times its rows, and it goes on. So the rows are copied into a directory of their own, `index.g1`, `index.g2`, …, which
//! takes the place of the one before when it is durable. A copy that was cut short says so itself, and the next start
//! removes it; of two that are whole, the later one is as good as the one before and is used.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::PoisonError,
};

use super::{
    Index, WATERMARK,
    open::{self, Store},
    watermark::Contents,
};

/// A file of this name in a copy says that it is not whole.
const UNFINISHED: &str = "UNFINISHED";
/// A file smaller than this is left as it is …
const SLIMMED_FROM: u64 = 16 << 20;
/// … and so is one that is not so many times as large as its rows.
const BLOATED: u64 = 8;

/// The directory in use: the latest copy that is whole, or the first of all. Others are removed.
pub(super) fn current(base: &Path) -> io::Result<PathBuf> {
    let mut whole = Vec::new();
    for (number, path) in copies(base)? {
        if path.join(UNFINISHED).exists() {
            fs::remove_dir_all(path)?;
        } else {
            whole.push((number, path));
        }
    }
    whole.sort();
    let Some((_, latest)) = whole.pop() else { return Ok(base.to_owned()) };
    for (_, earlier) in whole {
        fs::remove_dir_all(earlier)?;
    }
    remove(base)?;
    Ok(latest)
}

fn copies(base: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let prefix = prefix(base);
    let entries = match fs::read_dir(parent(base)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut copies = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_string_lossy().strip_prefix(&prefix).and_then(|number| number.parse().ok());
        copies.extend(number.map(|number: u64| (number, entry.path())));
    }
    Ok(copies)
}

fn prefix(base: &Path) -> String {
    let mut name = base.file_name().map_or_else(|| OsString::from("index"), OsString::from);
    name.push(".g");
    name.to_string_lossy().into_owned()
}

fn parent(base: &Path) -> &Path {
    base.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Index {
    /// Writes the index anew if its file is many times the size of its rows. Called by the one who writes rows, between
    /// two batches; those who read go on meanwhile. If it cannot be done, nothing has changed.
    pub(super) fn slim(&self, rows_bytes: u64) {
        let shared = &self.shared;
        let (size, old) = {
            let store = shared.store.read().unwrap_or_else(PoisonError::into_inner);
            (store.data.metadata().map_or(0, |meta| meta.len()), store.dir.clone())
        };
        if self.trouble().is_some() || size < SLIMMED_FROM || size < rows_bytes.saturating_mul(BLOATED) {
            return;
        }
        let copied = catch_unwind(AssertUnwindSafe(|| self.copy()))
            .unwrap_or_else(|panic| Err(sled::Error::ReportableBug(open::said(&*panic))));
        let store = match copied {
            Ok(store) => store,
            Err(error) => {
                tracing::warn!(%error, bytes = size, "the index is larger than it need be, and cannot be written anew");
                return;
            }
        };
        let now = store.data.metadata().map_or(0, |meta| meta.len());
        let before = std::mem::replace(&mut *shared.store.write().unwrap_or_else(PoisonError::into_inner), store);
        drop(before);
        if let Err(error) = remove(&old) {
            tracing::warn!(%error, dir = %old.display(), "the old index stays until the next start");
        }
        tracing::info!(before_bytes = size, bytes = now, "the index was written anew");
    }

    /// Every row, and what they stand for, in a new directory that is durable and whole.
    fn copy(&self) -> sled::Result<Store> {
        let shared = &self.shared;
        let number = copies(&shared.base)?.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
        let dir = parent(&shared.base).join(format!("{}{number}", prefix(&shared.base)));
        let made = self.copy_to(&dir);
        if made.is_err() {
            // Left behind, it would only take room.
            drop(remove(&dir));
        }
        made
    }

    fn copy_to(&self, dir: &Path) -> sled::Result<Store> {
        fs::create_dir(dir)?;
        File::create(dir.join(UNFINISHED))?.sync_all()?;
        File::open(dir)?.sync_all()?;
        let db = open::config(dir, self.shared.cache_bytes).open()?;
        let mut contents = Contents::default();
        {
            let store = self.shared.store.read().unwrap_or_else(PoisonError::into_inner);
            for row in store.db.iter() {
                let (key, value) = row?;
                if *key != *WATERMARK {
                    contents.add(&key, &value);
                }
                db.insert(key, value)?;
            }
        }
        if contents != self.contents() {
            return Err(sled::Error::ReportableBug("rows were missing while it was copied".into()));
        }
        db.flush()?;
        let data = open::make_durable(dir)?;
        fs::remove_file(dir.join(UNFINISHED))?;
        File::open(dir)?.sync_all()?;
        File::open(parent(&self.shared.base))?.sync_all()?;
        Ok(Store { db, data, dir: dir.to_owned() })
    }
}
