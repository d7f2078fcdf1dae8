//! Access to training rows, whatever holds them.

use smartcore::linalg::basic::{arrays::Array, matrix::DenseMatrix};

use crate::ModelError;

/// A table of finite numbers, read row by row.
pub(super) trait Rows {
    /// Rows and columns.
    fn shape(&self) -> (usize, usize);

    /// Copies one row into `into`, which has a place for each column.
    fn copy_row(&self, row: usize, into: &mut [f32]);

    /// Whether every value is finite.
    fn finite(&self) -> bool;
}

/// Row after row in one slice.
pub(super) struct RowMajor<'a> {
    values: &'a [f32],
    columns: usize,
}

impl<'a> RowMajor<'a> {
    pub(super) fn new(values: &'a [f32], columns: usize) -> Result<Self, ModelError> {
        if columns == 0 || !values.len().is_multiple_of(columns) {
            let length = values.len();
            let sentence = format!("{length} values do not make rows of {columns}");
            return Err(ModelError::input(sentence));
        }
        Ok(Self { values, columns })
    }
}

/// True where all of `values` are finite. Adds up `0 * x`, which is 0 for a finite x and
/// NaN for all others, since that needs no branch per value.
fn all_finite<'a>(values: impl Iterator<Item = &'a f32>) -> bool {
    values.fold(0.0, |sum, value| sum + value * 0.0) == 0.0
}

impl Rows for RowMajor<'_> {
    fn shape(&self) -> (usize, usize) {
        (self.values.len() / self.columns, self.columns)
    }

    fn copy_row(&self, row: usize, into: &mut [f32]) {
        into.copy_from_slice(&self.values[row * self.columns..][..self.columns]);
    }

    fn finite(&self) -> bool {
        // Eight sums, since one would wait for itself at every addition.
        let mut sums = [0.0_f32; 8];
        let (blocks, rest) = self.values.as_chunks::<8>();
        for block in blocks {
            for (sum, value) in sums.iter_mut().zip(block) {
                *sum += value * 0.0;
            }
        }
        all_finite(sums.iter()) && all_finite(rest.iter())
    }
}

impl Rows for DenseMatrix<f32> {
    fn shape(&self) -> (usize, usize) {
        Array::shape(self)
    }

    fn copy_row(&self, row: usize, into: &mut [f32]) {
        for (column, value) in into.iter_mut().enumerate() {
            *value = *self.get((row, column));
        }
    }

    fn finite(&self) -> bool {
        all_finite(self.iter())
    }
}
