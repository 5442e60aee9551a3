//! What climbs: 首报, 续报, 终报, 更正, 请示, 横向通报, 评估, 越级, 汇总, 审核意见, and who leads.

use std::collections::BTreeSet;

use proto::v1::{
    Assessment, Bulletin, Bypass, Category, Choice, Commended, Endorsement, Grade, HandOver, Item, Kind, Lateral,
    LateralNotice, Linkage, Manner, Particular, Quote, Report, Request, SecrecyReport, Subject, document::Content,
    particular::Value,
};

use super::{ABOVE, ALL, About, Around, BELOW, PROVINCE, Sheet, Then, Written, nothing_later};
use crate::{
    cli::{document, draft, terms::Listed as _, time},
    plan::particulars::{self, Holds},
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
    tiers: BELOW,
    about: About::Incident,
    then: Then::Document,
    bare: false,
    fields: |_, _| Vec::new(),
    later: nothing_later,
    write: |_, _, _| Err(Mistake { field: "", hint: "" }),
};

pub(super) const SHEETS: &[Sheet] = &[
    Sheet {
        name: "report",
        title: "web-sheet-report",
        about: About::Nothing,
        fields: report_fields,
        later: points,
        write: |visit, said, _| Ok(Written::of(Kind::InitialReport, Content::Report(report(visit, said, None)?))),
        ..SHEET
    },
    Sheet {
        name: "follow-up",
        title: "web-sheet-follow-up",
        fields: more_fields,
        later: points_of_incident,
        write: |visit, said, around| more(visit, said, around, Kind::FollowUpReport),
        ..SHEET
    },
    Sheet {
        name: "final",
        title: "web-sheet-final",
        fields: more_fields,
        later: points_of_incident,
        write: |visit, said, around| more(visit, said, around, Kind::FinalReport),
        ..SHEET
    },
    Sheet {
        name: "correct",
        title: "web-sheet-correct",
        fields: correct_fields,
        later: points_of_incident,
        write: |visit, said, around| {
            let header = around.header();
            let number = header.number.clone();
            let kind = if header.kind() == Kind::InitialReport { Kind::FollowUpReport } else { header.kind() };
            let written = more(visit, said, around, kind)?;
            // A 首报 stays what it is: what was wrong in it is put right by what follows it.
            Ok(if header.kind() == Kind::InitialReport {
                written
            } else {
                written.with(|more| more.supersedes = number)
            })
        },
        ..SHEET
    },
    Sheet {
        name: "request",
        title: "web-sheet-request",
        about: About::Maybe,
        fields: |visit, _| {
            vec![
                Field::area("ask", visit.w("web-ask")).required(),
                Field::select::<Subject>("subject", visit.w("web-subject"), &visit.words, Some(visit.w("web-none"))),
                Field::area("recommendation", visit.w("field-recommendation")),
                Field::moment("needed_by", visit.w("field-needed-by"), &visit.words, true),
            ]
        },
        write: |visit, said, _| {
            let needed_by_us = said.deadline("needed_by", visit)?;
            let request = Request {
                ask: said.given("ask"),
                recommendation: said.given("recommendation"),
                needed_by_us,
                officer: visit.who.name.clone(),
                subject: said.term::<Subject>("subject")?.unwrap_or_default().into(),
            };
            let written = Written::of(Kind::RequestForInstructions, Content::Request(request));
            Ok(written.with(|more| more.reply_by_us = needed_by_us))
        },
        ..SHEET
    },
    Sheet { name: "notice", title: "web-sheet-notice", fields: notice_fields, later: seven, write: notice, ..SHEET },
    Sheet {
        name: "assess",
        title: "web-sheet-assess",
        tiers: ALL,
        fields: |visit, _| {
            vec![
                Field::area("harm", visit.w("field-harm")).required(),
                Field::area("handling", visit.w("field-handling")).required(),
                Field::area("effect", visit.w("field-effect")).required(),
                Field::area("commended", visit.w("web-commended")).hint(visit.w("hint-commend")),
            ]
        },
        write: |visit, said, _| {
            let commended = said.lines("commended").iter().map(|line| commended(line)).collect::<Result<_, _>>()?;
            let content = Content::Assessment(Assessment {
                harm: said.given("harm"),
                handling: said.given("handling"),
                effect: said.given("effect"),
                officer: visit.who.name.clone(),
                commended,
            });
            Ok(Written::of(Kind::Assessment, content))
        },
        ..SHEET
    },
    Sheet {
        name: "bypass",
        title: "web-sheet-bypass",
        tiers: &[crate::topology::Tier::District],
        fields: |visit, _| {
            vec![
                Field::area("reason", visit.w("web-bypass-reason")).required(),
                Field::line("order", visit.w("web-bypass-order")),
            ]
        },
        write: |visit, said, _| {
            let content = Content::Bypass(Bypass {
                reason: said.given("reason"),
                officer: visit.who.name.clone(),
                ..Default::default()
            });
            Ok(Written::of(Kind::Bypass, content).with(|more| more.other = said.given("order")))
        },
        ..SHEET
    },
    Sheet {
        name: "lead",
        title: "web-sheet-lead",
        tiers: ALL,
        fields: |visit, _| {
            vec![
                Field::of("to", visit.w("web-lead-to"), Input::Select(offices(visit))).required(),
                Field::area("reason", visit.w("web-reason")).required(),
            ]
        },
        write: |visit, said, _| {
            let content = Content::HandOver(HandOver {
                to: said.given("to"),
                reason: said.given("reason"),
                officer: visit.who.name.clone(),
                ..Default::default()
            });
            Ok(Written::of(Kind::HandOver, content))
        },
        ..SHEET
    },
    Sheet {
        name: "link",
        title: "web-sheet-link",
        tiers: ALL,
        fields: linkage_fields,
        write: |v, s, _| linkage(v, s, true),
        ..SHEET
    },
    Sheet {
        name: "unlink",
        title: "web-sheet-unlink",
        tiers: ALL,
        fields: linkage_fields,
        write: |v, s, _| linkage(v, s, false),
        ..SHEET
    },
    Sheet {
        name: "endorse",
        title: "web-sheet-endorse",
        tiers: PROVINCE,
        about: About::Document,
        fields: |visit, _| {
            let verified = [Choice::Unverified, Choice::Confirmed, Choice::Refuted];
            let verified = verified.map(|choice| (choice.code().to_owned(), choice.word(&visit.words)));
            vec![
                Field::of("verified", visit.w("field-verified"), Input::Radio(verified.into())).required(),
                Field::area("findings", visit.w("web-findings")),
                Field::area("recommendation", visit.w("field-recommendation")).hint(visit.w("web-hint-recommendation")),
                Field::radio::<Grade>("grade", visit.w("web-own-grade"), &visit.words),
                Field::line("leader", visit.w("field-releaser")).required(),
            ]
        },
        write: |visit, said, _| {
            let verified =
                said.term::<Choice>("verified")?.ok_or(Mistake { field: "verified", hint: "web-hint-choice" })?;
            let content = Content::Endorsement(Endorsement {
                report: Default::default(),
                verified: verified.into(),
                findings: said.given("findings"),
                recommendation: said.given("recommendation"),
                grade: said.term::<Grade>("grade")?.unwrap_or_default().into(),
                officer: visit.who.name.clone(),
                releaser: said.given("leader"),
            });
            Ok(Written::of(Kind::Endorsement, content))
        },
        ..SHEET
    },
    Sheet {
        name: "bulletin",
        title: "web-sheet-bulletin",
        tiers: ABOVE,
        about: About::Nothing,
        fields: |visit, around| {
            let line = |view: &proto::v1::DocumentView| {
                let title = crate::cli::trace::title(view, &visit.words);
                let from = view.header.as_ref().map(|header| visit.names.get(&header.origin)).unwrap_or_default();
                (document::number(view), format!("{from} · {title}"))
            };
            vec![
                Field::line("title", visit.w("head-title")).required(),
                Field::of("quotes", visit.w("web-quotes"), Input::Checks(around.reports.iter().map(line).collect())),
                Field::area("text", visit.w("web-own-words")),
                Field::line("leader", visit.w("field-releaser")).required(),
            ]
        },
        write: |visit, said, _| {
            let quotes = said.texts("quotes").into_iter().map(|number| Quote { number, ..Default::default() });
            let content = Content::Bulletin(Bulletin {
                title: said.given("title"),
                text: said.given("text"),
                quotes: quotes.collect(),
                officer: visit.who.name.clone(),
                releaser: said.given("leader"),
            });
            Ok(Written::of(Kind::Bulletin, content))
        },
        ..SHEET
    },
];

