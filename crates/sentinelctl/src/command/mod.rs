//! The subcommands, one file each: their arguments and the order of their steps.

pub mod alerts;
pub mod allow;
pub mod attack_name;
pub mod audit;
pub mod backtest;
pub mod baseline;
pub mod completions;
pub mod config;
pub mod coverage;
pub mod detection_name;
pub mod doctor;
pub mod events;
pub mod import;
pub mod lab;
pub mod mode;
pub mod other;
pub mod query;
pub mod rules;
pub mod simulate;
pub mod status;
pub mod tree;
