//! `drill`: 演练 — its beginning and its end as directives to all who take part, and what came of it in between: who signed how
//! fast, and which duties were done in time, late or not at all. Nothing real is in it.

use std::collections::BTreeMap;

use clap::{ArgMatches, Command};
use proto::v1::{
    Box, Directive, DocumentView, FileRequest, Kind, ListRequest, ObligationView, Order, RecipientView, Stage, Status,
    Verdict, document::Content,
};
use serde_json::{Value, json};

use super::{
    args, ask,
    call::Call,
    directive, document,
    exit::{Exit, Failure, Outcome},
    filing, ladder,
    names::Names,
    obligation,
    table::Columns,
    terms::Listed,
    time, visible,
    words::Words,
};
use crate::{desk::client::Station, limits};

/// `drill start|stop|report|ls`
pub(super) fn command(words: &Words) -> Command {
    let start = args::verb(words, "start", "cmd-drill-start")
        .arg(args::option(words, "to", "arg-to").value_name("UNITS").required(true))
        .arg(args::option(words, "title", "arg-title").required(true))
        .arg(super::report::message(words).required(true));
    let stop = args::verb(words, "stop", "cmd-drill-stop").arg(args::document(words));
    args::noun(words, "drill", "cmd-drill")
        .subcommand(filing::flags(start, words))
        .subcommand(filing::flags(stop, words))
        .subcommand(args::verb(words, "report", "cmd-drill-report").arg(args::document(words)))
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("start", given)) => start(call, given),
        Some(("stop", given)) => stop(call, given),
        Some((_, given)) => report(call, given),
        None => Ok(Exit::Usage),
    }
}

fn start(call: &Call, given: &ArgMatches) -> Outcome {
    let text = ask::text(call, args::required(given, "message"))?;
    let to = directive::units(args::required(given, "to"));
    let request = ordered(call, given, Order::Drill, args::required(given, "title").to_owned(), text, to)?;
    call.online(async |station| {
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        let next = [("drill report", "next-drill-report"), ("drill stop", "next-drill-stop")];
        filing::told(call, &filed, &next);
        Ok(Exit::Done)
    })
}

