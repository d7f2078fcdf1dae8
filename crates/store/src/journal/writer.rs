//! Appends batches to one journal file, whole or not at all.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use super::frame::Encoder;
use crate::{StoreError, Table, io};

/// What the name of a journal that has no header yet ends with.
pub(crate) const TEMPORARY_EXTENSION: &str = "tmp";

/// A journal that is being written.
pub(crate) struct JournalWriter {
    path: PathBuf,
    file: File,
    encoder: Encoder,
    /// When the journal was begun.
    pub begun: Instant,
    /// Bytes in the file, all of them whole messages.
    pub size_bytes: u64,
    /// Rows in the file.
    pub rows: u64,
    synced: bool,
}

impl JournalWriter {
    /// Begins a journal; the file must not exist.
    pub fn create(path: &Path, table: Table, host: &str) -> Result<JournalWriter, StoreError> {
        let damaged = |e| StoreError::damaged(path, e);
        let mut encoder = Encoder::new().map_err(damaged)?;
        let schema =
            Schema::new_with_metadata(table.schema().fields().clone(), table.metadata(host));
        let header = encoder.schema(&schema).map_err(damaged)?;
        // A journal gets its name with its header, so that nobody ever sees half of it.
        let temporary = path.with_extension(TEMPORARY_EXTENSION);
        io::remove(&temporary)?;
        let mut file = io::create_new(&temporary)?;
        let written = file
            .write_all(&header)
            .map_err(|e| StoreError::io("write", path, e))
            .and_then(|()| io::rename(&temporary, path));
        if let Err(error) = written {
            let _ = io::remove(&temporary);
            return Err(error);
        }
        Ok(JournalWriter {
            path: path.to_owned(),
            file,
            encoder,
            begun: Instant::now(),
            size_bytes: header.len() as u64,
            rows: 0,
            synced: false,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a batch. After an error the file holds what it held before, or the
    /// error is [`StoreError::Damaged`] and the journal must not be used any further.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let bytes = self
            .encoder
            .batch(batch)
            .map_err(|e| StoreError::damaged(&self.path, e))?;
        self.synced = false;
        if let Err(error) = self.file.write_all(&bytes) {
            self.cut()?;
            return Err(StoreError::io("write", &self.path, error));
        }
        self.size_bytes += bytes.len() as u64;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Takes back what a failed write left behind.
    fn cut(&mut self) -> Result<(), StoreError> {
        use std::io::{Seek, SeekFrom};
        self.file
            .set_len(self.size_bytes)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.size_bytes)))
            .map(drop)
            .map_err(|e| StoreError::damaged(&self.path, io::reason(&e)))
    }

    /// Forces what was appended to the disk.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if !self.synced {
            self.file
                .sync_data()
                .map_err(|e| StoreError::io("sync", &self.path, e))?;
            self.synced = true;
        }
        Ok(())
    }
}
