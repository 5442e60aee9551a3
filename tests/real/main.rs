//! Real stations whose power is cut: three tiers, each on an ext4 of its own, on a disk with a cache.
//!
//! Needs root and loop devices; everything else is built here. `cargo test --test real`; `SEED=n` replays the dice (not the
//! machine), `ROUNDS=n` goes on for longer. What it asks of the stations is in `trial.rs`, what it does to them in
//! `power.rs` and `ground.rs`.
//!
//! Power is lost twice over: the file system never writes out what it holds in memory, and of what it did write, any
//! sectors that were not synced since may be as they were before.

#![expect(clippy::unwrap_used, reason = "this is test code")]
#![expect(clippy::disallowed_methods, reason = "the seed to replay comes from the environment")]

mod certificates;
mod clock;
mod disk;
mod faults;
mod ground;
mod helpers;
mod memory;
mod netns;
mod network;
mod people;
mod power;
mod resources;
mod restored;
mod soak;
mod trial;
mod wire;

use std::{io::Write as _, path::Path, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use ground::Ground;
use power::Power;
use proto::v1::{self, Precedence};
use tests::{
    country::{Country, eventually},
    dice::Dice,
    papers,
};
use trial::{Book, Writers, judge};

const TREE: &str = r#"
[network]
name = "演练"
trust_domain = "power.test"
[[station]]
unit = "000000"
tier = "ministry"
name = "司法部"
[[station]]
unit = "420000"
tier = "province"
name = "湖北"
parent = "000000"
[[station]]
unit = "420100"
tier = "district"
name = "武汉"
parent = "420000"
[[station]]
unit = "820000"
tier = "district"
name = "澳门"
parent = "000000"
"#;

/// Bytes of a disk that does not fill up: the ministry keeps everything.
const DISK_BYTES: u64 = 2 << 30;
/// Bytes of one that does.
const SMALL_DISK_BYTES: u64 = 48 << 20;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// A country on disks with caches.
async fn country(power: &Power) -> (Country, Ground) {
    let mut country = Country::lay(TREE).await;
    let ground = Ground::lay(&country, DISK_BYTES);
    let units: Vec<_> = country.topology().places().map(|place| place.unit.clone()).collect();
    for unit in &units {
        // Small segments, so that new ones are begun all the time.
        country.configure(unit, "segment = \"4MiB\"", "segment = \"1MiB\"");
        power.put_cache_under(&mut country, &ground, unit);
        country.revive(unit);
    }
    country.until_linked().await;
    (country, ground)
}

/// What happens to stations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// kill -9: what was written is on the disk.
    Kill,
    /// The machine stops as well.
    Power,
}

/// What a storm did.
#[derive(Default)]
struct Toll {
    stations: usize,
    unsynced: u64,
    lost: u64,
}

