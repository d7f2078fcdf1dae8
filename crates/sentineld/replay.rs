//! `sentinel replay`: shows recorded history to the detections of today. It needs no
//! root, changes nothing, and gives the same answer each time.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use sentinel_baseline::{Baseline, DETECTORS, Delivery, Phase, TAIL};
use sentinel_detect::Engine;
use sentinel_event::{Alert, Event, Severity};
use sentinel_store::replay::{Source, TimeRange};
use serde_json::json;

use crate::rules::Rules;
use crate::{anomaly, learning, line, stdout};

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
    /// Whether alerts are printed as JSON.
    pub json: bool,
    /// Learn what is normal until then, in nanoseconds since the Unix epoch, and print only
    /// the alerts of the rest, with those about anomalies.
    pub learn_until_ns: Option<i64>,
    /// Whether the networks are trained each night, which takes as long as it does in the
    /// daemon.
    pub networks: bool,
    /// Show only what happened from then on, in nanoseconds since the Unix epoch, and count
    /// the alerts of each day.
    pub since_ns: Option<i64>,
}

/// What the sensor makes of events: its detections, and its baseline where it learns.
pub struct Judges {
    /// The detections.
    pub engine: Engine,
    /// What is learned.
    pub baseline: Baseline,
    /// The Sigma rules.
    pub rules: Rules,
}

