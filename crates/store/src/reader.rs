//! Reads alerts back, from journals and partitions alike, while the daemon writes.

use std::path::Path;

use crate::alerts::{AlertRecord, decode};
use crate::journal::JournalReader;
use crate::layout::Layout;
use crate::partition::PartitionReader;
use crate::snapshot::Snapshot;
use crate::{StoreError, Table};

/// How often a listing is repeated because a file was sealed or compacted meanwhile.
const ATTEMPTS: usize = 8;

/// The first `limit` alerts whose number is above `after_seq`, in the order of their
/// numbers. Alerts that are not flushed yet are not among them. A damaged file is left
/// out with a warning in the log, so that it does not hide the others.
///
/// # Errors
/// When a file cannot be read.
pub fn alerts_after(
    data_dir: &Path,
    after_seq: u64,
    limit: usize,
) -> Result<Vec<AlertRecord>, StoreError> {
    let layout = Layout::new(data_dir);
    let mut attempt = 1;
    loop {
        match read_once(&layout, after_seq, limit) {
            Err(error) if error.is_not_found() && attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

fn read_once(
    layout: &Layout,
    after_seq: u64,
    limit: usize,
) -> Result<Vec<AlertRecord>, StoreError> {
    let snapshot = Snapshot::take(layout, Table::Alerts)?;
    let mut found = Found {
        after_seq,
        limit,
        alerts: Vec::new(),
    };
    let mut partitions: Vec<_> = snapshot.partitions.iter().collect();
    partitions.sort_by_key(|p| p.seqs);
    for file in partitions {
        if file.seqs.last <= after_seq || found.is_full_before(file.seqs.first) {
            continue;
        }
        skip_damaged(read_partition(&file.path, &mut found))?;
    }
    for file in &snapshot.journals {
        if !found.is_full_before(file.first_seq) {
            skip_damaged(read_journal(&file.path, &snapshot, &mut found))?;
        }
    }
    Ok(found.alerts)
}

fn skip_damaged(result: Result<(), StoreError>) -> Result<(), StoreError> {
    match result {
        Err(error) if error.is_unusable() => {
            tracing::warn!("{error}");
            Ok(())
        }
        other => other,
    }
}

fn read_partition(path: &Path, found: &mut Found) -> Result<(), StoreError> {
    let mut rows = PartitionReader::open(path, Table::Alerts)?;
    while let Some(batch) = rows.next_batch()? {
        found.add(decode(&batch).map_err(|e| StoreError::damaged(path, e))?);
    }
    Ok(())
}

fn read_journal(path: &Path, snapshot: &Snapshot, found: &mut Found) -> Result<(), StoreError> {
    let mut journal = JournalReader::open(path, Table::Alerts)?;
    while let Some(batch) = journal.next_batch()? {
        let mut alerts = decode(&batch).map_err(|e| StoreError::damaged(path, e))?;
        alerts.retain(|a| !snapshot.is_sealed(a.time_ns, a.seq));
        found.add(alerts);
    }
    Ok(())
}

/// The lowest numbers found so far, sorted.
struct Found {
    after_seq: u64,
    limit: usize,
    alerts: Vec<AlertRecord>,
}

impl Found {
    fn add(&mut self, mut alerts: Vec<AlertRecord>) {
        alerts.retain(|alert| alert.seq > self.after_seq);
        self.alerts.append(&mut alerts);
        self.alerts.sort_by_key(|alert| alert.seq);
        self.alerts.truncate(self.limit);
    }

    /// Whether numbers from `first_seq` on can add nothing.
    fn is_full_before(&self, first_seq: u64) -> bool {
        self.alerts.len() >= self.limit
            && self.alerts.last().is_none_or(|last| last.seq < first_seq)
    }
}
