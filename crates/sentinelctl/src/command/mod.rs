//! The subcommands, one file each: their arguments and the order of their steps.

pub mod alerts;
pub mod completions;
pub mod events;
pub mod mode;
pub mod simulate;
pub mod status;
