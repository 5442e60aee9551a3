//! One document, and lists of them: for people and for machines.

use proto::v1::{
    AttachmentView, Commended, Decision, Directive, Document, DocumentView, Grade, Header, Kind, Linkage, Order,
    Passage, QueueState, RecipientView, SecrecyReport, StageView, Standing, Subject, Vote, document::Content,
};
use serde_json::{Value, json};

use super::{
    aggregate, bypass, items, ladder,
    names::Names,
    owner, readiness, roster, shift,
    table::{self, Columns},
    terms::{self, Listed},
    time, visible, warning,
    words::Words,
};
use crate::io::Timestamp;

/// What people call it.
pub(crate) fn number(view: &DocumentView) -> String {
    view.header.as_ref().map_or_else(String::new, |header| visible::line(&header.number))
}

/// `首报`, `续报2`, `批复(同意)`.
pub(crate) fn kind_text(view: &DocumentView, words: &Words) -> String {
    view.header.as_ref().map_or_else(String::new, |header| terms::kind_word(header.kind(), header.position, words))
}

/// `特急`
pub(crate) fn precedence_text(view: &DocumentView, words: &Words) -> String {
    view.header.as_ref().map_or_else(String::new, |header| header.precedence().word(words))
}

/// `演练`
pub(crate) fn status_text(view: &DocumentView, words: &Words) -> String {
    view.header.as_ref().map_or_else(String::new, |header| header.status().word(words))
}

/// `已撤销(D-000000-0919-0004)`; nothing while it stands.
pub(crate) fn standing_text(view: &DocumentView, words: &Words) -> String {
    match view.standing() {
        Standing::Active => String::new(),
        standing if view.standing_by.is_empty() => standing.word(words),
        standing => {
            let word = match (standing, ladder::kind(view)) {
                (Standing::Closed, Kind::RequestForInstructions) => words.text("standing-answered"),
                (standing, _) => standing.word(words),
            };
            let args = [("standing", word.into()), ("by", visible::line(&view.standing_by).into())];
            words.say("standing-by", &args)
        }
    }
}

/// Whether somebody graded it.
pub(crate) fn is_set(grade: Grade) -> bool {
    grade != Grade::Unspecified
}

/// Many documents, a line each.
pub(crate) fn render_list(views: &[DocumentView], names: &Names, words: &Words, now: Timestamp) -> String {
    let heads = [
        "head-grade",
        "head-precedence",
        "head-number",
        "head-kind",
        "head-matter",
        "head-from",
        "head-state",
        "head-time",
        "head-due",
    ];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for view in views {
        let Some(header) = &view.header else { continue };
        let arrived = if view.arrived_us == 0 { created(header) } else { view.arrived_us };
        table.row([
            grade_text(view, words),
            precedence_text(view, words),
            number(view),
            kind_text(view, words),
            matter_text(view, words),
            names.get(&header.origin),
            state_text(view, words),
            time::clock(arrived),
            if header.reply_by_us == 0 {
                "–".to_owned()
            } else {
                time::clock_and_age(header.reply_by_us, now, words)
            },
        ]);
    }
    table.render()
}

