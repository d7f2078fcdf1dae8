use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sha2::Digest;

use crate::support::{Daemon, Follow, Trigger};

fn sha256(path: &str) -> String {
    let digest = sha2::Sha256::digest(fs::read(path).expect("is there"));
    sentinel_event::Sha256(digest.into()).to_string()
}

#[test]
fn an_executable_is_digested_once_and_known_from_then_on() {
    let Some(daemon) = Daemon::start("an_executable_is_digested_once_and_known_from_then_on")
    else {
        return;
    };
    let trigger = Trigger::new();
    let exe = trigger.path();
    // A file that was written a moment before its exec is not told apart from one that
    // was written a moment after it.
    std::thread::sleep(std::time::Duration::from_millis(50));
    let follow = Follow::start(&daemon, &["--json", "events", "--follow", "--exe", &exe]);
    let (first, _) = trigger.run(&["exit", "0"]).expect("runs");
    let digest = follow.find("digest", |event| event["kind"] == "digest");
    let metadata = fs::metadata(&exe).expect("is there");
    for (key, expected) in [
        ("path", json!(exe)),
        ("exe_sha256", json!(sha256(&exe))),
        ("operation", json!("hashed")),
        ("pid", json!(first)),
        ("length", json!(metadata.len())),
        ("inode", json!(metadata.ino())),
    ] {
        assert_eq!(digest[key], expected, "{key} of {digest}");
    }
    let (second, _) = trigger.run(&["exit", "0"]).expect("runs");
    let exec = follow.find("second exec", |event| {
        event["kind"] == "exec" && event["pid"] == json!(second)
    });
    assert_eq!(exec["exe_sha256"], json!(sha256(&exe)), "{exec}");
    // The change time is that of stat, although somebody asked for it since the file was
    // made, which kernels note in the time itself.
    let ctime = exec["ctime"].as_str().unwrap_or_default();
    let fraction = format!(".{:09}", metadata.ctime_nsec());
    assert!(ctime.contains(fraction.trim_end_matches('0')), "{exec}");
    // Nobody owns it.
    assert_eq!(exec.get("package"), None, "{exec}");
    let status = daemon.ctl_json(&["--json", "status"]);
    let executables = &status["executables"];
    assert_eq!(executables["dropped_total"], json!(0), "{executables}");
    assert!(executables["known"].as_u64() > Some(0), "{executables}");
    daemon.stop();
}

#[test]
fn the_owning_package_comes_with_the_exec() {
    const TEST: &str = "the_owning_package_comes_with_the_exec";
    let shell = fs::canonicalize("/bin/bash").ok();
    let owned = Path::new("/var/lib/dpkg/info/bash.list").exists();
    let Some(shell) = shell.filter(|_| owned) else {
        println!("skipped: {TEST}: no bash that dpkg knows");
        return;
    };
    let Some(daemon) = Daemon::start(TEST) else {
        return;
    };
    // The databases are read in the background.
    let known = |daemon: &Daemon| {
        let status = daemon.ctl_json(&["--json", "status"]);
        status["executables"]["packages"].as_u64().unwrap_or(0)
    };
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    while known(&daemon) == 0 {
        assert!(std::time::Instant::now() < deadline, "no package is known");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let exe = shell.display().to_string();
    let follow = Follow::start(
        &daemon,
        &[
            "--json", "events", "--follow", "--kind", "exec", "--exe", &exe,
        ],
    );
    let mut child = Command::new("/bin/bash")
        .arg("-c")
        .arg(":")
        .spawn()
        .expect("starts");
    let pid = child.id();
    child.wait().expect("ends");
    let exec = follow.find("exec", |event| event["pid"] == json!(pid));
    assert_eq!(exec["package"], json!("bash"), "{exec}");
    daemon.stop();
}

/// Where the unified hierarchy of control groups is mounted.
fn cgroups() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut mounts = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let mount = mounts.find(|fields| fields.get(2) == Some(&"cgroup2"))?;
    Some(PathBuf::from(mount[1]))
}

