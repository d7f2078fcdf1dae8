//! What the daemon says: to journald with fields when systemd started it, else to
//! standard error.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};

use sentinel_event::{Alert, Severity, text};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::config::LogLevel;

/// Chooses the filter, such as `debug` or `libbpf=debug`.
const FILTER_ENV: &str = "SENTINEL_LOG";

/// Changes the filter, where the configuration decides about it.
static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Logs from now on what the configuration says, unless the environment says otherwise or
/// a console was promised quiet.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = LEVEL.get()
        && let Err(error) = handle.reload(EnvFilter::new(level.name()))
    {
        tracing::warn!("cannot change the log level: {error}");
    }
}

/// Starts logging for the life of the process. With `quiet`, for a console whose
/// standard output already shows alerts, only warnings are written to standard error.
pub fn start(quiet: bool) {
    let usual = if quiet { "warn,alert=off" } else { "info" };
    let chosen = EnvFilter::try_from_env(FILTER_ENV).ok();
    let decided = quiet || chosen.is_some();
    let (filter, handle) = reload::Layer::new(chosen.unwrap_or_else(|| EnvFilter::new(usual)));
    if !decided {
        let _ = LEVEL.set(handle);
    }
    let registry = tracing_subscriber::registry().with(filter);
    // Fails only when logging was started already, as when tests share a process.
    let _ = match under_systemd().then(journal_layers) {
        Some(Ok(layers)) => registry.with(layers).try_init(),
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

/// The kinds of messages that have an id in systemd/sentinel.catalog, by their targets.
pub const MESSAGE_IDS: &[(&str, &str)] = &[
    ("alert", "6a1f0c8de0b44a0b9a3c3b8f0a6c7d01"),
    ("ready", "6a1f0c8de0b44a0b9a3c3b8f0a6c7d02"),
    ("audit", "6a1f0c8de0b44a0b9a3c3b8f0a6c7d03"),
    ("access", "6a1f0c8de0b44a0b9a3c3b8f0a6c7d04"),
    ("health", "6a1f0c8de0b44a0b9a3c3b8f0a6c7d05"),
];

type Boxed<S> = Box<dyn Layer<S> + Send + Sync>;

/// A layer for each kind, which gives its messages their id, and one for all others.
fn journal_layers<S>() -> std::io::Result<Vec<Boxed<S>>>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = || -> std::io::Result<tracing_journald::Layer> {
        Ok(tracing_journald::layer()?.with_field_prefix(Some("SENTINEL".to_owned())))
    };
    let others = filter_fn(|metadata| message_id(metadata.target()).is_none());
    let mut layers: Vec<Boxed<S>> = vec![Box::new(layer()?.with_filter(others))];
    for (target, id) in MESSAGE_IDS {
        let only = filter_fn(move |metadata| metadata.target() == *target);
        let layer = layer()?.with_custom_fields([("MESSAGE_ID", *id)]);
        layers.push(Box::new(layer.with_filter(only)));
    }
    Ok(layers)
}

fn message_id(target: &str) -> Option<&'static str> {
    let found = MESSAGE_IDS.iter().find(|(name, _)| *name == target);
    found.map(|(_, id)| *id)
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
    // A field of the journal may have many values, each of which is found by itself.
    let id = |i: usize| alert.techniques.get(i).map(|technique| &*technique.id);
    let legacy = |i: usize| alert.techniques.get(i).map(|t| &*t.legacy_id);
    let exe = text::escape(&alert.process.exe);
    let summary = text::escape(&alert.summary);
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(
                target: "alert",
                detection = &*alert.detection,
                severity = alert.severity.name(),
                technique = id(0),
                technique = id(1),
                technique = id(2),
                technique = id(3),
                technique_legacy = legacy(0),
                technique_legacy = legacy(1),
                technique_legacy = legacy(2),
                technique_legacy = legacy(3),
                alert_id = &*alert.id,
                incident = &*alert.incident,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An id without a text would leave `journalctl -x` with nothing to say.
    #[test]
    fn every_message_id_is_in_the_catalog() {
        let catalog = include_str!("../../systemd/sentinel.catalog");
        let listed: Vec<&str> = catalog
            .lines()
            .filter_map(|line| line.strip_prefix("-- "))
            .collect();
        let ids: Vec<&str> = MESSAGE_IDS.iter().map(|(_, id)| *id).collect();
        assert_eq!(listed, ids);
    }
}
