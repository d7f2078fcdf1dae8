//! A table that never grows: buckets of eight places. What finds its bucket full takes the
//! place of the entry that is worth least, which is handed back. An insertion costs the
//! same on a full table as on an empty one.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hash::mix;

const WAYS: usize = 8;

/// What an entry is worth: the least is forgotten first.
pub(crate) trait Worth {
    fn worth(&self) -> f32;
}

/// Values under 64-bit keys that are hashes already; 0 is no key.
#[derive(Debug, Clone)]
pub(crate) struct Head<V> {
    keys: Vec<u64>,
    values: Vec<V>,
    /// Entries that had to go.
    evicted_total: u64,
}

impl<V: Worth + Default + Clone> Head<V> {
    /// `capacity` is a power of two and at least eight.
    pub(crate) fn new(capacity: usize) -> Self {
        debug_assert!(capacity.is_power_of_two() && capacity >= WAYS);
        Self {
            keys: vec![0; capacity],
            values: vec![V::default(); capacity],
            evicted_total: 0,
        }
    }

    fn bucket(&self, key: u64) -> usize {
        (mix(key) as usize & (self.keys.len() / WAYS - 1)) * WAYS
    }

    fn place(&self, key: u64) -> Option<usize> {
        let bucket = self.bucket(key);
        let keys = &self.keys[bucket..][..WAYS];
        keys.iter().position(|k| *k == key).map(|way| bucket + way)
    }

    pub(crate) fn get(&self, key: u64) -> Option<&V> {
        self.place(key).map(|at| &self.values[at])
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        self.place(key).map(|at| &mut self.values[at])
    }

    /// The value under `key`, made by `make` where there is none; and what went for it.
    pub(crate) fn entry(
        &mut self,
        key: u64,
        make: impl FnOnce() -> V,
    ) -> (&mut V, Option<(u64, V)>) {
        if let Some(at) = self.place(key) {
            return (&mut self.values[at], None);
        }
        let bucket = self.bucket(key);
        let free = (bucket..bucket + WAYS).find(|at| self.keys[*at] == 0);
        let at = free.unwrap_or_else(|| {
            let worth = |at: &usize| self.values[*at].worth();
            (bucket..bucket + WAYS)
                .min_by(|a, b| worth(a).total_cmp(&worth(b)))
                .unwrap_or(bucket)
        });
        let before = std::mem::replace(&mut self.keys[at], key);
        let value = std::mem::replace(&mut self.values[at], make());
        let gone = (before != 0).then(|| {
            self.evicted_total += 1;
            (before, value)
        });
        (&mut self.values[at], gone)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let all = self.keys.iter().copied().zip(&self.values);
        all.filter(|(key, _)| *key != 0)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.iter().filter(|key| **key != 0).count()
    }

    pub(crate) fn evicted_total(&self) -> u64 {
        self.evicted_total
    }
}

/// Saved as its capacity and the entries there are.
impl<V: Serialize + Worth + Default + Clone> Serialize for Head<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries: Vec<(u64, &V)> = self.iter().collect();
        (self.keys.len() as u64, self.evicted_total, entries).serialize(serializer)
    }
}

impl<'de, V: DeserializeOwned + Worth + Default + Clone> Deserialize<'de> for Head<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let (capacity, evicted_total, entries) =
            <(u64, u64, Vec<(u64, V)>)>::deserialize(deserializer)?;
        let sane = capacity.is_power_of_two() && (WAYS as u64..=1 << 20).contains(&capacity);
        if !sane || entries.len() as u64 > capacity {
            return Err(D::Error::custom("a table has an impossible size"));
        }
        let mut head = Self::new(capacity as usize);
        for (key, value) in entries {
            if key == 0 {
                return Err(D::Error::custom("an entry has no key"));
            }
            let (place, _) = head.entry(key, V::default);
            *place = value;
        }
        head.evicted_total = evicted_total;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Worth for f32 {
        fn worth(&self) -> f32 {
            *self
        }
    }

    #[test]
    fn keeps_what_is_worth_most_and_hands_back_the_rest() {
        let mut head = Head::<f32>::new(64);
        let mut gone = 0;
        for n in 1..=1_000_u64 {
            let (_, out) = head.entry(n, || n as f32);
            gone += usize::from(out.is_some_and(|(key, value)| key as f32 == value));
        }
        assert_eq!(head.len() + gone, 1_000);
        assert_eq!(head.evicted_total(), gone as u64);
        assert!(head.get(1_000).is_some() && head.get(1).is_none());
    }

    #[test]
    fn comes_back_as_it_was_saved() {
        let mut head = Head::<f32>::new(64);
        for n in 1..=50_u64 {
            head.entry(n * 77, || n as f32);
        }
        let bytes = postcard::to_stdvec(&head).expect("saves");
        let again: Head<f32> = postcard::from_bytes(&bytes).expect("loads");
        let sorted = |head: &Head<f32>| {
            let mut all: Vec<_> = head.iter().map(|(k, v)| (k, *v as u32)).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(sorted(&head), sorted(&again));
    }
}
