//! The models of Sentinel, as numbers only.
//!
//! Owns fitting, scoring, calibrating and comparing models, and the bytes in which they
//! are kept. It reads no file and no clock, and draws every random choice from a seed: the
//! same data and seed give the same model to the bit. What the numbers mean, and when a
//! score becomes an alert, is not known here.

#![forbid(unsafe_code)]

mod activation;
mod artifact;
mod autoencoder;
mod calibration;
mod dense;
mod error;
mod forest;
mod lstm;
pub mod metrics;
mod ngram;
pub mod random;

pub use autoencoder::{Autoencoder, SCALED_MAX};
pub use calibration::{Calibration, SMALLEST_P, bonferroni};
pub use dense::Dense;
pub use error::ModelError;
pub use forest::{Contamination, ForestParams, IsolationForest, average_path_length};
pub use lstm::{Lstm, LstmState};
pub use ngram::{Ngram, NgramParams, ORDER_MAX};
