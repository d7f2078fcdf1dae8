//! The daemon's command line.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use sentinel_detect::Engine;
use sentineld::config::{Config, DEFAULT_PATH};
use sentineld::replay::Speed;
use sentineld::{journald, probe, replay, run};

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
    /// Show recorded history to the detections and print their alerts; needs no root.
    Replay {
        /// Data folder with the history, as written by `run` or `import`.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// How fast it passes.
        #[arg(long, value_enum, default_value = "max")]
        speed: Speed,
        /// Configuration file; without it /etc/sentinel/sentinel.toml, where it exists.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print each alert as a JSON object on a line of its own.
        #[arg(long)]
        json: bool,
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
            let mut settings = settings(config.as_deref())?;
            settings.data_dir = data_dir.unwrap_or(settings.data_dir);
            settings.service.socket = socket.unwrap_or(settings.service.socket);
            run::run(settings, console)
        }
        Command::CheckConfig { file } => {
            Config::read(&file)?;
            println!("{} is valid", file.display());
            Ok(())
        }
        Command::Replay {
            dir,
            speed,
            config,
            json,
        } => {
            journald::start(true);
            let engine = Engine::new(&settings(config.as_deref())?.detect);
            replay::run(&dir, engine, speed, json)
        }
        Command::Probe { json } => {
            journald::start(true);
            probe::run(json)
        }
    }
}

/// The named configuration, or the one at its usual place.
fn settings(path: Option<&Path>) -> Result<Config> {
    let config = match path {
        Some(path) => Config::read(path)?,
        None => Config::read_default()?,
    };
    Ok(config)
}