/// The five of a 首报, the most important first; who says so is whoever is logged in.
fn report_fields(visit: &Visit, _: &Around) -> Vec<Field> {
    vec![
        Field::radio::<Grade>("grade", visit.w("web-grade"), &visit.words).hint(visit.w("web-hint-grade")),
        Field::select::<Category>("category", visit.w("web-category"), &visit.words, Some(visit.w("web-choose")))
            .required(),
        Field::moment("occurred", visit.w("web-occurred"), &visit.words, false).required(),
        Field::line("place", visit.w("field-place")).hint(visit.w("web-hint-place")).required(),
        Field::area("text", visit.w("web-what")).required(),
        Field::moment("known", visit.w("web-known"), &visit.words, false),
    ]
}

/// What follows is about the same thing: only what is said anew is filled in.
fn more_fields(visit: &Visit, _: &Around) -> Vec<Field> {
    vec![
        Field::area("text", visit.w("web-what-now")).required(),
        Field::radio::<Grade>("grade", visit.w("web-grade"), &visit.words),
    ]
}

/// The same, with what had been said, to be put right.
fn correct_fields(visit: &Visit, around: &Around) -> Vec<Field> {
    let before = report_before(around);
    let when = if before.occurred_at_us == 0 { String::new() } else { time::clock(before.occurred_at_us) };
    vec![
        Field::area("text", visit.w("web-what-right")).value(before.text).required(),
        Field::moment("occurred", visit.w("web-occurred"), &visit.words, false).value(when),
        Field::line("place", visit.w("field-place")).value(before.place),
        Field::radio::<Grade>("grade", visit.w("web-grade"), &visit.words),
    ]
}

