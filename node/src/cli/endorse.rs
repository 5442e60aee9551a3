//! `endorse`: 审核意见 — what the province found out and recommends, beside the district's report and never in it.

use clap::{ArgMatches, Command};
use proto::v1::{Choice, Endorsement, FileRequest, Grade, Kind, Status, document::Content};

use super::{
    args, ask,
    call::Call,
    exit::{Exit, Outcome},
    filing, report,
    words::Words,
};

/// `endorse ID`
pub(super) fn command(words: &Words) -> Command {
    let command = args::verb(words, "endorse", "cmd-endorse")
        .arg(args::document(words))
        .arg(args::option(words, "verified", "arg-verified").value_name("HOW").required(true))
        .arg(args::option(words, "recommend", "arg-recommendation").value_name("TEXT"))
        .arg(args::option(words, "leader", "arg-leader").value_name("NAME").required(true))
        .arg(args::choice::<Grade>(words, "grade", "arg-grade"))
        .arg(report::message(words));
    filing::flags(command, words)
}

/// Runs it.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let verified: Choice = args::term(&call.words, "--verified", args::required(given, "verified"))?;
    let content = Content::Endorsement(Endorsement {
        report: Default::default(),
        verified: verified.into(),
        findings: args::text(given, "message").map_or(Ok(String::new()), |text| ask::text(call, text))?,
        recommendation: args::text(given, "recommend").map_or(Ok(String::new()), |text| ask::text(call, text))?,
        grade: args::chosen::<Grade>(given, "grade").unwrap_or(Grade::Unspecified).into(),
        officer: call.officer()?,
        releaser: args::required(given, "leader").trim().to_owned(),
    });
    let request = filing::request(call, given, Kind::Endorsement, Status::Unspecified, content)?;
    call.online(async |station| {
        let refers_to = args::required(given, "document").to_owned();
        let header = call.document(station, &refers_to).await?.header.unwrap_or_default();
        let request = FileRequest { refers_to, ..filing::like(request, &header, given) };
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}
