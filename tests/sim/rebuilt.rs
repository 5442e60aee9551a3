//! Disks that are replaced, or come back from a backup: the neighbours give a station back what it had, and what nobody
//! has any more is given up by name.

use std::time::Duration;

use node::{post::refusal::Code, topology::Unit};
use proto::v1::{Kind, Precedence, Stage};
use tests::{
    country::unit,
    papers,
    world::{Plant, World},
};

use super::{COUNTRY, lives::number};

fn country() -> (World, Unit, Unit, Unit) {
    (World::new(1, COUNTRY, Plant::Nothing), unit("420100"), unit("420000"), unit("000000"))
}

fn healed(mut world: World) -> World {
    world.heal_everything();
    world.judge();
    world
}

/// The province took a report and lost its disk before the ministry had it. Nothing follows that would show the hole.
#[test]
fn a_province_without_a_disk_gets_back_what_it_had_taken() {
    let (mut world, district, province, ministry) = country();
    world.cut(&province);
    let report = world.file(&district, &papers::report("损毁", Precedence::TeJi)).unwrap();
    world.run_until(|world| world.look(&district, |desk| desk.post.queues().all(|(_, queue)| queue.is_empty())));
    world.replace_disk(&province, None);
    let world = healed(world);
    assert!(!world.look(&ministry, |desk| desk.post.copies(report, desk.read).is_empty()));
}

/// The same downward, with a text that travels apart from its envelopes.
#[test]
fn a_directive_is_not_lost_with_the_disk_of_the_province_it_passed_through() {
    let (mut world, district, province, ministry) = country();
    world.cut(&district);
    let all = papers::directive(&["all"], Precedence::TeTi);
    world.file(&ministry, &all).unwrap();
    let handed_on = |world: &World| {
        world.look(&ministry, |desk| {
            desk.post.queues().filter(|(peer, _)| **peer == unit("420000")).all(|(_, queue)| queue.is_empty())
        })
    };
    world.run_until(handed_on);
    world.replace_disk(&province, None);
    healed(world);
}

/// A disk that comes back from yesterday has forgotten what it took since, and which numbers it gave out.
#[test]
fn a_province_restored_from_a_backup_gets_back_what_it_had_taken_since() {
    let (mut world, district, province, _) = country();
    world.file(&district, &papers::report("昨日", Precedence::TeJi)).unwrap();
    world.heal_everything();
    let yesterday = world.copy_disk(&province);
    world.cut(&province);
    for text in ["今日一", "今日二"] {
        world.file(&district, &papers::report(text, Precedence::TeJi)).unwrap();
    }
    world.run_until(|world| world.look(&district, |desk| desk.post.queues().all(|(_, queue)| queue.is_empty())));
    world.replace_disk(&province, Some(yesterday));
    healed(world);
}

/// A district's history is forgotten there long ago when the province between it and the ministry begins anew. Nobody
/// has those numbers any more, nobody needs them, and nobody asks for them for ever.
#[test]
fn what_was_settled_and_forgotten_is_not_asked_for_for_ever() {
    let (mut world, district, province, _) = country();
    world.forget_after(Duration::from_secs(5));
    for text in ["甲", "乙", "丙", "丁", "戊", "己"] {
        let first = world.file(&district, &papers::report(text, Precedence::TeJi)).unwrap().to_string();
        let end = papers::follow_up(&first, "处置完毕", Kind::FinalReport, Precedence::TeJi);
        world.file(&district, &end).unwrap();
        world.heal_everything();
    }
    world.settle();
    world.replace_disk(&province, None);
    world.heal_everything();
    world.file(&district, &papers::report("后来", Precedence::TeJi)).unwrap();
    healed(world);
}

/// Lives in which the province between two districts and the ministry loses its disk again and again, or gets back an
/// old one. Its officers write and sign nothing: what only ever was on one disk is lost with it.
fn live(seed: u64) {
    let (mut world, province, ministry) = (World::new(seed, COUNTRY, Plant::Nothing), unit("420000"), unit("000000"));
    let offices: Vec<_> = world.units().into_iter().filter(|unit| *unit != province).collect();
    let (units, children) = (world.units(), world.children());
    let mut copy = None;
    for _ in 0..400 {
        let office = world.dice.pick(&offices).clone();
        let any = world.dice.pick(&units).clone();
        let child = world.dice.pick(&children).clone();
        match world.dice.below(100) {
            0..12 => {
                let to = *world.dice.pick(&["all", "420100", "provinces"]);
                let precedence = *world.dice.pick(&[Precedence::Routine, Precedence::JiaJi, Precedence::TeTi]);
                let request = match office == ministry {
                    true => papers::directive(&[to], precedence),
                    false => papers::report("一袋封装损毁", precedence),
                };
                world.file(&office, &request);
            }
            12..15 => world.cut(&child),
            15..21 => world.heal(&child),
            21 => world.replace_disk(&province, None),
            22 => copy = Some(world.copy_disk(&province)),
            23 => {
                if let Some(copy) = copy.take() {
                    world.replace_disk(&province, Some(copy));
                }
            }
            24 => world.crash(&any),
            25..28 => world.start(&any),
            28..34 => world.sign(&office),
            _ => {}
        }
        let some = world.dice.up_to(Duration::from_millis(200));
        world.run(some);
    }
    world.heal_everything();
    world.judge();
}

