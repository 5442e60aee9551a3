//! The points of a report: typed one by one, shown with who says so and as of when.

use clap::{ArgAction, ArgMatches, Command};
use proto::v1::{Category, Choice, Item, Particular, particular::Value};
use serde::Deserialize;
use serde_json::json;

use super::{
    args,
    call::Call,
    draft,
    exit::{Exit, Failure, Outcome},
    table::Columns,
    terms::Listed,
    time, visible,
    words::Words,
};
use crate::plan::particulars::{self, Holds};

/// One point, in the words of whoever typed it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    name: String,
    /// In a file, a count may be written without quotes.
    value: toml::Value,
    as_of: Option<String>,
    source: Option<String>,
}

/// `--item NAME=VALUE --as-of TIME --source WHO`
pub(crate) fn flags(command: Command, words: &Words) -> Command {
    command
        .arg(args::option(words, "item", "arg-item").value_name("NAME=VALUE").action(ArgAction::Append))
        .arg(args::option(words, "as-of", "arg-as-of").value_name("TIME"))
        .arg(args::option(words, "source", "arg-source").value_name("NAME"))
}

/// What was typed as flags; all of it is as of one moment and from one source.
pub(crate) fn typed(call: &Call, given: &ArgMatches) -> Result<Vec<Typed>, Failure> {
    let flag = |name| args::text(given, name).map(str::to_owned);
    args::texts(given, "item")
        .iter()
        .map(|text| {
            let (name, value) = text
                .split_once(['=', '\u{ff1d}'])
                .ok_or_else(|| args::bad(&call.words, "--item", text, "hint-item"))?;
            Ok(Typed {
                name: name.into(),
                value: toml::Value::String(value.into()),
                as_of: flag("as-of"),
                source: flag("source"),
            })
        })
        .collect()
}

/// The points themselves. Whoever reports is the source, and now is the moment, unless another was named.
pub(crate) fn particulars(call: &Call, typed: &[Typed], reporter: &str) -> Result<Vec<Particular>, Failure> {
    typed.iter().map(|one| particular(call, one, reporter)).collect()
}

fn particular(call: &Call, typed: &Typed, reporter: &str) -> Result<Particular, Failure> {
    let words = &call.words;
    let item: Item = args::term(words, "--item", &typed.name)?;
    let text = match &typed.value {
        toml::Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let text = text.as_str();
    let flag = format!("--item {}", item.word(words));
    let value = match particulars::holds(item) {
        Some(Holds::Count) => Value::Count(text.parse().map_err(|_| args::bad(words, &flag, text, "hint-item-count"))?),
        Some(Holds::Choice(among)) => {
            let chosen = Choice::parse(text).filter(|choice| among.contains(choice));
            Value::Choice(chosen.ok_or_else(|| not_among(words, &flag, text, among))?.into())
        }
        Some(Holds::Moment) => {
            let moment = draft::happened(text, call.now());
            Value::AtUs(moment.ok_or_else(|| args::bad(words, &flag, text, "hint-occurred"))?)
        }
        Some(Holds::Text | Holds::Deed) | None => Value::Text(text.to_owned()),
    };
    let as_of_us = match &typed.as_of {
        Some(text) => {
            draft::happened(text, call.now()).ok_or_else(|| args::bad(words, "--as-of", text, "hint-occurred"))?
        }
        None => call.now().us(),
    };
    let source = typed.source.as_deref().unwrap_or(reporter).trim().to_owned();
    Ok(Particular { item: item.into(), value: Some(value), as_of_us, source })
}

fn not_among(words: &Words, flag: &str, value: &str, among: &[Choice]) -> Failure {
    let args = [("flag", flag.into()), ("value", visible::line(value).into())];
    Failure::new(Exit::Usage, words.say("usage-bad-value", &args))
        .remedy(words.say("usage-choices", &[("choices", listing(words, among).into())]))
}

fn listing(words: &Words, among: &[Choice]) -> String {
    among.iter().map(|choice| choice.word(words)).collect::<Vec<_>>().join(&words.text("list-comma"))
}

/// `封装损毁  1  09-19 08:44:10  张三`, a line a point.
pub(crate) fn render(said: &[Particular], words: &Words) -> String {
    if said.is_empty() {
        return String::new();
    }
    let heads = ["head-item", "head-value", "head-as-of", "head-source"];
    let mut table = Columns::new(heads.map(|key| words.text(key)));
    for one in said {
        table.row([name(one, words), value(one, words), time::clock(one.as_of_us), visible::line(&one.source)]);
    }
    table.render()
}

/// A point from a newer station has a number and no name.
pub(crate) fn name(said: &Particular, words: &Words) -> String {
    match Item::try_from(said.item) {
        Ok(item) => item.word(words),
        Err(_) => format!("#{}", said.item),
    }
}

/// What a point says.
pub(crate) fn value(said: &Particular, words: &Words) -> String {
    match &said.value {
        Some(Value::Count(count)) => count.to_string(),
        Some(Value::Choice(choice)) => match Choice::try_from(*choice) {
            Ok(choice) => choice.word(words),
            Err(_) => format!("#{choice}"),
        },
        Some(Value::AtUs(us)) => time::clock(*us),
        Some(Value::Text(text)) => visible::line(text),
        None => words.text("unknown"),
    }
}

/// The points for machines.
pub(crate) fn json(said: &[Particular]) -> serde_json::Value {
    let one = |one: &Particular| {
        let value = match &one.value {
            Some(Value::Count(count)) => json!(count),
            Some(Value::Choice(choice)) => match Choice::try_from(*choice) {
                Ok(choice) => json!(choice.code()),
                Err(_) => json!(choice),
            },
            Some(Value::AtUs(us)) => json!(time::rfc3339(*us)),
            Some(Value::Text(text)) => json!(text),
            None => json!(null),
        };
        json!({
            "item": particulars::word(one.item),
            "value": value,
            "as_of": time::rfc3339(one.as_of_us),
            "source": one.source,
        })
    };
    said.iter().map(one).collect()
}

/// `report form --category C`
pub(crate) fn form_command(words: &Words) -> Command {
    args::verb(words, "form", "cmd-report-form")
        .arg(args::choice::<Category>(words, "category", "arg-category").required(true))
}

/// Shows which points a category's form has, and what each of them takes. Needs no station.
pub(crate) fn form(call: &Call, given: &ArgMatches) -> Outcome {
    let words = &call.words;
    let category = args::chosen(given, "category").unwrap_or(Category::Other);
    let items: Vec<_> = particulars::form(category).collect();
    if call.json {
        let one = |item: &Item| {
            let choices = match particulars::holds(*item) {
                Some(Holds::Choice(among)) => Some(among.iter().map(|one| one.code()).collect::<Vec<_>>()),
                _ => None,
            };
            json!({ "item": item.code(), "holds": kind_code(*item), "choices": choices })
        };
        let items: Vec<_> = items.iter().map(one).collect();
        call.object(&json!({ "schema": "zhuji.form/1", "category": category.code(), "items": items }));
        return Ok(Exit::Done);
    }
    let mut table = Columns::new(["head-item", "head-takes"].map(|key| words.text(key)));
    for item in items {
        let takes = match particulars::holds(item) {
            Some(Holds::Choice(among)) => listing(words, among),
            Some(Holds::Count) => words.text("holds-count"),
            Some(Holds::Moment) => words.text("holds-moment"),
            Some(Holds::Text | Holds::Deed) | None => words.text("holds-text"),
        };
        table.row([item.word(words), takes]);
    }
    call.data(&table.render());
    Ok(Exit::Done)
}

fn kind_code(item: Item) -> &'static str {
    match particulars::holds(item) {
        Some(Holds::Count) => "count",
        Some(Holds::Choice(_)) => "choice",
        Some(Holds::Moment) => "moment",
        Some(Holds::Text | Holds::Deed) | None => "text",
    }
}

