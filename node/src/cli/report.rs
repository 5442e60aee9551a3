//! `report`: 首报, 续报, 终报 — written here, climbing from level to level.

use std::time::Duration;

use clap::{Arg, ArgMatches, Command, builder::PossibleValuesParser};
use proto::v1::{
    Box, Category, Classification, DocumentView, FileRequest, Filed, Grade, Kind, PolicyRequest, Report, Stage,
    StageView, Status, document::Content,
};

use super::{
    args, ask, bypass,
    call::Call,
    document,
    draft::{self, Draft},
    exit::{Exit, Failure, Outcome},
    filing, items, ladder, listing,
    names::Names,
    time, trace, visible, wait,
    wait::Verdict,
    words::Words,
};
use crate::{
    desk::client::Station,
    plan::policy::{Policy, Usual},
};

pub(crate) const KINDS: [Kind; 3] = [Kind::InitialReport, Kind::FollowUpReport, Kind::FinalReport];

/// `report submit|form|ls|show|status|follow-up|final|bypass`
pub(crate) fn command(words: &Words) -> Command {
    args::noun(words, "report", "cmd-report")
        .subcommand(submit_command(words))
        .subcommand(items::form_command(words))
        .subcommand(listing::flags(args::list(words, "cmd-report-ls"), words))
        .subcommand(args::verb(words, "show", "cmd-report-show").arg(args::document(words)))
        .subcommand(args::verb(words, "status", "cmd-report-status").arg(args::document(words)).arg(args::flag(
            words,
            "watch",
            "arg-watch",
        )))
        .subcommand(continue_command(words, "follow-up", "cmd-report-follow-up"))
        .subcommand(continue_command(words, "final", "cmd-report-final"))
        .subcommand(bypass::command(words))
}

fn submit_command(words: &Words) -> Command {
    let command = args::verb(words, "submit", "cmd-report-submit");
    let command = filing::status_flags(command, words);
    let command = command.arg(args::option(words, "known", "arg-known").value_name("TIME"));
    let command = filing::flags(content_flags(command, words), words);
    wait_flags(command.arg(args::option(words, "file", "arg-report-file").value_name("FILE")), words)
}

fn continue_command(words: &Words, name: &'static str, about: &str) -> Command {
    let command = args::verb(words, name, about).arg(args::document(words));
    wait_flags(filing::flags(content_flags(command, words), words), words)
}

fn content_flags(command: Command, words: &Words) -> Command {
    items::flags(command, words)
        .arg(args::choice::<Category>(words, "category", "arg-category"))
        .arg(args::choice::<Grade>(words, "grade", "arg-grade"))
        .arg(args::option(words, "occurred", "arg-occurred").value_name("TIME"))
        .arg(args::option(words, "place", "arg-place"))
        .arg(message(words))
}

/// `-m TEXT`
pub(crate) fn message(words: &Words) -> Arg {
    args::option(words, "message", "arg-message").short('m').value_name("TEXT")
}

/// `--wait LEVEL --timeout SPAN`
pub(crate) fn wait_flags(command: Command, words: &Words) -> Command {
    let levels = PossibleValuesParser::new(["queued", "province", "ministry", "signed"]);
    command
        .arg(
            args::option(words, "wait", "arg-wait")
                .value_name("LEVEL")
                .value_parser(levels)
                .hide_possible_values(true)
                .default_value("queued")
                .hide_default_value(true),
        )
        .arg(args::option(words, "timeout", "arg-timeout").value_name("SPAN"))
}

/// Runs one of the verbs.
pub(crate) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("submit", given)) => submit(call, given),
        Some(("form", given)) => items::form(call, given),
        Some(("follow-up", given)) => more(call, given, Kind::FollowUpReport),
        Some(("bypass", given)) => bypass::act(call, given),
        Some(("final", given)) => more(call, given, Kind::FinalReport),
        Some(("show", given)) => listing::show(call, given),
        Some(("status", given)) => listing::status(call, given),
        Some((_, given)) => listing::list(call, given, Box::Filed, &KINDS),
        None => Ok(Exit::Usage),
    }
}

