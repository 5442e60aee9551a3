//! A journal keeps its promises: on its own disk, on a torn one, on a damaged one.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const SEGMENT: u32 = 8 * 1024;
/// Frames of such a segment may begin here up to the last mark.
const ROOM: u32 = SEGMENT - HEADER_BYTES - HEAD_BYTES;

fn options() -> Options {
    Options { segment_bytes: SEGMENT, spare: 1, fresh_id: JournalId([7; 16]) }
}

fn open(dir: &Path) -> (Journal, Reader, Opened) {
    Journal::open(dir, options()).unwrap()
}

/// A record that shows which one it is, at both ends.
fn record(number: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(number % 251).unwrap() + 1; length];
    bytes[0] ^= 0x55;
    bytes
}

fn all(journal: &Journal) -> Vec<Vec<u8>> {
    from(journal, Position::START).unwrap()
}

fn from(journal: &Journal, position: Position) -> Result<Vec<Vec<u8>>, JournalError> {
    let mut seen = Vec::new();
    journal.replay(position, |_, payload| {
        seen.push(payload.to_vec());
        Ok::<_, JournalError>(())
    })?;
    Ok(seen)
}

fn damage(result: Result<Vec<Vec<u8>>, JournalError>) -> Damage {
    match result {
        Err(JournalError::Damaged(damage)) => damage,
        other => panic!("no damage was reported but {other:?}"),
    }
}

fn file(dir: &Path, number: u64) -> PathBuf {
    segment::path(dir, number)
}

fn flip(path: &Path, offset: u32) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset.into()).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset.into()).unwrap();
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        // The segment being made ready may be renamed under our hands; it holds nothing.
        fs::copy(entry.path(), to.path().join(entry.file_name())).ok();
    }
    forget_reached(to.path());
    to
}

/// After a power cut the mark of how far the journal reached may be behind, or not be there at all.
fn forget_reached(dir: &Path) {
    fs::remove_file(dir.join("reached")).unwrap();
}

#[test]
fn what_was_appended_is_replayed_and_read_across_segments_and_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (mut expected, mut places) = (Vec::new(), Vec::new());
    for round in 0..6 {
        let (mut journal, reader, opened) = open(dir.path());
        assert_eq!((opened.cut, opened.damage), (None, vec![]), "round {round}");
        assert_eq!(all(&journal), expected);
        for batch in 0..4 {
            let batch: Vec<_> = (0..3).map(|n| record(expected.len() + n, 1 + 397 * (n + batch))).collect();
            places.extend(journal.append(&batch).unwrap());
            expected.extend(batch);
        }
        for (place, payload) in places.iter().zip(&expected) {
            assert_eq!(&reader.read(*place).unwrap()[..], payload);
        }
        let middle = places.len() / 2;
        assert_eq!(from(&journal, places[middle].position()).unwrap(), expected[middle..]);
        assert_eq!(from(&journal, journal.end()).unwrap(), Vec::<Vec<u8>>::new());
    }
    assert!(places.is_sorted(), "places follow the order of appending");
    assert!(places.last().unwrap().segment > 5, "several segments were used");
}

#[test]
fn one_batch_may_span_many_segments() {
    let dir = tempfile::tempdir().unwrap();
    let batch: Vec<_> = (0..20).map(|n| record(n, 1500)).collect();
    let (mut journal, reader, _) = open(dir.path());
    let places = journal.append(&batch).unwrap();
    assert_eq!(places.last().unwrap().segment, 10);
    assert!(places.iter().zip(&batch).all(|(place, payload)| reader.read(*place).unwrap() == payload));
    drop(journal);
    assert_eq!(all(&open(dir.path()).0), batch);
}

#[test]
fn a_full_segment_that_nothing_follows_yet_is_continued_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _, _) = open(dir.path());
    // The batch is refused for its second record after the first had been given a new segment.
    journal.append(&[record(1, 3000)]).unwrap();
    let refused = journal.append(&[record(2, 3000), vec![0; SEGMENT as usize]]);
    assert!(matches!(refused, Err(JournalError::Size { .. })));
    journal.append(&[record(2, 3000)]).unwrap();
    assert_eq!(journal.end().segment, 2);
    // As if the power had gone between the seal and the first write into the next.
    let first_only = tempfile::tempdir().unwrap();
    fs::copy(file(dir.path(), 1), file(first_only.path(), 1)).unwrap();
    let (mut journal, _, opened) = open(first_only.path());
    assert_eq!(opened.cut, None);
    journal.append(&[record(2, 10)]).unwrap();
    drop(journal);
    assert_eq!(all(&open(first_only.path()).0), [record(1, 3000), record(2, 10)]);
}

