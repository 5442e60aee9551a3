//! PURE. 评估, after the 终报: the plan's three headings, and who did what that deserves to be known. Facts, never a verdict.

use proto::v1::{self, Role};

use super::{Desk, find, incident_of, join_incident, missing, refuse, secrecy, tier, unit, upward};
use crate::{
    limits,
    post::{
        outgoing::Draft,
        refusal::{Code, Refusal},
    },
    topology::Tier,
};

/// 评估, under three headings. The ministry's own goes down to whoever it is about.
pub(super) fn write(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    said: &v1::Assessment,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let first = find(desk, &request.incident, "incident")?;
    if tier(desk) == Tier::Ministry {
        draft.letter = Some('A');
        draft.destinations = vec![(unit(&first.header.origin)?, Role::Info)];
        draft.header.info_to = vec![first.header.origin.clone()];
    } else {
        upward(desk, draft, 'A')?;
    }
    join_incident(&first, draft)?;
    secrecy::continues(&first, draft)?;
    let missing = missing(&[("harm", &said.harm), ("handling", &said.handling), ("effect", &said.effect)]);
    if !missing.is_empty() {
        let reason = format!("an assessment has three headings, and here {missing} is missing");
        return refuse(Code::MissingFields, &reason, &[&missing]);
    }
    let merits = said.commended.iter().flat_map(|one| [("who", &one.who), ("merit", &one.merit)]);
    let unsaid = super::missing(&merits.collect::<Vec<_>>());
    if !unsaid.is_empty() {
        let reason = format!("who is to be commended, and for what: {unsaid} is missing");
        return refuse(Code::MissingFields, &reason, &[&unsaid]);
    }
    if said.commended.len() > limits::COMMENDED_MAX {
        let reason = format!("at most {} are named in one assessment", limits::COMMENDED_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    if desk.post.end_of(incident_of(&first), &first.header.origin).is_none() {
        let reason = format!("{} goes on: it is assessed after its final report", first.header.number);
        return refuse(Code::NotEnded, &reason, &[&first.header.number]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proto::v1::{Assessment, Commended, FileRequest, Kind, Report, document::Content};

    use super::*;
    use crate::plan::trial::{Office, paper, report};

    fn assessment(of: &str, commended: &[(&str, &str)]) -> FileRequest {
        let commended = commended.iter().map(|(who, merit)| Commended { who: (*who).into(), merit: (*merit).into() });
        let said = Assessment {
            harm: "少一袋试卷".into(),
            handling: "启用备用卷".into(),
            effect: "平稳".into(),
            officer: "张三".into(),
            commended: commended.collect(),
        };
        FileRequest { incident: of.into(), ..paper("张三", Kind::Assessment, Content::Assessment(said)) }
    }

    #[test]
    fn row_6_1_in_part_who_did_well_is_named_with_what_he_did_once_it_is_over() {
        let mut district = Office::of("420100");
        let incident = district.file(&report()).unwrap();
        let good = [("第三考点监考组", "十分钟内清点完毕,见 R-420100-0514-0001")];
        assert_eq!(district.refused(&assessment(&incident, &good)), Code::NotEnded);
        let end = Report { text: "已处置完毕".into(), reporter: "张三".into(), ..Default::default() };
        let end = paper("张三", Kind::FinalReport, Content::Report(end));
        district.file(&FileRequest { incident: incident.clone(), ..end }).unwrap();
        assert_eq!(district.refused(&assessment(&incident, &[("张三", " ")])), Code::MissingFields, "for what?");
        let number = district.file(&assessment(&incident, &good)).unwrap();
        let Content::Assessment(said) = district.content(&number) else { panic!("an assessment") };
        assert_eq!(said.commended.len(), 1);
    }
}
