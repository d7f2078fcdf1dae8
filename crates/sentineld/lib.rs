//! The daemon: everything between the kernel and those who ask.
//!
//! `sensor` takes facts from the kernel, `source` makes events of them, `pipeline` shows
//! them to the detections, `hub` hands them to whoever listens, `service` answers the
//! control plane, `run` puts it all together.

#![deny(unsafe_code)]

pub mod acknowledgements;
pub mod allow;
pub mod anomaly;
pub mod audit;
pub mod cleanup;
pub mod clock;
pub mod config;
mod console;
mod coverage;
pub mod hub;
pub mod identity;
pub mod journald;
pub mod learning;
mod line;
pub mod metrics;
pub mod mode;
mod notify;
pub mod pipeline;
mod privileges;
pub mod probe;
mod procfs;
pub mod replay;
pub mod rules;
pub mod run;
#[allow(unsafe_code)]
pub mod sensor;
pub mod service;
pub mod settings;
pub mod source;
mod stdout;
