use proto::v1::{FileRequest, Proposal, Reply, Request, Status};

use super::*;
use crate::plan::trial::{Office, paper, report};

fn proposal(subject: Subject, scope: &[&str]) -> FileRequest {
    let decision = Decision {
        subject: subject.into(),
        scope: scope.iter().map(|unit| (*unit).to_owned()).collect(),
        title: "关于中止武汉考区考试的决定".into(),
        text: "中止武汉考区试卷四的考试。".into(),
        basis: vec!["司发〔2008〕11号".into()],
        ..Default::default()
    };
    paper("拟稿人", Kind::Proposal, Content::Proposal(Proposal { decision: Some(decision) }))
}

fn bent(request: &FileRequest, bend: impl FnOnce(&mut Decision)) -> FileRequest {
    let mut request = request.clone();
    match request.document.as_mut().unwrap().content.as_mut().unwrap() {
        Content::Proposal(proposal) => bend(proposal.decision.as_mut().unwrap()),
        _ => panic!("a proposal"),
    }
    request
}

fn ballot(member: &str, on: &str, agrees: bool) -> FileRequest {
    let vote = Vote { agrees, ..Default::default() };
    FileRequest { refers_to: on.into(), ..paper(member, Kind::Vote, Content::Vote(vote)) }
}

fn signed_off(by: &str, on: &str) -> FileRequest {
    FileRequest { refers_to: on.into(), ..paper(by, Kind::Decision, Content::Decision(Decision::default())) }
}

/// Proposes, has two agree, releases.
fn decided(ministry: &mut Office, proposal: &FileRequest) -> String {
    let number = ministry.file(proposal).unwrap();
    ministry.file(&ballot("组长", &number, true)).unwrap();
    ministry.file(&ballot("副组长", &number, true)).unwrap();
    ministry.file(&signed_off("组长", &number)).unwrap()
}

#[test]
fn row_p3_in_part_a_decision_without_a_ground_is_refused() {
    let mut ministry = Office::of("000000");
    let request = proposal(Subject::Suspend, &["420100"]);
    let without = bent(&request, |decision| decision.basis = vec![" ".into()]);
    assert_eq!(ministry.refused(&without), Code::MissingFields);
    assert_eq!(ministry.refused(&bent(&request, |decision| decision.scope.clear())), Code::MissingFields);
    assert_eq!(ministry.refused(&bent(&request, |decision| decision.effective_at_us = 1)), Code::MissingFields);
    assert!(ministry.file(&request).is_ok());
}

#[test]
fn row_2_2_in_part_nobody_decides_for_those_who_are_not_below() {
    let mut ministry = Office::of("000000");
    assert_eq!(ministry.refused(&proposal(Subject::Suspend, &["990000"])), Code::UnknownAddressee);
    for other in ["420000", "420100"] {
        let mut office = Office::of(other);
        assert_eq!(office.refused(&proposal(Subject::Suspend, &["420100"])), Code::NotTheMinistry);
    }
}

/// 1.1: the group is people with names, so many of whom have to agree, on exactly these words.
#[test]
fn row_1_1_in_part_enough_members_by_name_have_to_agree_to_one_wording() {
    let mut ministry = Office::of("000000");
    let number = ministry.file(&proposal(Subject::Postpone, &["all"])).unwrap();
    assert_eq!(ministry.refused(&ballot("拟稿人", &number, true)), Code::DrafterVotes);
    ministry.file(&ballot("组长", &number, true)).unwrap();
    assert_eq!(ministry.refused(&signed_off("组长", &number)), Code::NoQuorum);
    ministry.file(&ballot("组长", &number, true)).unwrap();
    assert_eq!(ministry.refused(&signed_off("组长", &number)), Code::NoQuorum, "one member has one vote");
    ministry.file(&ballot("副组长", &number, false)).unwrap();
    assert_eq!(ministry.refused(&signed_off("组长", &number)), Code::NoQuorum, "no is not yes");
    ministry.file(&ballot("副组长", &number, true)).unwrap();
    assert_eq!(ministry.refused(&signed_off("拟稿人", &number)), Code::SelfReleased);
    let released = ministry.file(&signed_off("组长", &number)).unwrap();
    let Content::Decision(decision) = ministry.content(&released) else { panic!("a decision") };
    let votes: Vec<_> = decision.votes.iter().map(|vote| (vote.member.as_str(), vote.agrees)).collect();
    assert_eq!(votes, [("副组长", true), ("组长", true)]);
    let digest = &ministry.copy(&number).header.body_digest;
    assert!(decision.votes.iter().all(|vote| vote.digest == digest), "on exactly this wording");
    assert_eq!(ministry.refused(&signed_off("组长", &number)), Code::NotLive, "it is released once");
    assert_eq!(ministry.refused(&ballot("另一人", &number, true)), Code::NotLive);
}

