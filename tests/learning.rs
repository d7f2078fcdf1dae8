use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Daemon, PATIENCE};

/// Lets something run that is learned under the name of this test's own program.
fn run_some(count: usize) {
    for _ in 0..count {
        let status = Command::new("/bin/true").status().expect("runs");
        assert!(status.success());
    }
}

/// How often `/bin/true` ran, as far as the baseline knows.
fn known_runs(daemon: &Daemon) -> u64 {
    // On merged systems /bin leads to /usr/bin.
    let path = std::fs::canonicalize("/bin/true").expect("is there");
    let path = path.to_str().expect("is text");
    let output = daemon.ctl(&["--json", "baseline", "show", "--exe", path]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    shown["portraits"][0]["runs"].as_u64().unwrap_or(0)
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not happen");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_is_learned_survives_a_kill() {
    let config = "[learn]\nsave_interval_s = 1\n";
    let Some(daemon) = Daemon::start_with("what_is_learned_survives_a_kill", config) else {
        return;
    };
    run_some(12);
    wait_for("learning", || known_runs(&daemon) >= 12);
    let status = daemon.ctl_json(&["--json", "status"]);
    let missing = status["learning"]["missing"].as_array().expect("a list");
    assert!(
        missing
            .iter()
            .any(|m| m.as_str().is_some_and(|m| m.ends_with("of 7 days watched"))),
        "{status}"
    );
    let saved = || {
        daemon.ctl_json(&["--json", "status"])["learning"]["saved"]
            .as_str()
            .map(str::to_owned)
    };
    // Two saves later, what was seen above is on disk.
    for _ in 0..2 {
        let before = saved();
        wait_for("saving", || saved() != before);
    }
    let daemon = daemon.kill_and_restart();
    assert!(known_runs(&daemon) >= 12, "what was learned is lost");
    // A state that is cut is refused with a sentence, and the daemon watches on.
    let state = daemon.data().join("baseline/state.bin");
    let daemon = {
        let dir = daemon.stop();
        let path = dir.path().join("data/baseline/state.bin");
        let bytes = std::fs::read(&path).expect("was saved at the end");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("writes");
        assert_eq!(path.file_name(), state.file_name());
        Daemon::start_again(dir)
    };
    let status = daemon.ctl_json(&["--json", "status"]);
    let problems = status["problems"].to_string();
    assert!(
        problems.contains("the learned state is refused"),
        "{problems}"
    );
    daemon.stop();
}

#[test]
fn a_mode_may_be_for_a_time() {
    let Some(daemon) = Daemon::start("a_mode_may_be_for_a_time") else {
        return;
    };
    let state = daemon.ctl_json(&["--json", "mode", "detect", "--for", "2s"]);
    assert!(state["until"].is_string(), "{state}");
    wait_for("going back to learning", || {
        daemon.ctl_json(&["--json", "mode"])["mode"] == "learn"
    });
    let refused = daemon.ctl(&["mode", "learn", "--for", "soon"]);
    assert_eq!(refused.status.code(), Some(2));
    let refused = daemon.ctl(&["baseline", "rollback", "77"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("there is no generation 77"), "{said}");
    daemon.stop();
}
