//! A store that an earlier version wrote is read by this one: with its index, and from its journal and baseline alone.
//!
//! `golden/NAME` is a store as a station left it when it was killed, beside a list of what it had acknowledged. A store is added
//! when what lies on disk changes (`MAKE_GOLDEN=name cargo test --test disk golden`), and none is ever replaced: stations out
//! there have them.

use std::{fmt::Write as _, fs, path::PathBuf};

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("disk/golden")
}

/// A short life: something was given up, something is under way, something waits.
fn make(to: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let mut district = District::start(dir.path());
    (0..90).for_each(|_| drop(district.live()));
    district.tidy_all();
    district.io.pass(RETENTION);
    district.live();
    district.tidy_all();
    assert!(dir.path().join("journal/baseline").exists(), "nothing was given up");
    let mut acknowledged: Vec<DocId> = (0..2).flat_map(|_| district.live()).collect();
    acknowledged.push(district.directed());
    district.line_is_up = false;
    acknowledged.extend(district.file(&[papers::report("线路中断,待发", Precedence::TeJi)]));
    copy(dir.path(), to);
    let mut list = String::new();
    for id in acknowledged {
        let (number, digest) = district.text_of(id).unwrap();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(list, "{id}\t{number}\t{digest}").unwrap();
    }
    fs::write(to.join("acknowledged.tsv"), list).unwrap();
    fs::remove_file(to.join("journal/LOCK")).unwrap();
}

fn judge(store: &Path, what: &str) {
    let scratch = tempfile::tempdir().unwrap();
    copy(store, scratch.path());
    if what == "without its index" {
        fs::remove_dir_all(scratch.path().join("index")).unwrap();
    }
    let name = store.file_name().unwrap().to_string_lossy();
    let io = Arc::new(Fixed::new(Timestamp::from_us(1_700_010_000_000_000), 7));
    let mut district = District::wake(scratch.path(), io).unwrap_or_else(|error| panic!("{name}, {what}: {error}"));
    assert!(district.engine.post().losses().is_empty(), "{name}, {what}: {:?}", district.engine.post().losses());
    let list = fs::read_to_string(store.join("acknowledged.tsv")).unwrap();
    for line in list.lines() {
        let (id, expected) = line.split_once('\t').unwrap();
        let id = DocId(*uuid::Uuid::parse_str(id).unwrap().as_bytes());
        let (number, digest) = district.text_of(id).unwrap_or_else(|| panic!("{name}, {what}: {line} is gone"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(format!("{number}\t{digest}"), expected, "{name}, {what}");
    }
    assert!(list.lines().count() > 15);
    // And it lives on.
    let waits: usize = district.engine.post().queues().map(|(_, queue)| queue.len()).sum();
    assert_eq!(waits, 1, "{name}, {what}: what had not been sent still waits");
    let filed = district.file(&[papers::report("照常", Precedence::Routine)]);
    assert!(district.has(filed[0]));
}

#[test]
fn golden_stores_are_read_and_lived_in() {
    if let Ok(name) = std::env::var("MAKE_GOLDEN") {
        let to = folder().join(name);
        assert!(!to.exists(), "{} is there, and none is ever replaced", to.display());
        make(&to);
    }
    let stores: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!stores.is_empty());
    for store in stores {
        judge(&store, "with its index");
        judge(&store, "without its index");
    }
}
