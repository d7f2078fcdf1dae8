//! SQL over the history of a host: journal and partitions alike, read-only.
//!
//! The engine is SQLite, with one virtual table over the store per table of ours. This
//! crate owns the tables, what they tell the engine, and the limits on a query; it
//! neither prints nor talks to the daemon.
//!
//! SQLite calls virtual tables through C structures, so their two traits are unsafe to
//! implement: this crate alone, beside the sensor, does not forbid unsafe code, and all
//! of it is in [`vtab`].

#![deny(unsafe_code)]

mod cells;
mod cursor;
mod engine;
mod fault;
mod group;
mod limits;
mod plan;
pub mod tables;
pub mod time;
mod vtab;

pub use engine::{Cell, History, Options, OutColumn, Sink};
pub use fault::{Fault, closest};
pub use sentinel_store::replay::TimeRange;
