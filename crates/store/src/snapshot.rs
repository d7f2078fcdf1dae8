//! A consistent view of a table's files while the daemon goes on writing.
//!
//! Journals are listed before partitions: a journal that is sealed in between shows
//! up as both, and its rows are then taken from the partition only.

use crate::layout::{Day, JournalFile, Layout, PartitionFile};
use crate::recovery::superseded;
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
}
