//! Lists of documents, one document, and a named officer's word about one: what several nouns share.

use clap::{ArgMatches, Command};
use proto::v1::{ActRequest, Box, DocumentView, Kind, ListRequest, ListResponse, Stage};
use serde_json::json;

use super::{
    args,
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    filing,
    terms::Listed,
    time, trace, wait,
    wait::Verdict,
    words::Words,
};
use crate::{io::Timestamp, topology::Tier};

/// `--since 1h --limit 20 --incident ID`
pub(super) fn flags(command: Command, words: &Words) -> Command {
    command
        .arg(args::option(words, "since", "arg-since").value_name("TIME"))
        .arg(args::option(words, "limit", "arg-limit").value_parser(clap::value_parser!(u32)))
        .arg(args::option(words, "incident", "arg-incident").value_name("ID"))
}

/// Lists the documents of some kinds in one box.
pub(super) fn list(call: &Call, given: &ArgMatches, which: Box, kinds: &[Kind]) -> Outcome {
    let request = ListRequest {
        r#box: which.into(),
        kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
        since_us: since(call, given)?,
        limit: given.get_one("limit").copied().unwrap_or_default(),
        incident: args::text(given, "incident").unwrap_or_default().to_owned(),
        ..Default::default()
    };
    call.online(async |station| {
        let names = call.names();
        let response = call.answer(station.list(request).await)?;
        if call.json {
            call.objects(response.documents.iter().map(document::json), || json(&response));
        } else if call.quiet {
            response.documents.iter().for_each(|view| call.data(&document::number(view)));
        } else if response.documents.is_empty() {
            call.word(&call.words.text("list-empty"));
        } else {
            call.data(&document::render_list(&response.documents, &names, &call.words, call.now()));
            call.word(&summary(call, &response));
        }
        Ok(Exit::Done)
    })
}

/// `show ID`
pub(super) fn show(call: &Call, given: &ArgMatches) -> Outcome {
    call.online(async |station| {
        let view = call.read(station, args::required(given, "document")).await?;
        if call.json {
            call.object(&document::json(&view));
        } else {
            let names = call.names();
            call.data(&document::render_document(&view, &names, &call.words, call.now()));
            filing::next_steps(call, &document::number(&view), on_show(&view, call.tier));
        }
        Ok(Exit::Done)
    })
}

/// `status ID [--watch]` of a document with one addressee: the ladder.
pub(super) fn status(call: &Call, given: &ArgMatches) -> Outcome {
    let number = args::required(given, "document");
    let watch = given.get_flag("watch");
    call.online(async |station| {
        let names = call.names();
        if watch {
            call.say_on_interrupt(String::new());
        }
        let mut draw = |view: &DocumentView| {
            if call.json {
                call.object(&document::json(view));
            } else {
                let text = trace::render_ladder(view, &names, &call.words, call.now());
                if watch { call.redraw(&text) } else { call.data(&text) }
            }
            if watch && !settled(view) { Verdict::Waiting } else { Verdict::Reached }
        };
        let (_, view) = wait::watch(call, station, number, None, &mut draw).await?;
        if !call.json && !call.quiet {
            filing::next_steps(call, &document::number(&view), &[("trace", "next-trace")]);
        }
        Ok(Exit::Done)
    })
}

/// Nothing more is to come.
fn settled(view: &DocumentView) -> bool {
    let wanted = super::ladder::wanted(view);
    view.recipients.iter().all(|recipient| {
        super::ladder::ended(recipient).is_some()
            || wanted.iter().all(|stage| super::ladder::has_reached(recipient, *stage))
    })
}