/// One document whole.
pub(crate) fn render_document(view: &DocumentView, names: &Names, words: &Words, now: Timestamp) -> String {
    let mut table = Columns::bare();
    let mut field = |key: &str, value: String| {
        if !value.is_empty() {
            table.row([words.text(key), value]);
        }
    };
    if let Some(header) = &view.header {
        let joined = |units: &[String]| {
            units
                .iter()
                .map(|unit| address_text(unit, names, words))
                .collect::<Vec<_>>()
                .join(&words.text("list-comma"))
        };
        let when = |us| if us == 0 { String::new() } else { time::clock_and_age(us, now, words) };
        field("field-classification", header.classification().word(words));
        field("field-readers", readers(&header.need_to_know, words));
        field("field-from", names.get(&header.origin));
        field("field-created", when(created(header)));
        field("field-arrived", when(view.arrived_us));
        field("field-action-to", joined(&header.action_to));
        field("field-info-to", joined(&header.info_to));
        field("field-deliver-by", when(header.deliver_by_us));
        field("field-reply-by", when(header.reply_by_us));
        field("field-expires", when(header.expires_at_us));
    }
    if view.header.as_ref().is_some_and(|header| header.direct) {
        field("field-way", words.text("way-direct"));
    }
    for (key, value) in content_fields(view, names, words) {
        field(key, value);
    }
    if !view.owner.is_empty() {
        field("field-owner", names.get(&view.owner));
    }
    if view.review_until_us != 0 {
        field("field-review", time::clock_and_age(view.review_until_us, now, words));
    } else if view.recommendation_pending {
        field("field-review", words.text("recommendation-awaited"));
    }
    field("field-state", state_text(view, words));
    field("field-missing", missing_text(view));
    field("field-related", view.related.iter().map(|one| visible::line(one)).collect::<Vec<_>>().join(", "));
    field("field-same-event", view.same_event.iter().map(|one| visible::line(one)).collect::<Vec<_>>().join(", "));
    let mut text = format!("{}\n{}", super::trace::title(view, words), table.render());
    if let Some(Content::Report(report)) = content(view) {
        text.push_str(&items::render(&report.particulars, words));
    }
    for attachment in &view.attachments {
        text.push_str(&attachment_line(attachment, words));
    }
    if let Some(first) = view.attachments.iter().find_map(|one| one.attachment.as_ref()) {
        let args = [("name", visible::line(&first.name).into()), ("number", number(view).into())];
        text.push_str(&format!("  {}\n", words.say("attachment-fetch", &args)));
    }
    for line in body_lines(view, names, words) {
        text.push_str(&format!("\n  {line}"));
    }
    text.push('\n');
    text
}

/// An address as it was written, told: one office, all below one, or all of a kind.
pub(crate) fn address_text(address: &str, names: &Names, words: &Words) -> String {
    match address {
        "all" | "全部" => words.text("address-all"),
        "provinces" | "各省" => words.text("address-provinces"),
        "districts" | "各考区" => words.text("address-districts"),
        _ => match address.strip_suffix("/*") {
            Some(above) => words.say("address-below", &[("name", names.get(above).into())]),
            None => names.get(address),
        },
    }
}

pub(crate) fn created(header: &Header) -> i64 {
    header.created.as_ref().map_or(0, |clock| clock.wall_us)
}

pub(crate) fn content(view: &DocumentView) -> Option<&Content> {
    view.document.as_ref().and_then(|Document { content }| content.as_ref())
}

pub(crate) fn grade_text(view: &DocumentView, words: &Words) -> String {
    match content(view) {
        Some(Content::Report(report)) if is_set(report.grade()) => report.grade().word(words),
        _ => "–".to_owned(),
    }
}

pub(crate) fn matter_text(view: &DocumentView, words: &Words) -> String {
    let text = match content(view) {
        Some(Content::Report(report)) => report.category().word(words),
        Some(Content::Directive(directive)) => visible::line(&directive.title),
        Some(Content::Request(request)) => visible::line(&request.ask),
        Some(Content::Reply(reply)) => visible::line(&reply.text),
        Some(Content::Endorsement(said)) => recommendation(&said.recommendation, words),
        Some(Content::LateralNotice(notice)) => format!("{} {}", notice.to().word(words), visible::line(&notice.body)),
        Some(Content::Assessment(said)) => visible::line(&said.handling),
        Some(Content::PolicyRelease(release)) => visible::line(&release.version),
        Some(Content::Decision(decision)) => visible::line(&decision.title),
        Some(Content::Proposal(proposal)) => {
            proposal.decision.as_ref().map(|decision| visible::line(&decision.title)).unwrap_or_default()
        }
        Some(Content::Vote(vote)) => visible::line(&vote.member),
        Some(Content::NilReport(nil)) => visible::line(&nil.slot),
        Some(Content::Preparation(said)) => {
            said.points.iter().map(|point| visible::line(&point.code)).collect::<Vec<_>>().join(" ")
        }
        Some(Content::LogEntry(entry)) => entry.matter().word(words),
        Some(Content::Bypass(said)) => said.cause().word(words),
        Some(Content::Bulletin(said)) => visible::line(&said.title),
        Some(Content::HandOver(said)) => visible::line(&said.to),
        Some(Content::EarlyWarning(said)) => visible::line(&said.hazard),
        Some(Content::Linkage(said)) => words.text(linkage_key(said)),
        Some(Content::Cancel(cancel)) => visible::line(&cancel.reason),
        _ => String::new(),
    };
    short(&text, 20)
}

fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Where it stands, in one cell.
pub(crate) fn state_text(view: &DocumentView, words: &Words) -> String {
    let standing = standing_text(view, words);
    let mut text = if !standing.is_empty() {
        standing
    } else if view.arrived_us != 0 && view.signed_here {
        words.text("state-signed-here")
    } else if view.arrived_us != 0 {
        words.text("state-unsigned-here")
    } else {
        progress_text(view, words)
    };
    if view.orphan || !view.missing_positions.is_empty() {
        text.push_str(&words.text("state-gap"));
    }
    text
}

/// How far it has come: the slowest of those it is meant for.
fn progress_text(view: &DocumentView, words: &Words) -> String {
    let waiting = view.recipients.iter().find_map(|recipient| recipient.waiting.as_ref());
    if let Some(waiting) = waiting {
        return words.text(super::trace::state_key(waiting));
    }
    if let Some(stage) = view.recipients.iter().find_map(ladder::ended) {
        return stage.word(words);
    }
    let rungs = proto::v1::Stage::TERMS.iter().rev().map(|term| term.value);
    let all = |stage: &proto::v1::Stage| {
        !view.recipients.is_empty() && view.recipients.iter().all(|one| ladder::highest(one) == Some(*stage))
    };
    match rungs.into_iter().find(all) {
        Some(stage) => stage.word(words),
        None if view.recipients.iter().any(|one| ladder::highest(one).is_some()) => words.text("state-partly"),
        None => words.text("state-queued"),
    }
}

