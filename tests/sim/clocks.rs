//! No wait is longer because a wall clock was set.

#![expect(clippy::unwrap_used, reason = "this is test code")]

use std::time::Duration;

use proto::v1::Precedence;
use tests::{
    country::unit,
    papers,
    world::{Plant, World},
};

use crate::COUNTRY;

const YEAR: i64 = 365 * 86_400;

/// A province that has no room says "not now"; then the district's clock is set, either way, and there is room again.
fn not_now(seconds: i64) {
    let mut world = World::new(1, COUNTRY, Plant::Nothing);
    let (province, district) = (unit("420000"), unit("420100"));
    world.fill(&province);
    let id = world.file(&district, &papers::report("一件", Precedence::Routine)).unwrap();
    world.run(Duration::from_secs(5));
    world.set_clock(&district, seconds);
    world.free(&province);
    world.run(Duration::from_secs(60));
    let here = world.look(&province, |desk| !desk.post.copies(id, desk.read).is_empty());
    assert!(here, "it is still not there, the clock being {seconds} seconds off");
    world.heal_everything();
    world.judge();
}

#[test]
fn not_now_is_not_for_years() {
    not_now(0);
    not_now(YEAR);
    not_now(-YEAR);
}

/// A number is missing; then everybody's clock is set back.
#[test]
fn what_is_missing_is_asked_for_though_the_clock_was_set_back() {
    let mut world = World::new(2, COUNTRY, Plant::Nothing);
    let (province, district) = (unit("420000"), unit("420100"));
    let lost = world.file(&district, &papers::report("一件", Precedence::Routine)).unwrap();
    world.lose_a_frame(&district);
    world.file(&district, &papers::report("二件", Precedence::Routine)).unwrap();
    world.run(Duration::from_secs(1));
    assert_eq!(world.look(&province, |desk| desk.post.gaps().count()), 1);
    world.units().iter().for_each(|unit| world.set_clock(unit, -YEAR));
    world.run(Duration::from_secs(120));
    assert!(world.look(&province, |desk| !desk.post.copies(lost, desk.read).is_empty()));
    world.heal_everything();
    world.judge();
}

/// An offer is lost without a trace, and then the clock of its sender is set back: it is offered again all the same.
#[test]
fn what_is_not_answered_is_offered_again_though_the_clock_was_set_back() {
    let mut world = World::new(3, COUNTRY, Plant::Nothing);
    let (province, district) = (unit("420000"), unit("420100"));
    let lost = world.file(&district, &papers::report("一件", Precedence::Routine)).unwrap();
    world.lose_a_frame(&district);
    world.set_clock(&district, -YEAR);
    world.run(Duration::from_secs(600));
    assert!(world.look(&province, |desk| !desk.post.copies(lost, desk.read).is_empty()));
}
