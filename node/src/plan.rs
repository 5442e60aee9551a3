//! PURE. The emergency plan's rules for what people write: who may write what to whom, and what must be in it.
//!
//! A document that passes here is a [`Draft`] the post office can number and seal without knowing what an exam is.
//! Every refusal has a stable code and says what to do instead.

mod above;
pub mod act;
mod assessment;
mod bulletin;
mod bypass;
pub mod decision;
#[cfg(test)]
mod histories;
pub mod incident;
pub mod lateral;
pub mod linkage;
pub mod nil;
pub mod obligation;
pub mod order;
pub mod owner;
pub mod particulars;
pub mod policy;
pub mod publication;
pub mod readiness;
pub mod review;
pub mod roster;
pub mod secrecy;
pub mod shift;
#[cfg(test)]
mod trial;
mod warning;

use std::collections::BTreeMap;

use policy::Shelf;
use prost::Message as _;
use proto::v1::{self, Classification, Kind, Role, Status, document::Content};

use crate::{
    io::Timestamp,
    limits,
    post::{
        Post,
        envelope::DocId,
        outgoing::Draft,
        refusal::{Code, Refusal},
        view::{Copy, Read},
    },
    topology::{Tier, Unit},
};

/// The rules' own view of the station: what is here, and how to read it.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// What the station knows.
    pub post: &'a Post,
    /// Reads blocks back.
    pub read: Read<'a>,
    /// What time it is.
    pub now: Timestamp,
    /// Why only the urgent is taken in, if so.
    pub refusing: Option<&'a str>,
    /// The policies, read.
    pub shelf: &'a Shelf,
}

/// Turns what a person asks to file into a draft, or says why not.
pub fn draft(desk: Desk<'_>, request: &v1::FileRequest) -> Result<Draft, Refusal> {
    // Whoever asks again because no answer came gets the answer. Rules were kept the first time; by now the document
    // itself may stand in its own way.
    let key = (!request.idempotency_key.is_empty()).then(|| request.idempotency_key.clone());
    if key.as_ref().is_some_and(|key| desk.post.filed_under(key).is_some()) {
        return Ok(Draft { key, ..Default::default() });
    }
    let content = content(request)?;
    common(request)?;
    let mut draft = Draft {
        header: Box::new(v1::Header {
            kind: request.kind,
            status: request.status,
            classification: request.classification,
            deliver_by_us: request.deliver_by_us,
            reply_by_us: request.reply_by_us,
            expires_at_us: request.expires_at_us,
            attachments: secrecy::released(request),
            trace_context: request.trace_context.clone(),
            policy: desk.shelf.in_force(desk).version.clone(),
            ..Default::default()
        }),
        precedence: request.precedence(),
        body: request.document.as_ref().map(v1::Document::encode_to_vec).unwrap_or_default().into(),
        key,
        ..Default::default()
    };
    secrecy::readers(request, &mut draft)?;
    match (request.kind(), content) {
        (Kind::InitialReport, Content::Report(report)) => initial(desk, report, &mut draft)?,
        (Kind::FollowUpReport | Kind::FinalReport, Content::Report(report)) => {
            follow_up(desk, request, report, &mut draft)?;
        }
        (Kind::RequestForInstructions, Content::Request(ask)) => for_instructions(desk, request, ask, &mut draft)?,
        (Kind::Approval | Kind::Denial, Content::Reply(reply)) => answer(desk, request, reply, &mut draft)?,
        (Kind::Endorsement, Content::Endorsement(said)) => above::endorse(desk, request, said, &mut draft)?,
        (Kind::LateralNotice, Content::LateralNotice(notice)) => tell(desk, request, notice, &mut draft)?,
        (Kind::Assessment, Content::Assessment(said)) => assessment::write(desk, request, said, &mut draft)?,
        (Kind::PolicyRelease, Content::PolicyRelease(release)) => above::release(desk, request, release, &mut draft)?,
        (Kind::Bypass, Content::Bypass(said)) => bypass::write(desk, request, said, &mut draft)?,
        (Kind::Bulletin, Content::Bulletin(said)) => bulletin::write(desk, request, said, &mut draft)?,
        (Kind::HandOver, Content::HandOver(said)) => owner::write(desk, request, said, &mut draft)?,
        (Kind::Roster, Content::Roster(said)) => roster::write(desk, said, &mut draft)?,
        (Kind::EarlyWarning, Content::EarlyWarning(said)) => warning::write(desk, request, said, &mut draft)?,
        (Kind::Linkage, Content::Linkage(said)) => linkage::write(desk, request, said, &mut draft)?,
        (Kind::NilReport, Content::NilReport(nil)) => nil::write(desk, nil, &mut draft)?,
        (Kind::Preparation, Content::Preparation(said)) => readiness::write(desk, said, &mut draft)?,
        (Kind::LogEntry, Content::LogEntry(entry)) => shift::write(desk, request, entry, &mut draft)?,
        (Kind::Proposal, Content::Proposal(proposal)) => decision::propose(desk, request, proposal, &mut draft)?,
        (Kind::Vote, Content::Vote(vote)) => decision::vote(desk, request, vote, &mut draft)?,
        (Kind::Decision, Content::Decision(_)) => decision::release(desk, request, &mut draft)?,
        (Kind::Directive, Content::Directive(directive)) => direct(desk, request, directive, &mut draft)?,
        (Kind::Cancel, Content::Cancel(cancel)) => void(desk, request, cancel, &mut draft)?,
        _ => return refuse(Code::WrongDocument, "this kind of document cannot hold this content", &[]),
    }
    supersede(desk, request, &mut draft)?;
    bypass::goes_along(desk, &mut draft);
    Ok(draft)
}

