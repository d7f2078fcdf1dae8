//! Feeds events to the detections and makes alerts of what they find.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sentinel_event::{Alert, Detail, Event, Evidence, Process, Severity};

use crate::allowance::{Allowance, Waivers};
use crate::firsts::Firsts;
use crate::grouping::{Decision, Grouping, finding_id, group_id, incident};
use crate::loss::LossWindow;
use crate::registry::{DETECTIONS, Registration, Start};
use crate::tail::{Closing, Tail, Tails};
use crate::{Config, Detection, Finding, Findings, KindSet, SeverityName, suggest};

/// An alert names at most this many events.
const EVIDENCE_MAX: usize = 16;
/// Counted findings that are kept for whoever asks for them.
const COUNTED_MAX: usize = 1024;

/// Runs the detections. Events go in in time order, alerts come out; the same
/// events and configuration always give the same alerts.
pub struct Engine {
    slots: Vec<Slot>,
    /// What any running detection wants to see.
    wanted: KindSet,
    grouping: Grouping,
    /// What is not to be raised.
    waivers: Waivers,
    /// Findings of each incident.
    incidents: Firsts,
    loss: LossWindow,
    /// What was held back and is to be told yet.
    tails: Tails,
    /// What was counted since somebody last took it.
    counted: Vec<Counted>,
    min_severity: SeverityName,
    findings: Findings,
}

struct Slot {
    registration: &'static Registration,
    name: Arc<str>,
    kinds: KindSet,
    running: Option<Box<dyn Detection>>,
    state: State,
    counters: Counters,
}

/// Whether a detection is at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It sees events.
    Running,
    /// Switched off in the configuration.
    Off,
    /// It could not start, or it broke and was switched off; with the reason.
    Failed(String),
}

/// What a detection did since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Alerts raised.
    pub alerts_total: u64,
    /// Findings counted but not raised: repeats, rationed ones, allowed ones, and those
    /// milder than the configured severity.
    pub suppressed_total: u64,
    /// Entries of bounded state that were forgotten to make room.
    pub evicted_total: u64,
}

/// A finding that was counted and not raised.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// What concluded it.
    pub source: Arc<str>,
    /// How bad it is if it is true.
    pub severity: Severity,
    /// The process at fault.
    pub process: Arc<Process>,
    /// When it happened, in nanoseconds since the epoch.
    pub time_ns: i64,
    /// The incident that it was counted into.
    pub incident: Box<str>,
    /// Findings of that incident so far, this one included.
    pub count: u64,
}

/// A detection's state and counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status<'a> {
    /// Its name.
    pub name: &'static str,
    /// What it finds, in one line.
    pub doc: &'static str,
    /// Whether it is at work.
    pub state: &'a State,
    /// What it did.
    pub counters: Counters,
}

impl Engine {
    /// Starts every detection of [`DETECTIONS`]. One that cannot start is kept as
    /// failed with its reason, see [`Engine::status`]; the others run.
    pub fn new(config: &Config) -> Engine {
        Engine::with(DETECTIONS, config)
    }

    fn with(registrations: &'static [Registration], config: &Config) -> Engine {
        let mut engine = Engine {
            slots: registrations
                .iter()
                .map(|registration| Slot::start(registration, config))
                .collect(),
            wanted: KindSet::default(),
            grouping: Grouping::new(&config.grouping),
            waivers: Waivers::default(),
            incidents: Firsts::new(config.grouping.remembered as usize),
            loss: LossWindow::default(),
            tails: Tails::default(),
            counted: Vec::new(),
            min_severity: config.min_severity,
            findings: Findings::new(),
        };
        engine.collect_wanted();
        engine
    }

    /// Takes over those settings that need no detection to start anew, which would
    /// forget what it remembers.
    pub fn apply(&mut self, config: &Config) {
        self.min_severity = config.min_severity;
    }

    /// Asks `allowance` from now on about everything that it concludes, before that is
    /// grouped and rationed.
    pub fn allow(&mut self, allowance: Arc<dyn Allowance>) {
        self.waivers = Waivers::of(allowance, self.grouping.remembered());
    }

