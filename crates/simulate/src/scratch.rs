//! Places for files that an attack leaves behind, removed when it is over.

use std::env;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{FsType, TMPFS_MAGIC, statfs};
use nix::sys::statvfs::{FsFlags, statvfs};
use tempfile::TempDir;

use crate::Failure;

/// The kernel's RAMFS_MAGIC, which is missing from nix.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6);

/// What kind of place a variant needs for its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// None: it lives in memory alone.
    Nowhere,
    /// A folder on a disk.
    Disk,
    /// A folder below /dev/shm.
    Shm,
}

impl Place {
    /// Makes an empty folder that only this user can enter, in a place of this
    /// kind where programs may run. It is removed when the answer is dropped.
    pub(crate) fn make(self) -> Result<Option<TempDir>, Failure> {
        let candidates = match self {
            Place::Nowhere => return Ok(None),
            Place::Disk => [PathBuf::from("/var/tmp"), env::temp_dir()]
                .into_iter()
                .chain(env::home_dir())
                .collect(),
            Place::Shm => vec![PathBuf::from("/dev/shm")],
        };
        let mut refusals = Vec::new();
        for parent in &candidates {
            match self.make_below(parent) {
                Ok(folder) => return Ok(Some(folder)),
                Err(reason) => refusals.push(reason),
            }
        }
        Err(Failure::NotPossible(refusals.join("; ")))
    }

    fn make_below(self, parent: &Path) -> Result<TempDir, String> {
        let shown = parent.display();
        let flags = statvfs(parent).map_err(|errno| format!("{shown}: {}", errno.desc()))?;
        if flags.flags().contains(FsFlags::ST_NOEXEC) {
            return Err(format!("{shown} is mounted noexec"));
        }
        let kind = statfs(parent).map_err(|errno| format!("{shown}: {}", errno.desc()))?;
        let in_memory = [TMPFS_MAGIC, RAMFS_MAGIC].contains(&kind.filesystem_type());
        if self == Place::Disk && in_memory {
            return Err(format!("{shown} is in memory, not on a disk"));
        }
        tempfile::Builder::new()
            .prefix("sentinel-simulation-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(|error| format!("{shown}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_private_and_vanish() {
        let folder = Place::Disk.make().expect("a disk").expect("a folder");
        let path = folder.path().to_owned();
        std::fs::write(path.join("left behind"), "x").expect("the folder is ours");
        let mode = path.metadata().expect("it exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn memory_is_no_disk() {
        let reason = Place::Disk
            .make_below(Path::new("/dev/shm"))
            .expect_err("a tmpfs");
        assert!(reason.contains("in memory"), "{reason}");
    }
}
