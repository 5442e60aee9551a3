//! Histories at random: three offices write, and what they wrote reaches the ministry in any order, again and again, some of it
//! long after; its clock may be hours off. In the end it knows the same as a ministry that heard everything at once and in
//! order: the same incident, the same leading office, the same linkage, the same duties of the others, and nothing twice.

use proptest::prelude::*;
use proto::v1::{
    self, Bypass, Choice, Document, Endorsement, FileRequest, Grade, HandOver, Item, Kind, Linkage, Particular, Report,
    Request, document::Content, particular::Value,
};

use super::{incident, linkage, owner, trial::*};
use crate::{desk::duties, io::Timestamp, post::seal::Block};

/// What an office writes next.
fn next(what: usize, choice: i32, incident: &str, other: &str, officer: &str) -> FileRequest {
    let of = |kind, content| FileRequest { incident: incident.into(), ..paper(officer, kind, content) };
    match what {
        0 => {
            let said = Report {
                text: format!("续报 {choice}"),
                reporter: officer.into(),
                grade: choice % 5,
                particulars: vec![Particular {
                    item: Item::Spread.into(),
                    value: Some(Value::Choice(
                        [Choice::Suspected, Choice::NotSpread, Choice::Spread][choice as usize % 3].into(),
                    )),
                    as_of_us: 1_399_999_100_000_000 + i64::from(choice) * 1_000_000,
                    source: officer.into(),
                }],
                ..Default::default()
            };
            of(Kind::FollowUpReport, Content::Report(said))
        }
        1 => of(
            Kind::RequestForInstructions,
            Content::Request(Request { ask: "启用备用卷".into(), ..Default::default() }),
        ),
        2 => {
            let said = Endorsement {
                verified: Choice::Confirmed.into(),
                recommendation: "建议".repeat(choice as usize % 2),
                grade: Grade::try_from(choice % 5).unwrap_or_default().into(),
                officer: officer.into(),
                releaser: "王厅长".into(),
                ..Default::default()
            };
            FileRequest { refers_to: incident.into(), ..paper(officer, Kind::Endorsement, Content::Endorsement(said)) }
        }
        3 => {
            let to = ["420000", "420100", "000000"][choice as usize % 3].to_owned();
            of(Kind::HandOver, Content::HandOver(HandOver { to, reason: "移交".into(), ..Default::default() }))
        }
        4 => {
            let said = Linkage { same: choice % 2 == 0, reason: "同一说法".into(), ..Default::default() };
            FileRequest { other: other.into(), ..of(Kind::Linkage, Content::Linkage(said)) }
        }
        _ => {
            let said = Bypass { reason: "省厅联系不上".into(), officer: officer.into(), ..Default::default() };
            of(Kind::Bypass, Content::Bypass(said))
        }
    }
}

/// All that can be compared of what a ministry knows about an incident.
#[derive(Debug, PartialEq)]
struct Known {
    incident: incident::Incident,
    owner: Option<String>,
    same: Vec<(String, String)>,
    /// Of the others: row, whose, what about, since when, until when, and what closed it.
    duties: Vec<(String, String, i32, i64, i64, i64, String)>,
    unsigned: u64,
}

fn known(ministry: &Office, number: &str) -> Known {
    let id = ministry.copy(number).id();
    let of_others = |one: &v1::ObligationView| one.owner != "000000";
    ministry.at_desk(|desk| {
        let copies = desk.post.incident(id, desk.read);
        // When it came is about the line, and not about what happened.
        let views: Vec<_> = copies
            .iter()
            .map(|copy| v1::DocumentView {
                id: copy.header.id.clone(),
                header: Some(copy.header.clone()),
                document: desk
                    .post
                    .body(copy, desk.read)
                    .and_then(|body| <Document as prost::Message>::decode(body).ok()),
                ..Default::default()
            })
            .collect();
        Known {
            incident: incident::fold(&views),
            owner: owner::of(desk, id).map(|unit| unit.to_string()),
            same: linkage::same_event(desk, id).into_iter().map(|said| (said.called, said.office)).collect(),
            duties: duties::of_incident(desk, id, &Default::default())
                .iter()
                .filter(|one| of_others(one))
                .map(|one| {
                    let (row, owner) = (one.row.clone(), one.owner.clone());
                    (row, owner, one.item, one.arose_us, one.due_us, one.met_us, one.met_by.clone())
                })
                .collect(),
            unsigned: desk.post.unsigned_count(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn however_it_comes_the_ministry_comes_to_know_the_same(
        made in prop::collection::vec((0usize..6, 0i32..12, 0usize..2, 1u64..900), 1..14),
        order in prop::collection::vec((any::<u16>(), 1usize..4), 1..60),
        hours in -50i64..50,
    ) {
        let (mut wuhan, mut hubei) = (Office::of("420100"), Office::of("420000"));
        let (number, other) = (wuhan.file(&report()).unwrap(), wuhan.file(&report()).unwrap());
        hubei.hear(&wuhan);
        for (what, choice, office, seconds) in &made {
            let (writer, officer) = if *office == 0 { (&mut wuhan, "张三") } else { (&mut hubei, "李四") };
            writer.now = writer.now + std::time::Duration::from_secs(*seconds);
            // What a rule forbids this office at this moment is not written.
            let written = writer.file(&next(*what, *choice, &number, &other, officer)).is_ok();
            if written && *office == 0 { hubei.hear(&wuhan) } else if written { wuhan.hear(&hubei) }
        }
        let blocks: Vec<Block> = wuhan.sealed.iter().chain(&hubei.sealed).cloned().collect();
        let mut plain = Office::of("000000");
        plain.hear_blocks(&blocks, 1_399_999_999_000_000);
        let expected = known(&plain, &number);

        let mut tried = Office::of("000000");
        tried.now = Timestamp::from_us(tried.now.us() + hours * 3_600_000_000);
        for (from, count) in &order {
            let from = usize::from(*from) % blocks.len();
            // Some of it comes now, whatever came before; some of it for the third time.
            let some: Vec<_> = blocks.iter().skip(from).take(*count).cloned().collect();
            tried.hear_blocks(&some, 1_399_999_999_000_000);
        }
        for block in blocks.iter().rev() {
            tried.hear_blocks(std::slice::from_ref(block), 1_399_999_999_000_000);
        }
        prop_assert_eq!(known(&tried, &number), expected);
    }
}
