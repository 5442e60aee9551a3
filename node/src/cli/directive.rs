//! `directive`: 指示 — from above to some or all below, and what each of them says to it.

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};
use proto::v1::{Box, Cancel, Directive, DocumentView, FileRequest, Kind, Order, Sent, Stage, document::Content};

use super::{
    args, ask,
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    filing, listing, progress, report, wait,
    wait::Verdict,
    words::Words,
};
use crate::{desk::client::Station, topology::Tier};

/// Above: `issue|status|cancel`. Below: `sign|undertake|done|cannot`. Everywhere: `ls|show`.
pub(crate) fn command(words: &Words, tier: Tier) -> Command {
    let list =
        listing::flags(args::list(words, "cmd-directive-ls"), words).arg(args::flag(words, "issued", "arg-issued"));
    let mut command = args::noun(words, "directive", "cmd-directive")
        .subcommand(list)
        .subcommand(args::verb(words, "show", "cmd-directive-show").arg(args::document(words)));
    if tier != Tier::District {
        command = command.subcommand(issue_command(words)).subcommand(status_command(words)).subcommand(
            args::verb(words, "cancel", "cmd-directive-cancel")
                .arg(args::document(words))
                .arg(args::option(words, "reason", "arg-reason").required(true)),
        );
    }
    if tier != Tier::Ministry {
        let note = |required: bool| report::message(words).help(words.text("arg-note")).required(required);
        let verb = |name, about| args::verb(words, name, about).arg(args::document(words));
        command = command
            .subcommand(verb("sign", "cmd-directive-sign").arg(note(false)))
            .subcommand(verb("undertake", "cmd-directive-undertake").arg(note(false)))
            .subcommand(verb("done", "cmd-directive-done").arg(note(false)))
            .subcommand(verb("cannot", "cmd-directive-cannot").arg(note(true)));
    }
    command
}

fn issue_command(words: &Words) -> Command {
    let command = filing::status_flags(args::verb(words, "issue", "cmd-directive-issue"), words)
        .arg(args::option(words, "to", "arg-to").value_name("UNITS").required(true))
        .arg(args::option(words, "info", "arg-info").value_name("UNITS"))
        .arg(args::option(words, "for", "arg-directive-for").value_name("ID"))
        .arg(args::option(words, "title", "arg-title").required(true))
        .arg(args::option(words, "file", "arg-directive-file").value_name("FILE").conflicts_with("message"))
        .arg(report::message(words))
        .arg(args::option(words, "reply-by", "arg-reply-by").value_name("TIME"))
        .arg(args::choice::<Order>(words, "order", "arg-order"))
        .arg(args::option(words, "person", "arg-person").value_name("NAME").action(ArgAction::Append))
        .arg(args::option(words, "mandate", "arg-mandate").value_name("TEXT"))
        .arg(args::option(words, "goods", "arg-goods").value_name("TEXT"))
        .arg(args::option(words, "from", "arg-goods-from").value_name("TEXT"))
        .arg(args::option(words, "eta", "arg-eta").value_name("TIME"))
        .arg(args::option(words, "contact", "arg-sent-contact").value_name("TEXT"))
        .arg(
            args::option(words, "require", "arg-require")
                .value_parser(PossibleValuesParser::new(["sign", "undertake", "complete"]))
                .hide_possible_values(true),
        );
    filing::flags(wait_flags(command, words), words)
}

fn status_command(words: &Words) -> Command {
    status_flags(args::verb(words, "status", "cmd-directive-status").arg(args::document(words)), words)
}

/// `--unsigned --wait[=LEVEL] --timeout SPAN`
pub(crate) fn status_flags(command: Command, words: &Words) -> Command {
    wait_flags(command.arg(args::flag(words, "unsigned", "arg-unsigned-only")), words)
}

/// `--wait[=LEVEL] --timeout SPAN`
fn wait_flags(command: Command, words: &Words) -> Command {
    let wait = Arg::new("wait")
        .long("wait")
        .help(words.text("arg-directive-wait"))
        .value_name("LEVEL")
        .value_parser(PossibleValuesParser::new(["delivered", "signed", "undertaken"]))
        .hide_possible_values(true)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("signed");
    command.arg(wait).arg(args::option(words, "timeout", "arg-timeout").value_name("SPAN"))
}

