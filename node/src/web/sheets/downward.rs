//! What comes down: 指示 of every sort, 催办, 批复, 预警, 演练, 撤销, and a new version of the policy.

use proto::v1::{
    Cancel, Choice, Directive, EarlyWarning, Kind, Order, PolicyRelease, Reply, Sent, Stage, Status, document::Content,
};

use super::{ABOVE, ALL, About, Around, MINISTRY, Sheet, Then, Written, nothing_later, upward::offices};
use crate::{
    cli::{directive, document, terms::Listed as _, visible},
    topology::Tier,
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
    tiers: ABOVE,
    about: About::Document,
    then: Then::Document,
    bare: false,
    fields: |_, _| Vec::new(),
    later: nothing_later,
    write: |_, _, _| Err(Mistake { field: "", hint: "" }),
};

pub(super) const SHEETS: &[Sheet] = &[
    Sheet {
        name: "directive",
        title: "web-sheet-directive",
        about: About::Maybe,
        fields: directive_fields,
        later: sent_fields,
        write: issue,
        ..SHEET
    },
    Sheet {
        name: "urge",
        title: "web-sheet-urge",
        about: About::Incident,
        fields: |visit, around| {
            let title = visit.words.say(
                "urge-title",
                &[("incident", document::number(around.about.as_ref().unwrap_or(&Default::default())).into())],
            );
            vec![
                Field::of("to", visit.w("web-to"), Input::Select(below(visit))).required(),
                Field::line("title", visit.w("head-title")).value(title).required(),
                Field::area("text", visit.w("web-urge-what")).required(),
                Field::moment("reply_by", visit.w("field-reply-by"), &visit.words, true).value("+15m").required(),
            ]
        },
        write: |visit, said, _| {
            let directive = Directive {
                title: said.given("title"),
                text: said.given("text"),
                officer: visit.who.name.clone(),
                require: Stage::Completed.into(),
                order: Order::Urge.into(),
                sent: None,
            };
            let reply_by_us = said.deadline("reply_by", visit)?;
            Ok(Written::of(Kind::Directive, Content::Directive(directive)).with(|more| {
                more.action_to = said.units("to");
                more.reply_by_us = reply_by_us;
            }))
        },
        ..SHEET
    },
    Sheet {
        name: "approve",
        title: "web-sheet-approve",
        fields: reply_fields,
        write: |v, s, _| reply(v, s, Kind::Approval),
        ..SHEET
    },
    Sheet {
        name: "deny",
        title: "web-sheet-deny",
        fields: deny_fields,
        write: |v, s, _| reply(v, s, Kind::Denial),
        ..SHEET
    },
    Sheet {
        name: "cancel",
        title: "web-sheet-cancel",
        tiers: ALL,
        fields: |visit, _| vec![Field::area("reason", visit.w("web-reason")).required()],
        write: |visit, said, around| {
            let target = around.about.as_ref().map(|view| view.id.clone()).unwrap_or_default();
            let cancel = Cancel { target, reason: said.given("reason"), officer: visit.who.name.clone() };
            Ok(Written::of(Kind::Cancel, Content::Cancel(cancel)))
        },
        ..SHEET
    },
    Sheet {
        name: "warning",
        title: "web-sheet-warning",
        tiers: ALL,
        about: About::Nothing,
        fields: |visit, _| {
            let levels = [Choice::Red, Choice::Orange, Choice::Yellow, Choice::Blue];
            let levels = levels.map(|level| (level.code().to_owned(), level.word(&visit.words)));
            let mut fields = vec![
                Field::line("hazard", visit.w("field-hazard")).required(),
                Field::of("level", visit.w("web-warning-level"), Input::Radio(levels.into())).required(),
                Field::line("issuer", visit.w("field-issuer")).required(),
                Field::line("area", visit.w("field-area")).required(),
                Field::moment("until", visit.w("field-until"), &visit.words, true).required(),
                Field::area("text", visit.w("web-warning-text")).required(),
            ];
            if visit.tier() != Tier::District {
                fields.push(Field::line("to", visit.w("web-to")).hint(visit.w("web-hint-to")));
            }
            fields
        },
        write: |visit, said, _| {
            let level = said.term::<Choice>("level")?.ok_or(Mistake { field: "level", hint: "web-hint-choice" })?;
            let warning = EarlyWarning {
                hazard: said.given("hazard"),
                level: level.into(),
                issuer: said.given("issuer"),
                area: said.given("area"),
                from_us: visit.now.us(),
                until_us: said.deadline("until", visit)?,
                text: said.given("text"),
                officer: visit.who.name.clone(),
            };
            Ok(Written::of(Kind::EarlyWarning, Content::EarlyWarning(warning))
                .with(|more| more.action_to = said.units("to")))
        },
        ..SHEET
    },
    Sheet {
        name: "drill-start",
        title: "web-sheet-drill-start",
        about: About::Nothing,
        bare: true,
        fields: |visit, _| {
            vec![
                Field::line("to", visit.w("web-to")).hint(visit.w("web-hint-to")).required(),
                Field::line("title", visit.w("head-title")).required(),
                Field::area("text", visit.w("web-drill-text")).required(),
            ]
        },
        write: |visit, said, _| {
            let (title, text) = (said.given("title"), said.given("text"));
            Ok(drill(visit, Order::Drill, title, text).with(|more| more.action_to = said.units("to")))
        },
        ..SHEET
    },
    Sheet {
        name: "drill-stop",
        title: "web-sheet-drill-stop",
        bare: true,
        fields: |_, _| Vec::new(),
        write: |visit, _, around| {
            let header = around.header();
            let title = match around.about.as_ref().and_then(|view| view.document.clone()).and_then(|it| it.content) {
                Some(Content::Directive(directive)) => visible::line(&directive.title),
                _ => String::new(),
            };
            let title = visit.words.say("drill-over", &[("title", title.into())]);
            let text = visit.words.say("drill-over-text", &[("number", visible::line(&header.number).into())]);
            Ok(drill(visit, Order::DrillOver, title, text).with(|more| more.action_to = header.action_to))
        },
        ..SHEET
    },
    Sheet {
        name: "policy",
        title: "web-sheet-policy",
        tiers: MINISTRY,
        about: About::Nothing,
        fields: |visit, around| {
            let text = around.policy.as_ref().map(|policy| policy.version.clone()).unwrap_or_default();
            vec![
                Field::line("reference", visit.w("field-reference")).required(),
                Field::line("leader", visit.w("field-releaser")).required(),
                Field::area("text", visit.w("web-policy-text"))
                    .hint(visit.words.say("web-hint-policy", &[("version", text.into())]))
                    .required(),
            ]
        },
        write: |visit, said, _| {
            let text = said.given("text") + "\n";
            let version = crate::plan::policy::Policy::parse(&text).map(|policy| policy.version);
            let release = PolicyRelease {
                version: version.unwrap_or_default(),
                text,
                reference: said.given("reference"),
                officer: visit.who.name.clone(),
                releaser: said.given("leader"),
            };
            Ok(Written::of(Kind::PolicyRelease, Content::PolicyRelease(release)))
        },
        ..SHEET
    },
];

