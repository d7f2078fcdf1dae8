//! The configuration of everything in this crate: a table per part, each owned by
//! its part, all with defaults, unknown keys refused.

use sentinel_event::Severity;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is detected, and how eagerly.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Findings milder than this are counted, not raised.
    pub min_severity: SeverityName,
    /// How alerts are grouped and rationed.
    pub grouping: crate::grouping::Config,
    /// Programs that run from memory.
    pub fileless_execution: crate::fileless::Config,
    /// Code that gets into processes other than from named files.
    pub reflective_loading: crate::reflective::Config,
    /// Shells that are commanded from another host.
    pub reverse_shell: crate::reverse::Config,
    /// Files that decide what runs or who may log in later.
    pub persistence: crate::persistence::Config,
    /// Secrets that are read by programs not made for them.
    pub credential_access: crate::credentials::Config,
    /// Code that one process puts into another.
    pub process_injection: crate::injection::Config,
    /// Records of the host that are wiped.
    pub log_wiping: crate::logs::Config,
    /// Guards of the host that are stopped or changed.
    pub defence_impairment: crate::impairment::Config,
    /// Rights that come without an honest way.
    pub privilege_escalation: crate::privilege::Config,
    /// Ways out of containers.
    pub container_escape: crate::escape::Config,
    /// Code that gets into the kernel.
    pub kernel_loading: crate::kernel::Config,
    /// Programs that mine for others.
    pub crypto_miner: crate::miner::Config,
    /// Processes that keep the sensor busy.
    pub sensor_flooding: crate::flooding::Config,
    /// Shells that servers start.
    pub service_shell: crate::service::Config,
}

/// A severity written by its name: `info`, `low`, `medium`, `high`, `critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeverityName(pub Severity);

impl Default for SeverityName {
    fn default() -> SeverityName {
        SeverityName(Severity::Low)
    }
}

impl Serialize for SeverityName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for SeverityName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SeverityName, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Severity::from_name(&name).map(SeverityName).ok_or_else(|| {
            let known: Vec<_> = Severity::ALL.iter().map(|s| s.name()).collect();
            serde::de::Error::custom(format!(
                "unknown severity \"{name}\"; one of {}",
                known.join(", ")
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Config, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_written_means_the_defaults_and_they_survive_a_round_trip() {
        assert_eq!(parse("{}"), Ok(Config::default()));
        let written = serde_json::to_string(&Config::default()).unwrap();
        assert_eq!(parse(&written), Ok(Config::default()));
    }

    #[test]
    fn unknown_keys_and_severities_are_refused_with_their_names() {
        let cases = [
            (r#"{"fileles_execution": {}}"#, "fileles_execution"),
            (r#"{"fileless_execution": {"enable": true}}"#, "enable"),
            (r#"{"grouping": {"bursts": 3}}"#, "bursts"),
            (r#"{"min_severity": "hihg"}"#, "hihg"),
        ];
        for (json, word) in cases {
            let error = parse(json).unwrap_err();
            assert!(error.contains(word), "{json}: {error}");
        }
    }
}
