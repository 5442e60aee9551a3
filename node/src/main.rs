//! The district.

use std::process::ExitCode;

use node::{
    cli::{self, Tool},
    station,
    topology::Tier,
};

fn main() -> ExitCode {
    cli::main(&Tool { tier: Tier::District, run: station::command, extras: &[] })
}
