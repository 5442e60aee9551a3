//! Bytes from outside, bent at random ([`tests::fuzz`] says what must hold): the kept corpus first, then examples with bits
//! flipped, parts lost, doubled, moved and mixed. `SEED=n` begins elsewhere, `EXECS=n` goes on for longer; bytes that break
//! something are written to a file, and belong into `tests/fuzz/corpus/TARGET` when that is fixed.

#![expect(clippy::unwrap_used, reason = "this is test code")]
#![expect(clippy::disallowed_methods, reason = "the seed to replay comes from the environment")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Instant,
};

use tests::{
    dice::Dice,
    fuzz::{TARGETS, Target},
};

/// Executions of the quickest target in `cargo test`.
const USUAL: u64 = 40_000;
/// Nothing gets longer than this by being bent.
const LONGEST: usize = 64 * 1024;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A few changes of the kinds that find things.
fn bend(bytes: &mut Vec<u8>, others: &[Vec<u8>], dice: &mut Dice) {
    for _ in 0..1 + dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        let some = (1 + dice.below(16)).min(bytes.len() - at);
        match dice.below(10) {
            0..3 if some > 0 => bytes[at] ^= 1 << dice.below(8),
            3 if some > 0 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice.below(5)],
            4 if some > 0 => bytes[at] = bytes[at].wrapping_add(1),
            5 => _ = bytes.drain(at..at + some),
            6 => {
                let again = bytes[at..at + some].to_vec();
                bytes.splice(at..at, again);
            }
            7 => bytes.truncate(at),
            8 => {
                let other = &others[dice.below(others.len())];
                let from = dice.below(other.len() + 1);
                let many = dice.below(other.len() - from + 1);
                bytes.splice(at..at, other[from..from + many].iter().copied());
            }
            _ => bytes.insert(at, dice.roll().to_le_bytes()[0]),
        }
    }
    bytes.truncate(LONGEST);
}

fn run(target: &Target) {
    let (seed, execs) = (number("SEED", 1), number("EXECS", USUAL) / target.weight);
    let examples: Vec<_> = (target.examples)().into_iter().chain(kept(target.name)).collect();
    let mut dice = Dice::new(seed);
    let began = Instant::now();
    let bent = (0..execs).map(|_| {
        let mut bytes = examples[dice.below(examples.len())].clone();
        bend(&mut bytes, &examples, &mut dice);
        bytes
    });
    for bytes in examples.clone().into_iter().chain(bent) {
        if catch_unwind(AssertUnwindSafe(|| (target.on)(&bytes))).is_err() {
            let file = std::env::temp_dir().join(format!("{}-{seed}", target.name));
            fs::write(&file, &bytes).unwrap();
            panic!("SEED={seed}: {} broke on the bytes in {}", target.name, file.display());
        }
    }
    let pace = execs as f64 / began.elapsed().as_secs_f64();
    println!("{}: {execs} executions from seed {seed}, {pace:.0} a second, {} examples", target.name, examples.len());
}

macro_rules! targets {
    ($($name:ident)+) => {
        $(#[test] fn $name() { run(TARGETS.iter().find(|target| target.name == stringify!($name)).unwrap()); })+

        #[test]
        fn every_target_is_run() {
            assert_eq!([$(stringify!($name)),+], TARGETS.map(|target| target.name));
        }
    };
}

targets! { frame block certificate evidence office records segment baseline config topology names }
