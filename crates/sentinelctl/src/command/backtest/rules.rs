//! What Sigma rules would have alerted on, day by day, by the recorded history of this
//! host. Reads the files of the store; needs neither daemon nor its program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sentinel_detect::{Config, Engine, SeverityName};
use sentinel_event::Severity;
use sentinel_sigma::load_files;
use sentinel_store::replay::{Source, TimeRange};

use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// What one rule came to on one day.
#[derive(Debug, Default, serde::Serialize)]
pub struct Day {
    /// The day, in this host's zone; in UTC for JSON.
    pub day: String,
    /// The rule.
    pub rule: String,
    /// Events that it matched.
    pub matches: u64,
    /// Alerts that these would have been, after grouping.
    pub alerts: u64,
    /// What the first of them says.
    pub first: String,
}

/// Holds the rules in `files` against the history in `data_dir` from `since` on.
pub fn run(
    files: &[PathBuf],
    since: Timestamp,
    data_dir: &Path,
    output: &mut Output,
) -> Result<(), Failure> {
    let range = TimeRange {
        from_ns: i64::try_from(since.as_nanosecond()).unwrap_or(i64::MIN),
        until_ns: i64::MAX,
    };
    let loaded = load_files(files);
    if let Some(problem) = loaded.problems.first() {
        return Err(Failure::failed(problem.to_string()));
    }
    let mut set = loaded.set;
    let rules = std::sync::Arc::clone(set.rules());
    for rule in rules.iter().filter(|r| !r.standing.reason().is_empty()) {
        output.note(&format!(
            "{} cannot match here: {}",
            rule.title,
            rule.standing.reason()
        ));
    }
    // Everything is counted, however mild.
    let mut engine = Engine::new(&Config {
        min_severity: SeverityName(Severity::Info),
        ..Config::default()
    });
    let source = Source::open(data_dir, range).map_err(|error| history(data_dir, &error))?;
    let mut days: BTreeMap<(String, usize), Day> = BTreeMap::new();
    let (mut events_total, mut hits) = (0u64, Vec::new());
    for batch in source {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                output.note(&format!("left out: {error}"));
                continue;
            }
        };
        for event in batch.iter() {
            events_total += 1;
            hits.clear();
            set.observe(event, &mut hits);
            for hit in &hits {
                let day = day(event.time_ns, output);
                let rule = &rules[hit.rule];
                let found = days.entry((day.clone(), hit.rule)).or_default();
                (found.day, found.rule) = (day, rule.title.clone());
                found.matches += event.count.max(1);
                let finding = sentinel_sigma::finding(rule, hit, event);
                if let Some(alert) = engine.conclude(&rule.name, set.wanted(), finding, event) {
                    found.alerts += 1;
                    if found.first.is_empty() {
                        found.first = alert.summary.into();
                    }
                }
            }
        }
    }
    let days: Vec<&Day> = days.values().collect();
    if output.json {
        for day in days {
            let line = json::line(day);
            let line = line.map_err(|error| Failure::failed(format!("a day as JSON: {error}")))?;
            output.line(&line)?;
        }
    } else {
        output.print(&render::backtest::days(&days, &output.look))?;
    }
    if events_total == 0 {
        let dir = data_dir.display();
        output.note(&format!("there are no events in {dir} since {since:.0}"));
    }
    output.note(&format!("{events_total} events, {} rules", rules.len()));
    Ok(())
}

fn history(data_dir: &Path, error: &sentinel_store::StoreError) -> Failure {
    let dir = data_dir.display();
    match error.is_denied() {
        true => Failure::denied(dir),
        false => Failure::no_history(error),
    }
}

fn day(time_ns: i64, output: &Output) -> String {
    match Timestamp::from_nanosecond(time_ns.into()) {
        Ok(time) => time.to_zoned(output.look.zone.clone()).date().to_string(),
        Err(_) => "-".to_owned(),
    }
}
