//! `sentinelctl backtest`: what would have been alerted, on the host's own history.
//!
//! For rules that are not in use yet, [`rules`] does it. For the detections and models in
//! use, the daemon's own program does it, so that history is judged by the very code that judges
//! the present; this file finds it, and its output and its exit code are ours.

pub mod rules;

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use jiff::Timestamp;

use super::other;
use crate::failure::Failure;
use crate::output::Output;
use crate::when;

const AFTER_HELP: &str = "\
Alerts are printed as they would have been raised, and how many each day had.

Examples:
  sentinelctl backtest --since 7d
  sentinelctl backtest --since 7d --rule new-rule.yml   # that rule alone, day by day
  sentinelctl backtest --since 2026-03-01 --model 12   # generations: sentinelctl baseline list";

/// Arguments of `backtest`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// From when on: 2h, 7d, yesterday, 2026-03-01, '2026-03-01 14:30'.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = since)]
    since: Timestamp,
    /// Judge by this generation of what was learned, too.
    #[arg(long, value_name = "GENERATION")]
    model: Option<u32>,
    /// Only the Sigma rules of this file, in use or not; may be given several times.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    rule: Vec<PathBuf>,
    /// Folder with the history; the daemon may be running.
    #[arg(
        long,
        value_name = "DIR",
        env = "SENTINEL_DATA_DIR",
        default_value = "/var/lib/sentinel"
    )]
    data_dir: PathBuf,
}

fn since(text: &str) -> Result<Timestamp, String> {
    let moment = when::parse(text)?;
    Timestamp::new(moment.seconds, moment.nanos).map_err(|error| error.to_string())
}

/// Holds what was asked for against history.
pub fn run(args: &Args, output: &mut Output) -> Result<ExitCode, Failure> {
    if args.rule.is_empty() {
        return replay(args, output.json);
    }
    rules::run(&args.rule, args.since, &args.data_dir, output)?;
    Ok(ExitCode::SUCCESS)
}

/// Hands over to the daemon's program.
fn replay(args: &Args, json: bool) -> Result<ExitCode, Failure> {
    let Some(program) = daemon() else {
        return Err(Failure::failed(
            "the program sentinel is neither beside this one nor in the folders of its \
             installation",
        ));
    };
    let events = args.data_dir.join("events");
    match std::fs::read_dir(&events).map_err(|error| error.kind()) {
        Err(ErrorKind::NotFound) => {
            let what = format!("cannot open {}: no such file or folder", events.display());
            return Err(Failure::no_history(what));
        }
        Err(ErrorKind::PermissionDenied) => return Err(Failure::denied(events.display())),
        // What else may be wrong is told by who reads it.
        _ => {}
    }
    let mut command = Command::new(&program);
    command
        .arg("replay")
        .arg(&args.data_dir)
        .args(["--since", &args.since.to_string()]);
    if let Some(generation) = args.model {
        command.args(["--model", &generation.to_string()]);
    }
    if json {
        command.arg("--json");
    }
    other::become_it(command, json)
}

/// The daemon's program: beside this one, as in a checkout, or where it is installed.
fn daemon() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    let folder = own.parent()?;
    let prefix = folder.parent().unwrap_or(Path::new("/usr"));
    [folder.to_owned(), prefix.join("sbin")]
        .into_iter()
        .map(|folder| folder.join("sentinel"))
        .find(|program| program.is_file())
}
