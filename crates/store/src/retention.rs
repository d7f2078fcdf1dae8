//! How long history is kept: by age and by bytes, oldest first.
//!
//! The newest partition of each table always stays, because its name carries the
//! sequence number that the next run continues from.

use std::time::{Duration, Instant};

use crate::layout::{Day, PartitionFile, entries};
use crate::store::Shared;
use crate::{StoreError, Table, io};

/// A wrong clock must not delete the history, so a leap of the clock by more than
/// this suspends retention by age.
const LEAP: Duration = Duration::from_secs(3_600);
/// How long it stays suspended: time for a wrong clock to be noticed and set right.
const SUSPENDED: Duration = Duration::from_secs(86_400);

/// Compares the time of day with a clock that nobody can set.
#[derive(Default)]
pub(crate) struct ClockGuard {
    last: Option<(Instant, i64)>,
    leapt: Option<Instant>,
}

impl ClockGuard {
    /// Whether the time of day has gone forward as real time has, lately.
    pub fn is_trusted(&mut self, now_ns: i64) -> bool {
        let now = Instant::now();
        if let Some((then, then_ns)) = self.last {
            let real = i128::try_from(now.duration_since(then).as_nanos()).unwrap_or(i128::MAX);
            let shown = i128::from(now_ns) - i128::from(then_ns);
            if shown - real > LEAP.as_nanos() as i128 {
                self.leapt = Some(now);
            }
        }
        self.last = Some((now, now_ns));
        self.leapt.is_none_or(|at| at.elapsed() >= SUSPENDED)
    }
}

/// Deletes partitions, and files set aside, that are older than `retention_days`.
pub(crate) fn by_age(shared: &Shared, now_ns: i64) -> Result<(), StoreError> {
    let days = i64::from(shared.config.retention_days);
    if days == 0 {
        return Ok(());
    }
    let oldest_kept = Day(Day::of(now_ns).0 - days);
    for table in Table::ALL {
        for partition in removable(shared, table)? {
            if partition.day < oldest_kept {
                remove(shared, table, &partition)?;
            }
        }
    }
    for (_, path) in entries(&shared.layout.quarantine())? {
        let age = path.metadata().and_then(|m| m.modified()).ok();
        let age = age.and_then(|time| time.elapsed().ok()).unwrap_or_default();
        if age.as_secs() / 86_400 > u64::from(shared.config.retention_days) {
            io::remove(&path)?;
        }
    }
    Ok(())
}

/// Deletes files set aside and then the oldest event partitions until all files
/// together take no more than `retention_bytes`. Alerts are few and stay.
pub(crate) fn by_size(shared: &Shared) -> Result<(), StoreError> {
    let limit = shared.config.retention_bytes;
    if limit == 0 {
        return Ok(());
    }
    let mut total = 0;
    for table in Table::ALL {
        let partitions = shared.layout.list_partitions(table)?;
        let journals = shared.layout.list_journals(table)?;
        total += partitions.iter().map(|p| p.size_bytes).sum::<u64>();
        total += journals.iter().map(|j| j.size_bytes).sum::<u64>();
    }
    let mut aside = Vec::new();
    for (_, path) in entries(&shared.layout.quarantine())? {
        if let Ok(metadata) = path.metadata() {
            total += metadata.len();
            aside.push((metadata.modified().ok(), metadata.len(), path));
        }
    }
    aside.sort();
    for (_, size_bytes, path) in aside {
        if total <= limit {
            return Ok(());
        }
        io::remove(&path)?;
        total -= size_bytes;
    }
    for partition in removable(shared, Table::Events)? {
        if total <= limit {
            return Ok(());
        }
        remove(shared, Table::Events, &partition)?;
        total -= partition.size_bytes;
    }
    Ok(())
}

/// The partitions of a table in the order in which they were written, without the
/// newest. Not by day: after a wrong clock was set right, the newest rows may be in
/// the oldest day.
fn removable(shared: &Shared, table: Table) -> Result<Vec<PartitionFile>, StoreError> {
    let mut partitions = shared.layout.list_partitions(table)?;
    partitions.sort_by_key(|p| (p.seqs.last, p.day));
    partitions.pop();
    Ok(partitions)
}

/// Removes a partition, and its day's folder with the last one.
fn remove(shared: &Shared, table: Table, partition: &PartitionFile) -> Result<(), StoreError> {
    io::remove(&partition.path)?;
    // Refused while other partitions are in it, which is what is wanted.
    let _ = std::fs::remove_dir(shared.layout.day(table, partition.day));
    Ok(())
}
