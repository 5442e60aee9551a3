//! `help`, `completions` and `version`: what can be said without a station.

use std::io::{self, Write};

use clap::{Arg, ArgMatches, Command, builder::PossibleValuesParser};
use clap_complete::Shell;
use serde_json::json;

use super::{
    args,
    call::Call,
    exit::{Exit, Failure, Outcome},
    usage, visible,
    words::Words,
};

const TOPICS: [(&str, &str); 3] =
    [("exit-codes", "help-exit-codes"), ("environment", "help-environment"), ("formats", "help-formats")];

/// `completions`, `help` and `version`.
pub(super) fn commands(words: &Words) -> [Command; 3] {
    let shell = Arg::new("shell")
        .value_name("SHELL")
        .help(words.text("arg-shell"))
        .required(true)
        .value_parser(PossibleValuesParser::new(["bash", "zsh", "fish", "elvish", "powershell"]))
        .hide_possible_values(true);
    let topic = Arg::new("topic").value_name("TOPIC").help(words.text("arg-topic")).num_args(0..);
    [
        args::verb(words, "completions", "cmd-completions").arg(shell),
        args::verb(words, "help", "cmd-help").arg(topic),
        args::verb(words, "version", "cmd-version"),
    ]
}

/// A topic, or the help of a command.
pub(super) fn act(call: &Call, given: &ArgMatches, mut root: Command) -> Outcome {
    let topic = args::texts(given, "topic");
    if let [one] = topic.as_slice()
        && let Some((_, key)) = TOPICS.iter().find(|(name, _)| name == one)
    {
        call.data(&call.words.text(key));
        return Ok(Exit::Done);
    }
    let mut at = &mut root;
    for name in &topic {
        at = at.find_subcommand_mut(name).ok_or_else(|| {
            let command = [("command", visible::line(name).into())];
            Failure::new(Exit::Usage, call.words.say("usage-unknown-command", &command))
        })?;
    }
    call.data(&usage::localised(&at.render_help().to_string(), &call.words));
    Ok(Exit::Done)
}

/// A completion script for a shell.
pub(super) fn completions(call: &Call, given: &ArgMatches, mut root: Command) -> Outcome {
    let shell: Shell = match args::text(given, "shell") {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        Some("elvish") => Shell::Elvish,
        Some("powershell") => Shell::PowerShell,
        _ => Shell::Bash,
    };
    let name = root.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut root, name, &mut script);
    call.data(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// `version [--json]`
pub(super) fn show_version(call: &Call) -> Outcome {
    if call.json {
        let version = env!("CARGO_PKG_VERSION");
        call.object(&json!({ "schema": "zhuji.version/1", "program": call.program(), "version": version }));
    } else {
        call.data(&version(call.program()));
    }
    Ok(Exit::Done)
}

/// `district-node 0.1.0`
pub(super) fn version(program: &str) -> String {
    format!("{program} {}", env!("CARGO_PKG_VERSION"))
}

/// Text for stdout; a closed pipe is not a failure.
pub(super) fn print(text: &str) {
    drop(writeln!(io::stdout(), "{}", text.trim_end_matches('\n')));
}
