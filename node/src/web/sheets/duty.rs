//! What a desk keeps for itself: 到岗, 交接, 记事, 电话记录, 呈报, 阅批, 会议; and 平安报, 值班表, 考前准备.

use proto::v1::{
    Kind, LogEntry, LogMatter, NilReport, Preparation, Prepared, Readiness, Roster, Status, document::Content,
};

use super::{ALL, About, Around, BELOW, Sheet, Then, Written, nothing_later};
use crate::{
    cli::roster,
    web::{
        fields::{Field, Input},
        parts::Group,
        said::{Mistake, Said},
        visit::{Right, Visit},
    },
};

const SHEET: Sheet = Sheet {
    name: "",
    title: "",
    right: Right::Write,
    tiers: ALL,
    about: About::Nothing,
    then: Then::Page("/shift"),
    bare: true,
    fields: |_, _| Vec::new(),
    later: nothing_later,
    write: |_, _, _| Err(Mistake { field: "", hint: "" }),
};

pub(super) const SHEETS: &[Sheet] = &[
    Sheet {
        name: "shift",
        title: "web-sheet-shift",
        fields: |visit, _| vec![Field::line("leader", visit.w("web-duty-leader")).required()],
        write: |visit, said, _| entry(visit, said, LogMatter::Shift, |one| one.leader = said.given("leader")),
        ..SHEET
    },
    Sheet {
        name: "handover",
        title: "web-sheet-handover",
        fields: |visit, _| {
            vec![
                Field::line("to", visit.w("web-handover-to")).required(),
                Field::line("leader", visit.w("web-duty-leader")),
                Field::area("text", visit.w("web-handover-pending")).required(),
            ]
        },
        write: |visit, said, _| {
            entry(visit, said, LogMatter::HandOver, |one| {
                one.other = said.given("to");
                one.leader = said.given("leader");
            })
        },
        ..SHEET
    },
    Sheet {
        name: "note",
        title: "web-sheet-note",
        about: About::Maybe,
        fields: |visit, _| {
            vec![
                Field::area("text", visit.w("web-log-text")).required(),
                Field::moment("at", visit.w("web-log-at"), &visit.words, false),
            ]
        },
        write: |visit, said, around| about(entry(visit, said, LogMatter::Note, |_| ()), around),
        ..SHEET
    },
    Sheet {
        name: "phone",
        title: "web-sheet-phone",
        about: About::Maybe,
        fields: |visit, _| {
            vec![
                Field::line("caller", visit.w("web-caller")).required(),
                Field::line("unit", visit.w("web-caller-unit")).required(),
                Field::line("title", visit.w("web-caller-title")),
                Field::line("phone", visit.w("web-caller-phone")).required(),
                Field::moment("at", visit.w("web-log-at"), &visit.words, false),
                Field::area("text", visit.w("web-log-text")).required(),
            ]
        },
        write: |visit, said, around| {
            let made = entry(visit, said, LogMatter::Phone, |one| {
                one.other = said.given("caller");
                one.caller_unit = said.given("unit");
                one.caller_title = said.given("title");
                one.caller_phone = said.given("phone");
            });
            about(made, around)
        },
        ..SHEET
    },
    Sheet {
        name: "submitted",
        title: "web-sheet-submitted",
        about: About::Document,
        then: Then::Document,
        fields: |visit, _| {
            vec![
                Field::line("to", visit.w("web-submit-to")).required(),
                Field::moment("at", visit.w("web-log-at"), &visit.words, false),
            ]
        },
        write: |visit, said, _| entry(visit, said, LogMatter::Submitted, |one| one.other = said.given("to")),
        ..SHEET
    },
    Sheet {
        name: "read",
        title: "web-sheet-read",
        about: About::Document,
        then: Then::Document,
        fields: |visit, _| {
            vec![
                Field::line("by", visit.w("web-read-by")).required(),
                Field::area("text", visit.w("web-read-text")),
                Field::moment("at", visit.w("web-log-at"), &visit.words, false),
            ]
        },
        write: |visit, said, _| entry(visit, said, LogMatter::Read, |one| one.other = said.given("by")),
        ..SHEET
    },
    Sheet {
        name: "meeting",
        title: "web-sheet-meeting",
        about: About::Document,
        then: Then::Document,
        fields: |visit, _| {
            vec![
                Field::line("attendees", visit.w("web-attendees")).required(),
                Field::area("text", visit.w("web-minutes")).required(),
                Field::moment("at", visit.w("web-log-at"), &visit.words, false),
            ]
        },
        write: |visit, said, _| entry(visit, said, LogMatter::Meeting, |one| one.other = said.given("attendees")),
        ..SHEET
    },
    Sheet {
        name: "decline",
        title: "web-sheet-decline",
        about: About::Document,
        then: Then::Document,
        fields: |visit, _| {
            let what =
                [("meet", "duty-meet"), ("deploy", "duty-deploy")].map(|(code, key)| (code.to_owned(), visit.w(key)));
            vec![
                Field::of("what", visit.w("web-decline-what"), Input::Radio(what.into())).required(),
                Field::area("text", visit.w("web-why")).required(),
            ]
        },
        write: |visit, said, _| entry(visit, said, LogMatter::Declined, |one| one.declined = said.given("what")),
        ..SHEET
    },
    Sheet {
        name: "nil",
        title: "web-sheet-nil",
        tiers: BELOW,
        then: Then::Page("/nil"),
        fields: |visit, around| {
            let slots = around.policy.iter().flat_map(|policy| &policy.slots);
            let slots = slots.map(|slot| {
                let at = crate::cli::time::clock(slot.at.us());
                (slot.name.clone(), format!("{} · {at}", slot.name))
            });
            vec![
                Field::reality(visit),
                Field::of("slot", visit.w("web-slot"), Input::Select(slots.collect())).required(),
                Field::area("text", visit.w("web-nil-text")),
            ]
        },
        write: |visit, said, _| {
            let nil = NilReport { slot: said.given("slot"), text: said.given("text"), officer: visit.who.name.clone() };
            Ok(Written::of(Kind::NilReport, Content::NilReport(nil)))
        },
        ..SHEET
    },
    Sheet {
        name: "roster",
        title: "web-sheet-roster",
        then: Then::Page("/roster"),
        fields: |visit, _| {
            vec![
                Field::reality(visit),
                Field::area("turns", visit.w("web-turns")).hint(visit.w("hint-turn")).required(),
            ]
        },
        write: |visit, said, _| {
            let turn =
                |line: &String| roster::read(line, visit.now).ok_or(Mistake { field: "turns", hint: "hint-turn" });
            let turns = said.lines("turns").iter().map(turn).collect::<Result<_, _>>()?;
            Ok(Written::of(Kind::Roster, Content::Roster(Roster { turns, officer: visit.who.name.clone() })))
        },
        ..SHEET
    },
    Sheet {
        name: "prepare",
        title: "web-sheet-prepare",
        then: Then::Page("/ready"),
        fields: |visit, _| vec![Field::reality(visit)],
        later: points,
        write: |visit, said, around| {
            let mut points = Vec::new();
            for point in around.policy.iter().flat_map(|policy| &policy.points).filter(|point| !point.machine) {
                let state = match said.given(&format!("state-{}", point.code)).as_str() {
                    "done" => Readiness::Done,
                    "not-yet" => Readiness::NotYet,
                    "not-concerned" => Readiness::NotConcerned,
                    _ => continue,
                };
                let note = said.given(&format!("note-{}", point.code));
                points.push(Prepared { code: point.code.clone(), state: state.into(), note, machine: false });
            }
            let preparation = Preparation { points, officer: visit.who.name.clone() };
            Ok(Written::of(Kind::Preparation, Content::Preparation(preparation)))
        },
        ..SHEET
    },
];

