//! The baseline: every row as of one position of the journal, so that what is before it need not be kept.
//!
//! The index may be lost at any time and is then rebuilt from the journal; once segments have been given up, from the
//! baseline and what comes after it. So it is written as carefully as the journal itself: under another name first, synced,
//! read back by its sums, and it names the journal it belongs to and how many rows it must have.
//!
//! ```text
//! file     head · part · part · … · part of 0 bytes
//! head     magic 8 · shape u32 · journal id 16 · segment u64 · offset u32 · rows u64 · crc u32
//! part     bytes u32 · crc u32 · rows
//! row      bytes of the key u16 · bytes of the value u16 · key · value
//! ```
//! Integers are big-endian; sums are CRC32C, each over the sum before it too, so that no part can be missing.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use super::{
    index::{Index, IndexError, Rows},
    journal::{JournalId, Position},
};

const NAME: &str = "baseline";
const MAGIC: &[u8; 8] = b"ZHUJIBSL";
/// Of the head, without its sum.
const HEAD_BYTES: usize = 48;
/// Bytes of rows under one sum.
const PART_BYTES: usize = 64 * 1024;
/// No part is larger than this: the last row of one may go over the mark.
const PART_BYTES_MAX: usize = PART_BYTES + 2 * 64 * 1024;

/// What a baseline stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Baseline {
    /// Which journal.
    pub journal: JournalId,
    /// The version of the rows' shape.
    pub shape: u32,
    /// All facts before this position are in its rows.
    pub at: Position,
    /// How many rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Why there is no (usable) baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The rows could not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// What is in the file is not what was written.
    #[error("{} is damaged ({why}); restore it and the journal from one backup", path.display())]
    Damaged { path: PathBuf, why: &'static str },
    /// The file system said no.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

impl BaselineError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// Writes all rows of the index beside the journal, instead of the baseline before. The caller is the one
/// who writes rows.
pub fn write(index: &Index, dir: &Path) -> Result<Baseline, BaselineError> {
    let draft = dir.join("baseline.tmp");
    let written = write_draft(index, &draft);
    if written.is_err() {
        // It takes room others may need; the next one is written over it in any case.
        fs::remove_file(&draft).ok();
    }
    let baseline = written?;
    let path = dir.join(NAME);
    fs::rename(&draft, &path).map_err(BaselineError::io("write", &path))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(BaselineError::io("sync", dir))?;
    Ok(baseline)
}

fn write_draft(index: &Index, draft: &Path) -> Result<Baseline, BaselineError> {
    let file = File::create(draft).map_err(BaselineError::io("create", draft))?;
    let mut baseline = index.as_baseline();
    let mut out = Parts::begin(&file, &baseline).map_err(BaselineError::io("write", draft))?;
    index.each(|key, value| out.row(key, value).map_err(BaselineError::io("write", draft)))?;
    baseline.bytes = out.finish().map_err(BaselineError::io("write", draft))?;
    file.sync_all().map_err(BaselineError::io("sync", draft))?;
    Ok(baseline)
}

/// Rows on their way into the file.
struct Parts<'a> {
    out: BufWriter<&'a File>,
    sum: u32,
    bytes: u64,
    part: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn begin(file: &'a File, baseline: &Baseline) -> io::Result<Self> {
        let head = encode(baseline);
        let sum = crc32c::crc32c(&head);
        let mut out = BufWriter::new(file);
        out.write_all(&head)?;
        out.write_all(&sum.to_be_bytes())?;
        Ok(Self { out, sum, bytes: head.len() as u64 + 4, part: Vec::with_capacity(PART_BYTES) })
    }

    fn row(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        for bytes in [key, value] {
            // Rows have at most 4 KiB.
            self.part.extend_from_slice(&u16::try_from(bytes.len()).map_err(io::Error::other)?.to_be_bytes());
        }
        self.part.extend_from_slice(key);
        self.part.extend_from_slice(value);
        if self.part.len() >= PART_BYTES { self.put() } else { Ok(()) }
    }

    fn put(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.part.len()).map_err(io::Error::other)?.to_be_bytes();
        self.sum = crc32c::crc32c_append(crc32c::crc32c_append(self.sum, &length), &self.part);
        self.out.write_all(&length)?;
        self.out.write_all(&self.sum.to_be_bytes())?;
        self.out.write_all(&self.part)?;
        self.bytes += self.part.len() as u64 + 8;
        self.part.clear();
        Ok(())
    }

    /// The last rows, and the empty part that says so.
    fn finish(mut self) -> io::Result<u64> {
        if !self.part.is_empty() {
            self.put()?;
        }
        self.put()?;
        self.out.flush()?;
        Ok(self.bytes)
    }
}

