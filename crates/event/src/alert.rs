//! What a detection concluded.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Event, Process};

/// One conclusion about one or more events.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Stable identity: 16 hexadecimal digits computed from the detection and the
    /// event that triggered it, so a replay gives the same alert the same id.
    pub id: Box<str>,
    /// Position in this host's alert history; grows by one per alert, never reused.
    pub seq: u64,
    /// When the triggering event happened, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// The incident that it belongs to, 16 hexadecimal digits: all that points at one
    /// technique within one process tree.
    pub incident: Box<str>,
    /// How many findings the incident had so far, this one and those that were only
    /// counted included; at least 1.
    pub count: u64,
    /// The name of what concluded it: a detection such as `fileless_execution`, a rule or
    /// a model.
    pub detection: Arc<str>,
    /// How bad it is if it is true.
    pub severity: Severity,
    /// How sure the detection is, in percent; lowered when events were lost nearby.
    pub confidence: u8,
    /// What happened, in one sentence.
    pub summary: Box<str>,
    /// Why the detection concluded so: the rule, in words.
    pub reason: Box<str>,
    /// ATT&CK techniques, the most telling first.
    pub techniques: Cow<'static, [Technique]>,
    /// The process at fault, with its ancestry.
    pub process: Arc<Process>,
    /// The events that it rests on, oldest first, at most 16.
    pub evidence: Vec<Evidence>,
    /// How many events were lost in the minute before the alert.
    pub lost_nearby: u64,
    /// Commands that show more, the most telling first.
    pub suggestions: Vec<Box<str>>,
    /// For an anomaly, the numbers behind it, one to a line: how often a normal day has its
    /// like, the p-value of each detector, the features with their usual ranges, and the
    /// generation of the models. Empty for detections.
    pub anomaly: Vec<Box<str>>,
}

/// An event that an alert rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The event's position in the history.
    pub seq: u64,
    /// When it happened, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// What it shows, in a few words.
    pub text: Box<str>,
}

impl Evidence {
    /// Evidence that points at `event`.
    pub fn new(event: &Event, text: impl Into<Box<str>>) -> Evidence {
        Evidence {
            seq: event.seq,
            time_ns: event.time_ns,
            text: text.into(),
        }
    }
}

/// How bad an alert is if it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth keeping, not worth a look by itself.
    Info,
    /// Unusual; often legitimate.
    Low,
    /// Suspicious.
    Medium,
    /// Very likely an attack.
    High,
    /// An attack in all known cases.
    Critical,
}

impl Severity {
    /// Every severity, mildest first.
    pub const ALL: &'static [Severity] = &[
        Severity::Info,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];

    /// The name used in Parquet, JSON, the API and journald.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// The severity with this name.
    pub fn from_name(name: &str) -> Option<Severity> {
        Severity::ALL.iter().copied().find(|s| s.name() == name)
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// An ATT&CK technique in the numbering of v19, with the id that it had before
/// where v19 changed it. Detections name theirs in constants, rules bring theirs along.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Technique {
    /// Id in ATT&CK v19, such as `T1685.006`.
    pub id: Cow<'static, str>,
    /// Id before v19, such as `T1070.002`; the same id where v19 kept it.
    pub legacy_id: Cow<'static, str>,
    /// Its name in v19.
    pub name: Cow<'static, str>,
}

impl Technique {
    /// A technique whose texts are constants.
    pub const fn new(id: &'static str, legacy_id: &'static str, name: &'static str) -> Technique {
        Technique {
            id: Cow::Borrowed(id),
            legacy_id: Cow::Borrowed(legacy_id),
            name: Cow::Borrowed(name),
        }
    }
}
