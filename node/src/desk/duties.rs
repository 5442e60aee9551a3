//! What is owed, and by which rules, as people see it. Reads only, incident by incident: each is one look at the engine,
//! so that nothing urgent waits for a long list.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proto::v1::{self, Status, Verdict as Standing};
use tokio::time::Instant;

use crate::{
    desk::{status::Around, view},
    engine::run::{Handle, Stopped},
    io::Timestamp,
    limits,
    plan::{
        Desk, nil,
        obligation::{self, Obligation, Verdict},
        policy::{self, Policy, What},
        readiness, roster, shift,
    },
    post::{
        envelope::DocId,
        refusal::{Code, Refusal},
        view::Copy,
    },
    topology::Unit,
};

/// Incidents a status looks at: the newest this office is not done with.
const INCIDENTS_COUNTED: usize = 20;
/// How long what it saw is good for.
const COUNTED_FOR: Duration = Duration::from_secs(1);

/// Since when the line towards each office is down, of those it is down to.
pub type Silent = BTreeMap<Unit, Timestamp>;

/// Everybody behind a line that is down is silent.
pub fn silent(around: &Around) -> Silent {
    let lines = around.board.lines();
    let down: Vec<_> = lines.iter().filter(|(_, line)| line.outlet.is_none()).collect();
    let me = around.identity.load().unit().clone();
    let units = around.topology.places().map(|place| &place.unit).filter(|unit| **unit != me);
    units
        .filter_map(|unit| {
            let hop = around.topology.next_hop(&me, unit)?;
            let (_, line) = down.iter().find(|(peer, _)| peer == hop)?;
            Some((unit.clone(), line.since))
        })
        .collect()
}

/// What is open and what is overdue, of the newest incidents: asked for incident by incident, and kept for a moment,
/// since a wall of screens may want to know it every second.
#[derive(Default)]
pub struct Tally {
    last: tokio::sync::Mutex<Option<(Instant, v1::Owed)>>,
}

impl Tally {
    /// What is owed, as of now or of a moment ago.
    pub async fn owed(&self, engine: &Handle, around: &Around) -> Result<v1::Owed, Stopped> {
        let mut last = self.last.lock().await;
        if let Some((at, owed)) = &*last
            && at.elapsed() < COUNTED_FOR
        {
            return Ok(owed.clone());
        }
        let silent = Arc::new(silent(around));
        let mut owed = v1::Owed::default();
        for opened in engine.ask(|desk| desk.post.open_incidents(None, INCIDENTS_COUNTED)).await? {
            let silent = silent.clone();
            let (me, views) = engine
                .ask(move |desk| (desk.post.me().unit.clone(), of_incident(desk, opened.incident, &silent)))
                .await?;
            views.iter().for_each(|one| count(&mut owed, one, me.as_str()));
        }
        let hour = engine
            .ask(move |desk| nil::last(desk).map(|slot| (nil::board(desk, &slot, Status::Actual, &silent), slot.name)));
        if let Some((squares, slot)) = hour.await? {
            let those = |state| squares.iter().filter(|square| square.state == state).count();
            let many = |state| u32::try_from(those(state)).unwrap_or(u32::MAX);
            owed.nil_missing = many(v1::NilState::Missing);
            owed.nil_silent = many(v1::NilState::Silent);
            owed.nil_slot = slot;
        }
        *last = Some((Instant::now(), owed.clone()));
        Ok(owed)
    }
}

fn count(owed: &mut v1::Owed, one: &v1::ObligationView, me: &str) {
    let (mine, drill) = (one.owner == me, one.status() != Status::Actual);
    let count = match one.verdict() {
        Standing::Open if mine => &mut owed.open_here,
        Standing::Overdue if drill => &mut owed.overdue_exercise,
        Standing::Overdue if mine => &mut owed.overdue_here,
        Standing::Overdue => &mut owed.overdue_elsewhere,
        _ => return,
    };
    *count += 1;
}

/// Everything owed because of one incident.
pub fn of_incident(desk: Desk<'_>, incident: DocId, silent: &Silent) -> Vec<v1::ObligationView> {
    let mut copies = desk.post.incident(incident, desk.read);
    copies.extend(desk.post.beside(incident, desk.read));
    let views: Vec<_> = copies.iter().map(|copy| view::in_chain(desk, copy, &copies)).collect();
    let Some(first) = copies.iter().find(|copy| copy.id() == incident) else { return Vec::new() };
    let me = desk.post.me();
    let policies = |version: &str| {
        // A document older than policies was written under the first.
        let known = desk.shelf.version(desk, version);
        known.or_else(|| version.is_empty().then(|| desk.shelf.first()))
    };
    let owed = obligation::of(&views, &me.unit, &me.topology, &policies);
    owed.iter().map(|owed| shown(desk, owed, &first.header, silent)).collect()
}

