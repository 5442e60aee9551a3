//! `roster`: 值班表 — who should have the desk of which office, who leads, and which phone reaches them.

use clap::{Arg, ArgAction, ArgMatches, Command};
use proto::v1::{Kind, Roster, RosterRequest, RosterUnit, RosterView, Status, Turn, document::Content};
use serde_json::{Value, json};

use super::{
    args,
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    filing,
    names::Names,
    report,
    table::Columns,
    time, visible,
    words::Words,
};
use crate::io::Timestamp;

/// `roster submit|ls`
pub(crate) fn command(words: &Words) -> Command {
    let turn: Arg = args::option(words, "turn", "arg-turn")
        .value_name("FROM|UNTIL|OFFICER|LEADER|PHONE")
        .action(ArgAction::Append)
        .required(true);
    let submit = filing::status_flags(args::verb(words, "submit", "cmd-roster-submit").arg(turn), words);
    let list = args::list(words, "cmd-roster-ls")
        .arg(args::option(words, "at", "arg-roster-at").value_name("TIME"))
        .arg(args::flag(words, "open", "arg-roster-open"))
        .arg(args::flag(words, "exercise", "arg-nil-exercise"));
    args::noun(words, "roster", "cmd-roster").subcommand(filing::flags(submit, words)).subcommand(list)
}

/// Runs one of the verbs.
pub(crate) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("submit", given)) => submit(call, given),
        Some((_, given)) => list(call, given),
        None => Ok(Exit::Usage),
    }
}

fn submit(call: &Call, given: &ArgMatches) -> Outcome {
    let status = filing::status(given).ok_or_else(|| report::missing(call, "--actual|--exercise"))?;
    let turns = args::texts(given, "turn").iter().map(|text| turn(call, text)).collect::<Result<_, _>>()?;
    let content = Content::Roster(Roster { turns, officer: call.officer()? });
    call.online(async |station| {
        let request = filing::request(call, given, Kind::Roster, status, content)?;
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[]);
        Ok(Exit::Done)
    })
}

/// `09-20 07:00|09-20 19:00|张三|李带班|027-87651234`
fn turn(call: &Call, text: &str) -> Result<Turn, Failure> {
    read(text, call.now()).ok_or_else(|| args::bad(&call.words, "--turn", text, "hint-turn"))
}

pub(crate) fn read(text: &str, now: Timestamp) -> Option<Turn> {
    let parts: Vec<_> = text.split(['|', '\u{ff5c}']).map(str::trim).collect();
    let [from, until, officer, leader, phone] = *parts.as_slice() else { return None };
    let named = |name: &str| name.to_owned();
    Some(Turn {
        from_us: time::moment(from, now)?,
        until_us: time::moment(until, now)?,
        officer: named(officer),
        leader: named(leader),
        phone: named(phone),
    })
}

fn list(call: &Call, given: &ArgMatches) -> Outcome {
    let status = if given.get_flag("exercise") { Status::Exercise } else { Status::Actual };
    let at_us = match args::text(given, "at") {
        Some(text) => {
            time::moment(text, call.now()).ok_or_else(|| args::bad(&call.words, "--at", text, "hint-occurred"))?
        }
        None => 0,
    };
    call.online(async |station| {
        let mut view = call.answer(station.list_roster(RosterRequest { at_us, status: status.into() }).await)?;
        if given.get_flag("open") {
            view.units.retain(|unit| unit.number.is_empty() || !unit.open.is_empty());
        }
        if call.json {
            call.object(&json(&view));
        } else {
            call.data(&render(&view, &call.names(), &call.words));
        }
        Ok(Exit::Done)
    })
}

