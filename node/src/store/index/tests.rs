//! The index equals a map, comes back as some earlier position of itself, and gives way when it is no good.

use std::{fs, os::unix::fs::FileExt, sync::Arc};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const ID: JournalId = JournalId([3; 16]);

fn at(segment: u64, offset: u32) -> Position {
    Position { segment, offset }
}

fn options() -> Options {
    let journal = Span { id: ID, oldest: at(1, 4096), end: at(1000, 4096) };
    Options { cache_bytes: 1024 * 1024, journal, shape: 1 }
}

fn open(dir: &Path) -> (Index, Opened) {
    Index::open(dir, &options()).unwrap()
}

fn rows<const N: usize>(rows: [(&str, Option<&str>); N]) -> Rows {
    let owned = |(key, value): (&str, Option<&str>)| (key.into(), value.map(Into::into));
    rows.into_iter().map(owned).collect()
}

fn everything(index: &Index) -> Vec<(Vec<u8>, Vec<u8>)> {
    index.range(&[], &[0xFF; 64], usize::MAX)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            drop(fs::copy(entry.path(), target))
        }
    }
}

/// An index of two thousand rows on disk, closed.
fn filled() -> TempDir {
    filled_with(20)
}

fn filled_with(batches: u32) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(&dir.path().join("index"));
    for batch in 0..u64::from(batches) {
        let rows = (0..100u64).map(|n| ((batch * 100 + n).to_be_bytes().to_vec(), Some(vec![7; 500]))).collect();
        index.apply(&rows, at(batch + 1, 4096)).unwrap();
    }
    index.checkpoint().unwrap();
    dir
}

#[test]
fn rows_and_what_they_stand_for_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (index, opened) = open(dir.path());
    assert_eq!(opened, Opened { watermark: None, set_aside: None });
    index.apply(&rows([("a", Some("1")), ("b", Some("2")), ("c", Some("3"))]), at(1, 5000)).unwrap();
    index.apply(&rows([("b", None), ("c", Some("4"))]), at(1, 6000)).unwrap();
    assert_eq!((index.watermark(), index.durable()), (Some(at(1, 6000)), None));
    index.checkpoint().unwrap();
    assert_eq!(index.durable(), Some(at(1, 6000)));
    drop(index);
    let (index, opened) = open(dir.path());
    assert_eq!(opened, Opened { watermark: Some(at(1, 6000)), set_aside: None });
    assert_eq!((index.get(b"a"), index.get(b"b")), (Some(b"1".to_vec()), None));
    assert_eq!(everything(&index), [(b"a".to_vec(), b"1".to_vec()), (b"c".to_vec(), b"4".to_vec())]);
}

#[test]
fn the_watermark_is_never_taken_for_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    index.apply(&Rows::from([(vec![0], Some(vec![]))]), at(1, 5000)).unwrap();
    assert_eq!(index.get(b""), None);
    assert_eq!(index.range(b"", &[1], 9), [(vec![0], vec![])]);
    assert_eq!(index.range_back(b"", &[1], 9), [(vec![0], vec![])]);
    assert_eq!((index.range(b"", b"", 9), index.range(b"z", b"a", 9)), (vec![], vec![]));
    let refused = index.apply(&Rows::from([(vec![], Some(vec![1]))]), at(1, 6000));
    assert_eq!(refused, Err(IndexError::Row { bytes: 1, key_bytes: 0 }));
}

#[test]
fn the_largest_rows_never_leave_the_main_file() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    let large = (0..600u64).map(|n| (n.to_be_bytes().to_vec(), Some(vec![n as u8; ROW_BYTES_MAX - 8]))).collect();
    index.apply(&large, at(1, 5000)).unwrap();
    index.checkpoint().unwrap();
    assert_eq!(fs::read_dir(dir.path().join("blobs")).unwrap().count(), 0);
    let too_large = Rows::from([(vec![1], Some(vec![0; ROW_BYTES_MAX]))]);
    assert!(matches!(index.apply(&too_large, at(1, 6000)), Err(IndexError::Row { .. })));
}

#[test]
fn a_half_snapshot_left_by_a_stop_does_not_keep_it_from_opening() {
    let dir = filled();
    let path = dir.path().join("index");
    fs::write(path.join("snap.000000000000FFFF.generating"), b"half").unwrap();
    assert_eq!(open(&path).1, Opened { watermark: Some(at(20, 4096)), set_aside: None });
}

