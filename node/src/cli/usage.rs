//! What clap finds wrong, as a sentence in the reader's language with a way out. clap itself speaks only English.

use std::ffi::OsString;

use clap::{
    Command, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{
    exit::{Exit, Failure},
    visible,
    words::Words,
};

/// The help clap wants shown, its last English words replaced; `None` if this is not about help.
pub(super) fn help(error: &Error, words: &Words, colour: bool) -> Option<String> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let text = error.render();
            let text = if colour { text.ansi().to_string() } else { text.to_string() };
            Some(localised(&text, words))
        }
        _ => None,
    }
}

/// Help, with the one word of it clap has no setting for.
pub(super) fn localised(help: &str, words: &Words) -> String {
    help.replace("[OPTIONS]", &words.text("value-options"))
}

/// What is wrong with the command line.
pub(super) fn failure(error: &Error, words: &Words, path: &str) -> Failure {
    let said = |kind| context(error, kind);
    let argument = said(ContextKind::InvalidArg);
    // `--grade <GRADE>`, or `<SHELL>` where there is no flag.
    let flag = argument.trim_start_matches('<').split([' ', '=', '<', '>']).next().unwrap_or_default().to_owned();
    let value = visible::line(&said(ContextKind::InvalidValue));
    let sentence = match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if value.is_empty() => {
            words.say("usage-no-value", &[("flag", flag.as_str().into())])
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            words.say("usage-bad-value", &[("flag", flag.as_str().into()), ("value", value.into())])
        }
        ErrorKind::UnknownArgument => {
            words.say("usage-unknown-argument", &[("argument", visible::line(&argument).into())])
        }
        ErrorKind::InvalidSubcommand => {
            let command = visible::line(&said(ContextKind::InvalidSubcommand));
            words.say("usage-unknown-command", &[("command", command.into())])
        }
        ErrorKind::MissingRequiredArgument => words.say("usage-missing", &[("flags", visible::line(&argument).into())]),
        ErrorKind::ArgumentConflict => {
            let prior = said(ContextKind::PriorArg);
            words.say("usage-conflict", &[("one", argument.as_str().into()), ("other", prior.into())])
        }
        ErrorKind::NoEquals => words.say("usage-no-equals", &[("flag", flag.as_str().into())]),
        ErrorKind::MissingSubcommand => words.text("usage-no-command"),
        ErrorKind::InvalidUtf8 => words.text("usage-not-utf8"),
        _ => words.say("usage-wrong", &[("argument", visible::line(&argument).into())]),
    };
    let mut failure = Failure::new(Exit::Usage, sentence);
    failure.remedy.extend(suggestion(error, words, &flag));
    failure.remedy(words.say("usage-more", &[("path", path.into())]))
}

fn suggestion(error: &Error, words: &Words, flag: &str) -> Option<String> {
    if flag == "--grade" {
        return Some(words.text("grade-values"));
    }
    let valid = context(error, ContextKind::ValidValue);
    if !valid.is_empty() {
        return Some(words.say("usage-choices", &[("choices", valid.into())]));
    }
    let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    let meant = kinds.into_iter().map(|kind| context(error, kind)).find(|text| !text.is_empty())?;
    Some(words.say("usage-meant", &[("meant", meant.into())]))
}

fn context(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// The command somebody was typing, as far as it is one: `district-node report submit`.
pub(super) fn path(root: &Command, args: &[OsString]) -> String {
    let mut at = root;
    let mut path = root.get_name().to_owned();
    for arg in args.iter().skip(1) {
        let Some(next) = arg.to_str().and_then(|arg| at.find_subcommand(arg)) else { continue };
        at = next;
        path.push(' ');
        path.push_str(at.get_name());
    }
    path
}