/// 5.1c: whoever changes a word asks again.
#[test]
fn row_5_1c_in_part_votes_on_one_wording_are_none_on_another() {
    let mut ministry = Office::of("000000");
    let request = proposal(Subject::Suspend, &["420100"]);
    let first = ministry.file(&request).unwrap();
    ministry.file(&ballot("组长", &first, true)).unwrap();
    ministry.file(&ballot("副组长", &first, true)).unwrap();
    let other = bent(&request, |decision| decision.text.push_str("立即。"));
    let second = ministry.file(&FileRequest { supersedes: first.clone(), ..other }).unwrap();
    assert_eq!(ministry.refused(&signed_off("组长", &second)), Code::NoQuorum);
    assert_eq!(ministry.refused(&signed_off("组长", &first)), Code::NotLive, "and the first is gone");
}

#[test]
fn only_members_vote_once_they_are_named() {
    let mut ministry = Office::of("000000");
    let text = crate::plan::policy::BUILT_IN
        .replace("2014-proposal-4", "2014-2")
        .replace("members = []", "members = [\"组长\", \"副组长\", \"委员\"]");
    let release =
        v1::PolicyRelease { text, releaser: "部长".into(), reference: "35号".into(), ..Default::default() };
    ministry.file(&paper("赵一", Kind::PolicyRelease, Content::PolicyRelease(release))).unwrap();
    let number = ministry.file(&proposal(Subject::Postpone, &["all"])).unwrap();
    assert_eq!(ministry.refused(&ballot("路人", &number, true)), Code::NotAMember);
    assert!(ministry.file(&ballot("委员", &number, true)).is_ok());
}

/// 1.7: the office may instruct at once, and decide what does not touch the holding of the exam.
#[test]
fn row_1_7_in_part_what_touches_the_exam_is_not_the_offices_to_decide() {
    let mut ministry = Office::of("000000");
    for subject in [Subject::AsScheduled, Subject::Suspend, Subject::Void, Subject::Change, Subject::SuspendService] {
        let number = ministry.file(&proposal(subject, &["420100"])).unwrap();
        assert_eq!(ministry.refused(&signed_off("办公室", &number)), Code::NoQuorum, "{subject:?}");
    }
    let number = ministry.file(&proposal(Subject::SparePaper, &["420100"])).unwrap();
    assert!(ministry.file(&signed_off("办公室", &number)).is_ok());
}

/// 4.2f: 中止 needs the group's approval of the right thing for the right office, and time never gives it.
#[test]
fn row_4_2f_a_suspension_is_granted_only_on_a_decision_about_it() {
    let (mut district, mut ministry) = (Office::of("420100"), Office::of("000000"));
    let ask =
        Request { ask: "中止第三考点考试".into(), subject: Subject::Suspend.into(), ..Default::default() };
    let asked = district.file(&paper("张三", Kind::RequestForInstructions, Content::Request(ask))).unwrap();
    ministry.hear(&district);
    let reply = |kind: Kind, decision: &str| FileRequest {
        refers_to: asked.clone(),
        decision: decision.into(),
        ..paper("办公室", kind, Content::Reply(Reply { text: "同意".into(), ..Default::default() }))
    };
    assert_eq!(ministry.refused(&reply(Kind::Approval, "")), Code::NeedsDecision);
    ministry.now = ministry.now + std::time::Duration::from_secs(86_400);
    assert_eq!(ministry.refused(&reply(Kind::Approval, "")), Code::NeedsDecision, "it never times out into yes");
    let draft = ministry.file(&proposal(Subject::Suspend, &["420100"])).unwrap();
    assert_eq!(ministry.refused(&reply(Kind::Approval, &draft)), Code::DecisionDoesNotCover, "a proposal is none");
    let elsewhere = decided(&mut ministry, &proposal(Subject::Suspend, &["420500"]));
    assert_eq!(ministry.refused(&reply(Kind::Approval, &elsewhere)), Code::DecisionDoesNotCover);
    let other = decided(&mut ministry, &proposal(Subject::Postpone, &["420100"]));
    assert_eq!(ministry.refused(&reply(Kind::Approval, &other)), Code::DecisionDoesNotCover);
    let right = decided(&mut ministry, &proposal(Subject::Suspend, &["420000/*"]));
    let answer = ministry.file(&reply(Kind::Approval, &right)).unwrap();
    let Content::Reply(said) = ministry.content(&answer) else { panic!("a reply") };
    assert_eq!(said.decision, ministry.copy(&right).header.id);
}

