//! `sentinelctl import`, which works without a daemon.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use sentinel_store::replay::{Source, TimeRange};

use crate::run::{Ran, ok, run, sentinelctl};

const LINES: &str = r#"{"time":"2026-03-02T10:00:01Z","kind":"exec","pid":7,"exe":"/bin/sh","argv":["sh"]}
{"time":"2026-03-02T10:00:00Z","kind":"fork","pid":1,"child":7,"colour":"red"}
nonsense
{"time":"2026-03-02T10:00:02Z","kind":"exit","pid":7}
"#;

fn events(dir: &Path) -> Vec<String> {
    let source = Source::open(dir, TimeRange::ALL).expect("is a data folder");
    let batches = source.map(|batch| batch.expect("is whole"));
    let kinds = batches.flat_map(|batch| {
        batch
            .iter()
            .map(|e| e.kind().name().to_owned())
            .collect::<Vec<_>>()
    });
    kinds.collect()
}

#[test]
fn lines_become_a_data_folder_and_bad_ones_are_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let (file, data) = (dir.path().join("x.jsonl"), dir.path().join("data"));
    fs::write(&file, LINES).expect("writes");
    let path = |path: &Path| path.to_str().expect("is text").to_owned();
    let args = ["import", &path(&file), &path(&data)].map(str::to_owned);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = run(dir.path(), &args);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stdout.starts_with("3 events in") && ran.stdout.contains("1 lines skipped"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("ignored keys: colour (1)"), "{ran:?}");
    assert!(ran.stderr.contains("line 3: "), "{ran:?}");
    assert_eq!(events(&data), ["fork", "exec", "exit"], "sorted by time");
    // A second time the folder is somebody's.
    let again = run(dir.path(), &args);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("is not empty"), "{again:?}");
    assert_eq!(events(&data).len(), 3, "nothing is lost");
}

#[test]
fn strict_stops_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let mut child = sentinelctl(dir.path(), &["import", "--strict", "-"])
        .arg(&data)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = child.stdin.take().expect("is piped");
    // Whether all of it is read depends on where it stops.
    let _ = input.write_all(LINES.as_bytes());
    drop(input);
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("standard input: line 3: "), "{ran:?}");
    assert!(!data.exists());
    let missing = run(dir.path(), &["import", "/no/such", "/tmp/never-made"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("/no/such"), "{missing:?}");
}

#[test]
fn the_report_is_json_too() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("x.jsonl");
    fs::write(&file, LINES.replace("nonsense\n", "")).expect("writes");
    let (file, data) = (
        file.display().to_string(),
        dir.path().join("d").display().to_string(),
    );
    let said = ok(dir.path(), &["import", &file, &data, "--json"]);
    assert_eq!(
        said,
        "{\"bad\":0,\"events\":3,\"hosts\":{},\"unknown_keys\":{\"colour\":1}}\n"
    );
}

#[test]
fn several_files_and_hosts_are_told_apart() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (one, two, data) = (path("one"), path("two"), path("data"));
    let of = |host: &str| LINES.replace("\"pid\"", &format!("\"host\":\"{host}\",\"pid\""));
    fs::write(&one, of("a")).expect("writes");
    fs::write(&two, of("b")).expect("writes");
    let ran = run(dir.path(), &["import", &one, &two, &data]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stderr.contains("one: line 3: ") && ran.stderr.contains("two: line 3: "),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("events of 2 hosts become one history")
            && ran.stderr.contains("a (3), b (3)"),
        "{ran:?}"
    );
    // A file of something else is no empty history.
    let (other, none) = (path("other"), path("none"));
    fs::write(&other, "a,b\n1,2\n").expect("writes");
    let ran = run(dir.path(), &["import", &other, &none]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("no line is an event: line 1: "),
        "{ran:?}"
    );
    assert!(!Path::new(&none).exists());
}
