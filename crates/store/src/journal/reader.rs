//! Reads a journal's whole batches and says what is damaged in between.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::SchemaRef;

use super::frame::{self, Body, MARKER, PREFIX_BYTES};
use crate::{StoreError, Table, io};

/// How much is searched at once for the next whole message.
const SEARCH_BYTES: usize = 1 << 20;

/// A part of a journal that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The file ends within a message, as after a crash in the middle of a write.
    Torn { offset: u64, bytes: u64 },
    /// A message is not what was written; reading goes on behind it.
    Changed { offset: u64, rows: Option<u64> },
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Damage::Torn { offset, bytes } => {
                write!(
                    f,
                    "ends within a batch: cut at byte {offset}, {bytes} bytes dropped"
                )
            }
            Damage::Changed {
                offset,
                rows: Some(rows),
            } => {
                write!(f, "has a wrong checksum at byte {offset}: {rows} rows lost")
            }
            Damage::Changed { offset, rows: None } => {
                write!(f, "is unreadable at byte {offset}: the batch there is lost")
            }
        }
    }
}

/// A step through a journal.
enum Step {
    Message(Buffer),
    Damage(Damage),
    End,
}

/// Reads a journal from the beginning to what was its end when it was opened.
pub(crate) struct JournalReader {
    path: PathBuf,
    file: Arc<File>,
    size_bytes: u64,
    offset: u64,
    decoder: StreamDecoder,
    schema: SchemaRef,
    /// The columns that batches consist of, ascending; `None` for all.
    columns: Option<Vec<usize>>,
    damages: Vec<Damage>,
}

impl JournalReader {
    /// Opens a journal and checks its header.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be read, [`StoreError::Schema`] when it is of
    /// another version, [`StoreError::Damaged`] when nothing in it can be understood.
    pub fn open(path: &Path, table: Table) -> Result<JournalReader, StoreError> {
        let file = io::open(path)?;
        let size_bytes = file
            .metadata()
            .map_err(|e| StoreError::io("read", path, e))?
            .len();
        JournalReader::over(Arc::new(file), size_bytes, path, table)
    }

    /// Reads the first `size_bytes` of an open journal.
    ///
    /// # Errors
    /// As for [`JournalReader::open`].
    pub fn over(
        file: Arc<File>,
        size_bytes: u64,
        path: &Path,
        table: Table,
    ) -> Result<JournalReader, StoreError> {
        let mut reader = JournalReader {
            path: path.to_owned(),
            file,
            size_bytes,
            offset: 0,
            decoder: StreamDecoder::new(),
            schema: table.schema(),
            columns: None,
            damages: Vec::new(),
        };
        match reader.step()? {
            Step::Message(mut header) => {
                let schema = frame::schema(&header);
                table.check_schema(path, schema.as_ref())?;
                reader.schema = schema.map_or(reader.schema, Arc::new);
                reader.decode(&mut header)?;
                Ok(reader)
            }
            Step::End => Err(StoreError::damaged(path, "it is empty")),
            Step::Damage(damage) => Err(StoreError::damaged(path, format!("its header {damage}"))),
        }
    }

    /// Makes batches consist of these columns only, which must be ascending.
    pub fn project(&mut self, columns: Vec<usize>) {
        self.columns = Some(columns);
    }

    /// What was found damaged so far, as the beginning of a sentence.
    pub fn damage(&self) -> Option<String> {
        self.sentence(|_| true)
    }

    /// As [`JournalReader::damage`], without a torn tail: what a journal ends with while
    /// it is being written.
    pub fn changed(&self) -> Option<String> {
        self.sentence(|damage| matches!(damage, Damage::Changed { .. }))
    }

    fn sentence(&self, counts: impl Fn(&Damage) -> bool) -> Option<String> {
        let damages = self.damages.iter().filter(|d| counts(d));
        let damages: Vec<String> = damages.map(ToString::to_string).collect();
        let path = self.path.display();
        (!damages.is_empty()).then(|| format!("{path} {}", damages.join(" and ")))
    }

