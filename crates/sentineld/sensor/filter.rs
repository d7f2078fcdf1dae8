//! What the operator does not want to hear of. The kernel knows it by numbers
//! (`bpf/filter.bpf.h`); here the names are looked up, again every second, because a
//! program is upgraded and a cgroup begins without anybody telling us.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use libbpf_rs::{MapCore, MapFlags, MapHandle};
use nix::sys::stat::{major, minor};
use serde::{Deserialize, Serialize};

use super::skel::SentinelMaps;
use super::types::{sentinel_limit, sentinel_mute};

/// Where the unified hierarchy lies: alone, or beside those of the old kind.
const CGROUPS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
const INTERVAL: Duration = Duration::from_secs(1);

/// What is not told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Absolute paths of programs.
    pub executables: Vec<String>,
    /// Cgroups as `/proc/PID/cgroup` shows them, such as `/system.slice/backup.service`.
    pub cgroups: Vec<String>,
    /// Absolute paths of folders.
    pub folders: Vec<String>,
}

impl Filter {
    fn lists(&self) -> [(&'static str, &[String]); 3] {
        [
            ("executables", &self.executables),
            ("cgroups", &self.cgroups),
            ("folders", &self.folders),
        ]
    }

    /// Says in one sentence what is wrong with the values, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let mut total = 0;
        for (name, list) in self.lists() {
            total += list.len();
            for path in list {
                let wrong = if !path.starts_with('/') {
                    "does not begin with a slash"
                } else if path.split('/').any(|part| part == "..") {
                    "has .. in it"
                } else if path.contains(['*', '?', '\0']) {
                    "has a pattern in it, but names one place"
                } else if name != "executables" && path.trim_matches('/').is_empty() {
                    "would keep back everything"
                } else {
                    continue;
                };
                return Err(format!("sensor.filter.{name}: {path:?} {wrong}"));
            }
        }
        let most = sentinel_limit::SENTINEL_MUTED.0 as usize;
        match total > most {
            true => Err(format!(
                "sensor.filter has {total} entries, but at most {most} are possible"
            )),
            false => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        self.lists().iter().all(|(_, list)| list.is_empty())
    }

    /// The kernel's keys for what exists now.
    fn numbers(&self) -> BTreeSet<(u32, u64, u32)> {
        let mut numbers = BTreeSet::new();
        let inode = |path: &str| {
            let metadata = fs::metadata(path).ok()?;
            let dev = (major(metadata.dev()) << 20 | minor(metadata.dev())) as u32;
            Some((metadata.ino(), dev))
        };
        for path in &self.executables {
            let found = inode(path).map(|(n, dev)| (mute::EXECUTABLE, n, dev));
            numbers.extend(found);
        }
        for path in &self.folders {
            let found = inode(path).map(|(n, dev)| (mute::FOLDER, n, dev));
            numbers.extend(found);
        }
        for path in &self.cgroups {
            // The id of a cgroup is the number of its folder's inode.
            let found = CGROUPS
                .iter()
                .map(Path::new)
                .find(|root| root.join("cgroup.controllers").exists())
                .and_then(|root| fs::metadata(root.join(path.trim_start_matches('/'))).ok());
            numbers.extend(found.map(|m| (mute::CGROUP, m.ino(), 0)));
        }
        numbers
    }
}

mod mute {
    use super::sentinel_mute;

    pub const EXECUTABLE: u32 = sentinel_mute::SENTINEL_MUTE_EXECUTABLE.0;
    pub const FOLDER: u32 = sentinel_mute::SENTINEL_MUTE_FOLDER.0;
    pub const CGROUP: u32 = sentinel_mute::SENTINEL_MUTE_CGROUP.0;
    pub const ALL: u32 = sentinel_mute::SENTINEL_MUTE_COUNT.0;
}

/// Changes the filter of a sensor that runs.
#[derive(Debug, Clone, Default)]
pub struct FilterSwitch(Arc<Mutex<Option<Filter>>>);

impl FilterSwitch {
    /// The sensor takes this filter the next time it looks at its rings.
    pub fn set(&self, filter: Filter) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(filter);
    }

