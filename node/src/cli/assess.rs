//! `assess`: 评估 — how bad it was, how it was dealt with, how it was received: the plan's three headings.

use clap::{ArgMatches, Command};
use proto::v1::{Assessment, FileRequest, Kind, Status, document::Content};

use super::{
    args, ask,
    call::Call,
    exit::{Exit, Outcome},
    filing,
    words::Words,
};

/// `assess ID`
pub(super) fn command(words: &Words) -> Command {
    let heading = |name, help| args::option(words, name, help).value_name("TEXT").required(true);
    let command = args::verb(words, "assess", "cmd-assess")
        .arg(args::document(words))
        .arg(heading("harm", "arg-harm"))
        .arg(heading("handling", "arg-handling"))
        .arg(heading("effect", "arg-effect"));
    filing::flags(command, words)
}

/// Runs it.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let heading = |name| ask::text(call, args::required(given, name));
    let content = Content::Assessment(Assessment {
        harm: heading("harm")?,
        handling: heading("handling")?,
        effect: heading("effect")?,
        officer: call.officer()?,
    });
    let request = filing::request(call, given, Kind::Assessment, Status::Unspecified, content)?;
    call.online(async |station| {
        let incident = args::required(given, "document").to_owned();
        let header = call.document(station, &incident).await?.header.unwrap_or_default();
        let request = FileRequest { incident, ..filing::like(request, &header, given) };
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}
