//! The daemon's integration tests. Those that watch the real kernel need root and say
//! why they skip where they cannot run.

mod support;

/// Clients that mean no good.
mod abuse;
/// Who may ask, who may change, and what is recorded of it.
mod access;
/// Alerts of simulated attacks, by every way that they leave the daemon.
mod alerts;
/// System call by system call, of both widths.
mod calls;
/// Status and modes.
mod control;
/// Every simulated attack, held against what is to be said of it.
mod coverage;
/// Records that no kernel would send.
mod decoder;
/// What the operator does not want to hear of.
mod filter;
/// From a command to its row in Parquet.
mod history;
/// Content that wants to break what looks at it.
mod hostile;
/// What is known of executables, containers and users.
mod identity;
/// What is learned, and that it is not lost.
mod learning;
/// What a flood costs.
mod loss;
/// What the daemon refuses, in one sentence each.
mod refusals;
/// Callers of other hosts, by their certificates.
mod remote;
/// What is counted instead of told.
mod repeats;
/// A daemon that is killed, and the next one.
mod restart;
/// Sigma rules and what is allowed.
mod rules;
/// What the kernel programs see, trigger by trigger.
mod sensor;
/// The rules that every source file follows.
mod tidy;
