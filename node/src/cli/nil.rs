//! `nil`: 平安报 — that nothing has happened, said at fixed hours; and who has not said so.

use clap::{ArgMatches, Command};
use proto::v1::{Kind, NilReport, NilRequest, NilResponse, NilState, NilView, Status, document::Content};
use serde_json::json;

use super::{
    args, ask,
    call::Call,
    document,
    exit::{Exit, Outcome},
    filing,
    names::Names,
    report,
    table::Columns,
    terms::Listed,
    time, visible,
    words::Words,
};
use crate::topology::Tier;

/// `nil ls`, and below the ministry `nil submit`
pub(super) fn command(words: &Words, tier: Tier) -> Command {
    let slot = || args::option(words, "slot", "arg-slot").value_name("NAME");
    let list = args::list(words, "cmd-nil-ls")
        .arg(slot())
        .arg(args::flag(words, "missing", "arg-missing"))
        .arg(args::flag(words, "exercise", "arg-nil-exercise"));
    let command = args::noun(words, "nil", "cmd-nil").subcommand(list);
    if tier == Tier::Ministry {
        return command;
    }
    let submit = args::verb(words, "submit", "cmd-nil-submit").arg(slot()).arg(report::message(words));
    command.subcommand(filing::flags(filing::status_flags(submit, words), words))
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
    let text = args::text(given, "message").map_or(Ok(String::new()), |text| ask::text(call, text))?;
    let officer = call.officer()?;
    call.online(async |station| {
        let slot = match args::text(given, "slot") {
            Some(slot) => slot.to_owned(),
            None => call.answer(station.list_nil(NilRequest::default()).await)?.slot,
        };
        let content = Content::NilReport(NilReport { slot, text, officer });
        let request = filing::request(call, given, Kind::NilReport, status, content)?;
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[]);
        Ok(Exit::Done)
    })
}

fn list(call: &Call, given: &ArgMatches) -> Outcome {
    let status = if given.get_flag("exercise") { Status::Exercise } else { Status::Actual };
    let slot = args::text(given, "slot").unwrap_or_default().to_owned();
    call.online(async |station| {
        let mut board = call.answer(station.list_nil(NilRequest { slot, status: status.into() }).await)?;
        if given.get_flag("missing") {
            board.units.retain(|unit| matches!(unit.state(), NilState::Missing | NilState::Silent));
        }
        if call.json {
            call.object(&json(&board));
        } else {
            call.data(&render(&board, &call.names(), &call.words));
        }
        Ok(Exit::Done)
    })
}

fn render(board: &NilResponse, names: &Names, words: &Words) -> String {
    if board.slots.is_empty() {
        return format!("{}\n", words.text("nil-slots-none"));
    }
    if board.slot.is_empty() {
        let slots: Vec<_> = board.slots.iter().map(|slot| visible::line(&slot.name)).collect();
        let args = [("slots", slots.join(&words.text("list-comma")).into())];
        return format!("{}\n", words.say("nil-none-due", &args));
    }
    let heads = ["head-owner", "head-state", "head-written", "head-officer", "head-number"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for unit in &board.units {
        table.row([
            names.get(&unit.unit),
            unit.state().word(words),
            if unit.written_us == 0 { "–".to_owned() } else { time::clock(unit.written_us) },
            visible::line(&unit.officer),
            visible::line(&unit.number),
        ]);
    }
    let count = |among: &[NilState]| board.units.iter().filter(|unit| among.contains(&unit.state())).count();
    let args = [
        ("slot", visible::line(&board.slot).into()),
        ("all", board.units.len().into()),
        ("here", count(&[NilState::Received, NilState::Late]).into()),
        ("missing", count(&[NilState::Missing]).into()),
        ("silent", count(&[NilState::Silent]).into()),
    ];
    format!("{}{}\n", table.render(), words.say("nil-summary", &args))
}

fn json(board: &NilResponse) -> serde_json::Value {
    let unit = |unit: &NilView| {
        json!({
            "unit": unit.unit,
            "state": unit.state().code(),
            "number": document::some(&unit.number),
            "officer": document::some(&unit.officer),
            "written_at": time::rfc3339(unit.written_us),
            "silent_since": time::rfc3339(unit.silent_since_us),
        })
    };
    let slots = board.slots.iter().map(
        |slot| json!({ "name": slot.name, "at": time::rfc3339(slot.at_us), "due_at": time::rfc3339(slot.due_us) }),
    );
    json!({
        "schema": "zhuji.nil/1",
        "slot": document::some(&board.slot),
        "slots": slots.collect::<Vec<_>>(),
        "units": board.units.iter().map(unit).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use proto::v1::NilSlot;

    use super::*;
    use crate::cli::{names::tests::small, words::Lang};

    #[test]
    fn a_dead_line_and_an_absent_officer_read_differently() {
        let unit =
            |unit: &str, state: NilState| NilView { unit: unit.into(), state: state.into(), ..Default::default() };
        let board = NilResponse {
            slots: vec![NilSlot { name: "开考".into(), ..Default::default() }],
            slot: "开考".into(),
            units: vec![unit("420100", NilState::Missing), unit("420500", NilState::Silent)],
        };
        let text = render(&board, &small("420000", Lang::Zh), &Words::new(Lang::Zh));
        assert!(text.contains("缺报") && text.contains("线路中断") && text.contains("应报 2,已到 0"), "{text}");
        let none = NilResponse { slot: String::new(), ..board };
        assert!(render(&none, &small("420000", Lang::En), &Words::new(Lang::En)).contains("开考"));
    }
}
