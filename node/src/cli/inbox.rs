//! `inbox`: what has come for this office, and signing for it. `msg`: any document, whatever its kind.

use clap::{ArgMatches, Command};
use proto::v1::{Box, Kind, Stage};

use super::{
    args, ask,
    call::Call,
    directive, evidence,
    exit::{Exit, Outcome},
    listing, report,
    terms::Listed,
    words::Words,
};

/// `inbox ls|sign`
pub(super) fn command(words: &Words) -> Command {
    let list = listing::flags(args::list(words, "cmd-inbox-ls"), words)
        .arg(args::flag(words, "unsigned", "arg-unsigned"))
        .arg(args::choice::<Kind>(words, "kind", "arg-kind"));
    args::noun(words, "inbox", "cmd-inbox").subcommand(list).subcommand(
        args::verb(words, "sign", "cmd-inbox-sign")
            .arg(args::document(words))
            .arg(report::message(words).help(words.text("arg-note"))),
    )
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("sign", given)) => {
            let note = args::text(given, "message").map_or(Ok(String::new()), |text| ask::text(call, text))?;
            listing::act(call, given, Stage::Signed, &note)
        }
        Some((_, given)) => {
            let which = if given.get_flag("unsigned") { Box::Unsigned } else { Box::Received };
            let kind = args::text(given, "kind").and_then(Kind::parse);
            listing::list(call, given, which, kind.as_slice())
        }
        None => Ok(Exit::Usage),
    }
}

/// `msg show|verify|cancel`
pub(super) fn msg_command(words: &Words) -> Command {
    args::noun(words, "msg", "cmd-msg")
        .subcommand(args::verb(words, "show", "cmd-msg-show").arg(args::document(words)))
        .subcommand(evidence::verify_command(words))
        .subcommand(
            args::verb(words, "cancel", "cmd-msg-cancel")
                .arg(args::document(words))
                .arg(args::option(words, "reason", "arg-reason").required(true)),
        )
}

/// Runs one of the verbs.
pub(super) fn msg(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("cancel", given)) => directive::cancel(call, given),
        Some(("verify", given)) => evidence::check(call, given),
        Some((_, given)) => listing::show(call, given),
        None => Ok(Exit::Usage),
    }
}
