//! The simulator for real: every variant happens on this host.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use sentinel_simulate::{FAMILIES, Place, Variant};
use serde_json::Value;

use crate::run::{Ran, ok, ok_json, run};

/// There is no daemon here, and none is needed.
const NOWHERE: &str = "/nonexistent";

fn variants() -> impl Iterator<Item = &'static Variant> {
    FAMILIES.iter().flat_map(|family| family.variants)
}

/// Whether this host is known to be unable to do what a variant needs.
fn is_impossible(variant: &Variant, because: &str) -> bool {
    let noexec = |path: &str| {
        fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| {
            mounts.lines().any(|line| {
                let words: Vec<_> = line.split(' ').collect();
                words[1] == path && words[3].split(',').any(|option| option == "noexec")
            })
        })
    };
    if let Some(tool) = because.strip_suffix(" is not installed") {
        return !Path::new("/usr/bin").join(tool).exists();
    }
    let no_shm =
        variant.place == Place::Shm && (noexec("/dev/shm") || !Path::new("/dev/shm").exists());
    let is_other_machine = cfg!(not(target_arch = "x86_64"));
    let needs_root = !nix::unistd::geteuid().is_root()
        && (because.contains("Permission denied") || because.contains("not permitted"));
    let needs_file = because == "this host has no such file";
    let needs_module = because.contains("no loopback for this family")
        || because.contains("Address family not supported");
    let takes_no_modules = variant.name.starts_with("kernel-loading/module")
        && because == "loading a module: Function not implemented"
        && !Path::new("/proc/modules").exists();
    let is_busy = because == "this machine is too busy to flood it";
    is_busy
        || no_shm
        || is_other_machine
        || needs_root
        || needs_file
        || needs_module
        || takes_no_modules
}

#[test]
fn every_variant_runs_and_its_payload_succeeds() {
    let lines = ok_json(Path::new(NOWHERE), &["simulate", "all"]);
    let names: Vec<_> = lines.iter().map(|line| line["name"].clone()).collect();
    assert_eq!(names, variants().map(|v| v.name).collect::<Vec<_>>());
    for (line, variant) in lines.iter().zip(variants()) {
        if line["outcome"] == "not_possible" {
            let because = line["because"].as_str().expect("a reason");
            assert!(is_impossible(variant, because), "{line}");
            continue;
        }
        assert_eq!(line["outcome"], "ran", "{line}");
        assert_eq!(line["exit_code"], 0, "{line}");
        let pid = line["pid"].as_u64().expect("a process");
        assert!(
            !Path::new(&format!("/proc/{pid}")).exists(),
            "{line} is left behind"
        );
    }
    let pids: Vec<_> = lines
        .iter()
        .filter_map(|line| line["pid"].as_u64())
        .collect();
    let different: BTreeSet<_> = pids.iter().collect();
    assert_eq!(
        different.len(),
        pids.len(),
        "each variant has a process of its own"
    );
}

#[test]
fn a_variant_is_seen_in_proc_as_what_it_is() {
    let exe = |name: &str| {
        let lines = ok_json(Path::new(NOWHERE), &["simulate", name]);
        assert_eq!(lines.len(), 1);
        lines[0]["exe"]
            .as_str()
            .unwrap_or_else(|| panic!("{}", lines[0]))
            .to_owned()
    };
    assert_eq!(
        exe("fileless/memfd"),
        "/memfd:sentinel-simulation (deleted)"
    );
    let nameless = exe("fileless/tmpfile-execveat");
    assert!(
        nameless.contains("/#") && nameless.ends_with(" (deleted)"),
        "{nameless}"
    );
    assert!(exe("fileless/loader-memfd").contains("/ld-"));
}

/// Where attacks leave something for milliseconds.
const FOLDERS: [&str; 11] = [
    "/dev/shm",
    "/var/tmp",
    "/tmp",
    "/var/lib",
    "/etc/cron.d",
    "/etc/systemd/system",
    "/etc/init.d",
    "/etc/pam.d",
    "/etc/profile.d",
    "/etc/sudoers.d",
    "/var/spool/cron/crontabs",
];

#[test]
fn nothing_is_left_behind() {
    let left = || {
        let mut found = BTreeSet::new();
        for folder in FOLDERS {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if name.to_string_lossy().starts_with("sentinel-simulation") {
                    found.insert(entry.path());
                }
            }
        }
        found
    };
    // Another test may be at work at the same time: only what stays counts.
    let before = left();
    ok(Path::new(NOWHERE), &["simulate", "all"]);
    let mut after: BTreeSet<_> = left().difference(&before).cloned().collect();
    for _ in 0..200 {
        after.retain(|path| path.exists());
        if after.is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{after:?} is left behind");
}

/// An attack that goes wrong is neither a success nor a property of the host.
#[test]
fn a_payload_that_cannot_be_written_is_a_failure() {
    // Enough to start the program, too little for the attack to write its payload.
    let output = Command::new("/bin/sh")
        .args(["-c", "ulimit -f 1; trap '' XFSZ; exec \"$@\"", "sh"])
        .args([
            env!("CARGO_BIN_EXE_sentinelctl"),
            "simulate",
            "fileless/unlinked",
            "--json",
        ])
        .env_clear()
        .output()
        .expect("the program starts");
    let ran = Ran::from(output);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let line: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(line["outcome"], "failed");
    assert_eq!(line["because"], "writing the payload: File too large");
}

#[test]
fn the_list_needs_nothing_and_runs_nothing() {
    let lines = ok_json(Path::new(NOWHERE), &["simulate", "--list"]);
    let names: Vec<_> = lines.iter().map(|line| line["name"].clone()).collect();
    assert_eq!(names, variants().map(|v| v.name).collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line["outcome"].is_null()));
    let family = ok_json(Path::new(NOWHERE), &["simulate", "--list", "reflective"]);
    let own = variants().filter(|variant| variant.name.starts_with("reflective/"));
    assert_eq!(family.len(), own.count());
}

#[test]
fn the_hidden_command_stays_hidden() {
    for shell in ["bash", "zsh", "fish"] {
        let script = ok(Path::new(NOWHERE), &["completions", shell]);
        assert!(script.contains("simulate"), "{shell}");
        assert!(!script.contains("simulate-child"), "{shell}");
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_sentinelctl"));
    let output = child
        .arg0("x")
        .args(["simulate-child", "fileless/none"])
        .output();
    assert_eq!(output.expect("the program starts").status.code(), Some(2));
    assert_eq!(run(Path::new(NOWHERE), &["simulate"]).code, Some(2));
}