pub(crate) fn missing_text(view: &DocumentView) -> String {
    view.missing_positions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

pub(crate) fn content_fields(view: &DocumentView, names: &Names, words: &Words) -> Vec<(&'static str, String)> {
    match content(view) {
        Some(Content::Report(report)) => vec![
            ("field-occurred", time::clock(report.occurred_at_us)),
            ("field-place", visible::line(&report.place)),
            ("field-officer", visible::line(&report.reporter)),
        ],
        Some(Content::Request(request)) => vec![
            (
                "field-needed-by",
                if request.needed_by_us == 0 { String::new() } else { time::clock(request.needed_by_us) },
            ),
            ("field-recommendation", visible::line(&request.recommendation)),
            ("field-officer", visible::line(&request.officer)),
        ],
        Some(Content::Reply(reply)) => vec![("field-officer", visible::line(&reply.officer))],
        Some(Content::Directive(directive)) => directive_fields(directive, words),
        Some(Content::Cancel(cancel)) => vec![("field-officer", visible::line(&cancel.officer))],
        Some(Content::Endorsement(said)) => vec![
            ("field-verified", said.verified().word(words)),
            ("field-recommendation", recommendation(&said.recommendation, words)),
            ("field-officer", visible::line(&said.officer)),
            ("field-releaser", visible::line(&said.releaser)),
        ],
        Some(Content::LateralNotice(notice)) => vec![
            ("field-told", format!("{} {}", notice.to().word(words), visible::line(&notice.body))),
            ("field-told-at", time::clock(notice.told_at_us)),
            ("field-manner", notice.manner().word(words)),
            ("field-contact", visible::line(&notice.contact)),
            ("field-reference", visible::line(&notice.reference)),
            ("field-officer", visible::line(&notice.officer)),
        ],
        Some(Content::Assessment(said)) => vec![
            ("field-harm", visible::line(&said.harm)),
            ("field-handling", visible::line(&said.handling)),
            ("field-effect", visible::line(&said.effect)),
            ("field-officer", visible::line(&said.officer)),
        ],
        Some(Content::PolicyRelease(release)) => vec![
            ("field-version", visible::line(&release.version)),
            ("field-reference", visible::line(&release.reference)),
            ("field-officer", visible::line(&release.officer)),
            ("field-releaser", visible::line(&release.releaser)),
        ],
        Some(Content::Decision(decision)) => decision_fields(decision, words),
        Some(Content::Proposal(proposal)) => {
            proposal.decision.as_ref().map(|decision| decision_fields(decision, words)).unwrap_or_default()
        }
        Some(Content::LogEntry(entry)) => shift::fields(entry, words),
        Some(Content::Bypass(said)) => bypass::fields(said, names, words),
        Some(Content::HandOver(said)) => owner::fields(said, names, words),
        Some(Content::EarlyWarning(said)) => warning::fields(said, words),
        Some(Content::Roster(said)) => vec![("field-officer", visible::line(&said.officer))],
        Some(Content::Bulletin(said)) => {
            vec![("field-officer", visible::line(&said.officer)), ("field-releaser", visible::line(&said.releaser))]
        }
        Some(Content::Linkage(said)) => {
            let both = format!("{} · {}", visible::line(&said.one), visible::line(&said.other));
            vec![
                ("field-linkage", format!("{} {both}", words.text(linkage_key(said)))),
                ("field-officer", visible::line(&said.officer)),
            ]
        }
        Some(Content::NilReport(nil)) => {
            vec![("field-slot", visible::line(&nil.slot)), ("field-officer", visible::line(&nil.officer))]
        }
        Some(Content::Preparation(said)) => vec![("field-officer", visible::line(&said.officer))],
        Some(Content::Vote(vote)) => vec![
            ("field-member", visible::line(&vote.member)),
            ("field-vote", words.text(if vote.agrees { "vote-agrees" } else { "vote-disagrees" })),
        ],
        Some(Content::Receipts(_)) | None => Vec::new(),
    }
}

/// 知悉范围: who is named, and who is not to read it.
pub(crate) fn readers(names: &[String], words: &Words) -> String {
    let told = names.iter().map(|name| match name.strip_prefix('!') {
        Some(name) => words.say("reader-excluded", &[("name", visible::line(name).into())]),
        None => visible::line(name),
    });
    told.collect::<Vec<_>>().join(&words.text("list-comma"))
}

fn linkage_key(said: &Linkage) -> &'static str {
    if said.same { "linkage-same" } else { "linkage-parted" }
}

fn commended(one: &Commended, words: &Words) -> String {
    words.say("commended", &[("who", visible::line(&one.who).into()), ("merit", visible::line(&one.merit).into())])
}

fn directive_fields(directive: &Directive, words: &Words) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if directive.order() != Order::Unspecified {
        fields.push(("field-order", directive.order().word(words)));
    }
    if let Some(sent) = &directive.sent {
        let people = sent.people.iter().map(|person| visible::line(person)).collect::<Vec<_>>();
        fields.extend([
            ("field-people", people.join(&words.text("list-comma"))),
            ("field-mandate", visible::line(&sent.mandate)),
            ("field-goods", visible::line(&sent.goods)),
            ("field-from", visible::line(&sent.from)),
            ("field-eta", time::clock(sent.eta_us)),
            ("field-on-the-way", visible::line(&sent.contact)),
        ]);
    }
    fields.extend([
        ("field-require", directive.require().word(words)),
        ("field-officer", visible::line(&directive.officer)),
    ]);
    fields
}

fn decision_fields(decision: &Decision, words: &Words) -> Vec<(&'static str, String)> {
    let comma = words.text("list-comma");
    let list = |texts: &[String]| texts.iter().map(|text| visible::line(text)).collect::<Vec<_>>().join(&comma);
    let votes = decision.votes.iter().map(|vote| {
        let key = if vote.agrees { "vote-agrees" } else { "vote-disagrees" };
        format!("{} {}", visible::line(&vote.member), words.text(key))
    });
    let effective = match decision.effective_at_us {
        0 => words.text("effective-at-once"),
        us => time::clock(us),
    };
    let published = decision.publication.as_ref().map(|publication| {
        [
            ("field-audience", visible::line(&publication.audience)),
            ("field-channels", list(&publication.channels)),
            ("field-until", time::clock(publication.until_us)),
            ("field-inquiries", visible::line(&publication.contact)),
        ]
    });
    let mut fields = vec![
        ("field-subject", decision.subject().word(words)),
        ("field-scope", list(&decision.scope)),
        ("field-place", visible::line(&decision.place)),
        ("field-basis", list(&decision.basis)),
        ("field-effective", effective),
        ("field-fallback", visible::line(&decision.fallback)),
        ("field-options", list(&decision.options)),
        ("field-votes", votes.collect::<Vec<_>>().join(&comma)),
        ("field-drafter", visible::line(&decision.drafter)),
        ("field-releaser", visible::line(&decision.releaser)),
    ];
    fields.extend(published.into_iter().flatten());
    fields
}