#[test]
fn to_say_no_needs_no_decision() {
    let (mut district, mut ministry) = (Office::of("420100"), Office::of("000000"));
    let ask = Request { ask: "中止考试".into(), subject: Subject::Suspend.into(), ..Default::default() };
    let asked = district.file(&paper("张三", Kind::RequestForInstructions, Content::Request(ask))).unwrap();
    ministry.hear(&district);
    let no = Reply { text: "不同意".into(), ..Default::default() };
    let no = FileRequest { refers_to: asked, ..paper("办公室", Kind::Denial, Content::Reply(no)) };
    assert!(ministry.file(&no).is_ok());
}

/// 4.1h: whether the exam is held as scheduled reaches every office there is.
#[test]
fn row_4_1h_in_part_the_ministry_decides_whether_the_exam_is_held_and_tells_everybody() {
    let (mut ministry, mut district) = (Office::of("000000"), Office::of("420100"));
    let number = decided(&mut ministry, &proposal(Subject::AsScheduled, &["all"]));
    district.hear(&ministry);
    let Content::Decision(decision) = district.content(&number) else { panic!("a decision") };
    assert_eq!((decision.subject(), decision.votes.len()), (Subject::AsScheduled, 2));
    let seen = district.at_desk(|desk| desk.post.unsigned_count());
    assert_eq!(seen, 1, "it waits for a signature; what stays at the ministry never came");
}

/// 3.10: to those it concerns, and to those who have to know, apart.
#[test]
fn row_3_10_in_part_a_decision_goes_to_those_it_concerns_and_to_those_who_have_to_know() {
    let mut ministry = Office::of("000000");
    let number = ministry.file(&proposal(Subject::SparePaper, &["420100"])).unwrap();
    let release = FileRequest { info_to: vec!["420000".into(), "420100".into()], ..signed_off("办公室", &number) };
    let released = ministry.file(&release).unwrap();
    let copy = ministry.copy(&released);
    let copies = ministry.at_desk(|desk| desk.post.copies(copy.id(), desk.read));
    let mut roles: Vec<_> = copies.iter().map(|copy| (copy.channel.destination.as_str(), copy.header.role())).collect();
    roles.sort_unstable();
    assert_eq!(roles, [("420000", Role::Info), ("420100", Role::Action)]);
}

/// 1.4: what else was considered stands beside what was chosen, and the incident it is about.
#[test]
fn row_1_4_in_part_a_decision_keeps_what_else_was_considered_and_its_incident() {
    let (mut district, mut ministry) = (Office::of("420100"), Office::of("000000"));
    let incident = district.file(&report()).unwrap();
    ministry.hear(&district);
    let request = bent(&proposal(Subject::SparePaper, &["420100"]), |decision| {
        decision.options = vec!["继续使用原卷".into(), "推迟三十分钟".into()];
    });
    let number = ministry.file(&FileRequest { incident: incident.clone(), ..request }).unwrap();
    let released = ministry.file(&signed_off("办公室", &number)).unwrap();
    let Content::Decision(decision) = ministry.content(&released) else { panic!("a decision") };
    assert_eq!(decision.options.len(), 2);
    let first = ministry.copy(&incident);
    let beside = ministry.at_desk(|desk| desk.post.beside(first.id(), desk.read));
    assert!(beside.iter().any(|copy| copy.header.number == released));
}

