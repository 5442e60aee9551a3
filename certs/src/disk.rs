//! Files that are written once. A key that is overwritten is lost for good, so nothing here can overwrite.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use rcgen::KeyPair;

use crate::error::{Error, Result};

/// A directory for keys: only its owner may look in. One that is there already is kept as it is.
pub fn create_private_dir(dir: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| unwritten(dir, source))
}

/// A new file anybody may read.
pub fn write_public(file: &Path, text: &str) -> Result<()> {
    write_new(file, text, 0o644)
}

/// A new file only its owner may read, from its first moment on.
pub(crate) fn write_key(file: &Path, key: &KeyPair) -> Result<()> {
    write_new(file, &key.serialize_pem(), 0o600)
}

/// Refuses a name that is taken, before anything is made.
pub(crate) fn expect_free(file: &Path) -> Result<()> {
    // Not `exists`: a dangling link is taken as well.
    if fs::symlink_metadata(file).is_ok() { Err(Error::Exists { file: file.to_owned() }) } else { Ok(()) }
}

pub(crate) fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|source| Error::Unread { file: file.to_owned(), source })
}

/// Makes the files of a directory, and their names, outlive a power cut.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    let sync = || -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            File::open(entry?.path())?.sync_all()?;
        }
        File::open(dir)?.sync_all()
    };
    sync().map_err(|source| unwritten(dir, source))
}

fn write_new(file: &Path, text: &str, mode: u32) -> Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    let mut to = opened.map_err(|source| unwritten(file, source))?;
    to.write_all(text.as_bytes()).map_err(|source| {
        // Half a key is no key, and its name would be taken for the next try. The first failure is the one to report.
        drop(fs::remove_file(file));
        unwritten(file, source)
    })
}

fn unwritten(file: &Path, source: io::Error) -> Error {
    let file = file.to_owned();
    match source.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { file },
        _ => Error::Unwritten { file, source },
    }
}
