//! Who is who, and who begot whom: turns a sensor's [`Observed`] facts into
//! [`Event`](sentinel_event::Event)s whose process carries its ancestry.
//!
//! Owns the table of processes and its bounds. Pure: no IO, no clock; what /proc says
//! about a process that the table does not know comes in through [`Lookup`].

#![forbid(unsafe_code)]

mod enrich;
mod lookup;
mod observed;
mod rights;
mod table;

pub use enrich::Enricher;
pub use lookup::{Executable, Lookup, NoLookup, Seed};
pub use observed::{Actor, Image, Observed, Reach, What};
pub use table::{Counters, Table};

/// Clock ticks per second in /proc (`USER_HZ`), the same on every Linux architecture.
pub const TICKS_PER_SECOND: u64 = 100;

/// Turns nanoseconds since boot into the clock ticks of /proc/PID/stat.
pub fn ticks(since_boot_ns: u64) -> u64 {
    since_boot_ns / (1_000_000_000 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests;
