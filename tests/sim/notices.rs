//! Bad news reaches the office that wrote, once; what was voided on its way never rings; holes are asked for.

#![expect(clippy::unwrap_used, reason = "this is test code")]

use std::time::Duration;

use node::{desk::view, post::envelope::DocId, topology::Unit};
use prost::Message as _;
use proto::v1::{self, Precedence, Stage, Standing};
use tests::{
    country::unit,
    papers,
    world::{Plant, World},
};

use crate::COUNTRY;

const A_WHILE: Duration = Duration::from_secs(12);

fn view(world: &World, at: &str, id: DocId) -> v1::DocumentView {
    world.look(&unit(at), |desk| {
        let copy = desk.post.copies(id, desk.read).into_iter().next().unwrap();
        view::document(desk, &copy)
    })
}

/// Who says what about a document, in words short enough to compare.
fn notices(world: &World, at: &str, id: DocId) -> Vec<(Stage, String)> {
    let bad = [Stage::Delayed, Stage::Expired, Stage::NotDelivered];
    let recipients = view(world, at, id).recipients;
    let stages = recipients.into_iter().flat_map(|recipient| recipient.stages);
    let mut said: Vec<_> = stages.filter(|s| bad.contains(&s.stage())).map(|s| (s.stage(), s.station)).collect();
    said.sort();
    said
}

/// How many receipts of this kind were written, by anybody.
fn receipts(world: &World, stage: Stage) -> usize {
    world.receipts.iter().filter(|receipt| receipt.stage() == stage).count()
}

fn due(world: &World, deliver_in: Option<u64>, expires_in: Option<u64>) -> v1::FileRequest {
    let at = |seconds: u64| (world.now() + Duration::from_secs(seconds)).us();
    v1::FileRequest {
        deliver_by_us: deliver_in.map_or(0, at),
        expires_at_us: expires_in.map_or(0, at),
        ..papers::report("一袋封装损毁", Precedence::JiaJi)
    }
}

#[test]
fn what_is_late_is_reported_by_its_author_and_by_whoever_holds_it() {
    let mut world = World::new(1, COUNTRY, Plant::Nothing);
    world.cut(&unit("420000"));
    let request = due(&world, Some(60), Some(600));
    let id = world.file(&unit("420100"), &request).unwrap();
    world.run(A_WHILE);
    assert_eq!(notices(&world, "420100", id), [], "not before its time");
    world.run(Duration::from_secs(90));
    world.run(A_WHILE);
    let late = [(Stage::Delayed, "420000".to_owned()), (Stage::Delayed, "420100".to_owned())];
    assert_eq!(notices(&world, "420100", id), late);
    assert_eq!(view(&world, "420100", id).standing(), Standing::Active);

    world.run(Duration::from_secs(600));
    world.run(A_WHILE);
    let expired = [(Stage::Expired, "420000".to_owned()), (Stage::Expired, "420100".to_owned())];
    assert_eq!(notices(&world, "420100", id), [late, expired].concat());

    // It travels all the same: the channel has no hole, and everybody sees how it stands.
    world.heal_everything();
    world.judge();
    for at in ["420100", "420000", "000000"] {
        assert_eq!(view(&world, at, id).standing(), Standing::Expired, "{at}");
    }
    assert_eq!(notices(&world, "420100", id).len(), 4, "and no more");
    assert_eq!((receipts(&world, Stage::Delayed), receipts(&world, Stage::Expired)), (1, 1));
}

#[test]
fn an_office_that_is_cut_off_notices_by_itself() {
    let mut world = World::new(2, COUNTRY, Plant::Nothing);
    world.cut(&unit("420000"));
    let request = due(&world, Some(60), None);
    let id = world.file(&unit("420100"), &request).unwrap();
    world.run(A_WHILE);
    // The province has it and cannot tell: neither up nor down.
    world.cut(&unit("420100"));
    world.run(Duration::from_secs(90));
    let stages = view(&world, "420100", id).recipients.remove(0).stages;
    let own = stages.iter().find(|stage| stage.stage() == Stage::Delayed).unwrap();
    assert_eq!(
        (own.station.as_str(), own.note.as_str()),
        ("420100", "420000 has it; 000000 has not said that it arrived")
    );
}

#[test]
fn what_arrives_in_time_is_no_news() {
    let mut world = World::new(3, COUNTRY, Plant::Nothing);
    let request = due(&world, Some(3600), Some(7200));
    let id = world.file(&unit("420100"), &request).unwrap();
    world.heal_everything();
    world.run(Duration::from_secs(86_400));
    world.heal_everything();
    assert_eq!(notices(&world, "420100", id), []);
    let awaited: Vec<_> =
        world.units().into_iter().filter(|unit| world.look(unit, |desk| desk.post.awaits_time())).collect();
    assert_eq!(awaited, [] as [Unit; 0], "nobody waits for anything");
}