    /// Shows one event to the detections; alerts are appended to `out` with
    /// sequence number 0, which whoever keeps them replaces.
    pub fn observe(&mut self, event: &Event, out: &mut Vec<Alert>) {
        if let Detail::Lost(lost) = &event.detail {
            self.loss.note(event.time_ns, lost);
        }
        for (group, tail) in self.tails.due(event.time_ns) {
            self.grouping.settle(group);
            out.extend(self.close_up(tail, event.time_ns));
        }
        let kind = event.kind();
        if !self.wanted.contains(kind) {
            return;
        }
        for i in 0..self.slots.len() {
            if !self.slots[i].kinds.contains(kind) {
                continue;
            }
            self.findings.clear();
            if !self.slots[i].observe(event, &mut self.findings) {
                self.collect_wanted();
                continue;
            }
            if !self.findings.is_empty() {
                self.raise(i, event, out);
            }
        }
    }

    /// Every detection with its state and counters, in the order of [`DETECTIONS`].
    pub fn status(&self) -> impl Iterator<Item = Status<'_>> {
        self.slots.iter().map(|slot| Status {
            name: slot.registration.name,
            doc: slot.registration.doc,
            state: &slot.state,
            counters: Counters {
                evicted_total: slot.running.as_ref().map_or(0, |d| d.evicted_total()),
                ..slot.counters
            },
        })
    }

    /// Alert identities and process trees that grouping had to forget; an alert of
    /// a forgotten identity may be raised a second time.
    pub fn grouping_evicted_total(&self) -> u64 {
        self.grouping.evicted_total()
            + self.incidents.evicted_total()
            + self.waivers.evicted_total()
    }

    fn collect_wanted(&mut self) {
        self.wanted = self
            .slots
            .iter()
            .fold(KindSet::default(), |all, slot| all.union(slot.kinds));
    }

    /// Makes an alert of what another source than the detections concluded about `event`,
    /// such as a rule or a model, under the same grouping and rationing. `rests_on` are the
    /// kinds whose loss makes the conclusion less sure. `None` when the finding was only
    /// counted, which is then the caller's to report.
    pub fn conclude(
        &mut self,
        source: &Arc<str>,
        rests_on: KindSet,
        finding: Finding,
        event: &Event,
    ) -> Option<Alert> {
        if finding.severity < self.min_severity.0 {
            return None;
        }
        let process = &event.process;
        let id = finding_id(source, finding.variant, process.exec_id, &finding.subject);
        if !self.grouping.is_raised(id) && self.waivers.waive(id, source, event) {
            return None;
        }
        let incident = incident(source, &finding.techniques, process);
        let count = self.incidents.note(incident) + 1;
        let group = group_id(source, finding.variant, process);
        let held_back = match self.grouping.decide(id, group, event.time_ns) {
            Decision::Raise { held_back } => held_back,
            Decision::Repeat => {
                self.count(source, finding.severity, event, incident, count);
                return None;
            }
            Decision::HoldBack => {
                self.count(source, finding.severity, event, incident, count);
                self.tails.keep(group, source, incident, finding, event);
                return None;
            }
        };
        self.tails.told(group);
        let nearby = self.loss.before(event.time_ns, rests_on);
        let incident = format!("{incident:016x}");
        Some(Alert {
            id: format!("{id:016x}").into(),
            seq: 0,
            time_ns: event.time_ns,
            suggestions: suggest::commands(event, &incident),
            anomaly: Vec::new(),
            incident: incident.into(),
            count,
            detection: source.clone(),
            severity: finding.severity,
            confidence: nearby.lower(finding.confidence),
            reason: reason(&finding, held_back).into(),
            techniques: finding.techniques,
            process: process.clone(),
            lost_nearby: nearby.total,
            evidence: evidence(finding.earlier, event, &finding.shows),
            summary: finding.summary.into(),
        })
    }

    /// Findings that were counted and not raised since this was last asked; of very many only
    /// the first.
    pub fn take_counted(&mut self) -> Vec<Counted> {
        std::mem::take(&mut self.counted)
    }

    /// Appends what is yet to be told of findings that were held back: nothing comes any more.
    pub fn close(&mut self, out: &mut Vec<Alert>) {
        for (_, tail) in self.tails.rest() {
            let time_ns = tail.named.last().map_or(tail.first_ns, |last| last.time_ns);
            out.extend(self.close_up(tail, time_ns));
        }
    }

    fn count(
        &mut self,
        source: &Arc<str>,
        severity: Severity,
        event: &Event,
        incident: u64,
        count: u64,
    ) {
        if self.counted.len() < COUNTED_MAX {
            self.counted.push(Counted {
                source: Arc::clone(source),
                severity,
                process: Arc::clone(&event.process),
                time_ns: event.time_ns,
                incident: format!("{incident:016x}").into(),
                count,
            });
        }
    }

    /// The alert that stands for what was held back of a process tree; `None` when the last
    /// of it has been allowed since.
    fn close_up(&mut self, tail: Tail, time_ns: i64) -> Option<Alert> {
        let id = tail.id();
        if self.waivers.waive(id, &tail.source, &tail.event) {
            return None;
        }
        let closing = Closing {
            id,
            time_ns,
            count: self.incidents.seen(tail.incident).max(1),
            loss: self.loss.before(time_ns, KindSet::default()),
        };
        Some(tail.into_alert(closing))
    }

    fn raise(&mut self, slot: usize, event: &Event, out: &mut Vec<Alert>) {
        let (name, kinds) = (self.slots[slot].name.clone(), self.slots[slot].kinds);
        let mut findings = std::mem::take(&mut self.findings);
        for finding in findings.drain(..) {
            let alert = self.conclude(&name, kinds, finding, event);
            let counters = &mut self.slots[slot].counters;
            match alert {
                Some(alert) => {
                    counters.alerts_total += 1;
                    out.push(alert);
                }
                None => counters.suppressed_total += 1,
            }
        }
        self.findings = findings;
    }
}

