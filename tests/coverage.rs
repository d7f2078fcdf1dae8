use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Daemon;

/// Runs `sentinelctl coverage` and parses what it prints, whatever its exit code.
fn coverage(daemon: &Daemon, args: &[&str]) -> (bool, Value) {
    let output = daemon.ctl(&[&["--json", "coverage"], args].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let Ok(value) = serde_json::from_str(&text) else {
        panic!("{}", String::from_utf8_lossy(&output.stderr));
    };
    (output.status.success(), value)
}

fn variants(value: &Value) -> &[Value] {
    value["variants"].as_array().expect("a list")
}

/// Those that should have been caught and were not.
fn not_caught(value: &Value) -> BTreeSet<String> {
    let wrong = |variant: &&Value| {
        let outcome = variant["outcome"].as_str();
        matches!(outcome, Some("missed" | "failed"))
    };
    let wrong = variants(value).iter().filter(wrong);
    wrong.map(|variant| variant["name"].to_string()).collect()
}

/// Why a variant may be impossible on a machine that tests run on. What the sensor of
/// this kernel cannot see it has said itself, in its status.
const REASONS: [&str; 9] = [
    "is not installed",
    "this kernel runs no 32-bit programs",
    "no loopback for this family",
    "is mounted noexec",
    "sees io_uring on this kernel",
    "sees files that are emptied as they are opened on this kernel",
    "Function not implemented",
    "this host has no such file",
    "this machine is too busy to flood it",
];

#[test]
fn every_variant_is_caught_as_what_it_is() {
    let Some(daemon) = Daemon::start("every_variant_is_caught_as_what_it_is") else {
        return;
    };
    let (success, value) = coverage(&daemon, &[]);
    let mut caught = 0;
    for variant in variants(&value) {
        match variant["outcome"].as_str() {
            Some("caught") => caught += 1,
            Some("not_possible") => {
                let because = variant["because"].as_str().expect("a reason");
                let is_known = REASONS.iter().any(|reason| because.contains(reason));
                assert!(is_known, "{variant}");
                println!("skipped: {}: {because}", variant["name"]);
            }
            _ => panic!("{variant}"),
        }
    }
    assert!(success, "{}", value["totals"]);
    assert_eq!(value["totals"]["caught"], caught);
    for family in value["families"].as_array().expect("a list") {
        // There is one way to flood, and a machine that is busy with other tests has none.
        let is_busy = family["name"] == "sensor-flooding" && family["not_possible"] == 1;
        assert!(is_busy || family["caught"].as_u64() > Some(0), "{family}");
    }
    println!("latency: {}", value["latency"]);
    daemon.stop();
}

/// The matrix is worth nothing if it cannot show a hole.
#[test]
fn what_a_detection_does_not_say_is_missed() {
    let config = "[detect.persistence]\nenabled = false\n";
    let Some(daemon) = Daemon::start_with("what_a_detection_does_not_say_is_missed", config) else {
        return;
    };
    let (success, value) = coverage(&daemon, &["persistence/cron", "fileless/memfd"]);
    assert!(!success);
    let [memfd, cron] = variants(&value) else {
        panic!("{value}");
    };
    assert_eq!(memfd["outcome"], "caught", "{memfd}");
    assert_eq!(memfd["severity"], "critical", "{memfd}");
    assert_eq!(cron["outcome"], "missed", "{cron}");
    assert_eq!(cron["because"], "persistence is off", "{cron}");
    assert_eq!(value["totals"]["missed"], 1);
    is_kept(&daemon);
    daemon.stop();
}

/// The daemon keeps what it was told, of each attack the latest.
fn is_kept(daemon: &Daemon) {
    let (success, _) = coverage(daemon, &["persistence/systemd-service"]);
    assert!(!success, "persistence is off");
    let (success, last) = coverage(daemon, &["--last"]);
    assert!(success, "to be asked is no attack");
    let told: Vec<_> = last["results"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|result| (&result["name"], &result["outcome"]))
        .collect();
    let expected = [
        ("fileless/memfd", "caught"),
        ("persistence/cron", "missed"),
        ("persistence/systemd-service", "missed"),
    ]
    .map(|(name, outcome)| (Value::from(name), Value::from(outcome)));
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, outcome)| (name, outcome))
        .collect();
    assert_eq!(told, expected);
    assert_eq!(last["counts"]["reported_by"], "root");
    let status = daemon.ctl_json(&["--json", "status"]);
    assert_eq!(status["coverage"], last["counts"]);
    let audit = daemon.ctl(&["--json", "audit"]);
    let audit = String::from_utf8_lossy(&audit.stdout);
    let entries = audit
        .lines()
        .filter(|line| line.contains("\"action\":\"coverage\""));
    assert_eq!(entries.count(), 2, "{audit}");
}

/// While every processor opens files as fast as it can, alerts still come, and soon.
#[test]
fn alerts_come_in_time_under_load() {
    let Some(daemon) = Daemon::start("alerts_come_in_time_under_load") else {
        return;
    };
    // Those whose events come through both rings, and so many of each that a process tree
    // spends what it may raise.
    let families = [
        "--under-load",
        "fileless",
        "reverse-shell",
        "service-shell",
        "log-wiping",
    ];
    let (success, value) = coverage(&daemon, &families);
    let missed = not_caught(&value);
    assert_eq!(success, missed.is_empty(), "{}", value["totals"]);
    // A machine that other tests keep busy may be late once. What is missed again is a hole.
    if !missed.is_empty() {
        println!("missed once under load: {missed:?}, {} lost", value["lost"]);
        let again = not_caught(&coverage(&daemon, &families).1);
        let holes: Vec<_> = missed.intersection(&again).collect();
        assert!(
            missed.len() < 4 && holes.is_empty(),
            "{missed:?}, {again:?}"
        );
    }
    assert!(
        value["totals"]["grouped"].as_u64() > Some(0),
        "{}",
        value["totals"]
    );
    assert!(
        value["load"]["opens"].as_u64() > Some(1000),
        "{}",
        value["load"]
    );
    let latency = &value["latency"];
    println!("latency under load: {latency}, {}", value["load"]);
    // The goal is a second; a machine that is shared with other tests gets more.
    assert!(latency["p99_ms"].as_f64() < Some(5000.0), "{latency}");
    daemon.stop();
}
