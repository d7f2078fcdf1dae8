//! What is concluded from events.
//!
//! This crate owns the detections ([`DETECTIONS`]), the [`Engine`] that feeds them
//! and turns what they find into alerts, and their [`Config`]. It does no IO and
//! reads no clock: time comes from the events, so the same events give the same
//! alerts to the byte, live or in a replay. Where events come from and where alerts
//! go is the daemon's business; numbering alerts in the host's history
//! ([`sentinel_event::Alert::seq`]) is the store's.

#![forbid(unsafe_code)]

mod allowance;
mod bounded;
mod changes;
mod config;
mod connections;
mod credentials;
mod engine;
mod escape;
mod facts;
mod fileless;
mod finding;
mod firsts;
mod flooding;
mod grade;
mod grouping;
mod impairment;
mod injection;
mod intrusive;
mod kernel;
mod kinds;
mod living;
mod logs;
mod loss;
mod miner;
mod paths;
mod persistence;
mod places;
mod privilege;
mod programs;
mod reflective;
mod registry;
mod reverse;
mod service;
mod stable_hash;
mod suggest;
mod tail;
pub mod techniques;
#[cfg(test)]
mod testing;
mod who;
pub mod words;

pub use allowance::Allowance;
pub use config::{Config, SeverityName};
pub use credentials::Config as CredentialAccessConfig;
pub use engine::{Counted, Counters, Engine, State, Status};
pub use escape::Config as ContainerEscapeConfig;
pub use fileless::Config as FilelessConfig;
pub use finding::{Detection, Finding, Findings};
pub use flooding::Config as SensorFloodingConfig;
pub use grouping::Config as GroupingConfig;
pub use impairment::Config as DefenceImpairmentConfig;
pub use injection::Config as ProcessInjectionConfig;
pub use kernel::Config as KernelLoadingConfig;
pub use kinds::KindSet;
pub use logs::Config as LogWipingConfig;
pub use miner::Config as CryptoMinerConfig;
pub use persistence::Config as PersistenceConfig;
pub use privilege::Config as PrivilegeEscalationConfig;
pub use reflective::Config as ReflectiveConfig;
pub use registry::{DETECTIONS, Registration, Start};
pub use reverse::Config as ReverseShellConfig;
pub use service::Config as ServiceShellConfig;
