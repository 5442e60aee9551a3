//! `report bypass`: 越级 — past an office that cannot be reached, or does not sign; it is copied as soon as it can be.

use clap::{ArgMatches, Command};
use proto::v1::{Bypass, FileRequest, Kind, Status, document::Content};
use serde_json::{Value, json};

use super::{
    args, ask, call::Call, document, exit::Outcome, filing, names::Names, report, terms::Listed, visible, words::Words,
};

/// `report bypass ID --reason TEXT`
pub(super) fn command(words: &Words) -> Command {
    let command = args::verb(words, "bypass", "cmd-report-bypass")
        .arg(args::document(words))
        .arg(args::option(words, "reason", "arg-bypass-reason").value_name("TEXT").required(true))
        .arg(args::option(words, "order", "arg-bypass-order").value_name("ID"));
    report::wait_flags(filing::flags(command, words), words)
}

/// Runs it.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let content = Content::Bypass(Bypass {
        reason: ask::text(call, args::required(given, "reason"))?,
        officer: call.officer()?,
        ..Default::default()
    });
    let request = filing::request(call, given, Kind::Bypass, Status::Unspecified, content)?;
    let patience = args::span(&call.words, given, "timeout")?;
    call.online(async |station| {
        let incident = args::required(given, "document").to_owned();
        let header = call.document(station, &incident).await?.header.unwrap_or_default();
        let other = args::text(given, "order").unwrap_or_default().to_owned();
        let request = FileRequest { incident, other, ..filing::like(request, &header, given) };
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        report::filed_and_awaited(call, station, &filed, given, patience, &[("trace", "next-trace")]).await
    })
}

/// Why, past whom, on whose word.
pub(super) fn fields(said: &Bypass, names: &Names, words: &Words) -> Vec<(&'static str, String)> {
    vec![
        ("field-bypass-cause", said.cause().word(words)),
        ("field-skipped", names.get(&said.skipped)),
        ("field-officer", visible::line(&said.officer)),
    ]
}

/// For machines.
pub(super) fn json(said: &Bypass) -> Value {
    json!({
        "cause": said.cause().code(),
        "skipped": said.skipped,
        "reason": said.reason,
        "officer": said.officer,
        "order": document::id(&said.order),
    })
}
