//! `incident hand-over`: 移交牵头 — which office leads in an incident, from now on.

use clap::{ArgMatches, Command};
use proto::v1::{FileRequest, HandOver, Kind, Status, document::Content};
use serde_json::{Value, json};

use super::{
    args, ask,
    call::Call,
    exit::{Exit, Outcome},
    filing,
    names::Names,
    visible,
    words::Words,
};

/// `incident hand-over ID --to UNIT --reason TEXT`
pub(super) fn command(words: &Words) -> Command {
    let command = args::verb(words, "hand-over", "cmd-incident-hand-over")
        .arg(args::document(words))
        .arg(args::option(words, "to", "arg-owner-to").value_name("UNIT").required(true))
        .arg(args::option(words, "reason", "arg-reason").value_name("TEXT").required(true));
    filing::flags(command, words)
}

/// Runs it.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let content = Content::HandOver(HandOver {
        to: args::required(given, "to").trim().to_owned(),
        reason: ask::text(call, args::required(given, "reason"))?,
        officer: call.officer()?,
        ..Default::default()
    });
    let request = filing::request(call, given, Kind::HandOver, Status::Unspecified, content)?;
    call.online(async |station| {
        let incident = args::required(given, "document").to_owned();
        let header = call.document(station, &incident).await?.header.unwrap_or_default();
        let request = FileRequest { incident, ..filing::like(request, &header, given) };
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}

/// From whom to whom.
pub(super) fn fields(said: &HandOver, names: &Names, words: &Words) -> Vec<(&'static str, String)> {
    let args = [("from", names.get(&said.from).into()), ("to", names.get(&said.to).into())];
    vec![("field-owner", words.say("owner-from-to", &args)), ("field-officer", visible::line(&said.officer))]
}

/// For machines.
pub(super) fn json(said: &HandOver) -> Value {
    json!({ "from": said.from, "to": said.to, "reason": said.reason, "officer": said.officer })
}
