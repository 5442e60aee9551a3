//! `decision cap`: a released publication as a CAP 1.2 message, for the systems that carry warnings to the public.

use std::{io::Write as _, path::PathBuf};

use clap::{ArgMatches, Command, value_parser};
use oasiscap::{
    DateTime,
    id::Id,
    language::Language,
    v1dot2::{Alert, Area, Category, Certainty, Info, Map, MessageType, Scope, Severity, Status, Urgency},
};
use proto::v1::{self, Decision, DocumentView, Publication, Standing, StatusRequest, document::Content};

use super::{
    args,
    attachment::{Partial, unwritten},
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    names::Names,
    time,
    words::Words,
};
use crate::plan::lateral::Real;

/// `decision cap ID -o FILE`
pub(super) fn command(words: &Words) -> Command {
    args::verb(words, "cap", "cmd-decision-cap").arg(args::document(words)).arg(
        args::option(words, "output", "arg-cap-output")
            .short('o')
            .value_name("FILE")
            .required(true)
            .value_parser(value_parser!(PathBuf)),
    )
}

/// Writes the message, whole or not at all.
pub(super) fn export(call: &Call, given: &ArgMatches) -> Outcome {
    let Some(path) = given.get_one::<PathBuf>("output") else { return Ok(Exit::Usage) };
    let shown = path.display().to_string();
    call.online(async |station| {
        let view = call.document(station, args::required(given, "document")).await?;
        let status = call.answer(station.get_status(StatusRequest {}).await)?;
        let number = document::number(&view);
        let alert = released(&view)
            .and_then(|(real, decision, publication)| {
                alert(real, &view, decision, publication, &network(&status), &call.names())
            })
            .ok_or_else(|| {
                Failure::new(Exit::Refused, call.words.say("cap-none", &[("number", number.as_str().into())]))
            })?;
        let partial = Partial::create(path).map_err(|error| unwritten(call, &shown, &error))?;
        partial.file().write_all(alert.to_string().as_bytes()).map_err(|error| unwritten(call, &shown, &error))?;
        partial.keep(path).map_err(|error| unwritten(call, &shown, &error))?;
        call.word(&call.words.say("cap-written", &[("number", number.into()), ("file", shown.into())]));
        Ok(Exit::Done)
    })
}

/// What the public may be told: a decision that was released, about something real, and what it publishes.
fn released(view: &DocumentView) -> Option<(Real<'_>, &Decision, &Publication)> {
    let real = Real::of(view.header.as_ref()?)?;
    match view.document.as_ref()?.content.as_ref()? {
        Content::Decision(decision) => Some((real, decision, decision.publication.as_ref()?)),
        _ => None,
    }
}

/// The trust domain stations of this network are named in.
fn network(status: &v1::StatusView) -> String {
    let subject = status.certificates.first().map_or("", |certificate| certificate.subject.as_str());
    let domain = subject.strip_prefix("spiffe://").and_then(|rest| rest.split('/').next());
    domain.unwrap_or_default().to_owned()
}

fn alert(
    real: Real<'_>,
    view: &DocumentView,
    decision: &Decision,
    publication: &Publication,
    network: &str,
    names: &Names,
) -> Option<oasiscap::Alert> {
    let header = real.header();
    let at = |us: i64| time::seconds(us)?.parse::<DateTime>().ok();
    // What was taken back is told as taken back, under the same name.
    let recalled = matches!(view.standing(), Standing::Cancelled | Standing::Superseded);
    let areas = view.recipients.iter().filter(|recipient| recipient.role() == v1::Role::Action).map(|recipient| {
        let mut geocode = Map::new();
        // An exam district is no region: its id is the network's own.
        geocode.push("zhuji-unit", recipient.unit.clone());
        Area {
            description: names.get(&recipient.unit),
            polygons: Vec::new(),
            circles: Vec::new(),
            geocode,
            altitude: None,
            ceiling: None,
        }
    });
    let mut parameters = Map::new();
    publication.channels.iter().for_each(|channel| parameters.push("channel", channel.clone()));
    let info = Info {
        language: Language::new("zh-CN".to_owned()).ok()?,
        categories: vec![Category::Safety],
        event: decision.title.clone(),
        response_type: Vec::new(),
        urgency: Urgency::Expected,
        severity: Severity::Unknown,
        certainty: Certainty::Observed,
        audience: Some(publication.audience.clone()),
        event_codes: Map::new(),
        effective: at(decision.effective_at_us),
        onset: None,
        expires: at(publication.until_us),
        sender_name: Some(names.get(&header.origin)),
        headline: Some(decision.title.clone()),
        description: Some(decision.text.clone()),
        instruction: None,
        web: None,
        contact: Some(publication.contact.clone()).filter(|contact| !contact.is_empty()),
        parameters,
        resources: Vec::new(),
        areas: areas.collect(),
    };
    // On its own a message of one version has no root: only one of any version is written whole.
    Some(oasiscap::Alert::from(Alert {
        identifier: Id::new(header.number.clone()).ok()?,
        sender: Id::new(format!("{}@{network}", header.origin)).ok()?,
        sent: at(header.created.as_ref()?.wall_us)?,
        status: Status::Actual,
        message_type: if recalled { MessageType::Cancel } else { MessageType::Alert },
        source: None,
        scope: Scope::Public,
        restriction: None,
        addresses: None,
        codes: Vec::new(),
        note: None,
        references: None,
        incidents: None,
        info: vec![info],
    }))
}

