//! What was found out about executables, by the identity of their inodes.

use std::collections::HashMap;
use std::sync::Arc;

use sentinel_event::{FileIdentity, Sha256};

/// What identifies content: every write to an inode moves its change time, which nobody
/// can set. Links and owners are no part of it; a change of them moves it too.
type Key = (u32, u64, i64);

/// What is known of one executable.
#[derive(Default)]
pub struct Entry {
    /// The state of its digest.
    pub known: Known,
    /// The package that owns it.
    pub package: Option<Arc<str>>,
    /// Which reading of the packages `package` comes from.
    pub owners_seen: Option<u64>,
}

/// The state of a digest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Known {
    /// Nobody asked.
    #[default]
    Nothing,
    /// It waits for the worker.
    Asked,
    /// It was computed.
    Digest(Sha256),
    /// There is none to be had.
    No,
}

impl Known {
    /// The digest, where there is one.
    pub fn sha256(self) -> Option<Sha256> {
        match self {
            Known::Digest(sha256) => Some(sha256),
            _ => None,
        }
    }
}

/// A bounded map in two generations: when the young one is full it becomes the old one,
/// and what was in the old one and not asked for since is forgotten.
pub struct Cache {
    young: HashMap<Key, Entry>,
    old: HashMap<Key, Entry>,
    half: usize,
}

impl Cache {
    /// One that holds at most `capacity` entries, two at least.
    pub fn new(capacity: usize) -> Cache {
        Cache {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (capacity / 2).max(1),
        }
    }

    /// Entries now.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// The entry of a file, made if there is none.
    pub fn entry(&mut self, file: &FileIdentity) -> &mut Entry {
        let key = key(file);
        if !self.young.contains_key(&key) {
            let entry = self.old.remove(&key).unwrap_or_default();
            if self.young.len() >= self.half {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key, entry);
        }
        self.young.entry(key).or_default()
    }

    /// The entry of a file, if there is one.
    pub fn find(&self, file: &FileIdentity) -> Option<&Entry> {
        let key = key(file);
        self.young.get(&key).or_else(|| self.old.get(&key))
    }
}

fn key(file: &FileIdentity) -> Key {
    (file.dev, file.inode, file.ctime_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(inode: u64, ctime_ns: i64) -> FileIdentity {
        FileIdentity {
            dev: 1,
            inode,
            ctime_ns,
            ..FileIdentity::default()
        }
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        let mut cache = Cache::new(100);
        cache.entry(&file(1, 0)).known = Known::No;
        for inode in 2..10_000 {
            cache.entry(&file(inode, 0));
            assert_eq!(cache.entry(&file(1, 0)).known, Known::No, "{inode}");
            assert!(cache.len() <= 100, "{}", cache.len());
        }
        assert!(cache.find(&file(2, 0)).is_none());
    }

    #[test]
    fn another_change_time_is_another_content() {
        let mut cache = Cache::new(10);
        cache.entry(&file(1, 5)).known = Known::Digest(Sha256([1; 32]));
        assert_eq!(cache.entry(&file(1, 6)).known, Known::Nothing);
        let digest = cache.find(&file(1, 5)).and_then(|e| e.known.sha256());
        assert_eq!(digest, Some(Sha256([1; 32])));
    }
}
