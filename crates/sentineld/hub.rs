//! Where the pipeline meets those who listen: live streams of events and alerts, the
//! latest alerts, and the figures of the pipeline. Nobody who listens can slow it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sentinel_detect::Counted;
use sentinel_event::{Alert, Batch, Kind, Process, Severity};
use sentinel_process::Counters;
use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use crate::anomaly;
use crate::learning::Learning;

/// Batches that a slow listener may be behind before it misses some; with at most some
/// 2,000 events in a batch under load this bounds what is kept for it to 20 MB.
pub const EVENT_BATCHES: usize = 16;
/// Alerts that a slow listener may be behind before it misses some.
const ALERTS: usize = 1024;
/// Alerts that are kept in memory, because the store has them only after its next flush.
const RECENT_ALERTS: usize = 1024;

/// Requests that may wait for the pipeline; it takes them before each batch.
const REQUESTS: usize = 64;
/// How long the pipeline may take to answer one.
pub const ANSWER: Duration = Duration::from_secs(5);

/// What the pipeline is asked to do between two batches; what is asked for is in force for
/// every event that is not in its hands yet.
pub enum Request {
    /// Tell the processes that live.
    Processes(oneshot::Sender<Vec<Arc<Process>>>),
    /// Detect with this configuration from now on.
    Detect(Box<sentinel_detect::Config>),
    /// Do something with what is learned.
    Learning(Box<dyn FnOnce(&mut Learning) + Send>),
    /// Work with these Sigma rules from now on.
    Rules(Box<sentinel_sigma::RuleSet>),
}

/// How one detection fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectionStatus {
    /// Its name.
    pub name: &'static str,
    /// "running", "off" or "failed".
    pub state: &'static str,
    /// Why it is off or failed.
    pub reason: String,
    /// Alerts that it raised.
    pub alerts_total: u64,
}

/// The figures of the pipeline, replaced after each batch.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// The process table.
    pub processes: Counters,
    /// Every detection.
    pub detections: Vec<DetectionStatus>,
}

/// The meeting point.
pub struct Hub {
    events: Sender<Batch>,
    alerts: Sender<Arc<Alert>>,
    counted: Sender<Arc<Counted>>,
    recent: Mutex<VecDeque<Arc<Alert>>>,
    newest_alert_seq: AtomicU64,
    figures: Mutex<Figures>,
    requests: Mutex<Vec<Request>>,
    seen: Vec<AtomicU64>,
    raised: Vec<AtomicU64>,
    missed_total: AtomicU64,
    begun: Instant,
    progress_ms: AtomicU64,
}

impl Hub {
    /// A hub without listeners. `newest_alert_seq` is the number of the latest alert in
    /// the store.
    pub fn new(newest_alert_seq: u64) -> Hub {
        Hub {
            newest_alert_seq: AtomicU64::new(newest_alert_seq),
            events: channel(EVENT_BATCHES).0,
            alerts: channel(ALERTS).0,
            counted: channel(ALERTS).0,
            recent: Mutex::default(),
            figures: Mutex::default(),
            requests: Mutex::default(),
            seen: Kind::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            raised: Severity::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            missed_total: AtomicU64::new(0),
            begun: Instant::now(),
            progress_ms: AtomicU64::new(0),
        }
    }

    /// Hands events to whoever listens.
    pub fn publish_events(&self, batch: &Batch) {
        for event in batch.iter() {
            self.seen[event.kind() as usize].fetch_add(1, Relaxed);
        }
        // Without listeners sending fails, which is the usual case.
        let _ = self.events.send(Arc::clone(batch));
    }

    /// Hands an alert to whoever listens and keeps it for those who come.
    pub fn publish_alert(&self, alert: &Arc<Alert>) {
        if !anomaly::is_silent(&alert.detection) {
            self.raised[alert.severity as usize].fetch_add(1, Relaxed);
        }
        let mut recent = lock(&self.recent);
        if recent.len() == RECENT_ALERTS {
            recent.pop_front();
        }
        recent.push_back(Arc::clone(alert));
        self.newest_alert_seq.store(alert.seq, Relaxed);
        // Sent under the lock, so that a listener who subscribes and then reads the
        // recent ones misses none in between.
        let _ = self.alerts.send(Arc::clone(alert));
    }

