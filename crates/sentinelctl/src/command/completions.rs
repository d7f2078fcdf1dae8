//! `sentinelctl completions` and `sentinelctl man`: from the same definitions as the help.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use clap_complete::Shell;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli;
use crate::failure::Failure;
use crate::output::Output;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell.
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder, which must exist.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Writes a page for each command; those who make packages call this.
pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut command = cli::command().disable_help_subcommand(true);
    command.build();
    pages(&command, &args.dir)
        .map_err(|error| Failure::failed(format!("writing to {}: {error}", args.dir.display())))
}

fn pages(command: &clap::Command, dir: &Path) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        pages(sub, dir)?;
    }
    let page = clap_mangen::Man::new(command.clone())
        .date(date())
        .source(concat!("Sentinel ", env!("CARGO_PKG_VERSION")))
        .manual("Sentinel");
    page.generate_to(dir).map(|_| ())
}

/// When the pages were made, or when those who build reproducibly say so.
fn date() -> String {
    let told = env::var("SOURCE_DATE_EPOCH").ok();
    let told = told.and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok());
    let date = told.unwrap_or_else(Timestamp::now);
    date.to_zoned(TimeZone::UTC).date().to_string()
}

/// Prints a script for the shell.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "sentinelctl", &mut script);
    output.print(&String::from_utf8_lossy(&script))
}
