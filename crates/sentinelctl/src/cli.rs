//! What can be typed: every option, argument and help text.

mod examples;

use std::path::PathBuf;

use clap::{
    Arg, ArgAction, ColorChoice, CommandFactory, Error, FromArgMatches, Parser, Subcommand,
};

use crate::client::{Remote, Target, Url};
use crate::command::{
    alerts, allow, audit, backtest, baseline, completions, config, coverage, events, import, lab,
    mode, query, rules, simulate, status, tree,
};
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  failed
  2  wrong usage
  3  the daemon cannot be reached, or cannot do it now
  4  permission denied, or refused by the daemon

With --json, what is not a result is one JSON object a line on standard error: {\"note\"},
and of a command that fails {\"error\", \"hint\", \"code\"}, where code is the exit code.";

const GLOBAL: &str = "Options of every command";

/// Asks and steers Sentinel, the sensor that watches this host.
#[derive(Debug, Parser)]
#[command(name = "sentinelctl", version, after_help = AFTER_HELP)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Cli {
    /// Where the daemon listens.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "PATH", env = "SENTINEL_SOCKET", hide_env_values = true,
          default_value = sentinel_api::DEFAULT_SOCKET)]
    pub socket: PathBuf,

    /// Ask the daemon of another host, https://HOST:PORT; takes --cert, --key and --ca.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL", env = "SENTINEL_ENDPOINT", hide_env_values = true)]
    pub endpoint: Option<Url>,

    /// With --endpoint, the certificate to show, PEM.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "SENTINEL_CERT", hide_env_values = true)]
    pub cert: Option<PathBuf>,

    /// With --endpoint, the private key of that certificate, PEM.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "SENTINEL_KEY", hide_env_values = true)]
    pub key: Option<PathBuf>,

    /// With --endpoint, who may vouch for the daemon: certificates of issuers, PEM.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", env = "SENTINEL_CA", hide_env_values = true)]
    pub ca: Option<PathBuf>,

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

impl Cli {
    /// What was typed.
    ///
    /// # Errors
    /// What clap says of wrong arguments, and the help that was asked for.
    pub fn typed() -> Result<Cli, Error> {
        let mut command = with_short_help(command());
        let matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// Where the daemon is.
    pub fn target(&self) -> Result<Target, Failure> {
        let given = [&self.cert, &self.key, &self.ca];
        let Some(url) = self.endpoint.clone() else {
            return match given.iter().any(|path| path.is_some()) {
                false => Ok(Target::Socket(self.socket.clone())),
                true => Err(Failure::usage(
                    "--cert, --key and --ca are for a daemon of another host",
                )
                .hint("name it with --endpoint https://HOST:PORT")),
            };
        };
        match given.map(Clone::clone) {
            [Some(cert), Some(key), Some(ca)] => Ok(Target::Remote(Remote { url, cert, key, ca })),
            _ => Err(
                Failure::usage(format!("--endpoint {url} takes --cert, --key and --ca too"))
                    .hint("both sides show certificates"),
            ),
        }
    }
}

/// All that can be typed, with examples: what help, man pages and completions are made of.
pub fn command() -> clap::Command {
    Cli::command().mut_subcommands(|sub| {
        let mut all = examples::EXAMPLES.iter();
        match all.find(|(name, _)| *name == sub.get_name()) {
            Some((_, lines)) => sub.after_help(format!("Examples:\n  {lines}")),
            None => sub,
        }
    })
}

/// The same, but --help is as short as -h: one screen that needs no scrolling. The man pages
/// have the rest.
fn with_short_help(command: clap::Command) -> clap::Command {
    if command.is_disable_help_flag_set() {
        return command;
    }
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::HelpShort)
        .help("Print help");
    let command = command.disable_help_flag(true).arg(help);
    command.mut_subcommands(with_short_help)
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the health of the sensor on one screen
    Status(status::Args),
    /// Show the mode, or switch it
    Mode(mode::Args),
    /// List alerts, follow them, or show one
    Alerts(alerts::Args),
    /// Show what was learned, decide what counts as normal, go back
    Baseline(baseline::Args),
    /// Follow the events of this host, or show those of the history
    Events(events::Args),
    /// Look at what Sentinel needs of this host, and say what to do
    Doctor,
    /// Show the processes that live, and who begot whom
    Tree(tree::Args),
    /// Show the settings in use, and where each comes from
    Config(config::Args),
    /// Let the daemon read its configuration file again
    Reload,
    /// List who changed what, and when
    Audit(audit::Args),
    /// Ask the history of this host in SQL
    Query(query::Args),
    /// List the Sigma rules in use, check a rule file, or have the rules read again
    Rules(rules::Args),
    /// Allow what is known to be harmless: its alerts are counted and not raised
    Allow(allow::Args),
    /// Carry out safe attacks, to see what the sensor makes of them
    Simulate(simulate::Args),
    /// Carry out safe attacks, and hold what the daemon says of them against what it should
    Coverage(coverage::Args),
    /// Make a data folder of events from elsewhere, one JSON object a line
    Import(import::Args),
    /// Tell what would have been alerted, on the history of this host
    Backtest(backtest::Args),
    /// Measure the models on your own labelled data
    #[command(disable_help_flag = true)]
    Lab(lab::Args),
    /// Print the completions for a shell
    Completions(completions::Args),
    /// Write the man pages of all commands
    #[command(hide = true)]
    Man(completions::ManArgs),
}

#[cfg(test)]
mod tests;
