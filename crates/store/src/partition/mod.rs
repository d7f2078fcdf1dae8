//! Partitions: Parquet files that never change once they have their name.

mod checksum;
mod properties;
mod reader;
mod writer;

pub(crate) use reader::{PartitionReader, check, verify};
pub(crate) use writer::{PartitionWriter, TEMPORARY_SUFFIX};
