//! What the caller may choose about a forest.

use crate::ModelError;

/// Where the line between normal and anomalous is drawn; semantics of scikit-learn's
/// `contamination`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Contamination {
    /// Scores above 0.5 are anomalies, as in the original paper.
    Auto,
    /// This share of the training rows, above 0 and up to 0.5, lies above the line.
    Share(f32),
}

/// The parameters of [`IsolationForest`](super::IsolationForest).
#[derive(Debug, Clone, PartialEq)]
pub struct ForestParams {
    /// Trees in the forest, 1 to 10,000.
    pub trees: usize,
    /// Rows that each tree is grown on, drawn without replacement, 2 to 16,384; all rows
    /// where there are fewer.
    pub sample_rows: usize,
    /// Decides every random choice: the same seed and data give the same forest.
    pub seed: u64,
    /// Where labels draw the line. Scores do not depend on it.
    pub contamination: Contamination,
}

/// 100 trees of 256 rows: more of either gains nothing that is larger than the spread
/// between seeds.
impl Default for ForestParams {
    fn default() -> Self {
        Self {
            trees: 100,
            sample_rows: 256,
            seed: 0,
            contamination: Contamination::Auto,
        }
    }
}

impl ForestParams {
    pub(super) fn check(&self) -> Result<(), ModelError> {
        if !(1..=10_000).contains(&self.trees) {
            return Err(ModelError::input("a forest has 1 to 10,000 trees"));
        }
        // A node names its children by a 16-bit distance, and a tree over n rows has at
        // most 2n - 1 nodes.
        if !(2..=16_384).contains(&self.sample_rows) {
            return Err(ModelError::input("a tree is grown on 2 to 16,384 rows"));
        }
        match self.contamination {
            Contamination::Share(share) if !(share > 0.0 && share <= 0.5) => Err(
                ModelError::input("contamination is above 0 and at most 0.5"),
            ),
            _ => Ok(()),
        }
    }
}
