//! What the daemon knows about itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use sentinel_api::v1;
use sentinel_event::Ring;
use sentinel_store::Writer;

use super::{Door, Tls, convert, coverage, learning, remote};
use crate::acknowledgements::Acknowledgements;
use crate::allow::Allowed;
use crate::audit::Audit;
use crate::coverage::CoverageFile;
use crate::hub::{EVENT_BATCHES, Hub};
use crate::identity;
use crate::journald::AlertLog;
use crate::learning::LearningBoard;
use crate::mode::ModeFile;
use crate::rules::{Book, Page};
use crate::sensor::{FilterSwitch, HookState, HookStatus, Host, RingStats, Stats, StatsSnapshot};
use crate::settings::Settings;

/// Everything that the RPCs ask.
pub struct Facts {
    /// The host.
    pub host: Host,
    /// Unix time of the start in nanoseconds.
    pub started_ns: i64,
    /// The same by a clock that nobody can set.
    pub started: Instant,
    /// What became of each hook.
    pub hooks: Vec<HookStatus>,
    /// Why a crash of the daemon leaves a gap, if it does.
    pub gap_reason: Option<String>,
    /// The sensor's counters.
    pub sensor: Arc<Stats>,
    /// The counters of executables and digests.
    pub identity: Box<dyn Fn() -> identity::StatsSnapshot + Send + Sync>,
    /// Changes the sensor's filter.
    pub filter: FilterSwitch,
    /// The pipeline.
    pub hub: Arc<Hub>,
    /// The mode.
    pub mode: Arc<ModeFile>,
    /// How learning fares.
    pub learning: Arc<LearningBoard>,
    /// What the configuration says.
    pub settings: Mutex<Settings>,
    /// Who changed what.
    pub audit: Audit,
    /// Which alerts somebody has dealt with.
    pub acknowledgements: Acknowledgements,
    /// What became of harmless attacks.
    pub coverage: CoverageFile,
    /// What is allowed.
    pub allowed: Arc<Allowed>,
    /// The Sigma rules at work.
    pub rules: Arc<Book>,
    /// Who may ask and change.
    pub door: Arc<Door>,
    /// What other hosts are shown and asked for, when they are served.
    pub tls: Option<Arc<Tls>>,
    /// The store.
    pub writer: Arc<Writer>,
    /// The log of alerts.
    pub log: Arc<AlertLog>,
}

/// A pipeline that has not made a step for this long is stuck.
pub const STALL_S: u64 = 10;