fn drill(visit: &Visit, order: Order, title: String, text: String) -> Written {
    let directive = Directive {
        title,
        text,
        officer: visit.who.name.clone(),
        require: Stage::Signed.into(),
        order: order.into(),
        sent: None,
    };
    Written::of(Kind::Directive, Content::Directive(directive)).with(|more| more.status = Status::Exercise.into())
}

/// Those it may be sent to, as groups and one by one.
fn below(visit: &Visit) -> Vec<(String, String)> {
    offices(visit).into_iter().filter(|(unit, _)| unit != visit.me()).collect()
}

fn directive_fields(visit: &Visit, around: &Around) -> Vec<Field> {
    let groups: &[(&str, &str)] = match visit.tier() {
        Tier::Ministry => {
            &[("all", "address-all"), ("provinces", "address-provinces"), ("districts", "address-districts")]
        }
        _ => &[("all", "address-all")],
    };
    let mut likely: Vec<_> = groups.iter().map(|(code, key)| (code.to_owned().to_owned(), visit.w(key))).collect();
    let children = visit.units.units.iter().filter(|unit| unit.parent == visit.me());
    likely.extend(children.map(|unit| (unit.unit.clone(), visit.names.get(&unit.unit))));
    let origin = around.header().origin;
    let rungs = [("sign", "stage-signed"), ("undertake", "stage-undertaken"), ("complete", "stage-completed")];
    let rungs = rungs.map(|(code, key)| (code.to_owned(), visit.w(key)));
    let usual = [(String::new(), visit.w("web-as-usual"))].into_iter().chain(rungs).collect();
    // What begins and ends a drill, and what urges, have sheets of their own.
    let orders =
        Order::TERMS.iter().filter(|term| !matches!(term.value, Order::Drill | Order::DrillOver | Order::Urge));
    let orders = orders.map(|term| (term.code.to_owned(), visit.w(term.key)));
    let orders = [(String::new(), visit.w("kind-directive"))].into_iter().chain(orders).collect();
    vec![
        Field::of("to", visit.w("web-to"), Input::Checks(likely)).value(origin),
        Field::line("to", visit.w("web-to-others")).hint(visit.w("web-hint-to")),
        Field::line("info", visit.w("web-info-to")).hint(visit.w("web-hint-to")),
        Field::of("order", visit.w("web-order"), Input::Select(orders)),
        Field::line("title", visit.w("head-title")).required(),
        Field::area("text", visit.w("web-directive-text")).required(),
        Field::of("require", visit.w("web-require"), Input::Select(usual)),
        Field::moment("reply_by", visit.w("field-reply-by"), &visit.words, true),
    ]
}

