//! One process per data folder.
//!
//! The lock file holds its owner's process id and is emptied at an orderly end, so
//! that the next owner knows whether the last one crashed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::StoreError;
use crate::layout::Layout;

/// The data folder is ours until this is dropped.
pub(crate) struct FolderLock {
    path: PathBuf,
    /// Opened for reading only: a file open for writing would keep the administrator
    /// from remounting the file system read-only.
    _file: File,
    /// Whether the last owner ended in order.
    pub was_clean: bool,
}

impl FolderLock {
    /// Takes the folder.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Folder`] when
    /// it cannot be written.
    pub fn take(layout: &Layout) -> Result<FolderLock, StoreError> {
        let path = layout.lock();
        let unwritable = |source| StoreError::Folder {
            action: "written",
            path: layout.root().to_owned(),
            source,
        };
        writable(&path, false).map_err(unwritable)?;
        let mut file = File::open(&path).map_err(unwritable)?;
        let locked = try_lock(&file);
        let mut holder = String::new();
        file.read_to_string(&mut holder).map_err(unwritable)?;
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    path: layout.root().to_owned(),
                    holder: holder.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        let mut owner = writable(&path, true).map_err(unwritable)?;
        // A disk without room for a few bytes must not keep detection from starting.
        let _ = writeln!(owner, "{}", std::process::id());
        Ok(FolderLock {
            path,
            _file: file,
            was_clean: holder.is_empty(),
        })
    }

    /// Notes that everything that was numbered is on disk.
    pub fn mark_clean(&self) -> Result<(), StoreError> {
        writable(&self.path, true)
            .map(drop)
            .map_err(|e| StoreError::io("write", &self.path, e))
    }
}

/// Whoever only asks whether the folder is in use holds the lock for a moment.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..3 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            locked => return locked,
        }
    }
    file.try_lock()
}

/// Whether a process owns this data folder now.
pub fn is_in_use(data_dir: &Path) -> bool {
    let lock = File::open(Layout::new(data_dir).lock());
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn writable(path: &Path, truncate: bool) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(truncate)
        .mode(0o640)
        .open(path)
}
