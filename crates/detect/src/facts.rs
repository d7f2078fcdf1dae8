//! What a process image is, as facts that rules can weigh: never its display name.

use sentinel_event::{Backing, FileIdentity, Process};

use crate::paths;

/// Permission bits that let others than the owner change a file (`S_IWGRP | S_IWOTH`).
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// `S_ISUID`.
const SET_USER_ID: u32 = 0o4000;

/// Accounts below are those of services.
const FIRST_PERSON_UID: u32 = 1000;

/// `S_IWOTH`.
const WORLD_WRITABLE: u32 = 0o002;

/// What stays of an image after its process went on to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Path of the executable.
    pub exe: std::sync::Arc<str>,
    /// Its inode.
    pub file: FileIdentity,
    /// What stood behind it when it was started.
    pub backing: Backing,
}

impl Image {
    /// The image of `process`.
    pub fn of(process: &Process) -> Image {
        Image {
            exe: process.exe.clone(),
            file: process.file,
            backing: process.backing,
        }
    }
}

/// Whether the file is one that only root can put there: a named file where programs
/// are installed, owned by root or lent by a service's account, not writable by others. An
/// import may not know the inode (number 0); then the place has to do.
pub fn is_installed(exe: &str, file: &FileIdentity, backing: Backing) -> bool {
    let by_root = file.uid == 0 || is_lent(file);
    let only_root = file.inode == 0 || (by_root && file.mode & WRITABLE_BY_OTHERS == 0);
    matches!(backing, Backing::File | Backing::Tmpfs)
        && paths::is_installed_place(exe)
        && !paths::is_deleted(exe)
        && only_root
}

/// Whether the file lends the rights of a service's account, as `at` does those of `daemon`:
/// then it belongs to that account. When anyone but root writes to it, the kernel takes the
/// mark away.
fn is_lent(file: &FileIdentity) -> bool {
    file.mode & SET_USER_ID != 0 && file.uid < FIRST_PERSON_UID
}

/// Whether anyone may change the file's content.
pub fn is_world_writable(file: &FileIdentity) -> bool {
    file.mode & WORLD_WRITABLE != 0
}

/// Whether both are the same inode; false when either is not known. The change time
/// is left out on purpose: unlinking a file changes it.
pub fn same_inode(a: &FileIdentity, b: &FileIdentity) -> bool {
    a.inode != 0 && a.inode == b.inode && a.dev == b.dev
}

/// Whether the process sees the host's own files: its mount namespace is that of its
/// farthest known ancestor. Unknown namespaces (0) count as the host's.
pub fn in_host_mounts(process: &Process) -> bool {
    let own = process.namespaces.mnt;
    let host = host(process).map_or(own, |host| host.namespaces.mnt);
    own == 0 || host == 0 || own == host
}

/// The farthest known ancestor whose namespaces are known: the host's first process, or the
/// next to it where that one hides them.
pub fn host(process: &Process) -> Option<&Process> {
    let known = process
        .ancestors()
        .filter(|ancestor| ancestor.namespaces.mnt != 0);
    known.last().map(|ancestor| &**ancestor)
}