fn submit(call: &Call, given: &ArgMatches) -> Outcome {
    let draft = Draft::gather(call, given)?;
    draft.ready(call)?;
    let officer = call.officer()?;
    let attach = draft.attach.clone();
    let draft::Complete { status, precedence, report } = draft.complete(call, &officer)?;
    let category = report.category();
    let request = filing::request(call, given, Kind::InitialReport, status, Content::Report(report))?;
    let patience = args::span(&call.words, given, "timeout")?;
    call.online(async |station| {
        let usual = usual(call, station, category).await?;
        let label = args::chosen::<Classification>(given, "classification");
        let request = FileRequest {
            precedence: precedence.or(usual.map(|usual| usual.precedence)).map_or(request.precedence, Into::into),
            classification: label
                .or(usual.map(|usual| usual.classification))
                .map_or(request.classification, Into::into),
            ..request
        };
        let filed = filing::file(call, station, request, &attach).await?;
        let next = [("report follow-up", "next-follow-up"), ("trace", "next-trace")];
        filed_and_awaited(call, station, &filed, given, patience, &next).await
    })
}

/// How a report of a category usually travels, by the rules in force; what a newer policy says is not known here.
async fn usual(call: &Call, station: &mut Station, category: Category) -> Result<Option<Usual>, Failure> {
    let policy = call.answer(station.get_policy(PolicyRequest::default()).await)?;
    let policy = Policy::parse(&policy.text).ok();
    Ok(policy.and_then(|policy| policy.usual.into_iter().find(|usual| usual.category == category)))
}

/// What follows a 首报 is about the same thing; only what is said anew has to be typed.
fn more(call: &Call, given: &ArgMatches, kind: Kind) -> Outcome {
    let officer = call.officer()?;
    let text = match args::text(given, "message") {
        Some(text) => ask::text(call, text)?,
        None if call.ask => {
            ask::until(call, &call.words.text("ask-text"), |text| (!text.is_empty()).then(|| text.to_owned()))?
        }
        None => return Err(missing(call, "-m")),
    };
    let occurred = match args::text(given, "occurred") {
        Some(text) => Some(
            draft::happened(text, call.now())
                .ok_or_else(|| args::bad(&call.words, "--occurred", text, "hint-occurred"))?,
        ),
        None => None,
    };
    let particulars = items::particulars(call, &items::typed(call, given)?, &officer)?;
    let patience = args::span(&call.words, given, "timeout")?;
    call.online(async |station| {
        let first = call.document(station, args::required(given, "document")).await?;
        let header = first.header.clone().unwrap_or_default();
        let before = known(&first);
        let report = Report {
            occurred_at_us: occurred.unwrap_or(before.occurred_at_us),
            known_at_us: before.known_at_us,
            place: args::text(given, "place").map_or(before.place, str::to_owned),
            category: args::chosen::<Category>(given, "category").map_or(before.category, Into::into),
            grade: args::chosen::<Grade>(given, "grade").map_or(before.grade, Into::into),
            text,
            reporter: officer.clone(),
            particulars: particulars.clone(),
        };
        let request = filing::request(call, given, kind, Status::Unspecified, Content::Report(report))?;
        let incident = args::required(given, "document").to_owned();
        let request = FileRequest { incident, ..filing::like(request, &header, given) };
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filed_and_awaited(call, station, &filed, given, patience, &[("trace", "next-trace")]).await
    })
}

/// A required flag that is not there, and nobody to ask.
pub(crate) fn missing(call: &Call, flag: &str) -> Failure {
    Failure::new(Exit::Usage, call.words.say("usage-missing", &[("flags", flag.into())]))
}

fn known(view: &DocumentView) -> Report {
    match view.document.as_ref().and_then(|document| document.content.clone()) {
        Some(Content::Report(report)) => report,
        _ => Report::default(),
    }
}

/// Says that it is on disk, then waits as far as was asked. It climbs whether anybody waits or not.
pub(crate) async fn filed_and_awaited(
    call: &Call,
    station: &mut Station,
    filed: &Filed,
    given: &ArgMatches,
    patience: Option<Duration>,
    next: &[(&str, &str)],
) -> Outcome {
    let level = args::required(given, "wait");
    if level == "queued" {
        filing::told(call, filed, next);
        return Ok(Exit::Done);
    }
    // With --json the one object is the document at the end of the wait.
    if !call.json {
        filing::told(call, filed, &[]);
    }
    let number = visible::line(&filed.number);
    call.say_on_interrupt(call.words.say("wait-interrupted", &[("number", number.as_str().into())]));
    let names = call.names();
    let spinner = call.spinner();
    let waiting_for = call.words.text(level_key(level));
    let judge = |view: &DocumentView| {
        let newest = trace::newest(view, &names, &call.words);
        spinner.set_message(format!("{waiting_for}  {newest}"));
        judged(view, level)
    };
    let awaited = wait::watch(call, station, &filed.number, patience, judge).await;
    spinner.finish_and_clear();
    let (verdict, view) = awaited?;
    if call.json {
        call.object(&document::json(&view));
    } else if !call.quiet {
        call.data(&awaited_text(&view, level, verdict, &names, &call.words));
        let watch = match ladder::kind(&view) {
            Kind::RequestForInstructions => "request status --watch",
            _ => "report status --watch",
        };
        let keep_waiting = [(watch, "next-watch"), ("trace", "next-trace")];
        filing::next_steps(call, &number, if verdict == Verdict::Reached { next } else { &keep_waiting });
    }
    Ok(verdict.exit())
}

