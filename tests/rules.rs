//! Sigma rules and allow rules, in a daemon that watches this kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Daemon, Follow, sentinel};

fn rule(title: &str, marker: &str) -> String {
    format!(
        "title: {title}\nauthor: A. Author\nlogsource:\n    product: linux\n    \
         category: process_creation\ndetection:\n    s:\n        CommandLine|contains: {marker}\n    \
         condition: s\nlevel: high\ntags: [attack.t1059.004]\n"
    )
}

/// A daemon whose rules are in the folder that it gets.
fn daemon(test: &str) -> Option<(Daemon, TempDir, PathBuf)> {
    let folder = TempDir::new().expect("a folder");
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).expect("is made");
    fs::write(rules.join("one.yml"), rule("First", "marker-one")).expect("writes");
    let config = format!("[rules]\nfolders = [{rules:?}]\n");
    let daemon = Daemon::start_with(test, &config)?;
    Some((daemon, folder, rules))
}

fn run(marker: &str) -> u32 {
    let mut child = Command::new("/bin/true").arg(marker).spawn().expect("runs");
    child.wait().expect("ends");
    child.id()
}

fn lines(daemon: &Daemon, args: &[&str]) -> Vec<Value> {
    let output = daemon.ctl(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn alert(follow: &Follow, pid: u32) -> Value {
    follow.find(&format!("alert of {pid}"), |alert| alert["pid"] == pid)
}

#[test]
fn rules_alert_and_are_read_again_as_a_whole() {
    let Some((daemon, _folder, rules)) = daemon("rules_alert_and_are_read_again_as_a_whole") else {
        return;
    };
    let follow = Follow::start(&daemon, &["--json", "alerts", "--follow"]);
    let found = alert(&follow, run("marker-one"));
    assert_eq!(found["detection"], "sigma:one");
    assert_eq!(found["severity"], "high");
    assert_eq!(found["techniques"][0]["id"], "T1059.004");
    let (summary, reason) = (found["summary"].to_string(), found["reason"].to_string());
    assert!(summary.contains("First: true (pid"), "{summary}");
    assert!(reason.contains("A. Author"), "{reason}");
    // Another rule, by a call; then one that is wrong, by a call and by a signal.
    fs::write(rules.join("two.yml"), rule("Second", "marker-two")).expect("writes");
    let read = daemon.ctl_json(&["--json", "rules", "reload"]);
    assert_eq!(read, json!({"running": 2, "unsupported": 0}));
    assert_eq!(alert(&follow, run("marker-two"))["detection"], "sigma:two");
    let broken = rules.join("three.yml");
    let text = rule("Third", "marker-one").replace("|contains", "|contain");
    fs::write(&broken, text).expect("writes");
    for command in [&["rules", "reload"][..], &["reload"]] {
        let refused = daemon.ctl(command);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{command:?}");
        let expected = format!("{}:8: Unknown modifier 'contain'", broken.display());
        assert!(said.contains(&expected), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    assert_eq!(alert(&follow, run("marker-two"))["detection"], "sigma:two");
    let listed = lines(&daemon, &["--json", "rules"]);
    let hits: Vec<&Value> = listed.iter().map(|rule| &rule["hits_total"]).collect();
    assert_eq!(hits, [1, 2]);
    let status = daemon.ctl_json(&["--json", "status"]);
    let expected = json!({"running": 2, "unsupported": 0, "hits_total": 3});
    assert_eq!(status["rules"], expected);
    let audit = lines(&daemon, &["--json", "audit"]);
    let rules_reloads = audit.iter().filter(|entry| entry["action"] == "rules");
    let outcomes: Vec<&Value> = rules_reloads.map(|entry| &entry["outcome"]).collect();
    assert_eq!(outcomes, ["done", "failed"]);
    daemon.stop();
}

#[test]
fn a_wrong_rule_does_not_keep_the_daemon_from_starting() {
    let Some((daemon, _folder, rules)) =
        daemon("a_wrong_rule_does_not_keep_the_daemon_from_starting")
    else {
        return;
    };
    fs::write(rules.join("wrong.yml"), "title: [\n").expect("writes");
    let daemon = daemon.restart();
    let status = daemon.ctl_json(&["--json", "status"]);
    let problem = status["problems"].to_string();
    assert!(problem.contains("wrong.yml:"), "{problem}");
    assert_eq!(status["rules"]["running"], 1);
    daemon.stop();
}

#[test]
fn what_is_allowed_is_counted_and_not_raised() {
    let Some((daemon, _folder, _rules)) = daemon("what_is_allowed_is_counted_and_not_raised")
    else {
        return;
    };
    let follow = Follow::start(&daemon, &["--json", "alerts", "--follow"]);
    let first = alert(&follow, run("marker-one"));
    let id = first["id"].as_str().expect("an id");
    let added = daemon.ctl_json(&[
        "--json",
        "allow",
        "from",
        id,
        "--reason",
        "a test",
        "--expires",
        "1h",
    ]);
    assert_eq!(added["detection"], "sigma:one");
    assert_eq!(added["from_alert"], id);
    run("marker-one");
    run("marker-one");
    // Of another program it is an alert still, which also tells that the two are through.
    let other = Command::new("/bin/echo")
        .arg("marker-one")
        .output()
        .expect("runs");
    assert!(other.status.success());
    follow.find("alert of echo", |alert| {
        assert_ne!(alert["exe"], first["exe"], "{alert}");
        alert["summary"].to_string().contains("echo (pid")
    });
    let daemon = daemon.restart();
    let listed = lines(&daemon, &["--json", "allow", "list"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], added["id"]);
    let follow = Follow::start(&daemon, &["--json", "alerts", "--follow"]);
    // The two of before the restart count still.
    run("marker-one");
    let id = added["id"].as_str().expect("an id").to_owned();
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    while lines(&daemon, &["--json", "allow"])[0]["suppressed_total"] != 3 {
        assert!(std::time::Instant::now() < deadline, "it is not counted");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(daemon.ctl_json(&["--json", "status"])["allowed_total"], 1);
    assert!(daemon.ctl(&["allow", "remove", &id]).status.success());
    assert!(!daemon.ctl(&["allow", "remove", &id]).status.success());
    let again = run("marker-one");
    assert_eq!(alert(&follow, again)["detection"], "sigma:one");
    let audit = lines(&daemon, &["--json", "audit"]);
    let of = |action: &str| audit.iter().filter(|e| e["action"] == action).count();
    assert_eq!((of("allow"), of("disallow")), (1, 1));
    daemon.stop();
}

/// History says of rules what life said.
#[test]
fn a_replay_and_a_back_test_find_what_the_daemon_found() {
    let Some((daemon, _folder, rules)) =
        daemon("a_replay_and_a_back_test_find_what_the_daemon_found")
    else {
        return;
    };
    let follow = Follow::start(&daemon, &["--json", "alerts", "--follow"]);
    let found = alert(&follow, run("marker-one"));
    let dir = daemon.stop();
    let replay = sentinel()
        .arg("replay")
        .arg(dir.path().join("data"))
        .args(["--json", "--config"])
        .arg(dir.path().join("config"))
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&replay.stdout).into_owned();
    let alerts: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    assert!(
        alerts.iter().any(|alert| alert["id"] == found["id"]),
        "{text}"
    );
    let days = back_test(&dir.path().join("data"), &rules.join("one.yml"), "1h");
    assert_eq!(days.len(), 1, "{days:?}");
    assert_eq!(
        (&days[0]["matches"], &days[0]["alerts"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(days[0]["first"], found["summary"]);
    assert_eq!(
        back_test(&dir.path().join("data"), &rules.join("one.yml"), "0s"),
        [] as [Value; 0]
    );
}

fn back_test(data: &Path, rule: &Path, since: &str) -> Vec<Value> {
    let output = crate::support::sentinelctl(Path::new("/nowhere"))
        .args(["--json", "backtest", "--since", since, "--data-dir"])
        .arg(data)
        .arg("--rule")
        .arg(rule)
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}
