//! Trains the networks whose forward steps `sentinel-model` owns.
//!
//! A crate of its own, because the framework is large and training is slow: the daemon
//! starts the program `sentinel-train` at low priority with a memory limit and reads the
//! file it leaves. Owns losses, optimisation and when to stop; reads no clock, and draws
//! every random choice from a seed. [`lab`] measures models on labelled data with the same
//! code.

#![forbid(unsafe_code)]

mod autoencoder;
pub mod lab;
mod lstm;
mod weights;

pub use autoencoder::{AutoencoderParams, train_autoencoder};
pub use lstm::{LstmParams, train_lstm};
