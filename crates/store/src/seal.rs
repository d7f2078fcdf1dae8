//! Turns a journal that is no longer written into partitions, one per day.
//!
//! Repeating it is harmless: the names follow from the journal's sequence numbers,
//! and a day whose partition exists is not written again. So a crash at any point
//! neither loses nor doubles rows.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::btree_set::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, RecordBatch, types};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;

use crate::journal::JournalReader;
use crate::layout::{Day, JournalFile, Layout, SeqRange};
use crate::partition::PartitionWriter;
use crate::{Problem, StoreError, Table, io, recovery};

/// Seals a journal and removes it, or sets it aside when a part of it was damaged.
/// What could be read is in the partitions either way.
pub(crate) fn seal(
    layout: &Layout,
    table: Table,
    journal: &JournalFile,
    host: &str,
) -> Result<Option<Problem>, StoreError> {
    let path = &journal.path;
    let mut reader = match JournalReader::open(path, table) {
        Ok(reader) => reader,
        Err(error) if error.is_unusable() => {
            return recovery::set_aside(layout, path, &error.to_string()).map(Some);
        }
        Err(error) => return Err(error),
    };
    let mut days = Days::new(layout, table, host, journal.first_seq)?;
    while let Some(batch) = reader.next_batch()? {
        days.write(&batch)?;
    }
    days.finish()?;
    match reader.damage() {
        None => io::remove(path).map(|()| None),
        Some(damage) => recovery::set_aside(layout, path, &damage).map(Some),
    }
}

/// The partitions that one journal is split into.
struct Days<'a> {
    layout: &'a Layout,
    table: Table,
    host: &'a str,
    seqs: SeqRange,
    writers: BTreeMap<Day, PartitionWriter<'a>>,
    /// Days whose partition was already written, before a crash.
    done: BTreeSet<Day>,
}

impl<'a> Days<'a> {
    fn new(
        layout: &'a Layout,
        table: Table,
        host: &'a str,
        first_seq: u64,
    ) -> Result<Days<'a>, StoreError> {
        let partitions = layout.list_partitions(table)?;
        let done = partitions.iter().filter(|p| p.seqs.contains(first_seq));
        Ok(Days {
            layout,
            table,
            host,
            seqs: SeqRange {
                first: first_seq,
                last: first_seq,
            },
            writers: BTreeMap::new(),
            done: done.map(|p| p.day).collect(),
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let last = seqs(batch).last().copied().unwrap_or_default();
        self.seqs.last = self.seqs.last.max(last);
        let days: Vec<Day> = times(batch).iter().map(|t| Day::of(*t)).collect();
        let mut distinct = days.clone();
        distinct.sort_unstable();
        distinct.dedup();
        for day in &distinct {
            if self.done.contains(day) {
                continue;
            }
            let writer = match self.writers.entry(*day) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(PartitionWriter::create(
                    self.layout,
                    self.table,
                    *day,
                    self.seqs.first,
                    self.host,
                )?),
            };
            if distinct.len() == 1 {
                writer.write(batch)?;
            } else {
                let part = rows_of(batch, &days, *day)
                    .map_err(|e| StoreError::damaged(&self.layout.table(self.table), e))?;
                writer.write(&part)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), StoreError> {
        for writer in self.writers.into_values() {
            writer.finish(self.seqs)?;
        }
        Ok(())
    }
}

fn rows_of(batch: &RecordBatch, days: &[Day], day: Day) -> Result<RecordBatch, ArrowError> {
    let wanted: BooleanArray = days.iter().map(|d| Some(*d == day)).collect();
    filter_record_batch(batch, &wanted)
}

/// The sequence numbers of a batch of either table.
pub(crate) fn seqs(batch: &RecordBatch) -> &[u64] {
    batch
        .column_by_name("seq")
        .and_then(|c| c.as_primitive_opt::<types::UInt64Type>())
        .map_or(&[], |c| c.values())
}

/// The times of a batch of either table.
pub(crate) fn times(batch: &RecordBatch) -> &[i64] {
    batch
        .column_by_name("time")
        .and_then(|c| c.as_primitive_opt::<types::TimestampNanosecondType>())
        .map_or(&[], |c| c.values())
}
