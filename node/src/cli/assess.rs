//! `assess`: 评估 — how bad it was, how it was dealt with, how it was received: the plan's three headings.

use clap::{ArgAction, ArgMatches, Command};
use proto::v1::{Assessment, Commended, FileRequest, Kind, Status, document::Content};

use super::{
    args, ask,
    call::Call,
    exit::{Exit, Failure, Outcome},
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
        .arg(heading("effect", "arg-effect"))
        .arg(args::option(words, "commend", "arg-commend").value_name("WHO=MERIT").action(ArgAction::Append));
    filing::flags(command, words)
}

fn commended(call: &Call, text: &str) -> Result<Commended, Failure> {
    let named = text.split_once(['=', '\u{ff1d}']);
    let (who, merit) = named.ok_or_else(|| args::bad(&call.words, "--commend", text, "hint-commend"))?;
    Ok(Commended { who: who.trim().to_owned(), merit: merit.trim().to_owned() })
}

/// Runs it.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let heading = |name| ask::text(call, args::required(given, name));
    let content = Content::Assessment(Assessment {
        harm: heading("harm")?,
        handling: heading("handling")?,
        effect: heading("effect")?,
        officer: call.officer()?,
        commended: args::texts(given, "commend").iter().map(|text| commended(call, text)).collect::<Result<_, _>>()?,
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
