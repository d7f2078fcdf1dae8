//! A table as files and rows, for engines that read Parquet by themselves.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::journal::JournalReader;
use crate::layout::{Day, Layout};
use crate::snapshot::Snapshot;
use crate::{StoreError, Table};

/// A table at one moment: each row is either in one of the partitions or live.
#[derive(Clone)]
pub struct View {
    table: Table,
    snapshot: Arc<Snapshot>,
}

impl View {
    /// Lists the files of a table. They are not opened, and the daemon may replace
    /// them meanwhile; see [`StoreError::is_not_found`].
    ///
    /// # Errors
    /// When the folder is not there or cannot be listed.
    pub fn take(data_dir: &Path, table: Table) -> Result<View, StoreError> {
        let layout = Layout::new(data_dir);
        crate::io::open(&layout.table(table))?;
        let snapshot = Arc::new(Snapshot::take(&layout, table)?);
        Ok(View { table, snapshot })
    }

    /// The partitions that may hold rows from `from_ns` on, in nanoseconds since the
    /// Unix epoch.
    pub fn partitions(&self, from_ns: i64) -> Vec<PathBuf> {
        let from = Day::of(from_ns);
        let partitions = self.snapshot.partitions.iter();
        let partitions = partitions.filter(|p| p.day >= from);
        partitions.map(|p| p.path.clone()).collect()
    }

    /// The rows that are in no partition yet, journal by journal.
    pub fn live_rows(&self) -> LiveRows {
        let journals = self.snapshot.journals.iter().map(|j| j.path.clone());
        LiveRows {
            table: self.table,
            snapshot: Arc::clone(&self.snapshot),
            journals: journals.collect(),
            open: None,
        }
    }
}

/// Rows of journals. An error stands for a journal that cannot be read; the others
/// follow.
pub struct LiveRows {
    table: Table,
    snapshot: Arc<Snapshot>,
    journals: VecDeque<PathBuf>,
    open: Option<JournalReader>,
}

impl Iterator for LiveRows {
    type Item = Result<RecordBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(journal) = &mut self.open else {
                let path = self.journals.pop_front()?;
                match JournalReader::open(&path, self.table) {
                    Ok(journal) => self.open = Some(journal),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            match journal.next_batch() {
                Ok(Some(batch)) => return Some(Ok(self.snapshot.unsealed(batch))),
                Ok(None) => self.open = None,
                Err(error) => {
                    self.open = None;
                    return Some(Err(error));
                }
            }
        }
    }
}
