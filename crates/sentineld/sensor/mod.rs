//! The sensor: loads the kernel programs, attaches them, drains the rings.
//!
//! This is the only place that knows libbpf and the only one with `unsafe`. It gives
//! out [`Observed`](sentinel_process::Observed) facts and [`HookStatus`]; who a process
//! is, and what its acts mean, is decided elsewhere.

mod absent;
mod attendance;
mod calls;
mod decode;
mod drain;
mod filter;
mod heap;
mod hooks;
mod host;
mod keep;
mod load;
mod page;
mod progress;
#[doc(hidden)]
pub mod raw;
mod repeats;
mod resume;
mod shared;
mod stats;
mod takeover;
mod tasks;

#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    unused_imports
)]
mod skel {
    include!(concat!(env!("OUT_DIR"), "/sentinel.skel.rs"));
}

use skel::types;

pub use calls::{CALLS, Call};
pub use drain::{Drained, Keeping, Sensor};
pub use filter::{Filter, FilterSwitch};
pub use heap::bound_kept_memory;
pub use hooks::{HOOKS, Hook, HookState, HookStatus, Tier};
pub use host::{Host, HostError, check_privileges};
pub use keep::{Orphan, Place, keeps_programs, orphans};
pub use load::{LoadError, probe};
pub use page::page;
pub use progress::Mark;
pub use stats::{RingStats, Stats, StatsSnapshot};
pub use takeover::remove_stale;
pub use tasks::{Task, tasks};

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the operator decides about the sensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Size of the ring for process life, memory, tampering and connections: a power of
    /// two, at least 1 MiB. An exec takes 2.3 KiB at least, so 4 MiB hold some 1,800 of them.
    pub priority_ring_bytes: u32,
    /// Size of the ring for opens and what else is done to files: a power of two, at least
    /// 1 MiB. An open takes 0.7 KiB, so 8 MiB hold some 12,000 that are no repeats: 0.1 s at
    /// 100,000 a second.
    pub bulk_ring_bytes: u32,
    /// How long the rings may wait before they are looked at, in milliseconds, 1 to 1000.
    pub drain_interval_ms: u32,
    /// How long repeats of an open or a connection are counted before they are told, in
    /// milliseconds, 100 to 60000; 0 tells each of them by itself.
    pub aggregation_window_ms: u32,
    /// How long the kernel programs go on without a daemon, after one was killed, in
    /// milliseconds, 1000 to 3600000; then they do nothing until there is one again.
    pub lease_ms: u32,
    /// The most processes that are remembered.
    pub processes_max: u32,
    /// What nobody wants to hear of.
    pub filter: Filter,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            priority_ring_bytes: 4 << 20,
            bulk_ring_bytes: 8 << 20,
            drain_interval_ms: 50,
            aggregation_window_ms: 1000,
            lease_ms: 60_000,
            processes_max: 32_768,
            filter: Filter::default(),
        }
    }
}

impl Config {
    fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms.into())
    }

    /// Says in one sentence what is wrong with the values, if anything is.
    pub fn check(&self) -> Result<(), String> {
        for (name, bytes) in [
            ("priority_ring_bytes", self.priority_ring_bytes),
            ("bulk_ring_bytes", self.bulk_ring_bytes),
        ] {
            if !bytes.is_power_of_two() || !(1 << 20..=1 << 30).contains(&bytes) {
                return Err(format!(
                    "sensor.{name} is {bytes}, but must be a power of two from 1048576 to 1073741824"
                ));
            }
        }
        if !(1..=1000).contains(&self.drain_interval_ms) {
            return Err(format!(
                "sensor.drain_interval_ms is {}, but must be from 1 to 1000",
                self.drain_interval_ms
            ));
        }
        if self.aggregation_window_ms != 0 && !(100..=60_000).contains(&self.aggregation_window_ms)
        {
            return Err(format!(
                "sensor.aggregation_window_ms is {}, but must be 0 or from 100 to 60000",
                self.aggregation_window_ms
            ));
        }
        if !(1_000..=3_600_000).contains(&self.lease_ms) {
            return Err(format!(
                "sensor.lease_ms is {}, but must be from 1000 to 3600000",
                self.lease_ms
            ));
        }
        self.filter.check()?;
        if !(256..=4_194_304).contains(&self.processes_max) {
            return Err(format!(
                "sensor.processes_max is {}, but must be from 256 to 4194304",
                self.processes_max
            ));
        }
        Ok(())
    }
}
