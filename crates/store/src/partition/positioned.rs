//! A file that several threads read at once: every read says where, so that no thread
//! moves another one's place, which the standard file's shared cursor would do.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

/// An open file of fixed size.
#[derive(Clone)]
pub(crate) struct PositionedFile {
    file: Arc<File>,
    size_bytes: u64,
}

impl PositionedFile {
    pub fn new(file: File) -> io::Result<PositionedFile> {
        let size_bytes = file.metadata()?.len();
        Ok(PositionedFile {
            file: Arc::new(file),
            size_bytes,
        })
    }
}

impl Length for PositionedFile {
    fn len(&self) -> u64 {
        self.size_bytes
    }
}

impl ChunkReader for PositionedFile {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<BufReader<From>> {
        Ok(BufReader::new(From {
            file: Arc::clone(&self.file),
            offset: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// The rest of a file from an offset on.
pub(crate) struct From {
    file: Arc<File>,
    offset: u64,
}

impl Read for From {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
