//! PURE. 平安报: at fixed hours every office says that nothing has happened. Silence says nothing, so it is missed:
//! and it is told apart whether nobody wrote, or whether nobody can know because the line is down.

use std::collections::BTreeMap;

use prost::Message as _;
use proto::v1::{self, Kind, NilState, document::Content};

use super::{Desk, policy::Slot, refuse, tier, upward};
use crate::{
    io::Timestamp,
    limits,
    post::{
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
    topology::Unit,
};

/// Under what those of one hour are found.
fn topic(slot: &str) -> String {
    format!("nil {slot}")
}

/// One for an hour of the policy, not before its time.
pub(super) fn write(desk: Desk<'_>, nil: &v1::NilReport, draft: &mut Draft) -> Result<(), Refusal> {
    upward(desk, draft, 'Z')?;
    let policy = desk.shelf.in_force(desk);
    let Some(slot) = policy.slots.iter().find(|slot| slot.name == nil.slot.trim()) else {
        let slots: Vec<_> = policy.slots.iter().map(|slot| slot.name.as_str()).collect();
        let slots = slots.join("; ");
        let reason = format!("the policy has no hour `{}`: {slots}", nil.slot);
        return refuse(Code::NoSuchSlot, &reason, &[&nil.slot, &slots]);
    };
    if !slot.tiers.contains(&tier(desk)) {
        return refuse(Code::NotOwedHere, &format!("`{}` is not owed by this office", slot.name), &[&slot.name]);
    }
    // Nobody can know early that nothing will have happened. A drill plays the hours whenever it likes.
    let early = desk.now + limits::NIL_BEFORE < slot.at;
    if early && draft.header.status() == v1::Status::Actual {
        let reason = format!("`{}` is still to come: say that nothing has happened when it has not", slot.name);
        return refuse(Code::TooEarly, &reason, &[&slot.name]);
    }
    draft.header.topic = topic(&slot.name);
    let content = Content::NilReport(v1::NilReport { slot: slot.name.clone(), ..nil.clone() });
    draft.body = v1::Document { content: Some(content) }.encode_to_vec().into();
    Ok(())
}

/// One office at one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Square {
    /// Which office.
    pub unit: Unit,
    /// How it stands.
    pub state: NilState,
    /// What it wrote, if it did: number, officer, when by its own clock.
    pub written: Option<(String, String, Timestamp)>,
    /// Since when the line to it is down, if it is.
    pub silent_since: Option<Timestamp>,
}

/// The hour that is looked at if none is named: the last that has come, while it matters. Last year's exam is nobody's
/// alarm.
pub fn last(desk: Desk<'_>) -> Option<Slot> {
    let policy = desk.shelf.in_force(desk);
    let last = policy.slots.iter().rev().find(|slot| slot.at <= desk.now);
    last.filter(|slot| desk.now < slot.due() + limits::NIL_TOLD_FOR).cloned()
}

/// Everybody who owes one for an hour: this office and those below it, in the order of the tree.
pub fn board(desk: Desk<'_>, slot: &Slot, status: v1::Status, silent: &BTreeMap<Unit, Timestamp>) -> Vec<Square> {
    let here: Vec<_> = desk.post.under(&topic(&slot.name), desk.read);
    let mut first: BTreeMap<&str, &Copy> = BTreeMap::new();
    for copy in here.iter().filter(|copy| copy.header.status() == status && copy.header.kind() == Kind::NilReport) {
        if desk.post.end_of(copy.id(), &copy.header.origin).is_none() {
            first.entry(&copy.header.origin).or_insert(copy);
        }
    }
    let me = desk.post.me();
    let owing = me.topology.places().filter(|place| slot.tiers.contains(&place.tier));
    let owing = owing.filter(|place| place.unit == me.unit || me.topology.is_ancestor(&me.unit, &place.unit));
    owing
        .map(|place| {
            let written = first.get(place.unit.as_str()).map(|copy| written(desk, copy));
            let silent_since = silent.get(&place.unit).copied();
            let state = match (&written, silent_since) {
                (Some((.., at)), _) if *at <= slot.due() => NilState::Received,
                (Some(_), _) => NilState::Late,
                (None, _) if desk.now <= slot.due() => NilState::Awaited,
                // What was written before the line broke would be here.
                (None, Some(since)) if since <= slot.due() => NilState::Silent,
                (None, _) => NilState::Missing,
            };
            Square { unit: place.unit.clone(), state, written, silent_since }
        })
        .collect()
}

