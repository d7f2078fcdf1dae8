//! What can be set about learning, with defaults that work.

use serde::{Deserialize, Serialize};

/// Settings of learning and of what is made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Days to learn before anomalies are alerted.
    pub days: u32,
    /// Whether the sensor goes over to detecting by itself once it has learned enough.
    pub auto_detect: bool,
    /// Alerts about anomalies on any day; more go into the digest of the day. The most
    /// severe are always sent.
    pub alerts_per_day: u32,
    /// Program starts to have seen before learning may end.
    pub execs_min: u64,
    /// Days on which each hour of the day must have been watched before learning may end.
    pub hour_days_min: u32,
    /// What was learned is on disk after so many seconds at the latest.
    pub save_interval_s: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            days: 7,
            auto_detect: true,
            alerts_per_day: 3,
            execs_min: 5_000,
            hour_days_min: 3,
            save_interval_s: 30,
        }
    }
}
