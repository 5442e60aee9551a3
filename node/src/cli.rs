//! The command line all three tiers share: `TIER NOUN VERB [ID] [--flags]`.
//!
//! Every verb but `run` speaks to the station of this machine through its local socket ([`crate::desk::client`]).
//! What a verb prints is made by pure functions of what the station answered, so it is tested without a station.
//! Promises: data on stdout and words on stderr; exit codes that never change ([`exit::Exit`]); everything said in
//! Chinese and in English ([`words`]); nothing a stranger wrote can drive the terminal ([`visible`]).

use std::{ffi::OsString, io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};

mod aggregate;
pub mod args;
mod ask;
mod assess;
mod attachment;
mod bypass;
pub mod call;
mod cap;
pub(crate) mod check;
mod config;
mod decision;
pub(crate) mod directive;
pub(crate) mod document;
pub(crate) mod draft;
mod drill;
mod endorse;
mod evidence;
pub mod exit;
mod filing;
mod help;
mod inbox;
pub(crate) mod incident;
pub(crate) mod items;
pub(crate) mod ladder;
mod link;
mod linkage;
mod listing;
pub(crate) mod names;
mod nil;
mod notice;
pub(crate) mod obligation;
mod officer;
mod owner;
mod paint;
mod policy;
mod progress;
mod queue;
mod readiness;
pub(crate) mod report;
mod request;
pub(crate) mod roster;
pub(crate) mod shift;
pub(crate) mod status;
pub(crate) mod table;
pub mod terms;
pub mod time;
pub(crate) mod trace;
pub(crate) mod trouble;
mod urge;
mod usage;
pub mod visible;
mod wait;
mod warning;
pub mod words;

pub use self::call::{Call, Streams, default_config, default_socket};
use self::{
    exit::{Exit, Outcome},
    words::Words,
};
use crate::topology::Tier;

/// One tier's command line.
#[derive(Debug)]
pub struct Tool {
    /// Which tier.
    pub tier: Tier,
    /// Starts the station and returns when it has ended.
    pub run: fn(Run) -> ExitCode,
    /// Commands only this tier has.
    pub extras: &'static [Extra],
}

/// What `run` was told.
#[derive(Debug)]
pub struct Run {
    /// The station's configuration.
    pub config: PathBuf,
    /// For what has to be said before there is a log.
    pub words: Words,
}

/// A command only one tier has.
#[derive(Debug, Clone, Copy)]
pub struct Extra {
    /// Its grammar and help.
    pub command: fn(&Words) -> Command,
    /// What it does.
    pub act: fn(&Call, &ArgMatches) -> ExitCode,
}

/// Reads the command line, does what it says, and tells the shell how it went.
pub fn main(tool: &Tool) -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let words = Words::new(words::choose(&args, &environment()));
    let mut root = command(tool, &words);
    root.build();
    match root.clone().try_get_matches_from(&args) {
        Ok(given) => dispatch(tool, words, &given, root),
        Err(error) => misused(&error, &words, &root, &args),
    }
}

#[expect(clippy::disallowed_methods, reason = "the language must be known before clap can read its own flags")]
fn environment() -> [Option<String>; 3] {
    ["ZHUJI_LANG", "LC_ALL", "LANG"].map(|name| std::env::var(name).ok())
}

fn misused(error: &clap::Error, words: &Words, root: &Command, args: &[OsString]) -> ExitCode {
    let asked = error.kind() == clap::error::ErrorKind::DisplayHelp;
    if error.kind() == clap::error::ErrorKind::DisplayVersion {
        help::print(&help::version(root.get_name()));
        return Exit::Done.into();
    }
    match usage::help(error, words, std::io::stdout().is_terminal()) {
        Some(text) if asked => {
            help::print(&text);
            Exit::Done.into()
        }
        Some(text) => {
            eprintln!("{text}");
            Exit::Usage.into()
        }
        None => {
            let failure = usage::failure(error, words, &usage::path(root, args));
            eprintln!("{}", failure.render(words));
            failure.exit.into()
        }
    }
}

fn dispatch(tool: &Tool, words: Words, given: &ArgMatches, root: Command) -> ExitCode {
    let Some((name, under)) = given.subcommand() else { return Exit::Usage.into() };
    let call = Call::new(tool.tier, words, under, Streams::standard());
    if name == "run" {
        return (tool.run)(Run { config: call.config, words: call.words });
    }
    if let Some(extra) = tool.extras.iter().find(|extra| (extra.command)(&call.words).get_name() == name) {
        return (extra.act)(&call, under);
    }
    match act(&call, name, under, root) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let said = failure.render(&call.words);
            if !said.is_empty() {
                call.word(&said);
            }
            failure.exit.into()
        }
    }
}

