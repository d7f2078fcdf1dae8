//! Safe attacks that prove what the sensor sees.
//!
//! Each [`Variant`] does for real what an attacker does, with a harmless payload:
//! a copy of `cat` that echoes one line and ends, or code that is never called. What
//! takes system calls of its own is done by a small static program, [`Act::Program`],
//! which this crate carries in two widths.
//!
//! Nothing leaves the host, what is written is removed, and every step is
//! bounded in time. [`launch()`] runs a variant in a process of its own and proves
//! from /proc that it really happened; [`perform`] is what that process does.
//!
//! This crate owns the attacks and their list, [`FAMILIES`]. Whether the daemon
//! noticed is for its caller to ask.

#![forbid(unsafe_code)]

mod abuse;
mod child;
mod credentials;
mod escape;
mod failure;
mod fileless;
mod impairment;
mod injection;
mod kernel;
mod launch;
mod logs;
mod payload;
mod persistence;
mod privilege;
mod program;
mod proof;
mod reflective;
mod registry;
mod scratch;
mod service;
mod shells;
mod traces;

pub use child::{Stage, perform};
pub use failure::Failure;
pub use launch::{Launcher, Outcome, Report, launch};
pub use program::Width;
pub use proof::Proof;
pub use registry::{Act, Expected, FAMILIES, Family, Variant, select, variant};
pub use scratch::Place;
pub use traces::Trace;
