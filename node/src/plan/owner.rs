//! PURE. 牵头: one office at a time leads in an incident. It begins with the one that reported it; who leads, or an office above
//! it, hands it on to another on the way from the place to the ministry (提级). Only who leads ends the incident.

use proto::v1::{self, HandOver, Role, Standing, document::Content};

use super::{
    Desk,
    decision::{content, encoded},
    find, incident_of, join_incident, missing, refuse, secrecy, tier, unit, upward,
};
use crate::{
    post::{
        envelope::DocId,
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
    topology::{Tier, Topology, Unit},
};

/// 移交牵头. Every office on the way hears of it.
pub(super) fn write(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    said: &HandOver,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let first = find(desk, &request.incident, "incident")?;
    join_incident(&first, draft)?;
    secrecy::continues(&first, draft)?;
    let unsaid = missing(&[("to", &said.to), ("reason", &said.reason)]);
    if !unsaid.is_empty() {
        let reason = format!("whoever hands over says to whom and why: {unsaid} is missing");
        return refuse(Code::MissingFields, &reason, &[&unsaid]);
    }
    let me = desk.post.me();
    let incident = incident_of(&first);
    let Some(owner) = of(desk, incident) else {
        return refuse(Code::NotFound, "the first report of this incident is not here", &[&request.incident]);
    };
    if !may_hand_over(&me.topology, &owner, &me.unit) {
        let reason = format!("{owner} leads in this incident: it, or an office above it, hands that on");
        return refuse(Code::NotTheOwner, &reason, &[owner.as_str()]);
    }
    let named = me.topology.named(said.to.trim()).map(|place| place.unit.clone());
    let way = way(&me.topology, &origin(desk, incident).unwrap_or_else(|| owner.clone()));
    let Some(to) = named.filter(|to| *to != owner && way.contains(to)) else {
        let reason = format!("{} leads already, or is not on the way of this incident", said.to);
        return refuse(Code::NotOnTheWay, &reason, &[&said.to]);
    };
    draft.letter = Some('U');
    if tier(desk) != Tier::Ministry {
        upward(desk, draft, 'U')?;
    }
    let below = way.iter().filter(|unit| me.topology.is_ancestor(&me.unit, unit));
    draft.destinations.extend(below.map(|unit| (unit.clone(), if *unit == to { Role::Action } else { Role::Info })));
    draft.beside_incident = true;
    let said = HandOver { to: to.to_string(), from: owner.to_string(), ..said.clone() };
    draft.body = encoded(Content::HandOver(said));
    Ok(())
}

/// Only who leads ends an incident.
pub(super) fn may_end(desk: Desk<'_>, first: &Copy) -> Result<(), Refusal> {
    match of(desk, incident_of(first)) {
        Some(owner) if owner != desk.post.me().unit => {
            let reason = format!("{owner} leads in this incident, and ends it");
            refuse(Code::NotTheOwner, &reason, &[owner.as_str()])
        }
        _ => Ok(()),
    }
}

/// Which office leads, as far as is known here; `None` without the 首报.
pub fn of(desk: Desk<'_>, incident: DocId) -> Option<Unit> {
    let mut copies = desk.post.beside(incident, desk.read);
    copies.retain(|copy| copy.header.kind() == v1::Kind::HandOver && stands(desk, copy));
    // By the moment they were written, whatever the order they came in.
    copies.sort_by_key(Copy::id);
    let said = copies.iter().filter_map(|copy| match content(desk, copy) {
        Some(Content::HandOver(said)) => Some((unit(&copy.header.origin).ok()?, unit(&said.to).ok()?)),
        _ => None,
    });
    let tree = &desk.post.me().topology;
    let first = origin(desk, incident)?;
    let way = way(tree, &first);
    Some(said.fold(
        first,
        |owner, (by, to)| {
            if may_hand_over(tree, &owner, &by) && way.contains(&to) { to } else { owner }
        },
    ))
}

fn may_hand_over(tree: &Topology, owner: &Unit, by: &Unit) -> bool {
    by == owner || tree.is_ancestor(by, owner)
}

fn stands(desk: Desk<'_>, copy: &Copy) -> bool {
    let end = desk.post.end_of(copy.id(), &copy.header.origin);
    end.is_none_or(|end| !matches!(end.standing(), Standing::Cancelled | Standing::Superseded))
}

fn origin(desk: Desk<'_>, incident: DocId) -> Option<Unit> {
    unit(&desk.post.copies(incident, desk.read).first()?.header.origin).ok()
}

/// The offices from the place up to the ministry.
fn way(tree: &Topology, origin: &Unit) -> Vec<Unit> {
    std::iter::successors(Some(origin.clone()), |unit| tree.parent(unit).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use v1::{FileRequest, Kind, Report};

    use super::*;
    use crate::plan::trial::{Office, paper, report};

    fn hand_over(of: &str, to: &str) -> FileRequest {
        let said = HandOver { to: to.into(), reason: "涉及多个考区,省厅牵头".into(), ..Default::default() };
        FileRequest { incident: of.into(), ..paper("王五", Kind::HandOver, Content::HandOver(said)) }
    }

    fn end(of: &str) -> FileRequest {
        let said = Report { text: "已处置完毕".into(), reporter: "王五".into(), ..Default::default() };
        FileRequest { incident: of.into(), ..paper("王五", Kind::FinalReport, Content::Report(said)) }
    }

    fn owner(office: &Office, number: &str) -> String {
        let id = office.copy(number).id();
        office.at_desk(|desk| of(desk, id)).unwrap().to_string()
    }

    #[test]
    fn row_1_9_in_part_one_office_leads_at_a_time_and_only_it_ends_the_incident() {
        let (mut wuhan, mut hubei, mut ministry) = (Office::of("420100"), Office::of("420000"), Office::of("000000"));
        let incident = wuhan.file(&report()).unwrap();
        assert_eq!(owner(&wuhan, &incident), "420100");
        hubei.hear(&wuhan);
        ministry.hear(&wuhan);
        assert_eq!(hubei.refused(&end(&incident)), Code::NotTheOwner);
        // 提级: the province takes it over; all three know, and the district ends it no more.
        hubei.file(&hand_over(&incident, "420000")).unwrap();
        wuhan.hear(&hubei);
        ministry.hear(&hubei);
        for office in [&wuhan, &hubei, &ministry] {
            assert_eq!(owner(office, &incident), "420000");
        }
        assert_eq!(wuhan.refused(&end(&incident)), Code::NotTheOwner);
        assert_eq!(wuhan.refused(&hand_over(&incident, "420100")), Code::NotTheOwner, "nobody takes it from above");
        assert_eq!(hubei.refused(&hand_over(&incident, "420000")), Code::NotOnTheWay, "it has it");
        assert_eq!(hubei.refused(&hand_over(&incident, "350000")), Code::NotOnTheWay);
        hubei.file(&hand_over(&incident, "武汉")).unwrap();
        wuhan.hear(&hubei);
        assert_eq!(owner(&wuhan, &incident), "420100");
        wuhan.file(&end(&incident)).unwrap();
    }
}
