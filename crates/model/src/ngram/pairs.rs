//! How often each token followed each context, in a table that never grows.
//!
//! Buckets of eight places. A pair that finds its bucket full takes the place of the pair
//! seen least, and of equals that with the longest context, since short contexts are what
//! all others fall back on. So an insertion costs the same on a full table as on an empty
//! one, and nothing is ever moved.

use crate::random::mix;

const WAYS: usize = 8;
const LENGTH_SHIFT: u32 = 61;

/// A context's key from its hash: the top three bits say how many tokens it has.
pub(super) fn key(hash: u64, length: usize) -> u64 {
    hash >> (64 - LENGTH_SHIFT) | (length as u64) << LENGTH_SHIFT
}

/// A token that followed a context. An empty place has count 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Pair {
    pub(super) context: u64,
    pub(super) token: u32,
    pub(super) count: f32,
}

impl Pair {
    /// The higher, the rather it is kept.
    fn worth(&self) -> (f32, u64) {
        (self.count, 7 - (self.context >> LENGTH_SHIFT))
    }
}

/// Where a pair went.
pub(super) enum Placed {
    /// It was there already.
    Known,
    /// Into an empty place.
    New,
    /// Into the place of this one.
    Instead(Pair),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pairs {
    places: Vec<Pair>,
}

impl Pairs {
    /// A table of `capacity` places, a power of two and at least eight.
    pub(super) fn new(capacity: usize) -> Self {
        let places = vec![Pair::default(); capacity];
        Self { places }
    }

    fn bucket(&self, context: u64, token: u32) -> usize {
        let hash = mix(context ^ u64::from(token).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        (hash as usize & (self.places.len() / WAYS - 1)) * WAYS
    }

    /// How often the pair was seen, faded; 0 if never.
    pub(super) fn count(&self, context: u64, token: u32) -> f32 {
        let bucket = &self.places[self.bucket(context, token)..][..WAYS];
        let is_it = |pair: &&Pair| pair.context == context && pair.token == token;
        bucket.iter().find(is_it).map_or(0.0, |pair| pair.count)
    }

    /// Counts the pair once more.
    pub(super) fn add(&mut self, context: u64, token: u32) -> Placed {
        let at = self.bucket(context, token);
        let bucket = &mut self.places[at..][..WAYS];
        let mut least = 0;
        for way in 0..WAYS {
            let pair = &mut bucket[way];
            if pair.count > 0.0 && pair.context == context && pair.token == token {
                pair.count += 1.0;
                return Placed::Known;
            }
            if bucket[way].worth() < bucket[least].worth() {
                least = way;
            }
        }
        let count = 1.0;
        let before = std::mem::replace(
            &mut bucket[least],
            Pair {
                context,
                token,
                count,
            },
        );
        if before.count > 0.0 {
            Placed::Instead(before)
        } else {
            Placed::New
        }
    }

    /// Puts a pair with its count where `add` would look for it; false where there is no
    /// room or it is there already.
    pub(super) fn restore(&mut self, pair: Pair) -> bool {
        let at = self.bucket(pair.context, pair.token);
        let bucket = &mut self.places[at..][..WAYS];
        let same = |p: &Pair| p.count > 0.0 && p.context == pair.context && p.token == pair.token;
        if bucket.iter().any(same) {
            return false;
        }
        let free = bucket.iter_mut().find(|place| place.count == 0.0);
        free.map(|place| *place = pair).is_some()
    }

    /// Multiplies all counts, and empties the places of those below `least`.
    pub(super) fn fade(&mut self, factor: f32, least: f32) {
        for pair in &mut self.places {
            pair.count *= factor;
            if pair.count < least {
                *pair = Pair::default();
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.places.iter().filter(|pair| pair.count > 0.0)
    }
}
