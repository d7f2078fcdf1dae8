//! Which package owns a file, by the host's own databases: dpkg's lists and rpm's SQLite
//! file. No program is asked, and nothing is read while somebody waits.

mod dpkg;
mod rpm;

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Every file of every package as a hash of its path, sorted: 12 bytes each, so that a
/// host with half a million of them pays 6 MB.
#[derive(Default)]
pub struct Owners {
    hashes: Vec<u64>,
    /// For each hash the position of its package's name.
    owner: Vec<u32>,
    names: Vec<Arc<str>>,
    hasher: RandomState,
    left_out: usize,
    generation: u64,
}

impl Owners {
    /// The package that owns the file at an absolute path.
    pub fn find(&self, path: &str) -> Option<Arc<str>> {
        let at = self
            .hashes
            .binary_search(&self.hasher.hash_one(path))
            .ok()?;
        let owner = *self.owner.get(at)? as usize;
        self.names.get(owner).cloned()
    }

    /// Grows with each reading.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Packages that are known.
    pub fn packages(&self) -> usize {
        self.names.len()
    }

    /// Files that are known.
    pub fn files(&self) -> usize {
        self.hashes.len()
    }

    /// Files for which there was no room.
    pub fn files_left_out(&self) -> usize {
        self.left_out
    }
}

/// Collects owners while a database is read.
pub(super) struct Reading {
    /// The hash is secret of the process: nobody can make a path that looks like another's.
    hasher: RandomState,
    files: Vec<(u64, u32)>,
    names: Vec<Arc<str>>,
    files_max: usize,
    left_out: usize,
    links: Links,
}

impl Reading {
    fn new(links: Links, files_max: usize) -> Reading {
        Reading {
            hasher: RandomState::new(),
            files: Vec::new(),
            names: Vec::new(),
            files_max,
            left_out: 0,
            links,
        }
    }

    /// The files that are named from now on are this package's.
    pub(super) fn package(&mut self, name: &str) {
        self.names.push(name.into());
    }

    /// A file of the latest package.
    pub(super) fn file(&mut self, path: &str) {
        let Some(owner) = self.names.len().checked_sub(1) else {
            return;
        };
        if is_never_executed(path) {
            return;
        }
        if self.files.len() >= self.files_max {
            self.left_out += 1;
            return;
        }
        let hash = self.hasher.hash_one(&*self.links.resolved(path));
        self.files.push((hash, owner as u32));
    }

    fn finish(mut self, generation: u64) -> Owners {
        // The first package that names a file keeps it: others share it, as folders are.
        self.files.sort_by_key(|(hash, owner)| (*hash, *owner));
        self.files.dedup_by_key(|(hash, _)| *hash);
        Owners {
            hashes: self.files.iter().map(|(hash, _)| *hash).collect(),
            owner: self.files.iter().map(|(_, owner)| *owner).collect(),
            names: self.names,
            hasher: self.hasher,
            left_out: self.left_out,
            generation,
        }
    }
}

/// Folders that make up half of all files and hold no program.
fn is_never_executed(path: &str) -> bool {
    const FOLDERS: [&str; 5] = ["doc/", "man/", "locale/", "info/", "zoneinfo/"];
    path.strip_prefix("/usr/share/")
        .is_some_and(|rest| FOLDERS.iter().any(|folder| rest.starts_with(folder)))
}

/// Top folders that are links into /usr, as on all merged systems: a database may name
/// /bin/ls where the kernel says /usr/bin/ls.
#[derive(Default)]
struct Links(Vec<(String, String)>);

impl Links {
    fn read(root: &str) -> Links {
        const TOP: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
        let links = TOP.iter().chain(&["usr/sbin"]).filter_map(|name| {
            let target = fs::read_link(format!("{root}/{name}")).ok()?;
            let target = target.to_str()?.trim_matches('/');
            let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
            let target = match (target.contains('/'), parent) {
                (false, "usr") => format!("/usr/{target}/"),
                _ => format!("/{target}/"),
            };
            Some((format!("/{name}/"), target))
        });
        Links(links.collect())
    }

    fn resolved<'a>(&self, path: &'a str) -> std::borrow::Cow<'a, str> {
        let mut resolved = std::borrow::Cow::Borrowed(path);
        // Twice: /sbin leads to /usr/sbin, which may lead to /usr/bin.
        for _ in 0..2 {
            let link = self.0.iter().find(|(from, _)| resolved.starts_with(from));
            if let Some((from, to)) = link {
                resolved = format!("{to}{}", &resolved[from.len()..]).into();
            }
        }
        resolved
    }
}

/// What tells that a database was changed: change time, size and inode of its files.
type Stamp = Vec<(u64, i64, i64, u64)>;

/// The databases of a host.
pub struct Packages {
    root: PathBuf,
    files_max: usize,
    stamp: Option<Stamp>,
    generation: u64,
}

impl Packages {
    /// Those of this host.
    pub fn of_host(files_max: usize) -> Packages {
        Packages::below("/".into(), files_max)
    }

    /// Those below a folder.
    fn below(root: PathBuf, files_max: usize) -> Packages {
        Packages {
            root,
            files_max,
            stamp: None,
            generation: 0,
        }
    }

    /// Reads all databases if one of them is another than at the last call.
    pub fn read_if_changed(&mut self) -> Option<Owners> {
        let stamp = self.stamp();
        if self.stamp.as_ref() == Some(&stamp) {
            return None;
        }
        self.generation += 1;
        let root = self.root.to_string_lossy();
        let root = root.trim_end_matches('/');
        let mut reading = Reading::new(Links::read(root), self.files_max);
        dpkg::read(root, &mut reading);
        if let Err(problem) = rpm::read(root, &mut reading) {
            tracing::warn!("the rpm database is not read: {problem}");
        }
        if reading.left_out > 0 {
            tracing::warn!(
                "{} files of packages are left out: identity.package_files_max is {}",
                reading.left_out,
                self.files_max
            );
        }
        self.stamp = Some(stamp);
        Some(reading.finish(self.generation))
    }

    fn stamp(&self) -> Stamp {
        let root = self.root.to_string_lossy();
        let root = root.trim_end_matches('/');
        let files = dpkg::FILES.iter().chain(rpm::FILES);
        files
            .map(|file| match fs::metadata(format!("{root}{file}")) {
                Ok(m) => (m.ino(), m.ctime(), m.ctime_nsec(), m.size()),
                Err(_) => (0, 0, 0, 0),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
