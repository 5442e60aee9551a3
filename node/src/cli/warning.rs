//! `warning`: 预警信息 — what a service that warns has said, passed on.

use clap::{ArgMatches, Command};
use proto::v1::{Box, Choice, EarlyWarning, FileRequest, Kind, document::Content};
use serde_json::{Value, json};

use super::{
    args, ask,
    call::Call,
    directive,
    exit::{Exit, Outcome},
    filing, listing, report,
    terms::Listed,
    time, visible,
    words::Words,
};

/// `warning issue|ls|show`
pub(super) fn command(words: &Words) -> Command {
    let needed = |name, help| args::option(words, name, help).value_name("TEXT").required(true);
    let issue = filing::status_flags(args::verb(words, "issue", "cmd-warning-issue"), words)
        .arg(needed("hazard", "arg-hazard"))
        .arg(needed("level", "arg-level"))
        .arg(needed("issuer", "arg-issuer"))
        .arg(needed("area", "arg-area"))
        .arg(args::option(words, "until", "arg-warning-until").value_name("TIME").required(true))
        .arg(args::option(words, "to", "arg-to").value_name("UNITS"))
        .arg(report::message(words).required(true));
    args::noun(words, "warning", "cmd-warning")
        .subcommand(filing::flags(issue, words))
        .subcommand(listing::flags(args::list(words, "cmd-warning-ls"), words))
        .subcommand(args::verb(words, "show", "cmd-msg-show").arg(args::document(words)))
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("issue", given)) => issue(call, given),
        Some(("show", given)) => listing::show(call, given),
        Some((_, given)) => listing::list(call, given, Box::Unspecified, &[Kind::EarlyWarning]),
        None => Ok(Exit::Usage),
    }
}

fn issue(call: &Call, given: &ArgMatches) -> Outcome {
    let status = filing::status(given).ok_or_else(|| report::missing(call, "--actual|--exercise"))?;
    let level: Choice = args::term(&call.words, "--level", args::required(given, "level"))?;
    let said = |name| args::required(given, name).trim().to_owned();
    let content = Content::EarlyWarning(EarlyWarning {
        hazard: said("hazard"),
        level: level.into(),
        issuer: said("issuer"),
        area: said("area"),
        from_us: call.now().us(),
        until_us: args::deadline(&call.words, given, "until", call.now())?,
        text: ask::text(call, args::required(given, "message"))?,
        officer: call.officer()?,
    });
    let request = filing::request(call, given, Kind::EarlyWarning, status, content)?;
    let action_to = args::text(given, "to").map(directive::units).unwrap_or_default();
    let request = FileRequest { action_to, expires_at_us: 0, ..request };
    call.online(async |station| {
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}

/// What of, how grave, by whom, where, until when.
pub(super) fn fields(said: &EarlyWarning, words: &Words) -> Vec<(&'static str, String)> {
    vec![
        ("field-hazard", format!("{} {}", visible::line(&said.hazard), said.level().word(words))),
        ("field-issuer", visible::line(&said.issuer)),
        ("field-area", visible::line(&said.area)),
        ("field-until", time::clock(said.until_us)),
        ("field-officer", visible::line(&said.officer)),
    ]
}

/// For machines.
pub(super) fn json(said: &EarlyWarning) -> Value {
    json!({
        "hazard": said.hazard,
        "level": said.level().code(),
        "issuer": said.issuer,
        "area": said.area,
        "from": time::rfc3339(said.from_us),
        "until": time::rfc3339(said.until_us),
        "text": said.text,
        "officer": said.officer,
    })
}
