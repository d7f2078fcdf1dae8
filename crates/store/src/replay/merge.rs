//! All files of the history as one run of rows by sequence number.
//!
//! Files of different days can hold numbers of one journal, in turn even, when the
//! clock was set; so open files are merged. A file is opened when its first number is
//! due, which keeps one or two open at a time.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use super::TimeRange;
use crate::journal::JournalReader;
use crate::layout::{Day, Layout};
use crate::partition::PartitionReader;
use crate::seal::seqs;
use crate::snapshot::Snapshot;
use crate::{StoreError, Table, io};

/// How often the files are listed again because one was sealed or compacted meanwhile.
const ATTEMPTS: usize = 8;

/// A file that is not open yet.
struct Part {
    first_seq: u64,
    path: PathBuf,
    is_journal: bool,
}

/// An open file and its next rows.
struct Cursor {
    path: PathBuf,
    rows: Rows,
    batch: RecordBatch,
}

enum Rows {
    Partition(Box<PartitionReader>),
    Journal(Box<JournalReader>),
}

pub(super) struct Merge {
    layout: Layout,
    range: TimeRange,
    snapshot: Snapshot,
    /// Files to come, the next one first.
    parts: VecDeque<Part>,
    open: Vec<Cursor>,
    /// The highest number that was given out.
    last_seq: Option<u64>,
    /// The file that the last rows came from.
    path: PathBuf,
    attempts: usize,
}

impl Merge {
    pub fn open(layout: Layout, range: TimeRange) -> Result<Merge, StoreError> {
        let snapshot = Snapshot::take(&layout, Table::Events)?;
        if snapshot.partitions.is_empty() && snapshot.journals.is_empty() {
            // Tells a folder without events from one that is not there at all.
            io::open(&layout.table(Table::Events))?;
        }
        let mut merge = Merge {
            path: layout.root().to_owned(),
            layout,
            range,
            parts: VecDeque::new(),
            snapshot,
            open: Vec::new(),
            last_seq: None,
            attempts: 0,
        };
        merge.list_parts();
        Ok(merge)
    }

    /// The file that the last rows came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next rows: numbers grow from one batch to the next and within it.
    pub fn next(&mut self) -> Option<Result<RecordBatch, StoreError>> {
        loop {
            match self.advance() {
                Ok(None) => return None,
                Ok(Some(rows)) if rows.num_rows() == 0 => {}
                Ok(Some(rows)) => return Some(Ok(rows)),
                // The file was sealed, compacted or deleted since it was listed: what
                // is left of the history is listed anew.
                Err(error) if error.is_not_found() && self.attempts < ATTEMPTS => {
                    self.attempts += 1;
                    if let Err(error) = self.list_again() {
                        return Some(Err(error));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn list_parts(&mut self) {
        let until = Day::of(self.range.until_ns);
        let partitions = self.snapshot.partitions.iter();
        let partitions = partitions
            .filter(|p| p.day <= until && self.last_seq.is_none_or(|last| p.seqs.last > last))
            .map(|p| Part {
                first_seq: p.seqs.first,
                path: p.path.clone(),
                is_journal: false,
            });
        let journals = self.snapshot.journals.iter().map(|j| Part {
            first_seq: j.first_seq,
            path: j.path.clone(),
            is_journal: true,
        });
        let mut parts: Vec<Part> = partitions.chain(journals).collect();
        parts.sort_by(|a, b| (a.first_seq, &a.path).cmp(&(b.first_seq, &b.path)));
        self.parts = parts.into();
    }

    fn list_again(&mut self) -> Result<(), StoreError> {
        self.snapshot = Snapshot::take(&self.layout, Table::Events)?;
        self.open.clear();
        self.list_parts();
        Ok(())
    }

    /// Takes one run of rows from the file whose next number is the lowest. `None` at
    /// the end of the history.
    fn advance(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        self.open_due()?;
        let heads = self.open.iter().map(|cursor| seqs(&cursor.batch)[0]);
        let Some((index, _)) = heads.enumerate().min_by_key(|(_, seq)| *seq) else {
            return Ok(None);
        };
        let others = self.open.iter().enumerate().filter(|(i, _)| *i != index);
        let others = others.map(|(_, cursor)| seqs(&cursor.batch)[0]);
        let limit = others
            .chain(self.parts.front().map(|part| part.first_seq))
            .min();
        let cursor = &mut self.open[index];
        let numbers = seqs(&cursor.batch);
        let length = limit.map_or(numbers.len(), |limit| {
            // A limit that is not above the head comes from a file that says it begins
            // earlier than it does; one row makes progress.
            numbers.partition_point(|seq| *seq < limit).max(1)
        });
        let rows = cursor.batch.slice(0, length);
        let rest = cursor.batch.slice(length, numbers.len() - length);
        self.path.clone_from(&cursor.path);
        self.last_seq = seqs(&rows).last().copied().or(self.last_seq);
        cursor.batch = rest;
        if cursor.batch.num_rows() == 0 {
            self.refill(index)?;
        }
        Ok(Some(rows))
    }

    /// Opens every file that may hold the next number.
    fn open_due(&mut self) -> Result<(), StoreError> {
        loop {
            let head = self.open.iter().map(|cursor| seqs(&cursor.batch)[0]).min();
            let Some(part) = self.parts.front() else {
                return Ok(());
            };
            if head.is_some_and(|head| part.first_seq > head) {
                return Ok(());
            }
            let rows = open_part(part);
            // Also after an error: a damaged file is reported once and left out.
            let not_found = matches!(&rows, Err(error) if error.is_not_found());
            let part = match not_found {
                true => return rows.map(drop),
                false => self.parts.pop_front(),
            };
            let (rows, path) = (rows?, part.map(|part| part.path).unwrap_or_default());
            self.open.push(Cursor {
                path,
                rows,
                batch: RecordBatch::new_empty(Table::Events.schema()),
            });
            self.refill(self.open.len() - 1)?;
        }
    }

    /// Reads a file's next rows that are not given out yet, or closes it.
    fn refill(&mut self, index: usize) -> Result<(), StoreError> {
        loop {
            let cursor = &mut self.open[index];
            let batch = match cursor.rows.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => {
                    self.open.swap_remove(index);
                    return Ok(());
                }
                Err(error) => {
                    self.open.swap_remove(index);
                    return Err(error);
                }
            };
            let batch = match &cursor.rows {
                Rows::Journal(_) => self.snapshot.unsealed(batch),
                Rows::Partition(_) => batch,
            };
            let skipped = match self.last_seq {
                Some(last) => seqs(&batch).partition_point(|seq| *seq <= last),
                None => 0,
            };
            if skipped < batch.num_rows() {
                self.open[index].batch = batch.slice(skipped, batch.num_rows() - skipped);
                return Ok(());
            }
        }
    }
}

fn open_part(part: &Part) -> Result<Rows, StoreError> {
    if part.is_journal {
        let journal = JournalReader::open(&part.path, Table::Events)?;
        return Ok(Rows::Journal(Box::new(journal)));
    }
    let partition = PartitionReader::open_dictionaries(&part.path, Table::Events)?;
    Ok(Rows::Partition(Box::new(partition)))
}

impl Rows {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        match self {
            Rows::Journal(journal) => journal.next_batch(),
            Rows::Partition(partition) => partition.next_batch(),
        }
    }
}