/// A 建议 that follows.
fn recommendation(text: &str, words: &Words) -> String {
    if text.trim().is_empty() { words.text("recommendation-pending") } else { visible::line(text) }
}

/// The seven things a written report to the 保密 department says, a line each.
fn secrecy_lines(said: &SecrecyReport, words: &Words) -> Vec<String> {
    let seven = [
        ("secrecy-matter", &said.matter),
        ("secrecy-discovery", &said.discovery),
        ("secrecy-responsible", &said.responsible),
        ("secrecy-course", &said.course),
        ("secrecy-harm", &said.harm),
        ("secrecy-investigation", &said.investigation),
        ("secrecy-remedy", &said.remedy),
    ];
    seven.iter().map(|(key, text)| format!("{} {}", words.text(key), visible::line(text))).collect()
}

pub(crate) fn body_lines(view: &DocumentView, names: &Names, words: &Words) -> Vec<String> {
    match content(view) {
        Some(Content::Report(report)) => visible::lines(&report.text),
        Some(Content::Request(request)) => visible::lines(&request.ask),
        Some(Content::Reply(reply)) => visible::lines(&reply.text),
        Some(Content::Directive(directive)) => visible::lines(&directive.text),
        Some(Content::Cancel(cancel)) => visible::lines(&cancel.reason),
        Some(Content::Endorsement(said)) => visible::lines(&said.findings),
        Some(Content::LateralNotice(notice)) => {
            let mut lines = visible::lines(&notice.text);
            lines.extend(notice.secrecy.iter().flat_map(|said| secrecy_lines(said, words)));
            lines
        }
        Some(Content::Decision(decision)) => visible::lines(&decision.text),
        Some(Content::Proposal(proposal)) => {
            proposal.decision.as_ref().map(|decision| visible::lines(&decision.text)).unwrap_or_default()
        }
        Some(Content::Vote(vote)) => visible::lines(&vote.note),
        Some(Content::NilReport(nil)) => visible::lines(&nil.text),
        Some(Content::Preparation(said)) => readiness::lines(said, words),
        Some(Content::LogEntry(entry)) => visible::lines(&entry.text),
        Some(Content::Bypass(said)) => visible::lines(&said.reason),
        Some(Content::Bulletin(said)) => aggregate::lines(said, names, words),
        Some(Content::HandOver(said)) => visible::lines(&said.reason),
        Some(Content::EarlyWarning(said)) => visible::lines(&said.text),
        Some(Content::Roster(said)) => roster::lines(said, words),
        Some(Content::Linkage(said)) => visible::lines(&said.reason),
        Some(Content::Assessment(said)) => said.commended.iter().map(|one| commended(one, words)).collect(),
        Some(Content::Receipts(_) | Content::PolicyRelease(_)) => Vec::new(),
        None if view.withheld => vec![words.text("body-withheld")],
        None => vec![words.text("body-absent")],
    }
}

fn attachment_line(view: &AttachmentView, words: &Words) -> String {
    let Some(attachment) = &view.attachment else { return String::new() };
    let args = [
        ("name", visible::line(&attachment.name).into()),
        ("size", table::bytes(attachment.length).into()),
        ("digest", hex(&attachment.digest).into()),
        ("held", table::bytes(view.held).into()),
    ];
    let key = match view.held >= attachment.length {
        true => "attachment-here",
        false if attachment.held_back => "attachment-elsewhere",
        false => "attachment-coming",
    };
    format!("  {}\n", words.say(key, &args))
}

