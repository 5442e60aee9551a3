//! The parts commands are made of, with their help in the reader's language, and what was typed, parsed.

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};

use super::{
    exit::{Exit, Failure},
    terms::Listed,
    time,
    words::Words,
};
use crate::io::Timestamp;

/// A verb, or a noun that has verbs.
pub fn verb(words: &Words, name: &'static str, about: &str) -> Command {
    Command::new(name)
        .about(words.text(about))
        .help_template(words.text("help-template"))
        .subcommand_help_heading(words.text("heading-commands"))
        .subcommand_value_name(words.text("value-command"))
        .next_help_heading(words.text("heading-options"))
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
}

/// A noun: it means nothing without a verb.
pub fn noun(words: &Words, name: &'static str, about: &str) -> Command {
    verb(words, name, about).subcommand_required(true).arg_required_else_help(true)
}

/// `ls`, which people also call `list`.
pub fn list(words: &Words, about: &str) -> Command {
    verb(words, "ls", about).alias("list")
}

/// `--name VALUE`
pub fn option(words: &Words, name: &'static str, help: &str) -> Arg {
    Arg::new(name).long(name).help(words.text(help)).value_name(name.to_uppercase())
}

/// `--name`
pub fn flag(words: &Words, name: &'static str, help: &str) -> Arg {
    Arg::new(name).long(name).help(words.text(help)).action(ArgAction::SetTrue)
}

/// A positional argument that has to be there.
pub fn positional(words: &Words, name: &'static str, value: &'static str, help: &str) -> Arg {
    Arg::new(name).value_name(value).help(words.text(help)).required(true)
}

/// A document: its number, its id, or the beginning of either.
pub fn document(words: &Words) -> Arg {
    positional(words, "document", "ID", "arg-document")
}

/// `--name VALUE`, one of a term's.
pub fn choice<T: Listed>(words: &Words, name: &'static str, help: &str) -> Arg {
    option(words, name, help)
        .value_parser(PossibleValuesParser::new(T::choices(words)))
        .ignore_case(true)
        .hide_possible_values(true)
}

/// The text of an option or argument.
pub fn text<'m>(given: &'m ArgMatches, name: &str) -> Option<&'m str> {
    given.get_one::<String>(name).map(String::as_str)
}

/// The text of an argument clap has required.
pub fn required<'m>(given: &'m ArgMatches, name: &str) -> &'m str {
    text(given, name).unwrap_or_default()
}

/// All texts of an option that may be given several times.
pub fn texts(given: &ArgMatches, name: &str) -> Vec<String> {
    given.get_many::<String>(name).into_iter().flatten().cloned().collect()
}

/// A value that is not what its flag takes.
pub fn bad(words: &Words, flag: &str, value: &str, hint: &str) -> Failure {
    let args = [("flag", flag.into()), ("value", super::visible::line(value).into())];
    Failure::new(Exit::Usage, words.say("usage-bad-value", &args)).remedy(words.text(hint))
}

/// A term somebody typed.
pub fn term<T: Listed>(words: &Words, flag: &str, value: &str) -> Result<T, Failure> {
    T::parse(value).ok_or_else(|| {
        let args = [("flag", flag.into()), ("value", super::visible::line(value).into())];
        Failure::new(Exit::Usage, words.say("usage-bad-value", &args))
            .remedy(words.say("usage-choices", &[("choices", T::listing(words).into())]))
    })
}

/// A term from an option, if it was given.
pub fn chosen<T: Listed>(given: &ArgMatches, name: &str) -> Option<T> {
    text(given, name).and_then(T::parse)
}

/// A span from an option, if it was given.
pub fn span(words: &Words, given: &ArgMatches, name: &str) -> Result<Option<std::time::Duration>, Failure> {
    let Some(value) = text(given, name) else { return Ok(None) };
    time::span(value).map(Some).ok_or_else(|| bad(words, &format!("--{name}"), value, "hint-span"))
}

/// A moment still to come, from an option; 0 if it was not given.
pub fn deadline(words: &Words, given: &ArgMatches, name: &str, now: Timestamp) -> Result<i64, Failure> {
    let Some(value) = text(given, name) else { return Ok(0) };
    let flag = format!("--{name}");
    match time::moment(value, now) {
        Some(us) if us > now.us() => Ok(us),
        Some(_) => Err(bad(words, &flag, value, "hint-past")),
        None => Err(bad(words, &flag, value, "hint-moment")),
    }
}
