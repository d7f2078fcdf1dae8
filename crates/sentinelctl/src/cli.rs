//! What can be typed: every option, argument and help text.

use std::path::PathBuf;

use clap::{ColorChoice, Parser, Subcommand};

use crate::command::{alerts, completions, events, mode, simulate};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage
  3  the daemon cannot be reached
  4  permission denied, or refused by the daemon";

const GLOBAL: &str = "Options of every command";

/// Asks and steers Sentinel, the sensor that watches this host.
#[derive(Debug, Parser)]
#[command(name = "sentinelctl", version, after_help = AFTER_HELP)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// Where the daemon listens.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "PATH", env = "SENTINEL_SOCKET",
          default_value = sentinel_api::DEFAULT_SOCKET)]
    pub socket: PathBuf,

    /// Print JSON: one object, or one object per line where there are many.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,

    /// When to use colours; NO_COLOR is respected.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the health of the sensor on one screen
    Status,
    /// Show the mode, or switch it
    Mode(mode::Args),
    /// List alerts, follow them, or show one
    Alerts(alerts::Args),
    /// Follow the events of this host as they happen
    Events(events::Args),
    /// Carry out safe attacks, to see what the sensor makes of them
    Simulate(simulate::Args),
    /// Print the completions for a shell
    Completions(completions::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definitions_fit_together() {
        super::Cli::command().debug_assert();
    }
}
