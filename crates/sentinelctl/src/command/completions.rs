//! `sentinelctl completions` and `sentinelctl man`: from the same definitions as the help.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
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
    clap_mangen::generate_to(Cli::command(), &args.dir)
        .map_err(|error| Failure::failed(format!("writing to {}: {error}", args.dir.display())))
}

/// Prints a script for the shell.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sentinelctl", &mut script);
    output.print(&String::from_utf8_lossy(&script))
}
