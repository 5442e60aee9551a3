//! `decision`: 决定 — proposed by one, agreed to by enough others, signed off, and followed until all have it.

use clap::{Arg, ArgAction, ArgMatches, Command};
use proto::v1::{
    Box, Decision, FileRequest, Kind, Proposal, Publication, Stage, Status, Subject, Vote, document::Content,
};

use super::{
    args, ask,
    call::Call,
    cap, directive,
    exit::{Exit, Outcome},
    filing, listing, report,
    words::Words,
};
use crate::topology::Tier;

/// `decision ls|show|cap`, below the ministry `sign|done|cannot`, and there `propose|vote|release|status`
pub(super) fn command(words: &Words, tier: Tier) -> Command {
    let command = args::noun(words, "decision", "cmd-decision")
        .subcommand(listing::flags(args::list(words, "cmd-decision-ls"), words))
        .subcommand(args::verb(words, "show", "cmd-decision-show").arg(args::document(words)));
    let command = command.subcommand(cap::command(words));
    if tier != Tier::Ministry {
        let act = |name, about, required| {
            let note = report::message(words).help(words.text("arg-note")).required(required);
            args::verb(words, name, about).arg(args::document(words)).arg(note)
        };
        return command
            .subcommand(act("sign", "cmd-decision-sign", false))
            .subcommand(act("done", "cmd-decision-done", true))
            .subcommand(act("cannot", "cmd-directive-cannot", true));
    }
    let vote = args::verb(words, "vote", "cmd-decision-vote")
        .arg(args::document(words))
        .arg(args::flag(words, "agree", "arg-agree").conflicts_with("against").required_unless_present("against"))
        .arg(args::flag(words, "against", "arg-against"))
        .arg(report::message(words).help(words.text("arg-note")));
    let release = args::verb(words, "release", "cmd-decision-release")
        .arg(args::document(words))
        .arg(args::option(words, "info", "arg-info").value_name("UNITS"));
    let status = args::verb(words, "status", "cmd-decision-status").arg(args::document(words));
    command
        .subcommand(propose_command(words))
        .subcommand(filing::flags(vote, words))
        .subcommand(filing::flags(release, words))
        .subcommand(directive::status_flags(status, words))
}

fn propose_command(words: &Words) -> Command {
    let several = |name, help, value: &'static str| -> Arg {
        args::option(words, name, help).value_name(value).action(ArgAction::Append)
    };
    let command = filing::status_flags(args::verb(words, "propose", "cmd-decision-propose"), words)
        .arg(args::choice::<Subject>(words, "subject", "arg-decision-subject").required(true))
        .arg(args::option(words, "to", "arg-decision-scope").value_name("UNITS").required(true))
        .arg(args::option(words, "place", "arg-decision-place"))
        .arg(args::option(words, "title", "arg-title").required(true))
        .arg(several("basis", "arg-decision-basis", "TEXT").required(true))
        .arg(several("option", "arg-decision-option", "TEXT"))
        .arg(args::option(words, "effective", "arg-decision-effective").value_name("TIME").requires("fallback"))
        .arg(args::option(words, "fallback", "arg-decision-fallback").value_name("TEXT"))
        .arg(args::option(words, "audience", "arg-audience").value_name("TEXT").requires("channel"))
        .arg(several("channel", "arg-channel", "TEXT").requires("audience"))
        .arg(args::option(words, "until", "arg-until").value_name("TIME").requires("audience"))
        .arg(args::option(words, "contact", "arg-publication-contact").value_name("TEXT").requires("audience"))
        .arg(args::option(words, "resumes", "arg-resumes").value_name("ID"))
        .arg(args::option(words, "for", "arg-directive-for").value_name("ID"))
        .arg(args::option(words, "supersedes", "arg-decision-supersedes").value_name("ID"))
        .arg(report::message(words).required(true));
    filing::flags(command, words)
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("propose", given)) => propose(call, given),
        Some(("vote", given)) => vote(call, given),
        Some(("release", given)) => release(call, given),
        Some(("status", given)) => directive::status(call, given),
        Some(("show", given)) => listing::show(call, given),
        Some(("cap", given)) => cap::export(call, given),
        Some(("sign", given)) => act_on(call, given, Stage::Signed),
        Some(("done", given)) => act_on(call, given, Stage::Completed),
        Some(("cannot", given)) => act_on(call, given, Stage::CannotComply),
        Some((_, given)) => listing::list(call, given, Box::Unspecified, &[Kind::Decision, Kind::Proposal]),
        None => Ok(Exit::Usage),
    }
}

