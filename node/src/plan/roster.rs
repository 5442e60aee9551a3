//! PURE. 值班表: who has the desk of an office when, who leads, and which phone reaches them. It goes up, so whoever misses a
//! 平安报 or an answer knows whom to call; what it leaves open of an exam is named.
//!
//! The roster says who should be there, the log of the desk ([`shift`](super::shift)) who is. Of an office's rosters the last
//! that stands counts.

use proto::v1::{self, Roster, Turn, document::Content};

use super::{
    Desk,
    decision::{content, keep_here},
    missing,
    policy::Exam,
    refuse, tier, upward,
};
use crate::{
    io::Timestamp,
    limits,
    post::{
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
    topology::{Tier, Unit},
};

/// Under what they are found.
const TOPIC: &str = "roster";
/// Rosters of one office that are looked at, the newest.
const ROSTERS_MAX: usize = 8;

/// Every turn has a beginning, an end, a person, a leader, and a phone that reaches them.
pub(super) fn write(desk: Desk<'_>, roster: &Roster, draft: &mut Draft) -> Result<(), Refusal> {
    if roster.turns.is_empty() || roster.turns.len() > limits::TURNS_MAX {
        let reason = format!("a roster has 1 to {} turns", limits::TURNS_MAX);
        return refuse(Code::MissingFields, &reason, &["turns"]);
    }
    for (number, turn) in (1..).zip(&roster.turns) {
        let mut unsaid = missing(&[("officer", &turn.officer), ("leader", &turn.leader), ("phone", &turn.phone)]);
        if unsaid.is_empty() && turn.until_us <= turn.from_us {
            "until".clone_into(&mut unsaid);
        }
        if !unsaid.is_empty() {
            let unsaid = format!("{number}: {unsaid}");
            let reason = format!("turn {unsaid} is missing: who cannot be called is not on duty");
            return refuse(Code::MissingFields, &reason, &[&unsaid]);
        }
        if [&turn.officer, &turn.leader, &turn.phone].iter().any(|text| text.len() > limits::NAME_BYTES_MAX) {
            let reason = format!("a name or number has at most {} bytes", limits::NAME_BYTES_MAX);
            return refuse(Code::FieldTooLong, &reason, &[]);
        }
    }
    match tier(desk) {
        Tier::Ministry => keep_here(desk, draft, 'M', TOPIC),
        _ => {
            upward(desk, draft, 'M')?;
            TOPIC.clone_into(&mut draft.header.topic);
        }
    }
    Ok(())
}

/// The roster of an office that counts, and its number.
pub fn of(desk: Desk<'_>, unit: &Unit, status: v1::Status) -> Option<(Roster, String)> {
    let newest = desk.post.under_newest(TOPIC, unit.as_str(), ROSTERS_MAX, desk.read);
    let stands =
        |copy: &&Copy| copy.header.status() == status && desk.post.end_of(copy.id(), &copy.header.origin).is_none();
    newest.iter().rev().filter(stands).find_map(|copy| match content(desk, copy)? {
        Content::Roster(roster) => Some((roster, copy.header.number.clone())),
        _ => None,
    })
}

/// Whose turn it is at a moment.
pub fn at(roster: &Roster, moment: Timestamp) -> Option<&Turn> {
    roster.turns.iter().find(|turn| turn.from_us <= moment.us() && moment.us() < turn.until_us)
}

/// What a roster leaves open of an exam, from its first session to its last: nobody's turn from when until when.
pub fn gaps(roster: &Roster, exam: &Exam) -> Vec<(Timestamp, Timestamp)> {
    let (Some(begins), Some(ends)) = (exam.begins(), exam.ends()) else { return Vec::new() };
    let mut turns: Vec<_> = roster.turns.iter().map(|turn| (turn.from_us, turn.until_us)).collect();
    turns.sort_unstable();
    let (mut open, mut gaps) = (begins.us(), Vec::new());
    for (from, until) in turns {
        if from > open {
            gaps.push((open, from.min(ends.us())));
        }
        open = open.max(until);
        if open >= ends.us() {
            break;
        }
    }
    if open < ends.us() {
        gaps.push((open, ends.us()));
    }
    gaps.retain(|(from, until)| from < until);
    gaps.into_iter().map(|(from, until)| (Timestamp::from_us(from), Timestamp::from_us(until))).collect()
}

#[cfg(test)]
mod tests {
    use v1::{FileRequest, Kind};

    use super::*;
    use crate::plan::trial::{Office, paper, unit};

    const HOUR: i64 = 3_600_000_000;

    fn turn(from_us: i64, until_us: i64) -> Turn {
        Turn { from_us, until_us, officer: "张三".into(), leader: "李带班".into(), phone: "027-0000".into() }
    }

    fn roster(turns: Vec<Turn>) -> FileRequest {
        let roster = Roster { turns, officer: "张三".into() };
        paper("张三", Kind::Roster, Content::Roster(roster))
    }

    /// 6.2 and the tenth sharp requirement: whoever is missed can be called.
    #[test]
    fn row_6_2_in_part_above_it_is_known_whose_turn_it_is_and_which_phone_reaches_him() {
        let (mut wuhan, mut hubei) = (Office::of("420100"), Office::of("420000"));
        let exam = wuhan.at_desk(|desk| desk.shelf.in_force(desk).exam.clone());
        let (begins, ends) = (exam.begins().unwrap().us(), exam.ends().unwrap().us());
        wuhan.file(&roster(vec![turn(begins, begins + HOUR), turn(begins + 2 * HOUR, ends)])).unwrap();
        hubei.hear(&wuhan);
        let (known, _) = hubei.at_desk(|desk| of(desk, &unit("420100"), v1::Status::Actual)).unwrap();
        let at = |us: i64| super::at(&known, Timestamp::from_us(us)).map(|turn| turn.phone.as_str());
        assert_eq!((at(begins), at(begins + HOUR), at(ends - 1)), (Some("027-0000"), None, Some("027-0000")));
        let open: Vec<_> = gaps(&known, &exam).iter().map(|(from, until)| (from.us(), until.us())).collect();
        assert_eq!(open, [(begins + HOUR, begins + 2 * HOUR)]);
        // The last that was written counts.
        wuhan.file(&roster(vec![turn(begins - HOUR, ends + HOUR)])).unwrap();
        hubei.hear(&wuhan);
        let (known, _) = hubei.at_desk(|desk| of(desk, &unit("420100"), v1::Status::Actual)).unwrap();
        assert!(gaps(&known, &exam).is_empty());
        assert!(hubei.at_desk(|desk| of(desk, &unit("420500"), v1::Status::Actual)).is_none());
        let nothing = Roster::default();
        assert_eq!(gaps(&nothing, &exam).len(), 1, "all of it is open");
    }

    #[test]
    fn who_cannot_be_called_is_not_on_duty() {
        let mut wuhan = Office::of("420100");
        let silent = Turn { phone: " ".into(), ..turn(0, HOUR) };
        for wrong in [vec![], vec![silent], vec![turn(HOUR, HOUR)]] {
            assert_eq!(wuhan.refused(&roster(wrong)), Code::MissingFields);
        }
    }
}
