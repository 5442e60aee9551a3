//! `check`: a self-test in stages, with a way out for each failure. Nothing here stops intake.

use std::{collections::BTreeMap, time::Duration};

use clap::{Arg, ArgMatches, Command, builder::PossibleValuesParser};
use proto::v1::{CheckItem, CheckRequest, Severity};
use serde_json::{Value, json};

use super::{
    args,
    call::Call,
    config,
    exit::{Exit, Failure, Outcome},
    names::Names,
    table,
    terms::Listed,
    time, trouble, visible,
    words::Words,
};
use crate::desk::check::{Fact, Finding};

/// In the order a person would look.
const GROUPS: [(&str, &str); 7] = [
    ("config", "group-config"),
    ("identity", "group-identity"),
    ("store", "group-store"),
    ("clock", "group-clock"),
    ("links", "group-links"),
    ("queue", "group-queue"),
    ("plan", "group-plan"),
];
const AGAIN_EVERY: Duration = Duration::from_secs(1);

/// `check [ping|local|links|full]`
pub(crate) fn command(words: &Words) -> Command {
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
pub(crate) fn act(call: &Call, given: &ArgMatches) -> Outcome {
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
            call.data(&render_nagios(&items, &call.names()));
            Ok(Exit::Plugin(plugin(worst(&items))))
        }
        ("nagios", Err(failure)) => {
            call.data(&format!("CRITICAL - {}", failure.sentence.replace('|', "/")));
            Ok(Exit::Plugin(2))
        }
        (_, Err(failure)) => Err(failure),
        ("json", Ok(items)) => {
            call.objects(items.iter().map(item_json), || json(&items));
            Ok(ended(&items))
        }
        (_, Ok(items)) => {
            call.data(&render_check(&items, &call.names(), &call.words));
            Ok(ended(&items))
        }
    }
}

fn items(call: &Call, given: &ArgMatches) -> Result<Vec<CheckItem>, Failure> {
    if given.get_flag("offline") {
        return Ok(config::items(&call.config, call.now()));
    }
    let stage = args::required(given, "stage").to_owned();
    call.online(async |station| Ok(call.answer(station.check(CheckRequest { stage }).await)?.items))
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
pub(crate) fn render_check(items: &[CheckItem], names: &Names, words: &Words) -> String {
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
            text.push_str(&format!("  {} {}\n", mark(item.severity()), sentence(item, names, words)));
            let hint = format!("check-{}-hint", item.id);
            if item.severity() != Severity::Ok && words.has(&hint) {
                text.push_str(&format!("      {}\n", words.say("check-do", &[("what", words.text(&hint).into())])));
            }
            if item.severity() == Severity::Failure && !item.detail.is_empty() {
                text.push_str(&format!("      {}\n", trouble::details(&item.detail, words)));
            }
        }
    }
    let count = |severity| items.iter().filter(|item| item.severity() == severity).count();
    let args = [("failures", count(Severity::Failure).into()), ("warnings", count(Severity::Warning).into())];
    text.push_str(&format!("{}\n", words.say("check-summary", &args)));
    text
}

pub(crate) fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "√",
        Severity::Warning => "‼",
        Severity::Failure => "×",
    }
}

/// The sentence for what was found; a finding from a newer station is told by its id and facts.
pub(crate) fn sentence(item: &CheckItem, names: &Names, words: &Words) -> String {
    let Some(finding) = Finding::named(&item.id) else {
        return [&item.id].into_iter().chain(&item.facts).map(|one| visible::line(one)).collect::<Vec<_>>().join(" ");
    };
    let facts: Vec<_> =
        item.facts.iter().zip(finding.facts()).map(|(fact, kind)| fact_text(fact, *kind, names, words)).collect();
    let fact = |n: usize| facts.get(n).map(String::as_str).unwrap_or_default().into();
    words.say(&format!("check-{}", item.id), &[("a", fact(0)), ("b", fact(1)), ("c", fact(2))])
}

