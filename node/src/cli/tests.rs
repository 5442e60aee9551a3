//! The grammar as a whole, and that both languages say everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::*;
use crate::{cli::words::Lang, desk::check::Finding, link::trouble::Trouble, post::refusal::Code};

fn tool(tier: Tier) -> Tool {
    Tool { tier, run: |_| ExitCode::SUCCESS, extras: &[] }
}

fn parse(tier: Tier, line: &str) -> Result<ArgMatches, clap::Error> {
    command(&tool(tier), &Words::new(Lang::Zh)).try_get_matches_from(line.split_whitespace())
}

fn complaint(line: &str, lang: Lang) -> String {
    let words = Words::new(lang);
    let mut root = command(&tool(Tier::District), &words);
    root.build();
    let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    let error = root.clone().try_get_matches_from(&args).unwrap_err();
    usage::failure(&error, &words, &usage::path(&root, &args)).render(&words)
}

#[test]
fn the_grammar_of_every_tier_is_sound_in_both_languages() {
    for tier in [Tier::Ministry, Tier::Province, Tier::District] {
        for lang in [Lang::Zh, Lang::En] {
            command(&tool(tier), &Words::new(lang)).debug_assert();
        }
    }
}

#[test]
fn the_commands_of_the_manual_parse() {
    let district = [
        "district-node run --config /etc/zhuji/node.toml",
        "district-node status --watch",
        "district-node doctor links --wait 60s",
        "district-node check --format nagios",
        "district-node report submit --exercise --category 试卷安全 --grade I --precedence 特急 --occurred 08:42 -m x --wait=province",
        "district-node report submit --actual --category paper-security --precedence te-ti -m -",
        "district-node report list --since 1h --json",
        "district-node incident show R-4201 --json",
        "district-node report form --category 试卷安全",
        "district-node report follow-up R-4201 -m x --item 封装损毁=1 --item spread=suspected --as-of 08:40 --source 主考",
        "district-node report final R-4201 -m done --wait signed --timeout 5m",
        "district-node request submit --for R-4201 --ask x --needed-by 09:00",
        "district-node directive cannot D-0 -m why --officer 张三",
        "district-node queue retry --held --peer 湖北 --dry-run",
        "district-node link pause 湖北 --for 10m --reason x",
        "district-node link ping 湖北 -c 3",
        "district-node attachment get 00 -o a.jpg",
        "district-node help exit-codes",
        "district-node completions bash",
        "district-node version --json",
    ];
    for line in district {
        parse(Tier::District, line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    let hub = [
        "ministry-hub directive issue --exercise --to 湖北,福建 --info 全部 --title t --file f --require undertake --wait=signed --timeout 10m",
        "ministry-hub directive status D-0 --wait",
        "ministry-hub request approve Q-0 -m yes",
        "ministry-hub inbox ls --unsigned",
        "ministry-hub directive cancel D-0 --reason x --yes",
    ];
    for line in hub {
        parse(Tier::Ministry, line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn nobody_directs_upward_and_nobody_above_the_ministry_is_reported_to() {
    assert!(parse(Tier::District, "district-node directive issue --exercise --to x --title t -m x").is_err());
    assert!(parse(Tier::District, "district-node request approve Q-0 -m x").is_err());
    assert!(parse(Tier::Ministry, "ministry-hub report submit").is_err());
    assert!(parse(Tier::Province, "provincial-relay report submit --exercise").is_ok());
    assert!(parse(Tier::Province, "provincial-relay directive undertake D-0").is_ok());
}

#[test]
fn real_and_exercise_exclude_each_other() {
    let error = complaint("district-node report submit --actual --exercise", Lang::Zh);
    assert!(error.starts_with("错误: --actual 不能与 --exercise 同时使用"), "{error}");
}

#[test]
fn mistakes_are_sentences_with_a_way_out() {
    let zh = complaint("district-node report submit --grade rde", Lang::Zh);
    let expected = "错误: 参数 --grade 的取值「rde」无效\n  可选值: I 红, II 橙, III 黄, IV 蓝\n  \
                    详情请运行 district-node report submit --help";
    assert_eq!(zh, expected);
    let en = complaint("district-node report submit --precedence asap", Lang::En);
    assert!(
        en.starts_with("error: the value \"asap\" of --precedence is not valid\n  choose from: te-ti, te-ji"),
        "{en}"
    );
    let zh = complaint("district-node statsu", Lang::Zh);
    assert!(zh.starts_with("错误: 没有命令「statsu」\n  是不是要写 status?"), "{zh}");
    let zh = complaint("district-node trace --wide X", Lang::Zh);
    assert!(zh.starts_with("错误: 没有参数 --wide"), "{zh}");
    let zh = complaint("district-node link pause 湖北 --for 10m", Lang::Zh);
    assert!(zh.starts_with("错误: 缺少: --reason"), "{zh}");
    let zh = complaint("district-node completions nushell", Lang::Zh);
    assert!(zh.starts_with("错误: 参数 SHELL 的取值「nushell」无效\n  可选值: bash, "), "{zh}");
    let zh = complaint("district-node link ping 湖北 -c 0", Lang::Zh);
    assert!(zh.starts_with("错误: 参数 --count 的取值「0」无效"), "{zh}");
}

#[test]
fn help_is_in_the_readers_language_and_only_there() {
    let words = Words::new(Lang::Zh);
    let mut root = command(&tool(Tier::District), &words);
    root.build();
    let submit = root.find_subcommand_mut("report").unwrap().find_subcommand_mut("submit").unwrap();
    let help = usage::localised(&submit.render_help().to_string(), &words);
    assert!(help.starts_with("填报首报\n"), "{help}");
    for english in ["Usage", "Options", "OPTIONS", "Commands", "default", "possible values", "[env", "Print help"] {
        assert!(!help.contains(english), "`{english}` in:\n{help}");
    }
}

/// All message keys of one language.
fn messages(sources: [&str; 2]) -> BTreeMap<String, BTreeSet<String>> {
    let [common, desk] = sources.map(messages_of);
    let twice: Vec<_> = desk.keys().filter(|key| common.contains_key(*key)).collect();
    assert!(twice.is_empty(), "{twice:?} appear twice");
    common.into_iter().chain(desk).collect()
}

/// Message keys with the arguments each one uses.
fn messages_of(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    if let Err((_, errors)) = fluent_bundle::FluentResource::try_new(source.to_owned()) {
        panic!("{errors:?}");
    }
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    let mut key = String::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, _)) = line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            key = name.to_owned();
            assert!(found.insert(key.clone(), BTreeSet::new()).is_none(), "{key} appears twice");
        }
        let arguments = line
            .split('$')
            .skip(1)
            .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>());
        found.entry(key.clone()).or_default().extend(arguments);
    }
    found.retain(|key, _| !key.is_empty());
    found
}

