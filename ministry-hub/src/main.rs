//! The ministry.

use std::process::ExitCode;

use ministry_hub::demo;
use node::{
    cli::{self, Extra, Tool},
    station,
    topology::Tier,
};

const DEMO: Extra = Extra { command: |_| demo::command(), act: |_, matches| demo::run(matches) };

fn main() -> ExitCode {
    cli::main(&Tool { tier: Tier::Ministry, run: station::command, extras: &[DEMO] })
}
