//! Whatever happens to one file of a store: its station starts, whatever was acknowledged and cannot be read any more is
//! named, and nobody's number is given out twice.

use std::collections::BTreeMap;

use node::post::losses::Lost;
use tests::dice::Dice;

use super::*;

/// What was acknowledged: each document by its id, with its number and the digest of its text.
type Acknowledged = BTreeMap<DocId, (String, Bytes)>;

/// A station that has lived for a while, as its disk is: once killed, once stopped in peace, and some time before that.
struct Lived {
    dir: tempfile::TempDir,
    acknowledged: Acknowledged,
    io: Arc<Fixed>,
}

impl Lived {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("running");
        let mut district = District::start(&at);
        // Something is given up, so that there is a baseline.
        (0..90).for_each(|_| drop(district.live()));
        district.tidy_all();
        district.io.pass(RETENTION);
        (0..2).for_each(|_| drop(district.live()));
        district.tidy_all();
        assert!(at.join("journal/baseline").exists(), "nothing was given up");

        let mut acknowledged: Vec<DocId> = (0..25).flat_map(|_| district.live()).collect();
        copy(&at, &dir.path().join("earlier"));
        acknowledged.extend((0..25).flat_map(|_| district.live()));
        acknowledged.push(district.directed());
        // What is filed now waits.
        district.line_is_up = false;
        let waiting: Vec<_> = (0..12).map(|_| papers::report("线路中断,待发", Precedence::TeJi)).collect();
        for one in waiting.chunks(3) {
            acknowledged.extend(district.file(one));
        }
        let acknowledged = acknowledged.into_iter().map(|id| (id, district.text_of(id).unwrap())).collect();
        copy(&at, &dir.path().join("killed"));
        let io = district.io.clone();
        district.engine.finish().unwrap();
        copy(&at, &dir.path().join("stopped"));
        Self { dir, acknowledged, io }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    BitFlipped,
    PageZeroed,
    CutOff,
    Deleted,
    RolledBack,
}

const DAMAGES: [Damage; 5] =
    [Damage::BitFlipped, Damage::PageZeroed, Damage::CutOff, Damage::Deleted, Damage::RolledBack];

/// All files below, by their path from there.
fn files(at: &Path, below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, below, found);
        } else if entry.file_name().is_some_and(|name| name != "LOCK") {
            found.push(entry.strip_prefix(below).unwrap().to_owned());
        }
    }
    found.sort();
}

/// Damages one file; says how.
fn damage(store: &Path, earlier: &Path, dice: &mut Dice) -> (Damage, String) {
    let mut all = Vec::new();
    files(store, store, &mut all);
    let segments: Vec<_> = all.iter().filter(|file| file.extension().is_some_and(|seg| seg == "seg")).collect();
    let file = if dice.chance(65) { segments[dice.below(segments.len())] } else { &all[dice.below(all.len())] };
    let path = store.join(file);
    let mut bytes = fs::read(&path).unwrap();
    // Most of a segment may never have been written.
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut kind = DAMAGES[dice.below(DAMAGES.len())];
    let old = fs::read(earlier.join(file)).ok().filter(|old| *old != bytes);
    if kind == Damage::RolledBack && old.is_none() || kind != Damage::Deleted && used == 0 {
        kind = Damage::Deleted;
    }
    let at = if used == 0 { 0 } else { dice.below(used) };
    match kind {
        Damage::BitFlipped => bytes[at] ^= 1 << dice.below(8),
        Damage::PageZeroed => {
            let page = at / 4096 * 4096;
            let end = (page + 4096).min(bytes.len());
            bytes[page..end].fill(0);
        }
        Damage::CutOff => bytes.truncate(at),
        Damage::Deleted => {}
        Damage::RolledBack => bytes = old.unwrap(),
    }
    if kind == Damage::Deleted {
        fs::remove_file(&path).unwrap()
    } else {
        fs::write(&path, bytes).unwrap()
    }
    (kind, format!("{kind:?} at {at} of {}", file.display()))
}

/// What one trial came to.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    trials: u32,
    harmless: u32,
    named: u32,
    documents: u32,
}

fn judge(lived: &Lived, base: &str, seed: u64) -> (Damage, bool, u32) {
    let mut dice = Dice::new(seed);
    let scratch = tempfile::tempdir().unwrap();
    copy(&lived.dir.path().join(base), scratch.path());
    let (kind, what) = damage(scratch.path(), &lived.dir.path().join("earlier"), &mut dice);
    let what = format!("seed {seed}, {base}, {what}");

    let mut district = District::wake(scratch.path(), lived.io.clone())
        .unwrap_or_else(|error| panic!("{what}: the station does not start: {error}"));
    let mut missing = BTreeMap::new();
    for (id, (number, digest)) in &lived.acknowledged {
        match district.text_of(*id) {
            Some((again, text)) => assert_eq!((&again, &text), (number, digest), "{what}: {number} is another"),
            None => _ = missing.insert(id, number),
        }
    }
    // What was found while somebody looked, and what nobody looked at.
    district.step(Vec::new());
    district.patrol_all();
    let losses = district.engine.post().losses();
    let hole = losses.iter().any(|loss| matches!(loss.what, Lost::Hole(_)));
    for (id, number) in &missing {
        assert!(hole || district.engine.post().had(number), "{what}: silent: {number} ({id:?}) is gone");
    }
    assert!(missing.is_empty() || !losses.is_empty(), "{what}: silent: {missing:?}");

    // It goes on, and with numbers of its own.
    let filed = district.file(&[papers::report("照常", Precedence::Routine)]);
    let number = district.text_of(filed[0]).unwrap().0;
    let taken = lived.acknowledged.values().any(|(known, _)| *known == number);
    assert!(!taken, "{what}: {number} is given out twice");
    (kind, !losses.is_empty(), u32::try_from(missing.len()).unwrap())
}

#[test]
fn no_damage_to_one_file_keeps_a_station_down_or_stays_unnamed() {
    let lived = Lived::new();
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (first, trials) = (number("SEED", 1), number("TRIALS", 60));
    let mut tally: BTreeMap<Damage, Tally> = BTreeMap::new();
    for seed in first..first + trials {
        let (kind, named, documents) = judge(&lived, ["killed", "stopped"][seed as usize % 2], seed);
        let tally = tally.entry(kind).or_default();
        tally.trials += 1;
        tally.harmless += u32::from(!named);
        tally.named += u32::from(named);
        tally.documents += documents;
    }
    for (kind, Tally { trials, harmless, named, documents }) in &tally {
        println!("{kind:?}: {trials} trials, {harmless} without any loss, {named} named, {documents} documents gone");
    }
    assert!(trials < 60 || tally.values().map(|tally| tally.documents).sum::<u32>() > 0, "this tried nothing");
}
