//! The real `sentinelctl` against a daemon of the test's own.
//!
//! One module per question: what the commands show, what they say when the
//! daemon is not as it should be, and what the simulator does.

mod commands;
mod daemon;
mod run;
mod simulate;
mod trouble;
