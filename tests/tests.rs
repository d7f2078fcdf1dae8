//! The daemon's integration tests. Those that watch the real kernel need root and say
//! why they skip where they cannot run.

mod support;

/// Alerts of simulated attacks, by every way that they leave the daemon.
mod alerts;
/// Status and modes.
mod control;
/// From a command to its row in Parquet.
mod history;
/// What the daemon refuses, in one sentence each.
mod refusals;
/// What the kernel programs see, trigger by trigger.
mod sensor;
/// The rules that every source file follows.
mod tidy;
