//! Sigma rules over the events of Sentinel.
//!
//! This crate owns what a rule sees of an event ([`Record`], [`View`]), which rules can
//! match at all and why others cannot ([`Standing`]), and the index that finds the few
//! rules worth evaluating for an event. The meaning of a rule is the engine's, `rsigma`:
//! whatever the index lets through is evaluated by it, and a test holds the index to the
//! answers of full evaluation. Only [`load()`] does IO; nothing reads a clock.

#![forbid(unsafe_code)]

mod clauses;
mod correlation;
mod document;
mod fields;
mod finding;
mod index;
mod keywords;
mod load;
mod plan;
mod reach;
mod record;
mod regexes;
mod rule;
mod set;
mod tags;
mod view;

pub use document::{Document, Problem, parse};
pub use fields::{Field, Values, fields_of};
pub use finding::finding;
pub use load::{Loaded, files_in, load, load_files};
pub use record::Record;
pub use rule::{Rule, Standing};
pub use set::{Hit, RuleSet};
pub use tags::techniques;
pub use view::{Lines, View};
