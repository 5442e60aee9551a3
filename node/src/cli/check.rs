//! `check`: a self-test in stages, with a way out for each failure. Nothing here stops intake.

use std::{collections::BTreeMap, time::Duration};

use clap::{Arg, ArgMatches, Command, builder::PossibleValuesParser};
use proto::v1::{CheckItem, CheckRequest, Severity, StatusRequest};
use serde_json::{Value, json};

use super::{
    args,
    call::Call,
    config,
    exit::{Exit, Failure, Outcome},
    terms::Listed,
    visible,
    words::Words,
};

/// In the order a person would look.
const GROUPS: [(&str, &str); 5] = [
    ("config", "group-config"),
    ("identity", "group-identity"),
    ("store", "group-store"),
    ("clock", "group-clock"),
    ("links", "group-links"),
];
const AGAIN_EVERY: Duration = Duration::from_secs(1);

/// `check [ping|local|links|full]`
pub(super) fn command(words: &Words) -> Command {
    args::verb(words, "check", "cmd-check")
        .alias("doctor")
        .arg(
            Arg::new("stage")
                .value_name("STAGE")
                .help(words.text("arg-check-stage"))
                .value_parser(PossibleValuesParser::new(["ping", "local", "links", "full"]))
                .hide_possible_values(true)
                .default_value("full")
                .hide_default_value(true),
        )
        .arg(args::flag(words, "offline", "arg-offline"))
        .arg(
            args::option(words, "format", "arg-check-format")
                .value_parser(PossibleValuesParser::new(["table", "json", "nagios"]))
                .hide_possible_values(true)
                .default_value("table")
                .hide_default_value(true),
        )
        .arg(args::option(words, "wait", "arg-check-wait").value_name("SPAN"))
}

/// Runs the self-test, again and again if it may still become good.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let wait = args::span(&call.words, given, "wait")?.unwrap_or_default();
    let deadline = call.now() + wait;
    loop {
        let outcome = items(call, given);
        let good = outcome.as_ref().is_ok_and(|items| worst(items) != Severity::Failure);
        if good || call.now() >= deadline {
            return told(call, given, outcome);
        }
        // No station is spoken to in between: it may not have been started yet.
        std::thread::sleep(AGAIN_EVERY);
    }
}

fn told(call: &Call, given: &ArgMatches, outcome: Result<Vec<CheckItem>, Failure>) -> Outcome {
    let format = if call.json { "json" } else { args::required(given, "format") };
    match (format, outcome) {
        ("nagios", Ok(items)) => {
            call.data(&render_nagios(&items));
            Ok(Exit::Plugin(plugin(worst(&items))))
        }
        ("nagios", Err(failure)) => {
            call.data(&format!("CRITICAL - {}", failure.sentence));
            Ok(Exit::Plugin(2))
        }
        (_, Err(failure)) => Err(failure),
        ("json", Ok(items)) => {
            call.object(&json(&items));
            Ok(ended(&items))
        }
        (_, Ok(items)) => {
            call.data(&render_check(&items, &call.words));
            Ok(ended(&items))
        }
    }
}

fn items(call: &Call, given: &ArgMatches) -> Result<Vec<CheckItem>, Failure> {
    if given.get_flag("offline") {
        return Ok(vec![config::item(&call.config)]);
    }
    let stage = args::required(given, "stage");
    call.online(async |station| {
        if stage == "ping" {
            call.answer(station.get_status(StatusRequest {}).await)?;
            let id = "station-answers".to_owned();
            return Ok(vec![CheckItem { id, group: "config".to_owned(), ..Default::default() }]);
        }
        Ok(call.answer(station.check(CheckRequest { stage: stage.to_owned() }).await)?.items)
    })
}

fn worst(items: &[CheckItem]) -> Severity {
    items.iter().map(CheckItem::severity).max_by_key(|severity| plugin(*severity)).unwrap_or(Severity::Ok)
}

fn plugin(severity: Severity) -> u8 {
    match severity {
        Severity::Ok => 0,
        Severity::Warning => 1,
        Severity::Failure => 2,
    }
}

/// Warnings are for people; only a failure fails.
fn ended(items: &[CheckItem]) -> Exit {
    if worst(items) == Severity::Failure { Exit::Failed } else { Exit::Done }
}

