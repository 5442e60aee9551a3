//! Seed after seed, on all processors.

use std::{
    any::Any,
    panic::catch_unwind,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tests::world::{Life, Sum};

/// Seeds that once found something, each with what it was.
const REGRESSIONS: &str = include_str!("regressions.txt");

/// A number out of the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|number| number.parse().ok())
}

/// How many lives: `SEEDS`, or this many; beginning with `FIRST`, or the first.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let first = number("FIRST").unwrap_or(0);
    first..first + number("SEEDS").unwrap_or(usual)
}

/// What a life that failed said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().cloned();
    said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

/// Processor time of this process, in the kernel's ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

#[test]
fn the_same_seed_lives_the_same_life() {
    for seed in 0..4 {
        let traces = [Life::of(seed).live().trace(), Life::of(seed).live().trace()];
        assert_eq!(traces[0], traces[1], "seed {seed} lived two different lives");
    }
    assert_ne!(Life::of(1).live().trace(), Life::of(2).live().trace());
}

#[test]
fn seeds_that_found_something_find_nothing_any_more() {
    let seeds = REGRESSIONS.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    for line in seeds {
        let seed = line.split_whitespace().next().unwrap().parse().unwrap();
        println!("{line}");
        Life::of(seed).live();
    }
}

#[test]
fn lives_lose_nothing_and_nothing_comes_twice() {
    if let Some(seed) = number("SEED") {
        let life = Life { loud: number("LOUD").is_some(), ..Life::of(seed) };
        let world = life.live();
        return println!("{}, trace {:016x}", world.sum, world.trace());
    }
    let (seeds, began) = (seeds(150), processor_time());
    let next = AtomicU64::new(seeds.start);
    let (sum, failures) = (Mutex::new(Sum::default()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || failures.lock().unwrap().len() >= 20 {
                        return;
                    }
                    match catch_unwind(|| Life::of(seed).live().sum) {
                        Ok(lived) => *sum.lock().unwrap() += lived,
                        Err(panic) => failures.lock().unwrap().push((seed, said(&*panic))),
                    }
                }
            });
        }
    });
    let (sum, spent) = (sum.into_inner().unwrap(), processor_time().saturating_sub(began));
    let ratio = sum.hours as f64 / spent.as_secs_f64();
    println!("seeds {}-{}: {sum}; {ratio:.0} simulated hours a second of processor time", seeds.start, seeds.end - 1);
    let failures = failures.into_inner().unwrap();
    for (seed, said) in &failures {
        println!("{}\n    SEED={seed} cargo test --test sim lives", said.lines().next().unwrap_or_default());
    }
    assert!(failures.is_empty(), "{} of these lives failed, see above", failures.len());
}