/// A fact as people read it; one that is not what it should be is shown as it came.
fn fact_text(fact: &str, kind: Fact, names: &Names, words: &Words) -> String {
    let told = match kind {
        Fact::Text | Fact::Count => None,
        Fact::Unit => Some(names.get(fact)),
        Fact::Trouble => Some(trouble::told(fact, words)),
        Fact::Certificate => {
            Some(format!("certificate-{fact}")).filter(|key| words.has(key)).map(|key| words.text(&key))
        }
        Fact::Micros => fact.parse().ok().map(|us| time::measured(Duration::from_micros(us))),
        Fact::Offset => fact.parse().ok().map(time::signed),
        Fact::Seconds => fact.parse().ok().map(|seconds| time::about(Duration::from_secs(seconds), words)),
        Fact::Bytes => fact.parse().ok().map(table::bytes),
    };
    told.unwrap_or_else(|| visible::line(fact))
}

/// One line any monitoring system understands.
pub(crate) fn render_nagios(items: &[CheckItem], names: &Names) -> String {
    let head = ["OK", "WARNING", "CRITICAL"][usize::from(plugin(worst(items)))];
    let told = |item: &CheckItem| match item.facts.first() {
        Some(fact) => format!("{}: {}", visible::line(&item.id), names.get(fact)),
        None => visible::line(&item.id),
    };
    let bad: Vec<_> = items.iter().filter(|item| item.severity() != Severity::Ok).map(told).collect();
    let count = |severity| items.iter().filter(|item| item.severity() == severity).count();
    let said = if bad.is_empty() { format!("{} checks passed", items.len()) } else { bad.join("; ") };
    // A pipe would begin the figures.
    let said = said.replace('|', "/");
    format!("{head} - {said} | failures={} warnings={}", count(Severity::Failure), count(Severity::Warning))
}

fn json(items: &[CheckItem]) -> Value {
    json!({
        "schema": "zhuji.check/1",
        "severity": worst(items).code(),
        "items": items.iter().map(item_json).collect::<Vec<_>>(),
    })
}

fn item_json(item: &CheckItem) -> Value {
    json!({
        "id": item.id,
        "group": item.group,
        "severity": item.severity().code(),
        "facts": item.facts,
        "detail": super::document::some(&item.detail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{names::tests::small, words::Lang};

    fn found() -> Vec<CheckItem> {
        let down = "unreachable: 10.0.0.1:7443 cannot be reached: refused; check the line";
        let moon = CheckItem {
            id: "moon-phase".into(),
            group: "moon".into(),
            severity: Severity::Warning.into(),
            facts: vec!["full".into()],
            ..Default::default()
        };
        vec![
            Finding::LinkDown.item(&["420000", "90", down], down),
            Finding::StoreWritable.item(&["3000", "49392123904"], ""),
            Finding::CertExpiring.item(&["transport", "9"], "spiffe://x"),
            Finding::ClockOk.item(&["420000", "-4000"], ""),
            moon,
        ]
    }

    #[test]
    fn each_failure_comes_with_a_way_out() {
        let text = render_check(&found(), &small("420100", Lang::Zh), &Words::new(Lang::Zh));
        let expected = "\
身份
  ‼ 链路证书 9 天后到期
      处理: 请管理员用 zhuji-certs 换发;到期后链路断开,仍可填报
存储
  √ 可写,落盘 3.0 ms,剩余 46 GiB
时钟
  √ 与 湖北 偏差 -0.004 s
链路
  × 与 湖北 断开 1 分: 连不上,请查线路、防火墙和对端节点是否运行
      处理: 仍可填报,报文存于本机,接通后自动上送;急件请同时打值班电话
      10.0.0.1:7443 cannot be reached: refused
moon
  ‼ moon-phase full
状态: 1 项失败,2 项警告
";
        assert_eq!(text, expected, "\n{text}");
        assert_eq!(ended(&found()), Exit::Failed);
    }

    #[test]
    fn the_same_in_english() {
        let text = render_check(&found(), &small("420100", Lang::En), &Words::new(Lang::En));
        assert!(text.contains("\n  × Hubei has been down for 1 min: "), "{text}");
        assert!(text.contains("\n  ‼ the link certificate expires in 9 days\n"), "{text}");
        assert!(text.ends_with("1 failure, 2 warnings\n"), "{text}");
    }

    #[test]
    fn monitoring_gets_one_line() {
        let line = render_nagios(&found(), &Names::default());
        assert_eq!(
            line,
            "CRITICAL - link-down: 420000; cert-expiring: transport; moon-phase: full | failures=1 warnings=2"
        );
        assert_eq!(render_nagios(&[], &Names::default()), "OK - 0 checks passed | failures=0 warnings=0");
    }
}
