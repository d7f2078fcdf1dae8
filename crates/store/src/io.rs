//! The few file operations that the store needs, with the modes that it promises.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::StoreError;

/// Files are for the owner to write and for the group (`sentinel`) to read.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

/// Creates a file that must not exist yet.
pub(crate) fn create_new(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .write(true)
        .read(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|e| StoreError::io("create", path, e))
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|e| StoreError::io("open", path, e))
}

/// Creates a folder and those above it; no error when it is there.
pub(crate) fn create_folder(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(|e| StoreError::io("create", path, e))
}

/// Forces a folder's entries to disk, so that a rename survives a power cut.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| StoreError::io("sync", path, e))
}

/// Moves a file within the data folder.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    std::fs::rename(from, to).map_err(|e| StoreError::io("rename", from, e))
}

/// Deletes a file; no error when it is gone already.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(StoreError::io("delete", path, e)),
        _ => Ok(()),
    }
}

/// Free bytes for unprivileged writers on the file system of `path`.
pub(crate) fn free_bytes(path: &Path) -> Result<u64, StoreError> {
    rustix::fs::statvfs(path)
        .map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize))
        .map_err(|e| StoreError::io("measure", path, e.into()))
}

/// What the kernel said, in words for a person.
pub(crate) fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system is mounted read-only".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::NotADirectory => "a part of the path is not a folder".to_owned(),
        ErrorKind::NotFound => "no such file or folder".to_owned(),
        _ => error.to_string(),
    }
}