fn level_key(level: &str) -> &'static str {
    match level {
        "province" => "wait-for-province",
        "ministry" => "wait-for-ministry",
        _ => "wait-for-signed",
    }
}

/// `province`: the next station has it; `ministry`: the addressee has it; `signed`: a person there has it.
fn judged(view: &DocumentView, level: &str) -> Verdict {
    let all = |stage| !view.recipients.is_empty() && view.recipients.iter().all(|one| ladder::has_reached(one, stage));
    let reached = match level {
        "province" => ladder::has_left(view),
        "ministry" => all(Stage::Delivered),
        _ => all(Stage::Signed),
    };
    if reached {
        Verdict::Reached
    } else if view.recipients.iter().any(|one| ladder::ended(one).is_some()) {
        Verdict::Never
    } else {
        Verdict::Waiting
    }
}

fn awaited_text(view: &DocumentView, level: &str, verdict: Verdict, names: &Names, words: &Words) -> String {
    match verdict {
        Verdict::Waiting => words.text("wait-not-in-time"),
        Verdict::Never => words.text("wait-never"),
        Verdict::Reached => {
            let Some(met) = met(view, level) else { return words.text("wait-met") };
            let filed =
                view.header.as_ref().and_then(|header| header.created.as_ref()).map_or(0, |clock| clock.wall_us);
            let took = time::measured(time::micros(met.at_us - filed));
            let args = [("what", trace::stage_text(met, names, words).into()), ("span", took.into())];
            words.say("wait-arrived", &args)
        }
    }
}

/// What was waited for: who has it, or who signed.
fn met<'v>(view: &'v DocumentView, level: &str) -> Option<&'v StageView> {
    let mut recipients = view.recipients.iter();
    match level {
        "province" => recipients.flat_map(|one| &one.stages).min_by_key(|stage| stage.at_us),
        "ministry" => recipients.find_map(|one| ladder::reached_at(one, Stage::Delivered)),
        _ => recipients.find_map(|one| ladder::reached_at(one, Stage::Signed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{
        ladder::tests::{arrived, on_the_way},
        names::tests::small,
        words::Lang,
    };

    #[test]
    fn each_level_waits_for_its_own_rung() {
        let waiting = DocumentView { recipients: Vec::new(), ..on_the_way() };
        assert_eq!(judged(&waiting, "province"), Verdict::Waiting);
        assert_eq!(judged(&on_the_way(), "province"), Verdict::Reached);
        assert_eq!(judged(&on_the_way(), "ministry"), Verdict::Waiting);
        assert_eq!(judged(&on_the_way(), "signed"), Verdict::Waiting);
        assert_eq!(judged(&arrived(), "ministry"), Verdict::Reached);
        assert_eq!(judged(&arrived(), "signed"), Verdict::Reached);
    }

    #[test]
    fn what_will_not_arrive_is_not_waited_for() {
        let mut view = on_the_way();
        let lost = StageView { stage: Stage::NotDelivered.into(), station: "420000".into(), ..Default::default() };
        view.recipients[0].stages.push(lost);
        assert_eq!(judged(&view, "ministry"), Verdict::Never);
    }

    #[test]
    fn the_end_of_a_wait_is_told_with_the_time_it_took() {
        let view = arrived();
        let text = awaited_text(&view, "signed", Verdict::Reached, &small("420100", Lang::Zh), &Words::new(Lang::Zh));
        assert_eq!(text, "✔ 部级 赵一 签收 09-19 08:46:31(用时 2:21)");
        let text = awaited_text(&view, "signed", Verdict::Waiting, &Names::default(), &Words::new(Lang::En));
        assert!(text.contains("still on its way"), "{text}");
    }
}
