//! `sentinelctl`, the command line of Sentinel.
//!
//! This crate owns what users type and read. What it shows comes from the daemon
//! over gRPC; what it simulates is `sentinel-simulate`'s. Each subcommand is one
//! file of [`command`], which parses nothing and draws nothing itself: [`cli`]
//! does the one and [`render`] or [`json`] the other.

#![forbid(unsafe_code)]

mod cli;
mod client;
mod command;
mod failure;
mod json;
mod output;
mod render;

use std::env;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;
use output::Output;

fn main() -> ExitCode {
    if let Some(code) = command::simulate::child(env::args_os().skip(1)) {
        return code;
    }
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        // Whoever read our output has seen enough: nothing is wrong, nothing is to be said.
        Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sentinelctl: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let mut output = Output::new(cli.color, cli.json);
    match cli.command {
        Command::Simulate(args) => return command::simulate::run(&args, &mut output),
        Command::Completions(args) => command::completions::run(&args, &mut output)?,
        Command::Status => online(command::status::run(&cli.socket, &mut output))?,
        Command::Mode(args) => online(command::mode::run(&args, &cli.socket, &mut output))?,
        Command::Alerts(args) => online(command::alerts::run(&args, &cli.socket, &mut output))?,
        Command::Events(args) => online(command::events::run(&args, &cli.socket, &mut output))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command that talks to the daemon.
fn online(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("starting the runtime: {error}")))?
        .block_on(command)
}
