//! What breaks is the network: real TCP over lines that lose, delay, double and damage packets, that are slow, dead one
//! way, or swallow what is long.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use node::{desk::client, topology::Unit};
use proto::v1::{self, Precedence};
use tests::{
    country::{Country, eventually, unit},
    dice::Dice,
    papers,
};

use crate::{
    TREE,
    disk::file,
    netns::Namespaces,
    number,
    trial::{Book, Writers, judge},
    wire::Wires,
};

/// A country whose lines are ours.
struct Net {
    _namespaces: Namespaces,
    wires: Wires,
    country: Country,
}

impl Net {
    async fn rise(tools: &Path, seed: u64) -> Self {
        // A dead line is noticed within some three of these.
        Self::beating_every("1s", tools, seed).await
    }

    async fn beating_every(heartbeat: &str, tools: &Path, seed: u64) -> Self {
        let mut country = Country::lay(TREE).await;
        let namespaces = Namespaces::lay(&mut country);
        let wires = Wires::lay(&country, &namespaces, tools, seed);
        let units: Vec<_> = country.topology().places().map(|place| place.unit.clone()).collect();
        for unit in &units {
            let settings = format!("[link]\nheartbeat = \"{heartbeat}\"\n[telemetry]\n");
            country.configure(unit, "[telemetry]\n", &settings);
            country.revive(unit);
        }
        country.until_linked().await;
        Self { _namespaces: namespaces, wires, country }
    }
}

fn district() -> Unit {
    unit("420100")
}

fn ministry() -> Unit {
    unit("000000")
}

/// R7: lines that are cut, one-way, flapping or black holes for long packets, at random, while everybody files.
#[tokio::test(flavor = "multi_thread")]
async fn lines_may_be_cut_in_every_way_and_nothing_acknowledged_is_lost() {
    let tools = tempfile::tempdir().unwrap();
    let seed = number("SEED", 1);
    println!("SEED={seed}");
    let mut dice = Dice::new(seed);
    let Net { _namespaces, wires, country } = Net::rise(tools.path(), seed).await;
    let book = Arc::new(Book::default());
    let writers = Writers::start(&country, &book, seed);
    let ends = wires.lower_ends();
    for _ in 0..8 {
        let unit = dice.pick(&ends).clone();
        match *dice.pick(&["up 0 down 0", "up 0", "down 0", "most 600", "flapping", "all"]) {
            "flapping" => {
                for _ in 0..10 {
                    wires.order(&unit, "up 0 down 0");
                    tokio::time::sleep(Duration::from_millis(dice.below(100) as u64)).await;
                    wires.order(&unit, "");
                    tokio::time::sleep(Duration::from_millis(dice.below(100) as u64)).await;
                }
            }
            "all" => wires.order_all("up 0 down 0"),
            order => wires.order(&unit, order),
        }
        tokio::time::sleep(Duration::from_millis(dice.below(2000) as u64)).await;
        if dice.chance(50) {
            wires.order_all("");
        }
    }
    wires.order_all("");
    country.until_linked().await;
    writers.stop().await;
    judge(&country, &book, Duration::from_secs(60)).await;
    println!("8 troubles; {} documents acknowledged, 0 lost, 0 twice", book.acknowledged());
}

/// R8: a line that silently carries nothing any more, while both ends think it is up, is found dead; and used again when it
/// carries.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_only_seems_to_be_up_is_found_out_at_both_ends() {
    let tools = tempfile::tempdir().unwrap();
    let Net { _namespaces, wires, country } = Net::rise(tools.path(), 1).await;
    let mut desk = country.desk(&district()).await;
    let mut filed = file(&mut desk, 5).await;
    wires.order(&district(), "up 0 down 0");
    filed.extend(file(&mut desk, 5).await);
    assert_eq!(filed.len(), 10, "intake does not wait for lines");
    for (end, peer) in [(district(), unit("420000")), (unit("420000"), district())] {
        let mut desk = country.desk(&end).await;
        eventually(&format!("{end} finds the line to {peer} dead"), async || {
            let status = desk.get_status(v1::StatusRequest {}).await.ok()?.into_inner();
            status.links.iter().any(|link| link.unit == peer.as_str() && !link.up).then_some(())
        })
        .await;
    }
    wires.order(&district(), "");
    country.until_linked().await;
    until_received(&country, &filed).await;
}

