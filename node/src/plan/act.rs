//! What a named officer does with a document that is not his own: 签收, 阅知, 承办, 办结, 无法执行.
//!
//! An act is a receipt, sealed by the station, sent to the office that wrote the document and, where it is still on
//! its way up, to the office it is addressed to. Acts are added, never overwritten.

use proto::v1::{self, Kind, Order, Role, Stage, document::Content};

use super::{Desk, decision, find, publication, refuse, shift};
use crate::{
    limits,
    post::{
        arrivals::receipt_draft,
        ladder,
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::Copy,
    },
    topology::Unit,
};

/// Turns an act into the receipts that say so, or says why it cannot be done.
pub fn drafts(desk: Desk<'_>, request: &v1::ActRequest) -> Result<Vec<Draft>, Refusal> {
    let stage = request.stage();
    if !ladder::by_person(stage) {
        let reason = "a person can sign, read, undertake, complete or say it cannot be done";
        return refuse(Code::NotAnAct, reason, &[]);
    }
    if request.officer.trim().is_empty() {
        return refuse(Code::MissingOfficer, "name the officer who acts for the office", &[]);
    }
    if request.officer.len() > limits::NAME_BYTES_MAX || request.note.len() > limits::NOTE_BYTES_MAX {
        let (name, note) = (limits::NAME_BYTES_MAX, limits::NOTE_BYTES_MAX);
        let reason = format!("a name has at most {name} bytes and a note {note}: send the rest as a report");
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    if stage == Stage::CannotComply && request.note.trim().is_empty() {
        return refuse(Code::MissingFields, "saying that it cannot be done needs a reason", &["note"]);
    }
    let meant = find(desk, &request.document, "document")?;
    let copy = mine(desk, &meant)?;
    may_act(desk, &copy, stage)?;
    answers_for_itself(desk, &copy, request)?;
    let receipt = v1::Receipt {
        about: Some(v1::Range { channel: Some(copy.channel.to_proto()), first: copy.number, count: 1 }),
        stage: stage.into(),
        at_us: desk.now.us(),
        station: desk.post.me().unit.to_string(),
        officer: request.officer.trim().to_owned(),
        note: request.note.trim().to_owned(),
        document: copy.header.id.clone(),
        passages: Vec::new(),
    };
    Ok(hearers(desk, &copy)
        .into_iter()
        .map(|unit| {
            let mut draft = receipt_draft(unit, copy.channel.precedence, vec![receipt.clone()]);
            // An act belongs to the trace of what it is about.
            draft.header.trace_context.clone_from(&copy.header.trace_context);
            draft
        })
        .collect())
}

/// The copy of the document that is for this desk.
fn mine(desk: Desk<'_>, meant: &Copy) -> Result<Copy, Refusal> {
    desk.post.copies(meant.id(), desk.read).into_iter().find(|copy| is_for(desk, copy)).ok_or_else(|| {
        let number = &meant.header.number;
        Refusal::new(Code::NotForThisDesk, &format!("{number} is not addressed to this office"), &[number])
    })
}

/// Addressed to us, or on its way up through us. A broadcast that only passes down is not.
fn is_for(desk: Desk<'_>, copy: &Copy) -> bool {
    let me = desk.post.me();
    desk.post.surfaces(&copy.header)
        && (copy.channel.destination == me.unit || me.topology.is_ancestor(&me.unit, &copy.channel.origin))
}

fn may_act(desk: Desk<'_>, copy: &Copy, stage: Stage) -> Result<(), Refusal> {
    let me = &desk.post.me().unit;
    let ours: Vec<v1::StageView> =
        desk.post.acts_on(&copy.channel, copy.number).into_iter().filter(|act| act.station == me.as_str()).collect();
    let number = &copy.header.number;
    if let Some(done) = ours.iter().find(|act| act.stage() == stage) {
        let reason = format!("{} did this with {number} before", done.officer);
        return refuse(Code::AlreadyDone, &reason, &[number, &done.officer]);
    }
    if let Some(end) = ours.iter().find(|act| matches!(act.stage(), Stage::Completed | Stage::CannotComply)) {
        let reason = format!("{} has already answered for {number}", end.officer);
        return refuse(Code::AlreadyEnded, &reason, &[number, &end.officer]);
    }
    if matches!(stage, Stage::Signed | Stage::Read) {
        return Ok(());
    }
    let asks = copy.header.kind() == Kind::Directive || publication::is_one(desk, copy);
    if !asks || copy.header.role() != Role::Action {
        let reason = format!("{number} asks this office for nothing but a signature");
        return refuse(Code::NothingToCarryOut, &reason, &[number]);
    }
    if let Some(end) = desk.post.end_of(copy.id(), &copy.header.origin) {
        return refuse(Code::NotLive, &format!("{number} was ended by {}", end.number), &[number, &end.number]);
    }
    if copy.header.expires_at_us > 0 && copy.header.expires_at_us < desk.now.us() && stage == Stage::Undertaken {
        return refuse(Code::Expired, &format!("{number} has expired"), &[number]);
    }
    // Who answers a roll-call has read it.
    if !ours.iter().any(|act| act.stage() == Stage::Signed) && order_of(desk, copy) != Order::RollCall {
        return refuse(Code::SignFirst, &format!("sign for {number} first"), &[number]);
    }
    Ok(())
}

/// 点名 is answered by the person who has the desk, and by nobody for him.
fn answers_for_itself(desk: Desk<'_>, copy: &Copy, request: &v1::ActRequest) -> Result<(), Refusal> {
    if request.stage() != Stage::Completed || order_of(desk, copy) != Order::RollCall {
        return Ok(());
    }
    match shift::now(desk) {
        Some(shift) if shift.officer == request.officer.trim() => Ok(()),
        Some(shift) => {
            let reason = format!("{} has the desk, and answers for it", shift.officer);
            refuse(Code::AnotherOnDuty, &reason, &[&shift.officer])
        }
        None => refuse(Code::NobodyOnDuty, "nobody has the desk: begin a shift first", &[]),
    }
}

fn order_of(desk: Desk<'_>, copy: &Copy) -> Order {
    match decision::content(desk, copy) {
        Some(Content::Directive(directive)) => directive.order(),
        _ => Order::Unspecified,
    }
}

fn hearers(desk: Desk<'_>, copy: &Copy) -> Vec<Unit> {
    let me = &desk.post.me().unit;
    let mut units = vec![copy.channel.origin.clone()];
    if copy.channel.destination != *me && copy.channel.destination != copy.channel.origin {
        units.push(copy.channel.destination.clone());
    }
    units
}
