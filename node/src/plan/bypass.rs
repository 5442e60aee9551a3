//! PURE. 越级: when what an office knows of an incident may also go straight to the ministry, and what goes along.
//!
//! The way of the plan is level by level. It is left on three grounds only, and the station sees for itself which of them
//! holds: the line to the office above is down, that office has had its time to sign and has not, or the ministry asked for
//! it. An officer says why in his own words. Nothing is taken from the usual way, so the office passed over is copied by
//! itself ([`post::direct`](crate::post::direct)), and one incident stays one.

use std::collections::BTreeSet;

use proto::v1::{self, Bypass, BypassCause, Kind, Stage, Standing, document::Content};

use super::{
    Desk, decision::encoded, find, incident_of, join_incident, missing, own, policy::What, refuse, secrecy, upward,
};
use crate::{
    io::Timestamp,
    post::{
        Post,
        envelope::{DocId, Run},
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
    topology::Unit,
};

/// 越级报告: it goes both ways, and with it everything of the incident that the ministry has not got from here.
pub(super) fn write(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    bypass: &Bypass,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let me = desk.post.me();
    let Some(superior) = me.topology.parent(&me.unit).filter(|_| desk.post.past_superior().is_some()) else {
        return refuse(Code::NobodyPassedOver, "no office is between this one and the ministry", &[]);
    };
    let first = find(desk, &request.incident, "incident")?;
    upward(desk, draft, 'X')?;
    join_incident(&first, draft)?;
    own(desk, &first)?;
    secrecy::continues(&first, draft)?;
    let unsaid = missing(&[("reason", &bypass.reason)]);
    if !unsaid.is_empty() {
        return refuse(Code::MissingFields, "whoever passes an office over says why", &[&unsaid]);
    }
    let ours = ours(desk, incident_of(&first));
    let on_the_way: Vec<&Copy> = ours.iter().filter(|copy| !has_arrived(desk, copy)).collect();
    if on_the_way.is_empty() {
        let reason = format!("the ministry has everything of {}", first.header.number);
        return refuse(Code::AlreadyArrived, &reason, &[&first.header.number]);
    }
    let (cause, order) = ground(desk, request, superior, &ours)?;
    draft.beside_incident = true;
    draft.header.direct = true;
    draft.header.references = vec![first.header.id.clone()];
    let runs: BTreeSet<_> = on_the_way.iter().filter_map(|copy| run_of(copy)).map(|run| (run.first, run)).collect();
    draft.also_direct = runs.into_iter().map(|(_, run)| run).collect();
    draft.body = encoded(Content::Bypass(Bypass {
        cause: cause.into(),
        skipped: superior.to_string(),
        order: order.map(DocId::to_bytes).unwrap_or_default(),
        ..bypass.clone()
    }));
    Ok(())
}

/// What follows in an incident that passed an office over goes along, for as long as that office cannot be reached.
pub(super) fn goes_along(desk: Desk<'_>, draft: &mut Draft) {
    let me = desk.post.me();
    let Some(ministry) = desk.post.past_superior() else { return };
    let cut_off = me.topology.parent(&me.unit).is_some_and(|superior| !desk.post.is_up(superior));
    let up = draft.destinations.iter().any(|(to, _)| to == ministry);
    let Some(incident) = DocId::from_slice(&draft.header.incident).filter(|_| cut_off && up) else { return };
    draft.header.direct |= ours(desk, incident).iter().any(|copy| copy.header.kind() == Kind::Bypass);
}

/// What this office wrote to the ministry in an incident, and still stands.
fn ours(desk: Desk<'_>, incident: DocId) -> Vec<Copy> {
    let me = desk.post.me();
    let mut copies = desk.post.incident(incident, desk.read);
    copies.extend(desk.post.beside(incident, desk.read));
    let root = me.topology.root();
    copies
        .retain(|copy| copy.channel.origin == me.unit && copy.channel.destination == *root && stands(desk.post, copy));
    copies
}

fn stands(post: &Post, copy: &Copy) -> bool {
    let end = post.end_of(copy.id(), &copy.header.origin);
    end.is_none_or(|end| !matches!(end.standing(), Standing::Cancelled | Standing::Superseded))
}

fn run_of(copy: &Copy) -> Option<Run> {
    Run::parse(copy.row.range.as_ref()?).ok()
}

fn has_arrived(desk: Desk<'_>, copy: &Copy) -> bool {
    let there = copy.channel.destination.as_str();
    let stages = desk.post.stages(&copy.channel, copy.number);
    stages.iter().any(|stage| stage.stage() == Stage::Delivered && stage.station == there)
}

/// Which ground there is.
fn ground(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    superior: &Unit,
    ours: &[Copy],
) -> Result<(BypassCause, Option<DocId>), Refusal> {
    if !request.other.is_empty() {
        return Ok((BypassCause::Ordered, Some(ordered(desk, &request.other)?)));
    }
    if !desk.post.is_up(superior) {
        return Ok((BypassCause::LineDown, None));
    }
    let signed_by = |copy: &Copy| sign_by(desk, superior, copy);
    let reports = ours.iter().filter(|copy| copy.header.position > 0);
    let waiting: Vec<_> = reports.filter(|copy| !is_signed(desk, copy, superior)).filter_map(signed_by).collect();
    if waiting.iter().any(|by| *by < desk.now) {
        return Ok((BypassCause::NotSigned, None));
    }
    let reason = format!("the line to {superior} is up, and it has signed or has time to: {superior} is the way");
    refuse(Code::SuperiorReachable, &reason, &[superior.as_str()])
}

/// 部要求直接报告: by a directive of the ministry to this office.
fn ordered(desk: Desk<'_>, order: &str) -> Result<DocId, Refusal> {
    let copy = find(desk, order, "directive")?;
    let me = desk.post.me();
    let here = copy.header.destination == me.unit.as_str() && copy.header.origin == me.topology.root().as_str();
    if copy.header.kind() != Kind::Directive || !here {
        let number = &copy.header.number;
        let reason = format!("{number} is not a directive of the ministry to this office");
        return refuse(Code::NotAnOrder, &reason, &[number]);
    }
    Ok(copy.id())
}

fn is_signed(desk: Desk<'_>, copy: &Copy, by: &Unit) -> bool {
    let stages = desk.post.stages(&copy.channel, copy.number);
    stages.iter().any(|stage| stage.stage() == Stage::Signed && stage.station == by.as_str())
}

/// Until when an office may take its time to sign for a report, by the policy the report names. What the line took is not
/// known before it says so, and counts here: whoever waits at the place cannot tell a slow line from an empty desk.
fn sign_by(desk: Desk<'_>, office: &Unit, copy: &Copy) -> Option<Timestamp> {
    let tier = desk.post.me().topology.place(office.as_str())?.tier;
    let policy = desk.shelf.version(desk, &copy.header.policy).unwrap_or_else(|| desk.shelf.first());
    let rule = policy.duties.iter().find(|rule| rule.what == What::Sign && rule.tiers.contains(&tier))?;
    let created = Timestamp::from_us(copy.header.created.as_ref()?.wall_us);
    Some(created + rule.limit.at(tier))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use v1::{FileRequest, Report};

    use super::*;
    use crate::plan::trial::{Office, paper, report};

    fn bypass(of: &str) -> FileRequest {
        let said =
            Bypass {
                reason: "省厅线路中断,试卷失窃不能等".into(), officer: "张三".into(), ..Default::default()
            };
        FileRequest { incident: of.into(), ..paper("张三", Kind::Bypass, Content::Bypass(said)) }
    }

    fn more(of: &str) -> FileRequest {
        let said = Report { text: "已找到".into(), reporter: "张三".into(), ..Default::default() };
        FileRequest { incident: of.into(), ..paper("张三", Kind::FollowUpReport, Content::Report(said)) }
    }

    fn cause(office: &Office, number: &str) -> BypassCause {
        let Content::Bypass(said) = office.content(number) else { panic!("{number} is a bypass") };
        assert_eq!(said.skipped, "420000");
        said.cause()
    }

    /// 3.7 and the fourth sharp requirement: two paths, one incident, and the office passed over is copied.
    #[test]
    fn row_3_7_in_part_what_cannot_wait_goes_past_an_office_that_cannot_be_reached_and_that_office_is_copied() {
        let (mut wuhan, mut hubei, mut ministry) = (Office::of("420100"), Office::of("420000"), Office::of("000000"));
        let incident = wuhan.file(&report()).unwrap();
        assert!(wuhan.waits_for("000000").is_empty(), "level by level");
        let number = wuhan.file(&bypass(&incident)).unwrap();
        assert_eq!(cause(&wuhan, &number), BypassCause::LineDown);
        assert_eq!(wuhan.waits_for("000000"), wuhan.waits_for("420000"), "both go both ways");
        assert_eq!(wuhan.waits_for("000000").len(), 2);

        wuhan.linked(&ministry);
        ministry.linked(&wuhan);
        assert_eq!(ministry.hear_directly(&wuhan), 2);
        assert!(ministry.copy(&number).header.direct);
        // What the ministry answers comes back the same way, and by the usual one.
        wuhan.hear_directly(&ministry);
        assert!(wuhan.waits_for("000000").is_empty());
        assert_eq!(wuhan.waits_for("420000").len(), 2, "the province is still to get them");
        assert_eq!(ministry.waits_for("420100"), ministry.waits_for("420000"));

        // The province is back: it has all of it, once; and so has the ministry.
        hubei.hear(&wuhan);
        assert_eq!(hubei.copy(&incident).header.number, incident);
        assert_eq!(cause(&hubei, &number), BypassCause::LineDown, "it sees that it was passed over, and why");
        let before = ministry.unsigned();
        ministry.hear(&wuhan);
        assert_eq!(ministry.unsigned(), before, "what comes second rings nobody");
    }

    #[test]
    fn what_follows_goes_along_while_the_office_above_is_cut_off() {
        let (mut wuhan, hubei) = (Office::of("420100"), Office::of("420000"));
        let incident = wuhan.file(&report()).unwrap();
        let before = wuhan.file(&more(&incident)).unwrap();
        assert!(!wuhan.copy(&before).header.direct);
        wuhan.file(&bypass(&incident)).unwrap();
        let after = wuhan.file(&more(&incident)).unwrap();
        assert!(wuhan.copy(&after).header.direct);
        assert_eq!(wuhan.waits_for("000000").len(), 4);
        let other = wuhan.file(&report()).unwrap();
        assert!(!wuhan.copy(&other).header.direct, "another incident takes the usual way");
        wuhan.linked(&hubei);
        let later = wuhan.file(&more(&incident)).unwrap();
        assert!(!wuhan.copy(&later).header.direct);
    }

    #[test]
    fn whoever_can_be_reached_and_has_time_is_not_passed_over() {
        let (mut wuhan, mut hubei) = (Office::of("420100"), Office::of("420000"));
        let incident = wuhan.file(&report()).unwrap();
        wuhan.linked(&hubei);
        assert_eq!(wuhan.refused(&bypass(&incident)), Code::SuperiorReachable);
        wuhan.now = wuhan.now + Duration::from_secs(601);
        let number = wuhan.file(&bypass(&incident)).unwrap();
        assert_eq!(cause(&wuhan, &number), BypassCause::NotSigned);

        let silent = FileRequest { document: None, ..bypass(&incident) };
        assert_eq!(wuhan.refused(&silent), Code::MissingDocument);
        let said = Content::Bypass(Bypass { officer: "张三".into(), ..Default::default() });
        let unexplained = FileRequest { incident: incident.clone(), ..paper("张三", Kind::Bypass, said) };
        assert_eq!(wuhan.refused(&unexplained), Code::MissingFields);

        hubei.hear(&wuhan);
        assert_eq!(hubei.refused(&bypass(&incident)), Code::NobodyPassedOver);
        assert_eq!(Office::of("000000").refused(&bypass(&incident)), Code::NobodyPassedOver);
    }

    /// The same holds on the way down: whom an order passes through is told of it.
    #[test]
    fn row_3_7_in_part_an_order_to_a_district_is_copied_to_its_province() {
        let (mut ministry, mut hubei) = (Office::of("000000"), Office::of("420000"));
        let directive = v1::Directive { title: "核实".into(), text: "请核实。".into(), ..Default::default() };
        let directive = paper("赵一", Kind::Directive, Content::Directive(directive));
        let order = ministry.file(&FileRequest { action_to: vec!["420100".into()], ..directive }).unwrap();
        hubei.hear(&ministry);
        let copy = hubei.at_desk(|desk| desk.post.copies(hubei.copy(&order).id(), desk.read));
        let role = copy.iter().find(|copy| copy.channel.destination.as_str() == "420000").unwrap().header.role();
        assert_eq!(role, v1::Role::Info);
        assert_eq!(hubei.unsigned(), 1);
    }

    /// A direct line is for what its two ends write to each other.
    #[test]
    fn nobody_brings_anothers_papers_past_an_office() {
        let (mut yichang, mut ministry, mut wuhan) = (Office::of("420500"), Office::of("000000"), Office::of("420100"));
        yichang.file(&report()).unwrap();
        assert_eq!(ministry.offered_by("420100", &yichang), ["not-your-subtree"]);
        assert_eq!(ministry.offered_by("420500", &yichang), [""]);
        assert_eq!(wuhan.offered_by("000000", &yichang), ["not-your-subtree"]);
    }

    #[test]
    fn once_signed_for_there_is_no_ground_unless_the_ministry_asks() {
        let (mut wuhan, mut hubei, mut ministry) = (Office::of("420100"), Office::of("420000"), Office::of("000000"));
        let incident = wuhan.file(&report()).unwrap();
        hubei.hear(&wuhan);
        hubei.sign(&incident, "李四");
        wuhan.linked(&hubei);
        wuhan.hear(&hubei);
        wuhan.now = wuhan.now + Duration::from_secs(3600);
        assert_eq!(wuhan.refused(&bypass(&incident)), Code::SuperiorReachable);

        let directive = v1::Directive {
            title: "直接报告".into(),
            text: "此事直接报部。".into(),
            officer: "赵一".into(),
            ..Default::default()
        };
        let directive = paper("赵一", Kind::Directive, Content::Directive(directive));
        let order = ministry.file(&FileRequest { action_to: vec!["420100".into()], ..directive }).unwrap();
        wuhan.hear(&ministry);
        let not_one = FileRequest { other: incident.clone(), ..bypass(&incident) };
        assert_eq!(wuhan.refused(&not_one), Code::NotAnOrder);
        let number = wuhan.file(&FileRequest { other: order, ..bypass(&incident) }).unwrap();
        assert_eq!(cause(&wuhan, &number), BypassCause::Ordered);
        ministry.hear_directly(&wuhan);
        wuhan.hear(&ministry);
        assert_eq!(wuhan.refused(&bypass(&incident)), Code::AlreadyArrived);
    }
}
