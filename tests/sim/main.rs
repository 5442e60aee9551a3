//! Random lives of a small country: lines cut, stations killed in the middle of a commit, indexes lost; then all is
//! healed and everything that was ever acknowledged is demanded. `SEED=n cargo test -p tests --test sim` replays one.

#![expect(clippy::disallowed_methods, reason = "the seed to replay comes from the environment")]
#![expect(clippy::unwrap_used, reason = "this is test code")]

mod planted;

mod notices;
mod rebuilt;

use std::time::Duration;

use node::{plan, post::refusal::Code};
use proto::v1::{self, Kind, Precedence};
use tests::{
    country::unit,
    papers,
    world::{Plant, World},
};

const COUNTRY: &str = r#"
[network]
name = "trial"
trust_domain = "trial"
[[station]]
unit = "000000"
tier = "ministry"
name = "部"
[[station]]
unit = "420000"
tier = "province"
name = "湖北"
parent = "000000"
[[station]]
unit = "420100"
tier = "district"
name = "武汉"
parent = "420000"
[[station]]
unit = "420500"
tier = "district"
name = "宜昌"
parent = "420000"
[[station]]
unit = "820000"
tier = "district"
name = "澳门"
parent = "000000"
"#;

fn report(world: &mut World, incident: String) -> v1::FileRequest {
    let kind = match incident.is_empty() {
        true => Kind::InitialReport,
        false if world.dice.chance(40) => Kind::FinalReport,
        false => Kind::FollowUpReport,
    };
    let report = v1::Report {
        occurred_at_us: 1,
        place: "第三考点".into(),
        category: v1::Category::PaperSecurity.into(),
        text: "一袋封装损毁".into(),
        reporter: "张三".into(),
        ..Default::default()
    };
    let precedence = *world.dice.pick(&[Precedence::Routine, Precedence::JiaJi, Precedence::TeJi, Precedence::TeTi]);
    v1::FileRequest {
        document: Some(v1::Document { content: Some(v1::document::Content::Report(report)) }),
        kind: kind.into(),
        status: v1::Status::Exercise.into(),
        precedence: precedence.into(),
        officer: "张三".into(),
        incident,
        deliver_by_us: if world.dice.chance(10) { 1_700_000_100_000_000 } else { 0 },
        ..Default::default()
    }
}

fn directive(world: &mut World) -> v1::FileRequest {
    let directive = v1::Directive {
        title: "启用备用卷".into(),
        text: "立即执行".into(),
        officer: "赵一".into(),
        ..Default::default()
    };
    let to = *world.dice.pick(&["all", "420100", "provinces"]);
    v1::FileRequest {
        document: Some(v1::Document { content: Some(v1::document::Content::Directive(directive)) }),
        kind: Kind::Directive.into(),
        status: v1::Status::Exercise.into(),
        precedence: Precedence::TeTi.into(),
        officer: "赵一".into(),
        action_to: vec![to.into()],
        ..Default::default()
    }
}

/// One life: everything happens that may happen, and in the end everything is demanded.
fn live(seed: u64, plant: Plant) {
    live_on(World::new(seed, COUNTRY, plant));
}

fn live_on(mut world: World) -> World {
    let units = world.units();
    let children = world.children();
    for _ in 0..400 {
        let unit = world.dice.pick(&units).clone();
        let child = world.dice.pick(&children).clone();
        match world.dice.below(100) {
            0..12 => {
                let mine: Vec<_> = world
                    .acknowledged
                    .iter()
                    .filter(|(_, filed)| filed.origin == unit)
                    .map(|(id, _)| id.to_string())
                    .collect();
                let incident = if mine.is_empty() || world.dice.chance(50) {
                    String::new()
                } else {
                    world.dice.pick(&mine).clone()
                };
                let request =
                    if unit.as_str() == "000000" { directive(&mut world) } else { report(&mut world, incident) };
                world.file(&unit, &request);
            }
            12..15 => world.cut(&child),
            15..20 => world.heal(&child),
            20 => world.crash(&unit),
            21 => world.tear(&unit),
            22 => {
                world.crash(&unit);
                world.lose_index(&unit);
            }
            23 => world.stop(&unit),
            24..30 => world.start(&unit),
            30..36 => world.sign(&unit),
            _ => world.step(),
        }
    }
    world.heal_everything();
    world.judge();
    world
}

/// The same lives, in which everything below the ministry is soon forgotten.
fn forget(seed: u64) -> World {
    let mut world = World::new(seed, COUNTRY, Plant::Nothing);
    world.forget_after(Duration::from_secs(5));
    let mut world = live_on(world);
    world.judge_rebuilding();
    world.heal_everything();
    world.settle();
    world.judge();
    world
}

/// How many lives: `SEEDS`, or this many.
fn seeds(usual: u64) -> u64 {
    std::env::var("SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_comes_twice() {
    if let Ok(seed) = std::env::var("SEED") {
        return live(seed.parse().unwrap(), Plant::Nothing);
    }
    for seed in 0..seeds(300) {
        let failed = std::panic::catch_unwind(|| live(seed, Plant::Nothing)).is_err();
        assert!(!failed, "SEED={seed} cargo test -p tests --test sim");
    }
}

/// Only what is settled is forgotten, whatever is cut, killed or torn meanwhile; an index can be rebuilt from what is left;
/// and in the end little more is left than what is open.
#[test]
fn only_what_is_settled_is_forgotten_and_what_is_forgotten_does_not_come_back() {
    if let Ok(seed) = std::env::var("SEED") {
        return drop(forget(seed.parse().unwrap()));
    }
    let (mut retired, mut left) = (0, 0);
    for seed in 0..seeds(40) {
        let lived = std::panic::catch_unwind(|| forget(seed));
        let Ok(world) = lived else { panic!("SEED={seed} cargo test -p tests --test sim only_what_is_settled") };
        retired += world.retired;
        left += world.children().iter().map(|unit| world.records(unit)).sum::<usize>();
    }
    println!("{retired} records were given up, {left} are left");
    assert!(retired > 3 * left, "{left} records of a settled past are left, and only {retired} were given up");
}

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