fn report_before(around: &Around) -> Report {
    let content = around.about.as_ref().and_then(|view| view.document.clone()).and_then(|document| document.content);
    match content {
        Some(Content::Report(report)) => report,
        _ => Report::default(),
    }
}

fn more(visit: &Visit, said: &Said, around: &Around, kind: Kind) -> Result<Written, Mistake> {
    Ok(Written::of(kind, Content::Report(report(visit, said, Some(report_before(around)))?)))
}

/// A report; what was not filled in stays as it was before.
fn report(visit: &Visit, said: &Said, before: Option<Report>) -> Result<Report, Mistake> {
    let before = before.unwrap_or_default();
    let or = |given: i64, before: i64| if given == 0 { before } else { given };
    let place = said.given("place");
    Ok(Report {
        occurred_at_us: or(said.happened("occurred", visit)?, before.occurred_at_us),
        known_at_us: or(said.happened("known", visit)?, before.known_at_us),
        place: if place.is_empty() { before.place } else { place },
        category: said.term::<Category>("category")?.map_or(before.category, Into::into),
        grade: said.term::<Grade>("grade")?.map_or(before.grade, Into::into),
        text: said.given("text"),
        reporter: visit.who.name.clone(),
        particulars: particulars(visit, said)?,
    })
}

/// Every point a report may state: those of any category, then those of each.
fn points(visit: &Visit, _: &Around) -> Vec<Group> {
    let categories = Category::TERMS.iter().map(|term| term.value);
    let everywhere: BTreeSet<i32> = categories
        .clone()
        .map(|category| particulars::form(category).map(i32::from).collect::<BTreeSet<_>>())
        .reduce(|a, b| &a & &b)
        .unwrap_or_default();
    let common = everywhere.iter().filter_map(|item| Item::try_from(*item).ok());
    let mut groups = vec![Group {
        caption: visit.w("web-points-any"),
        of: String::new(),
        fields: common.map(|item| point(visit, item)).collect(),
    }];
    let mut asked = everywhere;
    for category in categories {
        // A point that several have is asked for once, under the first.
        let own = particulars::form(category).filter(|item| asked.insert(i32::from(*item))).collect::<Vec<_>>();
        if !own.is_empty() {
            groups.push(Group {
                caption: visit.words.say("web-points-of", &[("category", category.word(&visit.words).into())]),
                of: category.code().to_owned(),
                fields: own.into_iter().map(|item| point(visit, item)).collect(),
            });
        }
    }
    groups.push(sources(visit));
    groups
}