/// A line of the log; as real as the day.
fn entry(visit: &Visit, said: &Said, matter: LogMatter, bend: impl FnOnce(&mut LogEntry)) -> Result<Written, Mistake> {
    let at_us = said.happened("at", visit)?;
    let mut entry = LogEntry { matter: matter.into(), text: said.given("text"), at_us, ..Default::default() };
    bend(&mut entry);
    let written = Written::of(Kind::LogEntry, Content::LogEntry(entry));
    Ok(written.with(|more| more.status = Status::Actual.into()))
}

/// About a document, where one is meant: a line of the log refers to it and does not join its incident.
fn about(written: Result<Written, Mistake>, around: &Around) -> Result<Written, Mistake> {
    let number = around.header().number;
    written.map(|written| written.with(|more| more.refers_to = number))
}

/// What has to be ready, point by point; those the station finds out by itself are not asked for.
fn points(visit: &Visit, around: &Around) -> Vec<Group> {
    let tier = visit.tier();
    let points = around.policy.iter().flat_map(|policy| &policy.points);
    let points = points.filter(|point| !point.machine && point.tiers.contains(&tier));
    points
        .map(|point| {
            let states = [
                ("", "web-unsaid"),
                ("done", "readiness-done"),
                ("not-yet", "readiness-not-yet"),
                ("not-concerned", "readiness-not-concerned"),
            ];
            let states = states.map(|(code, key)| (code.to_owned(), visit.w(key)));
            let fields = vec![
                Field::of(&format!("state-{}", point.code), visit.w("head-state"), Input::Select(states.into())),
                Field::line(&format!("note-{}", point.code), visit.w("web-note")),
            ];
            Group { caption: point.says.clone(), of: String::new(), fields }
        })
        .collect()
}
