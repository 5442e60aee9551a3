//! A station whose disk runs short keeps what is left for the urgent; receipts, which settle things, pass in any case.

use std::time::Duration;

use node::topology::Unit;
use proto::v1::{Precedence, Stage};
use tests::{
    country::unit,
    papers,
    world::{Plant, World},
};

use super::COUNTRY;

fn is_delivered(world: &World, at: &Unit, id: node::post::envelope::DocId) -> bool {
    world.look(at, |desk| {
        let copies = desk.post.copies(id, desk.read);
        let stages = |copy: &node::post::view::Copy| desk.post.stages(&copy.channel, copy.number);
        !copies.is_empty() && copies.iter().all(|copy| stages(copy).iter().any(|one| one.stage() == Stage::Delivered))
    })
}

#[test]
fn receipts_pass_where_the_routine_has_to_wait() {
    let mut world = World::new(1, COUNTRY, Plant::Nothing);
    let (district, province, ministry) = (unit("420100"), unit("420000"), unit("000000"));
    world.cut(&district);
    let directive = world.file(&ministry, &papers::directive(&["420100"], Precedence::Routine)).unwrap();
    world.run_until(|world| world.look(&ministry, |desk| desk.post.queues().all(|(_, queue)| queue.is_empty())));

    world.fill(&province);
    world.heal(&district);
    let report = world.file(&district, &papers::report("平件", Precedence::Routine)).unwrap();
    let urgent = world.file(&district, &papers::report("特急", Precedence::TeJi)).unwrap();
    world.run_until(|world| is_delivered(world, &ministry, directive) && is_delivered(world, &district, urgent));
    world.run(Duration::from_secs(120));
    assert!(world.look(&ministry, |desk| desk.post.copies(report, desk.read).is_empty()), "there was no room for it");

    world.free(&province);
    world.heal_everything();
    world.judge();
}
