//! Whether the simulator would notice: every promise is broken on purpose, in the simulator's own disks, lines and eyes,
//! and the same lives that an honest country survives must then report *that* promise as broken.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proto::v1::Precedence;
use tests::world::{Plant, World};

use super::{COUNTRY, live, report};

/// Lives an honest country survives, and within which a planted bug is found.
const LIVES: u64 = 60;

/// What the end of a life reports, if it reports anything.
fn verdict(life: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(life)).err()?;
    let said = panic.downcast_ref::<String>().cloned();
    Some(said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default())
}

/// The bug is found within [`LIVES`] lives, and found to be what it is.
fn is_caught(plant: Plant, as_one_of: &[&str], life: impl Fn(u64, Plant)) {
    for seed in 0..LIVES {
        let Some(said) = verdict(|| life(seed, plant)) else { continue };
        let said: String = said.lines().next().unwrap_or_default().chars().take(300).collect();
        println!("{plant:?} is caught by seed {seed}: {said}");
        assert!(as_one_of.iter().any(|word| said.contains(word)), "{plant:?} is taken for something else: {said}");
        return;
    }
    panic!("{plant:?} lives through {LIVES} lives unnoticed");
}

fn is_survived(plant: Plant, life: impl Fn(u64, Plant)) {
    for seed in 0..LIVES {
        let said = verdict(|| life(seed, plant));
        assert_eq!(said, None, "{plant:?} is not survived by seed {seed}");
    }
}

#[test]
fn a_disk_that_says_durable_too_early_is_caught() {
    is_caught(Plant::EarlyDurable, &["lost:"], live);
}

#[test]
fn a_disk_that_forgets_what_it_acknowledged_is_caught() {
    is_caught(Plant::ForgetfulDisk, &["lost:"], live);
}

#[test]
fn a_recovery_that_forgets_what_was_heard_is_caught() {
    is_caught(Plant::DeafRestart, &["twice:"], live);
}

#[test]
fn a_recovery_that_forgets_the_places_in_an_incident_is_caught() {
    is_caught(Plant::LostPositions, &["order:"], live);
}

#[test]
fn a_recovery_that_gives_numbers_out_again_is_caught() {
    is_caught(Plant::ReusedNumbers, &["lost:", "altered:"], live);
}

#[test]
fn a_recovery_that_forgets_what_waits_is_caught() {
    is_caught(Plant::LostQueues, &["lost:", "receipts:"], live);
}

#[test]
fn a_recovery_that_believes_half_a_commit_is_caught() {
    is_caught(Plant::HalfTurns, &["receipts:"], live);
}

#[test]
fn taking_sent_for_arrived_is_caught() {
    is_caught(Plant::DoneOnSend, &["lost:", "receipts:"], live);
}

#[test]
fn lines_that_shuffle_are_caught() {
    is_caught(Plant::Shuffle, &["order:", "overtaking:"], live);
}

#[test]
fn a_flipped_bit_is_refused_and_nothing_is_lost_by_it() {
    is_survived(Plant::Noise, live);
}

#[test]
fn a_flipped_bit_that_is_believed_is_caught() {
    is_caught(Plant::NoiseBelieved, &["altered:"], live);
}

/// Lines full of long routine reports, and then something urgent.
fn rush_hour(seed: u64, plant: Plant) {
    let mut world = World::new(seed, COUNTRY, plant);
    let districts: Vec<_> = world.units().into_iter().filter(|unit| unit.as_str() != "000000").collect();
    for round in 0..30 {
        let unit = world.dice.pick(&districts).clone();
        let mut request = report(&mut world, String::new());
        request.precedence = if round % 10 == 9 { Precedence::TeTi } else { Precedence::Routine }.into();
        if let Some(proto::v1::document::Content::Report(report)) = &mut request.document.as_mut().unwrap().content {
            report.text = "情".repeat(20_000 + world.dice.below(20_000));
        }
        world.file(&unit, &request);
        for _ in 0..world.dice.below(3) {
            world.step();
        }
    }
    world.heal_everything();
    world.judge();
}

#[test]
fn the_urgent_overtakes_what_is_already_on_its_way() {
    is_survived(Plant::Nothing, rush_hour);
}

#[test]
fn lines_that_carry_in_turn_are_caught() {
    is_caught(Plant::InTurn, &["overtaking:"], rush_hour);
}
