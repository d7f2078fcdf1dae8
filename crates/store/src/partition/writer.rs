//! Writes one partition under a temporary name; it gets its own when it is on disk.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use super::checksum::SummedFile;
use super::properties::properties;
use crate::layout::{Day, Layout, SeqRange};
use crate::{StoreError, Table, io};

/// What names that are not partitions yet end with.
pub(crate) const TEMPORARY_SUFFIX: &str = ".parquet.tmp";

/// A partition that is being written. Dropping it removes what was written.
pub(crate) struct PartitionWriter<'a> {
    layout: &'a Layout,
    table: Table,
    day: Day,
    temporary: PathBuf,
    writer: Option<ArrowWriter<SummedFile>>,
}

impl PartitionWriter<'_> {
    /// Begins a partition for rows of `day`; `first_seq` only makes its temporary
    /// name unique.
    pub fn create<'a>(
        layout: &'a Layout,
        table: Table,
        day: Day,
        first_seq: u64,
        host: &str,
    ) -> Result<PartitionWriter<'a>, StoreError> {
        let folder = layout.day(table, day);
        if !folder.is_dir() {
            io::create_folder(&folder)?;
            io::sync_folder(&layout.table(table))?;
        }
        let temporary = folder.join(format!(".{first_seq:020}{TEMPORARY_SUFFIX}"));
        io::remove(&temporary)?;
        let file = SummedFile::new(io::create_new(&temporary)?);
        let writer = ArrowWriter::try_new(file, table.schema(), Some(properties(table, host)));
        let writer = writer.map_err(|e| write_error(&temporary, e))?;
        Ok(PartitionWriter {
            layout,
            table,
            day,
            temporary,
            writer: Some(writer),
        })
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        match &mut self.writer {
            Some(writer) => writer
                .write(batch)
                .map_err(|e| write_error(&self.temporary, e)),
            None => Ok(()),
        }
    }

    /// Puts the partition on disk and gives it its name.
    pub fn finish(mut self, seqs: SeqRange) -> Result<PathBuf, StoreError> {
        let path = self.layout.partition(self.table, self.day, seqs);
        let Some(mut writer) = self.writer.take() else {
            return Ok(path);
        };
        let finished = add_checksum(&mut writer).and_then(|()| writer.into_inner());
        let result = finished
            .map_err(|e| write_error(&self.temporary, e))
            .and_then(|file| {
                file.sync()
                    .map_err(|e| StoreError::io("sync", &self.temporary, e))
            })
            .and_then(|()| io::rename(&self.temporary, &path));
        if let Err(error) = result {
            let _ = io::remove(&self.temporary);
            return Err(error);
        }
        io::sync_folder(&self.layout.day(self.table, self.day))?;
        Ok(path)
    }
}

impl Drop for PartitionWriter<'_> {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            // What cannot be removed now is removed when the store is opened.
            let _ = io::remove(&self.temporary);
        }
    }
}

/// Notes the sum of all rows in the footer, which is still to be written.
fn add_checksum(writer: &mut ArrowWriter<SummedFile>) -> Result<(), ParquetError> {
    writer.flush()?;
    writer.sync()?;
    let checksum = writer.inner().checksum();
    writer.append_key_value_metadata(checksum);
    Ok(())
}

fn write_error(path: &Path, error: ParquetError) -> StoreError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) => StoreError::io("write", path, *error),
            Err(other) => StoreError::damaged(path, other),
        },
        other => StoreError::damaged(path, other),
    }
}