impl Facts {
    /// The whole status.
    pub fn status(&self) -> v1::StatusResponse {
        let sensor = self.sensor.snapshot();
        let store = self.writer.stats();
        let figures = self.hub.figures();
        let mut problems = self.problems(&sensor, &store);
        let rules = self.rules.page();
        problems.extend(rule_problems(&rules));
        let (running, unsupported, hits_total) = rules.counts();
        v1::StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: self.host.name.clone(),
            kernel: self.host.kernel.clone(),
            mode: Some(convert::mode_state(self.mode.get())),
            started: Some(convert::timestamp(self.started_ns)),
            uptime_seconds: self.started.elapsed().as_secs(),
            hooks: self.hooks.iter().map(hook).collect(),
            rings: Some(rings(&sensor)),
            kinds: self.kinds(&sensor),
            queues: self.queues(&store),
            store: Some(v1::Store {
                path: store.path.display().to_string(),
                size_bytes: store.size_bytes,
                partitions: store.partitions,
                written_total: store.written_total,
                dropped_total: store.dropped_total,
                problem: store.problem.clone().unwrap_or_default(),
            }),
            alerts: self
                .hub
                .raised()
                .map(|(severity, count)| v1::SeverityCount {
                    severity: severity.name().to_owned(),
                    count,
                })
                .collect(),
            processes: Some(v1::ProcessTable {
                size: figures.processes.size,
                capacity: figures.processes.capacity,
                evicted_total: figures.processes.evicted_total,
                unknown_total: figures.processes.unknown_total,
            }),
            detections: figures
                .detections
                .into_iter()
                .map(|detection| v1::Detection {
                    name: detection.name.to_owned(),
                    state: detection.state.to_owned(),
                    reason: detection.reason,
                    alerts_total: detection.alerts_total,
                })
                .collect(),
            executables: Some(convert::executables(&(self.identity)())),
            undecodable_total: sensor.undecodable_total,
            problems,
            learning: Some(learning::message(&self.learning.get())),
            rules: Some(v1::RuleCounts {
                running,
                unsupported,
                hits_total,
            }),
            allowed_total: self.allowed.suppressed_total(),
            coverage: coverage::counts(&self.coverage.get()),
            remote: self.tls.as_ref().map(|tls| self.remote(tls)),
            gap_reason: self.gap_reason.clone().unwrap_or_default(),
            access: Some(v1::Access {
                refused_total: self.door.refused_total(),
                turned_away_total: self.door.turned_away_total(),
            }),
        }
    }

    fn remote(&self, tls: &Tls) -> v1::Remote {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        remote::message(&settings.config.service.tcp.listen, &tls.terms())
    }

    fn kinds(&self, sensor: &StatsSnapshot) -> Vec<v1::KindCount> {
        let mut kinds: Vec<v1::KindCount> = sensor
            .kinds
            .iter()
            .map(|(ring, kind, stats)| v1::KindCount {
                kind: kind.name().to_owned(),
                ring: ring.name().to_owned(),
                seen: stats.received,
                lost: stats.lost,
            })
            .collect();
        // Kinds that the daemon makes itself have no ring.
        for (kind, seen) in self.hub.seen().filter(|(_, seen)| *seen > 0) {
            if !kinds.iter().any(|count| count.kind == kind.name()) {
                kinds.push(v1::KindCount {
                    kind: kind.name().to_owned(),
                    ring: String::new(),
                    seen,
                    lost: 0,
                });
            }
        }
        kinds
    }

    fn queues(&self, store: &sentinel_store::Stats) -> Vec<v1::Queue> {
        vec![
            v1::Queue {
                name: "store".to_owned(),
                depth: store.queue_depth,
                capacity: store.queue_capacity,
                dropped_total: store.queue_dropped_total,
            },
            v1::Queue {
                name: "stream".to_owned(),
                depth: self.hub.event_backlog() as u64,
                capacity: EVENT_BATCHES as u64,
                dropped_total: self.hub.missed_total(),
            },
            v1::Queue {
                name: "log".to_owned(),
                depth: 0,
                capacity: self.log.capacity() as u64,
                dropped_total: self.log.dropped_total(),
            },
        ]
    }

    /// Everything that is wrong now.
    fn problems(&self, sensor: &StatsSnapshot, store: &sentinel_store::Stats) -> Vec<String> {
        let mut problems = blind_observations(&self.hooks);
        let stalled = self.hub.stalled_for().as_secs();
        if stalled >= STALL_S {
            problems.push(format!("the pipeline has not moved for {stalled} s"));
        }
        for (ring, stats, _, _) in &sensor.rings {
            if stats.lost > 0 {
                problems.push(format!(
                    "{} of {} events found no room in the {} ring; enlarge sensor.{}_ring_bytes",
                    stats.lost,
                    stats.sent,
                    ring.name(),
                    ring.name()
                ));
            }
        }
        if let Some(tls) = &self.tls {
            problems.extend(remote::problems(&tls.terms(), SystemTime::now()));
        }
        problems.extend(store.problem.clone());
        problems.extend(self.learning.get().problems);
        if store.dropped_total > 0 {
            problems.push(format!(
                "{} events could not be stored",
                store.dropped_total
            ));
        }
        if store.alerts_dropped_total > 0 {
            problems.push(format!(
                "{} alerts could not be stored",
                store.alerts_dropped_total
            ));
        }
        if sensor.undecodable_total > 0 {
            problems.push(format!(
                "{} records from the kernel could not be decoded",
                sensor.undecodable_total
            ));
        }
        problems
    }
}

/// Rule files that are not in use, as one problem: there may be many.
fn rule_problems(page: &Page) -> Option<String> {
    match &*page.problems {
        [] => None,
        [problem] => Some(format!("a rule is not in use: {problem}")),
        [problem, others @ ..] => Some(format!(
            "{} rule files are not in use, the first is {problem}; 'sentinelctl rules' lists all",
            others.len() + 1
        )),
    }
}

/// Observations of which no hook runs: the sensor is blind to them.
fn blind_observations(hooks: &[HookStatus]) -> Vec<String> {
    let mut names: Vec<&str> = hooks.iter().map(|h| h.hook.observation).collect();
    names.dedup();
    names
        .into_iter()
        .filter(|name| {
            !hooks
                .iter()
                .any(|h| h.hook.observation == *name && h.state == HookState::Running)
        })
        .map(|name| format!("no hook for {name} works on this kernel"))
        .collect()
}

fn hook(status: &HookStatus) -> v1::Hook {
    v1::Hook {
        observation: status.hook.observation.to_owned(),
        program: status.hook.program.to_owned(),
        attach_point: status.hook.attach_point.to_owned(),
        tier: status.hook.tier.name().to_owned(),
        state: status.state.name().to_owned(),
        reason: status.state.reason().to_owned(),
        blind_to: status.hook.blind_to.to_owned(),
    }
}

fn rings(sensor: &StatsSnapshot) -> v1::Rings {
    let ring = |wanted: Ring| {
        sensor.rings.iter().find(|(ring, ..)| *ring == wanted).map(
            |(_, stats, size_bytes, used_bytes)| {
                let RingStats {
                    sent,
                    received,
                    aggregated,
                    lost,
                    filtered,
                } = *stats;
                v1::Ring {
                    sent,
                    received,
                    aggregated,
                    lost,
                    filtered,
                    size_bytes: *size_bytes,
                    used_bytes: *used_bytes,
                }
            },
        )
    };
    v1::Rings {
        priority: ring(Ring::Priority),
        bulk: ring(Ring::Bulk),
    }
}
