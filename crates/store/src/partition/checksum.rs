//! A checksum over a partition's data, kept in its footer.
//!
//! Parquet has checksums per page, but its Rust writer does not write them, and a
//! changed byte can otherwise go unnoticed: compressed numbers have no redundancy.

use std::fs::File;
use std::io::{Read, Result, Write};
use std::path::Path;

use parquet::file::metadata::{KeyValue, ParquetMetaData};

use crate::{StoreError, io};

/// Key of the checksum in a file's metadata: `CRC32:BYTES`, in hexadecimal and decimal.
const KEY: &str = "sentinel.data_checksum";
const READ_BYTES: usize = 256 << 10;

/// A file that is written from its beginning to its end, and the sum of what was.
pub(super) struct SummedFile {
    file: File,
    sum: crc32fast::Hasher,
    bytes: u64,
}

impl SummedFile {
    pub fn new(file: File) -> SummedFile {
        SummedFile {
            file,
            sum: crc32fast::Hasher::new(),
            bytes: 0,
        }
    }

    /// The sum of everything written so far, as metadata.
    pub fn checksum(&self) -> KeyValue {
        let sum = self.sum.clone().finalize();
        KeyValue::new(KEY.to_owned(), format!("{sum:08x}:{}", self.bytes))
    }

    pub fn sync(&self) -> Result<()> {
        self.file.sync_all()
    }
}

impl Write for SummedFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}

/// Checks a partition's data against the checksum in its footer.
pub(super) fn verify(
    path: &Path,
    metadata: &ParquetMetaData,
) -> std::result::Result<(), StoreError> {
    let entries = metadata.file_metadata().key_value_metadata();
    let entry = entries.into_iter().flatten().find(|entry| entry.key == KEY);
    let value = entry.and_then(|entry| entry.value.as_deref());
    let Some((sum, bytes)) = value.and_then(parse) else {
        return Err(StoreError::damaged(path, "it has no checksum"));
    };
    let mut data = io::open(path)?.take(bytes);
    let mut found = crc32fast::Hasher::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match data.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => found.update(&buffer[..length]),
            Err(error) => return Err(StoreError::io("read", path, error)),
        }
    }
    if found.finalize() != sum {
        return Err(StoreError::damaged(path, "its data has a wrong checksum"));
    }
    Ok(())
}

fn parse(value: &str) -> Option<(u32, u64)> {
    let (sum, bytes) = value.split_once(':')?;
    Some((u32::from_str_radix(sum, 16).ok()?, bytes.parse().ok()?))
}
