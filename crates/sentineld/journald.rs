//! What the daemon says: to journald with fields when systemd started it, else to
//! standard error.

use std::io::IsTerminal;

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

/// Writes an alert with its fields, so that `journalctl SENTINEL_DETECTION=...` finds it.
pub fn log_alert(alert: &Alert) {
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
