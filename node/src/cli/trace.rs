//! `trace`: everything that happened to one document, with the time each leg took and who took it.
//! `report status` draws the same events as a ladder, with what has not happened yet below them.

use std::time::Duration;

use clap::{ArgMatches, Command};
use proto::v1::{Document, DocumentView, QueueState, Stage, StageView, document::Content};
use serde_json::json;

use super::{
    args,
    call::Call,
    document,
    exit::{Exit, Outcome},
    ladder::{self, Event, Leg, What},
    names::Names,
    table::Columns,
    terms::Listed,
    time, trouble, visible,
    words::Words,
};
use crate::io::Timestamp;

/// A line slower than this is marked.
const SLOW: Duration = Duration::from_secs(5);

/// `trace ID`
pub(crate) fn command(words: &Words) -> Command {
    args::verb(words, "trace", "cmd-trace").arg(args::document(words))
}

/// Shows what happened to one document.
pub(crate) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    call.online(async |station| {
        let view = call.document(station, args::required(given, "document")).await?;
        if call.json {
            call.object(&json(&view));
        } else {
            let names = call.names();
            call.data(&render_trace(&view, &names, &call.words));
        }
        Ok(Exit::Done)
    })
}

/// Everything that happened, a line each.
pub(crate) fn render_trace(view: &DocumentView, names: &Names, words: &Words) -> String {
    let events = ladder::events(view);
    let heads = [String::new(), String::new(), String::new(), words.text("head-total"), words.text("head-leg")];
    let mut table = Columns::new(heads).right([3]);
    let first = events.first().map_or(0, |event| event.at_us);
    for event in &events {
        let total = match event.at_us - first {
            0 => "–".to_owned(),
            us => time::measured(time::micros(us)),
        };
        let mut leg = event.leg.map(|leg| leg_text(leg, words)).unwrap_or_default();
        if let Some(Leg::Line(took)) = event.leg
            && took > SLOW
        {
            leg.push_str(&words.say("leg-slow", &[("limit", time::measured(SLOW).into())]));
        }
        leg.push_str(&passage_text(event, words));
        table.row([time::clock_ms(event.at_us), names.get(&event.unit), what_text(event, names, words), total, leg]);
    }
    format!("{}\n{}{}\n", title(view, words), table.render(), footer(view, &events, words))
}

/// The same as a ladder: ● happened, ◐ on its way, ○ not yet.
pub(crate) fn render_ladder(view: &DocumentView, names: &Names, words: &Words, now: Timestamp) -> String {
    let mut table = Columns::bare();
    for event in ladder::events(view).iter().filter(|event| event.what != What::Occurred) {
        let leg = event.leg.filter(|_| event.what != What::Filed).map(|leg| leg_text(leg, words)).unwrap_or_default();
        table.row([
            mark(&event.what).to_owned(),
            time::clock(event.at_us),
            names.get(&event.unit),
            what_text(event, names, words),
            leg,
        ]);
    }
    for recipient in &view.recipients {
        if let Some(waiting) = &recipient.waiting {
            let (peer, what) = (names.get(&waiting.peer), waiting_text(waiting, words, now));
            table.row(["◐".to_owned(), String::new(), peer, what, String::new()]);
        }
        if ladder::ended(recipient).is_some() {
            continue;
        }
        for stage in ladder::wanted(view).into_iter().filter(|stage| !ladder::has_reached(recipient, *stage)) {
            let due = due_text(view, stage, words, now);
            table.row(["○".to_owned(), String::new(), names.get(&recipient.unit), stage.word(words), due]);
        }
    }
    let standing = document::standing_text(view, words);
    let ending = if standing.is_empty() { String::new() } else { format!("  {standing}\n") };
    format!("{}\n{}{ending}", title(view, words), table.render())
}

/// For machines.
fn json(view: &DocumentView) -> serde_json::Value {
    let events: Vec<_> = ladder::events(view).iter().map(event_json).collect();
    let (human, line) = totals(&ladder::events(view));
    json!({
        "schema": "zhuji.trace/1",
        "number": document::number(view),
        "events": events,
        "human_us": us(human),
        "line_us": us(line),
        "trace_id": trace_id(view),
        "document": document::json(view),
    })
}

fn event_json(event: &Event) -> serde_json::Value {
    let (what, officer, note) = match &event.what {
        What::Occurred => ("occurred", "", ""),
        What::Filed => ("filed", "", ""),
        What::Passed => ("passed", "", ""),
        What::Reached { stage, officer, note } => (stage.code(), officer.as_str(), note.as_str()),
    };
    let (by, took) = match event.leg {
        Some(Leg::Human(took)) => (Some("human"), Some(us(took))),
        Some(Leg::Line(took)) => (Some("line"), Some(us(took))),
        None => (None, None),
    };
    json!({
        "at": time::rfc3339(event.at_us),
        "station": event.unit,
        "event": what,
        "officer": document::some(officer),
        "note": document::some(note),
        "leg_by": by,
        "leg_us": took,
        "attempts": event.passage.as_ref().map(|passage| passage.attempts),
        "clock_offset_us": event.passage.as_ref().map(|passage| passage.offset_us),
        "clock_uncertainty_us": event.passage.as_ref().map(|passage| passage.offset_uncertainty_us),
    })
}

