//! PURE. 决定: drafted by one, agreed to by enough others on exactly that wording, released by somebody else.
//!
//! What touches the holding of the exam belongs to the ministry's leading group; its office may instruct at once, but not
//! decide that. A proposal and the votes on it stay at the ministry, sealed like everything else; the decision that comes
//! of them carries the votes. A 批复 that grants such a thing rests on a decision about it, for that office, and on
//! nothing less. Nothing here ever happens because time has passed.

use prost::Message as _;
use proto::v1::{self, Decision, Kind, Role, Subject, Vote, document::Content};

use super::{
    Desk, addressees, destinations, find, join_incident, missing, publication, refuse, same_status, tier, unit,
};
use crate::{
    limits,
    post::{
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
    topology::Tier,
};

/// Whether only the leading group decides this.
pub fn is_the_groups(subject: Subject) -> bool {
    !matches!(subject, Subject::Unspecified | Subject::SparePaper | Subject::Other)
}

/// 拟稿: whole from the start, so that a vote is a vote on all of it.
pub(super) fn propose(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    proposal: &v1::Proposal,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    the_ministrys(desk)?;
    let nothing = Decision::default();
    let decision = proposal.decision.as_ref().unwrap_or(&nothing);
    let mut unsaid = missing(&[("title", &decision.title), ("text", &decision.text)]);
    for (field, empty) in [
        ("subject", decision.subject() == Subject::Unspecified),
        ("scope", decision.scope.is_empty()),
        // 依法应对.
        ("basis", decision.basis.iter().all(|basis| basis.trim().is_empty())),
        ("fallback", decision.effective_at_us > 0 && decision.fallback.trim().is_empty()),
    ] {
        if empty {
            let comma = if unsaid.is_empty() { "" } else { ", " };
            unsaid.push_str(&format!("{comma}{field}"));
        }
    }
    if !unsaid.is_empty() {
        let reason = format!("a decision says what, for whom, on which ground: {unsaid} is missing");
        return refuse(Code::MissingFields, &reason, &[&unsaid]);
    }
    if decision.effective_at_us > 0 && decision.effective_at_us <= desk.now.us() {
        return refuse(Code::EffectInThePast, "this decision would have taken effect already", &[]);
    }
    publication::check(decision, &draft.header)?;
    addressees(desk, &decision.scope)?;
    about(desk, request, draft)?;
    let resumes = resumed(desk, request, decision.subject(), draft)?;
    let drafter = request.officer.trim().to_owned();
    let decision = Decision { drafter, votes: Vec::new(), resumes, ..decision.clone() };
    keep_here(desk, draft, 'B', "proposals");
    draft.body = encoded(Content::Proposal(v1::Proposal { decision: Some(decision) }));
    Ok(())
}

/// What is resumed was suspended, by a decision that stands: the two belong together.
fn resumed(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    subject: Subject,
    draft: &Draft,
) -> Result<bytes::Bytes, Refusal> {
    if subject != Subject::ResumeService {
        return Ok(bytes::Bytes::new());
    }
    let copy = find(desk, &request.refers_to, "decision")?;
    match content(desk, &copy) {
        Some(Content::Decision(decision)) if decision.subject() == Subject::SuspendService => {
            live(desk, &copy)?;
            same_status(&copy, draft)?;
            Ok(copy.header.id)
        }
        _ => {
            let number = &copy.header.number;
            refuse(Code::NotASuspension, &format!("{number} suspends no system"), &[number])
        }
    }
}

/// 表决: one member, once, on one wording. The last word of a member counts.
pub(super) fn vote(desk: Desk<'_>, request: &v1::FileRequest, vote: &Vote, draft: &mut Draft) -> Result<(), Refusal> {
    the_ministrys(desk)?;
    let (copy, decision) = proposal(desk, &request.refers_to)?;
    let member = request.officer.trim();
    if member == decision.drafter {
        let reason = format!("{member} drafted {} and has no vote on it", copy.header.number);
        return refuse(Code::DrafterVotes, &reason, &[member]);
    }
    let group = &desk.shelf.in_force(desk).group;
    if !group.members.is_empty() && !group.members.iter().any(|one| one == member) {
        let reason = format!("{member} is not a member of the leading group: {}", group.members.join(", "));
        return refuse(Code::NotAMember, &reason, &[member]);
    }
    live(desk, &copy)?;
    same_status(&copy, draft)?;
    let vote = Vote {
        proposal: copy.header.id.clone(),
        digest: copy.header.body_digest.clone(),
        member: member.to_owned(),
        at_us: desk.now.us(),
        ..vote.clone()
    };
    keep_here(desk, draft, 'V', &votes_on(&copy));
    draft.header.references = vec![copy.header.id];
    draft.body = encoded(Content::Vote(vote));
    Ok(())
}

/// 签发: the proposal as it stands, with the votes on it, to everybody in its scope.
pub(super) fn release(desk: Desk<'_>, request: &v1::FileRequest, draft: &mut Draft) -> Result<(), Refusal> {
    the_ministrys(desk)?;
    let (copy, decision) = proposal(desk, &request.refers_to)?;
    let officer = request.officer.trim();
    if officer == decision.drafter {
        let reason = format!("{officer} cannot both draft {} and sign it off", copy.header.number);
        return refuse(Code::SelfReleased, &reason, &[officer]);
    }
    live(desk, &copy)?;
    same_status(&copy, draft)?;
    if decision.effective_at_us > 0 && decision.effective_at_us <= desk.now.us() {
        return refuse(Code::EffectInThePast, "the time this was to take effect has passed: propose it anew", &[]);
    }
    let votes = votes(desk, &copy);
    let agreed = votes.iter().filter(|vote| vote.agrees).count();
    let quorum = desk.shelf.in_force(desk).group.quorum;
    if is_the_groups(decision.subject()) && agreed < quorum {
        let reason = format!("{agreed} agree to {}, and {quorum} have to", copy.header.number);
        return refuse(Code::NoQuorum, &reason, &[&agreed.to_string(), &quorum.to_string()]);
    }
    draft.destinations = destinations(desk, &decision.scope, &request.info_to)?;
    draft.letter = Some('J');
    draft.header.action_to.clone_from(&decision.scope);
    draft.header.info_to.clone_from(&request.info_to);
    draft.header.incident = copy.header.incident.clone();
    draft.beside_incident = true;
    // It ends the proposal: released once.
    draft.header.supersedes = copy.header.id.clone();
    draft.body = encoded(Content::Decision(Decision {
        releaser: officer.to_owned(),
        proposal: copy.header.id,
        votes,
        ..decision
    }));
    Ok(())
}

/// A 批复 that grants what only the leading group may grant names the decision that does.
pub(super) fn rests(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    reply: &v1::Reply,
    asked: &Copy,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let subject = match content(desk, asked) {
        Some(Content::Request(ask)) => ask.subject(),
        _ => Subject::Unspecified,
    };
    if !is_the_groups(subject) {
        return Ok(());
    }
    if request.decision.trim().is_empty() {
        let word = super::particulars::dashed(subject.as_str_name(), "SUBJECT_");
        let reason = format!("{word} needs a decision of the leading group: name it");
        return refuse(Code::NeedsDecision, &reason, &[&word]);
    }
    let copy = find(desk, &request.decision, "decision")?;
    let number = &copy.header.number;
    let no = || Refusal::new(Code::DecisionDoesNotCover, &format!("{number} does not grant this"), &[number]);
    let Some(Content::Decision(decision)) = content(desk, &copy) else { return Err(no()) };
    let origin = unit(&asked.header.origin)?;
    let covered = copy.header.kind() == Kind::Decision
        && copy.header.origin == desk.post.me().unit.as_str()
        && decision.subject() == subject
        && addressees(desk, &decision.scope)?.contains(&origin);
    if !covered {
        return Err(no());
    }
    live(desk, &copy)?;
    same_status(&copy, draft)?;
    let reply = v1::Reply { decision: copy.header.id, ..reply.clone() };
    draft.body = encoded(Content::Reply(reply));
    Ok(())
}

/// The last word of each member on exactly this wording, by name.
pub fn votes(desk: Desk<'_>, proposal: &Copy) -> Vec<Vote> {
    let mut last = std::collections::BTreeMap::new();
    let mut cast: Vec<_> = desk.post.under(&votes_on(proposal), desk.read);
    cast.sort_by_key(|copy| copy.header.id.clone());
    for copy in cast {
        if let Some(Content::Vote(vote)) = content(desk, &copy)
            && vote.digest == proposal.header.body_digest
            && desk.post.end_of(copy.id(), &copy.header.origin).is_none()
        {
            last.insert(vote.member.clone(), vote);
        }
    }
    last.into_values().take(limits::MEMBERS_MAX).collect()
}

fn votes_on(proposal: &Copy) -> String {
    format!("votes {}", proposal.id())
}

fn the_ministrys(desk: Desk<'_>) -> Result<(), Refusal> {
    if tier(desk) != Tier::Ministry {
        return refuse(Code::NotTheMinistry, "this is decided at the ministry: ask for it", &[]);
    }
    Ok(())
}

fn proposal(desk: Desk<'_>, text: &str) -> Result<(Copy, Decision), Refusal> {
    let copy = find(desk, text, "proposal")?;
    match content(desk, &copy) {
        Some(Content::Proposal(v1::Proposal { decision: Some(decision) })) => Ok((copy, decision)),
        _ => refuse(Code::NotAProposal, &format!("{} is not a proposal", copy.header.number), &[&copy.header.number]),
    }
}

fn live(desk: Desk<'_>, copy: &Copy) -> Result<(), Refusal> {
    match desk.post.end_of(copy.id(), &copy.header.origin) {
        Some(end) => {
            let reason = format!("{} was ended by {}", copy.header.number, end.number);
            refuse(Code::NotLive, &reason, &[&copy.header.number, &end.number])
        }
        None => Ok(()),
    }
}

fn about(desk: Desk<'_>, request: &v1::FileRequest, draft: &mut Draft) -> Result<(), Refusal> {
    if !request.incident.is_empty() {
        let first = find(desk, &request.incident, "incident")?;
        join_incident(&first, draft)?;
        draft.beside_incident = true;
    }
    Ok(())
}

/// A paper of this office alone: as durable and as signed as any other, and it goes nowhere.
pub(super) fn keep_here(desk: Desk<'_>, draft: &mut Draft, letter: char, topic: &str) {
    draft.letter = Some(letter);
    draft.destinations = vec![(desk.post.me().unit.clone(), Role::Action)];
    draft.header.action_to = vec![desk.post.me().unit.to_string()];
    topic.clone_into(&mut draft.header.topic);
    draft.beside_incident = true;
}

pub(super) fn content(desk: Desk<'_>, copy: &Copy) -> Option<Content> {
    v1::Document::decode(desk.post.body(copy, desk.read)?).ok()?.content
}

pub(super) fn encoded(content: Content) -> bytes::Bytes {
    v1::Document { content: Some(content) }.encode_to_vec().into()
}

#[cfg(test)]
mod tests;