    /// Tells whoever listens of a finding that was only counted.
    pub fn publish_counted(&self, counted: Counted) {
        if self.counted.receiver_count() > 0 {
            // Between the two whoever listened may have left.
            let _ = self.counted.send(Arc::new(counted));
        }
    }

    /// Replaces the figures and notes that the pipeline is alive.
    pub fn report(&self, figures: Option<Figures>) {
        if let Some(figures) = figures {
            *lock(&self.figures) = figures;
        }
        self.progress_ms
            .store(self.begun.elapsed().as_millis() as u64, Relaxed);
    }

    /// How long ago the pipeline last made a step.
    pub fn stalled_for(&self) -> Duration {
        let progress = Duration::from_millis(self.progress_ms.load(Relaxed));
        self.begun.elapsed().saturating_sub(progress)
    }

    /// Live events from now on.
    pub fn listen_events(&self) -> Receiver<Batch> {
        self.events.subscribe()
    }

    /// Live alerts from now on, and the number of the latest before them.
    pub fn listen_alerts(&self) -> (u64, Receiver<Arc<Alert>>) {
        let _recent = lock(&self.recent);
        let newest = self.newest_alert_seq.load(Relaxed);
        (newest, self.alerts.subscribe())
    }

    /// Findings that are only counted, from now on. Who is too slow for them misses some.
    pub fn listen_counted(&self) -> Receiver<Arc<Counted>> {
        self.counted.subscribe()
    }

    /// The alerts of late, oldest first.
    pub fn recent_alerts(&self) -> Vec<Arc<Alert>> {
        lock(&self.recent).iter().cloned().collect()
    }

    /// Asks the pipeline; false when too many wait already.
    pub fn ask(&self, request: Request) -> bool {
        let mut requests = lock(&self.requests);
        let room = requests.len() < REQUESTS;
        if room {
            requests.push(request);
        }
        room
    }

    /// What the pipeline was asked since the last time.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut lock(&self.requests))
    }

    /// The processes that live; `None` when the pipeline does not answer.
    pub async fn processes(&self) -> Option<Vec<Arc<Process>>> {
        let (sender, answer) = oneshot::channel();
        if !self.ask(Request::Processes(sender)) {
            return None;
        }
        tokio::time::timeout(ANSWER, answer).await.ok()?.ok()
    }

    /// Lets the pipeline answer a question about what is learned; `None` when too many
    /// wait already.
    pub fn learning<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Learning) -> T + Send + 'static,
    ) -> Option<oneshot::Receiver<T>> {
        let (sender, answer) = oneshot::channel();
        let ask = move |learning: &mut Learning| {
            // Whoever asked may have left meanwhile.
            let _ = sender.send(question(learning));
        };
        self.ask(Request::Learning(Box::new(ask))).then_some(answer)
    }

    /// The latest figures.
    pub fn figures(&self) -> Figures {
        lock(&self.figures).clone()
    }

    /// Events seen of each kind.
    pub fn seen(&self) -> impl Iterator<Item = (Kind, u64)> {
        Kind::ALL
            .iter()
            .zip(&self.seen)
            .map(|(kind, count)| (*kind, count.load(Relaxed)))
    }

    /// Alerts raised of each severity.
    pub fn raised(&self) -> impl Iterator<Item = (Severity, u64)> {
        Severity::ALL
            .iter()
            .zip(&self.raised)
            .map(|(severity, count)| (*severity, count.load(Relaxed)))
    }

    /// Notes that a listener was too slow for this many events or alerts.
    pub fn note_missed(&self, count: u64) {
        self.missed_total.fetch_add(count, Relaxed);
    }

    /// Events and alerts that listeners missed, all of them together.
    pub fn missed_total(&self) -> u64 {
        self.missed_total.load(Relaxed)
    }

    /// Batches that the slowest listener has still to take.
    pub fn event_backlog(&self) -> usize {
        self.events.len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded is replaced or pushed as a whole, so a panic leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
