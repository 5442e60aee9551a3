//! `shift`: 值班 — who has the desk, handing it over, and the log: calls, notes, what was put before whom.

use clap::{Arg, ArgMatches, Command};
use proto::v1::{
    Classification, FileRequest, Kind, LogEntry, LogMatter, ShiftRequest, ShiftView, Status, document::Content,
};
use serde_json::json;

use super::{
    args, ask,
    call::Call,
    document, draft,
    exit::{Exit, Outcome},
    filing, report,
    terms::Listed,
    time, visible,
    words::Words,
};
use crate::io::Timestamp;

/// How many entries are shown unless more are asked for.
const SHOWN: u32 = 20;

/// `shift show|start|handover|note|phone|submit|read|meeting|decline|log`
pub(crate) fn command(words: &Words) -> Command {
    let option = |name, help, value: &'static str| args::option(words, name, help).value_name(value);
    let needed = |name, help, value| option(name, help, value).required(true);
    let text = |help: &str| report::message(words).help(words.text(help)).required(true);
    let at = || option("at", "arg-log-at", "TIME");
    let verb = |name, about: &str, parts: Vec<Arg>| args::verb(words, name, about).args(parts);
    args::noun(words, "shift", "cmd-shift")
        .subcommand(verb("show", "cmd-shift-show", Vec::new()))
        .subcommand(verb(
            "log",
            "cmd-shift-log",
            vec![option("limit", "arg-limit", "N").value_parser(clap::value_parser!(u32))],
        ))
        .subcommand(verb("start", "cmd-shift-start", vec![needed("leader", "arg-duty-leader", "NAME")]))
        .subcommand(verb(
            "handover",
            "cmd-shift-handover",
            vec![
                needed("to", "arg-handover-to", "NAME"),
                option("leader", "arg-duty-leader", "NAME"),
                text("arg-handover-pending"),
            ],
        ))
        .subcommand(verb(
            "note",
            "cmd-shift-note",
            vec![text("arg-log-text"), at(), option("about", "arg-log-about", "ID")],
        ))
        .subcommand(verb(
            "phone",
            "cmd-shift-phone",
            vec![
                needed("caller", "arg-caller", "NAME"),
                needed("unit", "arg-caller-unit", "NAME"),
                option("title", "arg-caller-title", "TEXT"),
                needed("phone", "arg-caller-phone", "NUMBER"),
                at(),
                option("about", "arg-log-about", "ID"),
                text("arg-log-text"),
            ],
        ))
        .subcommand(verb(
            "submit",
            "cmd-shift-submit",
            vec![args::document(words), needed("to", "arg-submit-to", "NAME"), at()],
        ))
        .subcommand(verb(
            "read",
            "cmd-shift-read",
            vec![
                args::document(words),
                needed("by", "arg-read-by", "NAME"),
                report::message(words).help(words.text("arg-read-text")),
                at(),
            ],
        ))
        .subcommand(verb(
            "meeting",
            "cmd-shift-meeting",
            vec![args::document(words), needed("attendees", "arg-attendees", "NAMES"), text("arg-minutes"), at()],
        ))
        .subcommand(verb(
            "decline",
            "cmd-shift-decline",
            vec![
                args::document(words),
                needed("what", "arg-decline-what", "DUTY").value_parser(["meet", "deploy"]),
                text("arg-decline-why"),
            ],
        ))
}

/// Runs one of the verbs.
pub(crate) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let Some((verb, given)) = given.subcommand() else { return Ok(Exit::Usage) };
    let said = |name| args::text(given, name).unwrap_or_default().trim().to_owned();
    let entry = |matter: LogMatter| LogEntry { matter: matter.into(), ..Default::default() };
    let about = |name| said(name);
    match verb {
        "start" => write(call, given, LogEntry { leader: said("leader"), ..entry(LogMatter::Shift) }, String::new()),
        "handover" => {
            let entry = LogEntry { other: said("to"), leader: said("leader"), ..entry(LogMatter::HandOver) };
            write(call, given, entry, String::new())
        }
        "note" => write(call, given, entry(LogMatter::Note), about("about")),
        "phone" => {
            let entry = LogEntry {
                other: said("caller"),
                caller_unit: said("unit"),
                caller_title: said("title"),
                caller_phone: said("phone"),
                ..entry(LogMatter::Phone)
            };
            write(call, given, entry, about("about"))
        }
        "submit" => {
            write(call, given, LogEntry { other: said("to"), ..entry(LogMatter::Submitted) }, about("document"))
        }
        "read" => write(call, given, LogEntry { other: said("by"), ..entry(LogMatter::Read) }, about("document")),
        "meeting" => {
            write(call, given, LogEntry { other: said("attendees"), ..entry(LogMatter::Meeting) }, about("document"))
        }
        "decline" => {
            write(call, given, LogEntry { declined: said("what"), ..entry(LogMatter::Declined) }, about("document"))
        }
        "log" => show(call, given.get_one::<u32>("limit").copied().unwrap_or(SHOWN)),
        _ => show(call, 0),
    }
}

fn write(call: &Call, given: &ArgMatches, entry: LogEntry, refers_to: String) -> Outcome {
    let text = |name: &str| given.try_get_one::<String>(name).ok().flatten().cloned();
    let at_us = match text("at") {
        Some(text) => {
            draft::happened(&text, call.now()).ok_or_else(|| args::bad(&call.words, "--at", &text, "hint-occurred"))?
        }
        None => 0,
    };
    let message = text("message").map_or(Ok(String::new()), |text| ask::text(call, &text))?;
    let request = FileRequest {
        document: Some(proto::v1::Document {
            content: Some(Content::LogEntry(LogEntry { at_us, text: message, ..entry })),
        }),
        kind: Kind::LogEntry.into(),
        // The desk is real, whatever is played at it.
        status: Status::Actual.into(),
        classification: Classification::Internal.into(),
        officer: call.officer()?,
        refers_to,
        ..Default::default()
    };
    call.online(async |station| {
        let filed = filing::file(call, station, request, &[]).await?;
        filing::told(call, &filed, &[]);
        Ok(Exit::Done)
    })
}

