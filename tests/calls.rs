//! Every system call that the sensor's table names gives its event, made by a 64-bit and by
//! a 32-bit program; what this kernel cannot show, `sentinel probe` says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sentineld::sensor::{CALLS, Call};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Daemon, Follow};

const NOT_HERE: i32 = 77;

/// A width that programs are built for.
#[derive(Clone, Copy)]
struct Width {
    bits: u8,
    compiler_flag: &'static str,
    number: fn(&Call) -> Option<u16>,
}

const WIDTHS: [Width; 2] = [
    Width {
        bits: 64,
        compiler_flag: "-m64",
        number: |call| call.x86_64,
    },
    Width {
        bits: 32,
        compiler_flag: "-m32",
        number: |call| call.i386,
    },
];

/// The trigger of a width; `None` where the compiler or the kernel cannot.
fn program(width: Width) -> Option<PathBuf> {
    static BUILT: OnceLock<[Option<PathBuf>; 2]> = OnceLock::new();
    let built = BUILT.get_or_init(|| WIDTHS.map(build));
    built[usize::from(width.bits == 32)].clone()
}

fn build(width: Width) -> Option<PathBuf> {
    let name = format!("calls{}", width.bits);
    if let Some(folder) = std::env::var_os("SENTINEL_TRIGGER_DIR") {
        return Some(Path::new(&folder).join(name)).filter(|path| path.exists());
    }
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/triggers/calls.c");
    let built = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror", "-static"])
        .args([width.compiler_flag, "-o"])
        .args([&binary, &source])
        .status()
        .expect("cc runs");
    built.success().then_some(binary)
}

/// The kind of event that an observation becomes.
fn kind(observation: &str) -> &str {
    match observation {
        "open_by_handle" => "open",
        other => other,
    }
}

fn is_it(event: &Value, call: &Call, pid: u32, folder: &Path) -> bool {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    if event["pid"] != pid || event["kind"] != kind(call.observation) {
        return false;
    }
    match call.observation {
        "open" | "open_by_handle" | "truncate" | "chmod" | "chown" => text("path") == path("file"),
        "unlink" if call.name == "rmdir" => text("path") == path("folder"),
        "unlink" => text("path") == path("file"),
        "rename" => text("path") == path("file") && text("to") == path("other"),
        "link" => text("path") == path("other") && text("to") == path("file"),
        "symlink" => text("path") == path("other") && text("to") == "target",
        "setxattr" if call.name.starts_with("remove") || call.name.contains("remove") => {
            text("path") == path("file") && text("operation") == "remove"
        }
        "setxattr" => text("path") == path("file") && text("to") == "user.new",
        "mount" if call.name == "move_mount" => text("path") == path("other"),
        "mount" | "umount" => text("path") == path("folder"),
        "unix_connect" => text("path") == path("socket"),
        "exec_failed" => text("path") == path("missing") && event["result"] == -2,
        "redirect" => text("object") == "socket" && event["fd"] == 0,
        "mprotect" | "mmap" => text("prot") == "r-x",
        "shmat" => text("prot").ends_with('x'),
        "ptrace" => text("operation") == "seize" && event["target_pid"] != pid,
        "process_vm_writev" | "process_vm_readv" => event["length"] == 8,
        "process_madvise" | "pidfd_getfd" => event["target_pid"] != pid,
        "bind" => event["port"].as_u64().is_some_and(|port| port > 0),
        _ => true,
    }
}

/// Why a call cannot be seen here; `None` when it must be.
fn excuse(daemon: &Daemon, call: &Call) -> Option<String> {
    let status = daemon.ctl_json(&["--json", "status"]);
    let hooks = status["hooks"].as_array().expect("a list");
    let of_it = |hook: &&Value| hook["observation"] == call.observation;
    let mut running = hooks
        .iter()
        .filter(of_it)
        .filter(|h| h["state"] == "running");
    match running.next() {
        Some(_) => None,
        None => hooks
            .iter()
            .find(of_it)
            .map(|hook| format!("no hook: {}", hook["reason"])),
    }
}

fn check(daemon: &Daemon, follow: &Follow, call: &Call, width: Width) {
    let Some(program) = program(width) else {
        println!(
            "skipped: {} of {} bits: cc cannot build it",
            call.name, width.bits
        );
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let child = Command::new(&program)
        .arg(call.name)
        .arg(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            println!("skipped: {} of {} bits: {error}", call.name, width.bits);
            return;
        }
    };
    let pid = child.id();
    let output = child.wait_with_output().expect("ends");
    if output.status.code() == Some(NOT_HERE) {
        println!(
            "skipped: {} of {} bits: this kernel lacks it",
            call.name, width.bits
        );
        return;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{} of {} bits: {said}",
        call.name,
        width.bits
    );
    if let Some(excuse) = excuse(daemon, call) {
        println!("skipped: {} of {} bits: {excuse}", call.name, width.bits);
        return;
    }
    let what = format!(
        "{} by {} of {} bits",
        call.observation, call.name, width.bits
    );
    let folder = folder.path().canonicalize().expect("is there");
    let event = follow.find(&what, |event| is_it(event, call, pid, &folder));
    let flags = event["flags"].to_string();
    assert_eq!(
        flags.contains("compat"),
        width.bits == 32,
        "{what}: {flags}"
    );
}