#[test]
fn records_of_impossible_size_are_refused_and_the_largest_possible_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _, _) = open(dir.path());
    let most = format::payload_max(SEGMENT) as usize;
    assert!(matches!(journal.append(&[vec![1; most + 1]]), Err(JournalError::Size { bytes, .. }) if bytes == most + 1));
    assert!(matches!(journal.append(&[[]]), Err(JournalError::Size { bytes: 0, .. })));
    journal.append(&[record(1, most), record(2, most)]).unwrap();
    drop(journal);
    assert_eq!(all(&open(dir.path()).0), [record(1, most), record(2, most)]);
    assert_eq!(most as u32, ROOM - HEAD_BYTES);
}

/// Three commits; the last has three records. Returns where the last one begins and the journal ends.
fn small(dir: &Path) -> (Vec<Vec<u8>>, Position, Position) {
    let (mut journal, _, _) = open(dir);
    let records: Vec<_> = [40, 90, 21, 64, 33].iter().enumerate().map(|(n, length)| record(n, *length)).collect();
    journal.append(&records[..1]).unwrap();
    journal.append(&records[1..2]).unwrap();
    let begin = journal.end();
    journal.append(&records[2..]).unwrap();
    (records, begin, journal.end())
}

/// Opens a journal whose last commit may be torn: what is left is a prefix, and writing goes on from there.
fn survives(dir: &Path, records: &[Vec<u8>], why: &str) {
    let (mut journal, _, opened) = open(dir);
    assert_eq!(opened.damage, vec![], "{why}");
    let kept = all(&journal);
    assert!((2..=5).contains(&kept.len()) && kept == records[..kept.len()], "{why}: kept {}", kept.len());
    if kept.len() < 5 {
        let at = opened.cut.map(|cut| cut.at);
        assert!(at.is_none_or(|at| at == journal.end()), "{why}");
    }
    journal.append(&[record(99, 17)]).unwrap();
    drop(journal);
    let (journal, _, opened) = open(dir);
    assert_eq!((opened.cut, opened.damage), (None, vec![]), "{why}");
    assert_eq!(all(&journal), [&kept[..], &[record(99, 17)]].concat(), "{why}");
}

#[test]
fn the_last_commit_torn_at_any_byte_loses_nothing_that_was_durable_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let (records, begin, end) = small(dir.path());
    for at in begin.offset..end.offset + HEAD_BYTES {
        let torn = copy(dir.path());
        let path = file(torn.path(), 1);
        let file = File::options().write(true).open(&path).unwrap();
        match at % 3 {
            0 => file.set_len(at.into()).unwrap(),
            1 => file.write_all_at(&vec![0; (end.offset + HEAD_BYTES - at) as usize], at.into()).unwrap(),
            _ => file.write_all_at(&vec![0xA5; (end.offset + HEAD_BYTES - at) as usize], at.into()).unwrap(),
        }
        survives(torn.path(), &records, &format!("torn at {at}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A disk may keep any sectors of a write that was never synced, in any order.
    #[test]
    fn the_last_commit_with_any_sectors_missing_is_cut_never_called_damage(kept in proptest::collection::vec(any::<bool>(), 7)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _, _) = open(dir.path());
        let records: Vec<_> = [9, 700, 300, 801, 450].iter().enumerate().map(|(n, length)| record(n, *length)).collect();
        journal.append(&records[..1]).unwrap();
        journal.append(&records[1..2]).unwrap();
        let before = fs::read(file(dir.path(), 1)).unwrap();
        journal.append(&records[2..]).unwrap();
        drop(journal);
        let after = fs::read(file(dir.path(), 1)).unwrap();
        let mut mixed = before;
        for (index, _) in kept.iter().enumerate().filter(|(_, kept)| **kept) {
            let sector = HEADER_BYTES as usize + 512 * index..HEADER_BYTES as usize + 512 * (index + 1);
            mixed[sector.clone()].copy_from_slice(&after[sector]);
        }
        fs::write(file(dir.path(), 1), mixed).unwrap();
        forget_reached(dir.path());
        survives(dir.path(), &records, &format!("{kept:?}"));
    }
}

#[test]
fn an_end_that_had_been_durable_and_is_gone_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (records, begin, end) = small(dir.path());
    let reached = fs::read(dir.path().join("reached")).unwrap();
    for at in (begin.offset..end.offset).step_by(8) {
        let hurt = copy(dir.path());
        fs::write(hurt.path().join("reached"), &reached).unwrap();
        let segment = File::options().write(true).open(file(hurt.path(), 1)).unwrap();
        segment.write_all_at(&vec![0; (end.offset - at) as usize], at.into()).unwrap();
        let (mut journal, _, opened) = open(hurt.path());
        let kept = all(&journal);
        assert_eq!(kept, records[..kept.len()], "zeroed from {at}");
        assert_eq!(opened.damage, [Damage { at: journal.end(), resume: end }], "zeroed from {at}");
        // Once only, and it goes on.
        journal.append(&[record(9, 500)]).unwrap();
        drop(journal);
        assert_eq!(open(hurt.path()).2.damage, []);
    }
    // A mark that does not read, or is another journal's, says nothing.
    for (byte, bad) in reached.iter().enumerate().map(|(at, byte)| (at, byte ^ 1)) {
        let mut mark = reached.clone();
        mark[byte] = bad;
        fs::write(dir.path().join("reached"), mark).unwrap();
        assert_eq!(open(dir.path()).2.damage, [], "byte {byte}");
    }
}