#[test]
fn a_damaged_index_is_whole_as_of_some_batch_or_set_aside_and_begun_anew() {
    // Damage may hit what sled no longer uses, or be noticed, or leave an earlier state: whatever is answered after
    // opening must be exactly the rows of the batches the watermark names. Half of the file cannot go unnoticed.
    let whole = fs::metadata(filled().path().join("index/db")).unwrap().len();
    for hurt in ["emptied", "shortened", "overwritten"] {
        let dir = filled();
        let path = dir.path().join("index");
        for snapshot in fs::read_dir(&path).unwrap().map(Result::unwrap) {
            if snapshot.file_name().to_string_lossy().starts_with("snap.") {
                fs::write(snapshot.path(), b"not a snapshot").unwrap();
            }
        }
        let file = fs::File::options().write(true).open(path.join("db")).unwrap();
        match hurt {
            "emptied" => file.write_all_at(&vec![0xEE; usize::try_from(whole).unwrap()], 0).unwrap(),
            "shortened" => file.set_len(700_000).unwrap(),
            _ => file.write_all_at(&vec![0xEE; 300_000], 100_000).unwrap(),
        }
        let (index, opened) = open(&path);
        let batches = opened.watermark.map_or(0, |at| usize::try_from(at.segment).unwrap());
        assert_eq!(everything(&index).len(), batches * 100, "{hurt}: rows of no batch at all");
        assert!(hurt != "emptied" || batches == 0, "nothing was left, and yet it was taken as whole");
        if let Some(aside) = opened.set_aside {
            assert_eq!((batches, aside.to), (0, dir.path().join("index.damaged-1")));
        }
        index.apply(&rows([("a", Some("1"))]), at(21, 5000)).unwrap();
    }
}

#[test]
fn an_index_of_something_else_is_set_aside_and_only_the_latest_is_kept() {
    let dir = filled();
    let path = dir.path().join("index");
    let with = |change: &dyn Fn(&mut Options)| {
        let mut options = options();
        change(&mut options);
        let (index, opened) = Index::open(&path, &options).unwrap();
        let refilled = index.apply(&rows([("a", Some("1"))]), at(20, 4096));
        refilled.and_then(|()| index.checkpoint()).unwrap();
        opened.set_aside.unwrap()
    };
    let other_journal = with(&|options| options.journal.id = JournalId([9; 16]));
    assert_eq!(other_journal.why, "it is an index of another journal");
    let back = with(&|_| ());
    assert_eq!(back.to, dir.path().join("index.damaged-2"));
    assert!(!other_journal.to.exists());
    let beyond = with(&|options| options.journal.end = at(20, 4095));
    assert!(beyond.why.contains("durable records were lost"), "{}", beyond.why);
    let before = with(&|options| options.journal.oldest = at(21, 4096));
    assert!(before.why.contains("the journal begins at"), "{}", before.why);
    let shape = with(&|options| options.shape = 2);
    assert!(shape.why.contains("shape 1"), "{}", shape.why);
    with(&|_| ());
    Index::condemn(&path).unwrap();
    assert_eq!(with(&|_| ()).why, "it was marked to be rebuilt");
}

#[test]
fn an_index_in_use_is_left_where_it_is() {
    let dir = filled();
    let path = dir.path().join("index");
    let (index, _) = open(&path);
    assert_eq!(Index::open(&path, &options()).map(|_| ()), Err(IndexError::InUse { dir: path.clone() }));
    assert_eq!(index.watermark(), Some(at(20, 4096)));
}

#[test]
fn a_read_that_fails_is_trouble_not_an_absent_row_and_has_the_index_rebuilt() {
    // More than the cache holds, so that a read has to go to the file.
    let dir = filled_with(300);
    let path = dir.path().join("index");
    let (index, _) = open(&path);
    fs::File::options().write(true).open(path.join("db")).unwrap().set_len(0).unwrap();
    assert!(everything(&index).len() < 30_000);
    assert!(matches!(index.trouble(), Some(IndexError::Failed { .. })), "{:?}", index.trouble());
    assert!(matches!(index.apply(&Rows::new(), at(21, 4096)), Err(IndexError::Failed { .. })));
    assert!(matches!(index.checkpoint(), Err(IndexError::Failed { .. })));
    drop(index);
    assert_eq!(open(&path).1.set_aside.unwrap().why, "it was marked to be rebuilt");
}

