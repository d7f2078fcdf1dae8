use serde_json::{Value, json};

use crate::support::{Daemon, Follow, Trigger, eventually};

#[test]
fn the_mode_survives_a_restart() {
    let Some(daemon) = Daemon::start("the_mode_survives_a_restart") else {
        return;
    };
    assert_eq!(daemon.ctl_json(&["--json", "mode"])["mode"], "learn");
    let switched = daemon.ctl_json(&["--json", "mode", "detect"]);
    assert_eq!(switched["mode"], "detect");
    let daemon = daemon.restart();
    let again = daemon.ctl_json(&["--json", "mode"]);
    assert_eq!(
        (&again["mode"], &again["since"]),
        (&switched["mode"], &switched["since"])
    );
    let warnings = switched["warnings"].as_array().expect("a list");
    let warning = warnings.first().and_then(Value::as_str).unwrap_or_default();
    assert!(warning.contains("of 7 days watched"), "{switched}");
    daemon.stop();
}

#[test]
fn the_status_shows_everything() {
    let Some(daemon) = Daemon::start("the_status_shows_everything") else {
        return;
    };
    let trigger = Trigger::new();
    trigger.run(&["tcp4"]);
    let seen = |status: &Value, kind: &str| {
        let kinds = status["kinds"].as_array().expect("a list");
        let counts = kinds.iter().filter(|count| count["kind"] == kind);
        counts
            .map(|count| count["seen"].as_u64().expect("a number"))
            .sum::<u64>()
    };
    let status = eventually("every kind, on the disk too", || {
        let status = daemon.ctl_json(&["--json", "status"]);
        let kinds = [
            "process", "exec", "fork", "exit", "connect", "accept", "open",
        ];
        let stored = status["store"]["size_bytes"].as_u64() > Some(0);
        let old = status["uptime_seconds"].as_u64() >= Some(1);
        let all = kinds.iter().all(|kind| seen(&status, kind) > 0);
        (all && stored && old).then_some(status)
    });
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["mode"]["mode"], "learn");
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
    assert!(status["queues"].as_array().is_some_and(|q| !q.is_empty()));
    assert_eq!(status["alerts"].as_array().map(Vec::len), Some(5));
    assert!(status["processes"]["size"].as_u64().is_some_and(|n| n > 1));
    daemon.stop();
}

/// The tree knows this test's own processes, and so does the audit.
#[test]
fn the_tree_leads_from_a_process_to_its_ancestors() {
    let Some(daemon) = Daemon::start("the_tree_leads_from_a_process_to_its_ancestors") else {
        return;
    };
    let mut child = std::process::Command::new("/bin/sleep")
        .arg("60")
        .spawn()
        .expect("sleeps");
    let pid = child.id().to_string();
    let output = eventually("the sleeper", || {
        let output = daemon.ctl(&["--json", "tree", &pid]);
        // Between its fork and its exec it is still this test.
        let sleeps = String::from_utf8_lossy(&output.stdout).contains("\"/bin/sleep\"");
        sleeps.then_some(output)
    });
    child.kill().expect("ends");
    child.wait().expect("ends");
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let find = |pid: u32| lines.iter().find(|line| line["pid"] == pid);
    let sleeper = find(child.id()).unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!(sleeper["argv"], json!(["/bin/sleep", "60"]));
    let parent = sleeper["parent"].as_u64().expect("a number") as u32;
    assert_eq!(parent, std::process::id());
    let own = std::env::current_exe().expect("ours").display().to_string();
    assert_eq!(find(parent).expect("is there")["exe"], own.as_str());
    let whole = daemon.ctl(&["tree", "4194305"]);
    assert_eq!(whole.status.code(), Some(1));
    daemon.stop();
}