#[test]
fn nothing_acknowledged_is_lost_with_the_disk_of_a_province() {
    if let Some(seed) = number("SEED") {
        return live(seed);
    }
    for seed in 0..number("SEEDS").unwrap_or(100) {
        let failed = std::panic::catch_unwind(|| live(seed)).is_err();
        assert!(!failed, "SEED={seed} cargo test --test sim nothing_acknowledged_is_lost_with");
    }
}

/// Lives in which records go bad under stations that go on, are killed, and come back. A neighbour has what went bad, or
/// the office that wrote it says that it is lost.
fn spoil(seed: u64) -> (usize, usize) {
    let mut world = World::new(seed, COUNTRY, Plant::Nothing);
    let (units, children) = (world.units(), world.children());
    let ministry = unit("000000");
    let often = world.dice.between(1, 6) as usize;
    for _ in 0..300 {
        let any = world.dice.pick(&units).clone();
        let child = world.dice.pick(&children).clone();
        match world.dice.below(100) {
            0..12 => {
                let to = *world.dice.pick(&["all", "420100", "provinces"]);
                let request = match any == ministry {
                    true => papers::directive(&[to], Precedence::JiaJi),
                    false => papers::report("一袋封装损毁", Precedence::TeJi),
                };
                world.file(&any, &request);
            }
            12..16 => world.cut(&child),
            16..22 => world.heal(&child),
            22..26 => world.crash(&any),
            26..31 => world.start(&any),
            31..36 => world.sign(&any),
            n if n < 36 + often => world.spoil(&any),
            _ => {}
        }
        let some = world.dice.up_to(Duration::from_millis(500));
        world.run(some);
    }
    world.heal_everything();
    world.patrol();
    world.heal_everything();
    (world.acknowledged.len(), world.judge_spoilt())
}

#[test]
fn what_goes_bad_on_a_disk_comes_again_or_is_named() {
    if let Some(seed) = number("SEED") {
        println!("{:?}", spoil(seed));
        return;
    }
    let mut sums = (0, 0);
    for seed in 0..number("SEEDS").unwrap_or(100) {
        let lived = std::panic::catch_unwind(|| spoil(seed));
        let (all, missing) = lived.unwrap_or_else(|_| panic!("SEED={seed} cargo test --test sim what_goes_bad"));
        sums = (sums.0 + all, sums.1 + missing);
    }
    println!("{} documents acknowledged, {} copies lost and named", sums.0, sums.1);
    assert!(sums.1 > 0 && sums.1 * 10 < sums.0, "{sums:?}: this tried nothing, or lost too much");
}

/// A province wakes up in yesterday and writes, before any line is up, under numbers it has given out already. Those who
/// have heard other things under them do not take one for the other: its officers are told that it did not arrive.
#[test]
fn what_a_restored_station_writes_under_used_numbers_is_not_taken_for_what_it_wrote_before() {
    let (mut world, _, province, ministry) = country();
    let yesterday = world.copy_disk(&province);
    world.file(&province, &papers::report("今日", Precedence::TeJi)).unwrap();
    world.heal_everything();
    world.replace_disk(&province, Some(yesterday));
    let again = world.file(&province, &papers::report("又一日", Precedence::TeJi)).unwrap();
    world.heal(&province);
    world.run(Duration::from_secs(40));
    let told = |world: &World| {
        world.look(&province, |desk| {
            let copy = desk.post.copies(again, desk.read).remove(0);
            let stages = desk.post.stages(&copy.channel, copy.number);
            stages.iter().find(|stage| stage.stage() == Stage::NotDelivered).map(|stage| stage.note.clone())
        })
    };
    assert!(told(&world).unwrap().contains(Code::NumberUsed.word()), "{:?}", told(&world));
    assert!(world.look(&ministry, |desk| desk.post.copies(again, desk.read).is_empty()));
    let after = world.file(&province, &papers::report("自此以后", Precedence::TeJi)).unwrap();
    world.run_until(|world| world.look(&ministry, |desk| !desk.post.copies(after, desk.read).is_empty()));
}
