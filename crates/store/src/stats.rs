//! The store's counters: written by its threads, read by whoever asks.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A snapshot of the store's state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// The data folder.
    pub path: PathBuf,
    /// Bytes on disk, journals and files set aside included.
    pub size_bytes: u64,
    /// Parquet partitions of both tables.
    pub partitions: u64,
    /// Events written since the store was opened.
    pub written_total: u64,
    /// Events given up: the queue was full, or the disk refused them.
    pub dropped_total: u64,
    /// Alerts written since the store was opened.
    pub alerts_written_total: u64,
    /// Alerts given up.
    pub alerts_dropped_total: u64,
    /// Batches and alerts that wait now.
    pub queue_depth: u64,
    /// Batches that fit into the queue.
    pub queue_capacity: u64,
    /// Events among `dropped_total` that were given up because the queue was full.
    pub queue_dropped_total: u64,
    /// Why writing or sealing fails now, in one sentence; `None` while all is well.
    pub problem: Option<String>,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub events_written: AtomicU64,
    pub events_dropped: AtomicU64,
    /// The number of the last event that was written, or given up.
    pub settled_seq: AtomicU64,
    pub alerts_written: AtomicU64,
    pub alerts_dropped: AtomicU64,
    /// Bytes in partitions, closed journals and the quarantine.
    pub settled_bytes: AtomicU64,
    /// Bytes in the journals that are being written.
    pub journal_bytes: AtomicU64,
    pub partitions: AtomicU64,
    /// Why the journal cannot be written.
    pub write_problem: Mutex<Option<String>>,
    /// Why journals cannot be sealed or old files removed.
    pub upkeep_problem: Mutex<Option<String>>,
}

impl Counters {
    pub fn snapshot(&self, path: PathBuf) -> Stats {
        let problem = lock(&self.write_problem)
            .clone()
            .or_else(|| lock(&self.upkeep_problem).clone());
        Stats {
            path,
            size_bytes: self.settled_bytes.load(Relaxed) + self.journal_bytes.load(Relaxed),
            partitions: self.partitions.load(Relaxed),
            written_total: self.events_written.load(Relaxed),
            dropped_total: self.events_dropped.load(Relaxed),
            alerts_written_total: self.alerts_written.load(Relaxed),
            alerts_dropped_total: self.alerts_dropped.load(Relaxed),
            problem,
            ..Stats::default()
        }
    }
}

/// Locks without regard to a panic elsewhere: what these locks guard is whole after
/// every single statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
