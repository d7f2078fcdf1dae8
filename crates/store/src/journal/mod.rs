//! The journal: an Arrow IPC stream that only grows, with a checksum in each message.
//!
//! Any Arrow reader reads it as a stream. The checksums lie in the padding that the
//! format allows behind each message's metadata, so they need no second file and no
//! framing of our own.

mod frame;
mod reader;
mod writer;

pub(crate) use reader::JournalReader;
pub(crate) use writer::{JournalWriter, TEMPORARY_EXTENSION};