/// Bytes as people copy them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id in its usual spelling.
pub(crate) fn id(bytes: &[u8]) -> Option<String> {
    uuid::Uuid::from_slice(bytes).ok().map(|id| id.to_string())
}

/// Text, or nothing for an empty one.
pub(crate) fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// One document for machines.
pub(crate) fn json(view: &DocumentView) -> Value {
    let header = view.header.clone().unwrap_or_default();
    json!({
        "schema": "zhuji.document/1",
        "id": id(&view.id),
        "number": header.number,
        "kind": header.kind().code(),
        "position": header.position,
        "policy": some(&header.policy),
        "status": header.status().code(),
        "precedence": header.precedence().code(),
        "classification": header.classification().code(),
        "origin": header.origin,
        "incident": id(&header.incident),
        "supersedes": id(&header.supersedes),
        "references": header.references.iter().filter_map(|one| id(one)).collect::<Vec<_>>(),
        "action_to": header.action_to,
        "info_to": header.info_to,
        "created_at": time::rfc3339(created(&header)),
        "arrived_at": time::rfc3339(view.arrived_us),
        "deliver_by": time::rfc3339(header.deliver_by_us),
        "reply_by": time::rfc3339(header.reply_by_us),
        "expires_at": time::rfc3339(header.expires_at_us),
        "state": state_code(view),
        "standing": view.standing().code(),
        "standing_by": some(&view.standing_by),
        "signed_here": view.signed_here,
        "orphan": view.orphan,
        "missing_positions": view.missing_positions,
        "related": view.related,
        "same_event": view.same_event,
        "owner": some(&view.owner),
        "review_until": time::rfc3339(view.review_until_us),
        "recommendation_pending": view.recommendation_pending,
        "direct": header.direct,
        "withheld": view.withheld,
        "need_to_know": header.need_to_know,
        "content": content_json(view),
        "attachments": view.attachments.iter().map(attachment_json).collect::<Vec<_>>(),
        "recipients": view.recipients.iter().map(recipient_json).collect::<Vec<_>>(),
        "passages": view.passages.iter().map(passage_json).collect::<Vec<_>>(),
    })
}

/// The rung all addressees have come to: `queued` before the first.
fn state_code(view: &DocumentView) -> &'static str {
    let rungs = [
        proto::v1::Stage::Completed,
        proto::v1::Stage::Undertaken,
        proto::v1::Stage::Read,
        proto::v1::Stage::Signed,
        proto::v1::Stage::Delivered,
        proto::v1::Stage::Custody,
    ];
    let all = |stage: &proto::v1::Stage| view.recipients.iter().all(|one| ladder::has_reached(one, *stage));
    match rungs.into_iter().find(|stage| !view.recipients.is_empty() && all(stage)) {
        Some(stage) => stage.code(),
        None => "queued",
    }
}

