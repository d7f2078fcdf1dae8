//! What is counted of executables, digests and packages.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sentinel_event::Outcome;

const OUTCOMES: usize = Outcome::ALL.len();

/// Counters shared between the pipeline, the worker and whoever asks.
#[derive(Default)]
pub struct Stats {
    waiting: AtomicU64,
    dropped_total: AtomicU64,
    outcomes: [AtomicU64; OUTCOMES],
    hashed_bytes_total: AtomicU64,
    package_count: AtomicU64,
    package_files: AtomicU64,
    package_files_left_out: AtomicU64,
}

/// All counters at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// Executables that are remembered.
    pub executables: u64,
    /// Executables that wait for their digest.
    pub waiting: u64,
    /// Executables that found the queue full.
    pub dropped_total: u64,
    /// Answers by outcome.
    pub outcomes: [(Outcome, u64); OUTCOMES],
    /// Bytes that went through digests.
    pub hashed_bytes_total: u64,
    /// Packages that are known.
    pub packages: u64,
    /// Files of packages that are known.
    pub package_files: u64,
    /// Files of packages for which there was no room.
    pub package_files_left_out: u64,
}

impl Stats {
    pub(super) fn count_waiting(&self) {
        self.waiting.fetch_add(1, Relaxed);
    }

    pub(super) fn count_dropped(&self) {
        self.dropped_total.fetch_add(1, Relaxed);
    }

    pub(super) fn count_answer(&self, outcome: Outcome, hashed_bytes: u64) {
        self.waiting.fetch_sub(1, Relaxed);
        self.outcomes[outcome as usize].fetch_add(1, Relaxed);
        self.hashed_bytes_total.fetch_add(hashed_bytes, Relaxed);
    }

    pub(super) fn set_packages(&self, packages: usize, files: usize, left_out: usize) {
        self.package_count.store(packages as u64, Relaxed);
        self.package_files.store(files as u64, Relaxed);
        self.package_files_left_out.store(left_out as u64, Relaxed);
    }

    pub(super) fn snapshot(&self, executables: usize) -> StatsSnapshot {
        StatsSnapshot {
            executables: executables as u64,
            waiting: self.waiting.load(Relaxed),
            dropped_total: self.dropped_total.load(Relaxed),
            outcomes: std::array::from_fn(|at| (Outcome::ALL[at], self.outcomes[at].load(Relaxed))),
            hashed_bytes_total: self.hashed_bytes_total.load(Relaxed),
            packages: self.package_count.load(Relaxed),
            package_files: self.package_files.load(Relaxed),
            package_files_left_out: self.package_files_left_out.load(Relaxed),
        }
    }
}
