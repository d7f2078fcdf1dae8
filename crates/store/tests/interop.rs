//! Other tools read the files as they are: DuckDB and pyarrow see every value.
//!
//! The Python that has both packages is named by SENTINEL_PYTHON, or lies in
//! target/venv; without one the test says why it is skipped.

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{alert, config, events};
use sentinel_event::{COLUMNS, Event, Value};
use sentinel_store::{AlertRecord, Store};
use serde_json::{Value as Json, json};

#[test]
fn duckdb_and_pyarrow_see_every_value() {
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let written = events(1, 1_000);
    let alerts: Vec<_> = (1..=20).map(alert).collect();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    store.append_events(&written).unwrap();
    store.append_alerts(&alerts).unwrap();
    store.close().unwrap();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    store.append_events(&events(1_001, 3)).unwrap();
    store.flush().unwrap();

    let rows = written.iter().map(event_as_json);
    write_lines(&folder.path().join("expected-events.jsonl"), rows);
    let rows = alerts.iter().map(|alert| alert_as_json(&alert.into()));
    write_lines(&folder.path().join("expected-alerts.jsonl"), rows);
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop.py"))
        .arg(folder.path())
        .arg(
            folder
                .path()
                .join("journal/events-00000000000000001001.arrow"),
        )
        .args(["1001", "1002", "1003"])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "equal\n");
}

/// A Python with duckdb and pyarrow; `None`, with the reason printed, without.
fn python() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python");
    let python = std::env::var_os("SENTINEL_PYTHON").map_or(venv, PathBuf::from);
    let mut import = Command::new(&python);
    match import.args(["-c", "import duckdb, pyarrow"]).output() {
        Ok(output) if output.status.success() => Some(python),
        _ => {
            let python = python.display();
            eprintln!("skipped, {python} with the packages duckdb and pyarrow is needed");
            None
        }
    }
}

fn write_lines(path: &Path, rows: impl Iterator<Item = Json>) {
    let mut file = std::fs::File::create(path).unwrap();
    rows.for_each(|row| writeln!(file, "{row}").unwrap());
}

fn event_as_json(event: &Event) -> Json {
    let value = |value: Option<Value<'_>>| match value {
        None => Json::Null,
        Some(Value::Time(v) | Value::I64(v)) => json!(v),
        Some(Value::U64(v)) => json!(v),
        Some(Value::Bool(v)) => json!(v),
        Some(Value::Text(v)) => json!(v),
        Some(Value::Owned(v)) => json!(v),
        Some(Value::TextList(v)) => json!(v),
        Some(Value::OwnedList(v)) => json!(v),
    };
    let fields = COLUMNS
        .iter()
        .map(|c| (c.name.to_owned(), value((c.get)(event))));
    Json::Object(fields.collect())
}

fn alert_as_json(alert: &AlertRecord) -> Json {
    let techniques = alert
        .techniques
        .iter()
        .map(|t| json!({"id": t.id, "legacy_id": t.legacy_id, "name": t.name}));
    let ancestors = alert
        .ancestors
        .iter()
        .map(|a| json!({"pid": a.pid, "exec_id": a.exec_id.to_string(), "exe": a.exe}));
    let evidence = alert
        .evidence
        .iter()
        .map(|e| json!({"seq": e.seq, "time": e.time_ns, "text": e.text}));
    json!({
        "time": alert.time_ns,
        "seq": alert.seq,
        "id": alert.id,
        "incident": alert.incident,
        "count": alert.count,
        "detection": alert.detection,
        "severity": alert.severity.name(),
        "confidence": alert.confidence,
        "summary": alert.summary,
        "reason": alert.reason,
        "techniques": techniques.collect::<Vec<_>>(),
        "pid": alert.pid,
        "exec_id": alert.exec_id.to_string(),
        "exe": alert.exe,
        "argv": alert.argv,
        "uid": alert.uid,
        "user": alert.user,
        "ancestors": ancestors.collect::<Vec<_>>(),
        "evidence": evidence.collect::<Vec<_>>(),
        "lost_nearby": alert.lost_nearby,
        "suggestions": alert.suggestions,
        "anomaly": alert.anomaly,
    })
}
