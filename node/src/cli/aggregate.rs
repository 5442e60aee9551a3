//! `aggregate`: 汇总快报 — what several districts reported, quoted word for word, with this office's own words before it.

use clap::{ArgAction, ArgMatches, Command};
use proto::v1::{Box, Bulletin, FileRequest, Kind, Quote, Status, document::Content};
use serde_json::{Value, json};

use super::{
    args, ask,
    call::Call,
    document,
    exit::{Exit, Outcome},
    filing, listing,
    names::Names,
    report, visible,
    words::Words,
};

/// `aggregate submit|ls|show`
pub(super) fn command(words: &Words) -> Command {
    let submit = args::verb(words, "submit", "cmd-aggregate-submit")
        .arg(args::option(words, "title", "arg-title").required(true))
        .arg(args::option(words, "quote", "arg-quote").value_name("ID[=TEXT]").action(ArgAction::Append).required(true))
        .arg(args::option(words, "leader", "arg-leader").value_name("NAME").required(true))
        .arg(report::message(words));
    args::noun(words, "aggregate", "cmd-aggregate")
        .subcommand(filing::flags(submit, words))
        .subcommand(listing::flags(args::list(words, "cmd-aggregate-ls"), words))
        .subcommand(args::verb(words, "show", "cmd-msg-show").arg(args::document(words)))
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("submit", given)) => submit(call, given),
        Some(("show", given)) => listing::show(call, given),
        Some((_, given)) => listing::list(call, given, Box::Unspecified, &[Kind::Bulletin]),
        None => Ok(Exit::Usage),
    }
}

/// A report that is named without a text is quoted whole.
fn submit(call: &Call, given: &ArgMatches) -> Outcome {
    let officer = call.officer()?;
    let text = args::text(given, "message").map_or(Ok(String::new()), |text| ask::text(call, text))?;
    call.online(async |station| {
        let mut quotes = Vec::new();
        let mut first = None;
        for quoted in args::texts(given, "quote") {
            let (number, part) = quoted.split_once('=').unwrap_or((quoted.as_str(), ""));
            let view = call.read(station, number).await?;
            let whole = match view.document.as_ref().and_then(|document| document.content.as_ref()) {
                Some(Content::Report(report)) => report.text.clone(),
                _ => String::new(),
            };
            let header = view.header.unwrap_or_default();
            let text = if part.is_empty() { whole } else { part.to_owned() };
            quotes.push(Quote { number: header.number.clone(), text, ..Default::default() });
            first.get_or_insert(header);
        }
        let content = Content::Bulletin(Bulletin {
            title: args::required(given, "title").to_owned(),
            text: text.clone(),
            quotes,
            officer: officer.clone(),
            releaser: args::required(given, "leader").trim().to_owned(),
        });
        let request = filing::request(call, given, Kind::Bulletin, Status::Unspecified, content)?;
        let request = FileRequest { ..filing::like(request, &first.unwrap_or_default(), given) };
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}

/// Each quotation with whose it is.
pub(super) fn lines(said: &Bulletin, names: &Names, words: &Words) -> Vec<String> {
    let mut lines = visible::lines(&said.text);
    for quote in &said.quotes {
        let args = [
            ("office", names.get(&quote.origin).into()),
            ("number", visible::line(&quote.number).into()),
            ("text", visible::line(&quote.text).into()),
        ];
        lines.push(words.say("quoted", &args));
    }
    lines
}

/// For machines.
pub(super) fn json(said: &Bulletin) -> Value {
    let quotes = said.quotes.iter().map(|quote| {
        json!({
            "report": document::id(&quote.report),
            "number": quote.number,
            "origin": quote.origin,
            "digest": document::hex(&quote.digest),
            "text": quote.text,
        })
    });
    json!({
        "title": said.title,
        "text": document::some(&said.text),
        "officer": said.officer,
        "releaser": said.releaser,
        "quotes": quotes.collect::<Vec<_>>(),
    })
}