/// It goes to those it began with.
fn stop(call: &Call, given: &ArgMatches) -> Outcome {
    call.online(async |station| {
        let (view, begun) = beginning(call, station, given).await?;
        let header = view.header.clone().unwrap_or_default();
        let args = [("title", visible::line(&begun.title).into())];
        let title = call.words.say("drill-over", &args);
        let text = call.words.say("drill-over-text", &[("number", visible::line(&header.number).into())]);
        let request = ordered(call, given, Order::DrillOver, title, text, header.action_to.clone())?;
        let request = FileRequest { refers_to: header.number, ..request };
        let filed = filing::file(call, station, request, &[]).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}

fn ordered(
    call: &Call,
    given: &ArgMatches,
    order: Order,
    title: String,
    text: String,
    to: Vec<String>,
) -> Result<FileRequest, Failure> {
    let officer = call.officer()?;
    let content = Content::Directive(Directive {
        title,
        text,
        officer,
        require: Stage::Signed.into(),
        order: order.into(),
        sent: None,
    });
    let request = filing::request(call, given, Kind::Directive, Status::Exercise, content)?;
    Ok(FileRequest { action_to: to, ..request })
}

/// The document a drill began with.
async fn beginning(
    call: &Call,
    station: &mut Station,
    given: &ArgMatches,
) -> Result<(DocumentView, Directive), Failure> {
    let view = call.document(station, args::required(given, "document")).await?;
    match view.document.as_ref().and_then(|document| document.content.clone()) {
        Some(Content::Directive(directive)) if directive.order() == Order::Drill => Ok((view, directive)),
        _ => {
            let args = [("number", document::number(&view).into())];
            Err(Failure::new(Exit::Refused, call.words.say("drill-none", &args)))
        }
    }
}

/// One incident that was played, and how its duties stand.
struct Played {
    number: String,
    office: String,
    category: String,
    duties: BTreeMap<&'static str, usize>,
    /// Late or not done, whoever's.
    behind: Vec<ObligationView>,
}

fn report(call: &Call, given: &ArgMatches) -> Outcome {
    call.online(async |station| {
        let (view, _) = beginning(call, station, given).await?;
        let (from, to) = span(call, station, &view).await?;
        let mut played = Vec::new();
        for first in firsts(call, station, from, to).await? {
            let header = first.header.clone().unwrap_or_default();
            let owed = obligation::owed(call, station, Some(&header.number), true, "").await?;
            let mut duties = BTreeMap::new();
            for one in &owed {
                *duties.entry(one.verdict().code()).or_default() += 1;
            }
            let behind = |one: &ObligationView| matches!(one.verdict(), Verdict::Late | Verdict::Overdue);
            played.push(Played {
                number: header.number,
                office: header.origin,
                category: match first.document.as_ref().and_then(|document| document.content.as_ref()) {
                    Some(Content::Report(report)) => report.category().word(&call.words),
                    _ => String::new(),
                },
                duties,
                behind: owed.into_iter().filter(behind).collect(),
            });
        }
        if call.json {
            call.object(&json(&view, from, to, &played));
        } else {
            call.data(&render(&view, to, &played, &call.names(), &call.words));
        }
        Ok(Exit::Done)
    })
}

/// From its beginning to its end, or until now.
async fn span(call: &Call, station: &mut Station, view: &DocumentView) -> Result<(i64, Option<i64>), Failure> {
    let begun = |view: &DocumentView| {
        view.header.as_ref().and_then(|header| header.created.as_ref()).map_or(0, |clock| clock.wall_us)
    };
    let request = ListRequest {
        r#box: Box::Filed.into(),
        kinds: vec![Kind::Directive.into()],
        since_us: begun(view),
        limit: u32::try_from(limits::LIST_MAX).unwrap_or(u32::MAX),
        ..Default::default()
    };
    let filed = call.answer(station.list(request).await)?.documents;
    let over = |one: &&DocumentView| {
        let of_it = one.header.as_ref().is_some_and(|header| header.references.contains(&view.id));
        let content = one.document.as_ref().and_then(|document| document.content.as_ref());
        of_it && matches!(content, Some(Content::Directive(said)) if said.order() == Order::DrillOver)
    };
    Ok((begun(view), filed.iter().filter(over).map(begun).min()))
}

/// The 首报 of exercises that were filed meanwhile.
async fn firsts(call: &Call, station: &mut Station, from: i64, to: Option<i64>) -> Result<Vec<DocumentView>, Failure> {
    let mut request = ListRequest {
        kinds: vec![Kind::InitialReport.into()],
        since_us: from,
        limit: u32::try_from(limits::LIST_MAX).unwrap_or(u32::MAX),
        ..Default::default()
    };
    let mut found = Vec::new();
    loop {
        let page = call.answer(station.list(request.clone()).await)?;
        found.extend(page.documents.into_iter().filter(|view| {
            let created = view.header.as_ref().and_then(|header| header.created.as_ref());
            let created = created.map_or(0, |clock| clock.wall_us);
            let exercise = view.header.as_ref().is_some_and(|header| header.status() == Status::Exercise);
            exercise && from <= created && to.is_none_or(|to| created <= to)
        }));
        if page.next == 0 {
            found.reverse();
            return Ok(found);
        }
        request.before = page.next;
    }
}

fn took(view: &DocumentView, recipient: &RecipientView) -> Option<std::time::Duration> {
    let created = view.header.as_ref()?.created.as_ref()?.wall_us;
    ladder::reached_at(recipient, Stage::Signed).map(|signed| time::micros(signed.at_us - created))
}

fn render(view: &DocumentView, to: Option<i64>, played: &[Played], names: &Names, words: &Words) -> String {
    let mut text = format!("{}\n", super::trace::title(view, words));
    let mut signed = Columns::new(["head-unit", "head-signed-after"].map(|key| words.text(key)));
    for recipient in &view.recipients {
        let after = took(view, recipient).map_or_else(|| "–".to_owned(), time::measured);
        signed.row([names.get(&recipient.unit), after]);
    }
    text.push_str(&signed.render());
    let heads = ["head-number", "head-from", "head-matter", "head-on-time", "head-late", "head-still-open"];
    let mut table = Columns::new(heads.map(|key| words.text(key))).right([3, 4, 5]);
    for one in played {
        let count = |codes: &[&str]| codes.iter().filter_map(|code| one.duties.get(code)).sum::<usize>().to_string();
        table.row([
            visible::line(&one.number),
            names.get(&one.office),
            one.category.clone(),
            count(&["done"]),
            count(&["late", "overdue"]),
            count(&["open", "unknown"]),
        ]);
    }
    text.push_str(&table.render());
    for duty in played.iter().flat_map(|one| &one.behind) {
        let args = [
            ("office", names.get(&duty.owner).into()),
            ("duty", obligation::duty(duty, words).into()),
            ("number", visible::line(&duty.incident).into()),
            ("by", time::about(time::micros(duty.by_us), words).into()),
        ];
        text.push_str(&format!("{}\n", words.say("drill-behind", &args)));
    }
    text.push_str(&format!("{}\n", words.text(if to.is_some() { "drill-has-ended" } else { "drill-goes-on" })));
    text
}

fn json(view: &DocumentView, from: i64, to: Option<i64>, played: &[Played]) -> Value {
    let signed = view.recipients.iter().map(|one| {
        json!({ "unit": one.unit, "signed_after_us": took(view, one).map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)) })
    });
    let incidents = played.iter().map(|one| {
        json!({
            "number": one.number,
            "office": one.office,
            "duties": one.duties,
            "behind": one.behind.iter().map(obligation::json).collect::<Vec<_>>(),
        })
    });
    json!({
        "schema": "zhuji.drill/1",
        "number": document::number(view),
        "began_at": time::rfc3339(from),
        "ended_at": to.and_then(time::rfc3339),
        "signed": signed.collect::<Vec<_>>(),
        "incidents": incidents.collect::<Vec<_>>(),
    })
}