fn content(request: &v1::FileRequest) -> Result<&Content, Refusal> {
    let content = request.document.as_ref().and_then(|document| document.content.as_ref());
    content.ok_or_else(|| Refusal::new(Code::MissingDocument, "nothing was written", &[]))
}

fn common(request: &v1::FileRequest) -> Result<(), Refusal> {
    match request.status() {
        Status::Actual | Status::Exercise | Status::Test => {}
        Status::Draft => return refuse(Code::DraftDoesNotTravel, "a draft stays where it is written", &[]),
        Status::Unspecified | Status::System => {
            let reason = "say whether this is actual or an exercise: there is no default";
            return refuse(Code::MissingStatus, reason, &[]);
        }
    }
    if request.classification() == Classification::TopSecret {
        let reason = "绝密 must not travel on this network: use the secret channel";
        return refuse(Code::TopSecretDoesNotTravel, reason, &[]);
    }
    if request.officer.trim().is_empty() {
        return refuse(Code::MissingOfficer, "name the officer who speaks for the office", &[]);
    }
    if request.attachments.len() > limits::ATTACHMENTS_MAX {
        let most = limits::ATTACHMENTS_MAX.to_string();
        let reason = format!("at most {most} attachments travel with one document");
        return refuse(Code::TooManyAttachments, &reason, &[&most]);
    }
    let too_long = [&request.officer, &request.idempotency_key].iter().any(|t| t.len() > limits::NAME_BYTES_MAX);
    let names = request.attachments.iter().any(|attachment| attachment.name.len() > 255);
    if too_long || names {
        let reason = format!("a name or key has at most {} bytes, a file name 255", limits::NAME_BYTES_MAX);
        return refuse(Code::FieldTooLong, &reason, &[]);
    }
    Ok(())
}

/// 首报: five things, everything else may follow.
fn initial(desk: Desk<'_>, report: &v1::Report, draft: &mut Draft) -> Result<(), Refusal> {
    upward(desk, draft, 'R')?;
    let missing: Vec<&str> = [
        ("occurred", report.occurred_at_us <= 0),
        ("place", report.place.trim().is_empty()),
        ("category", report.category() == v1::Category::Unspecified),
        ("text", report.text.trim().is_empty()),
        ("reporter", report.reporter.trim().is_empty()),
    ]
    .iter()
    .filter_map(|(field, missing)| missing.then_some(*field))
    .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let reason = format!("an initial report needs {missing}: what is not known yet can follow");
        return refuse(Code::MissingFields, &reason, &[&missing]);
    }
    no_request_inside(&report.text)?;
    particulars::check(report, report.category(), desk.now)?;
    secrecy::holds_back(report.category(), &mut draft.header.attachments);
    draft.opens_incident = true;
    Ok(())
}