#[test]
fn a_batch_torn_at_a_segment_border_leaves_the_first_records() {
    let dir = tempfile::tempdir().unwrap();
    let batch: Vec<_> = (0..4).map(|n| record(n, 1500)).collect();
    open(dir.path()).0.append(&batch).unwrap();
    flip(&file(dir.path(), 2), HEADER_BYTES + HEAD_BYTES + 3);
    forget_reached(dir.path());
    let (mut journal, _, opened) = open(dir.path());
    assert_eq!(opened.cut.unwrap(), Cut { at: Position::start_of(2), records: 1 });
    assert_eq!(all(&journal), batch[..2]);
    journal.append(&[record(9, 9)]).unwrap();
    drop(journal);
    assert_eq!(all(&open(dir.path()).0), [&batch[..2], &[record(9, 9)]].concat());
}

#[test]
fn a_flipped_bit_anywhere_before_the_last_commit_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (records, begin, _) = small(dir.path());
    let second = Position { offset: HEADER_BYTES + format::frame_bytes(40), ..begin };
    for offset in HEADER_BYTES..begin.offset {
        let (frame, index, length) =
            if offset < second.offset { (Position::start_of(1), 0, 40) } else { (second, 1, 90) };
        if offset >= frame.offset + HEAD_BYTES + length {
            continue; // padding, which says nothing
        }
        let hurt = copy(dir.path());
        flip(&file(hurt.path(), 1), offset);
        let (mut journal, _, opened) = open(hurt.path());
        let named = damage(from(&journal, Position::START));
        assert_eq!((named.at, opened.damage.as_slice()), (frame, [named].as_slice()), "flip at {offset}");
        assert_eq!(from(&journal, named.resume).unwrap(), records[index + 1..], "flip at {offset}");
        journal.append(&[record(6, 6)]).unwrap();
    }
}

#[test]
fn damage_in_a_full_segment_is_named_on_replay_and_on_reading() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, reader, _) = open(dir.path());
    let batch: Vec<_> = (0..6).map(|n| record(n, 1500)).collect();
    let places = journal.append(&batch).unwrap();
    flip(&file(dir.path(), 1), places[1].offset + HEAD_BYTES);
    flip(&file(dir.path(), 2), places[2].offset);
    assert!(matches!(reader.read(places[1]), Err(ReadError::Damaged { place }) if place == places[1]));
    assert!(matches!(reader.read(places[2]), Err(ReadError::Damaged { .. })));
    let off_by_eight = Place { offset: places[0].offset + 8, ..places[0] };
    assert!(matches!(reader.read(off_by_eight), Err(ReadError::Damaged { .. })));

    let first = damage(from(&journal, Position::START));
    assert_eq!(first.at, places[1].position());
    let second = damage(from(&journal, first.resume).and_then(|_| from(&journal, Position::start_of(2))));
    assert_eq!((second.at, second.resume), (places[2].position(), places[3].position()));
    assert_eq!(from(&journal, second.resume).unwrap(), batch[3..]);
}

