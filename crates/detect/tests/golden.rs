//! Golden pairs: `golden/<detection>/<case>.events` goes in, `<case>.alerts` must come
//! out. `UPDATE_GOLDEN=1 cargo test -p sentinel-detect` writes the alerts anew; read
//! the difference before you keep it.
//!
//! Events are JSON lines as `sentinel-import` reads them; lines that begin with `#` tell the
//! scene. A case whose name begins with `benign` may give nothing above `info`, every
//! other one must. All cases run with `min_severity = "info"`, so that what was told
//! apart from an attack is on record with its reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sentinel_detect::{Config, DETECTIONS, Engine, SeverityName, State};
use sentinel_event::{Alert, Event, Severity};
use serde_json::json;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/detections")
}

/// One case: where it lies, which detection it is about, how it is called.
struct Case {
    events: PathBuf,
    detection: String,
    name: String,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for folder in sorted(&golden()) {
        let detection = file_name(&folder);
        for file in sorted(&folder) {
            if file
                .extension()
                .is_some_and(|extension| extension == "events")
            {
                cases.push(Case {
                    name: file_name(&file.with_extension("")),
                    detection: detection.clone(),
                    events: file,
                });
            }
        }
    }
    cases
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn read(path: &Path) -> Vec<Event> {
    let text = fs::read_to_string(path).unwrap();
    // A comment becomes a blank line, so that line numbers in messages are right.
    let lines: Vec<&str> = text
        .lines()
        .map(|line| if line.starts_with('#') { "" } else { line })
        .collect();
    let (events, report) = sentinel_import::read_all(lines.join("\n").as_bytes()).unwrap();
    assert_eq!(report.bad, [], "{}", path.display());
    assert!(
        report.unknown_keys.is_empty(),
        "{}: {:?}",
        path.display(),
        report.unknown_keys
    );
    events
}

fn detect(events: &[Event]) -> Vec<Alert> {
    let config = Config {
        min_severity: SeverityName(Severity::Info),
        ..Config::default()
    };
    let mut engine = Engine::new(&config);
    let mut alerts = Vec::new();
    for event in events {
        engine.observe(event, &mut alerts);
    }
    for status in engine.status() {
        assert_eq!(status.state, &State::Running, "{}", status.name);
    }
    alerts
}

fn written(alerts: &[Alert]) -> String {
    alerts
        .iter()
        .map(|alert| format!("{}\n", line(alert)))
        .collect()
}

/// One alert as one line, keys in the order in which a person reads them.
fn line(alert: &Alert) -> String {
    let techniques: Vec<_> = alert.techniques.iter().map(|t| &t.id).collect();
    let evidence: Vec<_> = alert
        .evidence
        .iter()
        .map(|e| format!("{} {}", e.seq, e.text))
        .collect();
    let time = jiff::Timestamp::from_nanosecond(alert.time_ns.into()).unwrap();
    let fields = [
        ("time", json!(time.to_string())),
        ("id", json!(alert.id)),
        ("incident", json!(alert.incident)),
        ("count", json!(alert.count)),
        ("detection", json!(*alert.detection)),
        ("severity", json!(alert.severity.name())),
        ("confidence", json!(alert.confidence)),
        ("lost_nearby", json!(alert.lost_nearby)),
        ("summary", json!(alert.summary)),
        ("reason", json!(alert.reason)),
        ("techniques", json!(techniques)),
        ("pid", json!(alert.process.pid)),
        ("exe", json!(*alert.process.exe)),
        ("evidence", json!(evidence)),
    ];
    let fields: Vec<_> = fields
        .iter()
        .map(|(key, value)| format!("\"{key}\": {value}"))
        .collect();
    format!("{{{}}}", fields.join(", "))
}

/// Checks one case, or writes its alerts anew; gives what is wrong with it.
fn check(case: &Case) -> Option<String> {
    let events = read(&case.events);
    let alerts = detect(&events);
    assert_eq!(
        alerts,
        detect(&events),
        "{}: a replay differs",
        case.events.display()
    );
    let expected = case.events.with_extension("alerts");
    let actual = written(&alerts);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&expected, &actual).unwrap();
    }
    let recorded = fs::read_to_string(&expected).unwrap_or_default();
    if recorded != actual {
        return Some(format!(
            "{}: expected\n{recorded}found\n{actual}",
            expected.display()
        ));
    }
    let worth_a_look = |alert: &&Alert| alert.severity > Severity::Info;
    let found = alerts.iter().find(worth_a_look);
    if case.name.starts_with("benign") {
        return found
            .map(|alert| format!("{}: is benign, but: {}", expected.display(), line(alert)));
    }
    let own = alerts
        .iter()
        .filter(worth_a_look)
        .any(|a| *a.detection == *case.detection);
    (!own).then(|| format!("{}: the detection saw nothing", expected.display()))
}

#[test]
fn every_case_gives_its_alerts() {
    let cases = cases();
    let wrong: Vec<_> = cases.iter().filter_map(check).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_detection_has_a_positive_and_a_benign_case() {
    let cases = cases();
    for detection in DETECTIONS {
        let own = cases.iter().filter(|case| case.detection == detection.name);
        let (benign, positive): (Vec<_>, Vec<_>) =
            own.partition(|case| case.name.starts_with("benign"));
        assert!(
            !positive.is_empty(),
            "{} has no positive case",
            detection.name
        );
        assert!(!benign.is_empty(), "{} has no benign case", detection.name);
    }
    let known: BTreeSet<_> = DETECTIONS.iter().map(|d| d.name).collect();
    for folder in sorted(&golden()) {
        assert!(known.contains(&*file_name(&folder)), "{}", folder.display());
        for file in sorted(&folder) {
            let pair = ["events", "alerts"].map(|extension| file.with_extension(extension));
            assert!(
                pair.iter().all(|p| p.exists()),
                "{} is half a pair",
                file.display()
            );
        }
    }
}

#[test]
fn every_detection_is_documented_with_the_techniques_that_it_names() {
    let sections = [
        "## What",
        "## Why",
        "## How it may be wrong",
        "## How to tune",
        "## ATT&CK",
    ];
    for detection in DETECTIONS {
        let path = docs().join(detection.name).with_extension("md");
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for section in sections {
            assert!(
                text.contains(section),
                "{}: no section {section}",
                path.display()
            );
        }
        let own = cases()
            .into_iter()
            .filter(|case| case.detection == detection.name);
        let alerts = own.flat_map(|case| detect(&read(&case.events)));
        let alerts = alerts.filter(|alert| *alert.detection == *detection.name);
        for technique in alerts.flat_map(|alert| alert.techniques.into_owned()) {
            for id in [technique.id, technique.legacy_id] {
                assert!(text.contains(&*id), "{}: {id} is not named", path.display());
            }
        }
    }
}
