use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{Daemon, sentinel};

/// One line on standard error that says `expected`, and a failure.
fn check(output: &Output, expected: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success(),
        "succeeded, but should say {expected:?}"
    );
    assert_eq!(text.trim_end().lines().count(), 1, "not one line: {text:?}");
    assert!(text.contains(expected), "{text:?} lacks {expected:?}");
    assert!(text.starts_with("sentinel: "), "{text:?}");
}

fn run_in(dir: &Path) -> Command {
    let mut command = sentinel();
    command
        .arg("run")
        .arg("--data-dir")
        .arg(dir.join("data"))
        .arg("--socket")
        .arg(dir.join("sock"))
        .env_remove("JOURNAL_STREAM");
    command
}

fn with_config(dir: &TempDir, text: &str) -> (String, Output) {
    let path = dir.path().join("x.toml");
    fs::write(&path, text).expect("writes");
    let path = path.display().to_string();
    let checked = sentinel()
        .args(["check-config", &path])
        .output()
        .expect("runs");
    let run = run_in(dir.path())
        .args(["--config", &path])
        .output()
        .expect("runs");
    assert_eq!(
        checked.stderr, run.stderr,
        "check-config and run say different things"
    );
    (path, run)
}

#[test]
fn a_bad_configuration_is_named_with_its_place() {
    let dir = TempDir::new().expect("a folder");
    const EX_CONFIG: i32 = 78;
    for (text, expected) in [
        ("[sensor]\nring = 1\n", ":2:1: unknown field `ring`"),
        (
            "[sensor]\nprocesses_max = \"many\"\n",
            ":2:17: invalid type: string \"many\"",
        ),
        (
            "[sensor]\npriority_ring_bytes = 3000000\n",
            "must be a power of two",
        ),
        ("no equals sign\n", ":1:"),
    ] {
        let (path, output) = with_config(&dir, text);
        check(&output, &path);
        check(&output, expected);
        assert_eq!(output.status.code(), Some(EX_CONFIG));
    }
    let absent = run_in(dir.path())
        .args(["--config", "/nonexistent/x.toml"])
        .output();
    check(
        &absent.expect("runs"),
        "cannot read the configuration /nonexistent/x.toml",
    );
}

#[test]
fn an_unwritable_data_folder_is_refused() {
    let dir = TempDir::new().expect("a folder");
    fs::write(dir.path().join("data"), "a file is in the way").expect("writes");
    let output = run_in(dir.path()).output().expect("runs");
    check(&output, &dir.path().join("data").display().to_string());
    assert!(!dir.path().join("sock").exists(), "the socket stays behind");
}

#[test]
fn without_root_it_says_so() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: without_root_it_says_so: needs root to give root up");
        return;
    }
    let dir = TempDir::new().expect("a folder");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("opens the folder");
    // The binary may lie in a folder that others cannot enter.
    let binary = dir.path().join("sentinel");
    fs::copy(env!("CARGO_BIN_EXE_sentinel"), &binary).expect("copies");
    let mut command = Command::new(binary);
    command
        .arg("run")
        .arg("--data-dir")
        .arg(dir.path().join("data"));
    command.arg("--socket").arg(dir.path().join("sock"));
    command.env_remove("JOURNAL_STREAM").uid(65534).gid(65534);
    check(&command.output().expect("runs"), "needs root");
}

#[test]
fn without_type_information_it_says_so() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: without_type_information_it_says_so: needs root");
        return;
    }
    let dir = TempDir::new().expect("a folder");
    let output = run_in(dir.path())
        .env("SENTINEL_BTF", "/nonexistent/btf")
        .output();
    check(
        &output.expect("runs"),
        "no type information at /nonexistent/btf",
    );
}

#[test]
fn a_second_daemon_is_refused() {
    let Some(daemon) = Daemon::start("a_second_daemon_is_refused") else {
        return;
    };
    let same_socket = sentinel()
        .args(["run", "--data-dir"])
        .arg(daemon.dir.path().join("other"))
        .arg("--socket")
        .arg(daemon.socket())
        .env_remove("JOURNAL_STREAM")
        .output()
        .expect("runs");
    check(&same_socket, "another sentinel already listens on");
    let same_data = sentinel()
        .args(["run", "--data-dir"])
        .arg(daemon.data())
        .arg("--socket")
        .arg(daemon.dir.path().join("sock2"))
        .env_remove("JOURNAL_STREAM")
        .output()
        .expect("runs");
    check(&same_data, &daemon.data().display().to_string());
    // The first one is none the worse for it.
    assert!(daemon.ctl(&["mode"]).status.success());
    daemon.stop();
}