#[test]
fn a_decision_about_a_drill_stays_in_the_drill() {
    let mut ministry = Office::of("000000");
    let drill = |request: FileRequest| FileRequest { status: Status::Exercise.into(), ..request };
    let number = ministry.file(&drill(proposal(Subject::Postpone, &["all"]))).unwrap();
    assert_eq!(ministry.refused(&ballot("组长", &number, true)), Code::StatusDiffers);
    ministry.file(&drill(ballot("组长", &number, true))).unwrap();
    ministry.file(&drill(ballot("副组长", &number, true))).unwrap();
    assert_eq!(ministry.refused(&signed_off("组长", &number)), Code::StatusDiffers);
    assert!(ministry.file(&drill(signed_off("组长", &number))).is_ok());
}

/// 2.4: who brings people to safety asks nobody first: it is reported, with nobody reachable, and approved afterwards.
#[test]
fn row_2_4_in_part_safety_waits_for_no_approval() {
    let mut district = Office::of("420100");
    let said = |item: v1::Item, value| v1::Particular {
        item: item.into(),
        value: Some(value),
        as_of_us: 1_399_999_500_000_000,
        source: "张三".into(),
    };
    let halted = v1::particular::Value::Choice(v1::Choice::Halted.into());
    let out = v1::particular::Value::Text("全体已转移到操场".into());
    let mut request = report();
    if let Some(Content::Report(report)) = request.document.as_mut().and_then(|document| document.content.as_mut()) {
        report.category = v1::Category::NaturalDisaster.into();
        report.particulars = vec![said(v1::Item::Holding, halted), said(v1::Item::Sheltered, out)];
    }
    let number = district.file(&request).unwrap();
    let Content::Report(filed) = district.content(&number) else { panic!("a report") };
    assert_eq!(filed.particulars.len(), 2, "the exam was halted and people were moved, and no decision was named");
}

/// 2.1: who may decide is what the rules in force say, and the same rules give the same answer again.
#[test]
fn row_2_1_in_part_who_may_decide_is_what_the_rules_in_force_say() {
    let agreed_by_two = |rules: Option<&str>| {
        let mut ministry = Office::of("000000");
        if let Some(text) = rules {
            let (text, releaser, reference) = (text.to_owned(), "部长".to_owned(), "35号".to_owned());
            let release = v1::PolicyRelease { text, releaser, reference, ..Default::default() };
            ministry.file(&paper("赵一", Kind::PolicyRelease, Content::PolicyRelease(release))).unwrap();
        }
        let number = ministry.file(&proposal(Subject::Suspend, &["420100"])).unwrap();
        ministry.file(&ballot("组长", &number, true)).unwrap();
        ministry.file(&ballot("副组长", &number, true)).unwrap();
        ministry.file(&signed_off("组长", &number)).map(|_| ()).map_err(|refusal| refusal.code)
    };
    let stricter =
        crate::plan::policy::BUILT_IN.replace("2014-proposal-4", "2014-2").replace("quorum = 2", "quorum = 3");
    assert_eq!(agreed_by_two(None), Ok(()));
    assert_eq!(agreed_by_two(Some(&stricter)), Err(Code::NoQuorum));
    assert_eq!(agreed_by_two(None), Ok(()), "replayed by the old rules, as before");
}

/// 4.7e: what was suspended is resumed by a decision of its own, about that suspension.
#[test]
fn row_4_7e_in_part_a_system_is_resumed_by_a_decision_about_its_suspension() {
    let mut ministry = Office::of("000000");
    let resume = |of: &str| FileRequest { refers_to: of.into(), ..proposal(Subject::ResumeService, &["all"]) };
    assert_eq!(ministry.refused(&resume("")), Code::MissingReference);
    let other = decided(&mut ministry, &proposal(Subject::SparePaper, &["420100"]));
    assert_eq!(ministry.refused(&resume(&other)), Code::NotASuspension);
    let suspended = decided(&mut ministry, &proposal(Subject::SuspendService, &["all"]));
    let proposed = ministry.file(&resume(&suspended)).unwrap();
    assert_eq!(ministry.refused(&signed_off("组长", &proposed)), Code::NoQuorum, "it needs its own votes");
    ministry.file(&ballot("组长", &proposed, true)).unwrap();
    ministry.file(&ballot("副组长", &proposed, true)).unwrap();
    let resumed = ministry.file(&signed_off("组长", &proposed)).unwrap();
    let Content::Decision(decision) = ministry.content(&resumed) else { panic!("a decision") };
    assert_eq!(decision.resumes, ministry.copy(&suspended).header.id);
}