/// `R-420100-0919-0007  首报 Ⅰ红 特急 试卷安全(演练)`
pub(crate) fn title(view: &DocumentView, words: &Words) -> String {
    let mut parts = vec![document::number(view), document::kind_text(view, words)];
    let content = view.document.as_ref().and_then(|Document { content }| content.as_ref());
    if let Some(Content::Report(report)) = content
        && document::is_set(report.grade())
    {
        parts.push(report.grade().word(words));
    }
    parts.push(document::precedence_text(view, words));
    match content {
        Some(Content::Report(report)) => parts.push(report.category().word(words)),
        Some(Content::Directive(directive)) => parts.push(visible::line(&directive.title)),
        _ => {}
    }
    let status = document::status_text(view, words);
    words.say("title", &[("title", parts.join("  ").into()), ("status", status.into())])
}

fn mark(what: &What) -> &'static str {
    match what {
        What::Reached { stage: Stage::Delayed, .. } => "▲",
        What::Reached { stage: Stage::CannotComply | Stage::NotDelivered | Stage::Expired, .. } => "✕",
        _ => "●",
    }
}

pub(crate) fn what_text(event: &Event, names: &Names, words: &Words) -> String {
    match &event.what {
        What::Occurred => words.text("event-occurred"),
        What::Filed => words.text("event-filed"),
        What::Passed => words.text("event-passed"),
        What::Reached { stage, officer, note } => {
            let mut text = match (stage, officer.is_empty()) {
                (Stage::Custody, true) => words.text("event-passed"),
                (_, true) => stage.word(words),
                (_, false) => {
                    let args = [("officer", visible::line(officer).into()), ("stage", stage.word(words).into())];
                    words.say("event-by-officer", &args)
                }
            };
            if !note.is_empty() {
                let note = if officer.is_empty() { notice_text(note, names, words) } else { visible::line(note) };
                text.push_str(&words.say("event-note", &[("note", note.into())]));
            }
            text
        }
    }
}

/// What a station says by itself about what is late: `waits for 420000: unreachable: …`.
pub(crate) fn notice_text(note: &str, names: &Names, words: &Words) -> String {
    let Some(waits) = note.strip_prefix("waits for ") else { return trouble::told(note, words) };
    let (unit, why) = waits.split_once(": ").unwrap_or((waits, ""));
    let text = words.say("notice-waits", &[("name", names.get(unit).into())]);
    if why.is_empty() { text } else { format!("{text}: {}", trouble::told(why, words)) }
}

/// `线路 0.6 s`, `人工 28.4 s`.
pub(crate) fn leg_text(leg: Leg, words: &Words) -> String {
    match leg {
        Leg::Human(took) => words.say("leg-human", &[("span", time::measured(took).into())]),
        Leg::Line(took) => words.say("leg-line", &[("span", time::measured(took).into())]),
    }
}

pub(crate) fn passage_text(event: &Event, words: &Words) -> String {
    let Some(passage) = &event.passage else { return String::new() };
    let mut text = String::new();
    if passage.offset_uncertainty_us > 0 {
        let offset = time::offset(passage.offset_us, passage.offset_uncertainty_us);
        text.push_str(&words.say("leg-clock", &[("offset", offset.into())]));
    }
    if passage.attempts > 1 {
        text.push_str(&words.say("leg-attempts", &[("n", passage.attempts.into())]));
    }
    text
}

/// `在途(第 2 次尝试,上次: 连接被重置)`
pub(crate) fn waiting_text(waiting: &QueueState, words: &Words, now: Timestamp) -> String {
    let mut text = words.text(state_key(waiting));
    if waiting.attempts > 0 {
        text.push_str(&words.say("waiting-attempt", &[("n", waiting.attempts.into())]));
    }
    if !waiting.last_failure.is_empty() {
        text.push_str(&words.say("waiting-last", &[("why", trouble::told(&waiting.last_failure, words).into())]));
    }
    if let Some(when) = next_text(waiting, words, now) {
        text.push_str(&words.say("waiting-next", &[("when", when.into())]));
    }
    text
}

/// When it is offered next, if it is not its turn already.
fn next_text(waiting: &QueueState, words: &Words, now: Timestamp) -> Option<String> {
    if waiting.held || waiting.in_flight {
        None
    } else if !waiting.link_up {
        Some(words.text("next-link"))
    } else {
        (waiting.next_attempt_us > now.us()).then(|| time::clock_and_age(waiting.next_attempt_us, now, words))
    }
}

/// The state of something that waits, as a message key.
pub(crate) fn state_key(waiting: &QueueState) -> &'static str {
    if waiting.held {
        "waiting-held"
    } else if waiting.in_flight {
        "waiting-in-flight"
    } else if waiting.link_up && waiting.next_attempt_us == 0 {
        "waiting-ready"
    } else {
        "waiting-parked"
    }
}