#[test]
fn both_languages_say_the_same_things_with_the_same_arguments() {
    let (zh, en) = (messages(words::ZH), messages(words::EN));
    let only = |a: &BTreeMap<_, _>, b: &BTreeMap<String, _>| -> Vec<String> {
        a.keys().filter(|key: &&String| !b.contains_key(*key)).cloned().collect()
    };
    assert_eq!((only(&zh, &en), only(&en, &zh)), (Vec::new(), Vec::new()));
    for (key, arguments) in &zh {
        assert_eq!(arguments, &en[key], "{key}");
    }
}

/// All the sources of what people read: the command line and the desk.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = fs::read_to_string(root.join("cli.rs")).unwrap();
    let folders = ["cli", "desk", "web", "web/pages", "web/sheets"].map(|folder| root.join(folder));
    for file in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let source = fs::read_to_string(path).unwrap();
            text.push_str(source.split("#[cfg(test)]").next().unwrap_or_default());
        }
    }
    text
}

/// Every string literal that looks like a key, and whether it stands where only a key may stand.
fn literals(sources: &str) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    let parts: Vec<_> = sources.split('"').collect();
    for pair in parts.windows(2) {
        let is_key = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if is_key(pair[1]) {
            let before = pair[0].trim_end();
            let asked = ["words.text(", "words.say(", ".text("].iter().any(|call| before.ends_with(call));
            *found.entry(pair[1].to_owned()).or_insert(false) |= asked && !before.ends_with("args::text(");
        }
    }
    found
}

