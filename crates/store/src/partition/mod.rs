//! Partitions: Parquet files that never change once they have their name.

mod checksum;
mod positioned;
mod properties;
mod reader;
mod sealed;
mod writer;

pub(crate) use reader::{PartitionReader, check, verify};
pub(crate) use sealed::{SealedFile, assemble};
pub(crate) use writer::{PartitionWriter, TEMPORARY_SUFFIX};