fn shown(desk: Desk<'_>, owed: &Obligation, first: &v1::Header, silent: &Silent) -> v1::ObligationView {
    let us = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let (verdict, by_us, silent_since_us) = match owed.verdict(desk.now, silent.get(&owed.owner).copied()) {
        Verdict::Done => (v1::Verdict::Done, 0, 0),
        Verdict::Late(by) => (v1::Verdict::Late, us(by), 0),
        Verdict::Open(left) => (v1::Verdict::Open, us(left), 0),
        Verdict::Overdue(by) => (v1::Verdict::Overdue, us(by), 0),
        Verdict::Unknown(since) => (v1::Verdict::Unknown, 0, since.us()),
    };
    let (to, written) = match owed.rule.what {
        What::Tell { to, written } => (to, written),
        _ => Default::default(),
    };
    let item = match owed.rule.what {
        What::State(item) => item,
        _ => v1::Item::Unspecified,
    };
    v1::ObligationView {
        row: owed.rule.row.clone(),
        says: owed.rule.says.clone(),
        what: policy::word(owed.rule.what).to_owned(),
        to: to.into(),
        written,
        item: item.into(),
        owner: owed.owner.to_string(),
        incident: first.number.clone(),
        incident_id: first.incident.clone(),
        because: owed.because.clone(),
        arose_us: owed.arose.us(),
        due_us: owed.due.at.us(),
        before_session: owed.due.before.clone().unwrap_or_default(),
        met_us: owed.met.as_ref().map_or(0, |met| met.at.us()),
        met_by: owed.met.as_ref().map(|met| met.by.clone()).unwrap_or_default(),
        verdict: verdict.into(),
        by_us,
        silent_since_us,
        policy: owed.policy.clone(),
        adverb: owed.rule.limit.adverb.clone(),
        source: owed.rule.limit.source.clone(),
        status: first.status,
        escalation: match verdict {
            v1::Verdict::Overdue => {
                obligation::escalated(&owed.escalation, Duration::from_micros(by_us.unsigned_abs()))
            }
            _ => v1::Escalation::Unspecified,
        }
        .into(),
    }
}

/// Who has the desk, and the last of the log.
pub fn shift(desk: Desk<'_>, request: &v1::ShiftRequest) -> v1::ShiftView {
    let most = (request.entries as usize).min(limits::LIST_MAX);
    let number = |id: &[u8]| {
        let copies = DocId::from_slice(id).map(|id| desk.post.copies(id, desk.read)).unwrap_or_default();
        copies.into_iter().next().map(|copy| copy.header.number).unwrap_or_default()
    };
    let entries = if most == 0 { Vec::new() } else { shift::entries(desk, most) };
    let entries = entries.into_iter().map(|(copy, entry)| v1::LogView {
        number: copy.header.number,
        about: number(&entry.about),
        entry: Some(entry),
    });
    let now = shift::now(desk);
    let said = |pick: fn(&shift::Shift) -> &String| now.as_ref().map(pick).cloned().unwrap_or_default();
    v1::ShiftView {
        officer: said(|shift| &shift.officer),
        leader: said(|shift| &shift.leader),
        since_us: now.as_ref().map_or(0, |shift| shift.since_us),
        pending: said(|shift| &shift.pending),
        entries: entries.collect(),
    }
}

/// 平安报 of one hour.
pub fn nil(desk: Desk<'_>, request: &v1::NilRequest, silent: &Silent) -> Result<v1::NilResponse, Refusal> {
    let policy = desk.shelf.in_force(desk);
    let named = |slot: &&policy::Slot| slot.name == request.slot.trim();
    let slot = match request.slot.trim().is_empty() {
        true => nil::last(desk),
        false => Some(policy.slots.iter().find(named).cloned().ok_or_else(|| {
            let slots: Vec<_> = policy.slots.iter().map(|slot| slot.name.as_str()).collect();
            let (slot, slots) = (&request.slot, slots.join("; "));
            Refusal::new(Code::NoSuchSlot, &format!("the policy has no hour `{slot}`: {slots}"), &[slot, &slots])
        })?),
    };
    let status = if request.status() == Status::Unspecified { Status::Actual } else { request.status() };
    let squares = slot.as_ref().map(|slot| nil::board(desk, slot, status, silent)).unwrap_or_default();
    Ok(v1::NilResponse {
        slots: policy
            .slots
            .iter()
            .map(|slot| v1::NilSlot { name: slot.name.clone(), at_us: slot.at.us(), due_us: slot.due().us() })
            .collect(),
        slot: slot.map(|slot| slot.name).unwrap_or_default(),
        units: squares.into_iter().map(square).collect(),
    })
}