/// Who or what is on its way, of 派员 and 支援.
fn sent_fields(visit: &Visit, _: &Around) -> Vec<Group> {
    let fields = vec![
        Field::area("people", visit.w("web-sent-people")).hint(visit.w("web-hint-lines")),
        Field::line("mandate", visit.w("web-sent-mandate")),
        Field::line("goods", visit.w("web-sent-goods")),
        Field::line("from", visit.w("web-sent-from")),
        Field::moment("eta", visit.w("web-sent-eta"), &visit.words, true),
        Field::line("contact", visit.w("web-sent-contact")),
    ];
    vec![Group { caption: visit.w("web-sent"), of: String::new(), fields }]
}

fn issue(visit: &Visit, said: &Said, _: &Around) -> Result<Written, Mistake> {
    let sent = Sent {
        people: said.lines("people"),
        mandate: said.given("mandate"),
        goods: said.given("goods"),
        from: said.given("from"),
        eta_us: said.deadline("eta", visit)?,
        contact: said.given("contact"),
    };
    let order = said.term::<Order>("order")?.unwrap_or_default();
    let require = match said.given("require").as_str() {
        "" => directive::usual_stage(order),
        asked => directive::required_stage(asked),
    };
    let directive = Directive {
        title: said.given("title"),
        text: said.given("text"),
        officer: visit.who.name.clone(),
        require: require.into(),
        order: order.into(),
        sent: (sent != Sent::default()).then_some(sent),
    };
    let reply_by_us = said.deadline("reply_by", visit)?;
    Ok(Written::of(Kind::Directive, Content::Directive(directive)).with(|more| {
        more.action_to = said.units("to");
        more.info_to = said.units("info");
        more.reply_by_us = reply_by_us;
    }))
}

fn reply_fields(visit: &Visit, _: &Around) -> Vec<Field> {
    vec![
        Field::area("text", visit.w("web-reply-text")).required(),
        Field::line("decision", visit.w("web-reply-decision")).hint(visit.w("web-hint-reply-decision")),
    ]
}

fn deny_fields(visit: &Visit, _: &Around) -> Vec<Field> {
    vec![Field::area("text", visit.w("web-reply-text")).required()]
}

fn reply(visit: &Visit, said: &Said, kind: Kind) -> Result<Written, Mistake> {
    let reply = Reply { text: said.given("text"), officer: visit.who.name.clone(), ..Default::default() };
    Ok(Written::of(kind, Content::Reply(reply)).with(|more| more.decision = said.given("decision")))
}
