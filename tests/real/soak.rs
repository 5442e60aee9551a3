//! R18: everything at once, at random, for as long as one likes; and nothing grows that should not.
//!
//! Stations are killed, lose their power, stand still, are stopped and told to look at their certificates; lines become slow,
//! lossy, one-way or dead. One province is left alone but for its lines: its memory, its descriptors and its disk are what must
//! stay flat. `MINUTES=60 SEED=3 cargo test --test real soak -- --nocapture`; each minute is printed.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use node::{desk::client, topology::Unit};
use proto::v1;
use tests::{
    country::{Country, eventually, unit},
    dice::Dice,
    papers,
};

use crate::{
    DISK_BYTES, TREE,
    ground::Ground,
    netns::Namespaces,
    number,
    power::Power,
    trial::{Book, Writers, list},
    wire::Wires,
};

/// What was settled longer ago is forgotten, so that disks can stay flat at all.
const RETENTION: &str = "1m";
/// Until then caches fill up and the first segments are given up.
const SETTLED_AFTER: Duration = Duration::from_secs(180);
/// See signal(7).
const SIGTERM: i32 = 15;
/// What a line is like for a while.
const WEATHER: [&str; 8] =
    ["", "delay 40 jitter 20", "loss 10 twice 5 flip 1", "rate 20000", "up 0", "down 0", "up 0 down 0", "most 600"];

/// What a station takes up, at one moment.
#[derive(Debug, Clone, Copy)]
struct Use {
    memory: u64,
    descriptors: u64,
    disk: u64,
}

impl Use {
    fn of(country: &Country, at: &Unit) -> Self {
        let proc = format!("/proc/{}", country.pid(at));
        let status = fs::read_to_string(format!("{proc}/status")).unwrap();
        let kib = |line: &str| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok();
        Self {
            memory: status.lines().find_map(kib).unwrap() * 1024,
            descriptors: fs::read_dir(format!("{proc}/fd")).unwrap().count() as u64,
            disk: bytes_below(&country.path(at, "data")),
        }
    }
}

fn bytes_below(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return fs::metadata(path).map_or(0, |meta| meta.len()) };
    entries.filter_map(Result::ok).map(|entry| bytes_below(&entry.path())).sum()
}

