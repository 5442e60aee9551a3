//! `readiness`: 考前准备 — how it stands with what has to be ready before the exam, and which offices are ready.

use clap::{ArgAction, ArgMatches, Command};
use proto::v1::{
    Kind, PointState, PointView, Preparation, Prepared, Readiness, ReadinessRequest, ReadinessResponse, ReadinessView,
    Status, document::Content,
};
use serde_json::json;

use super::{
    args,
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    filing,
    names::Names,
    report,
    table::Columns,
    terms::Listed,
    time, visible,
    words::Words,
};

/// `readiness submit`, `readiness ls`
pub(super) fn command(words: &Words) -> Command {
    let points = |name, help, value| args::option(words, name, help).value_name(value).action(ArgAction::Append);
    let submit = args::verb(words, "submit", "cmd-readiness-submit")
        .arg(points("done", "arg-ready-done", "POINT").value_delimiter(','))
        .arg(points("not-yet", "arg-ready-not-yet", "POINT=WHY"))
        .arg(points("not-concerned", "arg-ready-not-concerned", "POINT=WHY"));
    let list = args::list(words, "cmd-readiness-ls")
        .arg(args::option(words, "unit", "arg-ready-unit"))
        .arg(args::flag(words, "open", "arg-ready-open"))
        .arg(args::flag(words, "exercise", "arg-nil-exercise"));
    args::noun(words, "readiness", "cmd-readiness")
        .subcommand(filing::flags(filing::status_flags(submit, words), words))
        .subcommand(list)
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("submit", given)) => submit(call, given),
        Some((_, given)) => list(call, given),
        None => Ok(Exit::Usage),
    }
}

fn submit(call: &Call, given: &ArgMatches) -> Outcome {
    let status = filing::status(given).ok_or_else(|| report::missing(call, "--actual|--exercise"))?;
    let done = args::texts(given, "done").into_iter().map(|code| Ok((code, Readiness::Done, String::new())));
    let explained = [("not-yet", Readiness::NotYet), ("not-concerned", Readiness::NotConcerned)];
    let explained = explained.into_iter().flat_map(|(flag, state)| {
        args::texts(given, flag).into_iter().map(move |text| {
            let (code, why) = text
                .split_once(['=', '\u{ff1d}'])
                .ok_or_else(|| args::bad(&call.words, &format!("--{flag}"), &text, "hint-ready-why"))?;
            Ok((code.to_owned(), state, why.to_owned()))
        })
    });
    let points = done.chain(explained).map(|point| {
        point.map(|(code, state, note)| Prepared {
            code: code.trim().to_owned(),
            state: state.into(),
            note,
            machine: false,
        })
    });
    let points = points.collect::<Result<Vec<_>, Failure>>()?;
    if points.is_empty() {
        return Err(report::missing(call, "--done|--not-yet|--not-concerned"));
    }
    let content = Content::Preparation(Preparation { points, officer: call.officer()? });
    call.online(async |station| {
        let request = filing::request(call, given, Kind::Preparation, status, content)?;
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[]);
        Ok(Exit::Done)
    })
}

fn list(call: &Call, given: &ArgMatches) -> Outcome {
    let status = if given.get_flag("exercise") { Status::Exercise } else { Status::Actual };
    let unit = args::text(given, "unit").unwrap_or_default().to_owned();
    call.online(async |station| {
        let one = !unit.is_empty();
        let board = call.answer(station.list_readiness(ReadinessRequest { unit, status: status.into() }).await)?;
        let shown: Vec<_> = board.units.iter().filter(|unit| !(unit.ready && given.get_flag("open"))).collect();
        if call.json {
            call.object(&json(&board, &shown));
        } else {
            call.data(&render(&board, &shown, one, &call.names(), &call.words));
        }
        Ok(Exit::Done)
    })
}

fn render(board: &ReadinessResponse, shown: &[&ReadinessView], one: bool, names: &Names, words: &Words) -> String {
    if board.begins_us == 0 {
        return format!("{}\n", words.text("ready-no-exam"));
    }
    let mut text = String::new();
    if one {
        shown.iter().for_each(|unit| text.push_str(&points(unit, words)));
    } else {
        text.push_str(&offices(&board.policy, shown, names, words));
    }
    let args = [
        ("exam", visible::line(&board.exam).into()),
        ("begins", time::clock(board.begins_us).into()),
        ("ready", board.units.iter().filter(|unit| unit.ready).count().into()),
        ("all", board.units.len().into()),
    ];
    text + &words.say("ready-summary", &args) + "\n"
}

