//! The isolation forest: Liu, Ting, Zhou, "Isolation Forest", ICDM 2008,
//! <https://doi.org/10.1109/ICDM.2008.17>.
//!
//! Owns growing, scoring, labels and saving. What the columns mean, and whether a score
//! is worth an alert, is decided elsewhere.

mod estimator;
mod grow;
mod layout;
mod params;
mod path_length;
mod rows;
mod save;

pub use params::{Contamination, ForestParams};
pub use path_length::average_path_length;

use crate::ModelError;
use crate::random::SplitMix64;
use grow::Grower;
use layout::Layout;
use rows::{RowMajor, Rows};

/// A fitted forest over rows of a fixed number of columns.
///
/// ```
/// use sentinel_model::{ForestParams, IsolationForest};
///
/// let rows: Vec<f32> = (0..500).flat_map(|i| [(i % 7) as f32, (i % 11) as f32]).collect();
/// let forest = IsolationForest::fit_rows(&rows, 2, &ForestParams::default())?;
/// assert!(forest.score(&[60.0, -40.0]) > forest.score(&[3.0, 5.0]));
/// # Ok::<(), sentinel_model::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IsolationForest {
    layout: Layout,
    columns: usize,
    /// Rows that each tree was grown on.
    sample_rows: usize,
    /// `-1 / (trees * c(sample_rows))`: turns a sum of lengths into the exponent of 2.
    exponent: f32,
    /// Scores above it are anomalies.
    line: f32,
}

impl IsolationForest {
    /// Fits a forest on row-major `values`, `columns` to a row.
    ///
    /// Takes some milliseconds whatever the number of rows, unless a contamination share
    /// is asked for, which needs the score of each row.
    ///
    /// # Errors
    /// [`ModelError::Input`] for no row, no column or more than 65,535, a value that is
    /// not finite, or parameters outside their ranges.
    pub fn fit_rows(
        values: &[f32],
        columns: usize,
        params: &ForestParams,
    ) -> Result<Self, ModelError> {
        let rows = RowMajor::new(values, columns)?;
        let mut forest = Self::grow(&rows, params)?;
        if let Contamination::Share(share) = params.contamination {
            let mut scores = vec![0.0; rows.shape().0];
            forest.score_rows(values, &mut scores)?;
            forest.line = percentile(scores, 1.0 - f64::from(share));
        }
        Ok(forest)
    }

    fn grow(rows: &impl Rows, params: &ForestParams) -> Result<Self, ModelError> {
        params.check()?;
        let (total, columns) = rows.shape();
        if total == 0 || columns == 0 || columns > usize::from(u16::MAX) {
            let sentence = "a forest needs at least one row, and 1 to 65,535 columns";
            return Err(ModelError::input(sentence));
        }
        if !rows.finite() {
            return Err(ModelError::input("a value is infinite or not a number"));
        }
        let sample_rows = params.sample_rows.min(total);
        let depth = grow::depth_max(sample_rows);
        let mut grower = Grower::new(total, columns, sample_rows, depth);
        let trees: Vec<_> = (0..params.trees)
            .map(|tree| grower.tree(rows, &mut SplitMix64::stream(params.seed, tree as u64)))
            .collect();
        let line = 0.5;
        Ok(Self::assemble(
            Layout::new(&trees, depth),
            columns,
            sample_rows,
            line,
        ))
    }

    fn assemble(layout: Layout, columns: usize, sample_rows: usize, line: f32) -> Self {
        let normal = layout.roots.len() as f64 * average_path_length(sample_rows);
        // A single training row makes no difference between scores; all are then 1, as
        // in scikit-learn.
        let exponent = if normal > 0.0 {
            (-1.0 / normal) as f32
        } else {
            0.0
        };
        Self {
            layout,
            columns,
            sample_rows,
            exponent,
            line,
        }
    }

    /// The anomaly score of one row: in 0..=1, near 1 for what few cuts isolate, around
    /// 0.5 and below for the ordinary. Equals `-score_samples` of scikit-learn. A value
    /// that is not a number counts as below every threshold.
    ///
    /// # Panics
    /// Where `row` has fewer values than [`columns`](Self::columns).
    pub fn score(&self, row: &[f32]) -> f32 {
        (self.layout.length(&row[..self.columns]) * self.exponent).exp2()
    }

    /// The scores of row-major `values`, one for each place in `scores`; equal to those
    /// of [`score`](Self::score) to the bit, and faster.
    ///
    /// # Errors
    /// [`ModelError::Input`] where `values` is not `columns` times as long as `scores`.
    pub fn score_rows(&self, values: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        if values.len() != scores.len() * self.columns {
            let (rows, columns) = (scores.len(), self.columns);
            let sentence = format!("{} values are not {rows} rows of {columns}", values.len());
            return Err(ModelError::input(sentence));
        }
        scores.fill(0.0);
        self.layout.lengths(values, self.columns, scores);
        for score in scores {
            *score = (*score * self.exponent).exp2();
        }
        Ok(())
    }

    /// Whether a score lies above the line that the contamination drew.
    pub fn is_anomaly(&self, score: f32) -> bool {
        score > self.line
    }

    /// The line that the contamination drew; `-offset_` in scikit-learn.
    pub fn line(&self) -> f32 {
        self.line
    }

    /// Values in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Nodes of all trees: eight bytes each, and four for the path length.
    pub fn nodes(&self) -> usize {
        self.layout.nodes.len()
    }
}

/// The value below which a share of `values` lies, with linear interpolation between
/// neighbours, as numpy does it.
fn percentile(mut values: Vec<f32>, share: f64) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let place = share * (values.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    let (low, high) = (f64::from(values[below]), f64::from(values[above]));
    (low + (high - low) * place.fract()) as f32
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
