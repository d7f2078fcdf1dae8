//! The forest as an estimator of smartcore, over its matrices.

use smartcore::api::{Predictor, UnsupervisedEstimator};
use smartcore::error::Failed;
use smartcore::linalg::basic::{arrays::Array, matrix::DenseMatrix};

use super::rows::Rows;
use super::{Contamination, ForestParams, IsolationForest, percentile};

impl UnsupervisedEstimator<DenseMatrix<f32>, ForestParams> for IsolationForest {
    /// Fits a forest on an N x M matrix in either order of storage.
    fn fit(x: &DenseMatrix<f32>, parameters: ForestParams) -> Result<Self, Failed> {
        let failed = |error: crate::ModelError| Failed::fit(&error.to_string());
        let mut forest = Self::grow(x, &parameters).map_err(failed)?;
        if let Contamination::Share(share) = parameters.contamination {
            let scores: Vec<f32> = forest.predict(x)?;
            forest.line = percentile(scores, 1.0 - f64::from(share));
        }
        Ok(forest)
    }
}

impl Predictor<DenseMatrix<f32>, Vec<f32>> for IsolationForest {
    /// The anomaly score of each row, in 0..=1.
    fn predict(&self, x: &DenseMatrix<f32>) -> Result<Vec<f32>, Failed> {
        let (rows, columns) = Array::shape(x);
        if columns != self.columns {
            let sentence = format!("the forest knows {} columns, not {columns}", self.columns);
            return Err(Failed::predict(&sentence));
        }
        let mut values = vec![0.0; rows * columns];
        for (row, into) in values.chunks_exact_mut(columns).enumerate() {
            x.copy_row(row, into);
        }
        let mut scores = vec![0.0; rows];
        let scored = self.score_rows(&values, &mut scores);
        scored.map_err(|error| Failed::predict(&error.to_string()))?;
        Ok(scores)
    }
}

impl Predictor<DenseMatrix<f32>, Vec<i32>> for IsolationForest {
    /// -1 for each row that is an anomaly and 1 for each other one, as in scikit-learn.
    fn predict(&self, x: &DenseMatrix<f32>) -> Result<Vec<i32>, Failed> {
        let scores: Vec<f32> = self.predict(x)?;
        let label = |score| if self.is_anomaly(score) { -1 } else { 1 };
        Ok(scores.into_iter().map(label).collect())
    }
}
