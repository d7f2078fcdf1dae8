//! Partitions: Parquet files that never change once they have their name.

mod properties;
mod reader;
mod writer;

pub(crate) use reader::{check, read, read_dictionaries};
pub(crate) use writer::{PartitionWriter, TEMPORARY_SUFFIX};
