//! Whole stations on a simulated network ([`tests::whole`]). `SEED=n` lives that life, `SEEDS=n` lives more of them.

#![expect(clippy::disallowed_methods, reason = "the seed to replay comes from the environment")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use tests::{
    whole::{Lived, live},
    world::Plant,
};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn whole_stations_lose_nothing_that_was_acknowledged() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(6),
    };
    let mut sum = Lived::default();
    for seed in seeds {
        sum += live(seed, Plant::Nothing);
    }
    println!("{sum:?}");
}

#[test]
fn the_same_seed_brings_the_same_life() {
    let first = live(7, Plant::Nothing);
    assert_eq!(live(7, Plant::Nothing), first);
    assert_ne!(live(8, Plant::Nothing).trace, first.trace);
}

/// A disk that says "durable" too early is found out.
#[test]
fn a_disk_that_lies_is_found_out() {
    let found = (0..12).find_map(|seed| {
        let died = catch_unwind(AssertUnwindSafe(|| live(seed, Plant::EarlyDurable))).err()?;
        died.downcast_ref::<String>().cloned()
    });
    let found = found.expect("nobody noticed");
    assert!(found.contains("lost") || found.contains("receipts") || found.contains("order"), "{found}");
}
