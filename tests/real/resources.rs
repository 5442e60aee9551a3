//! What breaks is a machine that is there and does nothing, or has little memory.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use proto::v1;
use tests::country::{Country, eventually, unit};

use crate::{
    TREE,
    disk::file,
    memory::Memory,
    number,
    trial::{Book, Writers, judge, list},
};

/// R12: a relay that stands still for a while holds nothing up that can be held here, and nothing is lost when it moves on.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_may_stand_still_and_nothing_acknowledged_is_lost() {
    let seed = number("SEED", 1);
    println!("SEED={seed}");
    let province = unit("420000");
    let country = Country::start(TREE).await;
    let book = Arc::new(Book::default());
    let writers = Writers::start(&country, &book, seed);
    country.freeze(&province);
    let before = book.acknowledged();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let meanwhile = book.acknowledged() - before;
    country.thaw(&province);
    assert!(meanwhile > 50, "only {meanwhile} documents were filed while the relay stood still");
    country.until_linked().await;
    writers.stop().await;
    judge(&country, &book, Duration::from_secs(60)).await;
    println!("{} documents acknowledged, 0 lost, 0 twice", book.acknowledged());
}

/// R13: far more than its line carries, in little memory: the station takes in what it can keep and is not killed for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_station_with_little_memory_survives_a_burst() {
    let district = unit("420100");
    let country = Country::start(TREE).await;
    let _limit = Memory::limit(country.pid(&district), 96 << 20);
    country.cut(&district);
    let desk = country.desk(&district).await;
    let load: Vec<_> = (0..10)
        .map(|_| {
            let mut desk = desk.clone();
            tokio::spawn(async move { file(&mut desk, 60).await })
        })
        .collect();
    let mut acknowledged = BTreeSet::new();
    for filed in load {
        acknowledged.extend(filed.await.unwrap());
    }
    assert_eq!(acknowledged.len(), 600, "{}", country.log(&district));
    country.heal(&district);
    let mut ministry = country.desk(&unit("000000")).await;
    eventually("the ministry has all of it", async || {
        let listed = list(&mut ministry, v1::Box::Received).await?;
        (listed.len() == acknowledged.len()).then_some(())
    })
    .await;
}