#[test]
fn what_is_refused_is_reported_once_with_the_reason() {
    let mut world = World::new(4, COUNTRY, Plant::Nothing);
    world.cut(&unit("420000"));
    let id = world.file(&unit("420100"), &due(&world, None, None)).unwrap();
    world.run(A_WHILE);
    world.heal(&unit("420000"));
    world.refuse(&unit("420000"), "not-your-subtree");
    world.run(Duration::from_secs(2));
    world.crash(&unit("420000"));
    world.start(&unit("420000"));
    world.heal(&unit("420000"));
    world.heal(&unit("420100"));
    world.run(A_WHILE);
    let stages = view(&world, "420100", id).recipients.remove(0).stages;
    let told: Vec<_> = stages.iter().filter(|stage| stage.stage() == Stage::NotDelivered).collect();
    assert_eq!(told.len(), 1, "{stages:?}");
    assert_eq!(told[0].station, "420000");
    assert_eq!(told[0].note, "000000 refuses it: no (not-your-subtree)");
    assert_eq!(receipts(&world, Stage::NotDelivered), 1);

    // A person lets it go again, and then it arrives after all.
    world.retry(&unit("420000"));
    world.heal_everything();
    world.judge();
    assert_eq!(receipts(&world, Stage::NotDelivered), 1);
}

#[test]
fn nobody_is_told_that_a_receipt_was_refused() {
    let mut world = World::new(5, COUNTRY, Plant::Nothing);
    let filed = world.file(&unit("000000"), &papers::directive(&["420100"], Precedence::TeJi)).unwrap();
    world.cut(&unit("420100"));
    world.run(A_WHILE);
    world.heal(&unit("420100"));
    world.run_until(|world| world.look(&unit("420100"), |desk| !desk.post.copies(filed, desk.read).is_empty()));
    // The district's 送达 is refused by its province.
    world.refuse(&unit("420100"), "bad-seal");
    world.run(A_WHILE * 3);
    assert_eq!(receipts(&world, Stage::NotDelivered), 0);
}

/// Kills and torn commits in the middle of it all: still one notice a station, and one receipt a notice.
#[test]
fn notices_are_given_once_whatever_dies() {
    for seed in 0..60 {
        let mut world = World::new(seed, COUNTRY, Plant::Nothing);
        world.cut(&unit("420000"));
        let ids: Vec<_> =
            (0..4).filter_map(|n| world.file(&unit("420100"), &due(&world, Some(20 + n), Some(60)))).collect();
        for _ in 0..300 {
            let victim = world.dice.pick(&[unit("420100"), unit("420000")]).clone();
            match world.dice.below(30) {
                0 => world.crash(&victim),
                1 => world.tear(&victim),
                2 => {
                    world.crash(&victim);
                    world.lose_index(&victim);
                }
                3..7 => world.start(&victim),
                7..9 => world.cut(&unit("420100")),
                9..14 => world.heal(&unit("420100")),
                _ => {}
            }
            let some = world.dice.up_to(Duration::from_millis(600));
            world.run(some);
        }
        // Both live long enough to look at the time before the line is whole again.
        for _ in 0..2 {
            world.start(&unit("420100"));
            world.start(&unit("420000"));
            world.run(Duration::from_secs(1));
        }
        world.heal_everything();
        world.judge();
        for id in ids {
            let said = notices(&world, "420100", id);
            let mut once = said.clone();
            once.dedup();
            assert_eq!(said, once, "seed {seed}");
            assert!(said.contains(&(Stage::Expired, "420100".to_owned())), "seed {seed}: {said:?}");
        }
        // The province writes of each once, if it held it then; the district tells itself without a receipt.
        let mut written: Vec<_> =
            world.receipts.iter().map(|r| (r.stage, r.about.clone().unwrap().encode_to_vec())).collect();
        written.sort();
        let all = written.len();
        written.dedup();
        assert_eq!(written.len(), all, "seed {seed}: a receipt was written twice");
    }
}

