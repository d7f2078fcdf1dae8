//! How often which thing comes with which context: exact for the 8,192 most frequent
//! pairs, a sketch for the rest.
//!
//! Owns counting and probabilities, and the quarantine: a pair counts as known only once
//! it was seen on several days, or was allowed; what is planted once stays unusual. The
//! probability of Witten and Bell (1991), `(n + t P(item)) / (N + t)`, gives the new the
//! share that it had so far in this context.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use serde::{Deserialize, Serialize};

use crate::hash::{Hashed, pair};
use crate::head::{Head, Worth};
use crate::moment::Moment;
use crate::sketch::Sketch;

const PAIRS: usize = 8_192;
const CONTEXTS: usize = 4_096;
/// First sightings that are remembered exactly; later ones are left to the sketch alone.
const FIRSTS_MAX: usize = 65_536;

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Pair {
    /// Weighed by age.
    count: f32,
    /// As many as there were.
    raw: u32,
    last_day: u16,
    days: u8,
    known: bool,
}

impl Worth for Pair {
    fn worth(&self) -> f32 {
        // Of two that were seen as often, the one in quarantine goes.
        self.count + if self.known { 0.5 } else { 0.0 }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Context {
    total: f32,
    raw: u32,
    distinct: f32,
}

impl Worth for Context {
    fn worth(&self) -> f32 {
        self.total
    }
}

/// What is known of a pair, in plain counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Of the pair.
    pub(crate) pair: u32,
    /// Of everything in the context.
    pub(crate) context: u32,
    /// Days on which the pair was seen, at most 255.
    pub(crate) days: u8,
    /// Seen, and not known yet.
    pub(crate) quarantined: bool,
}

/// What an observation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Never before, as far as the table remembers.
    New,
    /// Before, and not on enough days.
    Quarantined,
    /// Often enough now, which it was not before.
    Released,
    /// As usual.
    Known,
}

/// Counts of items in contexts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Relation {
    pairs: Head<Pair>,
    contexts: Head<Context>,
    tail: Sketch,
    /// Every pair that was ever seen. Nothing is taken out of it.
    firsts: HashSet<u64, BuildHasherDefault<Hashed>>,
}

impl Relation {
    pub(crate) fn new() -> Self {
        Self {
            pairs: Head::new(PAIRS),
            contexts: Head::new(CONTEXTS),
            tail: Sketch::default(),
            firsts: HashSet::default(),
        }
    }

    /// What the sketch counted, where that can be more than nothing.
    fn in_tail(&self, key: u64) -> f32 {
        let full = self.firsts.len() >= FIRSTS_MAX;
        if full || self.firsts.contains(&key) {
            self.tail.estimate(key)
        } else {
            0.0
        }
    }

    /// P(item | context), above 0 where `base` is; `base` is P(item) without the context.
    pub(crate) fn probability(&self, context: u64, item: u64, base: f64, at: &Moment) -> f64 {
        let Some(known) = self.contexts.get(context) else {
            return base;
        };
        let key = pair(context, item);
        let count = match self.pairs.get(key) {
            Some(pair) if pair.known => pair.count,
            Some(_) => 0.0,
            None => self.in_tail(key),
        };
        let unseen = f64::from(known.distinct * at.weight);
        (f64::from(count) + unseen * base) / (f64::from(known.total).max(f64::from(count)) + unseen)
    }

    /// -log2 of the probability, at most 24.
    pub(crate) fn surprise(&self, context: u64, item: u64, base: f64, at: &Moment) -> f32 {
        bits(self.probability(context, item, base, at))
    }

    /// Counts the pair once. `trusted` behaviour, such as that of a package upgrade, needs
    /// no quarantine.
    pub(crate) fn observe(&mut self, context: u64, item: u64, at: &Moment, trusted: bool) -> Seen {
        let key = pair(context, item);
        let from_tail = if self.pairs.get(key).is_none() {
            self.in_tail(key)
        } else {
            0.0
        };
        if self.firsts.len() < FIRSTS_MAX {
            self.firsts.insert(key);
        }
        let make = || Pair {
            count: from_tail,
            raw: (from_tail / at.weight) as u32,
            known: from_tail > 0.0,
            ..Pair::default()
        };
        let (entry, gone) = self.pairs.entry(key, make);
        let new = entry.raw == 0 && !entry.known;
        let was_known = entry.known;
        entry.count += at.weight;
        entry.raw = entry.raw.saturating_add(1);
        if entry.days == 0 || entry.last_day != at.day {
            entry.days = entry.days.saturating_add(1);
            entry.last_day = at.day;
        }
        entry.known |= trusted || entry.days >= at.admit_days;
        let is_known = entry.known;
        if let Some((key, pair)) = gone
            && pair.known
        {
            // What is in the tail already was counted when it left it.
            let missing = pair.count - self.tail.estimate(key);
            if missing > 0.0 {
                self.tail.add(key, missing);
            }
        }
        let (context, _) = self.contexts.entry(context, Context::default);
        context.total += at.weight;
        context.raw = context.raw.saturating_add(1);
        if new {
            context.distinct += 1.0;
        }
        match (new, was_known, is_known) {
            (true, ..) => Seen::New,
            (_, true, _) => Seen::Known,
            (_, false, true) => Seen::Released,
            (_, false, false) => Seen::Quarantined,
        }
    }

    /// Lets the pair count as known from now on; false where it was never seen.
    pub(crate) fn approve(&mut self, context: u64, item: u64) -> bool {
        let entry = self.pairs.get_mut(pair(context, item));
        entry.map(|entry| entry.known = true).is_some()
    }

    /// Lets the pair be as if it had never been seen; false where it was not.
    pub(crate) fn deny(&mut self, context: u64, item: u64) -> bool {
        let entry = self.pairs.get_mut(pair(context, item));
        entry
            .map(|entry| {
                *entry = Pair {
                    last_day: entry.last_day,
                    ..Pair::default()
                }
            })
            .is_some()
    }

    /// Whether the pair counts as known.
    pub(crate) fn is_known(&self, context: u64, item: u64) -> bool {
        let key = pair(context, item);
        match self.pairs.get(key) {
            Some(pair) => pair.known,
            None => self.in_tail(key) > 0.0,
        }
    }

    pub(crate) fn counts(&self, context: u64, item: u64) -> Counts {
        let pair = self.pairs.get(pair(context, item));
        Counts {
            pair: pair.map_or(0, |pair| pair.raw),
            context: self.contexts.get(context).map_or(0, |c| c.raw),
            days: pair.map_or(0, |pair| pair.days),
            quarantined: pair.is_some_and(|pair| !pair.known),
        }
    }

    pub(crate) fn scale(&mut self, factor: f32) {
        self.pairs
            .values_mut()
            .for_each(|pair| pair.count *= factor);
        self.contexts.values_mut().for_each(|c| c.total *= factor);
        self.tail.scale(factor);
    }

    /// Pairs that had to leave the exact table.
    pub(crate) fn evicted_total(&self) -> u64 {
        self.pairs.evicted_total()
    }
}

/// The most bits of surprise that are told apart.
pub(crate) const BITS_MAX: f32 = 24.0;

/// -log2, at most 24.
pub(crate) fn bits(probability: f64) -> f32 {
    (-probability.max(1e-12).log2() as f32).clamp(0.0, BITS_MAX)
}

#[cfg(test)]
#[path = "relation_tests.rs"]
mod tests;