fn content_json(view: &DocumentView) -> Value {
    match content(view) {
        Some(Content::Report(report)) => json!({
            "occurred_at": time::rfc3339(report.occurred_at_us),
            "known_at": time::rfc3339(report.known_at_us),
            "place": report.place,
            "category": report.category().code(),
            "grade": is_set(report.grade()).then(|| report.grade().code()),
            "text": report.text,
            "officer": report.reporter,
            "items": items::json(&report.particulars),
        }),
        Some(Content::Request(request)) => json!({
            "ask": request.ask,
            "recommendation": some(&request.recommendation),
            "needed_by": time::rfc3339(request.needed_by_us),
            "subject": is_subject(request.subject()).then(|| request.subject().code()),
            "officer": request.officer,
        }),
        Some(Content::Reply(reply)) => {
            json!({ "text": reply.text, "officer": reply.officer, "decision": id(&reply.decision) })
        }
        Some(Content::Directive(directive)) => json!({
            "title": directive.title,
            "text": directive.text,
            "require": directive.require().code(),
            "officer": directive.officer,
            "order": (directive.order() != Order::Unspecified).then(|| directive.order().code()),
            "sent": directive.sent.as_ref().map(|sent| json!({
                "people": sent.people,
                "mandate": some(&sent.mandate),
                "goods": some(&sent.goods),
                "from": some(&sent.from),
                "eta": time::rfc3339(sent.eta_us),
                "contact": some(&sent.contact),
            })),
        }),
        Some(Content::Cancel(cancel)) => json!({
            "target": id(&cancel.target),
            "reason": cancel.reason,
            "officer": cancel.officer,
        }),
        Some(Content::Endorsement(said)) => json!({
            "report": id(&said.report),
            "verified": said.verified().code(),
            "findings": some(&said.findings),
            "recommendation": some(&said.recommendation),
            "grade": is_set(said.grade()).then(|| said.grade().code()),
            "officer": said.officer,
            "releaser": said.releaser,
        }),
        Some(Content::LateralNotice(notice)) => json!({
            "to": notice.to().code(),
            "body": notice.body,
            "told_at": time::rfc3339(notice.told_at_us),
            "manner": notice.manner().code(),
            "contact": notice.contact,
            "reference": some(&notice.reference),
            "text": some(&notice.text),
            "officer": notice.officer,
            "secrecy": notice.secrecy.as_ref().map(|said| json!({
                "matter": said.matter,
                "discovery": said.discovery,
                "responsible": said.responsible,
                "course": said.course,
                "harm": said.harm,
                "investigation": said.investigation,
                "remedy": said.remedy,
            })),
        }),
        Some(Content::Assessment(said)) => json!({
            "harm": said.harm,
            "handling": said.handling,
            "effect": said.effect,
            "officer": said.officer,
            "commended": said.commended.iter().map(|one| json!({ "who": one.who, "merit": one.merit })).collect::<Vec<_>>(),
        }),
        Some(Content::PolicyRelease(release)) => json!({
            "version": release.version,
            "text": release.text,
            "reference": release.reference,
            "officer": release.officer,
            "releaser": release.releaser,
        }),
        Some(Content::Decision(decision)) => decision_json(decision),
        Some(Content::Proposal(proposal)) => proposal.decision.as_ref().map_or(Value::Null, decision_json),
        Some(Content::Vote(vote)) => vote_json(vote),
        Some(Content::LogEntry(entry)) => shift::entry_json(entry),
        Some(Content::Bypass(said)) => bypass::json(said),
        Some(Content::Bulletin(said)) => aggregate::json(said),
        Some(Content::HandOver(said)) => owner::json(said),
        Some(Content::EarlyWarning(said)) => warning::json(said),
        Some(Content::Roster(said)) => roster::roster_json(said),
        Some(Content::Linkage(said)) => json!({
            "incident": id(&said.incident),
            "same": said.same,
            "one": said.one,
            "other": said.other,
            "reason": said.reason,
            "officer": said.officer,
        }),
        Some(Content::Preparation(said)) => readiness::said_json(said),
        Some(Content::NilReport(nil)) => {
            json!({ "slot": nil.slot, "text": some(&nil.text), "officer": nil.officer })
        }
        Some(Content::Receipts(_)) | None => Value::Null,
    }
}

fn is_subject(subject: Subject) -> bool {
    subject != Subject::Unspecified
}

fn decision_json(decision: &Decision) -> Value {
    json!({
        "subject": decision.subject().code(),
        "scope": decision.scope,
        "place": some(&decision.place),
        "title": decision.title,
        "text": decision.text,
        "basis": decision.basis,
        "effective_at": time::rfc3339(decision.effective_at_us),
        "fallback": some(&decision.fallback),
        "options": decision.options,
        "drafter": decision.drafter,
        "releaser": some(&decision.releaser),
        "proposal": id(&decision.proposal),
        "resumes": id(&decision.resumes),
        "votes": decision.votes.iter().map(vote_json).collect::<Vec<_>>(),
        "publication": decision.publication.as_ref().map(|publication| json!({
            "audience": publication.audience,
            "channels": publication.channels,
            "until": time::rfc3339(publication.until_us),
            "contact": some(&publication.contact),
        })),
    })
}

