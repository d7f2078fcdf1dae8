//! A map that never grows beyond its limit: the entry that was not used for the
//! longest time makes room, and every such eviction is counted.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A map of at most `limit` entries, ordered by last use.
#[derive(Debug)]
pub struct Bounded<K, V> {
    entries: HashMap<K, (V, u64)>,
    // Ticks are unique, so this is the exact order of use. The hash map itself is
    // never iterated: its order differs from run to run.
    by_use: BTreeMap<u64, K>,
    tick: u64,
    limit: usize,
    evicted_total: u64,
}

impl<K: Hash + Eq + Clone, V> Bounded<K, V> {
    /// An empty map of at most `limit` entries; a limit of 0 is taken as 1.
    pub fn new(limit: usize) -> Bounded<K, V> {
        Bounded {
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
            tick: 0,
            limit: limit.max(1),
            evicted_total: 0,
        }
    }

    /// The value under `key`, without counting as a use.
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// The value under `key` for change, without counting as a use.
    pub fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(value, _)| value)
    }

    /// The value under `key`, made by `make` when there is none; counts as a use.
    pub fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.tick += 1;
        let tick = self.tick;
        match self.entries.get(&key) {
            Some((_, used)) => {
                self.by_use.remove(used);
            }
            None => self.make_room(),
        }
        self.by_use.insert(tick, key.clone());
        let entry = self.entries.entry(key).or_insert_with(|| (make(), tick));
        entry.1 = tick;
        &mut entry.0
    }

    /// Puts `value` under `key`; counts as a use.
    pub fn insert(&mut self, key: K, value: V) {
        self.remove(&key);
        self.entry(key, || value);
    }

    /// Takes the value under `key` out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let (value, used) = self.entries.remove(key)?;
        self.by_use.remove(&used);
        Some(value)
    }

    /// Entries that it holds at most.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many entries had to make room so far.
    pub fn evicted_total(&self) -> u64 {
        self.evicted_total
    }

    fn make_room(&mut self) {
        while self.entries.len() >= self.limit {
            let Some((_, key)) = self.by_use.pop_first() else {
                return;
            };
            self.entries.remove(&key);
            self.evicted_total += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn the_least_recently_used_entry_makes_room() {
        let mut map = Bounded::new(2);
        map.insert("a", 1);
        map.insert("b", 2);
        *map.entry("a", || 9) += 10;
        map.insert("c", 3);
        assert_eq!(map.peek(&"a"), Some(&11));
        assert_eq!(map.peek(&"b"), None);
        assert_eq!(map.peek(&"c"), Some(&3));
        assert_eq!(map.evicted_total(), 1);
    }

    #[test]
    fn removing_and_replacing_evicts_nothing() {
        let mut map = Bounded::new(2);
        map.insert(1, 'a');
        map.insert(1, 'b');
        assert_eq!(map.remove(&1), Some('b'));
        assert_eq!(map.remove(&1), None);
        map.insert(2, 'c');
        map.insert(3, 'd');
        assert_eq!(map.evicted_total(), 0);
    }
}
