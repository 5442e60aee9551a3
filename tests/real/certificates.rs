//! Certificates that end under running stations, and are renewed there.

use std::{fs, sync::Arc, time::Duration};

use node::topology::Unit;
use proto::v1;
use tests::country::{Country, eventually};

use crate::{
    TREE,
    faults::{Faults, order_clock},
    number,
    trial::{Book, Writers, judge},
};

/// Certificates are good for ninety days.
const THEN: i64 = 100;

/// R11: everybody's certificates expire in the middle of everything. Lines end, offices go on filing; renewed certificates
/// are put in place, and without a restart everything arrives.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_may_expire_and_be_renewed_under_running_stations() {
    let tools = tempfile::tempdir().unwrap();
    let faults = Faults::build(tools.path());
    let seed = number("SEED", 1);
    println!("SEED={seed}");
    let mut country = Country::lay(TREE).await;
    let units: Vec<_> = country.topology().places().map(|place| place.unit.clone()).collect();
    for unit in &units {
        faults.put_under(&mut country, unit);
        country.revive(unit);
    }
    country.until_linked().await;
    let book = Arc::new(Book::default());
    let writers = Writers::start(&country, &book, seed);
    for unit in &units {
        order_clock(&country, unit, THEN * 86_400);
    }
    // Connections look at the clock once a minute.
    tokio::time::sleep(Duration::from_secs(30)).await;
    for unit in &units {
        until_down(&country, unit).await;
    }
    let before = book.acknowledged();
    eventually("offices go on filing", async || (book.acknowledged() > before + 100).then_some(())).await;
    writers.stop().await;

    let pids: Vec<_> = units.iter().map(|unit| country.pid(unit)).collect();
    for unit in &units {
        let renewed = country.issue(unit, "renewed", THEN - 1);
        for file in fs::read_dir(&renewed).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&file, country.path(unit, "identity").join(file.file_name().unwrap())).unwrap();
        }
        country.hang_up(unit);
    }
    country.until_linked().await;
    judge(&country, &book, Duration::from_secs(60)).await;
    assert_eq!(units.iter().map(|unit| country.pid(unit)).collect::<Vec<_>>(), pids);
    println!("{} documents acknowledged, 0 lost, 0 twice", book.acknowledged());
}

async fn until_down(country: &Country, unit: &Unit) {
    let mut desk = country.desk(unit).await;
    eventually(&format!("the lines of {unit} end with their certificates"), async || {
        let status = desk.get_status(v1::StatusRequest {}).await.ok()?.into_inner();
        status.links.iter().all(|link| !link.up).then_some(())
    })
    .await;
}