fn follow_up(desk: Desk<'_>, request: &v1::FileRequest, report: &v1::Report, draft: &mut Draft) -> Result<(), Refusal> {
    upward(desk, draft, 'R')?;
    if report.text.trim().is_empty() || report.reporter.trim().is_empty() {
        return refuse(Code::MissingFields, "a follow-up needs a text and who reports it", &["text, reporter"]);
    }
    no_request_inside(&report.text)?;
    let first = find(desk, &request.incident, "incident")?;
    join_incident(&first, draft)?;
    let category = category(desk, report, &first);
    particulars::check(report, category, desk.now)?;
    secrecy::continues(&first, draft)?;
    secrecy::holds_back(category, &mut draft.header.attachments);
    if request.kind() == Kind::FinalReport {
        owner::may_end(desk, &first)?;
    }
    if let Some(end) = desk.post.end_of(incident_of(&first), &first.header.origin)
        && end.standing() == v1::Standing::Closed
    {
        let reason = format!("this incident was closed by {}: file a new initial report", end.number);
        return refuse(Code::IncidentClosed, &reason, &[&end.number]);
    }
    Ok(())
}

/// The category a follow-up is of: the one it names, or that of the report it follows.
fn category(desk: Desk<'_>, report: &v1::Report, first: &Copy) -> v1::Category {
    if report.category() != v1::Category::Unspecified {
        return report.category();
    }
    let before = desk.post.body(first, desk.read).and_then(|body| v1::Document::decode(body).ok());
    match before.and_then(|document| document.content) {
        Some(Content::Report(before)) => before.category(),
        _ => v1::Category::Unspecified,
    }
}

/// 请示: one matter, one addressee, never inside a report.
fn for_instructions(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    ask: &v1::Request,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    upward(desk, draft, 'Q')?;
    if ask.ask.trim().is_empty() {
        return refuse(Code::MissingFields, "a request for instructions needs the one thing it asks", &["ask"]);
    }
    if !request.incident.is_empty() {
        let first = find(desk, &request.incident, "incident")?;
        join_incident(&first, draft)?;
        secrecy::continues(&first, draft)?;
        secrecy::holds_back(secrecy::category_of(desk, &first), &mut draft.header.attachments);
    }
    if ask.needed_by_us > 0 && draft.header.reply_by_us == 0 {
        draft.header.reply_by_us = ask.needed_by_us;
    }
    Ok(())
}

/// 横向通报: the proof that somebody outside was told, in the incident it was about.
fn tell(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    notice: &v1::LateralNotice,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    upward(desk, draft, 'N')?;
    let first = find(desk, &request.incident, "incident")?;
    join_incident(&first, draft)?;
    let Some(real) = lateral::Real::of(&first.header) else {
        let reason = format!("{} is not real: nobody outside is told of an exercise", first.header.number);
        return refuse(Code::ExerciseTellsNobody, &reason, &[&first.header.number]);
    };
    lateral::check(desk, real, notice)
}

/// The names of the fields that are empty.
fn missing(fields: &[(&str, &String)]) -> String {
    let empty = fields.iter().filter(|(_, text)| text.trim().is_empty()).map(|(name, _)| *name);
    empty.collect::<Vec<_>>().join(", ")
}

/// 批复: by the office the 请示 was addressed to, once.
fn answer(desk: Desk<'_>, request: &v1::FileRequest, reply: &v1::Reply, draft: &mut Draft) -> Result<(), Refusal> {
    let asked = find(desk, &request.refers_to, "request")?;
    if asked.header.kind() != Kind::RequestForInstructions {
        let reason = format!("{} is not a request for instructions", asked.header.number);
        return refuse(Code::NotARequest, &reason, &[&asked.header.number]);
    }
    if asked.header.destination != desk.post.me().unit.as_str() {
        let reason = "only the office a request is addressed to may answer it";
        return refuse(Code::NotTheDecidingBody, reason, &[&asked.header.number]);
    }
    if let Some(end) = desk.post.end_of(asked.id(), desk.post.me().unit.as_str()) {
        let reason = format!("{} was answered by {}", asked.header.number, end.number);
        return refuse(Code::AlreadyAnswered, &reason, &[&asked.header.number, &end.number]);
    }
    if reply.text.trim().is_empty() {
        return refuse(Code::MissingFields, "an answer needs a text", &["text"]);
    }
    same_status(&asked, draft)?;
    if request.kind() == Kind::Approval {
        decision::rests(desk, request, reply, &asked, draft)?;
    }
    draft.letter = Some('P');
    draft.destinations = vec![(unit(&asked.header.origin)?, Role::Action)];
    draft.header.action_to = vec![asked.header.origin.clone()];
    draft.header.references = vec![asked.header.id.clone()];
    draft.header.incident = asked.header.incident.clone();
    Ok(())
}

