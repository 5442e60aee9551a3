//! PURE. 同一事件: an office says that two incidents are one event, or takes that back. Nothing is merged: both keep their
//! numbers, their documents and the duties of those who reported them, and nobody's computer says it by itself.

use std::collections::BTreeMap;

use proto::v1::{self, Linkage, Role, document::Content};

use super::{
    Desk,
    decision::{content, encoded},
    find, incident_of, join_incident, missing, refuse, unit, upward,
};
use crate::{
    plan::tier,
    post::{
        envelope::DocId,
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
    topology::{Tier, Unit},
};

/// Under what the linkages of an incident are found that name it as the other one.
fn topic(incident: DocId) -> String {
    format!("same {incident}")
}

/// It goes to everybody who has one of the two: up to the ministry, and down to those who reported them and whom they
/// report to.
pub(super) fn write(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    linkage: &Linkage,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let first = find(desk, &request.incident, "incident")?;
    let other = find(desk, &request.other, "incident")?;
    join_incident(&other, draft)?;
    join_incident(&first, draft)?;
    let (one, two) = (incident_of(&first), incident_of(&other));
    if one == two {
        let reason = format!("{} and {} belong to one incident", first.header.number, other.header.number);
        return refuse(Code::SameIncident, &reason, &[&first.header.number, &other.header.number]);
    }
    let unsaid = missing(&[("reason", &linkage.reason)]);
    if !unsaid.is_empty() {
        return refuse(Code::MissingFields, "two incidents are linked or parted for a reason", &[&unsaid]);
    }
    if !linkage.same && !same_event(desk, one).iter().any(|said| said.other == two && said.by_me(desk)) {
        let reason = format!("this office has not said that {} is the same event", other.header.number);
        return refuse(Code::NotLinked, &reason, &[&other.header.number]);
    }
    draft.letter = Some('T');
    if tier(desk) != Tier::Ministry {
        upward(desk, draft, 'T')?;
    }
    let below = concerned(desk, &[&first, &other])?;
    draft.header.info_to = below.iter().map(ToString::to_string).collect();
    draft.destinations.extend(below.into_iter().map(|unit| (unit, Role::Info)));
    draft.beside_incident = true;
    draft.header.topic = topic(two);
    let number = |incident: DocId, known: &Copy| {
        let first = desk.post.copies(incident, desk.read).into_iter().next();
        first.map_or_else(|| known.header.number.clone(), |first| first.header.number)
    };
    draft.body = encoded(Content::Linkage(Linkage {
        incident: two.to_bytes(),
        one: number(one, &first),
        other: number(two, &other),
        ..linkage.clone()
    }));
    Ok(())
}

/// Those below this office who reported one of them, and those between.
fn concerned(desk: Desk<'_>, reported: &[&Copy]) -> Result<Vec<Unit>, Refusal> {
    let me = desk.post.me();
    let mut units = Vec::new();
    for copy in reported {
        let mut at = unit(&copy.header.origin)?;
        while me.topology.is_ancestor(&me.unit, &at) {
            let Some(above) = me.topology.parent(&at).cloned() else { break };
            units.push(std::mem::replace(&mut at, above));
        }
    }
    units.sort();
    units.dedup();
    Ok(units)
}

/// What an office says of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which other incident is the same event.
    pub other: DocId,
    /// Number of its 首报.
    pub called: String,
    /// Who says so.
    pub office: String,
    /// In which document.
    pub number: String,
}

impl Said {
    fn by_me(&self, desk: Desk<'_>) -> bool {
        self.office == desk.post.me().unit.as_str()
    }
}