/// What a refused point was to hold, from the station's words.
pub(crate) fn held(fact: &str, words: &Words) -> String {
    match fact {
        "count" => words.text("holds-count"),
        "moment" => words.text("holds-moment"),
        "text" => words.text("holds-text"),
        "nothing" => words.text("holds-nothing"),
        _ => {
            let word = |code: &str| Choice::parse(code).map_or_else(|| visible::line(code), |one| one.word(words));
            fact.split(", ").map(word).collect::<Vec<_>>().join(&words.text("list-comma"))
        }
    }
}

/// A point by its stable word.
pub(crate) fn named(code: &str, words: &Words) -> String {
    Item::parse(code).map_or_else(|| visible::line(code), |item| item.word(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{time::tests::MORNING, words::Lang};

    fn said(item: i32, value: Option<Value>) -> Particular {
        Particular { item, value, as_of_us: MORNING, source: "120急救中心\x1b[2J".into() }
    }

    #[test]
    fn a_point_is_shown_with_who_says_so_and_as_of_when() {
        let points = [
            said(Item::Injured.into(), Some(Value::Count(2))),
            said(Item::Spread.into(), Some(Value::Choice(Choice::Suspected.into()))),
        ];
        let text = render(&points, &Words::new(Lang::Zh));
        assert!(text.contains(" 受伤      2         09-19 08:44:10  120急救中心"), "{text}");
        assert!(text.contains("可能扩散") && !text.contains('\x1b'), "{text}");
        let text = render(&points, &Words::new(Lang::En));
        assert!(text.contains("injured") && text.contains("possibly spread"), "{text}");
        assert_eq!(render(&[], &Words::new(Lang::En)), "");
    }

    #[test]
    fn what_a_newer_station_says_is_shown_by_its_number() {
        let text = render(&[said(4000, Some(Value::Choice(900)))], &Words::new(Lang::Zh));
        assert!(text.contains("#4000") && text.contains("#900"), "{text}");
        assert_eq!(json(&[said(4000, None)])[0]["item"], "4000");
    }

    #[test]
    fn a_refused_point_is_told_in_the_readers_words() {
        let zh = Words::new(Lang::Zh);
        assert_eq!(named("seals-broken", &zh), "封装损毁");
        assert_eq!(held("not-spread, suspected", &zh), "未扩散、可能扩散");
        assert_eq!(held("count", &Words::new(Lang::En)), "a whole number");
    }
}