fn offices(policy: &str, shown: &[&ReadinessView], names: &Names, words: &Words) -> String {
    let heads = ["head-owner", "head-is-ready", "head-ready-done", "head-ready-open", "head-ready-rules"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for unit in shown {
        let open: Vec<_> = unit.points.iter().filter(|point| !settled(point)).collect();
        let rules = if unit.policy == policy || unit.policy.is_empty() {
            visible::line(&unit.policy)
        } else {
            words.say("ready-old-rules", &[("version", visible::line(&unit.policy).into())])
        };
        table.row([
            names.get(&unit.unit),
            words.text(if unit.ready { "ready-yes" } else { "ready-no" }),
            format!("{}/{}", unit.points.len() - open.len(), unit.points.len()),
            open_points(&open, words),
            rules,
        ]);
    }
    table.render()
}

/// What is open, by how it stands, the worst first.
fn open_points(open: &[&PointView], words: &Words) -> String {
    let states =
        [PointState::Overdue, PointState::Missing, PointState::Silent, PointState::NotYet, PointState::Awaited];
    let named = states.into_iter().filter_map(|state| {
        let codes = open.iter().filter(|point| point.state() == state).map(|point| visible::line(&point.code));
        let codes: Vec<_> = codes.collect();
        (!codes.is_empty()).then(|| format!("{} {}", state.word(words), codes.join(" ")))
    });
    named.collect::<Vec<_>>().join(&words.text("list-comma"))
}

fn points(unit: &ReadinessView, words: &Words) -> String {
    let heads = ["head-point", "head-says", "head-state", "head-due", "head-note", "head-officer", "head-number"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for point in &unit.points {
        table.row([
            visible::line(&point.code),
            visible::line(&point.says),
            point.state().word(words),
            time::clock(point.due_us),
            visible::line(&point.note),
            visible::line(&point.officer),
            visible::line(&point.number),
        ]);
    }
    table.render()
}

fn settled(point: &PointView) -> bool {
    matches!(point.state(), PointState::Done | PointState::NotConcerned)
}

fn json(board: &ReadinessResponse, shown: &[&ReadinessView]) -> serde_json::Value {
    let point = |point: &PointView| {
        json!({
            "code": point.code,
            "row": point.row,
            "says": point.says,
            "state": point.state().code(),
            "due_at": time::rfc3339(point.due_us),
            "note": document::some(&point.note),
            "officer": document::some(&point.officer),
            "number": document::some(&point.number),
            "said_at": time::rfc3339(point.said_us),
        })
    };
    let unit = |unit: &&ReadinessView| {
        json!({
            "unit": unit.unit,
            "ready": unit.ready,
            "policy": document::some(&unit.policy),
            "points": unit.points.iter().map(point).collect::<Vec<_>>(),
        })
    };
    json!({
        "schema": "zhuji.readiness/1",
        "exam": document::some(&board.exam),
        "begins_at": time::rfc3339(board.begins_us),
        "policy": board.policy,
        "units": shown.iter().map(unit).collect::<Vec<_>>(),
    })
}

/// What a report of this kind says, point by point.
pub(super) fn lines(said: &Preparation, words: &Words) -> Vec<String> {
    let line = |point: &Prepared| {
        let note = if point.note.is_empty() { String::new() } else { format!("  {}", visible::line(&point.note)) };
        format!("{}  {}{note}", visible::line(&point.code), point.state().word(words))
    };
    said.points.iter().map(line).collect()
}

/// The same for programs.
pub(super) fn said_json(said: &Preparation) -> serde_json::Value {
    let point = |point: &Prepared| json!({ "code": point.code, "state": point.state().code(), "note": document::some(&point.note) });
    json!({ "points": said.points.iter().map(point).collect::<Vec<_>>(), "officer": said.officer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{names::tests::small, words::Lang};

    #[test]
    fn the_board_says_in_one_word_who_is_ready_and_names_what_is_open() {
        let point = |code: &str, state: PointState| PointView {
            code: code.into(),
            state: state.into(),
            due_us: 1_411_000_000_000_000,
            ..Default::default()
        };
        let unit = |unit: &str, ready, policy: &str, points| ReadinessView {
            unit: unit.into(),
            ready,
            policy: policy.into(),
            points,
        };
        let board = ReadinessResponse {
            exam: "2014年国家司法考试".into(),
            begins_us: 1_411_173_000_000_000,
            policy: "2014-1".into(),
            units: vec![
                unit("420100", true, "2014-1", vec![point("drill", PointState::Done)]),
                unit("420500", false, "2013-4", vec![point("drill", PointState::Missing)]),
            ],
        };
        let open = [&board.units[1]];
        let text = render(&board, &open, false, &small("420000", Lang::Zh), &Words::new(Lang::Zh));
        assert!(
            !text.contains("武汉")
                && text.contains("2 个机关,1 个就绪")
                && text.contains("未报 drill")
                && text.contains("2013-4"),
            "{text}"
        );
        let detail = render(&board, &open, true, &small("420000", Lang::En), &Words::new(Lang::En));
        assert!(detail.contains("missing") && detail.contains("1 of 2"), "{detail}");
    }
}