/// Which incidents are the same event as this one, office by office: what each said last about the two.
pub fn same_event(desk: Desk<'_>, incident: DocId) -> Vec<Said> {
    let mut copies = desk.post.beside(incident, desk.read);
    copies.extend(desk.post.under(&topic(incident), desk.read));
    copies.retain(|copy| copy.header.kind() == v1::Kind::Linkage);
    copies.sort_by_key(Copy::id);
    let mut last: BTreeMap<(DocId, String), (bool, Said)> = BTreeMap::new();
    for copy in copies {
        let Some(Content::Linkage(linkage)) = content(desk, &copy) else { continue };
        let one = (DocId::from_slice(&copy.header.incident), linkage.one);
        let two = (DocId::from_slice(&linkage.incident), linkage.other);
        let (Some(other), called) = (if one.0 == Some(incident) { two } else { one }) else { continue };
        let office = copy.header.origin.clone();
        let said = Said { other, called, office: office.clone(), number: copy.header.number.clone() };
        last.insert((other, office), (linkage.same, said));
    }
    last.into_values().filter(|(same, _)| *same).map(|(_, said)| said).collect()
}

#[cfg(test)]
mod tests {
    use v1::{FileRequest, Kind};

    use super::*;
    use crate::plan::trial::{Office, paper, report};

    fn linkage(one: &str, two: &str, same: bool) -> FileRequest {
        let said =
            Linkage {
                same, reason: "同一份试题在两地传播".into(), officer: "赵一".into(), ..Default::default()
            };
        let request = paper("赵一", Kind::Linkage, Content::Linkage(said));
        FileRequest { incident: one.into(), other: two.into(), ..request }
    }

    fn linked(office: &Office, number: &str) -> Vec<String> {
        let id = office.copy(number).id();
        office.at_desk(|desk| same_event(desk, id)).into_iter().map(|said| said.office).collect()
    }

    /// The eleventh sharp requirement: one event, many reports.
    #[test]
    fn row_4_8c_in_part_the_ministry_says_that_reports_of_two_provinces_are_one_event_and_can_take_it_back() {
        let (mut wuhan, mut other, mut ministry) = (Office::of("420100"), Office::of("350500"), Office::of("000000"));
        let (one, two) = (wuhan.file(&report()).unwrap(), other.file(&report()).unwrap());
        ministry.hear(&wuhan);
        ministry.hear(&other);
        assert!(linked(&ministry, &one).is_empty(), "never by itself");
        assert_eq!(ministry.refused(&linkage(&one, &two, false)), Code::NotLinked);
        ministry.file(&linkage(&one, &two, true)).unwrap();
        assert_eq!((linked(&ministry, &one), linked(&ministry, &two)), (vec!["000000".into()], vec!["000000".into()]));
        // Both hear of it, and keep their own numbers and duties.
        wuhan.hear(&ministry);
        other.hear(&ministry);
        assert_eq!(linked(&wuhan, &one), ["000000"]);
        let said = wuhan.at_desk(|desk| same_event(desk, desk.post.named(&one, desk.read)[0].id()));
        assert_eq!(said[0].called, two, "it has never seen the other, and knows what it is called");
        assert_eq!(linked(&other, &two), ["000000"]);
        ministry.file(&linkage(&two, &one, false)).unwrap();
        wuhan.hear(&ministry);
        assert!(linked(&ministry, &one).is_empty());
        assert!(linked(&wuhan, &one).is_empty());
    }

    #[test]
    fn an_incident_is_not_linked_to_itself_nor_without_a_reason_nor_the_real_to_a_drill() {
        let mut wuhan = Office::of("420100");
        let (one, two) = (wuhan.file(&report()).unwrap(), wuhan.file(&report()).unwrap());
        assert_eq!(wuhan.refused(&linkage(&one, &one, true)), Code::SameIncident);
        let drill = FileRequest { status: v1::Status::Exercise.into(), ..report() };
        let drill = wuhan.file(&drill).unwrap();
        assert_eq!(wuhan.refused(&linkage(&one, &drill, true)), Code::StatusDiffers);
        let said = Content::Linkage(Linkage { same: true, ..Default::default() });
        let silent = FileRequest { incident: one, other: two, ..paper("张三", Kind::Linkage, said) };
        assert_eq!(wuhan.refused(&silent), Code::MissingFields);
    }
}
