//! Remembers what was already seen, so that only the first of its kind is news.

use crate::bounded::Bounded;

/// How often each of many things was seen.
pub struct Firsts {
    table: Bounded<u64, u64>,
}

impl Firsts {
    /// Nothing seen yet; at most `limit` things are remembered.
    pub fn new(limit: usize) -> Firsts {
        Firsts {
            table: Bounded::new(limit),
        }
    }

    /// Notes the thing with this hash; gives how often it was seen before.
    pub fn note(&mut self, thing: u64) -> u64 {
        let seen = self.table.entry(thing, || 0);
        let before = *seen;
        *seen = before.saturating_add(1);
        before
    }

    /// How often the thing with this hash was seen so far.
    pub fn seen(&self, thing: u64) -> u64 {
        self.table.peek(&thing).copied().unwrap_or(0)
    }

    /// Things that were forgotten to make room, which will be news again.
    pub fn evicted_total(&self) -> u64 {
        self.table.evicted_total()
    }
}
