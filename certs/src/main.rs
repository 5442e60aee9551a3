//! `zhuji-certs`: the authority's tool. Ends with 0 when done, 1 when it failed, 2 when it was called wrongly.

mod cli;
mod commands;
mod words;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    match commands::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = words::explain(&error, args.lang);
            eprintln!("{}: {text}", words::pick(args.lang, "失败", "failed"));
            ExitCode::FAILURE
        }
    }
}
