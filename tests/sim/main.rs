//! Simulated years of small countries ([`tests::world`]): trouble for a day, then all is healed, and everything that was
//! ever acknowledged is demanded within twelve hours. `SEED=n cargo test --test sim lives` replays one, `SEEDS=n` lives
//! more of them.

#![expect(clippy::disallowed_methods, reason = "the seed to replay comes from the environment")]

mod clocks;
mod forgetting;
mod lives;
mod notices;
mod planted;
mod rebuilt;
mod shortage;

use node::{plan, post::refusal::Code};
use proto::v1::{self, Kind, Precedence};
use tests::{
    country::{COUNTRY, unit},
    papers,
    world::{Plant, World},
};

/// The answer to a 终报 was lost on its way to the person. Asked again under the same key, the station does not say that
/// the incident is closed, which only that report has done.
#[test]
fn whoever_asks_again_gets_the_answer_and_not_the_rules() {
    let mut world = World::new(1, COUNTRY, Plant::Nothing);
    let district = unit("420100");
    let first = world.file(&district, &papers::report("损毁", Precedence::TeJi)).unwrap().to_string();
    let end = papers::follow_up(&first, "处置完毕", Kind::FinalReport, Precedence::TeJi);
    let keyed = v1::FileRequest { idempotency_key: "last".into(), ..end.clone() };
    let filed = world.file(&district, &keyed).unwrap();
    let answered =
        |request| world.look(&district, |desk| plan::draft(desk, request).map(|_| desk.post.filed_under("last")));
    assert_eq!(answered(&keyed).unwrap().unwrap().id, filed);
    assert_eq!(answered(&end).unwrap_err().code, Code::IncidentClosed, "another one is refused");
    assert_eq!(world.file(&district, &keyed), None, "nothing new was filed");
}