fn render(view: &RosterView, names: &Names, words: &Words) -> String {
    let heads = ["head-unit", "head-officer", "head-leader", "head-phone", "head-turn-until", "head-roster-open"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for unit in &view.units {
        let turn = unit.turn.clone().unwrap_or_default();
        table.row([
            names.get(&unit.unit),
            if unit.turn.is_none() { words.text("roster-nobody") } else { visible::line(&turn.officer) },
            visible::line(&turn.leader),
            visible::line(&turn.phone),
            if turn.until_us == 0 { "–".to_owned() } else { time::clock(turn.until_us) },
            open(unit, words),
        ]);
    }
    table.render()
}

/// What of the exam nobody is down for.
pub(crate) fn open(unit: &RosterUnit, words: &Words) -> String {
    if unit.number.is_empty() {
        return words.text("roster-none");
    }
    let spans = unit.open.iter().map(|span| format!("{}–{}", time::clock(span.from_us), time::clock(span.until_us)));
    spans.collect::<Vec<_>>().join(&words.text("list-comma"))
}

fn json(view: &RosterView) -> Value {
    let turn = |turn: &Turn| {
        json!({
            "from": time::rfc3339(turn.from_us),
            "until": time::rfc3339(turn.until_us),
            "officer": turn.officer,
            "leader": turn.leader,
            "phone": turn.phone,
        })
    };
    let unit = |unit: &RosterUnit| {
        json!({
            "unit": unit.unit,
            "number": document::some(&unit.number),
            "turn": unit.turn.as_ref().map(turn),
            "open": unit.open.iter().map(|span| {
                json!({ "from": time::rfc3339(span.from_us), "until": time::rfc3339(span.until_us) })
            }).collect::<Vec<_>>(),
        })
    };
    json!({
        "schema": "zhuji.roster/1",
        "at": time::rfc3339(view.at_us),
        "units": view.units.iter().map(unit).collect::<Vec<_>>(),
    })
}

/// The turns of one roster, a line each.
pub(crate) fn lines(roster: &Roster, words: &Words) -> Vec<String> {
    let line = |turn: &Turn| {
        let args = [
            ("from", time::clock(turn.from_us).into()),
            ("until", time::clock(turn.until_us).into()),
            ("officer", visible::line(&turn.officer).into()),
            ("leader", visible::line(&turn.leader).into()),
            ("phone", visible::line(&turn.phone).into()),
        ];
        words.say("roster-turn", &args)
    };
    roster.turns.iter().map(line).collect()
}

/// One roster for machines.
pub(crate) fn roster_json(roster: &Roster) -> Value {
    let turns = roster.turns.iter().map(|turn| {
        json!({
            "from": time::rfc3339(turn.from_us),
            "until": time::rfc3339(turn.until_us),
            "officer": turn.officer,
            "leader": turn.leader,
            "phone": turn.phone,
        })
    });
    json!({ "officer": roster.officer, "turns": turns.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{names::tests::small, time::tests::MORNING, words::Lang};

    #[test]
    fn a_turn_is_typed_in_five_parts() {
        let now = Timestamp::from_us(MORNING);
        let turn = read("08:00 | 20:00 | 张三 | 李带班 | 027-87651234", now).unwrap();
        assert_eq!(
            (turn.officer.as_str(), turn.leader.as_str(), turn.phone.as_str()),
            ("张三", "李带班", "027-87651234")
        );
        assert_eq!(turn.until_us - turn.from_us, 12 * 3_600_000_000);
        for wrong in ["08:00|20:00|张三|李带班", "8|20:00|张三|李带班|1", ""] {
            assert!(read(wrong, now).is_none(), "{wrong}");
        }
    }

    #[test]
    fn whoever_is_on_duty_is_shown_with_his_phone_and_who_is_not_is_named() {
        let now = Timestamp::from_us(MORNING);
        let there = RosterUnit {
            unit: "420100".into(),
            number: "M-1".into(),
            turn: read("08:00|20:00|张三|李带班|027-87651234", now),
            ..Default::default()
        };
        let view = RosterView {
            units: vec![there, RosterUnit { unit: "420500".into(), ..Default::default() }],
            ..Default::default()
        };
        let text = render(&view, &small("420000", Lang::Zh), &Words::new(Lang::Zh));
        for wanted in ["027-87651234", "张三", "未报值班表"] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }
}
