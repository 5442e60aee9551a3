//! `config check`: whether a station would start with this file. Reads it, and nothing else.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};
use proto::v1::CheckItem;
use serde_json::json;

use super::{
    args,
    call::Call,
    exit::{Exit, Failure, Outcome},
    words::Words,
};
use crate::{
    config::Config,
    desk::{
        check::{self, Finding},
        status,
    },
    identity::Identity,
    io::Timestamp,
    station,
};

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

/// What a self-test can find without a station: whether the file is good, and the certificates it points to.
pub(super) fn items(path: &Path, now: Timestamp) -> Vec<CheckItem> {
    let shown = path.display().to_string();
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return vec![Finding::ConfigInvalid.item(&[&shown], &error.to_string())],
    };
    let mut items = vec![Finding::ConfigValid.item(&[&shown], "")];
    match identity(&config) {
        Ok(identity) => {
            items.extend(status::certificates(&identity).iter().map(|one| check::of_certificate(one, now)));
        }
        Err(error) => {
            let directory = config.identity.directory.display().to_string();
            items.push(Finding::IdentityBroken.item(&[&directory], &format!("{error:#}")));
        }
    }
    items
}

fn identity(config: &Config) -> anyhow::Result<Identity> {
    let topology = station::read_topology(config)?;
    config.position(&topology)?;
    Ok(Identity::load(&config.identity.directory, topology)?)
}
