//! The real `sentinelctl` against a daemon of the test's own.
//!
//! One module per question: what the commands show, what they say when the
//! daemon is not as it should be, to people and to programs, and what the simulator does.

mod baseline;
mod commands;
mod daemon;
mod failures;
mod import;
mod lab;
mod query;
mod query_limits;
mod rules;
mod run;
#[path = "../../../store/tests/common/mod.rs"]
mod samples;
mod simulate;
mod trouble;