#[test]
fn a_missing_segment_a_lost_seal_and_a_strange_file_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let batch: Vec<_> = (0..6).map(|n| record(n, 1500)).collect();
    let places = open(dir.path()).0.append(&batch).unwrap();

    let unsealed = copy(dir.path());
    let seal = places[1].end();
    File::options().write(true).open(file(unsealed.path(), 1)).unwrap().write_all_at(&[0; 16], seal.into()).unwrap();
    let named = damage(from(&open(unsealed.path()).0, Position::START));
    assert_eq!(named, Damage { at: Position { segment: 1, offset: seal }, resume: Position::start_of(2) });

    let strange = copy(dir.path());
    fs::copy(file(strange.path(), 1), file(strange.path(), 2)).unwrap();
    assert!(matches!(Journal::open(strange.path(), options()), Err(JournalError::Foreign { .. })));

    fs::remove_file(file(dir.path(), 2)).unwrap();
    let (journal, _, opened) = open(dir.path());
    let hole = Damage { at: Position::start_of(2), resume: Position::start_of(3) };
    assert_eq!(opened.damage, [hole]);
    assert_eq!(damage(from(&journal, Position::START)), hole);
    assert_eq!(from(&journal, hole.resume).unwrap(), batch[4..]);
}

#[test]
fn a_damaged_header_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let batch: Vec<_> = (0..6).map(|n| record(n, 1500)).collect();
    open(dir.path()).0.append(&batch).unwrap();
    for (number, offset) in (1..=3).flat_map(|number| (0..44).map(move |offset| (number, offset))) {
        flip(&file(dir.path(), number), offset);
        let (journal, _, opened) = open(dir.path());
        assert_eq!((opened.cut, opened.mended.as_slice(), opened.damage), (None, [number].as_slice(), vec![]));
        assert_eq!(all(&journal), batch, "flip at {offset} of {number}");
    }
    // What cut the header off took the records with it: those are named.
    File::options().write(true).open(file(dir.path(), 2)).unwrap().set_len(20).unwrap();
    let named = damage(from(&open(dir.path()).0, Position::START));
    assert_eq!(named, Damage { at: Position::start_of(2), resume: Position::start_of(3) });
    // When nothing says any more which journal it is, nobody guesses.
    for entry in fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
        fs::write(entry.path(), b"").unwrap();
    }
    assert!(matches!(Journal::open(dir.path(), options()), Err(JournalError::Foreign { .. })));
}

#[test]
fn a_recycled_segment_never_shows_its_old_records() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, reader, _) = open(dir.path());
    let mut recycled = 0;
    let mut last = Vec::new();
    for round in 0..12 {
        let batch: Vec<_> = (0..4).map(|n| record(4 * round + n, 1200)).collect();
        let places = journal.append(&batch).unwrap();
        while journal.segments().len() > 2 {
            let oldest = journal.segments()[0].number;
            journal.retire(oldest).unwrap();
            recycled += 1;
        }
        last = places;
    }
    assert!(recycled > 8);
    let gone = Place { segment: 1, offset: HEADER_BYTES, length: 1200 };
    assert!(matches!(reader.read(gone), Err(ReadError::Gone { .. })));
    let old = Position { segment: 1, offset: HEADER_BYTES };
    assert!(matches!(from(&journal, old), Err(JournalError::OutOfReach { .. })));

    let kept = all(&journal);
    drop(journal);
    let (mut journal, _, opened) = open(dir.path());
    assert_eq!((opened.cut, opened.damage), (None, vec![]));
    assert_eq!(all(&journal), kept);
    assert_eq!(kept.last().unwrap(), &record(47, 1200));
    assert!(journal.space().unwrap().used < 6 * u64::from(SEGMENT), "files are used again, not added");

    // Torn where old bytes lie behind: cut, and the old bytes do not come back.
    let begin = journal.end();
    let place = journal.append(&[record(1, 900)]).unwrap()[0];
    drop(journal);
    flip(&file(dir.path(), place.segment), place.offset + HEAD_BYTES);
    forget_reached(dir.path());
    let (journal, _, opened) = open(dir.path());
    let expected = if place.segment == begin.segment { begin } else { Position::start_of(place.segment) };
    assert_eq!(opened.cut.unwrap().at, expected);
    assert_eq!(all(&journal), kept);
    assert!(last.is_sorted());
}