#[test]
fn what_was_cancelled_on_its_way_never_rings() {
    let mut world = World::new(6, COUNTRY, Plant::Nothing);
    world.cut(&unit("420100"));
    let original = world.file(&unit("420100"), &papers::report("误报", Precedence::Routine)).unwrap();
    let other = world.file(&unit("420100"), &papers::report("一件", Precedence::Routine)).unwrap();
    let cancel = world.file(&unit("420100"), &papers::cancel(&original.to_string())).unwrap();
    world.heal(&unit("420100"));
    let here = |world: &World, at: &str, id| world.look(&unit(at), |desk| !desk.post.copies(id, desk.read).is_empty());
    world.run_until(|world| here(world, "000000", cancel));
    assert!(!here(&world, "000000", original), "the urgent has overtaken it");
    world.heal_everything();
    world.judge();
    for at in ["420000", "000000"] {
        assert_eq!(view(&world, at, original).standing(), Standing::Cancelled, "{at}");
        assert_eq!(waiting(&world, at), [other], "{at}");
    }
}

#[test]
fn what_was_superseded_on_its_way_never_rings_also_from_a_rebuilt_index() {
    let mut world = World::new(7, COUNTRY, Plant::Nothing);
    world.cut(&unit("420100"));
    let original = world.file(&unit("420100"), &papers::report("伤二人", Precedence::Routine)).unwrap();
    let better = v1::FileRequest { supersedes: original.to_string(), ..papers::report("伤三人", Precedence::TeTi) };
    let better = world.file(&unit("420100"), &better).unwrap();
    world.heal(&unit("420100"));
    world.run(A_WHILE);
    world.crash(&unit("420000"));
    world.lose_index(&unit("420000"));
    world.heal_everything();
    world.judge();
    for at in ["420000", "000000"] {
        assert_eq!(view(&world, at, original).standing(), Standing::Superseded, "{at}");
        assert_eq!(waiting(&world, at), [better], "{at}");
    }
}

/// A province cannot be made to drop what a stranger cancels.
#[test]
fn only_its_author_or_an_office_above_can_void_a_document() {
    let mut world = World::new(8, COUNTRY, Plant::Nothing);
    world.cut(&unit("420100"));
    let original = world.file(&unit("420100"), &papers::report("一件", Precedence::Routine)).unwrap();
    let mut forged = papers::report("另一件", Precedence::TeTi);
    forged.officer = "李四".into();
    world.file_superseding(&unit("420500"), &forged, original);
    world.heal_everything();
    assert_eq!(view(&world, "000000", original).standing(), Standing::Active);
    assert_eq!(waiting(&world, "000000").len(), 2);
}

fn waiting(world: &World, at: &str) -> Vec<DocId> {
    let listed = world.list(&unit(at), v1::ListRequest { r#box: v1::Box::Unsigned.into(), ..Default::default() });
    assert_eq!(listed.unsigned, listed.documents.len() as u64);
    listed.documents.iter().map(|document| DocId::from_slice(&document.id).unwrap()).collect()
}

#[test]
fn a_lost_number_is_asked_for_again() {
    let mut world = World::new(9, COUNTRY, Plant::Nothing);
    let (district, province) = (unit("420100"), unit("420000"));
    let lost = world.file(&district, &papers::report("一件", Precedence::Routine)).unwrap();
    world.lose_a_frame(&district);
    let next = world.file(&district, &papers::report("二件", Precedence::Routine)).unwrap();
    let here = |world: &World, id| world.look(&province, |desk| !desk.post.copies(id, desk.read).is_empty());
    world.run_until(|world| here(world, next));
    assert!(!here(&world, lost));
    let gaps = world.look(&province, |desk| desk.post.gaps().map(|gap| (gap.first, gap.count)).collect::<Vec<_>>());
    assert_eq!(gaps, [(1, 1)]);
    let before = world.now();
    world.run(Duration::from_secs(6));
    world.run_until(|world| here(world, lost));
    assert!(world.now().since(before) < Duration::from_secs(20), "before its sender would have lost patience");
    world.heal_everything();
    world.judge();
}

/// Whatever frames are lost, doubled or late, everything comes, once.
#[test]
fn lost_frames_leave_no_holes() {
    for seed in 0..60 {
        let mut world = World::new(seed, COUNTRY, Plant::Nothing);
        let district = unit("420100");
        for n in 0..12 {
            let precedence = *world.dice.pick(&[Precedence::Routine, Precedence::TeJi]);
            world.file(&district, &papers::report(&format!("第{n}件"), precedence)).unwrap();
            match world.dice.below(4) {
                0 => world.lose_a_frame(&district),
                1 => world.double_a_frame(&district),
                _ => {}
            }
            let some = world.dice.up_to(Duration::from_millis(600));
            world.run(some);
        }
        world.heal_everything();
        world.judge();
    }
}
