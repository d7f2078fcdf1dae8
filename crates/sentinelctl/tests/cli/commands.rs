//! Every command against a daemon in good health.

use sentinel_api::v1::{Alert, Event, EventUpdate, Mode};
use serde_json::json;

use crate::daemon::{Daemon, Knowledge, time};
use crate::run::{ok, ok_json, run};

/// Data as an attacker would choose it.
const EVIL: &str = "\x1b]0;owned\x07\r\n\u{9b}2J\u{202e}";

fn alert(seq: u64) -> Alert {
    Alert {
        seq,
        id: format!("{seq:016x}"),
        time: time(),
        severity: "high".to_owned(),
        summary: format!("alert {seq} {EVIL}"),
        ..Alert::default()
    }
}

fn event(seq: u64) -> EventUpdate {
    let event = Event {
        seq,
        time: time(),
        kind: "exec".to_owned(),
        pid: 77,
        exe: format!("/tmp/{EVIL}"),
        argv: vec![EVIL.to_owned()],
        count: 1,
        ..Event::default()
    };
    EventUpdate {
        event: Some(event),
        missed: if seq == 2 { 5 } else { 0 },
    }
}

fn daemon() -> Daemon {
    Daemon::start(Knowledge {
        mode: (Mode::Learn as i32).into(),
        alerts: (1..=5).map(alert).collect(),
        events: (1..=3).map(event).collect(),
        ..Knowledge::default()
    })
}

fn seqs(lines: &[serde_json::Value]) -> Vec<u64> {
    lines
        .iter()
        .filter_map(|line| line["seq"].as_u64())
        .collect()
}

#[test]
fn status_is_a_screen_or_an_object() {
    let daemon = daemon();
    let screen = ok(&daemon.socket(), &["status"]);
    assert!(screen.contains("the disk is full \\x1b[2J"), "{screen}");
    let latest = screen.split_once("LATEST ALERTS\n").expect("the alerts").1;
    assert!(latest.contains("alert 5"), "{latest}");
    let status = ok_json(&daemon.socket(), &["status"]);
    assert_eq!(status[0]["rings"]["priority"]["sent"], json!(42));
    assert_eq!(status[0]["rings"]["priority"]["lost"], json!(0));
    assert_eq!(
        status[0]["mode"],
        json!({"mode": "learn", "since": "2023-11-14T22:13:20Z", "warnings": []})
    );
}

#[test]
fn the_mode_is_shown_and_switched_as_often_as_one_likes() {
    let daemon = daemon();
    let socket = daemon.socket();
    assert_eq!(ok(&socket, &["mode"]), "learn since 2023-11-14 22:13:20\n");
    for _ in 0..2 {
        let shown = ok(&socket, &["mode", "detect"]);
        assert_eq!(shown, "detect since 2023-11-14 22:13:20\n");
    }
    assert_eq!(ok_json(&socket, &["mode"])[0]["mode"], json!("detect"));
    assert_eq!(
        daemon.asked(),
        [
            "GetModeRequest",
            "SetModeRequest { mode: Detect, for_seconds: 0 }",
            "SetModeRequest { mode: Detect, for_seconds: 0 }",
            "GetModeRequest",
        ]
    );
}

#[test]
fn stored_alerts_are_listed_to_the_end() {
    let daemon = daemon();
    let socket = daemon.socket();
    let check = |args: &[&str], expected: &[u64]| {
        let lines = ok_json(&socket, &[&["alerts"], args].concat());
        assert_eq!(seqs(&lines), expected, "{args:?}");
    };
    check(&[], &[1, 2, 3, 4, 5]);
    check(&["--after-seq", "2"], &[3, 4, 5]);
    check(&["--after-seq", "1", "--count", "3"], &[2, 3, 4]);
    check(&["--after-seq", "5"], &[]);
    check(&["--count", "2"], &[4, 5]);
    check(&["--count", "1000"], &[1, 2, 3, 4, 5]);
    check(&["--count", "100000"], &[1, 2, 3, 4, 5]);
}

#[test]
fn an_empty_history_is_said_to_be_empty() {
    let daemon = Daemon::start(Knowledge::default());
    let ran = run(&daemon.socket(), &["alerts"]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        (&*ran.stdout, &*ran.stderr),
        ("", "sentinelctl: no alerts\n")
    );
    assert_eq!(ok(&daemon.socket(), &["alerts", "--json"]), "");
}

