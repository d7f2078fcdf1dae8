//! What this host usually does, and how unusual an event is by it.
//!
//! Owns the counts ([`Baseline`]), the features made of them ([`FEATURES`]), the judgement
//! of several detectors, and the incidents that unusual events add up to. It does no IO and
//! reads no clock: time comes from the events, so a replay learns and alerts exactly as the
//! daemon does. Where learned state is kept, and where alerts go, is the daemon's business;
//! the models themselves are `sentinel-model`'s.
//!
//! Each event is first measured, then judged, and only then counted.

#![forbid(unsafe_code)]

mod anomaly;
mod arguments;
mod baseline;
mod behaviour;
mod budget;
mod case;
mod chains;
mod config;
mod coverage;
mod explain;
mod gate;
mod hash;
mod head;
mod identity;
mod incident;
mod judge;
mod live;
mod measure;
mod moment;
mod networks;
mod nightly;
mod order;
mod portrait;
mod profile;
mod rates;
mod recent;
mod relation;
mod rows;
mod save;
mod schema;
mod sketch;
mod standing;
mod tables;
mod tail;
#[cfg(test)]
mod testing;
mod words;

pub use anomaly::{Anomaly, Cause, Delivery};
pub use baseline::{Baseline, Phase};
pub use behaviour::{ADMIT_DAYS, Behaviour, Decision};
pub use config::Config;
pub use coverage::{Coverage, Progress};
pub use explain::{Note, Unusual};
pub use judge::{DETECTOR_COUNT, DETECTORS};
pub use networks::{NETWORK_NAMES, NETWORKS, Trained, Training};
pub use order::Tokens;
pub use portrait::Portrait;
pub use save::LoadError;
pub use schema::{COLUMNS, Concern, FEATURES, Feature, schema_hash};
pub use standing::Standing;
pub use tail::{TAIL, TailDay};
