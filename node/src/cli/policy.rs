//! `policy`: the plan as data — which version is in force, what it says, and, at the ministry, a new one.

use clap::{Arg, ArgMatches, Command};
use proto::v1::{FileRequest, Kind, PolicyRelease, PolicyRequest, PolicyView, document::Content};
use serde_json::json;

use super::{
    args, ask,
    call::Call,
    document,
    exit::{Exit, Failure, Outcome},
    filing,
    table::Columns,
    time, visible,
    words::Words,
};
use crate::{plan::policy::Policy, topology::Tier};

/// `policy ls|show|check`, and at the ministry `release`
pub(super) fn command(words: &Words, tier: Tier) -> Command {
    let show = args::verb(words, "show", "cmd-policy-show")
        .arg(Arg::new("version").value_name("VERSION").help(words.text("arg-policy-version")));
    let file = |words: &Words| args::positional(words, "file", "FILE", "arg-policy-file");
    let command = args::noun(words, "policy", "cmd-policy")
        .subcommand(args::list(words, "cmd-policy-ls"))
        .subcommand(show)
        .subcommand(args::verb(words, "check", "cmd-policy-check").arg(file(words)));
    if tier != Tier::Ministry {
        return command;
    }
    let release = args::verb(words, "release", "cmd-policy-release")
        .arg(file(words))
        .arg(args::option(words, "leader", "arg-leader").value_name("NAME").required(true))
        .arg(args::option(words, "reference", "arg-policy-reference").value_name("NUMBER").required(true));
    command.subcommand(filing::flags(filing::status_flags(release, words), words))
}

/// Runs one of the verbs.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("show", given)) => show(call, given),
        Some(("check", given)) => check(call, given),
        Some(("release", given)) => release(call, given),
        Some(_) => list(call),
        None => Ok(Exit::Usage),
    }
}

fn show(call: &Call, given: &ArgMatches) -> Outcome {
    let version = args::text(given, "version").unwrap_or_default().to_owned();
    call.online(async |station| {
        let request = PolicyRequest { version, list: false };
        let view = call.answer(station.get_policy(request).await)?;
        if call.json {
            call.object(&json(&view));
        } else {
            // It is a file: what is shown can be changed and released again.
            call.data(visible::lines(&view.text).join("\n").as_str());
            call.word(&line(&view, &call.words));
        }
        Ok(Exit::Done)
    })
}

fn list(call: &Call) -> Outcome {
    call.online(async |station| {
        let request = PolicyRequest { version: String::new(), list: true };
        let view = call.answer(station.get_policy(request).await)?;
        if call.json {
            let versions: Vec<_> = view.versions.iter().map(json).collect();
            call.object(&json!({ "schema": "zhuji.policies/1", "versions": versions }));
            return Ok(Exit::Done);
        }
        let heads = ["head-version", "head-state", "head-released", "head-number", "head-title"];
        let mut table = Columns::new(heads.map(|key| call.words.text(key)));
        for one in &view.versions {
            table.row([
                visible::line(&one.version),
                state(one, &call.words),
                time::clock(one.released_us),
                visible::line(&one.number),
                visible::line(&one.title),
            ]);
        }
        call.data(&table.render());
        Ok(Exit::Done)
    })
}

/// Needs no station.
fn check(call: &Call, given: &ArgMatches) -> Outcome {
    let path = args::required(given, "file");
    let policy = read(call, path)?.1;
    let args = [
        ("version", policy.version.clone().into()),
        ("duties", policy.duties.len().into()),
        ("sessions", policy.exam.sessions.len().into()),
    ];
    call.data(&call.words.say("policy-sound", &args));
    Ok(Exit::Done)
}

fn read(call: &Call, path: &str) -> Result<(String, Policy), Failure> {
    let text = ask::file(call, path)?;
    let policy = Policy::parse(&text).map_err(|bad| {
        let args = [("path", visible::line(path).into())];
        Failure::new(Exit::Refused, call.words.say("policy-bad", &args)).remedy(bad.to_string())
    })?;
    Ok((text, policy))
}

fn release(call: &Call, given: &ArgMatches) -> Outcome {
    let status = filing::status(given).ok_or_else(|| super::report::missing(call, "--actual|--exercise"))?;
    let (text, policy) = read(call, args::required(given, "file"))?;
    let said = |name| args::required(given, name).trim().to_owned();
    let content = Content::PolicyRelease(PolicyRelease {
        version: policy.version,
        text,
        officer: call.officer()?,
        releaser: said("leader"),
        reference: said("reference"),
    });
    let request: FileRequest = filing::request(call, given, Kind::PolicyRelease, status, content)?;
    call.online(async |station| {
        let filed = filing::file(call, station, request, &args::texts(given, "attach")).await?;
        filing::told(call, &filed, &[("trace", "next-trace")]);
        Ok(Exit::Done)
    })
}

fn state(view: &PolicyView, words: &Words) -> String {
    let confirmed = words.text(if view.confirmed { "policy-confirmed" } else { "policy-proposal" });
    if view.in_force { format!("{} {confirmed}", words.text("policy-in-force")) } else { confirmed }
}

fn line(view: &PolicyView, words: &Words) -> String {
    format!("# {} {}", visible::line(&view.version), state(view, words))
}

fn json(view: &PolicyView) -> serde_json::Value {
    json!({
        "schema": "zhuji.policy/1",
        "version": view.version,
        "title": view.title,
        "document": view.document,
        "confirmed": view.confirmed,
        "in_force": view.in_force,
        "number": document::some(&view.number),
        "released_at": time::rfc3339(view.released_us),
        "text": document::some(&view.text),
    })
}
