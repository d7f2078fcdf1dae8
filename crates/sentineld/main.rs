//! The daemon's command line.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use sentineld::config::{Config, DEFAULT_PATH};
use sentineld::{journald, probe, run};

/// Host security sensor: watches from inside the kernel, learns what is normal, says when
/// something is not.
#[derive(Parser)]
#[command(name = "sentinel", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watch this host until stopped.
    Run {
        /// Configuration file; without it /etc/sentinel/sentinel.toml, where it exists.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Folder of the event store, instead of the configured one.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Socket of the control plane, instead of the configured one.
        #[arg(long, value_name = "PATH")]
        socket: Option<PathBuf>,
        /// Print events and alerts as they happen, and a summary at the end.
        #[arg(long)]
        console: bool,
    },
    /// Check a configuration file and say what is wrong with it.
    CheckConfig {
        /// The file.
        #[arg(value_name = "FILE", default_value = DEFAULT_PATH)]
        file: PathBuf,
    },
    /// Show what can be observed on this kernel, and through which hooks.
    Probe {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, causes included, for people and for the journal alike.
            eprintln!("sentinel: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<()> {
    match command {
        Command::Run {
            config,
            data_dir,
            socket,
            console,
        } => {
            journald::start(console);
            let mut settings = match config {
                Some(path) => Config::read(&path)?,
                None => Config::read_default()?,
            };
            settings.data_dir = data_dir.unwrap_or(settings.data_dir);
            settings.service.socket = socket.unwrap_or(settings.service.socket);
            run::run(settings, console)
        }
        Command::CheckConfig { file } => {
            Config::read(&file)?;
            println!("{} is valid", file.display());
            Ok(())
        }
        Command::Probe { json } => {
            journald::start(true);
            probe::run(json)
        }
    }
}