    fn take(&self) -> Option<Filter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The filter that the kernel applies.
pub struct Muted {
    muted: MapHandle,
    counts: MapHandle,
    filter: Filter,
    applied: BTreeSet<(u32, u64, u32)>,
    looked: Instant,
    switch: FilterSwitch,
}

impl Muted {
    /// Applies `filter`.
    pub fn new(maps: &SentinelMaps<'_>, filter: &Filter) -> libbpf_rs::Result<Muted> {
        let mut muted = Muted {
            muted: MapHandle::try_from(&maps.muted)?,
            counts: MapHandle::try_from(&maps.muted_counts)?,
            filter: filter.clone(),
            applied: BTreeSet::new(),
            looked: Instant::now(),
            switch: FilterSwitch::default(),
        };
        // What an earlier daemon was told to keep back, where its programs were taken over.
        muted.applied = muted
            .muted
            .keys()
            .filter_map(|key| numbers_of(&key))
            .collect();
        muted.apply()?;
        Ok(muted)
    }

    /// What changes it from another thread.
    pub fn switch(&self) -> FilterSwitch {
        self.switch.clone()
    }

    /// Takes over a new filter at once, and follows what the names of the old one mean.
    pub fn look(&mut self) {
        let new = self.switch.take();
        let is_due = !self.filter.is_empty() && self.looked.elapsed() >= INTERVAL;
        if new.is_none() && !is_due {
            return;
        }
        self.filter = new.unwrap_or_else(|| std::mem::take(&mut self.filter));
        self.looked = Instant::now();
        if let Err(error) = self.apply() {
            tracing::warn!("cannot apply the filter: {error}");
        }
    }

    fn apply(&mut self) -> libbpf_rs::Result<()> {
        let wanted = self.filter.numbers();
        for gone in self.applied.difference(&wanted) {
            // What is not there any more is what was wanted.
            let _ = self.muted.delete(&key(gone));
        }
        for new in wanted.difference(&self.applied) {
            self.muted
                .update(&key(new), &1u32.to_ne_bytes(), MapFlags::ANY)?;
        }
        for what in 0..mute::ALL {
            let count = wanted.iter().filter(|number| number.0 == what).count() as u32;
            self.counts
                .update(&what.to_ne_bytes(), &count.to_ne_bytes(), MapFlags::ANY)?;
        }
        self.applied = wanted;
        Ok(())
    }
}

/// struct sentinel_muted
fn key((what, number, dev): &(u32, u64, u32)) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_ne_bytes());
    key[8..12].copy_from_slice(&dev.to_ne_bytes());
    key[12..].copy_from_slice(&what.to_ne_bytes());
    key
}

fn numbers_of(key: &[u8]) -> Option<(u32, u64, u32)> {
    let word = |at: usize| Some(u32::from_ne_bytes(key.get(at..at + 4)?.try_into().ok()?));
    let number = u64::from_ne_bytes(key.get(..8)?.try_into().ok()?);
    Some((word(12)?, number, word(8)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(filter: Filter, expected: &str) {
        assert_eq!(filter.check(), Err(expected.to_owned()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let one = |path: &str| vec![path.to_owned()];
        check_refused(
            Filter {
                executables: one("backup"),
                ..Filter::default()
            },
            "sensor.filter.executables: \"backup\" does not begin with a slash",
        );
        check_refused(
            Filter {
                folders: one("/var/../etc"),
                ..Filter::default()
            },
            "sensor.filter.folders: \"/var/../etc\" has .. in it",
        );
        check_refused(
            Filter {
                folders: one("/var/*"),
                ..Filter::default()
            },
            "sensor.filter.folders: \"/var/*\" has a pattern in it, but names one place",
        );
        check_refused(
            Filter {
                cgroups: one("/"),
                ..Filter::default()
            },
            "sensor.filter.cgroups: \"/\" would keep back everything",
        );
        check_refused(
            Filter {
                folders: vec!["/x".to_owned(); 1025],
                ..Filter::default()
            },
            "sensor.filter has 1025 entries, but at most 1024 are possible",
        );
        assert_eq!(Filter::default().check(), Ok(()));
    }
}
