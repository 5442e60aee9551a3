//! What a named officer does with a document that is not his own: 签收, 阅知, 承办, 办结, 无法执行.
//!
//! An act is a receipt, sealed by the station, sent to the office that wrote the document and, where it is still on
//! its way up, to the office it is addressed to. Acts are added, never overwritten.

use proto::v1::{self, Kind, Role, Stage};

use super::{Desk, find, refusal};
use crate::{
    limits,
    post::{arrivals::receipt_draft, ladder, office::Refusal, outgoing::Draft, view::Copy},
    topology::Unit,
};

/// Turns an act into the receipts that say so, or says why it cannot be done.
pub fn drafts(desk: Desk<'_>, request: &v1::ActRequest) -> Result<Vec<Draft>, Refusal> {
    let stage = request.stage();
    if !ladder::by_person(stage) {
        return Err(refusal("not-an-act", "a person can sign, read, undertake, complete or say it cannot be done"));
    }
    if request.officer.trim().is_empty() {
        return Err(refusal("missing-officer", "name the officer who acts for the office"));
    }
    if request.officer.len() > limits::NAME_BYTES_MAX || request.note.len() > limits::NOTE_BYTES_MAX {
        let (name, note) = (limits::NAME_BYTES_MAX, limits::NOTE_BYTES_MAX);
        let reason = format!("a name has at most {name} bytes and a note {note}: send the rest as a report");
        return Err(refusal("field-too-long", &reason));
    }
    if stage == Stage::CannotComply && request.note.trim().is_empty() {
        return Err(refusal("missing-fields", "saying that it cannot be done needs a reason"));
    }
    let meant = find(desk, &request.document, "document")?;
    let copy = mine(desk, &meant)?;
    may_act(desk, &copy, stage)?;
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
        refusal("not-for-this-desk", &format!("{} is not addressed to this office", meant.header.number))
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
        return Err(refusal("already-done", &format!("{} did this with {number} before", done.officer)));
    }
    if let Some(end) = ours.iter().find(|act| matches!(act.stage(), Stage::Completed | Stage::CannotComply)) {
        return Err(refusal("already-ended", &format!("{} has already answered for {number}", end.officer)));
    }
    if matches!(stage, Stage::Signed | Stage::Read) {
        return Ok(());
    }
    if copy.header.kind() != Kind::Directive || copy.header.role() != Role::Action {
        return Err(refusal("nothing-to-carry-out", &format!("{number} asks this office for nothing but a signature")));
    }
    if let Some(end) = desk.post.end_of(copy.id(), &copy.header.origin) {
        return Err(refusal("not-live", &format!("{number} was ended by {}", end.number)));
    }
    if copy.header.expires_at_us > 0 && copy.header.expires_at_us < desk.now.us() && stage == Stage::Undertaken {
        return Err(refusal("expired", &format!("{number} has expired")));
    }
    if !ours.iter().any(|act| act.stage() == Stage::Signed) {
        return Err(refusal("sign-first", &format!("sign for {number} first")));
    }
    Ok(())
}

fn hearers(desk: Desk<'_>, copy: &Copy) -> Vec<Unit> {
    let me = &desk.post.me().unit;
    let mut units = vec![copy.channel.origin.clone()];
    if copy.channel.destination != *me && copy.channel.destination != copy.channel.origin {
        units.push(copy.channel.destination.clone());
    }
    units
}