fn act_on(call: &Call, given: &ArgMatches, stage: Stage) -> Outcome {
    let note = args::text(given, "message").map_or(Ok(String::new()), |text| ask::text(call, text))?;
    listing::act(call, given, stage, &note)
}

fn propose(call: &Call, given: &ArgMatches) -> Outcome {
    let status = filing::status(given).ok_or_else(|| report::missing(call, "--actual|--exercise"))?;
    let said = |name| args::text(given, name).unwrap_or_default().trim().to_owned();
    let publication = Publication {
        audience: said("audience"),
        channels: args::texts(given, "channel"),
        until_us: args::deadline(&call.words, given, "until", call.now())?,
        contact: said("contact"),
    };
    let decision = Decision {
        subject: args::chosen::<Subject>(given, "subject").unwrap_or_default().into(),
        scope: directive::units(args::required(given, "to")),
        place: said("place"),
        title: said("title"),
        text: ask::text(call, args::required(given, "message"))?,
        basis: args::texts(given, "basis"),
        effective_at_us: args::deadline(&call.words, given, "effective", call.now())?,
        fallback: said("fallback"),
        options: args::texts(given, "option"),
        publication: (!publication.audience.is_empty()).then_some(publication),
        ..Default::default()
    };
    let content = Content::Proposal(Proposal { decision: Some(decision) });
    let request = filing::request(call, given, Kind::Proposal, status, content)?;
    let request =
        FileRequest { incident: said("for"), supersedes: said("supersedes"), refers_to: said("resumes"), ..request };
    call.online(async |station| {
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("decision vote", "next-vote"), ("decision release", "next-release")]);
        Ok(Exit::Done)
    })
}

fn vote(call: &Call, given: &ArgMatches) -> Outcome {
    let note = args::text(given, "message").map_or(Ok(String::new()), |text| ask::text(call, text))?;
    let content = Content::Vote(Vote { agrees: given.get_flag("agree"), note, ..Default::default() });
    about(call, given, Kind::Vote, content, FileRequest::default(), &[("decision release", "next-release")])
}

fn release(call: &Call, given: &ArgMatches) -> Outcome {
    let more = FileRequest {
        info_to: args::text(given, "info").map(directive::units).unwrap_or_default(),
        ..Default::default()
    };
    let content = Content::Decision(Decision::default());
    about(call, given, Kind::Decision, content, more, &[])
}

/// Something about a proposal, as real and as urgent as that.
fn about(
    call: &Call,
    given: &ArgMatches,
    kind: Kind,
    content: Content,
    more: FileRequest,
    next: &[(&str, &str)],
) -> Outcome {
    let request = filing::request(call, given, kind, Status::Unspecified, content)?;
    call.online(async |station| {
        let refers_to = args::required(given, "document").to_owned();
        let header = call.document(station, &refers_to).await?.header.unwrap_or_default();
        let request = FileRequest { refers_to: refers_to.clone(), info_to: more.info_to, ..request };
        let request = filing::like(request, &header, given);
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        match next.is_empty() {
            true => filing::told(call, &filed, &[("decision status", "next-directive-status")]),
            false => {
                filing::told(call, &filed, &[]);
                filing::next_steps(call, &refers_to, next);
            }
        }
        Ok(Exit::Done)
    })
}
