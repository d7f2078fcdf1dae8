//! From events to alerts: takes batches from a source, shows each event to the
//! detections, and hands both on to the store, the journal and whoever listens.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sentinel_detect::{Allowance, Engine, State};
use sentinel_event::{Alert, Batch, Event, Severity};
use sentinel_store::Writer;

use crate::allow::Allowed;
use crate::anomaly;
use crate::hub::{DetectionStatus, Figures, Hub, Request};
use crate::journald::AlertLog;
use crate::learning::Learning;
use crate::rules::Rules;
use crate::source::{Next, Source};

/// How long to wait for events before noting that all is well.
const IDLE: Duration = Duration::from_millis(500);
/// How often the figures are renewed while events flow.
const FIGURES_INTERVAL: Duration = Duration::from_millis(200);

/// Who concludes, and what is allowed all the same.
pub struct Judges {
    /// The detections.
    pub engine: Engine,
    /// What is learned.
    pub learning: Learning,
    /// The Sigma rules.
    pub rules: Rules,
    /// What is counted and not raised.
    pub allowed: Arc<Allowed>,
}

impl Judges {
    /// Appends the alerts to raise about the event.
    fn observe(&mut self, event: &Event, source: &impl Source, alerts: &mut Vec<Alert>) {
        let before = alerts.len();
        self.engine.observe(event, alerts);
        self.rules.observe(event, &mut self.engine, alerts);
        self.retain(before, event, source, alerts);
        // What they tell of is not to become normal.
        for alert in &alerts[before..] {
            if alert.severity >= Severity::High {
                self.learning.distrust(&alert.process, event.time_ns);
            }
        }
        let before = alerts.len();
        self.learning.observe(event, alerts);
        // What nobody is told of takes nothing from the budget of the day.
        for alert in self.retain(before, event, source, alerts) {
            self.learning.suppressed(&alert);
        }
    }

    /// Completes the alerts after the first ones, and keeps those that are not allowed; gives
    /// back the others.
    ///
    /// The engine has asked about its own before it rationed them. Here it is asked for the
    /// anomalies, and for those of which the digest was not known then. Closing alerts are
    /// about earlier events, with which the engine asked.
    fn retain(
        &self,
        before: usize,
        event: &Event,
        source: &impl Source,
        alerts: &mut Vec<Alert>,
    ) -> Vec<Alert> {
        let suppressed = alerts.extract_if(before.., |alert| {
            let (detection, process) = (&alert.detection, &alert.process);
            // An anomaly is about what was most unusual, which need not be the last thing.
            let is_about =
                Arc::ptr_eq(process, &event.process) || **detection == *anomaly::DETECTION;
            source.complete(alert);
            let (detection, process) = (&alert.detection, &alert.process);
            is_about && self.allowed.allows(detection, process, event, true)
        });
        suppressed.collect()
    }
}

/// Runs until the source ends.
pub fn run(
    mut source: impl Source,
    mut judges: Judges,
    hub: &Hub,
    writer: &Writer,
    log: &AlertLog,
    known: KnownAlerts,
) {
    judges
        .engine
        .allow(Arc::clone(&judges.allowed) as Arc<dyn Allowance>);
    let mut outlet = Outlet {
        known,
        hub,
        writer,
        log,
    };
    let mut alerts = Vec::new();
    let mut figures_at = None;
    loop {
        let next = source.next(IDLE);
        // Before the events are judged: whoever was told that rules are in use has a right to
        // expect it of whatever is done after that.
        for request in hub.take_requests() {
            match request {
                // Whoever asked may have left meanwhile.
                Request::Processes(answer) => drop(answer.send(source.living())),
                Request::Detect(config) => judges.engine.apply(&config),
                Request::Learning(ask) => ask(&mut judges.learning),
                Request::Rules(set) => judges.rules.replace(*set),
            }
        }
        match next {
            Next::Batch(events) => {
                for event in &events {
                    judges.observe(event, &source, &mut alerts);
                }
                let batch: Batch = Arc::new(events);
                writer.offer_events(Arc::clone(&batch));
                hub.publish_events(&batch);
                outlet.raise(&mut alerts);
                for counted in judges.engine.take_counted() {
                    hub.publish_counted(counted);
                }
            }
            Next::Idle => {}
            Next::End => break,
        }
        source.settled(writer.settled_seq());
        let due = figures_at.is_none_or(|at: Instant| at.elapsed() >= FIGURES_INTERVAL);
        hub.report(due.then(|| figures(&source, &judges.engine)));
        if due {
            let before = alerts.len();
            judges.learning.step(&mut alerts);
            complete(&source, &mut alerts[before..]);
            figures_at = Some(Instant::now());
        }
    }
    // What was held back must be told of now or never.
    let before = alerts.len();
    judges.engine.close(&mut alerts);
    complete(&source, &mut alerts[before..]);
    outlet.raise(&mut alerts);
    hub.report(Some(figures(&source, &judges.engine)));
    judges.learning.close();
}

/// The alerts that the store holds already. A restart looks again at processes that still
/// run, which must not raise their alerts a second time.
pub struct KnownAlerts {
    ids: HashSet<Box<str>>,
    last_seq: u64,
}

impl KnownAlerts {
    /// `ids` were raised before; the next alert gets the number after `last_seq`.
    pub fn new(ids: impl IntoIterator<Item = Box<str>>, last_seq: u64) -> KnownAlerts {
        KnownAlerts {
            ids: ids.into_iter().collect(),
            last_seq,
        }
    }

    /// The number of a new alert; `None` for one that was raised before the start.
    fn number(&mut self, alert: &Alert) -> Option<u64> {
        if self.ids.contains(&alert.id) {
            return None;
        }
        self.last_seq += 1;
        Some(self.last_seq)
    }
}

fn complete(source: &impl Source, alerts: &mut [Alert]) {
    alerts.iter_mut().for_each(|alert| source.complete(alert));
}

/// Where alerts go.
struct Outlet<'a> {
    known: KnownAlerts,
    hub: &'a Hub,
    writer: &'a Writer,
    log: &'a AlertLog,
}

impl Outlet<'_> {
    /// Numbers the alerts and tells everyone of them.
    fn raise(&mut self, alerts: &mut Vec<Alert>) {
        for mut alert in alerts.drain(..) {
            let Some(seq) = self.known.number(&alert) else {
                continue;
            };
            alert.seq = seq;
            let alert = Arc::new(alert);
            self.writer.offer_alert(Arc::clone(&alert));
            self.hub.publish_alert(&alert);
            if !anomaly::is_silent(&alert.detection) {
                self.log.offer(alert);
            }
        }
    }
}

fn figures(source: &impl Source, engine: &Engine) -> Figures {
    Figures {
        processes: source.processes(),
        detections: engine
            .status()
            .map(|status| {
                let (state, reason) = match status.state {
                    State::Running => ("running", String::new()),
                    State::Off => ("off", "switched off in the configuration".to_owned()),
                    State::Failed(reason) => ("failed", reason.clone()),
                };
                DetectionStatus {
                    name: status.name,
                    state,
                    reason,
                    alerts_total: status.counters.alerts_total,
                }
            })
            .collect(),
    }
}