#[test]
fn a_detection_that_is_misspelled_is_said_to_be_unknown() {
    let daemon = Daemon::start(Knowledge::default());
    for command in [
        &["alerts"][..],
        &["alerts", "--follow"],
        &["allow", "add", "--exe", "/x", "--reason", "x"],
    ] {
        let args = [command, &["--detection", "anomoly"]].concat();
        let ran = run(&daemon.socket(), &args);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(
            ran.stderr
                .contains("no detection or rule is called \"anomoly\"; did you mean \"anomaly\"?"),
            "{ran:?}"
        );
    }
    let ran = run(&daemon.socket(), &["alerts", "--detection", "anomaly"]);
    assert_eq!(
        (ran.code, &*ran.stderr),
        (Some(0), "sentinelctl: no alerts\n")
    );
}

#[test]
fn filters_travel_to_the_daemon() {
    let daemon = daemon();
    ok(
        &daemon.socket(),
        &[
            &["alerts", "--min-severity", "medium", "--count", "1"][..],
            &["--detection", "reverse_shell", "--open"],
            &["--since", "@1700000000", "--until", "2023-11-14 22:14:20"],
        ]
        .concat(),
    );
    let args = ["events", "--follow", "--kind", "exec,connect", "--pid", "7"];
    ok(
        &daemon.socket(),
        &[&args[..], &["--exe", "/tmp/", "-n", "1"]].concat(),
    );
    assert_eq!(
        daemon.asked(),
        [
            "ListAlertsRequest { after_seq: None, min_severity: \"medium\", limit: 1, \
             detection: \"reverse_shell\", since: Some(Timestamp { seconds: 1700000000, nanos: 0 }), \
             until: Some(Timestamp { seconds: 1700000060, nanos: 0 }), unacknowledged: true, incident: \"\" }",
            "StreamEventsRequest { kinds: [\"exec\", \"connect\"], pid: Some(7), \
             exe_prefix: \"/tmp/\", since: None, until: None, follow: false }",
        ]
    );
}

#[test]
fn events_are_the_latest_unless_asked_otherwise() {
    let daemon = Daemon::start(Knowledge {
        events: vec![event(1)],
        streams_end: true,
        ..Knowledge::default()
    });
    let ran = run(&daemon.socket(), &["events"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 1));
    assert!(ran.stderr.contains("the last 10 minutes; "), "{ran:?}");
    let asked = daemon.asked().concat();
    assert!(asked.contains("since: Some(Timestamp"), "{asked}");
    assert!(asked.contains("until: None, follow: false"), "{asked}");
    // Nobody reads along.
    assert_eq!(ok_json(&daemon.socket(), &["events"]).len(), 1);
}

