//! What can go wrong, each as one sentence that a person can act on.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the store could not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process owns the data folder.
    #[error("the data folder {} is in use by another Sentinel{}", path.display(), holder.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Locked {
        /// The data folder.
        path: PathBuf,
        /// Process id of the owner, when its lock file tells.
        holder: Option<u32>,
    },
    /// The data folder is of no use.
    #[error("the data folder {} cannot be {action}: {}", path.display(), crate::io::reason(source))]
    Folder {
        /// What was tried, such as `created`.
        action: &'static str,
        /// The data folder.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {}", path.display(), crate::io::reason(source))]
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The file system has less free space than the configured reserve.
    #[error("{} has {free_bytes} bytes free, less than the reserve of {reserve_bytes} (min_free_bytes)", path.display())]
    Full {
        /// The data folder.
        path: PathBuf,
        /// Free bytes.
        free_bytes: u64,
        /// The reserve.
        reserve_bytes: u64,
    },
    /// A file is not what was once written.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file was written by another version.
    #[error("{} has schema version {found}, this Sentinel reads version {expected}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The version that this crate reads.
        expected: u32,
    },
    /// Rows do not continue the numbering.
    #[error("{table} number {got} does not follow {last}: numbers must grow")]
    Sequence {
        /// The table.
        table: &'static str,
        /// The number that came.
        got: u64,
        /// The number before it.
        last: u64,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> StoreError {
        let path = path.to_owned();
        StoreError::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> StoreError {
        StoreError::Damaged {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// Whether a file holds nothing that this version can use.
    pub(crate) fn is_unusable(&self) -> bool {
        matches!(self, StoreError::Damaged { .. } | StoreError::Schema { .. })
    }

    /// Whether the kernel did not let us.
    pub fn is_denied(&self) -> bool {
        matches!(self, StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied)
    }

    /// Whether a file was not there (any more), because it was sealed, merged or deleted
    /// after it was listed; whoever reads lists the files again then.
    pub fn is_not_found(&self) -> bool {
        matches!(self, StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

/// Something that was found wrong and survived: one sentence, and the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named when the problem was found.
    pub path: PathBuf,
    /// What is wrong and what was done about it.
    pub sentence: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence)
    }
}