#[test]
fn every_key_in_the_code_exists_and_every_message_is_used() {
    let messages = messages(words::ZH);
    let literals = literals(&sources());
    let prefixes =
        ["cmd-", "arg-", "hint-", "head-", "field-", "usage-", "fail-", "span-", "waiting-", "state-", "web-"];
    for (key, asked) in &literals {
        let looks_like_one = prefixes.iter().any(|prefix| key.starts_with(prefix));
        assert!(!(*asked || looks_like_one) || messages.contains_key(key), "no message {key}");
    }
    // A term's key is made of its table's prefix and its code; so is one of the station's own lists.
    let by_table = [
        "precedence-",
        "status-",
        "classification-",
        "kind-",
        "role-",
        "category-",
        "grade-",
        "stage-",
        "item-",
        "choice-",
    ];
    let made = |key: &str| {
        by_table
            .iter()
            .chain(&["standing-", "severity-", "lateral-", "log-", "manner-", "nil-", "order-", "point-", "readiness-"])
            .chain(&["bypass-cause-", "escalation-", "subject-", "verdict-", "post-"])
            .any(|prefix| key.strip_prefix(prefix).is_some_and(|code| literals.contains_key(code)))
            || STATION_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
            || ["part-", "certificate-"].iter().any(|prefix| key.starts_with(prefix))
    };
    for key in messages.keys() {
        assert!(literals.contains_key(key) || made(key), "nobody says {key}");
    }
}

/// What the station says by a stable word, and people read as a sentence.
const STATION_PREFIXES: [&str; 4] = ["check-", "rule-", "answer-", "line-"];

/// Every word a station may say, as the key of its sentence, with the arguments that sentence may use; and the keys
/// of what to do next.
fn station_keys() -> BTreeMap<String, BTreeSet<String>> {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let mut keys = BTreeMap::new();
    let answers_only = |code: &Code| {
        Code::ANSWERS.contains(code)
            && *code != Code::DiskNearlyFull
            && *code != Code::QueueFull
            && *code != Code::DiskFull
    };
    for code in Code::ALL.iter().filter(|code| !answers_only(code)) {
        let with_program = [code.facts(), &["program"]].concat();
        keys.insert(format!("rule-{}", code.word()), own(code.facts()));
        keys.insert(format!("rule-{}-remedy", code.word()), own(&with_program));
    }
    keys.extend(Code::ANSWERS.iter().map(|code| (format!("answer-{}", code.word()), own(&[]))));
    keys.extend(Trouble::ALL.iter().map(|trouble| (format!("line-{}", trouble.word()), own(&[]))));
    for finding in Finding::ALL {
        let facts = ["a", "b", "c"].into_iter().take(finding.facts().len());
        keys.insert(format!("check-{}", finding.id()), facts.map(str::to_owned).collect());
        if finding.severity() != proto::v1::Severity::Ok {
            keys.insert(format!("check-{}-hint", finding.id()), own(&[]));
        }
    }
    keys
}

#[test]
fn every_word_of_a_station_has_its_sentence_and_no_sentence_is_without_a_word() {
    let keys = station_keys();
    // Those say what to do in the sentence itself.
    let complete = ["missing-document", "wrong-document", "draft-does-not-travel"];
    let spared: BTreeSet<_> = complete.iter().map(|word| format!("rule-{word}-remedy")).collect();
    // The frame around the findings.
    let frame = ["check-do", "check-summary"];
    for (lang, source) in [("zh", words::ZH), ("en", words::EN)] {
        let messages = messages(source);
        for (key, may_use) in keys.iter().filter(|(key, _)| !spared.contains(*key)) {
            let Some(uses) = messages.get(key) else { panic!("{lang}: {key} has no sentence") };
            assert!(uses.is_subset(may_use), "{lang}: {key} uses {uses:?} and is told {may_use:?}");
        }
        for key in messages.keys().filter(|key| STATION_PREFIXES.iter().any(|prefix| key.starts_with(prefix))) {
            assert!(keys.contains_key(key) || frame.contains(&key.as_str()), "{lang}: no station says {key}");
        }
    }
}

mod station;