/// A control group that is removed again.
struct Cgroup(PathBuf);

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// The process is gone, and its control group with it, before anybody could look it up.
#[test]
fn a_process_that_lived_a_moment_is_known_by_unit_container_and_user() {
    const TEST: &str = "a_process_that_lived_a_moment_is_known_by_unit_container_and_user";
    let Some(root) = cgroups() else {
        println!("skipped: {TEST}: there are no control groups of version 2");
        return;
    };
    let id = "5e4711e1".repeat(8);
    let unit = format!("docker-{id}.scope");
    let cgroup = Cgroup(root.join(&unit));
    if let Err(error) = fs::create_dir(&cgroup.0) {
        println!("skipped: {TEST}: cannot make a control group: {error}");
        return;
    }
    let Some(daemon) = Daemon::start(TEST) else {
        return;
    };
    let follow = Follow::start(
        &daemon,
        &[
            "--json",
            "events",
            "--follow",
            "--kind",
            "exec",
            "--exe",
            &true_path(),
        ],
    );
    let enter = "echo $$ > \"$0/cgroup.procs\" && exec \"$1\" short";
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(enter).arg(&cgroup.0).arg(true_path());
    // All at once: when the sensor looks, nothing of it is left.
    let mut child = command.stdin(Stdio::null()).spawn().expect("starts");
    let pid = child.id();
    assert!(child.wait().expect("ends").success());
    let path = format!("/{unit}");
    drop(cgroup);
    let exec = follow.find("exec", |event| event["pid"] == json!(pid));
    let uid = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(uid)
        .ok()
        .flatten()
        .map(|user| user.name);
    for (key, expected) in [
        ("cgroup", json!(path)),
        ("unit", json!(unit)),
        ("container", json!(id)),
        ("container_runtime", json!("docker")),
        ("uid", json!(uid.as_raw())),
        ("user", json!(user)),
        ("auid", login_uid()),
    ] {
        let found = exec.get(key).cloned().unwrap_or(Value::Null);
        assert_eq!(found, expected, "{key} of {exec}");
    }
    daemon.stop();
}

fn true_path() -> String {
    let path = fs::canonicalize("/bin/true").expect("is there");
    path.display().to_string()
}

/// Who logged in, which a child inherits; nothing for all ones, which means nobody.
fn login_uid() -> Value {
    let text = fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    match text.trim().parse::<u32>() {
        Ok(id) if id != u32::MAX => json!(id),
        _ => Value::Null,
    }
}

/// Whoever joins histories by it would otherwise lose every process at each restart.
#[test]
fn a_restart_does_not_change_who_a_process_is() {
    const TEST: &str = "a_restart_does_not_change_who_a_process_is";
    let Some(daemon) = Daemon::start(TEST) else {
        return;
    };
    let shell = fs::canonicalize("/bin/sh").expect("is there");
    let exe = shell.display().to_string();
    let follow = Follow::start(
        &daemon,
        &[
            "--json", "events", "--follow", "--kind", "exec", "--exe", &exe,
        ],
    );
    // Two images of one process, of which the second stays until its input ends.
    let mut command = Command::new(&shell);
    command.arg("-c").arg("exec \"$0\" -c 'read x'").arg(&shell);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
    let pid = child.id();
    let second = |event: &Value| event["pid"] == json!(pid) && event["argv"][2] == "read x";
    let exec = follow.find("second exec", second);
    drop(follow);
    let namespaced = fs::metadata("/proc/self/ns/pid").map_or(0, |m| m.ino()) != 0xEFFF_FFFC;
    let daemon = daemon.restart();
    let tree = daemon.ctl(&["--json", "tree"]).stdout;
    let tree = String::from_utf8(tree).expect("is text");
    let mut processes = tree
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("is JSON"));
    let found = processes
        .find(|process| process["pid"] == json!(pid))
        .expect("still lives");
    match namespaced {
        true => println!("skipped: {TEST}: the kernel counts by other process ids here"),
        false => assert_eq!(found["exec_id"], exec["exec_id"], "{found}"),
    }
    drop(child.stdin.take());
    child.wait().expect("ends");
    daemon.stop();
}