/// 指示: from above to those below, action and information apart.
fn direct(
    desk: Desk<'_>,
    request: &v1::FileRequest,
    directive: &v1::Directive,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    if tier(desk) == Tier::District {
        return refuse(Code::NotASuperior, "a district has nobody below it to direct", &[]);
    }
    if directive.title.trim().is_empty() || directive.text.trim().is_empty() {
        return refuse(Code::MissingFields, "a directive needs a title and a text", &["title, text"]);
    }
    order::check(directive, request)?;
    let destinations = destinations(desk, &request.action_to, &request.info_to)?;
    if !destinations.iter().any(|(_, role)| *role == Role::Action) {
        let reason = "a directive needs at least one action addressee below this office";
        return refuse(Code::MissingAddressee, reason, &[]);
    }
    if !request.incident.is_empty() {
        let first = find(desk, &request.incident, "incident")?;
        join_incident(&first, draft)?;
        draft.header.references.push(first.header.incident);
        draft.beside_incident = true;
    }
    if directive.order() == v1::Order::DrillOver && !request.refers_to.is_empty() {
        draft.header.references.push(find(desk, &request.refers_to, "drill")?.header.id);
    }
    draft.letter = Some('D');
    draft.destinations = destinations;
    draft.header.action_to.clone_from(&request.action_to);
    draft.header.info_to.clone_from(&request.info_to);
    Ok(())
}

/// 撤销: names exactly one document of this office; goes to everyone who gets that one, at least as fast.
fn void(desk: Desk<'_>, request: &v1::FileRequest, cancel: &v1::Cancel, draft: &mut Draft) -> Result<(), Refusal> {
    let target = find(desk, &request.refers_to, "document")?;
    own(desk, &target)?;
    if cancel.reason.trim().is_empty() {
        return refuse(Code::MissingFields, "cancelling needs a reason", &["reason"]);
    }
    if let Some(end) = desk.post.end_of(target.id(), &target.header.origin) {
        let reason = format!("{} was already ended by {}", target.header.number, end.number);
        return refuse(Code::NotLive, &reason, &[&target.header.number, &end.number]);
    }
    same_status(&target, draft)?;
    let copies = desk.post.copies(target.id(), desk.read);
    draft.destinations = copies.iter().map(|copy| (copy.channel.destination.clone(), copy.header.role())).collect();
    draft.precedence = draft.precedence.max(target.channel.precedence);
    draft.letter = Some('C');
    draft.header.references = vec![target.header.id.clone()];
    draft.header.incident = target.header.incident.clone();
    draft.header.action_to = target.header.action_to.clone();
    let content = Content::Cancel(v1::Cancel { target: target.header.id, ..cancel.clone() });
    draft.body = v1::Document { content: Some(content) }.encode_to_vec().into();
    Ok(())
}

fn supersede(desk: Desk<'_>, request: &v1::FileRequest, draft: &mut Draft) -> Result<(), Refusal> {
    if request.supersedes.is_empty() {
        return Ok(());
    }
    let target = find(desk, &request.supersedes, "document")?;
    own(desk, &target)?;
    if target.header.kind != draft.header.kind {
        return refuse(Code::WrongDocument, "a document is superseded by one of its own kind", &[]);
    }
    same_status(&target, draft)?;
    secrecy::continues(&target, draft)?;
    draft.header.supersedes = target.header.id;
    Ok(())
}

/// What goes up is addressed to the ministry and read by every office on the way.
fn upward(desk: Desk<'_>, draft: &mut Draft, letter: char) -> Result<(), Refusal> {
    let root = desk.post.me().topology.root().clone();
    if tier(desk) == Tier::Ministry {
        let reason = "the ministry reports to nobody here: issue a directive instead";
        return refuse(Code::NoSuperior, reason, &[]);
    }
    draft.letter = Some(letter);
    draft.header.action_to = vec![root.to_string()];
    draft.destinations = vec![(root, Role::Action)];
    Ok(())
}

/// 报告不得夹带请示.
fn no_request_inside(text: &str) -> Result<(), Refusal> {
    let asks = |at: &str| ["请示", "请批示", "请求批准", "请予批准"].iter().any(|ask| at.starts_with(ask));
    if text.match_indices('请').any(|(at, _)| asks(&text[at..])) {
        let reason = "a report may not carry a request (报告中不得夹带请示): file the report, then a request for \
                      instructions about it";
        return refuse(Code::RequestInReport, reason, &[]);
    }
    Ok(())
}

fn join_incident(first: &Copy, draft: &mut Draft) -> Result<(), Refusal> {
    if first.header.incident.is_empty() {
        let reason = format!("{} does not belong to an incident", first.header.number);
        return refuse(Code::NotAnIncident, &reason, &[&first.header.number]);
    }
    same_status(first, draft)?;
    draft.header.incident = first.header.incident.clone();
    Ok(())
}