/// Replays the data folder `dir` and prints the alerts; the counts go to standard error.
pub fn run(dir: &Path, judges: Judges, options: Options) -> Result<()> {
    let range = TimeRange {
        from_ns: options.since_ns.unwrap_or(i64::MIN),
        ..TimeRange::ALL
    };
    let source = Source::open(dir, range)?;
    let begun = Instant::now();
    let mut replay = Replay {
        judges,
        options,
        colour: stdout::colour_wanted(),
        clock: None,
        events_total: 0,
        alerts_total: 0,
        digest_total: 0,
        per_day: BTreeMap::new(),
        generation: 0,
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
    replay.judges.engine.close(&mut replay.found);
    let rest = std::mem::take(&mut replay.found);
    if !replay.tell(
        rest.into_iter()
            .map(|alert| (alert, serde_json::Value::Null)),
    )? {
        return Ok(());
    }
    if replay.events_total == 0 {
        let since = options
            .since_ns
            .map(|ns| Timestamp::from_nanosecond(ns.into()));
        let since = since.and_then(Result::ok);
        let since = since.map_or_else(String::new, |time| format!(" since {time:.0}"));
        eprintln!("there are no events in {}{since}", dir.display());
    }
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!(
        "{} events, {} alerts, {:.0} events a second",
        replay.events_total,
        replay.alerts_total,
        replay.events_total as f64 / seconds.max(1e-9)
    );
    if options.since_ns.is_some() {
        for ((day, detection), count) in &replay.per_day {
            let date = Timestamp::from_second(day * 86_400).unwrap_or_default();
            eprintln!("{}: {count} by {detection}", date.strftime("%Y-%m-%d"));
        }
    }
    if options.learn_until_ns.is_some() {
        eprintln!("{} anomalies beyond the daily budget", replay.digest_total);
    }
    // A generation has figures of days before its own, which say nothing about these.
    if options.learn_until_ns.is_some() && options.since_ns.is_none() {
        for day in replay.judges.baseline.tail_days() {
            let date = Timestamp::from_second(i64::from(day.day) * 86_400);
            let of =
                |(name, (judged, tail)): (&str, (u64, u64))| format!("{name} {tail} of {judged}");
            let counts = DETECTORS.into_iter().zip(day.detectors);
            let counts = std::iter::once(("all", (day.judged, day.tail))).chain(counts);
            let counts: Vec<String> = counts.map(of).collect();
            eprintln!(
                "{}: p <= {TAIL}: {}",
                date.unwrap_or_default().strftime("%Y-%m-%d"),
                counts.join(", ")
            );
        }
    }
    Ok(())
}

struct Replay {
    judges: Judges,
    options: Options,
    colour: bool,
    /// When the first event was shown, and when it had happened.
    clock: Option<(Instant, i64)>,
    events_total: u64,
    alerts_total: u64,
    /// Anomalies beyond the budget.
    digest_total: u64,
    /// Alerts by the day since the Unix epoch and by what raised them.
    per_day: BTreeMap<(i64, Arc<str>), u64>,
    /// The generation that networks were trained with.
    generation: u32,
    found: Vec<Alert>,
}

impl Replay {
    /// Shows one event and prints what follows; false when nobody reads any more.
    fn show(&mut self, event: &Event) -> Result<bool> {
        self.pace(event.time_ns);
        self.events_total += 1;
        self.judges.engine.observe(event, &mut self.found);
        let judges = &mut self.judges;
        let (rules, engine) = (&mut judges.rules, &mut judges.engine);
        rules.observe(event, engine, &mut self.found);
        for alert in &self.found {
            if alert.severity >= Severity::High {
                let baseline = &mut self.judges.baseline;
                baseline.distrust(&alert.process, event.time_ns);
            }
        }
        let is_learning = self
            .options
            .learn_until_ns
            .is_some_and(|until| event.time_ns < until);
        let mut found: Vec<(Alert, serde_json::Value)> = self
            .found
            .drain(..)
            .map(|alert| (alert, serde_json::Value::Null))
            .collect();
        if self.options.learn_until_ns.is_some() {
            self.learn(event, is_learning, &mut found)?;
        }
        if is_learning {
            return Ok(true);
        }
        self.tell(found)
    }

    /// Prints alerts with their numbers; false when nobody reads any more.
    fn tell(
        &mut self,
        found: impl IntoIterator<Item = (Alert, serde_json::Value)>,
    ) -> Result<bool> {
        for (mut alert, numbers) in found {
            self.alerts_total += 1;
            alert.seq = self.alerts_total;
            let day = alert.time_ns.div_euclid(86_400_000_000_000);
            *self
                .per_day
                .entry((day, Arc::clone(&alert.detection)))
                .or_default() += 1;
            let mut text = String::new();
            if self.options.json {
                text = alert_json(&alert, numbers).to_string() + "\n";
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

    fn learn(
        &mut self,
        event: &Event,
        is_learning: bool,
        found: &mut Vec<(Alert, serde_json::Value)>,
    ) -> Result<()> {
        let phase = if is_learning {
            Phase::Learn
        } else {
            Phase::Detect
        };
        self.judges.baseline.set_phase(phase);
        let mut anomalies = Vec::new();
        self.judges.baseline.observe(event, &mut anomalies);
        for found_now in anomalies {
            match found_now.delivery {
                Delivery::Alert => {
                    found.push((anomaly::alert(&found_now), anomaly::numbers(&found_now)))
                }
                Delivery::Digest => self.digest_total += 1,
                Delivery::Preview => {}
            }
        }
        if self.options.networks {
            let baseline = &mut self.judges.baseline;
            let generation = baseline.standing().generation;
            if generation != self.generation {
                self.generation = generation;
                for sentence in learning::train_all(baseline, event.time_ns)? {
                    tracing::info!("{sentence}");
                }
            }
        }
        Ok(())
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

/// The keys of an alert in a replay; `evidence` holds numbers of the history's events. Every
/// alert has a score, 0 to 1, and features, of which only anomalies have any.
fn alert_json(alert: &Alert, numbers: serde_json::Value) -> serde_json::Value {
    let mut value = json!({
        "time": Timestamp::from_nanosecond(alert.time_ns.into())
            .map(|time| time.to_string())
            .unwrap_or_default(),
        "id": alert.id,
        "incident": alert.incident,
        "count": alert.count,
        "detection": &*alert.detection,
        "severity": alert.severity.name(),
        "confidence": alert.confidence,
        "score": f64::from(alert.confidence) / 100.0,
        "features": [],
        "pid": alert.process.pid,
        "exec_id": alert.process.exec_id.to_string(),
        "exe": &*alert.process.exe,
        "summary": alert.summary,
        "reason": alert.reason,
        "techniques": alert.techniques.iter().map(|t| &t.id).collect::<Vec<_>>(),
        "evidence": alert.evidence.iter().map(|e| e.seq).collect::<Vec<_>>(),
    });
    if let (Some(all), serde_json::Value::Object(numbers)) = (value.as_object_mut(), numbers) {
        all.extend(numbers);
    }
    value
}