#[test]
fn only_the_oldest_segment_is_retired_and_never_the_current() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _, _) = open(dir.path());
    assert!(matches!(journal.retire(1), Err(JournalError::NotOldest { .. })));
    journal.append(&(0..6).map(|n| record(n, 1500)).collect::<Vec<_>>()).unwrap();
    assert!(matches!(journal.retire(2), Err(JournalError::NotOldest { segment: 2, oldest: 1 })));
    journal.retire(1).unwrap();
    assert_eq!(journal.span().oldest, Position::start_of(2));
    drop(journal);
    let (journal, _, opened) = open(dir.path());
    assert_eq!((opened.segments, opened.damage), (2, vec![]));
    assert_eq!(all(&journal), (2..6).map(|n| record(n, 1500)).collect::<Vec<_>>());
}

#[test]
fn a_second_opening_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let held = open(dir.path());
    let refused = Journal::open(dir.path(), options()).map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("another process uses /"), "{refused}");
    drop(held);
    open(dir.path());
}

#[test]
fn settings_that_cannot_work_are_refused_and_a_new_segment_size_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let with = |segment_bytes, spare| Options { segment_bytes, spare, ..options() };
    for bad in [with(0, 1), with(5000, 1), with(4096, 1), with(SEGMENT, 0), with(1 << 31, 1)] {
        assert!(matches!(Journal::open(dir.path(), bad), Err(JournalError::Options { .. })));
    }
    open(dir.path()).0.append(&[record(1, 100)]).unwrap();
    let (mut journal, _, _) = Journal::open(dir.path(), with(2 * SEGMENT, 1)).unwrap();
    journal.append(&[record(2, 10_000)]).unwrap();
    assert_eq!(journal.span().id, JournalId([7; 16]));
    drop(journal);
    assert_eq!(all(&open(dir.path()).0), [record(1, 100), record(2, 10_000)]);
}

#[test]
fn after_a_failed_write_nothing_is_accepted_until_reopened() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _, _) = open(dir.path());
    journal.append(&[record(1, 50)]).unwrap();
    // A disk that takes nothing more.
    journal.current.pages = Arc::new(File::options().write(true).open("/dev/full").unwrap());
    assert!(matches!(journal.append(&[record(2, 50)]), Err(JournalError::Io { .. })));
    assert!(matches!(journal.append(&[record(3, 50)]), Err(JournalError::Poisoned { .. })));
    assert!(matches!(journal.retire(1), Err(JournalError::Poisoned { .. })));
    assert_eq!(journal.headroom().bytes, 0);
    drop(journal);
    let (mut journal, _, _) = open(dir.path());
    assert_eq!(all(&journal), [record(1, 50)]);
    journal.append(&[record(2, 50)]).unwrap();
}

#[test]
fn without_room_for_a_segment_the_reserve_is_used_up_and_then_the_batch_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let (mut journal, reader, _) = Journal::open(&path, options()).unwrap();
    while journal.headroom().bytes < u64::from(2 * ROOM) {
        thread::sleep(Duration::from_millis(1));
    }
    // Nothing new can be made where there is no directory; files that are open stay usable.
    fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    let places = journal.append(&[record(1, 3000), record(2, 3000)]).unwrap();
    let refused = journal.append(&[record(3, 1000), record(4, 3000)]);
    assert!(matches!(refused, Err(JournalError::NoSegment { .. })), "{refused:?}");
    let headroom = journal.headroom();
    assert!(headroom.trouble.is_some() && headroom.bytes < 1100, "{headroom:?}");
    // What still fits is still taken, and when there is room again everything goes on.
    journal.append(&[record(3, 1000)]).unwrap();
    fs::rename(dir.path().join("elsewhere"), &path).unwrap();
    journal.append(&[record(4, 3000)]).unwrap();
    assert_eq!(journal.headroom().trouble, None);
    assert_eq!(&reader.read(places[1]).unwrap()[..], record(2, 3000));
    drop(journal);
    assert_eq!(all(&open(&path).0), [record(1, 3000), record(2, 3000), record(3, 1000), record(4, 3000)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_batches_come_back_in_order(
        batches in proptest::collection::vec(proptest::collection::vec(1usize..4000, 1..6), 1..10),
        reopen in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open(dir.path()).0;
        let mut expected = Vec::new();
        for batch in batches {
            let batch: Vec<_> = batch.into_iter().enumerate().map(|(n, length)| record(expected.len() + n, length)).collect();
            journal.append(&batch).unwrap();
            expected.extend(batch);
            if reopen {
                drop(journal);
                journal = open(dir.path()).0;
            }
        }
        prop_assert_eq!(all(&journal), expected);
    }
}