/// An exercise never touches what is real, nor the other way round.
fn same_status(other: &Copy, draft: &Draft) -> Result<(), Refusal> {
    if other.header.status != draft.header.status {
        let reason =
            format!("{} is {:?} and this is {:?}", other.header.number, other.header.status(), draft.header.status());
        return refuse(Code::StatusDiffers, &reason, &[&other.header.number]);
    }
    Ok(())
}

fn own(desk: Desk<'_>, copy: &Copy) -> Result<(), Refusal> {
    if copy.header.origin != desk.post.me().unit.as_str() {
        let reason = format!("{} was written by {}", copy.header.number, copy.header.origin);
        return refuse(Code::NotYours, &reason, &[&copy.header.number, &copy.header.origin]);
    }
    Ok(())
}

/// Those who act, those who are to know, and whoever is between: no office hears later than those below it what they were
/// told.
fn destinations(desk: Desk<'_>, action: &[String], info: &[String]) -> Result<Vec<(Unit, Role)>, Refusal> {
    let tree = &desk.post.me().topology;
    let mut roles: BTreeMap<Unit, Role> = BTreeMap::new();
    for (units, role) in [(addressees(desk, action)?, Role::Action), (addressees(desk, info)?, Role::Info)] {
        for unit in units {
            roles.entry(unit).or_insert(role);
        }
    }
    for unit in roles.keys().cloned().collect::<Vec<_>>() {
        let mut between = tree.parent(&unit);
        while let Some(office) = between.filter(|office| **office != desk.post.me().unit) {
            roles.entry(office.clone()).or_insert(Role::Info);
            between = tree.parent(office);
        }
    }
    Ok(roles.into_iter().collect())
}

fn addressees(desk: Desk<'_>, addresses: &[String]) -> Result<Vec<Unit>, Refusal> {
    let me = desk.post.me();
    let mut units = Vec::new();
    for address in addresses {
        let selected = me.topology.select(&me.unit, address);
        units.extend(selected.map_err(|unknown| match me.topology.named(address.trim_end_matches("/*")) {
            Some(_) => Refusal::new(Code::NotBelow, &unknown.to_string(), &[address]),
            None => unknown_addressee(address, &unknown),
        })?);
    }
    units.sort();
    units.dedup();
    Ok(units)
}

/// The one document a person means.
pub fn find(desk: Desk<'_>, text: &str, what: &str) -> Result<Copy, Refusal> {
    if text.trim().is_empty() {
        return refuse(Code::MissingReference, &format!("say which {what} is meant"), &[]);
    }
    let mut found = desk.post.named(text.trim(), desk.read);
    match found.len() {
        0 if desk.post.had(text.trim()) => {
            let reason = format!("the record of {text} is damaged on this station's disk");
            refuse(Code::RecordLost, &reason, &[text])
        }
        0 => refuse(Code::NotFound, &format!("no document here is called {text}"), &[text]),
        1 => Ok(found.remove(0)),
        _ => {
            let some: Vec<_> = found.iter().take(5).map(|copy| copy.header.number.as_str()).collect();
            let some = some.join(", ");
            refuse(Code::Ambiguous, &format!("{text} may mean {some}: write more of it"), &[text, &some])
        }
    }
}

/// The incident a document a person means belongs to.
pub fn find_incident(desk: Desk<'_>, text: &str) -> Result<DocId, Refusal> {
    let copy = find(desk, text, "incident")?;
    DocId::from_slice(&copy.header.incident).ok_or_else(|| {
        let number = &copy.header.number;
        Refusal::new(Code::NotAnIncident, &format!("{number} does not belong to an incident"), &[number])
    })
}

fn incident_of(copy: &Copy) -> DocId {
    DocId::from_slice(&copy.header.incident).unwrap_or(copy.id())
}

fn tier(desk: Desk<'_>) -> Tier {
    let me = desk.post.me();
    me.topology.place(me.unit.as_str()).map_or(Tier::District, |place| place.tier)
}

fn unit(text: &str) -> Result<Unit, Refusal> {
    Unit::parse(text).map_err(|bad| unknown_addressee(text, &bad))
}

fn unknown_addressee(address: &str, why: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(Code::UnknownAddressee, &why.to_string(), &[address])
}

/// No, with what the sentence has to be told.
pub(crate) fn refuse<T>(code: Code, reason: &str, facts: &[&str]) -> Result<T, Refusal> {
    Err(Refusal::new(code, reason, facts))
}
