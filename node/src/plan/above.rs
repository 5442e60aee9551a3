//! PURE. What only an office above writes about, or for, those below: 审核意见 and 预案版本. 指示 and 批复 stand beside
//! what they answer.

use prost::Message as _;
use proto::v1::{self, Choice, Kind, Role, document::Content};

use super::{Desk, find, join_incident, missing, policy::Policy, refuse, secrecy, unit, upward};
use crate::{
    plan::tier,
    post::{
        outgoing::Draft,
        refusal::{Code, Refusal},
    },
    topology::Tier,
};

/// 审核意见: what an office on the way found out and recommends. The report it is about travels on as it was written.
/// A 建议 that is not ready yet keeps nobody waiting: it stays owed.
pub(super) fn endorse(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    said: &v1::Endorsement,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    upward(desk, draft, 'E')?;
    let report = find(desk, &request.refers_to, "report")?;
    let (number, origin) = (&report.header.number, &report.header.origin);
    if !matches!(report.header.kind(), Kind::InitialReport | Kind::FollowUpReport | Kind::FinalReport) {
        return refuse(Code::NotAReport, &format!("{number} is not a report"), &[number]);
    }
    let me = desk.post.me();
    if !me.topology.is_ancestor(&me.unit, &unit(origin)?) {
        let reason = format!("{number} was written by {origin}, which is not below this office");
        return refuse(Code::NotAbove, &reason, &[number, origin]);
    }
    join_incident(&report, draft)?;
    let verified = matches!(said.verified(), Choice::Unverified | Choice::Confirmed | Choice::Refuted);
    let unsaid = if verified { "" } else { "verified" };
    let empty = missing(&[("releaser", &said.releaser)]);
    let missing: Vec<_> = [unsaid, &empty].into_iter().filter(|name| !name.is_empty()).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let reason = format!("an endorsement says how far the report is verified and who signs it off: {missing}");
        return refuse(Code::MissingFields, &reason, &[&missing]);
    }
    secrecy::continues(&report, draft)?;
    draft.header.references = vec![report.header.id.clone()];
    let content = Content::Endorsement(v1::Endorsement { report: report.header.id, ..said.clone() });
    draft.body = v1::Document { content: Some(content) }.encode_to_vec().into();
    Ok(())
}

/// 预案版本: rules for everybody, in force at each station from the moment it has them.
pub(super) fn release(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    release: &v1::PolicyRelease,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    if tier(desk) != Tier::Ministry {
        return refuse(Code::NotTheMinistry, "only the ministry releases a policy", &[]);
    }
    let missing = missing(&[("releaser", &release.releaser), ("reference", &release.reference)]);
    if !missing.is_empty() {
        let reason = format!("a policy is released under a number and a name: {missing} is missing");
        return refuse(Code::MissingFields, &reason, &[&missing]);
    }
    if release.releaser.trim() == request.officer.trim() {
        let reason = format!("{} cannot both draft a policy and sign it off", release.releaser);
        return refuse(Code::SelfReleased, &reason, &[&release.releaser]);
    }
    let policy = Policy::parse(&release.text).or_else(|bad| {
        let why = bad.to_string();
        refuse(Code::BadPolicy, &why, &[&why])
    })?;
    if desk.shelf.version(desk, &policy.version).is_some() {
        let reason = format!("version {} is taken: change the version with the rules", policy.version);
        return refuse(Code::PolicyVersionUsed, &reason, &[&policy.version]);
    }
    let me = desk.post.me();
    draft.letter = Some('L');
    draft.destinations = me
        .topology
        .places()
        .filter(|place| place.unit != me.unit)
        .map(|place| (place.unit.clone(), Role::Action))
        .collect();
    draft.header.action_to = vec!["all".to_owned()];
    let content = Content::PolicyRelease(v1::PolicyRelease { version: policy.version, ..release.clone() });
    draft.body = v1::Document { content: Some(content) }.encode_to_vec().into();
    Ok(())
}
