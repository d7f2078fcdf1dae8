use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Daemon, PATIENCE, can_watch, sentinel, sentinelctl};

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

/// Nine days of a made-up host until now, with an attack on the last day but one, in the data
/// folder that a daemon will have.
fn past(dir: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (events, truth) = (dir.join("events.jsonl"), dir.join("truth.json"));
    let made = Command::new("python3")
        .arg("-B")
        .arg(root.join("tests/weeks/generate.py"))
        .args(["--seed", "3", "--until-now", "10"])
        .args([&events, &truth])
        .status();
    assert!(made.expect("python3 runs").success());
    let imported = sentinelctl(&dir.join("none"))
        .arg("import")
        .args([&events, &dir.join("data")])
        .status();
    assert!(imported.expect("runs").success());
}

#[test]
fn the_past_is_learned_fitted_trained_on_and_judged() {
    let test = "the_past_is_learned_fitted_trained_on_and_judged";
    if !can_watch(test) {
        return;
    }
    let dir = tempfile::TempDir::new().expect("a folder");
    std::fs::write(dir.path().join("config"), "").expect("writes");
    past(dir.path());
    let data = dir.path().join("data");
    let relearn = || {
        let mut command = sentinel();
        command.arg("relearn").arg(&data);
        command.output().expect("runs")
    };
    let done = relearn();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{done:?}");
    assert!(
        said.contains("generation 8") && said.contains("learning is complete"),
        "{said}"
    );
    let refused = relearn();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(words.contains("has a learned state already"), "{words}");

    let daemon = Daemon::start_again(dir);
    let refused = relearn();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && words.contains("in use"),
        "{words}"
    );
    let learning = || daemon.ctl_json(&["--json", "status"])["learning"].clone();
    let before = learning()["generation"].as_u64().expect("a number");
    let fitted = daemon.ctl_json(&["--json", "baseline", "fit"]);
    let verdict = fitted["verdict"].as_str().unwrap_or_default();
    assert!(
        verdict.contains(" in use") && verdict.contains("AUROC 0.9"),
        "{fitted}"
    );
    assert_eq!(
        fitted["ordered"].as_array().map(Vec::len),
        Some(3),
        "{fitted}"
    );
    assert_eq!(learning()["generation"].as_u64(), Some(before + 1));
    // Training takes what nobody else wants of the processor.
    let deadline = Instant::now() + 4 * PATIENCE;
    let trained = |network: &Value| network["trained"].is_string();
    while !learning()["networks"]
        .as_array()
        .is_some_and(|all| all.iter().all(trained))
    {
        assert!(Instant::now() < deadline, "{}", learning());
        thread::sleep(Duration::from_millis(500));
    }
    for network in learning()["networks"].as_array().expect("a list") {
        let outcome = network["outcome"].as_str().unwrap_or_default();
        assert!(outcome.contains("is in use: AUROC"), "{network}");
    }
    let status = daemon.ctl_json(&["--json", "status"]);
    assert_eq!(
        status["problems"].as_array().map(Vec::len),
        Some(0),
        "{status}"
    );

    // What the model of the third day would have said of the days since, in full.
    let generations = daemon.ctl_json(&["--json", "baseline", "list"]);
    let oldest = generations["generations"][0]["generation"].as_u64();
    let oldest = oldest.expect("a number").to_string();
    let judged = daemon.ctl(&[
        "--json",
        "backtest",
        "--since",
        "4d",
        "--model",
        &oldest,
        "--data-dir",
        data.to_str().expect("is text"),
    ]);
    let (out, err) = (
        String::from_utf8_lossy(&judged.stdout),
        String::from_utf8_lossy(&judged.stderr),
    );
    assert!(judged.status.success(), "{err}");
    let alerts: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let anomalies = alerts
        .iter()
        .filter(|alert| alert["detection"] == "anomaly");
    let about: Vec<&Value> = anomalies
        .filter(|alert| alert["generation"].as_u64() >= oldest.parse().ok())
        .collect();
    assert!(!about.is_empty(), "the attack would have been told: {out}");
    assert!(err.contains(" by anomaly"), "each day is counted: {err}");
    let unknown = daemon.ctl(&[
        "backtest",
        "--model",
        "999",
        "--data-dir",
        data.to_str().expect("is text"),
    ]);
    let words = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(
        !unknown.status.success() && words.contains("there is no generation 999"),
        "{words}"
    );
    daemon.stop();
}