#[test]
fn following_stops_at_the_count_and_tells_what_was_missed() {
    let daemon = daemon();
    let alerts = [
        "alerts",
        "--follow",
        "--after-seq",
        "1",
        "--count",
        "2",
        "--json",
    ];
    let ran = run(&daemon.socket(), &alerts);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 2);
    assert!(
        ran.stdout
            .starts_with(r#"{"time":"2023-11-14T22:13:20Z","id":"0000000000000002","seq":2,"#)
    );
    assert!(
        ran.stderr.starts_with("{\"note\":\"missed 3 alerts"),
        "{}",
        ran.stderr
    );

    let ran = run(
        &daemon.socket(),
        &["events", "--follow", "--count", "2", "--json"],
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let events: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(seqs(&events), [1, 2]);
    assert_eq!(events[0]["argv"], json!([EVIL]));
    assert_eq!(ran.stderr.lines().count(), 1);
    assert!(
        ran.stderr.starts_with("{\"note\":\"missed 5 events"),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_alert_is_shown_by_its_id() {
    let daemon = daemon();
    let shown = ok(&daemon.socket(), &["alerts", "show", "0000000000000003"]);
    assert!(shown.starts_with("HIGH  alert 3 "), "{shown}");
    let object = ok_json(&daemon.socket(), &["alerts", "show", "0000000000000003"]);
    assert_eq!(seqs(&object), [3]);
    let ran = run(&daemon.socket(), &["alerts", "show", "00000000000000FF"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.stderr,
        "sentinelctl: there is no alert 00000000000000ff\n"
    );
}

#[test]
fn the_audit_says_who_did_what() {
    let daemon = daemon();
    let line =
        "2023-11-14 22:13:20  mode detect  done  by root (uid 0), /usr/bin/sentinelctl (pid 4242)";
    let shown = ok(&daemon.socket(), &["audit"]);
    assert_eq!(shown.lines().next(), Some(line));
    assert!(
        shown.contains("failed: the disk is full \\x1b[2J"),
        "{shown}"
    );
    daemon.asked();
    let times = ["--since", "@1700000000", "--until", "2023-11-15"];
    ok(&daemon.socket(), &[&["audit"], &times[..]].concat());
    let asked = daemon.asked().concat();
    assert!(asked.contains("seconds: 1700000000"), "{asked}");
    assert!(asked.contains("seconds: 1700006400"), "{asked}");
    let entries = ok_json(&daemon.socket(), &["audit", "-n", "1"]);
    assert_eq!(seqs(&entries), [2]);
    assert_eq!(entries[0]["outcome"], "failed");
}

#[test]
fn settings_say_where_they_come_from() {
    let daemon = daemon();
    let socket = daemon.socket();
    let shown = ok(&socket, &["config"]);
    assert!(
        shown.starts_with("File: /etc/sentinel/sentinel.toml\n"),
        "{shown}"
    );
    assert!(shown.contains("store.flush_rows  file"), "{shown}");
    assert!(!ok(&socket, &["config", "--changed"]).contains("log_level"));
    let one = ok_json(&socket, &["config", "store.flush"]);
    assert_eq!(one[0]["settings"].as_array().map(Vec::len), Some(1));
    assert_eq!(one[0]["settings"][0]["value"], "8192");
}

#[test]
fn a_reload_says_what_it_applied_and_what_takes_a_restart() {
    let daemon = daemon();
    let ran = run(&daemon.socket(), &["reload"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout, "applied log_level\n");
    assert_eq!(
        ran.stderr,
        "sentinelctl: store.flush_rows takes a restart: systemctl restart sentinel\n"
    );
    let refusing = Daemon::start(Knowledge {
        read_only: true,
        ..Knowledge::default()
    });
    let ran = run(&refusing.socket(), &["reload"]);
    assert_eq!(
        (ran.code, &*ran.stderr),
        (Some(1), "sentinelctl: x.toml:1:1: nonsense\n")
    );
}

#[test]
fn the_tree_leaves_out_the_kernel_unless_asked() {
    let daemon = daemon();
    let socket = daemon.socket();
    let shown = ok(&socket, &["tree"]);
    assert_eq!(shown, "/sbin/init 1 0\n└─ /bin/\\x1b[2J 4 0\n");
    assert_eq!(ok(&socket, &["tree", "--kernel"]).lines().count(), 4);
    assert_eq!(ok_json(&socket, &["tree", "--kernel"]).len(), 4);
    daemon.asked();
    ok(&socket, &["tree", "4"]);
    assert_eq!(daemon.asked(), ["GetTreeRequest { pid: Some(4) }"]);
}

#[test]
fn an_alert_is_acknowledged_with_a_note() {
    let daemon = daemon();
    let args = ["alerts", "ack", "0000000000000001", "-m", "our own test"];
    let shown = ok(&daemon.socket(), &args);
    assert!(shown.ends_with(" [acknowledged]\n"), "{shown}");
    let asked = "AcknowledgeAlertRequest { id: \"0000000000000001\", note: \"our own test\" }";
    assert_eq!(daemon.asked(), [asked]);
}

#[test]
fn mistakes_are_named_with_what_was_meant() {
    let daemon = daemon();
    let check = |args: &[&str], expected: &str| {
        let ran = run(&daemon.socket(), args);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(
            ran.stderr.contains(expected),
            "{} lacks {expected:?}",
            ran.stderr
        );
    };
    check(&["alrts"], "'alerts'");
    check(&["alerts", "--folow"], "'--follow'");
    check(&["alerts", "--min-severity", "hihg"], "'high'");
    check(
        &["alerts", "--since", "soon"],
        "this is no time; such as 10min",
    );
    check(&["mode", "lern"], "'learn'");
}

#[test]
fn hostile_data_never_steers_the_terminal() {
    let daemon = daemon();
    let commands: [&[&str]; 9] = [
        &["tree", "--kernel"],
        &["config"],
        &["status"],
        &["audit"],
        &["alerts"],
        &["alerts", "show", "0000000000000001"],
        &["alerts", "--follow", "-n", "1"],
        &["events", "--follow", "-n", "3"],
        &["events", "--follow", "-n", "3", "--json"],
    ];
    for command in commands {
        let ran = run(&daemon.socket(), command);
        assert_eq!(ran.code, Some(0), "{command:?}: {ran:?}");
        for text in [ran.stdout, ran.stderr] {
            let text = text.replace('\n', "");
            assert_eq!(sentinel_event::text::escape(&text), text, "{command:?}");
        }
    }
}

#[test]
fn colours_are_for_who_wants_them() {
    let daemon = daemon();
    let colours = |args: &[&str]| ok(&daemon.socket(), args).contains('\x1b');
    assert!(!colours(&["status"]), "the output is no terminal");
    assert!(colours(&["status", "--color", "always"]));
    assert!(!colours(&["status", "--color", "never"]));
}

#[test]
fn the_environment_names_the_socket() {
    let daemon = daemon();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sentinelctl"))
        .env("SENTINEL_SOCKET", daemon.socket())
        .arg("mode")
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{output:?}");
}