impl Slot {
    fn start(registration: &'static Registration, config: &Config) -> Slot {
        let started = catch_unwind(AssertUnwindSafe(|| (registration.start)(config)));
        let (running, state) = match started {
            Ok(Start::Running(detection)) => (Some(detection), State::Running),
            Ok(Start::Off) => (None, State::Off),
            Ok(Start::Failed(reason)) => (None, State::Failed(reason)),
            Err(panic) => (None, State::Failed(panic_text(&*panic))),
        };
        Slot {
            registration,
            name: registration.name.into(),
            kinds: running.as_ref().map(|d| d.kinds()).unwrap_or_default(),
            running,
            state,
            counters: Counters::default(),
        }
    }

    /// Shows the event to the detection; false when that broke it. A detection that
    /// panicked is dropped and never asked again, so its half-changed state cannot
    /// be seen, which is what makes the assertion of unwind safety true.
    fn observe(&mut self, event: &Event, findings: &mut Findings) -> bool {
        let Some(detection) = self.running.as_mut() else {
            return true;
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| detection.observe(event, findings)));
        let Err(panic) = outcome else {
            return true;
        };
        findings.clear();
        self.state = State::Failed(panic_text(&*panic));
        self.kinds = KindSet::default();
        self.running = None;
        false
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    format!("broke and was switched off: {text}")
}

fn reason(finding: &Finding, held_back: u64) -> String {
    match held_back {
        0 => finding.reason.clone(),
        1 => format!(
            "{}; one more like it in this process tree was counted, not shown",
            finding.reason
        ),
        n => format!(
            "{}; {n} more like it in this process tree were counted, not shown",
            finding.reason
        ),
    }
}

/// The earlier events, the youngest of them if there are too many, then this one.
fn evidence(mut earlier: Vec<Evidence>, event: &Event, shows: &str) -> Vec<Evidence> {
    let excess = (earlier.len() + 1).saturating_sub(EVIDENCE_MAX);
    earlier.drain(..excess);
    earlier.push(Evidence::new(event, shows));
    earlier
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
