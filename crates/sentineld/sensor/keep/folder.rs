//! Names in the BPF file system: a folder for each data folder, and in it a link that says
//! which that is.

use std::ffi::CString;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sys::statfs::statfs;

use super::{Kept, LAST};

const MOUNT_POINT: &str = "/sys/fs/bpf";
/// All of ours.
const ROOT: &str = "/sys/fs/bpf/sentinel";
/// The link to the data folder; the names of objects have no such beginning.
const DATA_DIR: &str = "data_dir";
/// include/uapi/linux/magic.h
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;

/// The folder of one daemon.
pub struct Folder {
    path: PathBuf,
    data_dir: PathBuf,
}

impl Folder {
    /// Of the daemon with this data folder; says why there is none, if there is none.
    pub fn of(data_dir: &Path) -> Result<Folder, String> {
        is_usable()?;
        let data_dir = fs::canonicalize(data_dir).map_err(|error| error.to_string())?;
        let place = fs::metadata(&data_dir).map_err(|error| error.to_string())?;
        let root = make_folder(Path::new(ROOT));
        root.map_err(|error| format!("cannot make {ROOT}: {error}"))?;
        // By its number and not by its name, which may mean another folder in a container.
        let name = format!("{:x}-{:x}", place.dev(), place.ino());
        let path = Path::new(ROOT).join(name);
        Ok(Folder { path, data_dir })
    }

    pub fn take(&self) -> Kept {
        objects_in(&self.path)
            .into_iter()
            .filter_map(|path| {
                let name = path.file_name()?.to_str()?.to_owned();
                Some((name, open(&path)?))
            })
            .collect()
    }

    pub fn put(&self, objects: &[(String, BorrowedFd<'_>)]) -> Result<(), String> {
        remove(&self.path);
        let made = make_folder(&self.path)
            .and_then(|()| symlink(&self.data_dir, self.path.join(DATA_DIR)));
        made.map_err(|error| format!("cannot make {}: {error}", self.path.display()))?;
        for (name, fd) in objects {
            let path = self.path.join(name);
            if let Err(error) = pin(&path, *fd) {
                remove(&self.path);
                return Err(format!("the kernel does not keep {name}: {error}"));
            }
        }
        Ok(())
    }

    pub fn remove(&self) {
        remove(&self.path);
    }
}

/// Whether objects can be kept there; says why not.
pub fn is_usable() -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("only root may keep programs in the BPF file system".to_owned());
    }
    mount_if_absent()
}

/// A folder whose daemon is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The folder.
    pub path: PathBuf,
    /// The data folder of its daemon.
    pub data_dir: PathBuf,
}

impl Orphan {
    /// Its objects.
    pub fn take(&self) -> Kept {
        let folder = Folder {
            path: self.path.clone(),
            data_dir: self.data_dir.clone(),
        };
        folder.take()
    }

    /// Removes it. The programs that it kept are gone then.
    pub fn remove(&self) {
        remove(&self.path);
    }
}

/// The folders that no living daemon answers for: no process holds the lock of its data
/// folder, or that is not there any more.
pub fn orphans() -> Vec<Orphan> {
    let folders = fs::read_dir(ROOT).into_iter().flatten().flatten();
    let mut found: Vec<Orphan> = folders
        .filter_map(|entry| {
            let path = entry.path();
            let data_dir = fs::read_link(path.join(DATA_DIR)).unwrap_or_default();
            let name = fs::metadata(&data_dir)
                .map(|place| format!("{:x}-{:x}", place.dev(), place.ino()))
                .ok();
            let is_there = name.is_some_and(|name| *entry.file_name() == *name);
            let is_alive = is_there && sentinel_store::is_in_use(&data_dir);
            (!is_alive).then_some(Orphan { path, data_dir })
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The names in a folder, without that of its data folder.
fn objects_in(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| !path.ends_with(DATA_DIR)).collect()
}

/// The name of the last object goes first, so that what is left is never taken for whole.
fn remove(path: &Path) {
    let rest = objects_in(path);
    let names = [path.join(LAST)]
        .into_iter()
        .chain(rest)
        .chain([path.join(DATA_DIR)]);
    for name in names {
        report(&name, fs::remove_file(&name));
    }
    report(path, fs::remove_dir(path));
}

fn report(path: &Path, removed: std::io::Result<()>) {
    if let Err(error) = removed
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!("cannot remove {}: {error}", path.display());
    }
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn mount_if_absent() -> Result<(), String> {
    let is_mounted = || statfs(MOUNT_POINT).is_ok_and(|fs| fs.filesystem_type().0 == BPF_FS_MAGIC);
    if is_mounted() {
        return Ok(());
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(
        Some("bpf"),
        MOUNT_POINT,
        Some("bpf"),
        flags,
        Some("mode=0700"),
    )
    .map_err(|error| {
        format!("there is no BPF file system at {MOUNT_POINT}, and none can be mounted: {error}")
    })
}

fn pin(path: &Path, fd: BorrowedFd<'_>) -> std::io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: both arguments are valid for the call, which keeps neither.
    match unsafe { libbpf_sys::bpf_obj_pin(fd.as_raw_fd(), path.as_ptr()) } {
        0 => Ok(()),
        error => Err(std::io::Error::from_raw_os_error(-error)),
    }
}

fn open(path: &Path) -> Option<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: the path is valid for the call; a descriptor that comes back is nobody else's.
    unsafe {
        let fd = libbpf_sys::bpf_obj_get(path.as_ptr());
        (fd >= 0).then(|| OwnedFd::from_raw_fd(fd))
    }
}
