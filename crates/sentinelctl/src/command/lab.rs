//! `sentinelctl lab`: measures the models on labelled data; works without the daemon.
//!
//! The training program does it, because only that one links what trains networks. This
//! file finds it; its output and its exit code are ours.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::other;
use crate::failure::Failure;

/// Arguments of `lab`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to measure and with what; `sentinelctl lab --help` tells
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    rest: Vec<OsString>,
}

/// Hands over to the training program.
pub fn run(args: &Args, json: bool) -> Result<ExitCode, Failure> {
    let Some(program) = sentinel_api::trainer() else {
        return Err(Failure::failed(format!(
            "the program {}, which measures models, is not installed",
            sentinel_api::TRAINER
        ))
        .hint("'make build' builds it, and 'make install' installs it"));
    };
    let mut command = Command::new(&program);
    // Its usage and its complaints then name the program that was called.
    command.arg0("sentinelctl").arg("lab").args(&args.rest);
    // Asked for before `lab`, it stands among our own options.
    let asked = args.rest.iter().any(|word| word == "--json");
    if json && !asked {
        command.arg("--json");
    }
    other::become_it(command, json || asked)
}