    /// The next whole batch; `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            match self.step()? {
                Step::End => return Ok(None),
                Step::Damage(damage) => self.damages.push(damage),
                Step::Message(mut message) => {
                    if let Some(batch) = self.decode(&mut message)? {
                        return Ok(Some(batch));
                    }
                }
            }
        }
    }

    /// Checks every message without decoding all of them, and reads the last batch.
    pub fn last_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        let mut last = None;
        loop {
            match self.step()? {
                Step::End => break,
                Step::Damage(damage) => self.damages.push(damage),
                Step::Message(message) => last = Some(message),
            }
        }
        match last {
            Some(mut message) => self.decode(&mut message),
            None => Ok(None),
        }
    }

    fn decode(&mut self, message: &mut Buffer) -> Result<Option<RecordBatch>, StoreError> {
        let decoded = match &self.columns {
            None => self.decoder.decode(message),
            Some(columns) => frame::columns(message, Arc::clone(&self.schema), columns),
        };
        decoded.map_err(|e| StoreError::damaged(&self.path, e))
    }

    fn step(&mut self) -> Result<Step, StoreError> {
        let start = self.offset;
        if start == self.size_bytes {
            return Ok(Step::End);
        }
        let Some((mut bytes, body)) = self.metadata_at(start)? else {
            return self.skip_to_next(start);
        };
        let body_start = bytes.len();
        if self.size_bytes - start < (body_start + body.bytes) as u64 {
            return Ok(self.torn_from(start));
        }
        bytes.resize(body_start + body.bytes, 0);
        self.read(&mut bytes[body_start..], start + body_start as u64)?;
        self.offset = start + bytes.len() as u64;
        if !frame::check_body(&body, &bytes[body_start..]) {
            return Ok(Step::Damage(Damage::Changed {
                offset: start,
                rows: Some(body.rows),
            }));
        }
        Ok(Step::Message(bytes.into()))
    }

    /// The metadata of the message that begins at `offset`, prefix included, and what
    /// it says about the body; `None` when there is no whole and intact one.
    fn metadata_at(&self, offset: u64) -> Result<Option<(Vec<u8>, Body)>, StoreError> {
        let rest = self.size_bytes - offset;
        let mut prefix = [0; PREFIX_BYTES];
        if rest < PREFIX_BYTES as u64 {
            return Ok(None);
        }
        self.read(&mut prefix, offset)?;
        let Some(length) = frame::metadata_bytes(prefix) else {
            return Ok(None);
        };
        let mut bytes = vec![0; PREFIX_BYTES + length];
        if rest < bytes.len() as u64 {
            return Ok(None);
        }
        self.read(&mut bytes, offset)?;
        Ok(frame::check_metadata(&bytes).map(|body| (bytes, body)))
    }

    /// Behind damaged metadata no length can be trusted, so the next message is found
    /// by its marker and checksum. When there is none, the tail is torn.
    fn skip_to_next(&mut self, start: u64) -> Result<Step, StoreError> {
        let mut chunk_start = start + 8;
        while chunk_start < self.size_bytes {
            let length = (self.size_bytes - chunk_start).min(SEARCH_BYTES as u64) as usize;
            let mut chunk = vec![0; length];
            self.read(&mut chunk, chunk_start)?;
            // Messages lie at multiples of 8 bytes.
            for at in (0..length).step_by(8) {
                let candidate = chunk_start + at as u64;
                if chunk[at..].starts_with(&MARKER) && self.metadata_at(candidate)?.is_some() {
                    self.offset = candidate;
                    return Ok(Step::Damage(Damage::Changed {
                        offset: start,
                        rows: None,
                    }));
                }
            }
            chunk_start += length as u64;
        }
        Ok(self.torn_from(start))
    }

    fn torn_from(&mut self, start: u64) -> Step {
        let bytes = self.size_bytes - start;
        self.offset = self.size_bytes;
        Step::Damage(Damage::Torn {
            offset: start,
            bytes,
        })
    }

    fn read(&self, bytes: &mut [u8], offset: u64) -> Result<(), StoreError> {
        self.file
            .read_exact_at(bytes, offset)
            .map_err(|e| StoreError::io("read", &self.path, e))
    }
}
