//! What was held back of a process tree and no later alert of it told: one closing alert per
//! detection, variant and tree, once the tree is quiet.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use sentinel_event::{Alert, Event, Evidence, Severity, Technique};

use crate::Finding;
use crate::grouping::finding_id;
use crate::loss::Nearby;

/// How long a tree must have been quiet, in nanoseconds: one minute.
const QUIET_NS: i64 = 60 * 1_000_000_000;
/// Nobody waits longer for the counts of a tree that does not become quiet: ten minutes.
const AGE_MAX_NS: i64 = 600 * 1_000_000_000;
/// Trees that are waited for; more than that are told at once, the oldest first.
const TAILS_MAX: usize = 1024;
/// The latest findings are named, and at most so many.
const NAMED_MAX: usize = 15;

/// The findings of one group that were held back since its last alert.
#[derive(Debug, Clone)]
pub struct Tail {
    /// What concluded them.
    pub source: Arc<str>,
    /// The branch of its rule.
    pub variant: &'static str,
    /// The incident that they belong to.
    pub incident: u64,
    /// How many they are.
    pub count: u64,
    /// The gravest of them.
    pub severity: Severity,
    /// The least sure of them, in percent.
    pub confidence: u8,
    /// What the last of them pointed at.
    pub techniques: Cow<'static, [Technique]>,
    /// The event of the last of them.
    pub event: Event,
    /// The last of them in words.
    pub summary: String,
    /// The latest, oldest first.
    pub named: Vec<Evidence>,
    /// When the first of them happened, in nanoseconds since the epoch.
    pub first_ns: i64,
    last_ns: i64,
}

/// Everything that is held back now, by group.
#[derive(Debug, Default)]
pub struct Tails {
    by_group: BTreeMap<u64, Tail>,
    /// No tail is due before; in nanoseconds since the epoch.
    due_ns: i64,
}

impl Tails {
    /// Keeps a finding about `event` that was held back.
    pub fn keep(
        &mut self,
        group: u64,
        source: &Arc<str>,
        incident: u64,
        finding: Finding,
        event: &Event,
    ) {
        let evidence = Evidence::new(event, finding.summary.as_str());
        if self.by_group.is_empty() {
            self.due_ns = event.time_ns + QUIET_NS;
        }
        let tail = self.by_group.entry(group).or_insert_with(|| Tail {
            source: Arc::clone(source),
            variant: finding.variant,
            incident,
            count: 0,
            severity: finding.severity,
            confidence: finding.confidence,
            techniques: Cow::default(),
            event: event.clone(),
            summary: String::new(),
            named: Vec::new(),
            first_ns: event.time_ns,
            last_ns: event.time_ns,
        });
        tail.count += 1;
        tail.severity = tail.severity.max(finding.severity);
        tail.confidence = tail.confidence.min(finding.confidence);
        tail.techniques = finding.techniques;
        tail.event = event.clone();
        tail.summary = finding.summary;
        tail.last_ns = tail.last_ns.max(event.time_ns);
        if tail.named.len() == NAMED_MAX {
            tail.named.remove(0);
        }
        tail.named.push(evidence);
    }

    /// An alert of the group tells of them.
    pub fn told(&mut self, group: u64) {
        self.by_group.remove(&group);
    }

    /// Those whose tree is quiet at `time_ns`, with their groups.
    pub fn due(&mut self, time_ns: i64) -> Vec<(u64, Tail)> {
        if self.by_group.is_empty() || (time_ns < self.due_ns && self.by_group.len() <= TAILS_MAX) {
            return Vec::new();
        }
        let excess = self.by_group.len().saturating_sub(TAILS_MAX);
        let mut oldest: Vec<_> = self
            .by_group
            .iter()
            .map(|(g, t)| (t.first_ns, *g))
            .collect();
        oldest.sort_unstable();
        let mut groups: Vec<u64> = oldest[..excess].iter().map(|(_, group)| *group).collect();
        let due = self
            .by_group
            .iter()
            .filter(|(_, tail)| tail.due_ns() <= time_ns);
        groups.extend(due.map(|(group, _)| *group));
        groups.sort_unstable();
        groups.dedup();
        let found = groups
            .into_iter()
            .filter_map(|group| Some((group, self.by_group.remove(&group)?)))
            .collect();
        self.due_ns = self.by_group.values().map(Tail::due_ns).min().unwrap_or(0);
        found
    }

    /// All of them: nothing comes any more.
    pub fn rest(&mut self) -> Vec<(u64, Tail)> {
        std::mem::take(&mut self.by_group).into_iter().collect()
    }
}

/// What the engine knows when it tells of a tail.
pub struct Closing {
    /// The identity of the alert, by [`Tail::id`].
    pub id: u64,
    /// When it is told, in nanoseconds since the epoch.
    pub time_ns: i64,
    /// Findings of the incident so far.
    pub count: u64,
    /// What was lost nearby.
    pub loss: Nearby,
}

impl Tail {
    /// The identity of the alert that tells of it.
    pub fn id(&self) -> u64 {
        let (process, subject) = (&self.event.process, self.first_ns.to_string());
        finding_id(&self.source, self.variant, process.exec_id, &subject)
    }

    /// The alert that stands for all of them.
    pub fn into_alert(self, closing: Closing) -> Alert {
        let incident = format!("{:016x}", self.incident);
        let findings = match self.count {
            1 => "1 more finding".to_owned(),
            n => format!("{n} more findings"),
        };
        Alert {
            id: format!("{:016x}", closing.id).into(),
            seq: 0,
            time_ns: closing.time_ns,
            count: closing.count,
            detection: self.source,
            severity: self.severity,
            confidence: closing.loss.lower(self.confidence),
            summary: format!(
                "{findings} like earlier ones of this incident, the last: {}",
                self.summary
            )
            .into(),
            reason: "they were counted and not raised one by one, as the process tree had raised \
                     all that it may within a time"
                .into(),
            techniques: self.techniques,
            suggestions: vec![format!("sentinelctl alerts --incident {incident}").into()],
            incident: incident.into(),
            process: self.event.process,
            evidence: self.named,
            lost_nearby: closing.loss.total,
            anomaly: Vec::new(),
        }
    }

    fn due_ns(&self) -> i64 {
        (self.last_ns + QUIET_NS).min(self.first_ns + AGE_MAX_NS)
    }
}
