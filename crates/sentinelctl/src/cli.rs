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
#[command(disable_help_subcommand = true)]
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
    let add = |command: clap::Command, (name, lines): &(&'static str, &str)| {
        command.mut_subcommand(name, |sub| sub.after_help(format!("Examples:\n  {lines}")))
    };
    examples::EXAMPLES.iter().fold(Cli::command(), add)
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
mod tests {
    use super::*;

    #[test]
    fn the_definitions_fit_together() {
        with_short_help(command()).debug_assert();
    }

    /// What a shell makes of a line: words with their quotes taken off, up to a comment, a
    /// pipe or a redirection.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
        for letter in line.chars().chain([' ']) {
            match (letter, quote) {
                ('\'' | '"', None) => quote = Some(letter),
                (_, Some(open)) if letter == open => quote = None,
                ('#' | '|' | '>', None) => break,
                (' ', None) if word.is_empty() => {}
                (' ', None) => words.push(std::mem::take(&mut word)),
                _ => word.push(letter),
            }
        }
        words
    }

    #[test]
    fn every_help_fits_on_a_screen_and_its_examples_can_be_typed() {
        let mut command = with_short_help(command()).term_width(100);
        command.build();
        let visible =
            |command: &&mut clap::Command| !command.is_hide_set() && command.get_name() != "lab";
        let mut seen = 0;
        for command in command.get_subcommands_mut().filter(visible) {
            let (name, help) = (command.get_name().to_owned(), command.render_help());
            let help = help.to_string().replace("\\\n", " ");
            assert!(help.lines().count() <= 50, "{name} is long:\n{help}");
            let (_, examples) = help.split_once("\nExamples:\n").unwrap_or_default();
            let lines = examples
                .lines()
                .filter(|line| line.starts_with("  sentinelctl "));
            let lines: Vec<_> = lines.map(words).collect();
            assert!(!lines.is_empty(), "{name} has no examples");
            for line in lines {
                let parsed = Cli::try_parse_from(&line);
                assert!(parsed.is_ok(), "{line:?}: {}", parsed.unwrap_err());
                assert!(line.contains(&name), "{line:?} is of another command");
                seen += 1;
            }
        }
        assert!(seen > 40, "{seen} examples");
    }
}
