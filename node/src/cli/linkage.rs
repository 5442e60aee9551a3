//! `incident link|unlink`: 同一事件 — two incidents are one event, or are not. Nothing is merged.

use clap::{ArgMatches, Command};
use proto::v1::{FileRequest, Kind, Linkage, Status, document::Content};

use super::{
    args, ask,
    call::Call,
    exit::{Exit, Outcome},
    filing,
    words::Words,
};

/// `incident link ID OTHER --reason TEXT`
pub(super) fn link_command(words: &Words) -> Command {
    command(words, "link", "cmd-incident-link")
}

/// `incident unlink ID OTHER --reason TEXT`
pub(super) fn unlink_command(words: &Words) -> Command {
    command(words, "unlink", "cmd-incident-unlink")
}

fn command(words: &Words, name: &'static str, about: &str) -> Command {
    let command = args::verb(words, name, about)
        .arg(args::document(words))
        .arg(clap::Arg::new("other").value_name("OTHER").required(true).help(words.text("arg-other-incident")))
        .arg(args::option(words, "reason", "arg-reason").value_name("TEXT").required(true));
    filing::flags(command, words)
}

/// Runs one of the two.
pub(super) fn act(call: &Call, given: &ArgMatches, same: bool) -> Outcome {
    let content = Content::Linkage(Linkage {
        same,
        reason: ask::text(call, args::required(given, "reason"))?,
        officer: call.officer()?,
        ..Default::default()
    });
    let request = filing::request(call, given, Kind::Linkage, Status::Unspecified, content)?;
    call.online(async |station| {
        let incident = args::required(given, "document").to_owned();
        let header = call.document(station, &incident).await?.header.unwrap_or_default();
        let other = args::required(given, "other").to_owned();
        let request = FileRequest { incident, other, ..filing::like(request, &header, given) };
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}
