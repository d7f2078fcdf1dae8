//! The models of Sentinel, as numbers only.
//!
//! Owns fitting, scoring, calibrating and comparing models, and the bytes in which they
//! are kept. It reads no file and no clock, and draws every random choice from a seed: the
//! same data and seed give the same model to the bit. What the numbers mean, and when a
//! score becomes an alert, is not known here.

#![forbid(unsafe_code)]

mod artifact;
mod calibration;
mod error;
mod forest;
pub mod metrics;
mod ngram;
mod random;

pub use calibration::{Calibration, SMALLEST_P, bonferroni};
pub use error::ModelError;
pub use forest::{Contamination, ForestParams, IsolationForest, average_path_length};
pub use ngram::{Ngram, NgramParams, ORDER_MAX};
