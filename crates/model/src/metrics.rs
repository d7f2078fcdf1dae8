//! How well scores tell anomalies from the rest.
//!
//! Own code, since smartcore's `AUC` panics on labels other than 0 and 1 and knows no
//! rate at a given share of false positives. Definitions are those of scikit-learn.

use crate::ModelError;

/// Labelled scores, sorted once.
#[derive(Debug, Clone)]
pub struct Ranking {
    /// Scores that are equal make one group, the highest first: anomalies and others
    /// among them.
    groups: Vec<(u64, u64)>,
    anomalies: u64,
    others: u64,
}

impl Ranking {
    /// Sorts `scores`, of which `labels` says for each whether it is an anomaly.
    ///
    /// # Errors
    /// [`ModelError::Input`] for different lengths, a score that is not a number, or
    /// labels of one sort only, on which no metric is defined.
    pub fn new(scores: &[f32], labels: &[bool]) -> Result<Self, ModelError> {
        if scores.len() != labels.len() {
            return Err(ModelError::input("there are not as many labels as scores"));
        }
        if scores.iter().any(|score| score.is_nan()) {
            return Err(ModelError::input("a score is not a number"));
        }
        // Adding zero makes -0 into 0, so that equal numbers are neighbours.
        let mut pairs: Vec<_> = scores.iter().map(|s| s + 0.0).zip(labels).collect();
        pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let groups: Vec<_> = pairs
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| {
                let anomalies = group.iter().filter(|(_, label)| **label).count();
                (anomalies as u64, (group.len() - anomalies) as u64)
            })
            .collect();
        let (anomalies, others) = groups.iter().fold((0, 0), |t, g| (t.0 + g.0, t.1 + g.1));
        if anomalies == 0 || others == 0 {
            return Err(ModelError::input("there must be both anomalies and others"));
        }
        Ok(Self {
            groups,
            anomalies,
            others,
        })
    }

    /// The probability that an anomaly scores above another row, ties counted half: the
    /// area under the receiver operating characteristic.
    pub fn auroc(&self) -> f64 {
        let (mut pairs, mut above) = (0.0, 0_u64);
        for &(anomalies, others) in &self.groups {
            pairs += others as f64 * (above as f64 + anomalies as f64 / 2.0);
            above += anomalies;
        }
        pairs / (self.anomalies as f64 * self.others as f64)
    }

    /// The mean precision at each recall step, without interpolation.
    pub fn average_precision(&self) -> f64 {
        let (mut sum, mut hits, mut seen) = (0.0, 0, 0);
        for &(anomalies, others) in &self.groups {
            hits += anomalies;
            seen += anomalies + others;
            sum += anomalies as f64 * hits as f64 / seen as f64;
        }
        sum / self.anomalies as f64
    }

    /// The largest share of anomalies that a threshold finds while at most the share
    /// `false_positives` (0..=1) of the others lies at or above it.
    pub fn true_positives_at(&self, false_positives: f64) -> f64 {
        let allowed = false_positives * self.others as f64;
        let (mut best, mut hits, mut alarms) = (0, 0, 0);
        for &(anomalies, others) in &self.groups {
            hits += anomalies;
            alarms += others;
            // The small margin keeps 0.05 * 20 from being less than 1.
            if alarms as f64 <= allowed + 1e-9 {
                best = hits;
            }
        }
        best as f64 / self.anomalies as f64
    }
}

/// Refuses the scores of a model that has collapsed: one that says nearly the same of
/// everything, or of known anomalies nothing else than of the rest.
///
/// # Errors
/// [`ModelError::Input`] with what is wrong, and as [`Ranking::new`].
pub fn check_collapse(scores: &[f32], labels: &[bool]) -> Result<(), ModelError> {
    /// Of all scores, those that may be equal to the most frequent one.
    const EQUAL_MAX: f64 = 0.5;
    /// Chance is 0.5.
    const AUROC_MIN: f64 = 0.6;
    let ranking = Ranking::new(scores, labels)?;
    let largest = ranking.groups.iter().map(|(a, b)| a + b).max().unwrap_or(0);
    let equal = largest as f64 / scores.len() as f64;
    if equal > EQUAL_MAX {
        let sentence = format!("{:.0} % of all scores are the same", equal * 100.0);
        return Err(ModelError::input(sentence));
    }
    let auroc = ranking.auroc();
    if auroc < AUROC_MIN {
        let sentence = format!("known anomalies score as the rest: AUROC {auroc:.2}");
        return Err(ModelError::input(sentence));
    }
    // A difference that 32-bit noise could make is none.
    let mean = |wanted: bool| {
        let of = scores.iter().zip(labels).filter(|(_, l)| **l == wanted);
        let (sum, n) = of.fold((0.0, 0.0), |(sum, n), (s, _)| {
            (sum + f64::from(*s), n + 1.0)
        });
        sum / n
    };
    let (anomalies, others) = (mean(true), mean(false));
    if (anomalies - others).abs() < 1e-4 * anomalies.abs().max(others.abs()) {
        let sentence = format!("anomalies score {anomalies} on average, and the rest {others}");
        return Err(ModelError::input(sentence));
    }
    Ok(())
}

/// The rank of each value, from 1, equal values sharing their mean rank.
///
/// # Errors
/// [`ModelError::Input`] for a value that is not a number.
pub fn ranks(values: &[f32]) -> Result<Vec<f64>, ModelError> {
    if values.iter().any(|value| value.is_nan()) {
        return Err(ModelError::input("a value is not a number"));
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = before as f64 + (group.len() as f64 + 1.0) / 2.0;
        for &at in group {
            ranks[at] = mean;
        }
        before += group.len();
    }
    Ok(ranks)
}

/// Spearman's correlation of two columns by their ranks, -1..=1.
///
/// # Errors
/// [`ModelError::Input`] for different lengths, values that are not numbers, or a
/// column that always says the same.
pub fn rank_correlation(a: &[f32], b: &[f32]) -> Result<f64, ModelError> {
    if a.len() != b.len() {
        return Err(ModelError::input("the columns differ in length"));
    }
    let (a, b) = (ranks(a)?, ranks(b)?);
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let sum = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum()
    };
    let scale = (sum(&a, &a) * sum(&b, &b)).sqrt();
    if scale > 0.0 {
        Ok(sum(&a, &b) / scale)
    } else {
        Err(ModelError::input(
            "a column that always says the same has no correlation",
        ))
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
