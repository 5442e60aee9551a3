//! `incident`: one event as all its reports tell it, whoever wrote them.

use clap::{ArgMatches, Command};
use proto::v1::ListRequest;
use serde_json::json;

use super::{
    args,
    call::Call,
    document, evidence,
    exit::{Exit, Outcome},
    items, linkage,
    names::Names,
    owner,
    table::Columns,
    terms::Listed,
    time, visible,
    words::Words,
};
use crate::{
    limits,
    plan::incident::{self, Incident, Statement},
};

/// `incident show|link|unlink|hand-over|export`
pub(crate) fn command(words: &Words) -> Command {
    args::noun(words, "incident", "cmd-incident")
        .subcommand(args::verb(words, "show", "cmd-incident-show").arg(args::document(words)))
        .subcommand(linkage::link_command(words))
        .subcommand(linkage::unlink_command(words))
        .subcommand(owner::command(words))
        .subcommand(evidence::export_command(words))
}

/// Runs one of the verbs.
pub(crate) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let given = match given.subcommand() {
        Some(("link", given)) => return linkage::act(call, given, true),
        Some(("hand-over", given)) => return owner::act(call, given),
        Some(("unlink", given)) => return linkage::act(call, given, false),
        Some(("export", given)) => return evidence::export(call, given),
        Some((_, given)) => given,
        None => return Ok(Exit::Usage),
    };
    call.online(async |station| {
        let request = ListRequest {
            incident: args::required(given, "document").to_owned(),
            limit: u32::try_from(limits::LIST_MAX).unwrap_or(u32::MAX),
            ..Default::default()
        };
        let listed = call.answer(station.list(request).await)?;
        let incident = incident::fold(&listed.documents);
        if call.json {
            call.object(&json(&incident));
        } else {
            let names = call.names();
            call.data(&document::render_list(&incident.reports, &names, &call.words, call.now()));
            call.data(&render(&incident, &names, &call.words));
        }
        Ok(Exit::Done)
    })
}

/// What is missing, the grades, and every statement, the latest of each item marked.
fn render(incident: &Incident, names: &Names, words: &Words) -> String {
    let mut text = String::new();
    if !incident.missing.is_empty() {
        let missing: Vec<_> = incident.missing.iter().map(u32::to_string).collect();
        let args = [("positions", missing.join(&words.text("list-comma")).into())];
        text.push_str(&format!("{}\n", words.say("incident-missing", &args)));
    }
    let grades = incident.grades.iter().map(|(office, grade)| format!("{} {}", names.get(office), grade.word(words)));
    let grades: Vec<_> = grades.collect();
    if !grades.is_empty() {
        let args = [("grades", grades.join(&words.text("list-comma")).into())];
        text.push_str(&format!("{}\n", words.say("incident-grades", &args)));
    }
    if incident.statements.is_empty() {
        return text;
    }
    let heads = ["head-item", "head-value", "head-as-of", "head-source", "head-from", "head-number", "head-state"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for one in &incident.statements {
        table.row([
            items::name(&one.said, words),
            items::value(&one.said, words),
            time::clock(one.said.as_of_us),
            visible::line(&one.said.source),
            names.get(&one.office),
            visible::line(&one.number),
            words.text(state_key(one)),
        ]);
    }
    text.push_str(&table.render());
    text
}

pub(crate) fn state_key(one: &Statement) -> &'static str {
    match (one.latest, one.stands) {
        (true, _) => "statement-latest",
        (false, true) => "statement-earlier",
        (false, false) => "statement-void",
    }
}

fn json(incident: &Incident) -> serde_json::Value {
    let statement = |one: &Statement| {
        json!({
            "said": items::json(std::slice::from_ref(&one.said))[0],
            "number": one.number,
            "office": one.office,
            "stands": one.stands,
            "latest": one.latest,
        })
    };
    json!({
        "schema": "zhuji.incident/1",
        "reports": incident.reports.iter().map(document::json).collect::<Vec<_>>(),
        "missing_positions": incident.missing,
        "grades": incident.grades.iter().map(|(office, grade)| (office.clone(), grade.code().into()))
            .collect::<serde_json::Map<_, _>>(),
        "statements": incident.statements.iter().map(statement).collect::<Vec<_>>(),
    })
}
