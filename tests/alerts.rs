use serde_json::{Value, json};

use crate::support::{Daemon, Follow, eventually, sentinel};

/// What every alert of the family must say.
fn check_alert(alert: &Value, min_severity: &str) {
    let rank = |name: &str| sentinel_event::Severity::from_name(name).expect("is a severity");
    assert_eq!(alert["detection"], "fileless_execution", "{alert}");
    let severity = alert["severity"].as_str().expect("a text");
    assert!(rank(severity) >= rank(min_severity), "{alert}");
    assert!(
        alert["summary"].as_str().is_some_and(|s| s.len() > 20),
        "{alert}"
    );
    assert!(
        alert["reason"].as_str().is_some_and(|s| !s.is_empty()),
        "{alert}"
    );
    let technique = &alert["techniques"][0];
    assert!(
        technique["id"]
            .as_str()
            .is_some_and(|id| id.starts_with('T')),
        "{alert}"
    );
    assert!(
        technique["legacy_id"]
            .as_str()
            .is_some_and(|id| id.starts_with('T')),
        "{alert}"
    );
    let ancestors = alert["ancestors"].as_array().expect("a list");
    assert_eq!(
        ancestors.last().expect("not empty")["pid"],
        json!(1),
        "{alert}"
    );
    assert!(
        alert["evidence"].as_array().is_some_and(|e| !e.is_empty()),
        "{alert}"
    );
    assert_eq!(alert["id"].as_str().map(str::len), Some(16), "{alert}");
}

#[test]
fn every_fileless_variant_raises_its_alert() {
    let Some(daemon) = Daemon::start("every_fileless_variant_raises_its_alert") else {
        return;
    };
    let follow = Follow::start(&daemon, &["--json", "alerts", "--follow"]);
    let output = daemon.ctl(&["--json", "simulate", "fileless"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut ran = 0;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let variant: Value = serde_json::from_str(line).expect("JSON");
        if variant["outcome"] != "ran" {
            println!("skipped: {}: {}", variant["name"], variant["reason"]);
            continue;
        }
        ran += 1;
        // Some are no more than an event: what is worth `info` is counted, not raised.
        let Some(min_severity) = variant["expected"]["min_severity"].as_str() else {
            continue;
        };
        let pid = &variant["pid"];
        let alert = follow.find(&format!("alert for {variant}"), |alert| {
            alert["pid"] == *pid
        });
        check_alert(&alert, min_severity);
    }
    assert!(ran >= 5, "only {ran} variants ran");
    daemon.stop();
}

/// History says the same as life did, byte by byte the same each time.
#[test]
fn a_replay_raises_the_alerts_that_were_raised() {
    let Some(daemon) = Daemon::start("a_replay_raises_the_alerts_that_were_raised") else {
        return;
    };
    let output = daemon.ctl(&["simulate", "fileless"]);
    assert!(output.status.success());
    let id =
        |line: &str| -> Value { serde_json::from_str::<Value>(line).expect("JSON")["id"].clone() };
    let list = || -> Vec<Value> {
        let listed = daemon.ctl(&["--json", "alerts"]);
        let text = String::from_utf8_lossy(&listed.stdout);
        text.lines().map(id).collect()
    };
    // Until no more come.
    let live = eventually("the last alert", || {
        let earlier = list();
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let later = list();
        (later.len() >= 5 && later == earlier).then_some(later)
    });
    let dir = daemon.stop();
    let replay = || {
        let output = sentinel()
            .args(["replay", "--json"])
            .arg(dir.path().join("data"))
            .output()
            .expect("runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("is text")
    };
    let first = replay();
    let replayed: Vec<Value> = first.lines().map(id).collect();
    assert!(replayed.len() >= 5, "{first}");
    for id in &live {
        assert!(replayed.contains(id), "{id} is missing from:\n{first}");
    }
    assert_eq!(first, replay());
}

#[test]
fn alerts_are_found_again_after_a_restart() {
    let Some(daemon) = Daemon::start("alerts_are_found_again_after_a_restart") else {
        return;
    };
    let follow = Follow::start(&daemon, &["--json", "alerts", "--follow"]);
    let output = daemon.ctl(&["--json", "simulate", "fileless/memfd"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let alert = follow.find("alert", |alert| {
        alert["detection"] == "fileless_execution" && alert["severity"] == "critical"
    });
    drop(follow);
    let daemon = daemon.restart();
    let id = alert["id"].as_str().expect("a text");
    let shown = daemon.ctl_json(&["--json", "alerts", "show", id]);
    assert_eq!(shown, alert);
    // A client that comes back with an earlier position gets it again, and numbers go on.
    let again = Follow::start(
        &daemon,
        &["--json", "alerts", "--follow", "--after-seq", "0"],
    );
    again.find("the same alert", |a| a["id"] == alert["id"]);
    let output = daemon.ctl(&["simulate", "fileless/memfd"]);
    assert!(output.status.success());
    let newer = again.find("a newer alert", |a| {
        a["severity"] == "critical" && a["id"] != alert["id"]
    });
    assert!(newer["seq"].as_u64() > alert["seq"].as_u64());
    daemon.stop();
}