#[test]
fn every_call_of_every_width_gives_its_event() {
    let Some(daemon) = Daemon::start("every_call_of_every_width_gives_its_event") else {
        return;
    };
    let follow = Follow::start(&daemon, &["--json", "events", "--follow"]);
    for width in WIDTHS {
        for call in CALLS.iter().filter(|call| (width.number)(call).is_some()) {
            // What a call is listed for twice is one call with two observations; accept
            // beside redirect needs a closed descriptor 0, which dup and socket show.
            if matches!(
                (call.name, call.observation),
                (
                    "accept" | "accept4" | "socketcall(ACCEPT)" | "socketcall(ACCEPT4)",
                    "redirect"
                )
            ) {
                continue;
            }
            check(&daemon, &follow, call, width);
        }
    }
    daemon.stop();
}

#[test]
fn datagrams_tell_their_peer_and_questions_their_name() {
    let Some(daemon) = Daemon::start("datagrams_tell_their_peer") else {
        return;
    };
    let Some(program) = program(WIDTHS[0]) else {
        println!("skipped: cc cannot build the trigger");
        return;
    };
    let follow = Follow::start(&daemon, &["--json", "events", "--follow"]);
    let folder = TempDir::new().expect("a folder");
    let mut child = Command::new(program)
        .arg("write")
        .arg(folder.path())
        .spawn()
        .expect("starts");
    let pid = child.id();
    assert!(child.wait().expect("ends").success());
    follow.find("dns", |event| {
        event["pid"] == pid
            && event["kind"] == "dns"
            && event["name"] == "example.org"
            && event["operation"] == "AAAA"
            && event["addr"] == "127.0.0.1"
    });
    follow.find("send", |event| {
        event["pid"] == pid && event["kind"] == "send" && event["port"] == 53
    });
    daemon.stop();
}

/// Operations of io_uring are told by their name, and what they act on is told as if a
/// system call had asked, where a hook sees it; else `sentinel probe` says that none does.
#[test]
fn operations_of_io_uring_do_not_pass_unseen() {
    const NAME: &str = "operations_of_io_uring_do_not_pass_unseen";
    let Some(daemon) = Daemon::start(NAME) else {
        return;
    };
    let Some(program) = program(WIDTHS[0]) else {
        println!("skipped: {NAME}: cc cannot build the trigger");
        return;
    };
    // A path of its own, so that nothing else has to be read.
    let own = TempDir::new().expect("a folder");
    let exe = own.path().join("calls");
    std::fs::copy(program, &exe).expect("copies");
    let path = exe.to_string_lossy().into_owned();
    let follow = Follow::start(&daemon, &["--json", "events", "--follow", "--exe", &path]);
    let status = daemon.ctl_json(&["--json", "status"]);
    let hooks = status["hooks"].as_array().expect("a list");
    // Whether a hook that runs sees what io_uring does, or says that it does not.
    let sees = |observation: &str| {
        hooks.iter().any(|hook| {
            let blind_to = hook["blind_to"].as_str().unwrap_or_default();
            hook["observation"] == *observation
                && hook["state"] == "running"
                && !blind_to.contains("io_uring")
        })
    };
    let operations = [
        ("openat", "open"),
        ("unlinkat", "unlink"),
        ("renameat", "rename"),
        ("connect", "connect"),
        ("accept", "accept"),
    ];
    for (operation, kind) in operations {
        let folder = TempDir::new().expect("a folder");
        let child = Command::new(&exe)
            .arg(format!("io_uring_{operation}"))
            .arg(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let pid = child.id();
        let output = child.wait_with_output().expect("ends");
        if output.status.code() == Some(NOT_HERE) {
            println!("skipped: io_uring {operation}: switched off, or this kernel lacks it");
            continue;
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{operation}: {said}");
        let mut acted = false;
        let path = folder.path().canonicalize().expect("is there").join("file");
        let is_act = |event: &Value| {
            let is_path = event["path"] == *path.to_string_lossy();
            event["pid"] == pid
                && event["kind"] == kind
                && event["access"] != "create"
                && (is_path || event["proto"] == "tcp")
        };
        // Without the hook for operations nothing more is claimed than that a ring was made.
        let named = if sees("io_uring_submit") {
            operation
        } else {
            ""
        };
        follow.find(operation, |event| {
            acted |= is_act(event);
            let is_it = event["pid"] == pid && event["kind"] == "io_uring";
            is_it && (named.is_empty() || event["operation"] == named)
        });
        if sees(kind) && !acted {
            follow.find(kind, is_act);
        } else if !acted {
            println!("skipped: {kind} by io_uring: its hook is blind to io_uring, as probe says");
        }
    }
    daemon.stop();
}