fn vote_json(vote: &Vote) -> Value {
    json!({
        "proposal": id(&vote.proposal),
        "digest": hex(&vote.digest),
        "agrees": vote.agrees,
        "member": vote.member,
        "note": some(&vote.note),
        "at": time::rfc3339(vote.at_us),
    })
}

fn attachment_json(view: &AttachmentView) -> Value {
    let attachment = view.attachment.clone().unwrap_or_default();
    json!({
        "digest": hex(&attachment.digest),
        "length": attachment.length,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "held_back": attachment.held_back,
        "released_by": some(&attachment.released_by),
        "held": view.held,
    })
}

fn recipient_json(recipient: &RecipientView) -> Value {
    json!({
        "unit": recipient.unit,
        "name": recipient.name,
        "tier": some(&recipient.tier),
        "role": recipient.role().code(),
        "reached": ladder::highest(recipient).map(Listed::code),
        "ended": ladder::ended(recipient).map(Listed::code),
        "stages": recipient.stages.iter().map(stage_json).collect::<Vec<_>>(),
        "waiting": recipient.waiting.as_ref().map(waiting_json),
    })
}

fn stage_json(stage: &StageView) -> Value {
    json!({
        "stage": stage.stage().code(),
        "at": time::rfc3339(stage.at_us),
        "station": stage.station,
        "officer": some(&stage.officer),
        "note": some(&stage.note),
    })
}

/// What waits, for machines.
pub(crate) fn waiting_json(waiting: &QueueState) -> Value {
    json!({
        "peer": waiting.peer,
        "since": time::rfc3339(waiting.since_us),
        "link_up": waiting.link_up,
        "attempts": waiting.attempts,
        "last_failure": some(&waiting.last_failure),
        "next_attempt_at": time::rfc3339(waiting.next_attempt_us),
        "held": waiting.held,
        "in_flight": waiting.in_flight,
    })
}

pub(crate) fn passage_json(passage: &Passage) -> Value {
    json!({
        "station": passage.station,
        "arrived_at": time::rfc3339(passage.arrived_us),
        "offered_at": time::rfc3339(passage.offered_us),
        "attempts": passage.attempts,
        "clock_offset_us": passage.offset_us,
        "clock_uncertainty_us": passage.offset_uncertainty_us,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{
        ladder::tests::{arrived, on_the_way},
        time::tests::MORNING,
        words::Lang,
    };

    #[test]
    fn a_document_is_shown_whole_and_cannot_drive_the_terminal() {
        let view = on_the_way();
        let text = render_document(&view, &Names::default(), &Words::new(Lang::Zh), Timestamp::from_us(MORNING));
        assert!(text.starts_with("R-420100-0919-0007  首报  Ⅰ红  特急  试卷安全(演练)\n"), "{text}");
        assert!(text.contains("地点  武汉/第三考点/A-12"), "{text}");
        assert!(text.ends_with("\n  启封第一场试卷时发现一袋封装损毁,涉及30人␛[2J\n"), "{text}");
    }

    #[test]
    fn a_list_shows_where_each_stands() {
        let views = [on_the_way(), DocumentView { arrived_us: MORNING, orphan: true, ..on_the_way() }];
        let text = render_list(&views, &Names::default(), &Words::new(Lang::Zh), Timestamp::from_us(MORNING));
        let expected = " 级别  时效  编号                种类  事项      来自    现状             时间            时限
 Ⅰ红   特急  R-420100-0919-0007  首报  试卷安全  420100  在途             09-19 08:44:10  –
 Ⅰ红   特急  R-420100-0919-0007  首报  试卷安全  420100  待签 ⚠ 前件未到  09-19 08:44:10  –
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn machines_read_the_text_as_it_is_and_one_word_for_the_state() {
        assert_eq!(json(&on_the_way())["state"], "custody");
        let value = json(&arrived());
        assert_eq!(value["state"], "signed");
        assert_eq!(value["schema"], "zhuji.document/1");
        assert_eq!(value["content"]["grade"], "I");
        assert_eq!(value["content"]["text"], "启封第一场试卷时发现一袋封装损毁,涉及30人\u{1b}[2J");
        assert_eq!(value["created_at"], "2026-09-19T08:44:10+08:00");
    }
}
