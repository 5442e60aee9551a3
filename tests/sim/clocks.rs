//! No wait is longer because a wall clock was set.

#![expect(clippy::unwrap_used, reason = "this is test code")]

use std::{collections::BTreeSet, time::Duration};

use node::post::envelope::DocId;
use proto::v1::{Kind, Precedence};
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

/// Something that was over long ago by a wrong clock, and not by a right one.
fn over(wrong_seconds: i64, while_it_happens: bool) -> (World, DocId) {
    let mut world = World::new(4, COUNTRY, Plant::Nothing);
    let district = unit("420100");
    world.forget_after(Duration::from_secs(30 * 86_400));
    world.run(Duration::from_secs(60));
    if while_it_happens {
        world.set_clock(&district, wrong_seconds);
    }
    let id = world.file(&district, &papers::report("一件", Precedence::Routine)).unwrap();
    let end = papers::follow_up(&id.to_string(), "终", Kind::FinalReport, Precedence::Routine);
    world.file(&district, &end).unwrap();
    // More than a segment.
    for _ in 0..50 {
        let id = world.file(&district, &papers::report("又一件", Precedence::Routine)).unwrap();
        let end = papers::follow_up(&id.to_string(), "终", Kind::FinalReport, Precedence::Routine);
        world.file(&district, &end).unwrap();
        world.run(Duration::from_secs(1));
    }
    if while_it_happens {
        world.set_clock(&district, 0);
        world.run(Duration::from_secs(3600));
    } else {
        world.run(Duration::from_secs(3600));
        world.set_clock(&district, wrong_seconds);
    }
    (world, id)
}

/// Nothing is forgotten before its time because a clock was wrong, then or now; and when its time has come, it is.
#[test]
fn what_a_wrong_date_makes_old_is_not_forgotten() {
    let district = unit("420100");
    for (wrong, then) in
        [(0, false), (40 * 86_400, false), (10 * YEAR, false), (-50 * YEAR, true), (-40 * 86_400, true)]
    {
        let (mut world, id) = over(wrong, then);
        let here = |world: &World| world.look(&district, |desk| !desk.post.copies(id, desk.read).is_empty());
        world.run(Duration::from_secs(3600));
        world.stop(&district);
        world.start(&district);
        world.heal_everything();
        world.run(Duration::from_secs(3600));
        assert!(here(&world), "forgotten within hours, the clock being {wrong} seconds off");
        world.set_clock(&district, 0);
        for _ in 0..31 * 24 {
            world.run(Duration::from_secs(3600));
        }
        assert!(!here(&world), "kept for ever, the clock having been {wrong} seconds off");
    }
}

/// A number has no year in it.
#[test]
fn a_number_is_not_given_out_again_in_another_year() {
    let mut world = World::new(5, COUNTRY, Plant::Nothing);
    let district = unit("420100");
    let mut numbers = BTreeSet::new();
    for year in [0, -1, 0, -2, -1, 0] {
        // The same day of 2023, 2022 and 2021.
        world.set_clock(&district, year * YEAR);
        let id = world.file(&district, &papers::report("一件", Precedence::Routine)).unwrap();
        world.run(Duration::from_secs(5));
        world.stop(&district);
        world.lose_index(&district);
        world.start(&district);
        let copy = world.look(&district, |desk| desk.post.copies(id, desk.read)[0].header.number.clone());
        assert!(numbers.insert(copy.clone()), "{copy} was given out twice");
    }
    assert_eq!(numbers.last().unwrap().rsplit_once('-').unwrap().1, "0006");
}