#[test]
fn the_worker_answers_for_every_batch_and_takes_one_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(dir.path());
    let mut indexer = Indexer::start(index.clone()).unwrap();
    assert!(indexer.poll().is_none() && indexer.wait().is_none());
    let frozen = Arc::new(rows([("a", Some("1"))]));
    indexer.submit(Arc::clone(&frozen), at(1, 5000), None).unwrap();
    assert_eq!(indexer.submit(Arc::clone(&frozen), at(1, 6000), None), Err(IndexError::Busy));
    assert!(matches!(indexer.wait(), Some(Ok(Drained { to, baseline: None })) if to == at(1, 5000)));
    assert_eq!((index.durable(), index.get(b"a")), (Some(at(1, 5000)), Some(b"1".to_vec())));
    assert_eq!(Arc::strong_count(&frozen), 1, "the overlay is the engine's alone again");
    indexer.submit(Arc::new(Rows::from([(vec![], None)])), at(1, 7000), None).unwrap();
    assert!(matches!(indexer.wait(), Some(Err(IndexError::Row { .. }))));
    assert!(!indexer.busy());
    assert_eq!(index.watermark(), Some(at(1, 5000)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Random batches against a map, with stops without warning in between.
    #[test]
    fn it_equals_a_map_and_a_copy_taken_while_open_equals_an_earlier_one(
        batches in proptest::collection::vec(
            proptest::collection::btree_map(
                proptest::collection::vec(0u8..4, 1..4),
                proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
                1..40,
            ), 1..8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (index, _) = open(&dir.path().join("index"));
        let mut model = BTreeMap::new();
        let mut history = BTreeMap::new();
        for (number, batch) in (1..).zip(batches) {
            index.apply(&batch, at(number, 4096)).unwrap();
            for (key, value) in batch {
                if let Some(value) = value { model.insert(key, value); } else { model.remove(&key); }
            }
            history.insert(at(number, 4096), model.clone());
            prop_assert_eq!(everything(&index), model.clone().into_iter().collect::<Vec<_>>());
            let middle: Vec<_> = model.range(vec![1]..vec![3]).rev().take(5).map(|(k, v)| (k.clone(), v.clone())).collect();
            prop_assert_eq!(index.range_back(&[1], &[3], 5), middle);
            if number % 2 == 0 {
                index.checkpoint().unwrap();
            }
        }
        let killed = dir.path().join("killed");
        copy(&dir.path().join("index"), &killed);
        let (after, opened) = open(&killed);
        prop_assert_eq!(opened.set_aside, None);
        prop_assert!(opened.watermark >= index.durable());
        let expected = opened.watermark.map(|mark| history.remove(&mark).unwrap()).unwrap_or_default();
        prop_assert_eq!(everything(&after), expected.into_iter().collect::<Vec<_>>());
    }
}

/// Grows an index far beyond its rows: values that would not lie still. What is left of them is small.
fn bloated() -> (TempDir, Index) {
    let dir = tempfile::tempdir().unwrap();
    let (index, _) = open(&dir.path().join("index"));
    for batch in 0..60u64 {
        let coming = (0..1000u64).map(|n| ((batch * 1000 + n).to_be_bytes().to_vec(), Some(vec![batch as u8; 600])));
        index.apply(&coming.collect(), at(batch + 1, 4096)).unwrap();
    }
    let going = (0..59_900u64).map(|n| (n.to_be_bytes().to_vec(), None));
    index.apply(&going.collect(), at(100, 4096)).unwrap();
    index.checkpoint().unwrap();
    (dir, index)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_index_that_has_grown_far_beyond_its_rows_is_written_anew_while_it_is_read() {
    let (dir, index) = bloated();
    let size = |name: &str| fs::metadata(dir.path().join(name).join("db")).unwrap().len();
    let (grown, before) = (size("index"), everything(&index));
    assert!(grown > 16 << 20, "it has to be large to begin with: {grown}");
    let reader = index.clone();
    index.slim(grown);
    assert_eq!(names(dir.path()), ["index"], "its rows might be as large");
    index.slim(60_000);
    assert_eq!(names(dir.path()), ["index.g1"]);
    assert!(size("index.g1") < grown / 8, "{} of {grown}", size("index.g1"));
    assert_eq!((everything(&reader), reader.durable()), (before, Some(at(100, 4096))));
    // It goes on, and the next start finds it.
    index.apply(&rows([("a", Some("1"))]), at(101, 4096)).unwrap();
    index.checkpoint().unwrap();
    drop((index, reader));
    let (index, opened) = open(&dir.path().join("index"));
    assert_eq!(opened, Opened { watermark: Some(at(101, 4096)), set_aside: None });
    assert_eq!((index.get(b"a"), everything(&index).len()), (Some(b"1".to_vec()), 101));
    drop(index);
    // What is condemned is the one in use, and what follows it begins where all do.
    Index::condemn(&dir.path().join("index")).unwrap();
    let (_, opened) = open(&dir.path().join("index"));
    assert!(opened.set_aside.is_some() && opened.watermark.is_none());
    assert_eq!(names(dir.path()), ["index", "index.damaged-1"]);
}

#[test]
fn wherever_the_writing_anew_was_cut_short_the_rows_are_there() {
    let (dir, index) = bloated();
    let before = everything(&index);
    index.slim(60_000);
    drop(index);
    let base = dir.path().join("index");
    // Both are whole: stopped before the old one was removed.
    copy(&dir.path().join("index.g1"), &base);
    // Neither is this one: stopped while the next was copied.
    copy(&dir.path().join("index.g1"), &dir.path().join("index.g2"));
    fs::write(dir.path().join("index.g2/UNFINISHED"), b"").unwrap();
    fs::write(dir.path().join("index.g2/db"), b"half").unwrap();
    let (index, opened) = open(&base);
    assert_eq!((opened.watermark, everything(&index)), (Some(at(100, 4096)), before));
    assert_eq!(names(dir.path()), ["index.g1"]);
}
