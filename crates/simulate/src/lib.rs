//! Safe attacks that prove what the sensor sees.
//!
//! Each [`Variant`] does for real what an attacker does, with a harmless payload:
//! a copy of `cat` that echoes one line and ends, or code that is never called.
//! Nothing leaves the host, what is written is removed, and every step is
//! bounded in time. [`launch()`] runs a variant in a process of its own and proves
//! from /proc that it really happened; [`perform`] is what that process does.
//!
//! This crate owns the attacks and their list, [`FAMILIES`]. Whether the daemon
//! noticed is for its caller to ask.

#![forbid(unsafe_code)]

mod child;
mod failure;
mod fileless;
mod launch;
mod payload;
mod proof;
mod reflective;
mod registry;
mod scratch;

pub use child::{Stage, perform};
pub use failure::Failure;
pub use launch::{Launcher, Outcome, Report, launch};
pub use proof::Proof;
pub use registry::{Expected, FAMILIES, Family, Variant, select, variant};
pub use scratch::Place;
