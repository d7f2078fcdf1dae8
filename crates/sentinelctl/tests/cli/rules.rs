//! Rules, what is allowed, and back-tests.

use sentinel_api::v1::Alert;
use serde_json::json;

use crate::daemon::{Daemon, Knowledge};
use crate::run::{ok, ok_json, run};

fn daemon() -> Daemon {
    let id = format!("{:016x}", 1);
    Daemon::start(Knowledge {
        alerts: vec![Alert {
            id,
            ..Alert::default()
        }],
        ..Knowledge::default()
    })
}

#[test]
fn rules_are_listed_and_read_again() {
    let daemon = daemon();
    let screen = run(&daemon.socket(), &["rules"]).stdout;
    assert!(
        screen.contains("1 evaluated, 1 cannot match here"),
        "{screen}"
    );
    assert!(!screen.contains('\x1b'), "{screen:?}");
    let listed = run(&daemon.socket(), &["--json", "rules", "list", "--hit"]).stdout;
    assert_eq!(listed.lines().count(), 1);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(
        (&listed["name"], &listed["hits_total"]),
        (&json!("sigma:a"), &json!(3))
    );
    let said = run(
        &daemon.socket(),
        &["rules", "list", "--state", "unsupported"],
    );
    let notes = said.stderr;
    assert_eq!(
        notes,
        "sentinelctl: not in use: /etc/sentinel/rules/c.yml:7: nonsense \\x1b[2J\n"
    );
    let read = ok_json(&daemon.socket(), &["rules", "reload"]);
    assert_eq!(read, [json!({"running": 2, "unsupported": 1})]);
}

#[test]
fn what_is_allowed_is_listed_added_and_removed() {
    let daemon = daemon();
    let screen = ok(&daemon.socket(), &["allow"]);
    assert!(
        screen.contains("by /opt/\\x1b[2J") && screen.contains(": ours"),
        "{screen}"
    );
    daemon.asked();
    let same = [
        "--exe",
        "/bin/sh",
        "--same-file",
        "--expires",
        "30d",
        "--reason",
        "it is ours",
    ];
    let added = ok(&daemon.socket(), &[&["allow", "add"][..], &same].concat());
    assert!(
        added.starts_with("allowed 0badcafe: by /bin/sh, inode "),
        "{added}"
    );
    let asked = daemon.asked().concat();
    assert!(
        asked.contains("exe_inode: Some(") && asked.contains("expires: Some("),
        "{asked}"
    );
    let from = format!("{:016x}", 1);
    let refused = run(&daemon.socket(), &["allow", "from", &from, "--reason", "x"]);
    let said = refused.stderr;
    assert!(said.contains("no executable with a path"), "{said}");
    ok(&daemon.socket(), &["allow", "remove", "1f2e3d4c"]);
    for (args, expected) in [
        (
            &["allow", "remove", "ffffffff"][..],
            "there is no allow rule",
        ),
        (&["allow", "add", "--exe", "/x"], "--reason"),
        (&["allow", "add", "--same-file", "-r", "x"], "--exe"),
        (
            &[
                "allow",
                "add",
                "--exe",
                "/x",
                "-r",
                "x",
                "--expires",
                "2020-01-01",
            ],
            "has passed",
        ),
    ] {
        let refused = run(&daemon.socket(), args);
        let said = refused.stderr.clone();
        assert!(
            refused.code != Some(0) && said.contains(expected),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn rule_files_are_checked_without_a_daemon() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writes");
        path.display().to_string()
    };
    let good = "title: T\nlogsource: { product: linux, category: process_creation }\n\
        detection: { s: { Image: /x }, condition: s }\n";
    let (good, ssh, bad) = (
        file("good.yml", good),
        file(
            "ssh.yml",
            &good.replace("category: process_creation", "service: sshd"),
        ),
        file("bad.yml", &good.replace("condition: s", "condition: t")),
    );
    let nowhere = folder.path().join("nowhere");
    let said = ok(&nowhere, &["rules", "check", &good, &ssh]);
    let expected = format!(
        "{good}:1: good: T: evaluated on process_creation\n\
         {ssh}:1: unsupported: T: the log of sshd is not read\n"
    );
    assert_eq!(said, expected);
    let refused = run(&nowhere, &["--json", "rules", "check", &bad]);
    assert_eq!(refused.code, Some(1));
    let line: serde_json::Value = serde_json::from_str(&refused.stdout).expect("JSON");
    assert_eq!(
        (&line["line"], &line["state"]),
        (&json!(3), &json!("wrong"))
    );
    let missing = folder.path().join("missing.yml");
    let refused = run(
        &nowhere,
        &["rules", "check", &missing.display().to_string()],
    );
    assert_eq!(refused.code, Some(1));
    // A back-test says as much, and where history is missing.
    let data = folder.path().display().to_string();
    for (rule, expected) in [(&bad, "bad.yml:3: "), (&good, "--data-dir")] {
        let refused = run(&nowhere, &["backtest", "--rule", rule, "--data-dir", &data]);
        let said = &refused.stderr;
        assert_eq!(refused.code, Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}
