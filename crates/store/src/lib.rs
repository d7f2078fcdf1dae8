//! The history of one host on disk: crash-safe, small, readable by other tools.
//!
//! Events and alerts go to a checksummed Arrow IPC journal first and become
//! Parquet partitions later. This crate owns the files below the data folder,
//! their retention, and the ways to read them back. It does not know where
//! events come from or what is concluded from them.

#![forbid(unsafe_code)]

mod alerts;
mod compact;
mod config;
mod error;
mod events;
mod io;
mod journal;
mod layout;
mod lock;
mod log;
mod maintenance;
mod partition;
mod queue;
pub mod reader;
mod recovery;
pub mod replay;
mod retention;
mod scrub;
mod seal;
mod snapshot;
mod stats;
mod store;
mod table;
pub mod view;
mod writer;

pub use alerts::{ALERT_COLUMNS, AlertColumn, AlertRecord, AncestorRecord, TechniqueRecord};
pub use config::{Config, Fsync};
pub use error::{Problem, StoreError};
pub use lock::is_in_use;
pub use stats::Stats;
pub use store::Store;
pub use table::{SCHEMA_VERSION, Table};
pub use writer::Writer;
