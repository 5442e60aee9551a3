//! What breaks is the clock: it jumps by years, forward and back, while everybody goes on filing.

use std::{sync::Arc, time::Duration};

use tests::{country::Country, dice::Dice};

use crate::{
    TREE,
    faults::{Faults, order_clock},
    number,
    trial::{Book, Writers, judge},
};

const DAY: i64 = 86_400;

/// R10: apart from what certificates are worth, nothing depends on the date: nothing is lost, shown twice or out of order.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_jump_by_years_and_nothing_acknowledged_is_lost() {
    let tools = tempfile::tempdir().unwrap();
    let faults = Faults::build(tools.path());
    let seed = number("SEED", 1);
    println!("SEED={seed}");
    let mut dice = Dice::new(seed);
    let mut country = Country::lay(TREE).await;
    let units: Vec<_> = country.topology().places().map(|place| place.unit.clone()).collect();
    for unit in &units {
        faults.put_under(&mut country, unit);
        country.revive(unit);
    }
    country.until_linked().await;
    let book = Arc::new(Book::default());
    let writers = Writers::start(&country, &book, seed);
    // To 1970, 2025, 2027, 2037 if today is 2026. Each to another day of the year: a number that people use has no year;
    // and no two to the same day: a date that most have is believed.
    let jumps = [-20_500 * DAY, -370 * DAY, -DAY, -1, 0, 1, DAY, 400 * DAY, 3_700 * DAY];
    for _ in 0..12 {
        let unit = dice.pick(&units).clone();
        let jump = *dice.pick(&jumps);
        let days = if jump.abs() > DAY { i64::try_from(dice.below(300)).unwrap() } else { 0 };
        order_clock(&country, &unit, jump + days * DAY);
        tokio::time::sleep(Duration::from_millis(dice.below(400) as u64)).await;
        // Some begin their day with a wrong date.
        if dice.chance(30) {
            country.kill(&unit);
            country.revive(&unit);
        }
    }
    for unit in &units {
        order_clock(&country, unit, 0);
    }
    country.until_linked().await;
    writers.stop().await;
    judge(&country, &book, Duration::from_secs(60)).await;
    println!("12 jumps; {} documents acknowledged, 0 lost, 0 twice", book.acknowledged());
}
