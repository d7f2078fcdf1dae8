//! From a score, whose size means nothing by itself, to the share of normal events that
//! would look at least as unusual.
//!
//! Inside the calibration scores: split conformal p-values (Vovk, Gammerman, Shafer 2005;
//! Bates et al., "Testing for outliers with conformal p-values", Annals of Statistics
//! 51(1), 2023, <https://doi.org/10.1214/22-AOS2244>). Where hardly any of them is as high:
//! a generalised Pareto tail (Pickands 1975) that is fitted on those beyond the 98 % point,
//! see `tail`. Owns no threshold and no budget.
//!
//! The guarantee needs scores of events that the model was not fitted on, and later ones
//! rather than random ones: a random split understates false alarms two- to sixfold.

mod combine;
mod save;
mod tail;

pub use combine::{SMALLEST_P, bonferroni};

use crate::ModelError;
use tail::Tail;

/// The share of the calibration scores that the tail is fitted on.
const TAIL_SHARE: f64 = 0.02;

/// Fewer excesses than this say nothing about the shape of a tail.
const EXCESSES_MIN: usize = 20;

/// Where at least so many calibration scores are as high, they are counted: real scores pile
/// up and have gaps, which no smooth tail follows. Fewer are too few to count.
const COUNTED_MIN: usize = 10;

/// Every so many-th score is looked at first: the few of them stay in the processor's memory,
/// where a search over all would wait for one that is far away at each step.
const STRIDE: usize = 256;

/// The distribution of one model's scores on normal events.
///
/// ```
/// use sentinel_model::Calibration;
///
/// let calibration = Calibration::fit((0..99).map(|i| i as f32).collect())?;
/// assert_eq!(calibration.p_value(98.0), 0.02);
/// assert_eq!(calibration.p_value(500.0), 0.01, "too few scores to know a tail from");
/// # Ok::<(), sentinel_model::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Ascending.
    scores: Vec<f32>,
    /// Every [`STRIDE`]th of them.
    marks: Vec<f32>,
    tail: Option<Tail>,
}

impl Calibration {
    /// Learns from scores of held-out normal events, in any order. With 1,000 scores and
    /// more, of which 20 differ from those below, there is a tail.
    ///
    /// # Errors
    /// [`ModelError::Input`] for no score, or one that is not finite.
    pub fn fit(mut scores: Vec<f32>) -> Result<Self, ModelError> {
        if scores.is_empty() || scores.iter().any(|score| !score.is_finite()) {
            return Err(ModelError::input(
                "calibration needs scores, and finite ones",
            ));
        }
        for score in &mut scores {
            *score += 0.0; // Makes -0 into 0, which would sort apart.
        }
        scores.sort_unstable_by(f32::total_cmp);
        Ok(Self::sorted(scores))
    }

    fn sorted(scores: Vec<f32>) -> Self {
        let at = ((1.0 - TAIL_SHARE) * scores.len() as f64).ceil() as usize;
        let threshold = scores[at.clamp(1, scores.len()) - 1];
        let above = scores.partition_point(|score| *score <= threshold);
        let excess = |score: &f32| f64::from(*score) - f64::from(threshold);
        let excesses: Vec<f64> = scores[above..].iter().map(excess).collect();
        let tail = (excesses.len() >= EXCESSES_MIN).then(|| {
            // The share above is conformal, so that the tail begins where the ranks end.
            let share = (excesses.len() + 1) as f64 / (scores.len() + 1) as f64;
            Tail::fit(f64::from(threshold), share, &excesses)
        });
        let marks = scores.iter().copied().step_by(STRIDE).collect();
        Self {
            scores,
            marks,
            tail,
        }
    }

    /// How likely a normal event scores at least this high: above 0 and up to 1, never
    /// rising with the score, and never below [`SMALLEST_P`]. 1 where the score is not a
    /// number.
    ///
    /// Without a tail, `(r + 1) / (n + 1)` with r of the n calibration scores at or above
    /// this one, which no normal event falls below more often than it says.
    pub fn p_value(&self, score: f32) -> f64 {
        let p = match &self.tail {
            Some(tail) if f64::from(score) > tail.threshold() => {
                let reached = self.reached_by(score);
                let of_tail = tail.p_value(f64::from(score));
                match reached >= COUNTED_MIN {
                    true => self.rank(reached),
                    // No more than at the last score that was counted.
                    false => of_tail.min(self.rank(COUNTED_MIN)),
                }
            }
            _ if score.is_nan() => 1.0,
            _ => self.rank(self.reached_by(score)),
        };
        p.max(SMALLEST_P)
    }

    /// How many calibration scores are at least as high.
    fn reached_by(&self, score: f32) -> usize {
        let low = |known: &f32| *known < score;
        // The last mark that is lower, and what lies between it and the next.
        let from = self.marks.partition_point(low).saturating_sub(1) * STRIDE;
        let rest = &self.scores[from.min(self.scores.len())..];
        let near = &rest[..rest.len().min(STRIDE)];
        self.scores.len() - from - near.partition_point(low)
    }

    /// The conformal p-value of a score that so many calibration scores reach.
    fn rank(&self, reached: usize) -> f64 {
        (reached + 1) as f64 / (self.scores.len() + 1) as f64
    }

    /// The smallest p-value that this calibration can give: 1 / (n + 1) without a tail.
    pub fn resolution(&self) -> f64 {
        match self.tail {
            Some(_) => SMALLEST_P,
            None => 1.0 / (self.scores.len() + 1) as f64,
        }
    }

    /// Scores that it was learned from.
    pub fn count(&self) -> usize {
        self.scores.len()
    }

    /// The score at which the p-value falls to `p` or below, as near as a 32-bit number
    /// can say; `None` where it never does.
    pub fn score_at(&self, p: f64) -> Option<f32> {
        if self.p_value(f32::INFINITY) > p {
            return None;
        }
        // Bisection over the ordered bits of numbers, as p-values never rise.
        let (mut low, mut high) = (ordinal(f32::NEG_INFINITY), ordinal(f32::INFINITY));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let falls = self.p_value(number(middle)) <= p;
            (low, high) = if falls { (low, middle) } else { (middle, high) };
        }
        Some(number(high))
    }
}

/// Numbers as integers of the same order.
fn ordinal(number: f32) -> i64 {
    let bits = i64::from(number.to_bits());
    if bits < 1 << 31 {
        bits
    } else {
        (1 << 31) - bits
    }
}

fn number(ordinal: i64) -> f32 {
    let bits = if ordinal >= 0 {
        ordinal
    } else {
        (1 << 31) - ordinal
    };
    f32::from_bits(bits as u32)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
