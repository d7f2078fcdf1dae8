use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Daemon, Follow, Trigger};

/// One trigger, and what must be in the event that follows from it.
struct Case {
    name: &'static str,
    args: Vec<String>,
    kind: &'static str,
    expected: Value,
}

fn case(name: &'static str, args: &[&str], kind: &'static str, expected: Value) -> Case {
    Case {
        name,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        kind,
        expected,
    }
}

/// Whether all keys of `expected` are in `event` with equal values.
fn contains(event: &Value, expected: &Value) -> bool {
    expected.as_object().is_some_and(|keys| {
        keys.iter()
            .all(|(key, value)| event.get(key) == Some(value))
    })
}

fn check(daemon: &Daemon, trigger: &Trigger, case: &Case) {
    let follow = Follow::start(
        daemon,
        &[
            "--json",
            "events",
            "--follow",
            "--kind",
            case.kind,
            "--exe",
            &trigger.path(),
        ],
    );
    let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
    let Some((pid, output)) = trigger.run(&args) else {
        return;
    };
    let mut expected = case.expected.clone();
    if expected["port"] == json!("printed") {
        let port: u64 = String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .expect("a port");
        expected["port"] = json!(port);
    }
    expected["pid"] = json!(pid);
    let event = follow.find(case.name, |event| contains(event, &expected));
    assert!(
        event["ancestors"].as_array().is_some_and(|a| !a.is_empty()),
        "{}: no ancestors in {event}",
        case.name
    );
}

#[test]
fn each_trigger_gives_its_event() {
    let Some(daemon) = Daemon::start("each_trigger_gives_its_event") else {
        return;
    };
    let trigger = Trigger::new();
    let dir = trigger.dir.path().display().to_string();
    let file = format!("{dir}/file");
    let new = format!("{dir}/new");
    fs::write(&file, "x").expect("writes");
    let exe = trigger.path();
    let cases = [
        case(
            "exec",
            &["exit", "0"],
            "exec",
            json!({
                "argv": [exe, "exit", "0"], "exe": exe, "backing": "file", "filename": exe,
                "stdio": ["null", "pipe", "pipe"],
            }),
        ),
        case(
            "exit code",
            &["exit", "7"],
            "exit",
            json!({"code": 7, "signal": 0}),
        ),
        case(
            "exit signal",
            &["signal", "9"],
            "exit",
            json!({"code": 0, "signal": 9}),
        ),
        case(
            "exec from a thread",
            &["thread-exec", "3"],
            "exec",
            json!({
                "argv": [exe, "exit", "3"], "flags": ["thread_exec"], "previous_exe": exe,
            }),
        ),
        case(
            "open",
            &["open", &file],
            "open",
            json!({"path": file, "access": "r"}),
        ),
        case(
            "openat",
            &["openat", &file],
            "open",
            json!({"path": file, "access": "w"}),
        ),
        case(
            "openat2",
            &["openat2", &file],
            "open",
            json!({"path": file, "access": "rw"}),
        ),
        case(
            "creat",
            &["creat", &new],
            "open",
            json!({"path": new, "access": "create"}),
        ),
        case(
            "open_by_handle_at",
            &["open-by-handle", &file, &dir],
            "open",
            json!({"path": file, "access": "r"}),
        ),
        case(
            "connect v4",
            &["tcp4"],
            "connect",
            json!({"addr": "127.0.0.1", "port": "printed"}),
        ),
        case(
            "accept v4",
            &["tcp4"],
            "accept",
            json!({"addr": "127.0.0.1", "port": "printed"}),
        ),
        case(
            "connect v6",
            &["tcp6"],
            "connect",
            json!({"addr": "::1", "port": "printed"}),
        ),
        case(
            "accept v6",
            &["tcp6"],
            "accept",
            json!({"addr": "::1", "port": "printed"}),
        ),
        case(
            "memfd_create",
            &["memfd", "spark"],
            "memfd",
            json!({"path": "memfd:spark", "backing": "memfd"}),
        ),
        case(
            "mmap anonymous",
            &["mmap-anonymous"],
            "mmap",
            json!({"prot": "rwx", "backing": "anonymous", "length": 4096}),
        ),
        case(
            "mmap memfd",
            &["mmap-memfd", "code"],
            "mmap",
            json!({"prot": "r-x", "backing": "memfd", "path": "memfd:code"}),
        ),
        case(
            "mprotect",
            &["mprotect"],
            "mprotect",
            json!({"prot": "r-x", "old_prot": "rw-", "backing": "anonymous"}),
        ),
        case(
            "pkey_mprotect",
            &["pkey-mprotect"],
            "mprotect",
            json!({"prot": "r-x", "old_prot": "rw-", "backing": "anonymous"}),
        ),
    ];
    for case in &cases {
        check(&daemon, &trigger, case);
    }
    daemon.stop();
}

