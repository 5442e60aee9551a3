//! Whether the simulator would notice: every promise is broken on purpose, in the simulator's own disks, lines and eyes,
//! and the same lives that an honest country survives must then report *that* promise as broken.

use std::{panic::catch_unwind, time::Duration};

use tests::world::{Life, Plant};

use super::lives::said;

/// Lives an honest country survives, and within which a planted bug is found.
const LIVES: u64 = 60;

/// The bug is found within [`LIVES`] lives, and found to be what it is.
fn is_caught(plant: Plant, as_one_of: &[&str]) {
    is_caught_in(Life { plant, ..Life::default() }, as_one_of);
}

fn is_caught_in(life: Life, as_one_of: &[&str]) {
    let plant = life.plant;
    for seed in 0..LIVES {
        let Err(panic) = catch_unwind(|| Life { seed, ..life }.live()) else { continue };
        let said: String = said(&*panic).lines().next().unwrap_or_default().chars().take(300).collect();
        println!("{plant:?} is caught by seed {seed}: {said}");
        assert!(as_one_of.iter().any(|word| said.contains(word)), "{plant:?} is taken for something else: {said}");
        return;
    }
    panic!("{plant:?} lives through {LIVES} lives unnoticed");
}

#[test]
fn an_answer_before_the_commit_is_caught() {
    is_caught(Plant::AnswersFirst, &["lost:"]);
}

#[test]
fn a_disk_that_says_durable_too_early_is_caught() {
    is_caught(Plant::EarlyDurable, &["lost:"]);
}

#[test]
fn a_record_after_the_answer_is_caught() {
    is_caught(Plant::LateRecord, &["lost:"]);
}

#[test]
fn a_disk_that_forgets_what_it_acknowledged_is_caught() {
    is_caught(Plant::ForgetfulDisk, &["lost:"]);
}

#[test]
fn a_recovery_that_forgets_what_was_heard_is_caught() {
    is_caught(Plant::DeafRestart, &["twice:"]);
}

#[test]
fn forgetting_what_was_heard_before_the_last_duplicate_is_caught() {
    let retention = Some(Duration::from_secs(300));
    is_caught_in(Life { plant: Plant::ForgetsNumbers, retention, ..Life::default() }, &["twice:"]);
}

#[test]
fn a_recovery_that_forgets_the_places_in_an_incident_is_caught() {
    is_caught(Plant::LostPositions, &["order:"]);
}

#[test]
fn a_recovery_that_gives_numbers_out_again_is_caught() {
    is_caught(Plant::ReusedNumbers, &["lost:", "altered:"]);
}

#[test]
fn a_recovery_that_forgets_what_waits_is_caught() {
    is_caught(Plant::LostQueues, &["lost:", "receipts:", "order:"]);
}

#[test]
fn a_recovery_that_believes_half_a_commit_is_caught() {
    is_caught(Plant::HalfTurns, &["receipts:", "lost:"]);
}

#[test]
fn taking_sent_for_arrived_is_caught() {
    is_caught(Plant::DoneOnSend, &["lost:", "receipts:", "order:"]);
}

#[test]
fn retries_that_are_given_up_are_caught() {
    is_caught(Plant::GivesUp, &["lost:", "stuck:"]);
}

#[test]
fn a_wrong_way_on_retry_is_caught() {
    is_caught(Plant::WrongWay, &["leak:"]);
}

#[test]
fn stations_that_wait_for_each_other_are_caught() {
    is_caught(Plant::SharedQuota, &["stuck:", "livelock:"]);
}

#[test]
fn reading_in_the_order_of_arrival_is_caught() {
    is_caught(Plant::ReadsAsItCame, &["order:"]);
}

#[test]
fn lines_that_carry_in_turn_are_caught() {
    is_caught(Plant::InTurn, &["overtaking:"]);
}

#[test]
fn lines_that_shuffle_are_caught() {
    is_caught(Plant::Shuffle, &["order:", "overtaking:"]);
}

#[test]
fn a_flipped_bit_that_is_believed_is_caught() {
    is_caught(Plant::NoiseBelieved, &["altered:"]);
}

#[test]
fn a_flipped_bit_is_refused_and_nothing_is_lost_by_it() {
    for seed in 0..LIVES / 3 {
        Life { seed, plant: Plant::Noise, ..Life::default() }.live();
    }
}
