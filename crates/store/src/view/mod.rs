//! A table at one moment, read by columns and filtered: what a query engine needs.
//!
//! Its files are opened when the view is taken, so that every scan sees the same rows,
//! whatever the daemon seals, merges or deletes meanwhile.

mod filter;
mod live;
mod scan;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use filter::{Filter, Test};
pub use scan::Scan;

use crate::layout::{Day, Layout};
use crate::partition::SealedFile;
use crate::replay::TimeRange;
use crate::snapshot::Snapshot;
use crate::{StoreError, Table};
use live::LiveFile;

/// How often the files are listed again because one was sealed or merged meanwhile.
const ATTEMPTS: usize = 8;
/// What a row takes on disk, to guess how many there are before a file is read.
const SEALED_ROW_BYTES: u64 = 21;
const LIVE_ROW_BYTES: u64 = 52;

/// A table at one moment.
#[derive(Clone)]
pub struct View {
    files: Arc<Files>,
}

struct Files {
    table: Table,
    range: TimeRange,
    sealed: Vec<(SealedFile, u64)>,
    live: Vec<LiveFile>,
    snapshot: Snapshot,
    problems: Mutex<Vec<String>>,
    progress: Arc<Progress>,
}

/// How far the scans of a view are, in files; whoever waits may look at it meanwhile.
#[derive(Debug, Default)]
pub struct Progress {
    begun: AtomicU64,
    wanted: AtomicU64,
}

impl Progress {
    /// The files that were begun, and all that the scans so far want.
    pub fn files(&self) -> (u64, u64) {
        let begun = self.begun.load(Ordering::Relaxed);
        (begun, self.wanted.load(Ordering::Relaxed).max(begun))
    }
}

impl View {
    /// Opens the files of a table that may hold rows of the range.
    ///
    /// # Errors
    /// When the folder is not there, or cannot be listed or read.
    pub fn take(data_dir: &Path, table: Table, range: TimeRange) -> Result<View, StoreError> {
        let layout = Layout::new(data_dir);
        crate::io::open(&layout.table(table))?;
        let mut attempt = 1;
        loop {
            match open(&layout, table, range) {
                Err(error) if error.is_not_found() && attempt < ATTEMPTS => attempt += 1,
                files => {
                    let files = Arc::new(files?);
                    return Ok(View { files });
                }
            }
        }
    }

    /// The table.
    pub fn table(&self) -> Table {
        self.files.table
    }

    /// About how many rows there are.
    pub fn rows_estimate(&self) -> u64 {
        let sealed = self.files.sealed.iter();
        let sealed = sealed.map(|(file, bytes)| file.rows().unwrap_or(bytes / SEALED_ROW_BYTES));
        let live = self.files.live.iter();
        let live = live.map(|file| file.size_bytes / LIVE_ROW_BYTES);
        sealed.chain(live).sum()
    }

    /// The rows of the range that pass all filters, in the order of the files. Batches
    /// have `columns`, positions in the table's schema, in this order; texts may come
    /// as dictionaries. Raising `stop` ends the scan early.
    pub fn scan(&self, columns: &[usize], filters: Vec<Filter>, stop: Arc<AtomicBool>) -> Scan {
        Scan::new(Arc::clone(&self.files), columns, filters, stop)
    }

    /// How far its scans are.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.files.progress)
    }

    /// What was left out because it is damaged, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let problems = self.files.problems.lock();
        problems.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Files {
    /// Notes damage, once.
    fn report(&self, sentence: String) {
        let problems = self.problems.lock();
        let mut problems = problems.unwrap_or_else(PoisonError::into_inner);
        if !problems.contains(&sentence) {
            problems.push(sentence);
        }
    }
}

fn open(layout: &Layout, table: Table, range: TimeRange) -> Result<Files, StoreError> {
    let snapshot = Snapshot::take(layout, table)?;
    let days = Day::of(range.from_ns)..=Day::of(range.until_ns);
    let partitions = snapshot.partitions.iter();
    let partitions = partitions.filter(|p| days.contains(&p.day));
    let sealed = partitions.map(|p| Ok((SealedFile::open(&p.path, table)?, p.size_bytes)));
    let journals = snapshot.journals.iter();
    let live = journals.map(|j| LiveFile::open(&j.path, j.first_seq));
    Ok(Files {
        table,
        range,
        sealed: sealed.collect::<Result<_, StoreError>>()?,
        live: live.collect::<Result<_, StoreError>>()?,
        snapshot,
        problems: Mutex::default(),
        progress: Arc::default(),
    })
}