#[test]
fn a_reload_applies_what_it_can_and_names_the_rest() {
    let Some(daemon) = Daemon::start("a_reload_applies_what_it_can_and_names_the_rest") else {
        return;
    };
    let config = daemon.dir.path().join("config");
    let text = "[detect]\nmin_severity = \"critical\"\n[store]\nretention_days = 3\n";
    std::fs::write(&config, text).expect("writes");
    let answer = daemon.ctl_json(&["--json", "reload"]);
    assert_eq!(answer["applied"], json!(["detect.min_severity"]));
    assert_eq!(answer["needs_restart"], json!(["store.retention_days"]));
    let settings = daemon.ctl_json(&["--json", "config"]);
    let value = |key: &str| {
        let settings = settings["settings"].as_array().expect("a list");
        let found = settings.iter().find(|setting| setting["key"] == key);
        let setting = found.unwrap_or_else(|| panic!("no {key}"));
        (setting["value"].clone(), setting["origin"].clone())
    };
    assert_eq!(
        value("detect.min_severity"),
        (json!("\"critical\""), json!("file"))
    );
    assert_eq!(
        value("store.retention_days"),
        (json!("30"), json!("default"))
    );
    assert_eq!(value("service.socket").1, "flag");
    // What is wrong is refused, recorded as failed, and changes nothing.
    std::fs::write(&config, "[detect]\nmin_severity = 3\n").expect("writes");
    let refused = daemon.ctl(&["reload"]);
    assert_eq!(refused.status.code(), Some(1));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("config:2:16: "), "{words}");
    let audit = daemon.ctl(&["audit"]);
    let audit = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert_eq!(audit.lines().count(), 2, "{audit}");
    assert!(
        audit.contains("reload  done") && audit.contains("reload  failed: "),
        "{audit}"
    );
    daemon.stop();
}

#[test]
fn events_of_the_history_come_before_live_ones_and_none_twice() {
    let Some(daemon) = Daemon::start("events_of_the_history_come_before_live_ones_and_none_twice")
    else {
        return;
    };
    let trigger = Trigger::new();
    let path = trigger.path();
    let run = || trigger.run(&["exit", "0"]).expect("runs everywhere").0;
    let past = run();
    let args = [
        "--json", "events", "--since", "5min", "--kind", "exec", "--exe", &path,
    ];
    let pids = |output: std::process::Output| -> Vec<Value> {
        let text = String::from_utf8(output.stdout).expect("text");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.map(|event| event["pid"].clone()).collect()
    };
    let found = eventually("the event in the history", || {
        Some(pids(daemon.ctl(&args))).filter(|found| !found.is_empty())
    });
    assert_eq!(found, [json!(past)]);
    let until = ["--until", "4min"];
    assert_eq!(
        pids(daemon.ctl(&[&args[..], &until].concat())),
        [] as [Value; 0]
    );
    let follow = Follow::start(&daemon, &[&args[..], &["--follow"]].concat());
    std::thread::sleep(std::time::Duration::from_secs(3));
    let live = run();
    let mut seen = Vec::new();
    follow.find("live event", |event| {
        seen.push(event["pid"].clone());
        event["pid"] == live
    });
    assert_eq!(seen, [json!(past), json!(live)]);
    drop(follow);
    daemon.stop();
}

/// What the daemon does not need it has given up when it answers.
#[test]
fn only_capabilities_in_use_are_kept() {
    let Some(daemon) = Daemon::start("only_capabilities_in_use_are_kept") else {
        return;
    };
    // Root in the foreground may use folders of others; before 5.19 counters take BPF.
    const DAC_OVERRIDE: u64 = 1 << 1;
    const BPF: u64 = 1 << 39;
    let tasks = std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).expect("reads");
    let mut threads = 0;
    for task in tasks.flatten() {
        let status = std::fs::read_to_string(task.path().join("status")).expect("reads");
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            let line = status.lines().find_map(|line| line.strip_prefix(set));
            let held = u64::from_str_radix(line.expect("is there").trim(), 16).expect("hex");
            assert_eq!(
                held & !(DAC_OVERRIDE | BPF),
                0,
                "{set} of {:?}",
                task.path()
            );
        }
        threads += 1;
    }
    assert!(threads > 5, "{threads}");
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