fn due_text(view: &DocumentView, stage: Stage, words: &Words, now: Timestamp) -> String {
    let Some(header) = &view.header else { return String::new() };
    let due = if ladder::human(stage) { header.reply_by_us } else { header.deliver_by_us };
    if due == 0 {
        return String::new();
    }
    words.say("due", &[("when", time::clock_and_age(due, now, words).into())])
}

pub(crate) fn totals(events: &[Event]) -> (Duration, Duration) {
    events.iter().fold((Duration::ZERO, Duration::ZERO), |(human, line), event| match event.leg {
        Some(Leg::Human(took)) => (human + took, line),
        Some(Leg::Line(took)) => (human, line + took),
        None => (human, line),
    })
}

fn footer(view: &DocumentView, events: &[Event], words: &Words) -> String {
    let (human, line) = totals(events);
    let mut text = format!("{}  {}", leg_text(Leg::Human(human), words), leg_text(Leg::Line(line), words));
    if let Some(id) = trace_id(view) {
        text.push_str(&format!("  OTel trace {id}"));
    }
    text
}

/// The first 16 bytes of the trace context.
fn trace_id(view: &DocumentView) -> Option<String> {
    let id = view.header.as_ref()?.trace_context.get(..16)?;
    Some(document::hex(id))
}

fn us(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// The newest thing a person or a station did, for a line that is kept up to date while somebody waits.
pub(crate) fn newest(view: &DocumentView, names: &Names, words: &Words) -> String {
    let stages = view.recipients.iter().flat_map(|recipient| recipient.stages.iter());
    let newest: Option<&StageView> = stages.max_by_key(|stage| stage.at_us);
    newest.map_or_else(String::new, |stage| stage_text(stage, names, words))
}

/// `湖北 王五 签收 09-19 08:44:39`
pub(crate) fn stage_text(stage: &StageView, names: &Names, words: &Words) -> String {
    let what = What::Reached { stage: stage.stage(), officer: stage.officer.clone(), note: String::new() };
    let event = Event { at_us: stage.at_us, unit: stage.station.clone(), what, leg: None, passage: None };
    format!("{} {} {}", names.get(&event.unit), what_text(&event, names, words), time::clock(event.at_us))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{
        ladder::tests::{arrived, on_the_way},
        names::tests::small,
        time::tests::MORNING,
        words::Lang,
    };

    fn names() -> Names {
        small("420100", Lang::Zh)
    }

    #[test]
    fn a_trace_tells_people_from_lines() {
        let view = arrived();
        let text = render_trace(&view, &names(), &Words::new(Lang::Zh));
        let expected = "\
R-420100-0919-0007  首报  Ⅰ红  特急  试卷安全(演练)
                                         累计  本段
 09-19 08:42:00.000  武汉  事发(申报)       –
 09-19 08:44:10.000  武汉  已入队(落盘)  2:10  人工 2:10  时钟差 +0.004±0.011 s
 09-19 08:44:10.619  湖北  已接收(落盘)  2:10  线路 0.6 s  时钟差 +0.000±0.011 s  共尝试 2 次
 09-19 08:44:39.019  湖北  王五 签收     2:39  人工 28.4 s
 09-19 08:46:20.400  部级  已接收(落盘)  4:20  线路 2:09  ■ 超过 5.0 s  时钟差 +0.000±0.011 s
 09-19 08:46:31.000  部级  赵一 签收     4:31  人工 10.6 s
人工 2:49  线路 2:10  OTel trace 000102030405060708090a0b0c0d0e0f
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn a_notice_is_told_in_the_readers_language() {
        let told = |note: &str| notice_text(note, &names(), &Words::new(Lang::Zh));
        assert_eq!(told("waits for 420000"), "等待转送 湖北");
        assert_eq!(told("waits for 420000: silent: nothing heard for 9 s"), "等待转送 湖北: 对端没有应答");
        assert_eq!(told("not-your-subtree: x"), "对端不收: 不属本单位可转送的范围");
        assert_eq!(told("something else"), "something else");
    }

    #[test]
    fn a_ladder_shows_what_is_still_to_come() {
        let view = on_the_way();
        let now = Timestamp::from_us(MORNING + 120_000_000);
        let zh = render_ladder(&view, &names(), &Words::new(Lang::Zh), now);
        let expected = "\
R-420100-0919-0007  首报  Ⅰ红  特急  试卷安全(演练)
 ●  09-19 08:44:10  武汉  已入队(落盘)
 ●  09-19 08:44:10  湖北  已接收(落盘)                        线路 0.6 s
 ●  09-19 08:44:39  湖北  王五 签收                           人工 28.4 s
 ◐                  湖北  在途(第 2 次尝试),上次: 连接被重置
 ○                  部级  送达
 ○                  部级  签收
";
        assert_eq!(zh, expected, "\n{zh}");
        let en = render_ladder(&view, &names(), &Words::new(Lang::En), now);
        assert!(en.starts_with("R-420100-0919-0007  initial report  I red  IMMEDIATE"), "{en}");
        assert!(en.contains("signed: 王五"), "{en}");
        assert!(en.contains("○                  部级  delivered"), "{en}");
    }
}
