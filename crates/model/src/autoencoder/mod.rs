//! The autoencoder: a network that learned to repeat normal rows through a narrow middle,
//! and repeats others badly. Denoising, after Vincent et al., "Extracting and composing
//! robust features with denoising autoencoders", ICML 2008,
//! <https://doi.org/10.1145/1390156.1390294>.
//!
//! Owns scaling and the forward step. Training is done by another program.

mod save;

use crate::activation::tanh;
use crate::{Dense, ModelError};

/// The widest layer. Activations live on the stack.
const WIDTH_MAX: usize = 4_096;
/// Networks that are no wider, as those of the daemon, clear less of the stack per row.
const WIDTH_USUAL: usize = 64;

/// Scaled values are clipped here: one wild feature must not hide all the others, and
/// beyond eight times the usual range nothing is learned from how far it is.
pub const SCALED_MAX: f32 = 8.0;

/// A trained autoencoder: scaling, layers with tanh between them, none after the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoencoder {
    centers: Vec<f32>,
    spreads: Vec<f32>,
    layers: Vec<Dense>,
}

impl Autoencoder {
    /// An autoencoder over rows of as many columns as there are `centers`; each column
    /// is scaled to `(x - center) / spread`.
    ///
    /// # Errors
    /// [`ModelError::Input`] where the layers do not lead from the columns back to the
    /// columns, are wider than 4,096 or more than eight, or a spread is not above zero.
    pub fn new(
        centers: Vec<f32>,
        spreads: Vec<f32>,
        layers: Vec<Dense>,
    ) -> Result<Self, ModelError> {
        let columns = centers.len();
        if spreads.len() != columns || columns == 0 {
            return Err(ModelError::input(
                "each column has one center and one spread",
            ));
        }
        let usable = |spread: &f32| spread.is_finite() && *spread > 0.0;
        if !spreads.iter().all(usable) || !centers.iter().all(|center| center.is_finite()) {
            return Err(ModelError::input(
                "centers are finite and spreads above zero",
            ));
        }
        if !(1..=save::LAYERS_MAX).contains(&layers.len()) {
            return Err(ModelError::input("an autoencoder has one to eight layers"));
        }
        let mut width = columns;
        for layer in &layers {
            if layer.inputs() != width || width > WIDTH_MAX {
                return Err(ModelError::input(format!(
                    "no layer takes the {width} numbers before it"
                )));
            }
            width = layer.outputs();
        }
        if width != columns {
            return Err(ModelError::input(format!(
                "{width} numbers come out for {columns} columns"
            )));
        }
        Ok(Self {
            centers,
            spreads,
            layers,
        })
    }

    /// The mean squared error of repeating one row, in squared spreads: 0 for the
    /// perfectly expected, and at most some hundreds.
    ///
    /// # Panics
    /// Where `row` has not [`columns`](Self::columns) values.
    pub fn score(&self, row: &[f32]) -> f32 {
        if self.width() <= WIDTH_USUAL {
            self.score_in::<WIDTH_USUAL>(row)
        } else {
            self.score_in::<WIDTH_MAX>(row)
        }
    }

    fn score_in<const WIDTH: usize>(&self, row: &[f32]) -> f32 {
        let mut errors = [0.0; WIDTH];
        let errors = &mut errors[..self.columns()];
        self.errors_in::<WIDTH>(row, errors);
        errors.iter().sum::<f32>() / errors.len() as f32
    }

    /// The squared error of each column, whose mean is the score.
    ///
    /// # Panics
    /// Where `row` or `errors` has not [`columns`](Self::columns) places.
    pub fn errors(&self, row: &[f32], errors: &mut [f32]) {
        if self.width() <= WIDTH_USUAL {
            self.errors_in::<WIDTH_USUAL>(row, errors);
        } else {
            self.errors_in::<WIDTH_MAX>(row, errors);
        }
    }

    /// The widest layer.
    fn width(&self) -> usize {
        let outputs = self.layers.iter().map(Dense::outputs);
        outputs.fold(self.columns(), usize::max)
    }

    fn errors_in<const WIDTH: usize>(&self, row: &[f32], errors: &mut [f32]) {
        assert_eq!((row.len(), errors.len()), (self.columns(), self.columns()));
        let mut scaled = [0.0; WIDTH];
        self.scale(row, &mut scaled[..row.len()]);
        let (mut from, mut to) = (scaled, [0.0; WIDTH]);
        let last = self.layers.len() - 1;
        for (at, layer) in self.layers.iter().enumerate() {
            let outputs = &mut to[..layer.outputs()];
            layer.apply(from[..layer.inputs()].iter(), outputs);
            if at < last {
                outputs
                    .iter_mut()
                    .for_each(|output| *output = tanh(*output));
            }
            std::mem::swap(&mut from, &mut to);
        }
        for ((error, wanted), found) in errors.iter_mut().zip(scaled).zip(from) {
            *error = (wanted - found) * (wanted - found);
        }
    }

    /// What the network sees of a row, and what training must feed it: each value scaled
    /// and clipped to [`SCALED_MAX`]; 0, the usual, for one that is not a number.
    ///
    /// # Panics
    /// Where `row` or `scaled` has not [`columns`](Self::columns) places.
    pub fn scale(&self, row: &[f32], scaled: &mut [f32]) {
        assert_eq!((row.len(), scaled.len()), (self.columns(), self.columns()));
        let scales = self.centers.iter().zip(&self.spreads);
        for ((place, value), (center, spread)) in scaled.iter_mut().zip(row).zip(scales) {
            let value = (value - center) / spread;
            *place = if value.is_nan() {
                0.0
            } else {
                value.clamp(-SCALED_MAX, SCALED_MAX)
            };
        }
    }

    /// Values in a row.
    pub fn columns(&self) -> usize {
        self.centers.len()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
