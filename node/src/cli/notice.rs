//! `notice`: 横向通报 — who outside of the chain was told, when, how, by whom, under which number.

use clap::{ArgMatches, Command};
use proto::v1::{Box, FileRequest, Kind, Lateral, LateralNotice, Manner, SecrecyReport, Status, document::Content};

use super::{
    args, ask,
    call::Call,
    draft,
    exit::{Exit, Outcome},
    filing, listing, report,
    words::Words,
};

/// The seven things a written report to the 保密 department says.
const SEVEN: [(&str, &str); 7] = [
    ("matter", "arg-secrecy-matter"),
    ("discovery", "arg-secrecy-discovery"),
    ("responsible", "arg-secrecy-responsible"),
    ("course", "arg-secrecy-course"),
    ("harm", "arg-secrecy-harm"),
    ("investigation", "arg-secrecy-investigation"),
    ("remedy", "arg-secrecy-remedy"),
];

/// `notice add|ls|show`
pub(super) fn command(words: &Words) -> Command {
    let mut add = args::verb(words, "add", "cmd-notice-add")
        .arg(args::document(words))
        .arg(args::choice::<Lateral>(words, "to", "arg-lateral").required(true))
        .arg(args::option(words, "body", "arg-lateral-body").value_name("NAME").required(true))
        .arg(args::option(words, "contact", "arg-lateral-contact").value_name("NAME").required(true))
        .arg(args::choice::<Manner>(words, "manner", "arg-manner"))
        .arg(args::option(words, "told-at", "arg-told-at").value_name("TIME"))
        .arg(args::option(words, "reference", "arg-lateral-reference").value_name("NUMBER"))
        .arg(report::message(words));
    for (name, help) in SEVEN {
        add = add.arg(args::option(words, name, help).value_name("TEXT"));
    }
    args::noun(words, "notice", "cmd-notice")
        .subcommand(filing::flags(add, words))
        .subcommand(listing::flags(args::list(words, "cmd-notice-ls"), words))
        .subcommand(args::verb(words, "show", "cmd-notice-show").arg(args::document(words)))
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("add", given)) => add(call, given),
        Some(("show", given)) => listing::show(call, given),
        Some((_, given)) => listing::list(call, given, Box::Unspecified, &[Kind::LateralNotice]),
        None => Ok(Exit::Usage),
    }
}

fn add(call: &Call, given: &ArgMatches) -> Outcome {
    let text = |name| args::text(given, name).unwrap_or_default().trim().to_owned();
    let told_at_us = match args::text(given, "told-at") {
        Some(text) => draft::happened(text, call.now())
            .ok_or_else(|| args::bad(&call.words, "--told-at", text, "hint-occurred"))?,
        None => call.now().us(),
    };
    let officer = call.officer()?;
    let secrecy = SecrecyReport {
        matter: text("matter"),
        discovery: text("discovery"),
        responsible: text("responsible"),
        course: text("course"),
        harm: text("harm"),
        investigation: text("investigation"),
        remedy: text("remedy"),
    };
    let content = Content::LateralNotice(LateralNotice {
        to: args::chosen::<Lateral>(given, "to").unwrap_or_default().into(),
        body: text("body"),
        told_at_us,
        manner: args::chosen(given, "manner").unwrap_or(Manner::Phone).into(),
        contact: text("contact"),
        reference: text("reference"),
        text: args::text(given, "message").map_or(Ok(String::new()), |text| ask::text(call, text))?,
        officer,
        secrecy: (secrecy != SecrecyReport::default()).then_some(secrecy),
    });
    let request = filing::request(call, given, Kind::LateralNotice, Status::Unspecified, content)?;
    call.online(async |station| {
        let incident = args::required(given, "document").to_owned();
        let header = call.document(station, &incident).await?.header.unwrap_or_default();
        let request = FileRequest { incident, ..filing::like(request, &header, given) };
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("notice show", "next-show")]);
        Ok(Exit::Done)
    })
}
