//! The whole configuration: a struct of parts, each owned by its part, all with
//! defaults that work, unknown keys refused.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{identity, metrics, rules, sensor, service};

/// Where the configuration is looked for unless another file is named.
pub const DEFAULT_PATH: &str = "/etc/sentinel/sentinel.toml";

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder of the event store and of what must survive a restart.
    pub data_dir: PathBuf,
    /// What is logged.
    pub log_level: LogLevel,
    /// The socket of the control plane.
    pub service: service::Config,
    /// The metrics for Prometheus.
    pub metrics: metrics::Config,
    /// What is watched, and how.
    pub sensor: sensor::Config,
    /// What is found out about executables.
    pub identity: identity::Config,
    /// How history is kept.
    pub store: sentinel_store::Config,
    /// What is detected.
    pub detect: sentinel_detect::Config,
    /// How long is learned, and how many anomalies are alerted.
    pub learn: sentinel_baseline::Config,
    /// Sigma rules.
    pub rules: rules::Config,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data_dir: "/var/lib/sentinel".into(),
            log_level: LogLevel::Info,
            service: service::Config::default(),
            metrics: metrics::Config::default(),
            sensor: sensor::Config::default(),
            identity: identity::Config::default(),
            store: sentinel_store::Config::default(),
            detect: sentinel_detect::Config::default(),
            learn: sentinel_baseline::Config::default(),
            rules: rules::Config::default(),
        }
    }
}

/// The mildest messages that are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What broke, and severe alerts.
    Error,
    /// What may be wrong too.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What helps to find out why.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// Why a configuration is refused; each is one line.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not valid.
    #[error("{path}:{line}:{column}: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A value makes no sense.
    #[error("{path}: {message}")]
    Senseless {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

impl Config {
    /// Reads `path`; every problem is an error that names the place.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Config::parse(path, &text)
    }

    /// Looks at the files that the configuration names, and must be there before the
    /// daemon starts. `path` is the configuration's own, for errors.
    pub fn check_files(&self, path: &Path) -> Result<(), ConfigError> {
        let checked = self.service.tcp.check_files();
        checked.map_err(|error| ConfigError::Senseless {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }

    /// What must not be zero lest nothing goes through at all.
    fn check_counts(&self) -> Result<(), String> {
        let counts = [
            (
                "service.calls_per_connection_max",
                self.service.calls_per_connection_max as usize,
            ),
            (
                "service.connections_max",
                self.service.connections_max as usize,
            ),
            ("service.calls_max", self.service.calls_max as usize),
            ("store.queue_batches", self.store.queue_batches),
            ("store.queue_alerts", self.store.queue_alerts),
            ("store.flush_rows", self.store.flush_rows),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            Some((name, _)) => Err(format!("{name} is 0, but must be at least 1")),
            None => Ok(()),
        }
    }

    /// Parses `text`, naming `path` in errors.
    pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
        let config: Config = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let (line, column) = position(text, offset);
            ConfigError::Invalid {
                path: path.to_owned(),
                line,
                column,
                message: error.message().replace('\n', "; "),
            }
        })?;
        let senseless = |message| ConfigError::Senseless {
            path: path.to_owned(),
            message,
        };
        config.sensor.check().map_err(senseless)?;
        config.metrics.check().map_err(senseless)?;
        config.service.check().map_err(senseless)?;
        config.identity.check().map_err(senseless)?;
        config.check_counts().map_err(senseless)?;
        Ok(config)
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../packaging/sentinel.toml");

    fn check_refused(text: &str, expected: &str) {
        let error = Config::parse(Path::new("x.toml"), text).expect_err("is refused");
        let line = error.to_string();
        assert!(line.contains(expected), "{line:?} lacks {expected:?}");
        assert_eq!(line.lines().count(), 1, "{line:?} is not one line");
    }

    #[test]
    fn the_shipped_file_says_the_defaults_and_all_of_them() {
        let shipped = Config::parse(Path::new("sentinel.toml"), SHIPPED).expect("is valid");
        assert_eq!(shipped, Config::default());
        let written: toml::Table = toml::from_str(SHIPPED).expect("is TOML");
        let all = toml::Table::try_from(Config::default()).expect("serialises");
        assert_eq!(written, all, "the shipped file lacks a key");
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        check_refused("[sensor]\nrings = 3\n", "x.toml:2:1: unknown field `rings`");
        check_refused("data_dir = 3\n", "x.toml:1:12: invalid type: integer");
        check_refused("[sensor\n", "x.toml:1:8");
        check_refused(
            "[sensor]\nbulk_ring_bytes = 5\n",
            "x.toml: sensor.bulk_ring_bytes is 5, but must be a power of two",
        );
        check_refused(
            "[service.tcp]\nlisten = \"0.0.0.0:9443\"\n",
            "plain TCP is not served",
        );
        for socket in ["0.0.0.0:9443", "tcp://0.0.0.0:9443"] {
            check_refused(
                &format!("[service]\nsocket = {socket:?}\n"),
                "but must be the path of a Unix socket: plain TCP is not served",
            );
        }
        check_refused(
            "[identity]\ndigest_queue = 0\n",
            "x.toml: identity.digest_queue is 0, but must be from 1 to 65536",
        );
        check_refused(
            "[detect]\nmin_severity = \"bad\"\n",
            "unknown severity \"bad\"",
        );
    }
}