/// A named officer signs for a document, takes it on, has done it, or says why not.
pub(super) fn act(call: &Call, given: &ArgMatches, stage: Stage, note: &str) -> Outcome {
    let officer = call.officer()?;
    call.online(async |station| {
        // Named whole from here on: the beginning of a number may be all that was typed.
        let view = call.document(station, args::required(given, "document")).await?;
        let number = document::number(&view);
        let request = ActRequest {
            document: number.clone(),
            stage: stage.into(),
            officer: officer.clone(),
            note: note.to_owned(),
        };
        let filed = call.answer(station.act(request).await)?;
        if call.json {
            call.object(&filing::filed_json(&filed));
        } else if !call.quiet {
            let args = [
                ("officer", super::visible::line(&officer).into()),
                ("stage", stage.word(&call.words).into()),
                ("number", number.as_str().into()),
                ("time", time::clock(filed.filed_at_us).into()),
            ];
            call.data(&call.words.say("acted", &args));
            filing::next_steps(call, &number, after(&view, stage));
        }
        Ok(Exit::Done)
    })
}

/// What is most likely done next with a document somebody looks at.
fn on_show(view: &DocumentView, tier: Tier) -> &'static [(&'static str, &'static str)] {
    match (view.arrived_us != 0 && !view.signed_here, tier) {
        (true, Tier::District) => &[("directive sign", "next-sign"), ("trace", "next-trace")],
        (true, _) => &[("inbox sign", "next-sign"), ("trace", "next-trace")],
        (false, _) => &[("trace", "next-trace")],
    }
}

/// What an officer does next with a document, once this is done.
fn after(view: &DocumentView, stage: Stage) -> &'static [(&'static str, &'static str)] {
    let more = |wanted| stage == Stage::Signed && super::ladder::wanted(view).contains(&wanted);
    match stage {
        Stage::Undertaken => &[("directive done", "next-done"), ("directive cannot", "next-cannot")],
        _ if more(Stage::Undertaken) => {
            &[("directive undertake", "next-undertake"), ("directive cannot", "next-cannot")]
        }
        _ if view.header.as_ref().is_some_and(|header| header.kind() == Kind::RequestForInstructions) => {
            &[("request approve", "next-approve"), ("request deny", "next-deny")]
        }
        _ => &[("trace", "next-trace")],
    }
}

fn since(call: &Call, given: &ArgMatches) -> Result<i64, Failure> {
    let Some(text) = args::text(given, "since") else { return Ok(0) };
    since_when(text, call.now()).ok_or_else(|| args::bad(&call.words, "--since", text, "hint-since"))
}

/// A moment, or a span before now.
fn since_when(text: &str, now: Timestamp) -> Option<i64> {
    time::span(text).map(|span| (now - span).us()).or_else(|| time::moment(text, now))
}

fn summary(call: &Call, response: &ListResponse) -> String {
    let args = [("n", response.documents.len().into()), ("unsigned", response.unsigned.into())];
    let mut text = call.words.say("list-summary", &args);
    if response.next > 0 {
        text.push_str(&call.words.text("list-more"));
    }
    if response.unsigned > 0 {
        let sign = if call.tier == Tier::District { "directive sign" } else { "inbox sign" };
        text.push_str(&call.words.say("list-sign", &[("program", call.program().into()), ("verb", sign.into())]));
    }
    text
}

fn json(response: &ListResponse) -> serde_json::Value {
    json!({
        "schema": "zhuji.documents/1",
        "items": response.documents.iter().map(document::json).collect::<Vec<_>>(),
        "unsigned": response.unsigned,
        "more": response.next > 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{
        ladder::tests::{arrived, on_the_way},
        time::tests::MORNING,
    };

    #[test]
    fn a_watch_ends_when_nothing_more_is_to_come() {
        assert!(!settled(&on_the_way()));
        assert!(settled(&arrived()));
    }

    #[test]
    fn since_is_a_moment_or_a_span() {
        let now = Timestamp::from_us(MORNING);
        assert_eq!(since_when("1h", now), Some(MORNING - 3_600_000_000));
        assert_eq!(since_when("08:44:10", now), Some(MORNING));
        assert_eq!(since_when("soon", now), None);
    }
}
