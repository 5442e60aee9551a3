//! PURE. 审核期: where the policy gives a province time to look at what passes, those above it are not called before it has said
//! what it recommends, or the time is over: then they are, with the recommendation pending.
//!
//! It is the calling that waits, never the document: that is at the ministry as fast as any other, so a review can neither lose
//! nor delay it.

use proto::v1::{Header, Kind};

use super::{Desk, policy::Review};
use crate::{io::Timestamp, post::view::Copy, topology::Unit};

/// What is reviewed: reports and 请示.
fn is_reviewed(kind: Kind) -> bool {
    matches!(kind, Kind::InitialReport | Kind::FollowUpReport | Kind::FinalReport | Kind::RequestForInstructions)
}

/// Until when the desk here need not be called for a document, if it need not now.
pub fn until(desk: Desk<'_>, copy: &Copy) -> Option<Timestamp> {
    let header = &copy.header;
    let office = reviewer(desk, header)?;
    let policy = desk.shelf.version(desk, &header.policy)?;
    let review = policy.review.as_ref().filter(|review| concerns(review, header))?;
    let passed = copy.row.passages.iter().find(|passage| passage.station == office.as_str())?;
    let until = Timestamp::from_us(passed.arrived_us) + review.within;
    (until > desk.now && recommended(desk, header, &office).is_none()).then_some(until)
}

/// Whether an office on the way has still to say what it recommends.
pub fn is_pending(desk: Desk<'_>, copy: &Copy) -> bool {
    let reports = matches!(copy.header.kind(), Kind::InitialReport | Kind::RequestForInstructions);
    reports && reviewer(desk, &copy.header).is_some_and(|office| recommended(desk, &copy.header, &office).is_none())
}

/// Whether a review is of documents like this one. What goes straight to the ministry is reviewed by nobody.
pub(super) fn concerns(review: &Review, header: &Header) -> bool {
    is_reviewed(header.kind()) && !header.direct && review.precedences.contains(&header.precedence())
}

/// The office below this one that looks at a document on its way here.
fn reviewer(desk: Desk<'_>, header: &Header) -> Option<Unit> {
    let me = desk.post.me();
    let origin = Unit::parse(&header.origin).ok()?;
    let office = me.topology.next_hop(&me.unit, &origin)?.clone();
    (is_reviewed(header.kind()) && header.destination == me.unit.as_str() && office != origin).then_some(office)
}

/// What an office recommends in the incident of a document, by its number.
fn recommended(desk: Desk<'_>, header: &Header, office: &Unit) -> Option<String> {
    let incident = crate::post::envelope::DocId::from_slice(&header.incident)?;
    let copies = desk.post.incident(incident, desk.read);
    let endorses = |copy: &&Copy| copy.header.kind() == Kind::Endorsement && copy.header.origin == office.as_str();
    copies.iter().find(endorses).map(|copy| copy.header.number.clone())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proto::v1::{Choice, Endorsement, FileRequest, PolicyRelease, Precedence, document::Content};

    use super::*;
    use crate::plan::trial::{Office, paper, report};

    /// The policy that ships, with ten minutes for the province.
    fn rules() -> FileRequest {
        let review = "\n[review]\nwithin = \"10m\"\nprecedences = [\"jia-ji\"]\nsource = \"部\"\n\n[[ready]]";
        let text =
            crate::plan::policy::BUILT_IN.replace("2014-proposal-4", "2014-9").replacen("\n[[ready]]", review, 1);
        let release = PolicyRelease {
            text,
            officer: "赵一".into(),
            releaser: "郝部长".into(),
            reference: "司办通〔2014〕36号".into(),
            ..Default::default()
        };
        paper("赵一", Kind::PolicyRelease, Content::PolicyRelease(release))
    }

    fn passed(number: &str, ministry: &Office, until: Option<i64>) {
        let copy = ministry.copy(number);
        let seen = ministry.at_desk(|desk| super::until(desk, &copy));
        assert_eq!(seen.map(|at| at.us()), until);
    }

    #[test]
    fn row_3_4_in_part_the_ministry_is_called_when_the_province_has_spoken_or_its_time_is_over() {
        let (mut wuhan, mut hubei, mut ministry) = (Office::of("420100"), Office::of("420000"), Office::of("000000"));
        ministry.file(&rules()).unwrap();
        wuhan.hear(&ministry);
        hubei.hear(&ministry);
        let calm = FileRequest { precedence: Precedence::JiaJi.into(), ..report() };
        let urgent = FileRequest { precedence: Precedence::TeTi.into(), ..report() };
        let (slow, fast) = (wuhan.file(&calm).unwrap(), wuhan.file(&urgent).unwrap());
        hubei.hear(&wuhan);
        let came = hubei.now.us();
        ministry.hear_by("420000", came, &wuhan);
        passed(&fast, &ministry, None);
        passed(&slow, &ministry, Some(came + 600_000_000));
        assert!(ministry.at_desk(|desk| is_pending(desk, &ministry.copy(&slow))));
        // Time is over, and still nothing was said: it is shown all the same, as pending.
        let before = ministry.now;
        ministry.now = ministry.now + Duration::from_secs(601);
        passed(&slow, &ministry, None);
        assert!(ministry.at_desk(|desk| is_pending(desk, &ministry.copy(&slow))));
        ministry.now = before;
        let said = Endorsement {
            verified: Choice::Confirmed.into(),
            recommendation: "启用备用卷".into(),
            officer: "李四".into(),
            releaser: "王厅长".into(),
            ..Default::default()
        };
        let said = paper("李四", Kind::Endorsement, Content::Endorsement(said));
        hubei.file(&FileRequest { refers_to: slow.clone(), ..said }).unwrap();
        ministry.hear(&hubei);
        passed(&slow, &ministry, None);
        assert!(!ministry.at_desk(|desk| is_pending(desk, &ministry.copy(&slow))));
        // Whoever answers for it is not late by the time the province took.
        let owed = |office: &Office| {
            let copies = office
                .at_desk(|desk| crate::desk::duties::of_incident(desk, office.copy(&slow).id(), &Default::default()));
            copies.into_iter().find(|one| one.what == "instruct").unwrap().arose_us
        };
        assert_eq!(owed(&ministry), came, "from when the province had spoken, which was at once");
    }
}
