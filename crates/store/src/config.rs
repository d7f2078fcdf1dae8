//! What can be set about the store, with defaults that work.

use serde::{Deserialize, Serialize};

/// Settings of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Rows are written to the journal at least this often, in milliseconds. A
    /// killed daemon loses no more than this; a power cut, see `fsync`.
    pub flush_interval_ms: u64,
    /// When the journal is forced to the disk itself.
    pub fsync: Fsync,
    /// With `fsync = "interval"`: the journal is forced to disk at most this often,
    /// in milliseconds.
    pub fsync_interval_ms: u64,
    /// A journal becomes a Parquet partition after this time, in seconds.
    pub seal_interval_s: u64,
    /// A journal of this many rows is sealed at once.
    pub segment_rows: u64,
    /// A journal of this many bytes is sealed at once.
    pub segment_bytes: u64,
    /// Rows are written to the journal as soon as this many wait, without waiting
    /// for the interval; bounds the memory for rows that are not on disk yet.
    pub flush_rows: usize,
    /// Small neighbouring partitions of a day are merged into files of up to this many
    /// bytes, in the background; 0 leaves them as they are.
    pub compact_bytes: u64,
    /// Partitions older than this many days are deleted; 0 keeps them for ever.
    pub retention_days: u32,
    /// The oldest event partitions are deleted while all files together take more
    /// bytes than this; 0 sets no limit.
    pub retention_bytes: u64,
    /// Nothing is written while the file system has fewer free bytes than this, so
    /// that the sensor never takes the host's last space.
    pub min_free_bytes: u64,
    /// Batches that may wait for the disk before events are dropped and counted. Under
    /// load a batch holds some 2,000 events of 0.6 KB, so 64 of them take 80 MB at most.
    pub queue_batches: usize,
    /// Alerts that may wait for the disk before alerts are dropped and counted.
    pub queue_alerts: usize,
}

/// When the journal is forced to the disk itself (fdatasync). Partitions always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fsync {
    /// After each flush: a power cut loses no more than `flush_interval_ms`.
    Always,
    /// At most once per `fsync_interval_ms`.
    Interval,
    /// Left to the kernel: a power cut may lose what it had not written back.
    Never,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            flush_interval_ms: 1_000,
            fsync: Fsync::Interval,
            fsync_interval_ms: 5_000,
            seal_interval_s: 900,
            segment_rows: 1_000_000,
            segment_bytes: 256 << 20,
            flush_rows: 8_192,
            compact_bytes: 128 << 20,
            retention_days: 30,
            retention_bytes: 10 << 30,
            min_free_bytes: 256 << 20,
            queue_batches: 64,
            queue_alerts: 4_096,
        }
    }
}
