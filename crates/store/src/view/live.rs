//! A journal as it was when the view was taken, read by columns and filtered.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;

use super::{Files, Filter};
use crate::journal::JournalReader;
use crate::layout::{Day, PartitionFile};
use crate::partition::assemble;
use crate::seal::{seqs, times};
use crate::{StoreError, io};

/// An open journal.
pub(super) struct LiveFile {
    path: PathBuf,
    file: Arc<File>,
    pub size_bytes: u64,
    first_seq: u64,
}

impl LiveFile {
    pub fn open(path: &Path, first_seq: u64) -> Result<LiveFile, StoreError> {
        let file = io::open(path)?;
        let metadata = file.metadata();
        Ok(LiveFile {
            path: path.to_owned(),
            size_bytes: metadata.map_err(|e| StoreError::io("read", path, e))?.len(),
            file: Arc::new(file),
            first_seq,
        })
    }

    /// Reads the journal and gives each batch of wanted rows away, until `give` says
    /// that nobody wants more.
    pub fn read(
        &self,
        files: &Files,
        columns: &[usize],
        filters: &[Filter],
        mut give: impl FnMut(RecordBatch) -> bool,
    ) -> Result<(), StoreError> {
        let schema = files.table.schema();
        let mut journal = JournalReader::over(
            Arc::clone(&self.file),
            self.size_bytes,
            &self.path,
            files.table,
        )?;
        // Rows are told from sealed ones by time and number.
        let own = ["time", "seq"]
            .into_iter()
            .filter_map(|n| schema.index_of(n).ok());
        let needed = columns
            .iter()
            .copied()
            .chain(filters.iter().map(|f| f.column));
        let mut needed: Vec<usize> = needed.chain(own).collect();
        needed.sort_unstable();
        needed.dedup();
        let names = columns.iter().map(|c| schema.field(*c).name().clone());
        let rows = LiveRows {
            filters,
            sealed: self.sealed_after(files),
            at: |column| needed.binary_search(&column).unwrap_or_default(),
            columns,
            names: names.collect(),
        };
        journal.project(needed.clone());
        while let Some(batch) = journal.next_batch()? {
            let wanted = rows.wanted(&batch);
            let wanted = wanted.map_err(|e| StoreError::damaged(&self.path, e))?;
            if wanted.num_rows() > 0 && !give(wanted) {
                return Ok(());
            }
        }
        // A torn tail is a batch that the daemon was just writing.
        if let Some(damage) = journal.changed() {
            files.report(damage);
        }
        Ok(())
    }

    /// The partitions that may hold rows of this journal: normally none.
    fn sealed_after<'a>(&self, files: &'a Files) -> Vec<&'a PartitionFile> {
        let partitions = files.snapshot.partitions.iter();
        partitions
            .filter(|p| p.seqs.last >= self.first_seq)
            .collect()
    }
}

/// How batches of a journal become rows that were asked for.
struct LiveRows<'a, At> {
    filters: &'a [Filter],
    sealed: Vec<&'a PartitionFile>,
    /// Where a column of the table lies in a batch.
    at: At,
    columns: &'a [usize],
    names: Vec<String>,
}

impl<At: Fn(usize) -> usize> LiveRows<'_, At> {
    fn wanted(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut mask: Option<BooleanArray> = None;
        if !self.sealed.is_empty() {
            let rows = times(batch).iter().zip(seqs(batch));
            let is_live = |(time_ns, seq): (&i64, &u64)| !self.is_sealed(*time_ns, *seq);
            mask = Some(rows.map(|row| Some(is_live(row))).collect());
        }
        for filter in self.filters {
            let passing = filter.test.mask(batch.column((self.at)(filter.column)));
            mask = Some(match mask {
                Some(mask) => BooleanArray::from(mask.values() & passing.values()),
                None => passing,
            });
        }
        let batch = match mask {
            Some(mask) if mask.true_count() < batch.num_rows() => {
                filter_record_batch(batch, &mask)?
            }
            _ => batch.clone(),
        };
        let columns = self.columns.iter();
        let columns = columns.map(|c| Arc::clone(batch.column((self.at)(*c))));
        assemble(&self.names, columns.collect(), batch.num_rows())
    }

    fn is_sealed(&self, time_ns: i64, seq: u64) -> bool {
        let day = Day::of(time_ns);
        let mut sealed = self.sealed.iter();
        sealed.any(|p| p.day == day && p.seqs.contains(seq))
    }
}