/// What the baseline beside a journal stands for, if there is one. Its rows are not checked yet.
pub fn find(dir: &Path) -> Result<Option<Baseline>, BaselineError> {
    let path = dir.join(NAME);
    let file = match File::open(&path) {
        Err(none) if none.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(BaselineError::io("open", &path))?,
    };
    let bytes = file.metadata().map_or(0, |meta| meta.len());
    let (baseline, _) = head(&mut BufReader::new(file), &path)?;
    Ok(Some(Baseline { bytes, ..baseline }))
}

/// Hands over all rows, a part at a time, each after its sum was checked; says at the end if any are missing.
pub fn read<E: From<BaselineError>>(dir: &Path, mut take: impl FnMut(Rows) -> Result<(), E>) -> Result<(), E> {
    let path = dir.join(NAME);
    let file = File::open(&path).map_err(BaselineError::io("open", &path))?;
    let mut file = BufReader::new(file);
    let damaged = |why| BaselineError::Damaged { path: path.clone(), why };
    let (baseline, mut sum) = head(&mut file, &path)?;
    let mut seen = 0;
    loop {
        let length: [u8; 4] = exactly(&mut file, &path)?;
        let expected = u32::from_be_bytes(exactly(&mut file, &path)?);
        let bytes = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if bytes > PART_BYTES_MAX {
            return Err(damaged("a part has an impossible length").into());
        }
        let mut part = vec![0; bytes];
        fill(&mut file, &mut part, &path)?;
        sum = crc32c::crc32c_append(crc32c::crc32c_append(sum, &length), &part);
        if sum != expected {
            return Err(damaged("a sum is wrong").into());
        }
        if part.is_empty() {
            break;
        }
        let rows = rows(&part).ok_or_else(|| damaged("a row is cut off"))?;
        seen += rows.len() as u64;
        take(rows)?;
    }
    if seen == baseline.rows { Ok(()) } else { Err(damaged("rows are missing").into()) }
}

fn encode(baseline: &Baseline) -> Vec<u8> {
    [
        &MAGIC[..],
        &baseline.shape.to_be_bytes(),
        &baseline.journal.0,
        &baseline.at.segment.to_be_bytes(),
        &baseline.at.offset.to_be_bytes(),
        &baseline.rows.to_be_bytes(),
    ]
    .concat()
}

/// The head, and its sum: the first of the chain.
fn head(file: &mut impl Read, path: &Path) -> Result<(Baseline, u32), BaselineError> {
    let damaged = |why| BaselineError::Damaged { path: path.to_owned(), why };
    let head: [u8; HEAD_BYTES] = exactly(file, path)?;
    let sum = u32::from_be_bytes(exactly(file, path)?);
    if crc32c::crc32c(&head) != sum {
        return Err(damaged("the sum of its head is wrong"));
    }
    let read = || {
        let (magic, rest) = head.split_first_chunk::<8>()?;
        let (shape, rest) = rest.split_first_chunk()?;
        let (journal, rest) = rest.split_first_chunk()?;
        let (segment, rest) = rest.split_first_chunk()?;
        let (offset, rows) = rest.split_first_chunk()?;
        let at = Position { segment: u64::from_be_bytes(*segment), offset: u32::from_be_bytes(*offset) };
        let rows = u64::from_be_bytes(rows.try_into().ok()?);
        let baseline = Baseline { journal: JournalId(*journal), shape: u32::from_be_bytes(*shape), at, rows, bytes: 0 };
        (magic == MAGIC).then_some(baseline)
    };
    read().map(|baseline| (baseline, sum)).ok_or_else(|| damaged("it is not a baseline"))
}

