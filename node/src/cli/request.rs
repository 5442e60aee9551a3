//! `request`: 请示 — one matter put to the office above, closed only by a 批复.

use clap::{ArgMatches, Command};
use proto::v1::{Box, FileRequest, Kind, Reply, Request, Status, Subject, document::Content};

use super::{
    args, ask,
    call::Call,
    exit::{Exit, Outcome},
    filing, listing, report,
    words::Words,
};
use crate::topology::Tier;

const KINDS: [Kind; 3] = [Kind::RequestForInstructions, Kind::Approval, Kind::Denial];

/// `request submit|ls|status|approve|deny`: who asks is below somebody, who answers is above somebody.
pub(super) fn command(words: &Words, tier: Tier) -> Command {
    let list =
        listing::flags(args::list(words, "cmd-request-ls"), words).arg(args::flag(words, "received", "arg-received"));
    let status = args::verb(words, "status", "cmd-request-status").arg(args::document(words)).arg(args::flag(
        words,
        "watch",
        "arg-watch",
    ));
    let mut command = args::noun(words, "request", "cmd-request").subcommand(list).subcommand(status);
    if tier != Tier::Ministry {
        command = command.subcommand(submit_command(words));
    }
    if tier != Tier::District {
        for (name, about) in [("approve", "cmd-request-approve"), ("deny", "cmd-request-deny")] {
            let verb =
                args::verb(words, name, about).arg(args::document(words)).arg(report::message(words).required(true));
            let verb = match name {
                "approve" => verb.arg(args::option(words, "decision", "arg-request-decision").value_name("ID")),
                _ => verb,
            };
            command = command.subcommand(filing::flags(verb, words));
        }
    }
    command
}

fn submit_command(words: &Words) -> Command {
    let command = filing::status_flags(args::verb(words, "submit", "cmd-request-submit"), words)
        .arg(args::option(words, "for", "arg-request-for").value_name("ID").conflicts_with("reality"))
        .arg(args::option(words, "ask", "arg-ask").value_name("TEXT").required(true))
        .arg(args::choice::<Subject>(words, "subject", "arg-request-subject"))
        .arg(args::option(words, "recommend", "arg-recommend").value_name("TEXT"))
        .arg(args::option(words, "needed-by", "arg-needed-by").value_name("TIME"));
    report::wait_flags(filing::flags(command, words), words)
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("submit", given)) => submit(call, given),
        Some(("approve", given)) => reply(call, given, Kind::Approval),
        Some(("deny", given)) => reply(call, given, Kind::Denial),
        Some(("status", given)) => listing::status(call, given),
        Some((_, given)) => {
            let received = given.get_flag("received") || call.tier == Tier::Ministry;
            listing::list(call, given, if received { Box::Received } else { Box::Filed }, &KINDS)
        }
        None => Ok(Exit::Usage),
    }
}

fn submit(call: &Call, given: &ArgMatches) -> Outcome {
    let needed_by_us = args::deadline(&call.words, given, "needed-by", call.now())?;
    let content = Content::Request(Request {
        ask: ask::text(call, args::required(given, "ask"))?,
        recommendation: args::text(given, "recommend").unwrap_or_default().to_owned(),
        needed_by_us,
        officer: call.officer()?,
        subject: args::chosen::<Subject>(given, "subject").unwrap_or_default().into(),
    });
    let incident = args::text(given, "for");
    let status = match (filing::status(given), incident) {
        (Some(status), _) => status,
        // Copied below from what it is about.
        (None, Some(_)) => Status::Unspecified,
        (None, None) => return Err(report::missing(call, "--actual|--exercise|--for")),
    };
    let request = filing::request(call, given, Kind::RequestForInstructions, status, content)?;
    let mut request = FileRequest { reply_by_us: needed_by_us, ..request };
    let patience = args::span(&call.words, given, "timeout")?;
    call.online(async |station| {
        if let Some(incident) = incident {
            let header = call.document(station, incident).await?.header.unwrap_or_default();
            request = FileRequest { incident: incident.to_owned(), ..filing::like(request, &header, given) };
        }
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        let next = [("request status", "next-request-status")];
        report::filed_and_awaited(call, station, &filed, given, patience, &next).await
    })
}

/// A 批复 is as real and as urgent as what it answers.
fn reply(call: &Call, given: &ArgMatches, kind: Kind) -> Outcome {
    let asked = args::required(given, "document");
    let text = ask::text(call, args::required(given, "message"))?;
    let content = Content::Reply(Reply { text, officer: call.officer()?, ..Default::default() });
    let request = filing::request(call, given, kind, Status::Unspecified, content)?;
    call.online(async |station| {
        let header = call.document(station, asked).await?.header.unwrap_or_default();
        let decision = match kind {
            Kind::Approval => args::text(given, "decision").unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let request = FileRequest { refers_to: asked.to_owned(), decision, ..filing::like(request, &header, given) };
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}