#[cfg(test)]
mod tests {
    use proto::v1::{Clock, Header, RecipientView, Role};

    use super::*;
    use crate::cli::{names::tests::small, words::Lang};

    fn view(status: v1::Status) -> DocumentView {
        let decision = Decision {
            subject: v1::Subject::Notify.into(),
            title: "试卷四延期一小时 <急>".into(),
            text: "武汉考区试卷四改为十五时开考。".into(),
            publication: Some(Publication {
                audience: "武汉考区试卷四考生".into(),
                channels: vec!["短信".into(), "考点广播".into()],
                until_us: 1_411_286_400_000_000,
                contact: String::new(),
            }),
            ..Default::default()
        };
        DocumentView {
            header: Some(Header {
                number: "J-000000-0921-0001".into(),
                origin: "000000".into(),
                status: status.into(),
                created: Some(Clock { wall_us: 1_411_279_200_123_456, ..Default::default() }),
                ..Default::default()
            }),
            document: Some(v1::Document { content: Some(Content::Decision(decision)) }),
            recipients: vec![
                RecipientView { unit: "420100".into(), role: Role::Action.into(), ..Default::default() },
                RecipientView { unit: "420000".into(), role: Role::Info.into(), ..Default::default() },
            ],
            ..Default::default()
        }
    }

    /// What is written, read back.
    fn told(view: &DocumentView) -> Option<Alert> {
        let (real, decision, publication) = released(view)?;
        let names = small("000000", Lang::Zh);
        let written = alert(real, view, decision, publication, "sikao.example", &names).unwrap().to_string();
        Some(written.parse().unwrap())
    }

    #[test]
    fn what_is_published_reads_back_as_a_cap_message_word_for_word() {
        let read = told(&view(v1::Status::Actual)).unwrap();
        assert_eq!((read.identifier.as_str(), read.sender.as_str()), ("J-000000-0921-0001", "000000@sikao.example"));
        assert_eq!((read.status, read.message_type, read.scope), (Status::Actual, MessageType::Alert, Scope::Public));
        assert_eq!(read.sent.to_string(), "2014-09-21T14:00:00+08:00");
        let info = &read.info[0];
        assert_eq!(info.headline.as_deref(), Some("试卷四延期一小时 <急>"));
        assert_eq!(info.description.as_deref(), Some("武汉考区试卷四改为十五时开考。"));
        assert_eq!(info.audience.as_deref(), Some("武汉考区试卷四考生"));
        assert_eq!(info.parameters.get_all("channel").collect::<Vec<_>>(), ["短信", "考点广播"]);
        let areas: Vec<_> =
            info.areas.iter().map(|area| (area.description.as_str(), area.geocode.get("zhuji-unit"))).collect();
        assert_eq!(areas, [("武汉", Some("420100"))], "those it concerns, not those who have to know");
    }

    #[test]
    fn what_was_recalled_says_so_and_an_exercise_is_no_message_at_all() {
        let recalled = DocumentView { standing: Standing::Cancelled.into(), ..view(v1::Status::Actual) };
        assert_eq!(told(&recalled).unwrap().message_type, MessageType::Cancel);
        assert_eq!(told(&view(v1::Status::Exercise)), None);
    }
}