fn written(desk: Desk<'_>, copy: &Copy) -> (String, String, Timestamp) {
    let body = desk.post.body(copy, desk.read).and_then(|body| v1::Document::decode(body).ok());
    let officer = match body.and_then(|body| body.content) {
        Some(Content::NilReport(nil)) => nil.officer,
        _ => String::new(),
    };
    let at = copy.header.created.as_ref().map_or(0, |clock| clock.wall_us);
    (copy.header.number.clone(), officer, Timestamp::from_us(at))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use v1::FileRequest;

    use super::*;
    use crate::plan::trial::{Office, paper, unit};

    const SLOT: &str = "9月20日 12:30";

    fn nil(slot: &str) -> FileRequest {
        let nil = v1::NilReport { slot: slot.into(), officer: "张三".into(), ..Default::default() };
        paper("张三", Kind::NilReport, Content::NilReport(nil))
    }

    fn slot(office: &Office) -> Slot {
        office.at_desk(|desk| desk.shelf.in_force(desk).slots.iter().find(|slot| slot.name == SLOT).cloned()).unwrap()
    }

    /// So many minutes after the hour.
    fn at(office: &mut Office, minutes: i64) {
        office.now = Timestamp::from_us(slot(office).at.us() + minutes * 60_000_000);
    }

    fn states(office: &Office, silent: &[(&str, Timestamp)]) -> Vec<(String, NilState)> {
        let silent = silent.iter().map(|(name, since)| (unit(name), *since)).collect();
        let slot = slot(office);
        let board = office.at_desk(|desk| board(desk, &slot, v1::Status::Actual, &silent));
        board.into_iter().map(|square| (square.unit.to_string(), square.state)).collect()
    }

    fn of(states: &[(String, NilState)], unit: &str) -> NilState {
        states.iter().find(|(name, _)| name == unit).unwrap().1
    }

    /// 2.3 and the tenth sharp requirement: silence is an alarm, and a dead line is not an absent officer.
    #[test]
    fn row_2_3_in_part_silence_is_missed_and_a_dead_line_is_told_from_an_absent_officer() {
        let (mut wuhan, mut province) = (Office::of("420100"), Office::of("420000"));
        at(&mut wuhan, 2);
        wuhan.file(&nil(SLOT)).unwrap();
        at(&mut province, 3);
        province.hear(&wuhan);
        let yichang = |minutes: i64, silent: &[(&str, i64)]| {
            let mut province = Office::of("420000");
            at(&mut province, minutes);
            province.hear(&wuhan);
            at(&mut province, minutes);
            let since = slot(&province).at;
            let silent: Vec<_> =
                silent.iter().map(|(unit, m)| (*unit, Timestamp::from_us(since.us() + m * 60_000_000))).collect();
            let seen = states(&province, &silent);
            assert_eq!(of(&seen, "420100"), NilState::Received);
            of(&seen, "420500")
        };
        assert_eq!(yichang(10, &[]), NilState::Awaited);
        assert_eq!(yichang(20, &[]), NilState::Missing, "the line is up and nobody wrote");
        assert_eq!(yichang(20, &[("420500", -30)]), NilState::Silent, "nobody can know");
        assert_eq!(yichang(90, &[("420500", 60)]), NilState::Missing, "it was missing before the line broke");
    }

    #[test]
    fn one_that_was_written_in_time_is_in_time_however_late_it_comes() {
        let (mut wuhan, mut ministry) = (Office::of("420100"), Office::of("000000"));
        at(&mut wuhan, 10);
        wuhan.file(&nil(SLOT)).unwrap();
        at(&mut ministry, 300);
        ministry.hear(&wuhan);
        assert_eq!(of(&states(&ministry, &[]), "420100"), NilState::Received);
        let mut slow = Office::of("420500");
        at(&mut slow, 16);
        slow.file(&nil(SLOT)).unwrap();
        ministry.hear(&slow);
        assert_eq!(of(&states(&ministry, &[]), "420500"), NilState::Late);
    }

    #[test]
    fn nobody_says_early_that_nothing_will_have_happened() {
        let mut wuhan = Office::of("420100");
        at(&mut wuhan, -31);
        assert_eq!(wuhan.refused(&nil(SLOT)), Code::TooEarly);
        assert_eq!(wuhan.refused(&nil("夜间")), Code::NoSuchSlot);
        at(&mut wuhan, -29);
        assert!(wuhan.file(&nil(SLOT)).is_ok());
        let mut province = Office::of("420000");
        at(&mut province, 0);
        assert_eq!(province.refused(&nil(SLOT)), Code::NotOwedHere);
        assert_eq!(Office::of("000000").refused(&nil(SLOT)), Code::NoSuperior);
    }

    #[test]
    fn a_drills_reports_stand_on_a_board_of_their_own() {
        let mut wuhan = Office::of("420100");
        at(&mut wuhan, 1);
        wuhan.file(&FileRequest { status: v1::Status::Exercise.into(), ..nil(SLOT) }).unwrap();
        assert_eq!(states(&wuhan, &[]), [("420100".to_owned(), NilState::Awaited)]);
        wuhan.now = wuhan.now + Duration::from_secs(3600);
        assert_eq!(states(&wuhan, &[]), [("420100".to_owned(), NilState::Missing)]);
    }

    #[test]
    fn the_hour_that_is_shown_is_the_last_that_has_come() {
        let mut wuhan = Office::of("420100");
        assert_eq!(wuhan.at_desk(last), None);
        at(&mut wuhan, 0);
        assert_eq!(wuhan.at_desk(last).unwrap().name, SLOT);
        wuhan.now = wuhan.now + 400 * limits::NIL_TOLD_FOR;
        assert_eq!(wuhan.at_desk(last), None, "next year");
    }
}