/// Runs one of the verbs.
pub(crate) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let note =
        |given: &ArgMatches| args::text(given, "message").map_or(Ok(String::new()), |text| ask::text(call, text));
    match given.subcommand() {
        Some(("issue", given)) => issue(call, given),
        Some(("status", given)) => status(call, given),
        Some(("cancel", given)) => cancel(call, given),
        Some(("show", given)) => listing::show(call, given),
        Some(("sign", given)) => listing::act(call, given, Stage::Signed, &note(given)?),
        Some(("undertake", given)) => listing::act(call, given, Stage::Undertaken, &note(given)?),
        Some(("done", given)) => listing::act(call, given, Stage::Completed, &note(given)?),
        Some(("cannot", given)) => listing::act(call, given, Stage::CannotComply, &note(given)?),
        Some((_, given)) => {
            let issued = given.get_flag("issued") || call.tier == Tier::Ministry;
            listing::list(call, given, if issued { Box::Filed } else { Box::Received }, &[Kind::Directive])
        }
        None => Ok(Exit::Usage),
    }
}

fn issue(call: &Call, given: &ArgMatches) -> Outcome {
    let status = filing::status(given).ok_or_else(|| report::missing(call, "--actual|--exercise"))?;
    let text = match (args::text(given, "file"), args::text(given, "message")) {
        (Some(path), _) => ask::file(call, path)?,
        (None, Some(text)) => ask::text(call, text)?,
        (None, None) => return Err(report::missing(call, "--file|-m")),
    };
    let order = args::chosen::<Order>(given, "order").unwrap_or_default();
    let asked = args::text(given, "require").map(required_stage);
    let content = Content::Directive(Directive {
        title: args::required(given, "title").to_owned(),
        text,
        officer: call.officer()?,
        require: asked.unwrap_or_else(|| usual_stage(order)).into(),
        order: order.into(),
        sent: sent(call, given)?,
    });
    let request = filing::request(call, given, Kind::Directive, status, content)?;
    let request = FileRequest {
        action_to: units(args::required(given, "to")),
        info_to: args::text(given, "info").map(units).unwrap_or_default(),
        incident: args::text(given, "for").unwrap_or_default().to_owned(),
        reply_by_us: args::deadline(&call.words, given, "reply-by", call.now())?,
        ..request
    };
    let patience = args::span(&call.words, given, "timeout")?;
    call.online(async |station| {
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        let Some(level) = args::text(given, "wait") else {
            filing::told(call, &filed, &[("directive status", "next-directive-status")]);
            return Ok(Exit::Done);
        };
        // With --json the one object is the ladder at the end of the wait.
        if !call.json {
            filing::told(call, &filed, &[]);
        }
        follow(call, station, &filed.number, level, patience, false).await
    })
}

/// Who or what is on its way, if anything was said of that.
fn sent(call: &Call, given: &ArgMatches) -> Result<Option<Sent>, Failure> {
    let said = |name| args::text(given, name).unwrap_or_default().trim().to_owned();
    let sent = Sent {
        people: args::texts(given, "person"),
        mandate: said("mandate"),
        goods: said("goods"),
        from: said("from"),
        eta_us: args::deadline(&call.words, given, "eta", call.now())?,
        contact: said("contact"),
    };
    Ok((sent != Sent::default()).then_some(sent))
}

/// How far it has come, addressee by addressee.
pub(crate) fn status(call: &Call, given: &ArgMatches) -> Outcome {
    let number = args::required(given, "document");
    let unsigned = given.get_flag("unsigned");
    let patience = args::span(&call.words, given, "timeout")?;
    call.online(async |station| match args::text(given, "wait") {
        Some(level) => follow(call, station, number, level, patience, unsigned).await,
        None => {
            let view = call.document(station, number).await?;
            show(call, &view, unsigned);
            Ok(Exit::Done)
        }
    })
}