/// Round after round some station, or all at once, stop dead while everybody goes on filing; then everything is
/// demanded that was ever acknowledged.
async fn storm(fault: Fault, power: &Power) -> Toll {
    let (seed, rounds) = (number("SEED", 1), number("ROUNDS", 60));
    println!("SEED={seed} ROUNDS={rounds}");
    let mut dice = Dice::new(seed);
    let (mut country, ground) = country(power).await;
    let units: Vec<_> = country.topology().places().map(|place| place.unit.clone()).collect();
    let book = Arc::new(Book::default());
    let writers = Writers::start(&country, &book, seed);
    let mut toll = Toll::default();
    // Until power was also lost with something in a cache: a few rounds may miss that.
    let proven = |toll: &Toll| fault == Fault::Kill || toll.lost > 0;
    let mut round = 0;
    while round < rounds || (!proven(&toll) && round < 20 * rounds) {
        round += 1;
        // In the middle of coming back, or with every line up.
        if dice.chance(50) {
            country.until_linked().await;
        }
        tokio::time::sleep(Duration::from_millis(dice.below(600) as u64)).await;
        let victims = if dice.chance(25) { units.clone() } else { vec![dice.pick(&units).clone()] };
        toll.stations += victims.len();
        match fault {
            Fault::Kill => victims.iter().for_each(|unit| country.kill(unit)),
            Fault::Power => {
                let (unsynced, lost) =
                    tokio::task::block_in_place(|| power.cut(&mut country, &ground, &victims, &mut dice));
                toll.unsynced += unsynced;
                toll.lost += lost;
            }
        }
        tokio::time::sleep(Duration::from_millis(dice.below(200) as u64)).await;
        victims.iter().for_each(|unit| country.revive(unit));
    }
    country.until_linked().await;
    writers.stop().await;
    judge(&country, &book, Duration::from_secs(60)).await;
    let Toll { stations, unsynced, lost } = toll;
    println!(
        "{round} rounds, {stations} stations struck, {unsynced} sectors in caches, {lost} of them lost; {} documents \
         acknowledged, 0 lost, 0 twice",
        book.acknowledged()
    );
    toll
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_may_be_killed_at_any_moment_and_nothing_acknowledged_is_lost() {
    let tools = tempfile::tempdir().unwrap();
    storm(Fault::Kill, &Power::build(tools.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn power_may_go_at_any_moment_and_nothing_acknowledged_is_lost() {
    let tools = tempfile::tempdir().unwrap();
    let power = Power::build(tools.path());
    let toll = storm(Fault::Power, &power).await;
    assert!(toll.lost > 0, "the caches were empty when the power went: this proves nothing");
}

/// If the disk does not do what it says, this trial notices: otherwise it would prove nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_lies_is_found_out() {
    let tools = tempfile::tempdir().unwrap();
    let power = Power::build(tools.path());
    let (mut country, ground) = country(&power).await;
    let district = tests::country::unit("420100");
    let book = Arc::new(Book::default());
    assert!(country.stop(&district).success());
    country.set_environment(&district, "VOLATILE_LIES", Path::new("1"));
    country.revive(&district);
    // What it files stays where it is, so that the disk is the only one to have it.
    country.cut(&district);
    let writers = Writers::start(&country, &book, 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    writers.stop().await;
    power.cut_entirely(&mut country, &ground, &district);
    country.revive(&district);
    country.heal(&district);
    country.until_linked().await;
    let verdict = std::panic::AssertUnwindSafe(judge(&country, &book, Duration::from_secs(10))).catch_unwind().await;
    let verdict = verdict.unwrap_err().downcast::<String>().unwrap();
    assert!(verdict.contains("acknowledged and lost"), "{verdict}");
}

/// A station that filled its disk to the last byte, was killed, or lost its power, comes back, has everything, and says what is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_does_not_keep_a_station_down() {
    let mut country = Country::lay(TREE).await;
    let ground = Ground::lay(&country, SMALL_DISK_BYTES);
    let district = tests::country::unit("420100");
    country.configure(&district, "segment = \"4MiB\"", "segment = \"1MiB\"");
    let tools = tempfile::tempdir().unwrap();
    let (power, mut dice) = (Power::build(tools.path()), Dice::new(1));
    power.put_cache_under(&mut country, &ground, &district);
    let ballast = ground.at(&district).join("ballast");
    std::fs::write(&ballast, vec![0; 16 << 20]).unwrap();
    country.revive(&district);
    let mut desk = country.desk(&district).await;
    let mut filed = Vec::new();
    let text = "损".repeat(20_000);
    let refused = loop {
        match desk.file(papers::report(&text, Precedence::TeTi)).await {
            Ok(answer) => filed.push(answer.into_inner().number),
            Err(status) => break status,
        }
    };
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused}");
    // Whatever the station left over is taken by others.
    let rest = ground.at(&district).join("others");
    for size in [1 << 20, 4096] {
        let full = || std::fs::File::options().append(true).create(true).open(&rest)?.write_all(&vec![0; size]);
        while full().is_ok() {}
    }
    for round in 0..6 {
        if round % 2 == 0 {
            country.kill(&district);
        } else {
            tokio::task::block_in_place(|| {
                power.cut(&mut country, &ground, std::slice::from_ref(&district), &mut dice)
            });
        }
        country.revive(&district);
        let mut desk = country.desk(&district).await;
        let listed = desk.list(v1::ListRequest { limit: 1000, ..Default::default() }).await.unwrap().into_inner();
        assert_eq!(listed.documents.len(), filed.len().min(1000), "everything is still there");
        let refused = desk.file(papers::report(&text, Precedence::TeTi)).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused}");
    }
    std::fs::remove_file(&ballast).unwrap();
    eventually("with space again, it files again", async || {
        let mut desk = country.desk(&district).await;
        desk.file(papers::report(&text, Precedence::TeTi)).await.ok()
    })
    .await;
}