/// The lower half of what was seen must not be less than the upper half by more than this.
fn is_flat(what: &str, seen: &[u64], slack: u64) {
    let (early, late) = seen.split_at(seen.len() / 2);
    let most = |some: &[u64]| some.iter().copied().max().unwrap_or_default();
    assert!(most(late) <= most(early) + most(early) / 5 + slack, "{what} grows: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn soak_in_everything_at_random() {
    let (seed, minutes) = (number("SEED", 1), number("MINUTES", 1));
    println!("SEED={seed} MINUTES={minutes}");
    let mut dice = Dice::new(seed);
    let tools = tempfile::tempdir().unwrap();
    let power = Power::build(tools.path());
    let mut country = Country::lay(TREE).await;
    let ground = Ground::lay(&country, DISK_BYTES);
    let namespaces = Namespaces::lay(&mut country);
    let wires = Wires::lay(&country, &namespaces, tools.path(), seed);
    let units: Vec<_> = country.topology().places().map(|place| place.unit.clone()).collect();
    let settings = format!("segment = \"1MiB\"\nretention = \"{RETENTION}\"");
    for unit in &units {
        country.configure(unit, "segment = \"4MiB\"", &settings);
        country.configure(unit, "[telemetry]\n", "[link]\nheartbeat = \"1s\"\n[telemetry]\n");
        power.put_cache_under(&mut country, &ground, unit);
        country.revive(unit);
    }
    country.until_linked().await;
    let steady = unit("420000");
    let others: Vec<_> = units.iter().filter(|unit| **unit != steady).cloned().collect();
    let book = Arc::new(Book::default());
    let writers = Writers::start_slowly(&country, &book, seed);

    // What waits for a signature is kept until somebody signs.
    let officers: Vec<_> = units.iter().map(|unit| tokio::spawn(sign_everything(country.path(unit, "s")))).collect();
    let (began, mut seen, mut blows) = (Instant::now(), Vec::new(), 0);
    for minute in 1..=minutes {
        let until = began + Duration::from_secs(60) * u32::try_from(minute).unwrap();
        while Instant::now() + Duration::from_secs(12) < until {
            blows += 1;
            let victim = dice.pick(&others).clone();
            match dice.below(12) {
                0..2 => {
                    country.kill(&victim);
                    tokio::time::sleep(Duration::from_millis(dice.below(2000) as u64)).await;
                    country.revive(&victim);
                }
                2..4 => {
                    tokio::task::block_in_place(|| {
                        power.cut(&mut country, &ground, std::slice::from_ref(&victim), &mut dice)
                    });
                    country.revive(&victim);
                }
                4 => {
                    country.freeze(&victim);
                    tokio::time::sleep(Duration::from_millis(dice.below(4000) as u64)).await;
                    country.thaw(&victim);
                }
                5 => {
                    let ended = country.stop(&victim);
                    // One that has only just been started does not listen yet.
                    let well = ended.success() || ended.signal() == Some(SIGTERM);
                    assert!(well, "{victim} did not end well: {ended}");
                    country.revive(&victim);
                }
                6 => {
                    country.hang_up(&victim);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    // As above.
                    if !country.lives(&victim) {
                        country.revive(&victim);
                    }
                }
                _ => {
                    let end = dice.pick(&wires.lower_ends()).clone();
                    wires.order(&end, WEATHER[dice.below(WEATHER.len())]);
                }
            }
            tokio::time::sleep(Duration::from_millis(dice.below(3000) as u64)).await;
        }
        // The weather clears up, and everybody catches up.
        wires.order_all("");
        country.until_linked().await;
        tokio::time::sleep(until.saturating_duration_since(Instant::now())).await;
        let uses = Use::of(&country, &steady);
        println!("minute {minute}: {blows} blows, {} documents acknowledged, {uses:?}", book.acknowledged());
        if began.elapsed() > SETTLED_AFTER {
            seen.push(uses);
        }
    }
    writers.stop().await;
    officers.iter().for_each(tokio::task::JoinHandle::abort);
    the_ministry_has_everything(&country, &book, &others).await;
    let column = |of: fn(&Use) -> u64| seen.iter().map(of).collect::<Vec<_>>();
    is_flat("memory", &column(|uses| uses.memory), 8 << 20);
    is_flat("descriptors", &column(|uses| uses.descriptors), 8);
    is_flat("disk", &column(|uses| uses.disk), 8 << 20);
    println!("{blows} blows in {minutes} minutes; {} documents acknowledged, 0 lost, 0 twice", book.acknowledged());
}

/// An officer signs for whatever comes, as long as there is a station to sign at.
async fn sign_everything(socket: PathBuf) {
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let Ok(mut desk) = client::connect(&socket).await else { continue };
        let request = v1::ListRequest { r#box: v1::Box::Unsigned.into(), limit: 200, ..Default::default() };
        let Ok(listed) = desk.list(request).await else { continue };
        for number in listed.into_inner().documents.into_iter().filter_map(|view| Some(view.header?.number)) {
            // Refused where it needs no signature, or was signed a moment ago.
            drop(desk.act(papers::act(&number, v1::Stage::Signed, "")).await);
        }
    }
}

/// Every report, once.
async fn the_ministry_has_everything(country: &Country, book: &Book, offices: &[Unit]) {
    let root = country.topology().root().clone();
    let expected: BTreeSet<String> =
        offices.iter().filter(|unit| **unit != root).flat_map(|unit| book.of(unit.as_str())).collect();
    let mut ministry = country.desk(&root).await;
    eventually("the ministry has every report", async || {
        let views = list(&mut ministry, v1::Box::Received).await?;
        let reports = views.into_iter().filter_map(|view| Some(view.header?.number));
        let reports: Vec<_> = reports.filter(|number| expected.contains(number)).collect();
        let there: BTreeSet<_> = reports.iter().cloned().collect();
        assert_eq!(there.len(), reports.len(), "something is there twice");
        (there == expected).then_some(())
    })
    .await;
}
