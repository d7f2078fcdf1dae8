use serde_json::{Value, json};

use crate::support::{Daemon, Trigger};

#[test]
fn the_mode_survives_a_restart() {
    let Some(daemon) = Daemon::start("the_mode_survives_a_restart") else {
        return;
    };
    assert_eq!(daemon.ctl_json(&["--json", "mode"])["mode"], "learn");
    let switched = daemon.ctl_json(&["--json", "mode", "detect"]);
    assert_eq!(switched["mode"], "detect");
    let daemon = daemon.restart();
    assert_eq!(daemon.ctl_json(&["--json", "mode"]), switched);
    daemon.stop();
}

#[test]
fn the_status_shows_everything() {
    let Some(daemon) = Daemon::start("the_status_shows_everything") else {
        return;
    };
    let trigger = Trigger::new();
    trigger.run(&["tcp4"]);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let status = daemon.ctl_json(&["--json", "status"]);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["mode"]["mode"], "learn");
    assert!(status["uptime_seconds"].as_u64().is_some_and(|s| s >= 1));
    assert!(status["kernel"].as_str().is_some_and(|k| !k.is_empty()));
    let observed: Vec<&Value> = status["hooks"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|hook| hook["state"] == "running")
        .map(|hook| &hook["observation"])
        .collect();
    for name in [
        "exec", "fork", "exit", "connect", "accept", "open", "memfd", "mmap", "mprotect",
    ] {
        assert!(observed.contains(&&json!(name)), "no hook runs for {name}");
    }
    for hook in status["hooks"].as_array().expect("a list") {
        let explained = hook["state"] == "running" || hook["reason"] != "";
        assert!(explained, "{hook} gives no reason");
    }
    for ring in ["priority", "bulk"] {
        let count = |key: &str| status["rings"][ring][key].as_u64().expect("a number");
        assert!(count("sent") > 0, "{ring}");
        assert!(count("received") + count("aggregated") + count("lost") <= count("sent"));
        assert!(count("size_bytes") >= 1 << 20);
    }
    let seen = |kind: &str| {
        status["kinds"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|count| count["kind"] == kind)
            .map(|count| count["seen"].as_u64().expect("a number"))
            .sum::<u64>()
    };
    for kind in [
        "process", "exec", "fork", "exit", "connect", "accept", "open",
    ] {
        assert!(seen(kind) > 0, "no {kind} was seen");
    }
    assert!(
        status["store"]["size_bytes"]
            .as_u64()
            .is_some_and(|b| b > 0),
        "{}",
        status["store"]
    );
    assert!(status["queues"].as_array().is_some_and(|q| !q.is_empty()));
    assert_eq!(status["alerts"].as_array().map(Vec::len), Some(5));
    assert!(status["processes"]["size"].as_u64().is_some_and(|n| n > 1));
    daemon.stop();
}

/// What was sent is received, counted into another, or lost: exactly, once it is quiet.
#[test]
fn nothing_is_lost_without_being_counted() {
    let Some(daemon) = Daemon::start("nothing_is_lost_without_being_counted") else {
        return;
    };
    let trigger = Trigger::new();
    for _ in 0..300 {
        trigger.run(&["exit", "0"]);
    }
    // Other programs go on meanwhile, so the sums meet only at quiet moments.
    let balanced = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let status = daemon.ctl_json(&["--json", "status"]);
        ["priority", "bulk"].iter().all(|ring| {
            let count = |key: &str| status["rings"][ring][key].as_u64().expect("a number");
            count("sent") == count("received") + count("aggregated") + count("lost")
        })
    });
    assert!(balanced, "the rings never balance");
    daemon.stop();
}
