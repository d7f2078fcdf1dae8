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
mod meter;
mod output;
mod render;
mod when;

use std::env;
use std::process::ExitCode;

use cli::{Cli, Command};
use failure::{Failure, Kind, Report};
use output::Output;

fn main() -> ExitCode {
    if let Some(code) = command::simulate::child(env::args_os().skip(1)) {
        return code;
    }
    let cli = match Cli::typed() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && asks_for_json() => {
            let code = Failure::usage("").exit_code();
            eprintln!("{}", Report::of_usage(&error.render().to_string(), code));
            return ExitCode::from(code);
        }
        Err(error) => error.exit(),
    };
    let json = cli.json;
    match run(cli) {
        Ok(code) => code,
        // Whoever read our output has seen enough: nothing is wrong, nothing is to be said.
        Err(failure) if failure.kind() == Kind::ClosedPipe => ExitCode::SUCCESS,
        Err(failure) => {
            match json {
                true => eprintln!("{}", failure.json()),
                false => eprintln!("sentinelctl: {failure}"),
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Whether JSON was asked for by arguments that make no sense as a whole.
fn asks_for_json() -> bool {
    let args = env::args_os().skip(1);
    args.take_while(|arg| arg != "--")
        .any(|arg| arg == "--json")
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let mut output = Output::new(cli.color, cli.json);
    let target = cli.target()?;
    match cli.command {
        Command::Doctor => return online(command::doctor::run(&target, &mut output)),
        Command::Simulate(args) => return command::simulate::run(&args, &mut output),
        Command::Coverage(args) => {
            return online(command::coverage::run(&args, &target, &mut output));
        }
        Command::Lab(args) => return command::lab::run(&args, cli.json),
        Command::Import(args) => command::import::run(&args, &mut output)?,
        Command::Rules(args) => {
            if let Some(files) = args.checks() {
                return command::rules::check(files, &mut output);
            }
            online(command::rules::run(&args, &target, &mut output))?;
        }
        Command::Man(args) => command::completions::man(&args)?,
        Command::Completions(args) => command::completions::run(&args, &mut output)?,
        Command::Backtest(args) => return command::backtest::run(&args, &mut output),
        Command::Query(args) => command::query::run(&args, &mut output)?,
        Command::Status(args) => online(command::status::run(&args, &target, &mut output))?,
        Command::Mode(args) => online(command::mode::run(&args, &target, &mut output))?,
        Command::Alerts(args) => online(command::alerts::run(&args, &target, &mut output))?,
        Command::Tree(args) => online(command::tree::run(&args, &target, &mut output))?,
        Command::Config(args) => online(command::config::show(&args, &target, &mut output))?,
        Command::Reload => online(command::config::reload(&target, &mut output))?,
        Command::Allow(args) => online(command::allow::run(&args, &target, &mut output))?,
        Command::Audit(args) => online(command::audit::run(&args, &target, &mut output))?,
        Command::Baseline(args) => online(command::baseline::run(&args, &target, &mut output))?,
        Command::Events(args) => online(command::events::run(&args, &target, &mut output))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command that talks to the daemon.
fn online<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("starting the runtime: {error}")))?
        .block_on(command)
}