/// Those of the incident's category.
fn points_of_incident(visit: &Visit, around: &Around) -> Vec<Group> {
    let category = report_before(around).category();
    if category == Category::Unspecified {
        return points(visit, around);
    }
    let fields = particulars::form(category).map(|item| point(visit, item)).collect();
    let caption = visit.words.say("web-points-of", &[("category", category.word(&visit.words).into())]);
    vec![Group { caption, of: String::new(), fields }, sources(visit)]
}

/// Who says so, and as of when.
fn sources(visit: &Visit) -> Group {
    let fields = vec![
        Field::line("source", visit.w("head-source")).hint(visit.w("web-hint-source")),
        Field::moment("as_of", visit.w("head-as-of"), &visit.words, false),
    ];
    Group { caption: visit.w("web-points-source"), of: String::new(), fields }
}

fn point(visit: &Visit, item: Item) -> Field {
    let (name, label) = (format!("item-{}", item.code()), item.word(&visit.words));
    match particulars::holds(item) {
        Some(Holds::Choice(among)) => {
            let choices = among.iter().map(|choice| (choice.code().to_owned(), choice.word(&visit.words)));
            let all = [(String::new(), "–".to_owned())].into_iter().chain(choices).collect();
            Field::of(&name, label, Input::Select(all))
        }
        Some(Holds::Moment) => Field::moment(&name, label, &visit.words, false),
        _ => Field::line(&name, label),
    }
}

fn particulars(visit: &Visit, said: &Said) -> Result<Vec<Particular>, Mistake> {
    let source = said.given("source");
    let source = if source.is_empty() { visit.who.name.clone() } else { source };
    let as_of_us = match said.happened("as_of", visit)? {
        0 => visit.now.us(),
        us => us,
    };
    let mut all = Vec::new();
    for (name, text) in said.pairs() {
        let Some(item) = name.strip_prefix("item-").and_then(Item::parse) else { continue };
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let mistake = |hint| Mistake {
            field: Item::TERMS.iter().find(|term| term.value == item).map_or("", |term| term.key),
            hint,
        };
        let value = match particulars::holds(item) {
            Some(Holds::Count) => Value::Count(text.parse().map_err(|_| mistake("hint-item-count"))?),
            Some(Holds::Choice(among)) => {
                let chosen = Choice::parse(text).filter(|choice| among.contains(choice));
                Value::Choice(chosen.ok_or(mistake("web-hint-choice"))?.into())
            }
            Some(Holds::Moment) => Value::AtUs(draft::happened(text, visit.now).ok_or(mistake("hint-occurred"))?),
            Some(Holds::Text | Holds::Deed) | None => Value::Text(text.to_owned()),
        };
        all.push(Particular { item: item.into(), value: Some(value), as_of_us, source: source.clone() });
    }
    Ok(all)
}