/// R9: thirty of a hundred packets lost, some doubled, some with a bit flipped, some overtaken.
#[tokio::test(flavor = "multi_thread")]
async fn a_very_bad_line_carries_everything_once() {
    let tools = tempfile::tempdir().unwrap();
    let Net { _namespaces, wires, country } = Net::rise(tools.path(), 1).await;
    wires.order(&district(), "loss 30 twice 10 flip 2 delay 5 jitter 10");
    let filed = file(&mut country.desk(&district()).await, 10).await;
    assert_eq!(filed.len(), 10);
    until_received(&country, &filed).await;
}

/// R9: a line over satellites answers after 800 ms; it can be set up and used all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_with_long_delays_is_set_up_and_used() {
    let tools = tempfile::tempdir().unwrap();
    let Net { _namespaces, wires, mut country } = Net::rise(tools.path(), 1).await;
    wires.order(&district(), "delay 400");
    country.kill(&district());
    country.revive(&district());
    country.until_linked().await;
    let filed = file(&mut country.desk(&district()).await, 10).await;
    until_received(&country, &filed).await;
}

/// R9: 9.6 kbit/s, and more to carry than passes in a minute. The line stays up, nothing is carried twice over it for want
/// of patience, and what is urgent passes what was there before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_9600_bits_a_second_stays_up_and_lets_the_urgent_pass() {
    let tools = tempfile::tempdir().unwrap();
    let Net { _namespaces, wires, country } = Net::beating_every("15s", tools.path(), 1).await;
    wires.order(&district(), "rate 1200 delay 100");
    let mut desk = country.desk(&district()).await;
    let before = up_since(&mut desk).await;
    let mut filed = BTreeSet::new();
    for long in [10, 10, 900, 10, 10, 900, 10] {
        let report = papers::report(&"水位上涨,转移考生".repeat(long), Precedence::Routine);
        filed.insert(desk.file(report).await.unwrap().into_inner().number);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let urgent = desk.file(papers::report("泄密", Precedence::TeTi)).await.unwrap().into_inner().number;
    filed.insert(urgent.clone());
    let mut ministry_desk = country.desk(&ministry()).await;
    let there = eventually("what is urgent is there", async || {
        received(&mut ministry_desk).await.filter(|there| there.contains(&urgent))
    });
    let there = there.await;
    assert!(there.len() < filed.len(), "all {} were there already: the line is not slow", filed.len());
    let patience = tokio::time::Instant::now() + Duration::from_secs(300);
    while received(&mut ministry_desk).await.as_ref() != Some(&filed) {
        assert!(tokio::time::Instant::now() < patience, "not within five minutes");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(up_since(&mut desk).await, before, "the line went down meanwhile");
}

/// Since when the line to the parent is up.
async fn up_since(desk: &mut client::Station) -> i64 {
    let links = desk.get_status(v1::StatusRequest {}).await.unwrap().into_inner().links;
    let parent = links.into_iter().find(|link| link.parent).unwrap();
    assert!(parent.up, "{}", parent.last_failure);
    parent.since_us
}

/// The ministry has these, each once.
async fn until_received(country: &Country, filed: &BTreeSet<String>) {
    let mut ministry = country.desk(&ministry()).await;
    eventually("everything is at the ministry, once", async || {
        let there = received(&mut ministry).await?;
        (there == *filed).then_some(())
    })
    .await;
}

async fn received(ministry: &mut client::Station) -> Option<BTreeSet<String>> {
    let request = v1::ListRequest { r#box: v1::Box::Received.into(), limit: 1000, ..Default::default() };
    let documents = ministry.list(request).await.ok()?.into_inner().documents;
    let many = documents.len();
    let numbers: BTreeSet<_> = documents.into_iter().filter_map(|document| Some(document.header?.number)).collect();
    assert_eq!(numbers.len(), many, "something is there twice");
    Some(numbers)
}
