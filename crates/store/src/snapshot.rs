//! A consistent view of a table's files while the daemon goes on writing.
//!
//! Journals are listed before partitions: a journal that is sealed in between shows
//! up as both, and its rows are then taken from the partition only.

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;

use crate::layout::{Day, JournalFile, Layout, PartitionFile};
use crate::recovery::superseded;
use crate::seal::{seqs, times};
use crate::{StoreError, Table};

/// The files of a table at one moment.
pub(crate) struct Snapshot {
    /// Partitions by day and number; none is part of another.
    pub partitions: Vec<PartitionFile>,
    /// Journals, oldest first.
    pub journals: Vec<JournalFile>,
}

impl Snapshot {
    pub fn take(layout: &Layout, table: Table) -> Result<Snapshot, StoreError> {
        let journals = layout.list_journals(table)?;
        let mut partitions = layout.list_partitions(table)?;
        let superseded: Vec<PartitionFile> = superseded(&partitions).into_iter().cloned().collect();
        partitions.retain(|p| !superseded.contains(p));
        Ok(Snapshot {
            partitions,
            journals,
        })
    }

    /// Whether a partition holds this row of a journal.
    pub fn is_sealed(&self, time_ns: i64, seq: u64) -> bool {
        let day = Day::of(time_ns);
        self.partitions
            .iter()
            .any(|p| p.day == day && p.seqs.contains(seq))
    }

    /// The rows of a journal's batch that no partition holds.
    pub fn unsealed(&self, batch: RecordBatch) -> RecordBatch {
        let rows = times(&batch).iter().zip(seqs(&batch));
        let keep: BooleanArray = rows
            .map(|(time_ns, seq)| Some(!self.is_sealed(*time_ns, *seq)))
            .collect();
        if keep.true_count() == batch.num_rows() {
            return batch;
        }
        filter_record_batch(&batch, &keep).unwrap_or(batch)
    }
}
