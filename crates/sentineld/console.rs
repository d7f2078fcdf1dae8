//! The live view of `sentinel run --console`: one line per event and alert, and a
//! summary at the end.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use sentinel_event::{Alert, Batch, Event, Kind, Severity, text};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::hub::Hub;
use crate::service::Facts;
use crate::{line, stdout};

/// Shows everything until the pipeline ends or nobody reads any more.
pub async fn show(hub: Arc<Hub>) {
    let colour = stdout::colour_wanted();
    let mut events = hub.listen_events();
    let (_, mut alerts) = hub.listen_alerts();
    let mut next_seq = None;
    loop {
        let written = tokio::select! {
            batch = events.recv() => match batch {
                Ok(batch) => write_batch(&batch, &mut next_seq, colour),
                Err(RecvError::Lagged(_)) => Ok(()),
                Err(RecvError::Closed) => return,
            },
            alert = next_alert(&mut alerts) => write_alert(&alert, colour),
        };
        if written.is_err() {
            return;
        }
    }
}

async fn next_alert(alerts: &mut Receiver<Arc<Alert>>) -> Arc<Alert> {
    loop {
        match alerts.recv().await {
            Ok(alert) => return alert,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn write_batch(batch: &Batch, next_seq: &mut Option<u64>, colour: bool) -> io::Result<()> {
    let mut out = String::new();
    let first = batch.first().map_or(0, |event| event.seq);
    let missed = next_seq.map_or(0, |next| first.saturating_sub(next));
    if missed > 0 {
        out.push_str(&format!(
            "... {missed} events were too many to show; they are in the store\n"
        ));
    }
    for event in batch.iter().filter(|event| is_news(event)) {
        line::write_event(&mut out, event, colour);
    }
    *next_seq = batch.last().map(|event| event.seq + 1).or(*next_seq);
    let mut stdout = io::stdout().lock();
    stdout.write_all(out.as_bytes())?;
    stdout.flush()
}

/// What ran before the start, and what executables contain, fills the store but would only
/// fill the screen.
fn is_news(event: &Event) -> bool {
    !matches!(event.kind(), Kind::Process | Kind::Digest)
}

fn write_alert(alert: &Alert, colour: bool) -> io::Result<()> {
    let mut out = String::new();
    line::write_alert(&mut out, alert, colour);
    let mut stdout = io::stdout().lock();
    stdout.write_all(out.as_bytes())?;
    stdout.flush()
}

/// What a newcomer needs to know while it runs.
pub fn greet(facts: &Facts, socket: &std::path::Path) {
    let running = facts
        .hooks
        .iter()
        .filter(|h| h.state == crate::sensor::HookState::Running)
        .count();
    stdout::say(&format!(
        "Watching {} (Linux {}) with {running} hooks in {} mode; Ctrl-C ends it.\n\
         In another terminal: sentinelctl --socket {} status\n",
        text::escape(&facts.host.name),
        facts.host.kernel,
        facts.mode.get().mode.name(),
        socket.display()
    ));
}

/// The closing summary.
pub fn sum_up(facts: &Facts, ran: Duration) {
    let seen: u64 = facts.hub.seen().map(|(_, count)| count).sum();
    let mut out = format!("\nWatched for {}: {seen} events.\n", line::duration(ran));
    let kinds = || facts.hub.seen().filter(|(_, count)| *count > 0);
    let width = kinds().map(|(kind, _)| kind.name().len()).max();
    let width = width.unwrap_or_default();
    for (kind, count) in kinds() {
        out.push_str(&format!("  {:<width$} {count:>10}\n", kind.name()));
    }
    let rings = facts.sensor.snapshot().rings;
    let lost: u64 = rings.iter().map(|(_, stats, _, _)| stats.lost).sum();
    out.push_str(&format!("Lost in the rings: {lost}.\n"));
    let alerts: Vec<String> = facts
        .hub
        .raised()
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count): (Severity, u64)| format!("{count} {severity}"))
        .collect();
    out.push_str(&match alerts.is_empty() {
        true => "Alerts: none.\n".to_owned(),
        false => format!("Alerts: {}.\n", alerts.join(", ")),
    });
    let store = facts.writer.stats();
    out.push_str(&format!(
        "Everything is in Parquet files below {}.\n",
        store.path.display()
    ));
    stdout::say(&out);
}
