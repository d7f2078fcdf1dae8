//! What the daemon says: to journald with fields when systemd started it, else to
//! standard error.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};

use sentinel_event::{Alert, Severity, text};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Chooses the filter, such as `debug` or `libbpf=debug`.
const FILTER_ENV: &str = "SENTINEL_LOG";

/// Starts logging for the life of the process. With `quiet`, for a console whose
/// standard output already shows alerts, only warnings are written to standard error.
pub fn start(quiet: bool) {
    let usual = if quiet { "warn,alert=off" } else { "info" };
    let filter = EnvFilter::try_from_env(FILTER_ENV).unwrap_or_else(|_| EnvFilter::new(usual));
    let registry = tracing_subscriber::registry().with(filter);
    // Fails only when logging was started already, as when tests share a process.
    let _ = match under_systemd().then(tracing_journald::layer) {
        Some(Ok(layer)) => registry
            .with(layer.with_field_prefix(Some("SENTINEL".to_owned())))
            .try_init(),
        _ => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false),
            )
            .try_init(),
    };
}

/// systemd says so when standard error is connected to the journal.
fn under_systemd() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some()
}

/// Alerts that may wait for the journal.
const QUEUE_ALERTS: usize = 1024;

/// Writes alerts to the log on a thread of its own: a journal that hangs must not hold up
/// detection.
pub struct AlertLog {
    sender: SyncSender<Arc<Alert>>,
    dropped_total: AtomicU64,
}

impl AlertLog {
    /// Starts the thread, which ends when the last handle is dropped.
    pub fn start() -> std::io::Result<AlertLog> {
        let (sender, alerts) = sync_channel::<Arc<Alert>>(QUEUE_ALERTS);
        std::thread::Builder::new()
            .name("alert-log".into())
            .spawn(move || alerts.iter().for_each(|alert| log_alert(&alert)))?;
        Ok(AlertLog {
            sender,
            dropped_total: AtomicU64::new(0),
        })
    }

    /// Hands over an alert; one that does not fit is counted.
    pub fn offer(&self, alert: Arc<Alert>) {
        if self.sender.try_send(alert).is_err() {
            self.dropped_total.fetch_add(1, Relaxed);
        }
    }

    /// Alerts that the log missed; the store has them.
    pub fn dropped_total(&self) -> u64 {
        self.dropped_total.load(Relaxed)
    }

    /// Alerts that fit.
    pub fn capacity(&self) -> usize {
        QUEUE_ALERTS
    }
}

/// Writes an alert with its fields, so that `journalctl SENTINEL_DETECTION=...` finds it.
fn log_alert(alert: &Alert) {
    let ids = |get: fn(&sentinel_event::Technique) -> &'static str| -> String {
        alert
            .techniques
            .iter()
            .map(get)
            .collect::<Vec<_>>()
            .join(",")
    };
    let (technique, technique_legacy) = (ids(|t| t.id), ids(|t| t.legacy_id));
    let exe = text::escape(&alert.process.exe);
    let summary = text::escape(&alert.summary);
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(
                target: "alert",
                detection = alert.detection,
                severity = alert.severity.name(),
                technique = technique.as_str(),
                technique_legacy = technique_legacy.as_str(),
                alert_id = &*alert.id,
                exe = &*exe,
                exec_id = %alert.process.exec_id,
                process_pid = alert.process.pid,
                process_uid = alert.process.uid,
                "{summary}"
            )
        };
    }
    match alert.severity {
        Severity::Critical | Severity::High => log!(error),
        Severity::Medium => log!(warn),
        Severity::Low | Severity::Info => log!(info),
    }
}
