//! The province.

use std::process::ExitCode;

use node::{
    cli::{self, Tool},
    station,
    topology::Tier,
};

fn main() -> ExitCode {
    cli::main(&Tool { tier: Tier::Province, run: station::command, extras: &[] })
}
