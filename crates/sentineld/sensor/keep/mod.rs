//! Where the kernel's objects wait for the next daemon when this one is killed.
//!
//! As a service that is systemd's descriptor store, for which no rights are needed; it gives
//! the objects up by itself when the service stops. In the foreground, as root, it is a
//! folder of names in the BPF file system, one per data folder. Neither knows what the
//! objects are: they are descriptors with names, and are only of use if all are there.

mod folder;
mod manager;

use std::collections::BTreeMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

pub use folder::{Folder, Orphan, orphans};

/// The objects by their names.
pub type Kept = BTreeMap<String, OwnedFd>;

/// The name that is given last: without it the others are not all there.
pub const LAST: &str = "progress";

/// Where objects are kept.
pub enum Place {
    /// Names in the BPF file system.
    Folder(Folder),
    /// systemd's descriptor store.
    Manager,
    /// Nowhere, because.
    Nowhere(String),
}

/// Whether a daemon that this process would be could leave its objects to the next; says
/// why not.
pub fn keeps_programs() -> Result<(), String> {
    match manager::is_there() {
        true => Ok(()),
        false => folder::is_usable(),
    }
}

impl Place {
    /// The best place for the daemon of this data folder, whose lock it must hold.
    pub fn choose(data_dir: &Path) -> Place {
        if manager::is_there() {
            return Place::Manager;
        }
        match Folder::of(data_dir) {
            Ok(folder) => Place::Folder(folder),
            Err(reason) => Place::Nowhere(reason),
        }
    }

    /// Takes what an earlier daemon left. What is not whole is removed.
    pub fn take(&self) -> Option<Kept> {
        let kept = match self {
            Place::Folder(folder) => folder.take(),
            Place::Manager => manager::take(),
            Place::Nowhere(_) => Kept::new(),
        };
        if kept.contains_key(LAST) {
            return Some(kept);
        }
        if !kept.is_empty() {
            tracing::warn!("kernel programs of an earlier run are not all there, and are removed");
            self.clear(kept.keys().map(String::as_str));
        }
        None
    }

    /// Leaves the objects there. The one that is named [`LAST`] must be the last.
    pub fn put(&self, objects: &[(String, BorrowedFd<'_>)]) -> Result<(), String> {
        match self {
            Place::Folder(folder) => folder.put(objects),
            Place::Manager => manager::put(objects),
            Place::Nowhere(reason) => Err(reason.clone()),
        }
    }

    /// Forgets the objects of these names; those that nobody else holds are gone then.
    pub fn clear<'a>(&self, names: impl Iterator<Item = &'a str>) {
        match self {
            Place::Folder(folder) => folder.remove(),
            Place::Manager => manager::forget(names),
            Place::Nowhere(_) => {}
        }
    }

    /// Whether the objects must be left as they are at an orderly end: the service manager
    /// alone knows whether this is one, or a restart.
    pub fn outlives_the_end(&self) -> bool {
        matches!(self, Place::Manager)
    }
}
