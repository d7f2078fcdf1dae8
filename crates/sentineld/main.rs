//! The daemon's command line.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser, Subcommand};
use sentinel_baseline::Baseline;
use sentinel_detect::Engine;
use sentineld::config::{Config, ConfigError, DEFAULT_PATH};
use sentineld::replay::Speed;
use sentineld::sensor::Host;
use sentineld::settings::{Flags, Settings};
use sentineld::{cleanup, journald, learning, probe, replay, rules, run};

/// Host security sensor: watches from inside the kernel, learns what is normal, says when
/// something is not.
#[derive(Parser)]
#[command(name = "sentinel", version, after_help = AFTER_HELP, arg_required_else_help = true)]
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
        /// Learn what is normal until then (RFC 3339), and print the alerts of the rest, with
        /// those about anomalies.
        #[arg(long, value_name = "TIME")]
        learn_until: Option<jiff::Timestamp>,
        /// Train the networks after each night that is learned from, as the daemon does; takes
        /// half a minute a night.
        #[arg(long)]
        networks: bool,
        /// Judge by this generation of what was learned in DIR; `sentinelctl baseline list`
        /// lists them.
        #[arg(long, value_name = "GENERATION", conflicts_with = "learn_until")]
        model: Option<u32>,
        /// Only what happened from then on (RFC 3339), with the alerts of each day counted.
        #[arg(long, value_name = "TIME")]
        since: Option<jiff::Timestamp>,
        /// Configuration file; without it /etc/sentinel/sentinel.toml, where it exists.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print each alert as a JSON object on a line of its own.
        #[arg(long)]
        json: bool,
    },
    /// Learn what is normal from the recorded history, as if the daemon had watched it; it
    /// must not run meanwhile.
    Relearn {
        /// Data folder with the history, as written by `run` or `import`.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// Give up what was learned there before.
        #[arg(long)]
        replace: bool,
        /// Configuration file; without it /etc/sentinel/sentinel.toml, where it exists.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Write the man pages.
    #[command(hide = true)]
    Man {
        /// The folder, which must exist.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Remove the kernel programs of daemons that are gone.
    ///
    /// They wait for the next daemon of the same data folder, and do nothing once
    /// `sensor.lease_ms` is over. Those of daemons that live are left alone; those of the
    /// service are systemd's, and go when it is stopped.
    Cleanup,
    /// Show what can be observed on this kernel, and through which hooks.
    Probe {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

const AFTER_HELP: &str = "\
Exit codes:
  0   done
  1   failed
  2   wrong usage
  78  the configuration is wrong";

/// EX_CONFIG of sysexits.h: the unit does not start a daemon again that ends with it.
const BAD_CONFIG: u8 = 78;

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, causes included, for people and for the journal alike.
            eprintln!("sentinel: {error:#}");
            match error.is::<ConfigError>() {
                true => ExitCode::from(BAD_CONFIG),
                false => ExitCode::FAILURE,
            }
        }
    }
}

/// Writes the page of a command and those of the commands in it.
fn man(command: &clap::Command, dir: &Path) -> std::io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        man(sub, dir)?;
    }
    let told = std::env::var("SOURCE_DATE_EPOCH").ok();
    let told = told.and_then(|seconds| jiff::Timestamp::from_second(seconds.parse().ok()?).ok());
    let date = told.unwrap_or_else(jiff::Timestamp::now);
    let page = clap_mangen::Man::new(command.clone())
        .section("8")
        .date(date.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
        .source(concat!("Sentinel ", env!("CARGO_PKG_VERSION")))
        .manual("Sentinel");
    page.generate_to(dir).map(|_| ())
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
            let settings = Settings::read(config.as_deref(), Flags { data_dir, socket })?;
            run::run(settings, console)
        }
        Command::CheckConfig { file } => {
            Config::read(&file)?.check_files(&file)?;
            println!("{} is valid", file.display());
            Ok(())
        }
        Command::Replay {
            dir,
            speed,
            learn_until,
            networks,
            model,
            since,
            config,
            json,
        } => {
            journald::start(true);
            let settings = Settings::read(config.as_deref(), Flags::default())?;
            let mut baseline = Baseline::new(settings.config.learn);
            if let Some(generation) = model {
                learning::read_generation(&dir, generation, &mut baseline)?;
            }
            let judges = replay::Judges {
                engine: Engine::new(&settings.config.detect),
                baseline,
                rules: rules::for_replay(&settings.config.rules),
            };
            // Beyond the year 2262 nothing is learned.
            let ns =
                |time: jiff::Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
            let options = replay::Options {
                speed,
                json,
                networks,
                // With a model, nothing is left to be learned first.
                learn_until_ns: learn_until.map(ns).or(model.map(|_| i64::MIN)),
                since_ns: since.map(ns),
            };
            replay::run(&dir, judges, options)
        }
        Command::Relearn {
            dir,
            replace,
            config,
        } => {
            journald::start(true);
            let Config { learn, store, .. } =
                Settings::read(config.as_deref(), Flags::default())?.config;
            learning::relearn(&dir, &Host::read()?.name, learn, store, replace)
        }
        Command::Man { dir } => {
            let mut command = Cli::command().disable_help_subcommand(true);
            command.build();
            man(&command, &dir).with_context(|| format!("cannot write to {}", dir.display()))
        }
        Command::Cleanup => {
            journald::start(true);
            cleanup::run()
        }
        Command::Probe { json } => {
            journald::start(true);
            probe::run(json)
        }
    }
}