fn square(square: nil::Square) -> v1::NilView {
    let (number, officer, at) = square.written.unwrap_or_default();
    v1::NilView {
        unit: square.unit.to_string(),
        state: square.state.into(),
        number,
        officer,
        written_us: at.us(),
        silent_since_us: square.silent_since.map_or(0, Timestamp::us),
    }
}

/// Whose turn it is at one office, and what its roster leaves open of the exam.
pub fn roster(desk: Desk<'_>, unit: &Unit, status: Status, at: Timestamp) -> v1::RosterUnit {
    let Some((known, number)) = roster::of(desk, unit, status) else {
        return v1::RosterUnit { unit: unit.to_string(), ..Default::default() };
    };
    let open = roster::gaps(&known, &desk.shelf.in_force(desk).exam);
    let open = open.into_iter().map(|(from, until)| v1::RosterOpen { from_us: from.us(), until_us: until.us() });
    v1::RosterUnit { unit: unit.to_string(), number, turn: roster::at(&known, at).cloned(), open: open.collect() }
}

/// The exam that is prepared for; no offices yet.
pub fn exam(desk: Desk<'_>) -> v1::ReadinessResponse {
    let policy = desk.shelf.in_force(desk);
    v1::ReadinessResponse {
        exam: policy.exam.name.clone(),
        begins_us: policy.exam.begins().map_or(0, Timestamp::us),
        policy: policy.version.clone(),
        units: Vec::new(),
    }
}

/// How one office stands before it, if it has something to prepare.
pub fn readiness(
    desk: Desk<'_>,
    unit: &Unit,
    status: Status,
    silent_since: Option<Timestamp>,
) -> Option<v1::ReadinessView> {
    let office = readiness::office(desk, unit, status, silent_since)?;
    let points = office.points.into_iter().map(|stand| {
        let view = v1::PointView {
            code: stand.point.code,
            row: stand.point.row,
            says: stand.point.says,
            state: stand.state.into(),
            due_us: stand.point.due.us(),
            ..Default::default()
        };
        match stand.said {
            None => view,
            Some(said) => v1::PointView {
                note: said.note,
                officer: said.officer,
                number: said.number,
                said_us: said.at.us(),
                ..view
            },
        }
    });
    Some(v1::ReadinessView {
        unit: unit.to_string(),
        ready: office.ready,
        policy: office.rules.unwrap_or_default(),
        points: points.collect(),
    })
}

/// The policy asked for.
pub fn policy(desk: Desk<'_>, request: &v1::PolicyRequest) -> Result<v1::PolicyView, Refusal> {
    let in_force = desk.shelf.in_force(desk);
    let first = desk.shelf.first();
    let mut all = vec![policy_view(&first, policy::BUILT_IN.to_owned(), None, &in_force)];
    for id in desk.post.releases() {
        let copy = desk.post.release(*id, desk.read);
        let Some((policy, copy)) = desk.shelf.released(desk, *id).zip(copy) else { continue };
        all.push(policy_view(&policy, desk.shelf.text(desk, &copy), Some(&copy), &in_force));
    }
    all.reverse();
    let wanted = if request.version.is_empty() { &in_force.version } else { &request.version };
    let Some(view) = all.iter().find(|view| view.version == *wanted).cloned() else {
        let known: Vec<_> = all.iter().map(|view| view.version.as_str()).collect();
        let reason = format!("no policy here has version {wanted}: {}", known.join(", "));
        return Err(Refusal::new(Code::NotFound, &reason, &[wanted]));
    };
    let versions = if request.list { all } else { Vec::new() };
    let versions = versions.into_iter().map(|view| v1::PolicyView { text: String::new(), ..view }).collect();
    Ok(v1::PolicyView { versions, ..view })
}

fn policy_view(policy: &Policy, text: String, copy: Option<&Copy>, in_force: &Policy) -> v1::PolicyView {
    let released = copy.and_then(|copy| copy.header.created.as_ref()).map_or(0, |clock| clock.wall_us);
    v1::PolicyView {
        version: policy.version.clone(),
        title: policy.title.clone(),
        document: policy.document.clone(),
        confirmed: policy.confirmed,
        text,
        number: copy.map(|copy| copy.header.number.clone()).unwrap_or_default(),
        released_us: released,
        in_force: policy.version == in_force.version,
        versions: Vec::new(),
    }
}