fn rows(mut part: &[u8]) -> Option<Rows> {
    let mut rows = Rows::new();
    while !part.is_empty() {
        let (key, rest) = part.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u16::from_be_bytes(*key).into())?;
        let (value, rest) = rest.split_at_checked(u16::from_be_bytes(*value).into())?;
        rows.insert(key.to_vec(), Some(value.to_vec()));
        part = rest;
    }
    Some(rows)
}

fn exactly<const N: usize>(file: &mut impl Read, path: &Path) -> Result<[u8; N], BaselineError> {
    let mut bytes = [0; N];
    fill(file, &mut bytes, path)?;
    Ok(bytes)
}

fn fill(file: &mut impl Read, bytes: &mut [u8], path: &Path) -> Result<(), BaselineError> {
    file.read_exact(bytes).map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => BaselineError::Damaged { path: path.to_owned(), why: "it is cut off" },
        _ => BaselineError::io("read", path)(source),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::{index::Options, journal::Span};

    const JOURNAL: JournalId = JournalId([3; 16]);
    const AT: Position = Position { segment: 7, offset: 4096 };

    fn written(rows: &Rows) -> (tempfile::TempDir, Baseline) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Span { id: JOURNAL, oldest: Position::start_of(1), end: Position::start_of(9) };
        let options = Options { cache_bytes: 1 << 20, journal, shape: 5 };
        let (index, _) = Index::open(dir.path().join("index"), &options).unwrap();
        index.apply(rows, AT).unwrap();
        let baseline = write(&index, dir.path()).unwrap();
        (dir, baseline)
    }

    fn read_all(dir: &Path) -> Result<Rows, BaselineError> {
        let mut all = Rows::new();
        read(dir, |rows| {
            all.extend(rows);
            Ok::<_, BaselineError>(())
        })?;
        Ok(all)
    }

    #[test]
    fn all_rows_come_back_and_it_says_what_they_stand_for() {
        let rows: Rows = (0..5000u32).map(|n| (n.to_be_bytes().to_vec(), Some(vec![7; n as usize % 300]))).collect();
        let (dir, baseline) = written(&rows);
        assert_eq!((baseline.journal, baseline.shape, baseline.at, baseline.rows), (JOURNAL, 5, AT, 5000));
        assert_eq!(baseline.bytes, fs::metadata(dir.path().join(NAME)).unwrap().len());
        assert_eq!(find(dir.path()).unwrap(), Some(baseline));
        assert_eq!(read_all(dir.path()).unwrap(), rows);
        assert_eq!(find(Path::new("/nowhere")).unwrap(), None);
    }

    #[test]
    fn no_rows_are_rows_too() {
        let (dir, _) = written(&Rows::new());
        assert_eq!(read_all(dir.path()).unwrap(), Rows::new());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_flipped_bit_and_any_missing_end_is_noticed(at in any::<prop::sample::Index>(), bit in 0u8..8) {
            static FILE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
            let file = FILE.get_or_init(|| {
                let rows = (0..900u32).map(|n| (n.to_be_bytes().to_vec(), Some(vec![7; 200]))).collect();
                fs::read(written(&rows).0.path().join(NAME)).unwrap()
            });
            let dir = tempfile::tempdir().unwrap();
            let at = at.index(file.len());
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            for bad in [&flipped[..], &file[..at]] {
                fs::write(dir.path().join(NAME), bad).unwrap();
                let noticed = matches!(read_all(dir.path()), Err(BaselineError::Damaged { .. }));
                prop_assert!(noticed);
            }
        }
    }
}