fn commended(line: &str) -> Result<Commended, Mistake> {
    let named = line.split_once(['=', '\u{ff1d}']);
    let (who, merit) = named.ok_or(Mistake { field: "commended", hint: "hint-commend" })?;
    Ok(Commended { who: who.trim().to_owned(), merit: merit.trim().to_owned() })
}

fn notice_fields(visit: &Visit, _: &Around) -> Vec<Field> {
    vec![
        Field::select::<Lateral>("to", visit.w("web-lateral-to"), &visit.words, None).required(),
        Field::line("body", visit.w("web-lateral-body")).required(),
        Field::line("contact", visit.w("field-contact")).required(),
        Field::radio::<Manner>("manner", visit.w("field-manner"), &visit.words).value("phone"),
        Field::moment("told_at", visit.w("field-told-at"), &visit.words, false),
        Field::line("reference", visit.w("field-reference")),
        Field::area("text", visit.w("web-lateral-text")),
    ]
}

const SEVEN: [(&str, &str); 7] = [
    ("matter", "arg-secrecy-matter"),
    ("discovery", "arg-secrecy-discovery"),
    ("responsible", "arg-secrecy-responsible"),
    ("course", "arg-secrecy-course"),
    ("harm", "arg-secrecy-harm"),
    ("investigation", "arg-secrecy-investigation"),
    ("remedy", "arg-secrecy-remedy"),
];

/// What a written report to the 保密 department has to say.
fn seven(visit: &Visit, _: &Around) -> Vec<Group> {
    let fields = SEVEN.iter().map(|(name, key)| Field::area(name, visit.w(key))).collect();
    vec![Group { caption: visit.w("web-secrecy-seven"), of: String::new(), fields }]
}

fn notice(visit: &Visit, said: &Said, _: &Around) -> Result<Written, Mistake> {
    let secrecy = SecrecyReport {
        matter: said.given("matter"),
        discovery: said.given("discovery"),
        responsible: said.given("responsible"),
        course: said.given("course"),
        harm: said.given("harm"),
        investigation: said.given("investigation"),
        remedy: said.given("remedy"),
    };
    let told_at_us = match said.happened("told_at", visit)? {
        0 => visit.now.us(),
        us => us,
    };
    let content = Content::LateralNotice(LateralNotice {
        to: said.term::<Lateral>("to")?.unwrap_or_default().into(),
        body: said.given("body"),
        told_at_us,
        manner: said.term::<Manner>("manner")?.unwrap_or(Manner::Phone).into(),
        contact: said.given("contact"),
        reference: said.given("reference"),
        text: said.given("text"),
        officer: visit.who.name.clone(),
        secrecy: (secrecy != SecrecyReport::default()).then_some(secrecy),
    });
    Ok(Written::of(Kind::LateralNotice, content))
}

fn linkage_fields(visit: &Visit, _: &Around) -> Vec<Field> {
    vec![
        Field::line("other", visit.w("web-other-incident")).required(),
        Field::area("reason", visit.w("web-reason")).required(),
    ]
}

fn linkage(visit: &Visit, said: &Said, same: bool) -> Result<Written, Mistake> {
    let content = Content::Linkage(Linkage {
        same,
        reason: said.given("reason"),
        officer: visit.who.name.clone(),
        ..Default::default()
    });
    Ok(Written::of(Kind::Linkage, content).with(|more| more.other = said.given("other")))
}

/// Every office, in the order of the tree.
pub(super) fn offices(visit: &Visit) -> Vec<(String, String)> {
    visit.units.units.iter().map(|unit| (unit.unit.clone(), visit.names.get(&unit.unit))).collect()
}