fn show(call: &Call, entries: u32) -> Outcome {
    call.online(async |station| {
        let view = call.answer(station.get_shift(ShiftRequest { entries }).await)?;
        if call.json {
            call.object(&json(&view));
        } else {
            call.data(&render(&view, &call.words, call.now()));
        }
        Ok(Exit::Done)
    })
}

fn render(view: &ShiftView, words: &Words, now: Timestamp) -> String {
    let mut text = String::new();
    for one in &view.entries {
        let Some(entry) = &one.entry else { continue };
        let about = if one.about.is_empty() { String::new() } else { format!(" {}", visible::line(&one.about)) };
        text.push_str(&format!(
            "{}  {}  {}{about}  {}\n",
            time::clock(entry.at_us),
            visible::line(&entry.officer),
            entry.matter().word(words),
            told(entry, words),
        ));
        text.extend(visible::lines(&entry.text).iter().map(|line| format!("    {line}\n")));
    }
    if view.officer.is_empty() {
        return format!("{text}{}\n", words.text("shift-nobody"));
    }
    let args = [
        ("officer", visible::line(&view.officer).into()),
        ("leader", visible::line(&view.leader).into()),
        ("since", time::clock_and_age(view.since_us, now, words).into()),
    ];
    text.push_str(&format!("{}\n", words.say("shift-now", &args)));
    if !view.pending.is_empty() {
        text.push_str(&format!("{}\n", words.say("shift-pending", &[("text", visible::line(&view.pending).into())])));
    }
    text
}

/// The other person of an entry.
pub(crate) fn told(entry: &LogEntry, words: &Words) -> String {
    let args = [
        ("other", visible::line(&entry.other).into()),
        ("unit", visible::line(&entry.caller_unit).into()),
        ("title", visible::line(&entry.caller_title).into()),
        ("phone", visible::line(&entry.caller_phone).into()),
        ("leader", visible::line(&entry.leader).into()),
    ];
    match entry.matter() {
        LogMatter::Shift => words.say("log-leader", &args),
        LogMatter::HandOver | LogMatter::Submitted => words.say("log-to", &args),
        LogMatter::Phone => words.say("log-caller", &args),
        LogMatter::Read | LogMatter::Meeting | LogMatter::Reading | LogMatter::Account | LogMatter::Notified => {
            words.say("log-by", &args)
        }
        LogMatter::Declined => visible::line(&entry.declined),
        LogMatter::Note | LogMatter::Unspecified => String::new(),
    }
}

/// The fields of an entry that is shown as a document.
pub(crate) fn fields(entry: &LogEntry, words: &Words) -> Vec<(&'static str, String)> {
    vec![
        ("field-matter", format!("{} {}", entry.matter().word(words), told(entry, words))),
        ("field-occurred", time::clock(entry.at_us)),
        ("field-officer", visible::line(&entry.officer)),
    ]
}

/// An entry for machines.
pub(crate) fn entry_json(entry: &LogEntry) -> serde_json::Value {
    json!({
        "matter": entry.matter().code(),
        "at": time::rfc3339(entry.at_us),
        "officer": entry.officer,
        "leader": document::some(&entry.leader),
        "other": document::some(&entry.other),
        "text": document::some(&entry.text),
        "about": document::id(&entry.about),
        "declined": document::some(&entry.declined),
        "caller_unit": document::some(&entry.caller_unit),
        "caller_title": document::some(&entry.caller_title),
        "caller_phone": document::some(&entry.caller_phone),
    })
}

fn json(view: &ShiftView) -> serde_json::Value {
    let entries = view.entries.iter().filter_map(|one| {
        let mut entry = entry_json(one.entry.as_ref()?);
        entry["number"] = json!(one.number);
        entry["about_number"] = json!(document::some(&one.about));
        Some(entry)
    });
    json!({
        "schema": "zhuji.shift/1",
        "officer": document::some(&view.officer),
        "leader": document::some(&view.leader),
        "since": time::rfc3339(view.since_us),
        "pending": document::some(&view.pending),
        "entries": entries.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{time::tests::MORNING, words::Lang};

    #[test]
    fn a_call_is_shown_with_who_called_and_from_where() {
        let call = LogEntry {
            matter: LogMatter::Phone.into(),
            officer: "王五".into(),
            other: "张三".into(),
            caller_unit: "武汉市司法局".into(),
            caller_phone: "027-1\x1b[2J".into(),
            text: "试卷袋破损".into(),
            at_us: MORNING,
            ..Default::default()
        };
        let view = ShiftView {
            officer: "王五".into(),
            leader: "李六".into(),
            since_us: MORNING,
            pending: "无".into(),
            entries: vec![proto::v1::LogView { entry: Some(call), ..Default::default() }],
        };
        let text = render(&view, &Words::new(Lang::Zh), Timestamp::from_us(MORNING));
        for wanted in ["电话记录", "武汉市司法局", "张三", "试卷袋破损", "带班 李六", "待办"] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert!(!text.contains('\x1b'));
        let nobody = render(&ShiftView::default(), &Words::new(Lang::En), Timestamp::from_us(MORNING));
        assert!(nobody.contains("nobody"), "{nobody}");
    }
}
