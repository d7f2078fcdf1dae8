//! A model of sequences that backs off to shorter contexts: Witten and Bell, "The
//! zero-frequency problem", IEEE Transactions on Information Theory 37(4), 1991,
//! <https://doi.org/10.1109/18.87000>, method C, in its interpolated form.
//!
//! Owns counts and probabilities. What a token stands for, where a sequence begins, and
//! when counts have to fade is the caller's to say.

mod pairs;
mod save;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::ModelError;
use crate::random::mix;
use pairs::{Pair, Pairs, Placed};

/// The longest order: five tokens of context and the one that follows.
pub const ORDER_MAX: usize = 6;

/// Counts that have faded below this are forgotten: what was seen once is remembered for
/// five half-lives.
const COUNT_MIN: f32 = 1.0 / 32.0;

/// The parameters of [`Ngram`].
#[derive(Debug, Clone, PartialEq)]
pub struct NgramParams {
    /// Tokens that are looked at together, 1 to [`ORDER_MAX`].
    pub order: usize,
    /// Tokens that could occur, at least 1: a token never seen has this share of what is
    /// left for the unseen.
    pub vocabulary: u32,
    /// Places for pairs of a context and its next token, 16 bytes each, a power of two
    /// from 64 to 16,777,216. Contexts never outnumber them.
    pub pairs_max: usize,
    /// Places contexts in the table. A secret one keeps others from choosing tokens that
    /// crowd each other out.
    pub seed: u64,
}

/// Order 6, a thousand tokens, 2 MiB for pairs.
impl Default for NgramParams {
    fn default() -> Self {
        Self {
            order: 6,
            vocabulary: 1_024,
            pairs_max: 1 << 17,
            seed: 0,
        }
    }
}

/// What is known of one context.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Context {
    /// Tokens seen after it, faded.
    total: f64,
    /// Different tokens among them.
    distinct: u32,
}

/// Keys are hashes already; hashing them again would only cost time.
#[derive(Debug, Clone, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are 64-bit numbers");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

type Contexts = HashMap<u64, Context, BuildHasherDefault<Identity>>;

/// A back-off model over tokens, with bounded memory.
///
/// ```
/// use sentinel_model::{Ngram, NgramParams};
///
/// let mut ngram = Ngram::new(NgramParams::default())?;
/// for _ in 0..20 {
///     ngram.observe(&[1, 2], 3);
/// }
/// assert!(ngram.surprise(&[1, 2], 3) < 1.0);
/// assert!(ngram.surprise(&[1, 2], 4) > 10.0);
/// # Ok::<(), sentinel_model::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ngram {
    params: NgramParams,
    contexts: Contexts,
    pairs: Pairs,
    evicted: u64,
}

impl Ngram {
    /// A model that has seen nothing.
    ///
    /// # Errors
    /// [`ModelError::Input`] for parameters outside their ranges.
    pub fn new(params: NgramParams) -> Result<Self, ModelError> {
        if !(1..=ORDER_MAX).contains(&params.order) {
            return Err(ModelError::input("the order is 1 to 6"));
        }
        if params.vocabulary == 0 {
            return Err(ModelError::input("a vocabulary has at least one token"));
        }
        if !params.pairs_max.is_power_of_two() || !(64..=1 << 24).contains(&params.pairs_max) {
            let sentence = "pairs_max is a power of two from 64 to 16,777,216";
            return Err(ModelError::input(sentence));
        }
        let pairs = Pairs::new(params.pairs_max);
        Ok(Self {
            params,
            contexts: Contexts::default(),
            pairs,
            evicted: 0,
        })
    }

    /// How unexpected `token` is after `context`, in bits: 0 for the certain, and without
    /// limit for the unlikely. The last token of `context` is the latest one; of a longer
    /// context than the order asks for, only the end counts, and a shorter one, as at the
    /// beginning of a sequence, is used as it is.
    pub fn surprise(&self, context: &[u32], token: u32) -> f32 {
        -self.probability(context, token).log2() as f32
    }

    /// P(token | context), above 0 and up to 1.
    pub fn probability(&self, context: &[u32], token: u32) -> f64 {
        let mut probability = 1.0 / f64::from(self.params.vocabulary);
        for key in self.keys(context) {
            // A context never seen says nothing, and neither can longer ones.
            let Some(context) = self.contexts.get(&key) else {
                break;
            };
            let seen = f64::from(self.pairs.count(key, token));
            let new = f64::from(context.distinct);
            probability = (seen + new * probability) / (context.total + new);
        }
        probability.clamp(f64::MIN_POSITIVE, 1.0)
    }

    /// Counts `token` after `context`, at each order.
    pub fn observe(&mut self, context: &[u32], token: u32) {
        for key in self.keys(context) {
            let placed = self.pairs.add(key, token);
            let context = self.contexts.entry(key).or_default();
            context.total += 1.0;
            context.distinct += u32::from(!matches!(placed, Placed::Known));
            if let Placed::Instead(evicted) = placed {
                self.evicted += 1;
                self.forget(evicted);
            }
        }
    }

    /// [`surprise`](Self::surprise), then [`observe`](Self::observe): the model never
    /// sees an event's own count.
    pub fn score_then_observe(&mut self, context: &[u32], token: u32) -> f32 {
        let surprise = self.surprise(context, token);
        self.observe(context, token);
        surprise
    }

    /// Multiplies all counts by `factor`, and forgets what has faded below 1/32. With a
    /// half-life of H days that is `0.5^(1/H)`, once a day.
    ///
    /// # Errors
    /// [`ModelError::Input`] for a factor that is not above 0 and at most 1.
    pub fn fade(&mut self, factor: f32) -> Result<(), ModelError> {
        if !(factor > 0.0 && factor <= 1.0) {
            return Err(ModelError::input(
                "counts fade by a factor above 0 and at most 1",
            ));
        }
        self.pairs.fade(factor, COUNT_MIN);
        self.contexts.clear();
        // Counted afresh, so that rounding does not add up over the months.
        for pair in self.pairs.iter() {
            let context = self.contexts.entry(pair.context).or_default();
            context.total += f64::from(pair.count);
            context.distinct += 1;
        }
        Ok(())
    }

    fn forget(&mut self, pair: Pair) {
        if let Some(context) = self.contexts.get_mut(&pair.context) {
            context.total -= f64::from(pair.count);
            context.distinct -= 1;
            if context.distinct == 0 {
                self.contexts.remove(&pair.context);
            }
        }
    }

    /// A hash of the last 0, 1, 2, ... tokens, the shortest context first. The top bits
    /// hold the length, so that the table can tell long contexts from short ones.
    fn keys(&self, context: &[u32]) -> impl Iterator<Item = u64> + use<> {
        let mut hash = mix(self.params.seed);
        let mut keys = [0; ORDER_MAX];
        let length = context.len().min(self.params.order - 1);
        keys[0] = pairs::key(hash, 0);
        for (n, token) in context.iter().rev().take(length).enumerate() {
            hash = mix(hash ^ u64::from(*token) ^ (n as u64 + 1) << 32);
            keys[n + 1] = pairs::key(hash, n + 1);
        }
        keys.into_iter().take(length + 1)
    }

    /// What the model was made with.
    pub fn params(&self) -> &NgramParams {
        &self.params
    }

    /// Pairs that had to give way to others since the model was made.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Pairs of a context and a next token that are remembered.
    pub fn pairs(&self) -> usize {
        self.pairs.iter().count()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
