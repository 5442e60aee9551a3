//! `config check`: whether a station would start with this file. Reads it, and nothing else.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};
use proto::v1::{CheckItem, Severity};
use serde_json::json;

use super::{
    args,
    call::Call,
    exit::{Exit, Failure, Outcome},
    words::Words,
};
use crate::config::Config;

/// `config check FILE`
pub(super) fn command(words: &Words) -> Command {
    let file =
        Arg::new("file").value_name("FILE").help(words.text("arg-config-file")).value_parser(value_parser!(PathBuf));
    args::noun(words, "config", "cmd-config").subcommand(args::verb(words, "check", "cmd-config-check").arg(file))
}

/// Checks one file: the one given, or the station's own.
pub(super) fn act(call: &Call, given: &ArgMatches) -> Outcome {
    let named = given.subcommand().and_then(|(_, given)| given.get_one::<PathBuf>("file"));
    let path = named.unwrap_or(&call.config);
    let shown = path.display().to_string();
    let checked = Config::load(path).map(drop).map_err(|error| error.to_string());
    if call.json {
        call.object(&json!({ "schema": "zhuji.config-check/1", "file": shown, "error": checked.as_ref().err() }));
        return Ok(if checked.is_ok() { Exit::Done } else { Exit::Failed });
    }
    match checked {
        Ok(()) => {
            call.data(&call.words.say("config-valid", &[("file", shown.into())]));
            Ok(Exit::Done)
        }
        Err(why) => {
            Err(Failure::new(Exit::Failed, call.words.say("config-invalid", &[("file", shown.into())])).remedy(why))
        }
    }
}

/// The same as one line of a self-test.
pub(super) fn item(path: &Path) -> CheckItem {
    let (id, severity, detail) = match Config::load(path) {
        Ok(_) => ("config-valid", Severity::Ok, String::new()),
        Err(error) => ("config-invalid", Severity::Failure, error.to_string()),
    };
    CheckItem {
        id: id.to_owned(),
        group: "config".to_owned(),
        severity: severity.into(),
        facts: vec![path.display().to_string()],
        detail,
    }
}
