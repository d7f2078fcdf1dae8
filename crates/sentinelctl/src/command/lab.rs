//! `sentinelctl lab`: measures the models on labelled data; works without the daemon.
//!
//! The training program does it, because only that one links what trains networks. This
//! file finds it and becomes it, so that its output and its exit code are ours.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

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

/// Becomes the training program; returns only where that fails.
pub fn run(args: &Args, json: bool) -> Failure {
    let Some(program) = sentinel_api::trainer() else {
        return Failure::Failed(format!(
            "the program {}, which measures models, is not installed: 'make build' builds it, \
             and 'make install' installs it",
            sentinel_api::TRAINER
        ));
    };
    let mut command = Command::new(&program);
    // Its usage and its complaints then name the program that was called.
    command.arg0("sentinelctl").arg("lab").args(&args.rest);
    // Asked for before `lab`, it stands among our own options.
    if json && !args.rest.iter().any(|word| word == "--json") {
        command.arg("--json");
    }
    let error = command.exec();
    Failure::Failed(format!("starting {}: {error}", program.display()))
}
