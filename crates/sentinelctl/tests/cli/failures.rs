//! Failures as programs read them: one JSON object on standard error.

use std::fs;

use crate::daemon::{Daemon, Knowledge};
use crate::run::{Ran, run};
use crate::trouble::COMMANDS;

/// A failure as programs read it: nothing on standard output, one object on standard error.
fn check_json(ran: &Ran, code: i32, error: &str, hint: &str) {
    assert_eq!((ran.code, &*ran.stdout), (Some(code), ""), "{ran:?}");
    let report: serde_json::Value = serde_json::from_str(&ran.stderr).expect("one JSON object");
    let expected = serde_json::json!({ "error": error, "hint": hint, "code": code });
    assert_eq!(report, expected);
}

#[test]
fn failures_are_json_for_those_who_ask_for_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let none = folder.path().join("none");
    let start = "start it with 'systemctl start sentinel' or 'make run', or name another socket \
                 with --socket";
    let not_running = format!("the daemon is not running: no socket at {}", none.display());
    for command in COMMANDS {
        let ran = run(&none, &[command, &["--json"]].concat());
        check_json(&ran, 3, &not_running, start);
    }
    let refusing = Daemon::start(Knowledge {
        read_only: true,
        ..Knowledge::default()
    });
    let words = "the daemon refused: only sentinel-admin may change the mode";
    let ran = run(&refusing.socket(), &["--json", "mode", "detect"]);
    check_json(&ran, 4, words, "");
    let daemon = Daemon::start(Knowledge::default());
    let empty = folder.path().display().to_string();
    for part in ["events", "alerts"] {
        fs::create_dir(folder.path().join(part)).expect("it is ours");
    }
    let full = folder.path().join("full");
    fs::create_dir(&full).expect("it is ours");
    fs::write(full.join("file"), "").expect("it is ours");
    let full = full.display().to_string();
    let (absent, given) = (
        format!("{empty}/absent"),
        "'--help' shows what can be given",
    );
    let cases: [(&[&str], i32, &str, &str); 13] = [
        (
            &["alerts", "show", "24e7"],
            2,
            "invalid value '24e7' for '<ID>': an id is 16 hexadecimal digits, as 'sentinelctl \
             alerts' shows it",
            given,
        ),
        (
            &["alerts", "--since", "2h", "--until", "3h"],
            2,
            "--since must lie before --until",
            "",
        ),
        (
            &["events", "--since", "2h", "--until", "3h"],
            2,
            "--since must lie before --until",
            "",
        ),
        (
            &["audit", "--since", "2h", "--until", "3h"],
            2,
            "--since must lie before --until",
            "",
        ),
        (
            &["alerts", "show", "0000000000000000"],
            1,
            "there is no alert 0000000000000000",
            "",
        ),
        (
            &["config", "nothing"],
            1,
            "no setting begins with \"nothing\"",
            "'sentinelctl config' lists all",
        ),
        (
            &["statsu"],
            2,
            "unrecognized subcommand 'statsu'",
            "a similar subcommand exists: 'status'",
        ),
        (
            &["mode", "detct"],
            2,
            "invalid value 'detct' for '[MODE]' [possible values: learn, detect]",
            "a similar value exists: 'detect'",
        ),
        (
            &["alerts", "--since", "soon"],
            2,
            "invalid value 'soon' for '--since <TIME>': this is no time; such as 10min, 2h, '3 \
             days', yesterday, 14:30, '2026-11-22 14:30', @SECONDS",
            given,
        ),
        (
            &["import"],
            2,
            "the following required arguments were not provided: <FILE>... <DIR>",
            given,
        ),
        (
            &["import", "-", &full],
            2,
            &format!("{full} is not empty"),
            "an import makes a new folder",
        ),
        (
            &["query", "--data-dir", &empty, "selct 1"],
            2,
            "the query is wrong at character 1: near \"selct\": syntax error",
            "",
        ),
        (
            &["query", "--data-dir", &absent, "select 1"],
            1,
            &format!("cannot open {absent}/events: no such file or folder"),
            "the history is where the daemon's data_dir is, name it with --data-dir",
        ),
    ];
    for (args, code, error, hint) in cases {
        let ran = run(&daemon.socket(), &[args, &["--json"]].concat());
        check_json(&ran, code, error, hint);
    }
    // Behind the arguments of a command it would be a value, not an option.
    let ran = run(&none, &["query", "--", "--json", "--json"]);
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
}
