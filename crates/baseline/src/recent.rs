//! What was seen lately, under a key, in bounded number: the oldest goes first.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hash};

use crate::hash::Hashed;

#[derive(Debug, Clone)]
pub(crate) struct Recent<K, V> {
    values: HashMap<K, V, BuildHasherDefault<Hashed>>,
    order: VecDeque<K>,
    capacity: usize,
}

/// Keys are 64-bit numbers.
impl<K: Hash + Eq + Copy, V> Recent<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            values: HashMap::default(),
            order: VecDeque::new(),
            capacity,
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.values.get_mut(key)
    }

    /// The value under `key`, made where there is none; and what had to go for it.
    pub(crate) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> (&mut V, Option<(K, V)>) {
        let mut gone = None;
        if !self.values.contains_key(&key) {
            self.order.push_back(key);
            while self.values.len() >= self.capacity {
                let Some(oldest) = self.order.pop_front() else {
                    break;
                };
                if let Some(value) = self.values.remove(&oldest) {
                    gone = Some((oldest, value));
                }
            }
            // Keys that were removed meanwhile still stand in the order.
            if self.order.len() > 2 * self.capacity {
                let values = &self.values;
                self.order
                    .retain(|known| values.contains_key(known) || *known == key);
            }
        }
        (self.values.entry(key).or_insert_with(make), gone)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let mut value = Some(value);
        let (place, _) = self.entry(key, || value.take().unwrap_or_else(|| unreachable!()));
        if let Some(value) = value {
            *place = value;
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.values.remove(key)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.values.iter_mut()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_bounds() {
        let mut recent = Recent::new(10);
        for n in 0..1_000_u64 {
            recent.insert(n, n);
            if n % 3 == 0 {
                recent.remove(&n);
            }
            assert!(recent.len() <= 10 && recent.order.len() <= 21);
        }
        assert_eq!(recent.get(&998), Some(&998));
        recent.insert(998, 5);
        assert_eq!(recent.get(&998), Some(&5));
        assert_eq!(recent.get(&980), None);
    }
}
