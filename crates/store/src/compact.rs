//! Merges small neighbouring partitions of a day into larger ones.
//!
//! Sealing every few minutes makes many small files, which compress badly and are slow
//! to open by the hundred. Merging in two steps, runs of small ones during the day and
//! the whole day when it is over, writes each row about three times in all.

use crate::layout::{Day, JournalFile, PartitionFile, SeqRange};
use crate::partition::{PartitionReader, PartitionWriter};
use crate::store::Shared;
use crate::{Problem, StoreError, Table, io, recovery};

/// So many small neighbours are merged while their day is not over.
const RUN: usize = 8;
/// A partition is small below this share of the size that is aimed at.
const SMALL_SHARE: u64 = 16;

/// Merges what is worth merging. Returns what was found damaged on the way.
pub(crate) fn compact(shared: &Shared, table: Table) -> Result<Vec<Problem>, StoreError> {
    let mut problems = Vec::new();
    let target_bytes = shared.config.compact_bytes;
    if target_bytes == 0 {
        return Ok(problems);
    }
    loop {
        let journals = shared.layout.list_journals(table)?;
        let partitions = shared.layout.list_partitions(table)?;
        let Some(run) = next_run(&partitions, &journals, target_bytes) else {
            return Ok(problems);
        };
        match merge(shared, table, run) {
            Ok(()) => {}
            Err(StoreError::Damaged { path, reason }) if run.iter().any(|p| p.path == path) => {
                let what = StoreError::damaged(&path, reason).to_string();
                problems.push(recovery::set_aside(&shared.layout, &path, &what)?);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The first run of neighbours that is worth merging; `partitions` are sorted by day
/// and number.
fn next_run<'a>(
    partitions: &'a [PartitionFile],
    journals: &[JournalFile],
    target_bytes: u64,
) -> Option<&'a [PartitionFile]> {
    let newest = partitions.iter().map(|p| (p.seqs.last, p.day)).max()?.1;
    partitions
        .chunk_by(|a, b| a.day == b.day)
        .find_map(|day| next_run_of_day(day, newest, journals, target_bytes))
}

fn next_run_of_day<'a>(
    day: &'a [PartitionFile],
    newest: Day,
    journals: &[JournalFile],
    target_bytes: u64,
) -> Option<&'a [PartitionFile]> {
    let is_over = day.first()?.day != newest;
    let (run_min, size_max) = match is_over {
        true => (2, target_bytes),
        false => (RUN, target_bytes / SMALL_SHARE),
    };
    for start in 0..day.len() {
        let mut bytes = 0;
        let run = day[start..].iter().take_while(|p| {
            bytes += p.size_bytes;
            let seqs = SeqRange {
                first: day[start].seqs.first,
                last: p.seqs.last,
            };
            // A merged partition covers the numbers between its parts, so no journal
            // that is still to be sealed may lie there.
            let is_free = !journals.iter().any(|j| seqs.contains(j.first_seq));
            p.size_bytes <= size_max && bytes <= target_bytes && is_free
        });
        let length = run.count();
        if length >= run_min {
            return Some(&day[start..start + length]);
        }
    }
    None
}

/// Writes one partition with the rows of all and then removes them. After a crash in
/// between they are known as parts of the larger one and removed at the next start.
fn merge(shared: &Shared, table: Table, run: &[PartitionFile]) -> Result<(), StoreError> {
    let [first, .., last] = run else {
        return Ok(());
    };
    let seqs = SeqRange {
        first: first.seqs.first,
        last: last.seqs.last,
    };
    let (day, host) = (first.day, &shared.host);
    let mut writer = PartitionWriter::create(&shared.layout, table, day, seqs.first, host)?;
    for part in run {
        let mut rows = PartitionReader::open(&part.path, table)?;
        while let Some(batch) = rows.next_batch()? {
            writer.write(&batch)?;
        }
    }
    writer.finish(seqs)?;
    for part in run {
        io::remove(&part.path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(day: i64, first: u64, last: u64, size_bytes: u64) -> PartitionFile {
        PartitionFile {
            day: Day(day),
            seqs: SeqRange { first, last },
            path: format!("{day}/{first}").into(),
            size_bytes,
        }
    }

    fn firsts(run: Option<&[PartitionFile]>) -> Vec<u64> {
        run.unwrap_or_default()
            .iter()
            .map(|p| p.seqs.first)
            .collect()
    }

    #[test]
    fn a_day_that_is_over_is_merged_up_to_the_target() {
        let partitions = [
            partition(1, 1, 9, 90),
            partition(1, 10, 19, 40),
            partition(1, 20, 29, 50),
            partition(1, 30, 39, 50),
            partition(2, 40, 49, 1),
        ];
        assert_eq!(firsts(next_run(&partitions, &[], 100)), [10, 20]);
        assert_eq!(firsts(next_run(&partitions[..1], &[], 100)), [0; 0]);
    }

    #[test]
    fn the_newest_day_waits_for_a_long_run_of_small_ones() {
        let mut partitions: Vec<_> = (0..7)
            .map(|i| partition(1, i * 10, i * 10 + 9, 5))
            .collect();
        assert_eq!(firsts(next_run(&partitions, &[], 100)), [0; 0]);
        partitions.push(partition(1, 70, 79, 7));
        assert_eq!(
            firsts(next_run(&partitions, &[], 100)),
            [0; 0],
            "the last is large"
        );
        partitions[7].size_bytes = 6;
        assert_eq!(firsts(next_run(&partitions, &[], 100)).len(), 8);
    }

    #[test]
    fn a_journal_in_between_keeps_its_neighbours_apart() {
        let partitions = [
            partition(1, 1, 9, 10),
            partition(1, 20, 29, 10),
            partition(1, 30, 39, 10),
            partition(2, 40, 49, 1),
        ];
        let journal = JournalFile {
            first_seq: 10,
            path: "journal".into(),
            size_bytes: 1,
        };
        assert_eq!(firsts(next_run(&partitions, &[journal], 100)), [20, 30]);
    }
}
