//! PURE. 发布: a text that leaves the offices. One wording, decided by the leading group, for exactly these people.
//!
//! It is a decision like others: drafted by one, agreed to by enough others on that wording and no other, released by
//! somebody else, recalled by cancelling it and corrected by another that supersedes it. The offices it goes to put it
//! where people see it, word for word, and say when they have. What is not real cannot get here: without a [`Real`] there
//! is no check a publication could pass.

use proto::v1::{Decision, Header, Publication, Subject, document::Content};

use super::{Desk, decision::content, lateral::Real, missing, refuse};
use crate::{
    limits,
    post::{
        refusal::{Code, Refusal},
        view::Copy,
    },
};

/// Whether what is decided is a text for people outside.
pub fn is_for_the_public(subject: Subject) -> bool {
    matches!(subject, Subject::Notify | Subject::Publish)
}

/// Whether a document asks the offices it is addressed to to publish something.
pub(super) fn is_one(desk: Desk<'_>, copy: &Copy) -> bool {
    matches!(content(desk, copy), Some(Content::Decision(decision)) if is_for_the_public(decision.subject()))
}

/// A decision that is a publication says for whom and where, and is about something real; one that is none says neither.
pub(super) fn check(decision: &Decision, header: &Header) -> Result<(), Refusal> {
    match (&decision.publication, is_for_the_public(decision.subject())) {
        (None, false) => Ok(()),
        (Some(publication), true) => match Real::of(header) {
            Some(real) => whole(publication, real),
            None => refuse(Code::ExercisePublishesNothing, "nobody outside is told of an exercise", &[]),
        },
        _ => {
            let reason = "what people outside are told has the subject notify or publish, an audience and its channels";
            refuse(Code::NotAPublication, reason, &[])
        }
    }
}

fn whole(publication: &Publication, _about: Real<'_>) -> Result<(), Refusal> {
    let channels = publication.channels.join("");
    let unsaid = missing(&[("audience", &publication.audience), ("channel", &channels)]);
    if !unsaid.is_empty() {
        let reason = format!("a publication says for whom and where: {unsaid} is missing");
        return refuse(Code::MissingFields, &reason, &[&unsaid]);
    }
    let mut names = publication.channels.iter().chain([&publication.audience, &publication.contact]);
    if names.any(|name| name.len() > limits::NAME_BYTES_MAX) {
        let reason = format!("a name has at most {} bytes", limits::NAME_BYTES_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proto::v1::{self, Cancel, FileRequest, Kind, Proposal, Status, Vote};

    use super::*;
    use crate::plan::trial::{Office, paper};

    fn notice(subject: Subject) -> FileRequest {
        let decision = Decision {
            subject: subject.into(),
            scope: vec!["420100".into()],
            title: "试卷四延期一小时".into(),
            text: "武汉考区试卷四改为十五时开考。".into(),
            basis: vec!["司办通〔2014〕34号 三(四)".into()],
            publication: Some(Publication {
                audience: "武汉考区试卷四考生".into(),
                channels: vec!["短信".into()],
                ..Default::default()
            }),
            ..Default::default()
        };
        paper("拟稿人", Kind::Proposal, Content::Proposal(Proposal { decision: Some(decision) }))
    }

    fn bent(subject: Subject, bend: impl FnOnce(&mut Decision)) -> FileRequest {
        let mut request = notice(subject);
        match request.document.as_mut().and_then(|document| document.content.as_mut()) {
            Some(Content::Proposal(Proposal { decision: Some(decision) })) => bend(decision),
            _ => panic!("a proposal"),
        }
        request
    }

    fn voted(ministry: &mut Office, member: &str, on: &str) {
        let vote = Content::Vote(Vote { agrees: true, ..Default::default() });
        ministry.file(&FileRequest { refers_to: on.into(), ..paper(member, Kind::Vote, vote) }).unwrap();
    }

    fn release(on: &str) -> FileRequest {
        let decision = Content::Decision(Decision::default());
        FileRequest { refers_to: on.into(), ..paper("组长", Kind::Decision, decision) }
    }

    /// 3.12: nobody tells candidates anything the leading group has not agreed to, in these words.
    #[test]
    fn row_3_12_in_part_candidates_are_told_what_the_leading_group_agreed_to() {
        told_only_after_the_group_has_agreed(Subject::Notify);
    }

    /// 3.13: the public is told by a release of its own.
    #[test]
    fn row_3_13_in_part_the_public_is_told_what_the_leading_group_agreed_to() {
        told_only_after_the_group_has_agreed(Subject::Publish);
    }

    fn told_only_after_the_group_has_agreed(subject: Subject) {
        let (mut ministry, mut district) = (Office::of("000000"), Office::of("420100"));
        assert_eq!(district.refused(&notice(subject)), Code::NotTheMinistry);
        let proposal = ministry.file(&notice(subject)).unwrap();
        voted(&mut ministry, "组长", &proposal);
        assert_eq!(ministry.refused(&release(&proposal)), Code::NoQuorum);
        voted(&mut ministry, "副组长", &proposal);
        let number = ministry.file(&release(&proposal)).unwrap();
        district.hear(&ministry);
        let Content::Decision(decision) = district.content(&number) else { panic!("a decision") };
        assert_eq!(decision.text, "武汉考区试卷四改为十五时开考。", "word for word");
        assert_eq!(decision.publication.unwrap().audience, "武汉考区试卷四考生");
        // It is passed on once it is signed for, and the office says where.
        let act = |stage: v1::Stage| v1::ActRequest {
            document: number.clone(),
            stage: stage.into(),
            officer: "张三".into(),
            note: "短信 12,034 条".into(),
        };
        let acts = |district: &Office, stage| district.at_desk(|desk| super::super::act::drafts(desk, &act(stage)));
        assert_eq!(acts(&district, v1::Stage::Completed).unwrap_err().code, Code::SignFirst);
        assert!(acts(&district, v1::Stage::Signed).is_ok());
        // Recalled, it is not to be passed on any more.
        let cancel =
            Content::Cancel(Cancel { reason: "有误".into(), officer: "组长".into(), ..Default::default() });
        ministry.file(&FileRequest { refers_to: number.clone(), ..paper("组长", Kind::Cancel, cancel) }).unwrap();
        district.hear(&ministry);
        assert_eq!(acts(&district, v1::Stage::Completed).unwrap_err().code, Code::NotLive);
    }

    #[test]
    fn row_5_1a_in_part_what_goes_out_says_for_exactly_whom_and_where() {
        let mut ministry = Office::of("000000");
        let without =
            |bend: fn(&mut Publication)| bent(Subject::Notify, |decision| bend(decision.publication.as_mut().unwrap()));
        assert_eq!(ministry.refused(&without(|it| it.audience.clear())), Code::MissingFields);
        assert_eq!(ministry.refused(&without(|it| it.channels = vec![" ".into()])), Code::MissingFields);
        assert_eq!(
            ministry.refused(&bent(Subject::Notify, |decision| decision.publication = None)),
            Code::NotAPublication
        );
        let other = bent(Subject::Notify, |decision| decision.subject = Subject::Postpone.into());
        assert_eq!(ministry.refused(&other), Code::NotAPublication, "a decision is for offices");
    }

    #[test]
    fn row_5_1b_in_part_an_exercise_is_published_nowhere() {
        let mut ministry = Office::of("000000");
        for status in [Status::Exercise, Status::Test] {
            for subject in [Subject::Notify, Subject::Publish] {
                let request = FileRequest { status: status.into(), ..notice(subject) };
                assert_eq!(ministry.refused(&request), Code::ExercisePublishesNothing);
            }
        }
    }
}