fn act(call: &Call, name: &str, given: &ArgMatches, root: Command) -> Outcome {
    match name {
        "status" => status::act(call, given),
        "check" => check::act(call, given),
        "trace" => trace::act(call, given),
        "queue" => queue::act(call, given),
        "link" => link::act(call, given),
        "report" => report::act(call, given),
        "request" => request::act(call, given),
        "incident" => incident::act(call, given),
        "endorse" => endorse::act(call, given),
        "aggregate" => aggregate::act(call, given),
        "drill" => drill::act(call, given),
        "notice" => notice::act(call, given),
        "nil" => nil::act(call, given),
        "readiness" => readiness::act(call, given),
        "shift" => shift::act(call, given),
        "roster" => roster::act(call, given),
        "warning" => warning::act(call, given),
        "assess" => assess::act(call, given),
        "obligation" => obligation::act(call, given),
        "policy" => policy::act(call, given),
        "inbox" => inbox::act(call, given),
        "officer" => officer::act(call, given),
        "decision" => decision::act(call, given),
        "directive" => directive::act(call, given),
        "msg" => inbox::msg(call, given),
        "attachment" => attachment::act(call, given),
        "config" => config::act(call, given),
        "help" => help::act(call, given, root),
        "completions" => help::completions(call, given, root),
        _ => help::show_version(call),
    }
}

/// The whole grammar of one tier.
fn command(tool: &Tool, words: &Words) -> Command {
    let (tier, about) = match tool.tier {
        Tier::Ministry => (Tier::Ministry, "cmd-ministry-hub"),
        Tier::Province => (Tier::Province, "cmd-provincial-relay"),
        Tier::District => (Tier::District, "cmd-district-node"),
    };
    let mut root = args::noun(words, call::program(tier), about)
        .version(env!("CARGO_PKG_VERSION"))
        .next_help_heading(words.text("heading-global"))
        .args(global(words, tier));
    root = root
        .subcommand(args::verb(words, "run", "cmd-run"))
        .subcommand(status::command(words))
        .subcommand(check::command(words))
        .subcommand(trace::command(words))
        .subcommand(queue::command(words))
        .subcommand(link::command(words));
    if tier != Tier::Ministry {
        root = root.subcommand(report::command(words)).subcommand(notice::command(words));
    }
    if tier == Tier::Province {
        root = root.subcommand(endorse::command(words));
    }
    if tier != Tier::District {
        root = root.subcommand(aggregate::command(words)).subcommand(drill::command(words));
        root = root.subcommand(inbox::command(words));
    }
    root = root
        .subcommand(incident::command(words))
        .subcommand(obligation::command(words, tier))
        .subcommand(assess::command(words))
        .subcommand(policy::command(words, tier))
        .subcommand(nil::command(words, tier))
        .subcommand(readiness::command(words))
        .subcommand(shift::command(words))
        .subcommand(roster::command(words))
        .subcommand(warning::command(words))
        .subcommand(request::command(words, tier))
        .subcommand(decision::command(words, tier))
        .subcommand(directive::command(words, tier))
        .subcommand(inbox::msg_command(words))
        .subcommand(attachment::command(words))
        .subcommand(officer::command(words))
        .subcommand(config::command(words));
    let own = tool.extras.iter().map(|extra| (extra.command)(words));
    root.subcommands(own).subcommands(help::commands(words))
}

/// The flags that mean the same for every verb.
fn global(words: &Words, tier: Tier) -> Vec<Arg> {
    let path = |name, help, variable| {
        args::option(words, name, help)
            .value_name("PATH")
            .env(variable)
            .hide_env(true)
            .value_parser(value_parser!(PathBuf))
    };
    let one_of = |values: &'static [&'static str]| PossibleValuesParser::new(values);
    let socket = words.say("arg-socket", &[("default", default_socket(tier).display().to_string().into())]);
    let config = words.say("arg-config", &[("default", default_config(tier).display().to_string().into())]);
    let all = vec![
        path("socket", "arg-socket", "ZHUJI_SOCKET").help(socket),
        path("config", "arg-config", "ZHUJI_CONFIG").help(config),
        // The variables of the language are read before this; a wrong one there is no reason to stop.
        args::option(words, "lang", "arg-lang").value_parser(one_of(&["zh", "en"])).hide_possible_values(true),
        args::option(words, "officer", "arg-officer").value_name("NAME").env("ZHUJI_OFFICER").hide_env(true),
        args::flag(words, "json", "arg-json"),
        args::flag(words, "jsonl", "arg-jsonl"),
        args::flag(words, "quiet", "arg-quiet").short('q'),
        args::flag(words, "no-input", "arg-no-input"),
        args::flag(words, "yes", "arg-yes"),
        args::option(words, "color", "arg-color")
            .value_parser(one_of(&["auto", "always", "never"]))
            .hide_possible_values(true),
        Arg::new("no-color").long("no-color").env("NO_COLOR").hide(true),
        args::flag(words, "help", "arg-help").short('h').action(ArgAction::Help),
    ];
    let mut all: Vec<_> = all.into_iter().map(|arg| arg.global(true)).collect();
    all.push(args::flag(words, "version", "arg-version").short('V').action(ArgAction::Version));
    all
}

#[cfg(test)]
mod tests;
