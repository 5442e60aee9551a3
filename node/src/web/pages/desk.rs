//! 今日: what is to be done now, and how the line is.

use proto::v1::{self, Box, Kind, NilRequest, ObligationsRequest, ShiftRequest, Verdict, station_server::Station as _};
use tonic::Request;

use super::{actions, briefly, documents, duty, just_done};
use crate::{
    cli::{time, visible},
    topology::Tier,
    web::{
        parts::{Cell, Facts, Part},
        visit::{Page, Problem, Right, Visit},
    },
};

pub(super) async fn today(visit: &Visit) -> Result<Page, Problem> {
    visit.needs(Right::Look)?;
    let mut parts: Vec<_> = just_done(visit).into_iter().collect();
    parts.extend(line_note(visit).await?);
    let verbs: &[(&str, &'static str)] = match visit.tier() {
        Tier::District => &[("report", "N"), ("nil", ""), ("phone", "P"), ("request", "")],
        Tier::Province => {
            &[("report", "N"), ("directive", "D"), ("bulletin", "A"), ("nil", ""), ("phone", "P"), ("request", "")]
        }
        Tier::Ministry => &[("directive", "D"), ("propose", "N"), ("warning", ""), ("phone", "P")],
    };
    parts.extend(actions(visit, "verbs", "", verbs));
    let unsigned = visit.list(Box::Unsigned, &[], 20).await?;
    let mut table = documents(visit, "unsigned", visit.w("web-to-sign"), &unsigned.documents);
    table.empty = visit.w("web-nothing-to-sign");
    parts.push(Part::Table(table));
    parts.push(Part::Table(owed_here(visit).await?));
    parts.push(Part::Facts(desk_facts(visit).await?));
    let sent = visit.list(Box::Filed, &travelling(), 10).await?;
    let mut table = briefly(visit, "sent", visit.w("web-lately-sent"), &sent.documents);
    table.more = Some((visit.w("web-all"), "/sent".into()));
    parts.push(Part::Table(table));
    if visit.tier() != Tier::District {
        let received = visit.list(Box::Received, &[], 10).await?;
        let mut table = documents(visit, "received", visit.w("web-lately-received"), &received.documents);
        table.more = Some((visit.w("web-all"), "/inbox".into()));
        parts.push(Part::Table(table));
    }
    Ok(Page { layout: "desk", aside: &["desk", "sent"], ..Page::new(visit.w("web-nav-today"), parts) })
}

/// What leaves an office; its own papers stay in its log.
pub(in crate::web) fn travelling() -> Vec<Kind> {
    vec![
        Kind::InitialReport,
        Kind::FollowUpReport,
        Kind::FinalReport,
        Kind::RequestForInstructions,
        Kind::Approval,
        Kind::Denial,
        Kind::Directive,
        Kind::Endorsement,
        Kind::LateralNotice,
        Kind::Assessment,
        Kind::Decision,
        Kind::Bypass,
        Kind::Linkage,
        Kind::Bulletin,
        Kind::HandOver,
        Kind::EarlyWarning,
        Kind::Cancel,
    ]
}

/// With the line down the work goes on, and this says so.
async fn line_note(visit: &Visit) -> Result<Option<Part>, Problem> {
    let status = visit.web.api.status().await?;
    let down = status.links.iter().find(|link| link.parent && !link.up);
    Ok(down.map(|link| {
        let since = time::ago(link.since_us, visit.now, &visit.words);
        let args = [("name", visit.names.get(&link.unit).into()), ("since", since.into())];
        let phone = visit.names.phone(&link.unit);
        let call = match phone.is_empty() {
            true => visit.w("web-line-note-no-phone"),
            false => visit.words.say("web-line-note-phone", &[("phone", phone.into())]),
        };
        Part::note("line-note", "warn", visit.words.say("web-line-note", &args), vec![call])
    }))
}

/// This office's duties that are open, the soonest due first.
async fn owed_here(visit: &Visit) -> Result<crate::web::parts::Table, Problem> {
    let request = ObligationsRequest { owner: visit.me().to_owned(), limit: 20, ..Default::default() };
    let mut owed = visit.web.api.list_obligations(Request::new(request)).await?.into_inner().obligations;
    owed.sort_by_key(|one| (one.verdict() != Verdict::Overdue, one.due_us));
    owed.truncate(12);
    let mut table = duty::obligations(visit, "owed", visit.w("web-owed-here"), &owed);
    table.more = Some((visit.w("web-all"), "/duties".into()));
    Ok(table)
}

/// Who has the desk, and which 平安报 is next.
async fn desk_facts(visit: &Visit) -> Result<Facts, Problem> {
    let shift = visit.web.api.get_shift(Request::new(ShiftRequest { entries: 0 })).await?.into_inner();
    let mut rows = Vec::new();
    let who = match shift.officer.is_empty() {
        true => Cell { text: visit.w("web-nobody"), href: "/file/shift".into(), class: "bad" },
        false => {
            let args = [
                ("officer", visible::line(&shift.officer).into()),
                ("leader", visible::line(&shift.leader).into()),
                ("since", time::clock_and_age(shift.since_us, visit.now, &visit.words).into()),
            ];
            Cell::link(visit.words.say("shift-now", &args), "/shift".into())
        }
    };
    rows.push((visit.w("web-nav-shift"), who));
    if !shift.pending.is_empty() {
        rows.push((visit.w("web-pending"), visible::line(&shift.pending).into()));
    }
    let nil = visit.web.api.list_nil(Request::new(NilRequest::default())).await?.into_inner();
    if let Some(next) = nil.slots.iter().filter(|slot| slot.due_us > visit.now.us()).min_by_key(|slot| slot.due_us) {
        let text =
            format!("{} · {}", visible::line(&next.name), time::clock_and_age(next.due_us, visit.now, &visit.words));
        rows.push((visit.w("web-next-nil"), Cell::link(text, "/file/nil".into())));
    }
    if let Some(mine) = nil.units.iter().find(|unit| unit.unit == visit.me()) {
        let state = crate::cli::terms::Listed::word(mine.state(), &visit.words);
        let missing = mine.state() == v1::NilState::Missing;
        let text = format!("{} · {state}", visible::line(&nil.slot));
        rows.push((
            visit.w("web-last-nil"),
            Cell { text, href: "/nil".into(), class: if missing { "bad" } else { "" } },
        ));
    }
    Ok(Facts { id: "desk", caption: visit.w("web-desk"), rows })
}