/// Waits until all who must have come as far as was asked. Ctrl-C ends the waiting, not the directive.
async fn follow(
    call: &Call,
    station: &mut Station,
    number: &str,
    level: &str,
    patience: Option<std::time::Duration>,
    unsigned: bool,
) -> Outcome {
    let args = [("program", call.program().into()), ("number", super::visible::line(number).into())];
    let goes_on = call.words.say("directive-goes-on", &args);
    call.say_on_interrupt(goes_on.clone());
    let spinner = call.spinner();
    let judge = |view: &DocumentView| {
        spinner.set_message(progress::render_bars(view, &call.words));
        progress::judged(view, awaited_stage(level))
    };
    let awaited = wait::watch(call, station, number, patience, judge).await;
    spinner.finish_and_clear();
    let (verdict, view) = awaited?;
    show(call, &view, unsigned);
    if verdict == Verdict::Waiting && !call.json && !call.quiet {
        call.word(&goes_on);
    }
    Ok(verdict.exit())
}

fn show(call: &Call, view: &DocumentView, unsigned: bool) {
    let names = call.names();
    if call.json && unsigned {
        let recipients = progress::behind(view).cloned().collect();
        call.object(&document::json(&DocumentView { recipients, ..view.clone() }));
    } else if call.json {
        call.object(&document::json(view));
    } else if call.quiet {
        progress::behind(view).for_each(|recipient| call.data(&super::visible::line(&recipient.unit)));
    } else if unsigned {
        call.data(&progress::render_behind(view, &names, &call.words, call.now()));
    } else {
        call.data(&progress::render_progress(view, &names, &call.words, call.now()));
        if progress::behind(view).next().is_some() {
            let next = [("directive status --unsigned", "next-call-list"), ("trace", "next-trace")];
            filing::next_steps(call, &document::number(view), &next);
        }
    }
}

/// The document is void from now on, whether it has arrived yet or not. `msg cancel` is the same verb.
pub(crate) fn cancel(call: &Call, given: &ArgMatches) -> Outcome {
    let officer = call.officer()?;
    let reason = ask::text(call, args::required(given, "reason"))?;
    let target = call.online(async |station| call.document(station, args::required(given, "document")).await)?;
    let number = document::number(&target);
    let sentence = call.words.say("confirm-cancel", &[("number", number.as_str().into())]);
    ask::confirm(call, &sentence, &number)?;
    let header = target.header.unwrap_or_default();
    let request = FileRequest {
        document: Some(proto::v1::Document {
            content: Some(Content::Cancel(Cancel { target: target.id, reason, officer: officer.clone() })),
        }),
        kind: Kind::Cancel.into(),
        status: header.status().into(),
        precedence: header.precedence().into(),
        classification: header.classification().into(),
        officer,
        refers_to: header.number,
        ..Default::default()
    };
    call.online(async |station| {
        let filed = filing::file(call, station, request, &[]).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}

pub(crate) fn units(text: &str) -> Vec<String> {
    let units = text.split([',', '\u{ff0c}', '、', ';', '\u{ff1b}']).map(str::trim).filter(|unit| !unit.is_empty());
    units.map(str::to_owned).collect()
}

/// What is asked if nothing was said: a signature, and of what is to come back an answer.
pub(crate) fn usual_stage(order: Order) -> Stage {
    match order {
        Order::Unspecified | Order::Guidance => Stage::Signed,
        _ => Stage::Completed,
    }
}

pub(crate) fn required_stage(text: &str) -> Stage {
    match text {
        "undertake" => Stage::Undertaken,
        "complete" => Stage::Completed,
        _ => Stage::Signed,
    }
}

fn awaited_stage(level: &str) -> Stage {
    match level {
        "delivered" => Stage::Delivered,
        "undertaken" => Stage::Undertaken,
        _ => Stage::Signed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addressees_are_separated_as_people_type() {
        assert_eq!(units("湖北\u{ff0c}福建、420000/*, all"), ["湖北", "福建", "420000/*", "all"]);
    }

    #[test]
    fn a_level_is_a_rung() {
        assert_eq!(awaited_stage("signed"), Stage::Signed);
        assert_eq!(required_stage("complete"), Stage::Completed);
    }
}