#[test]
fn an_exec_carries_its_whole_description() {
    let Some(daemon) = Daemon::start("an_exec_carries_its_whole_description") else {
        return;
    };
    let trigger = Trigger::new();
    let exe = trigger.path();
    let follow = Follow::start(
        &daemon,
        &[
            "--json", "events", "--follow", "--kind", "exec", "--exe", &exe,
        ],
    );
    let child = trigger
        .command(&["exit", "0", "", "a b", "\u{e9}"])
        .current_dir(trigger.dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let pid = child.id();
    child.wait_with_output().expect("ends");
    let event = follow.find("exec", |event| event["pid"] == json!(pid));
    let expected = json!({
        "argv": [exe, "exit", "0", "", "a b", "\u{e9}"],
        "cwd": trigger.dir.path(),
        "ppid": std::process::id(),
        "uid": nix::unistd::getuid().as_raw(),
        "euid": nix::unistd::geteuid().as_raw(),
        "stdio": ["null", "null", "null"],
        "nlink": 1,
    });
    assert!(
        contains(&event, &expected),
        "{event} lacks something of {expected}"
    );
    for key in [
        "mnt_ns",
        "pid_ns",
        "net_ns",
        "user_ns",
        "uts_ns",
        "ipc_ns",
        "cgroup_ns",
        "inode",
        "cgroup_id",
    ] {
        assert!(
            event[key].as_u64().is_some_and(|id| id > 0),
            "{key} in {event}"
        );
    }
    let own_ns = |name: &str| -> u64 {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(format!("/proc/self/ns/{name}"))
            .expect("exists")
            .ino()
    };
    for name in ["mnt", "net", "user", "uts", "ipc", "cgroup"] {
        assert_eq!(event[format!("{name}_ns")], json!(own_ns(name)), "{name}");
    }
    daemon.stop();
}

#[test]
fn long_arguments_are_carried_to_32_kib_and_then_cut_with_a_flag() {
    let Some(daemon) = Daemon::start("long_arguments") else {
        return;
    };
    let trigger = Trigger::new();
    let exe = trigger.path();
    let follow = Follow::start(
        &daemon,
        &[
            "--json", "events", "--follow", "--kind", "exec", "--exe", &exe,
        ],
    );
    for (length, cut) in [
        (400, false),
        (3_000, false),
        (30_000, false),
        (100_000, true),
    ] {
        let long = "x".repeat(length);
        let Some((pid, _)) = trigger.run(&["exit", "0", &long]) else {
            return;
        };
        let event = follow.find("exec", |event| event["pid"] == json!(pid));
        let argument = event["argv"][3].as_str().expect("is there");
        let flags = event["flags"].to_string();
        assert_eq!(flags.contains("truncated"), cut, "{length}: {flags}");
        if cut {
            let total: usize = event["argv"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|arg| arg.as_str().map_or(0, str::len) + 1)
                .sum();
            assert!((32_760..=32_769).contains(&total), "{total}");
        } else {
            assert_eq!(argument, long);
        }
    }
    daemon.stop();
}

#[test]
fn deep_paths_and_strange_names_arrive_whole() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let Some(daemon) = Daemon::start("deep_paths_and_strange_names_arrive_whole") else {
        return;
    };
    let trigger = Trigger::new();
    let follow = Follow::start(
        &daemon,
        &[
            "--json",
            "events",
            "--follow",
            "--kind",
            "open",
            "--exe",
            &trigger.path(),
        ],
    );
    let mut deep = trigger.dir.path().to_owned();
    for level in 0..40 {
        deep.push(format!("{level:-<60}"));
    }
    fs::create_dir_all(&deep).expect("makes folders");
    let plain = deep.join("file");
    let strange = trigger
        .dir
        .path()
        .join(OsStr::from_bytes(b"a\n\x1b[31m\xff\xfeb"));
    for path in [&plain, &strange] {
        fs::write(path, "x").expect("writes");
        let output = trigger.command(&["open"]).arg(path).output().expect("runs");
        assert!(output.status.success());
        let wanted = sentinel_event::text::from_bytes(path.as_os_str().as_bytes()).into_owned();
        follow.find("open", |event| event["path"] == json!(wanted));
    }
    daemon.stop();
}

#[test]
fn a_process_of_many_threads_ends_once() {
    let Some(daemon) = Daemon::start("a_process_of_many_threads_ends_once") else {
        return;
    };
    let trigger = Trigger::new();
    let mut pids = Vec::new();
    for _ in 0..30 {
        if let Some((pid, output)) = trigger.run(&["threads-exit", "3"]) {
            assert_eq!(output.status.code(), Some(3));
            pids.push(pid);
        }
    }
    let dir = daemon.stop();
    let ends = crate::history::exits(&dir.path().join("data"), &trigger.path());
    for pid in pids {
        let found = ends.iter().filter(|(p, _)| *p == u64::from(pid)).count();
        assert_eq!(found, 1, "pid {pid} ends {found} times");
    }
    assert!(ends.iter().all(|(_, code)| *code == 3), "{ends:?}");
}

#[test]
fn ancestry_survives_the_death_of_a_parent() {
    let Some(daemon) = Daemon::start("ancestry_survives_the_death_of_a_parent") else {
        return;
    };
    let trigger = Trigger::new();
    let exe = trigger.path();
    let follow = Follow::start(&daemon, &["--json", "events", "--follow", "--exe", &exe]);
    let Some((pid, _)) = trigger.run(&["orphan", "5"]) else {
        return;
    };
    let event = follow.find("exec of the grandchild", |event| {
        event["kind"] == "exec" && event["argv"] == json!([exe, "exit", "5"])
    });
    let ancestors: Vec<u64> = event["ancestors"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|ancestor| ancestor["pid"].as_u64())
        .collect();
    // The middle process is dead and the kernel says another parent, yet it is named.
    assert_ne!(event["ppid"], json!(ancestors[0]));
    assert_eq!(ancestors[1], u64::from(pid));
    assert_eq!(ancestors[2], u64::from(std::process::id()));
    assert_eq!(
        ancestors.last(),
        Some(&1),
        "does not end at pid 1: {ancestors:?}"
    );
    daemon.stop();
}