/// The result by group, each failure with what to do.
pub(super) fn render_check(items: &[CheckItem], words: &Words) -> String {
    let mut groups: BTreeMap<usize, (String, Vec<&CheckItem>)> = BTreeMap::new();
    for item in items {
        let place = GROUPS.iter().position(|(group, _)| *group == item.group);
        let head = place.map_or_else(|| visible::line(&item.group), |place| words.text(GROUPS[place].1));
        groups.entry(place.unwrap_or(GROUPS.len())).or_insert_with(|| (head, Vec::new())).1.push(item);
    }
    let mut text = String::new();
    for (head, items) in groups.into_values() {
        text.push_str(&format!("{head}\n"));
        for item in items {
            text.push_str(&format!("  {} {}\n", mark(item.severity()), sentence(item, words)));
            let hint = format!("check-{}-hint", item.id);
            if item.severity() != Severity::Ok && words.has(&hint) {
                text.push_str(&format!("      {}\n", words.say("check-do", &[("what", words.text(&hint).into())])));
            }
        }
    }
    let count = |severity| items.iter().filter(|item| item.severity() == severity).count();
    let args = [("failures", count(Severity::Failure).into()), ("warnings", count(Severity::Warning).into())];
    text.push_str(&format!("{}\n", words.say("check-summary", &args)));
    text
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "√",
        Severity::Warning => "‼",
        Severity::Failure => "×",
    }
}

/// The sentence for what was found; a finding from a newer station is told by its id and facts.
fn sentence(item: &CheckItem, words: &Words) -> String {
    let facts: Vec<_> = item.facts.iter().map(|fact| visible::line(fact)).collect();
    let fact = |n: usize| facts.get(n).map(String::as_str).unwrap_or_default().into();
    let key = format!("check-{}", item.id);
    let mut text = if words.has(&key) {
        words.say(&key, &[("a", fact(0)), ("b", fact(1)), ("c", fact(2))])
    } else {
        [vec![visible::line(&item.id)], facts.clone()].concat().join(" ")
    };
    if !item.detail.is_empty() {
        text.push_str(&format!("  {}", visible::line(&item.detail)));
    }
    text
}

/// One line any monitoring system understands.
pub(super) fn render_nagios(items: &[CheckItem]) -> String {
    let head = ["OK", "WARNING", "CRITICAL"][usize::from(plugin(worst(items)))];
    let told = |item: &CheckItem| match item.facts.first() {
        Some(fact) => format!("{}: {}", item.id, visible::line(fact)),
        None => item.id.clone(),
    };
    let bad: Vec<_> = items.iter().filter(|item| item.severity() != Severity::Ok).map(told).collect();
    let count = |severity| items.iter().filter(|item| item.severity() == severity).count();
    let said = if bad.is_empty() { format!("{} checks passed", items.len()) } else { bad.join("; ") };
    // A pipe would begin the figures.
    let said = said.replace('|', "/");
    format!("{head} - {said} | failures={} warnings={}", count(Severity::Failure), count(Severity::Warning))
}

fn json(items: &[CheckItem]) -> Value {
    let item = |item: &CheckItem| {
        json!({
            "id": item.id,
            "group": item.group,
            "severity": item.severity().code(),
            "facts": item.facts,
            "detail": super::document::some(&item.detail),
        })
    };
    json!({
        "schema": "zhuji.check/1",
        "severity": worst(items).code(),
        "items": items.iter().map(item).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::words::Lang;

    fn item(group: &str, id: &str, severity: Severity, facts: &[&str]) -> CheckItem {
        CheckItem {
            id: id.into(),
            group: group.into(),
            severity: severity.into(),
            facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
            ..Default::default()
        }
    }

    fn found() -> Vec<CheckItem> {
        vec![
            item("links", "link-down", Severity::Failure, &["湖北", "certificate not trusted"]),
            item("store", "store-writable", Severity::Ok, &["3 ms", "46 GiB"]),
            item("identity", "cert-expiring", Severity::Warning, &["9"]),
            item("moon", "moon-phase", Severity::Warning, &["full"]),
        ]
    }

    #[test]
    fn each_failure_comes_with_a_way_out() {
        let text = render_check(&found(), &Words::new(Lang::Zh));
        let expected = "\
身份
  ‼ 证书 9 天后到期
      处理: 用 zhuji-certs 换发证书;到期后链路断开,仍可填报
存储
  √ 可写,落盘 3 ms,剩余 46 GiB
链路
  × 湖北 断开: certificate not trusted
      处理: 查看 link ls 与对端值班电话;仍可填报,报文存于本机
moon
  ‼ moon-phase full
状态: 1 项失败,2 项警告
";
        assert_eq!(text, expected, "\n{text}");
        assert_eq!(ended(&found()), Exit::Failed);
    }

    #[test]
    fn monitoring_gets_one_line() {
        let line = render_nagios(&found());
        assert_eq!(line, "CRITICAL - link-down: 湖北; cert-expiring: 9; moon-phase: full | failures=1 warnings=2");
        assert_eq!(render_nagios(&[]), "OK - 0 checks passed | failures=0 warnings=0");
    }
}
