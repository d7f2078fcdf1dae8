//! `sentinel replay`: shows recorded history to the detections of today. It needs no
//! root, changes nothing, and gives the same answer each time.

use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sentinel_detect::Engine;
use sentinel_event::{Alert, Event};
use sentinel_store::replay::{Source, TimeRange};
use serde_json::json;

use crate::mode::Mode;
use crate::{line, stdout};

/// How fast history passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Speed {
    /// As fast as the machine can.
    Max,
    /// As it happened.
    #[value(name = "1x")]
    Real,
}

/// How history is shown.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How fast it passes.
    pub speed: Speed,
    /// The mode that the daemon is taken to be in. Fixed detections alert in both.
    pub mode: Mode,
    /// Whether alerts are printed as JSON.
    pub json: bool,
}

/// Replays the data folder `dir` and prints the alerts; the counts go to standard error.
pub fn run(dir: &Path, engine: Engine, options: Options) -> Result<()> {
    let source = Source::open(dir, TimeRange::ALL)?;
    let begun = Instant::now();
    let mut replay = Replay {
        engine,
        options,
        colour: stdout::colour_wanted(),
        clock: None,
        events_total: 0,
        alerts_total: 0,
        found: Vec::new(),
    };
    for batch in source {
        let batch = batch.with_context(|| format!("cannot replay {}", dir.display()))?;
        for event in batch.iter() {
            if !replay.show(event)? {
                return Ok(());
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!(
        "{} events, {} alerts in mode {}, {:.0} events a second",
        replay.events_total,
        replay.alerts_total,
        options.mode.name(),
        replay.events_total as f64 / seconds.max(1e-9)
    );
    Ok(())
}

struct Replay {
    engine: Engine,
    options: Options,
    colour: bool,
    /// When the first event was shown, and when it had happened.
    clock: Option<(Instant, i64)>,
    events_total: u64,
    alerts_total: u64,
    found: Vec<Alert>,
}

impl Replay {
    /// Shows one event and prints what follows; false when nobody reads any more.
    fn show(&mut self, event: &Event) -> Result<bool> {
        self.pace(event.time_ns);
        self.events_total += 1;
        self.engine.observe(event, &mut self.found);
        for mut alert in self.found.drain(..) {
            self.alerts_total += 1;
            alert.seq = self.alerts_total;
            let mut text = String::new();
            if self.options.json {
                text = alert_json(&alert).to_string() + "\n";
            } else {
                line::write_alert(&mut text, &alert, self.colour);
            }
            match io::stdout().lock().write_all(text.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
                written => written.context("cannot write to standard output")?,
            }
        }
        Ok(true)
    }

    fn pace(&mut self, time_ns: i64) {
        if self.options.speed == Speed::Max {
            return;
        }
        let (begun, first_ns) = *self.clock.get_or_insert((Instant::now(), time_ns));
        let due = Duration::from_nanos(time_ns.saturating_sub(first_ns).max(0) as u64);
        thread::sleep(due.saturating_sub(begun.elapsed()));
    }
}

/// The keys of an alert in a replay; `evidence` holds numbers of the history's events.
fn alert_json(alert: &Alert) -> serde_json::Value {
    json!({
        "time": jiff::Timestamp::from_nanosecond(alert.time_ns.into())
            .map(|time| time.to_string())
            .unwrap_or_default(),
        "id": alert.id,
        "incident": alert.incident,
        "count": alert.count,
        "detection": &*alert.detection,
        "severity": alert.severity.name(),
        "confidence": alert.confidence,
        "pid": alert.process.pid,
        "exec_id": alert.process.exec_id.to_string(),
        "exe": &*alert.process.exe,
        "summary": alert.summary,
        "reason": alert.reason,
        "techniques": alert.techniques.iter().map(|t| &t.id).collect::<Vec<_>>(),
        "evidence": alert.evidence.iter().map(|e| e.seq).collect::<Vec<_>>(),
    })
}
