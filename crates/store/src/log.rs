//! The growing end of one table: its journal, when it is flushed to disk and when it
//! has grown enough to be sealed.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;

use crate::journal::JournalWriter;
use crate::seal::seqs;
use crate::stats::lock;
use crate::store::Shared;
use crate::{Fsync, StoreError, Table, io};

pub(crate) struct Log {
    shared: Arc<Shared>,
    table: Table,
    journal: Option<JournalWriter>,
    synced_at: Instant,
}

impl Log {
    pub fn new(shared: Arc<Shared>, table: Table) -> Log {
        Log {
            shared,
            table,
            journal: None,
            synced_at: Instant::now(),
        }
    }

    /// Appends a batch to the journal, which is begun when there is none.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let Some(first_seq) = seqs(batch).first().copied() else {
            return Ok(());
        };
        self.check_reserve()?;
        let journal = match &mut self.journal {
            Some(journal) => journal,
            None => self
                .journal
                .insert(self.shared.begin_journal(self.table, first_seq)?),
        };
        let before = journal.size_bytes;
        let result = journal.append(batch);
        let grown = journal.size_bytes - before;
        self.shared.counters.journal_bytes.fetch_add(grown, Relaxed);
        if let Err(StoreError::Damaged { .. }) = result {
            // The torn end cannot be taken back; what lies before it will be sealed.
            self.roll();
        }
        result
    }

    /// Forces the journal to disk when the policy says so.
    pub fn sync_if_due(&mut self) -> Result<(), StoreError> {
        let interval = match self.shared.config.fsync {
            Fsync::Always => Duration::ZERO,
            Fsync::Interval => Duration::from_millis(self.shared.config.fsync_interval_ms),
            Fsync::Never => return Ok(()),
        };
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        if self.synced_at.elapsed() >= interval {
            self.synced_at = Instant::now();
            journal.sync()?;
        }
        Ok(())
    }

    /// Whether the journal is old or large enough to be sealed.
    pub fn is_full(&self) -> bool {
        let config = &self.shared.config;
        self.journal.as_ref().is_some_and(|journal| {
            journal.begun.elapsed() >= Duration::from_secs(config.seal_interval_s)
                || journal.rows >= config.segment_rows
                || journal.size_bytes >= config.segment_bytes
        })
    }

    /// Ends the journal, so that it can be sealed. The next append begins a new one.
    pub fn roll(&mut self) {
        if let Some(journal) = self.journal.take() {
            let counters = &self.shared.counters;
            counters
                .journal_bytes
                .fetch_sub(journal.size_bytes, Relaxed);
            counters
                .settled_bytes
                .fetch_add(journal.size_bytes, Relaxed);
            lock(&self.shared.live).retain(|path| path != journal.path());
        }
    }

    fn check_reserve(&self) -> Result<(), StoreError> {
        let reserve_bytes = self.shared.config.min_free_bytes;
        if reserve_bytes == 0 {
            return Ok(());
        }
        let path = self.shared.layout.root();
        let free_bytes = io::free_bytes(path)?;
        if free_bytes < reserve_bytes {
            return Err(StoreError::Full {
                path: path.to_owned(),
                free_bytes,
                reserve_bytes,
            });
        }
        Ok(())
    }
}
