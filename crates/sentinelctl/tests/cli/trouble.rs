//! What is said, and with which exit code, when things are not as they should be.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sentinel_api::v1::Alert;

use crate::daemon::{Daemon, Knowledge};
use crate::run::{Ran, copy, run, sentinelctl};

/// Everything that is a command of its own and needs the daemon.
pub const COMMANDS: [&[&str]; 11] = [
    &["tree"],
    &["coverage", "--last"],
    &["config"],
    &["reload"],
    &["audit"],
    &["status"],
    &["mode"],
    &["mode", "detect"],
    &["alerts"],
    &["alerts", "--follow"],
    &["events", "--follow"],
];

fn check(ran: &Ran, code: i32, stderr: &str) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, stderr);
}

#[test]
fn an_absent_daemon_is_one_sentence_with_the_next_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("sentinel.sock");
    let path = socket.display();
    let advice = "start it with 'systemctl start sentinel' or 'make run', or name another socket \
                  with --socket";
    for command in COMMANDS {
        let expected =
            format!("sentinelctl: the daemon is not running: no socket at {path}; {advice}\n");
        check(&run(&socket, command), 3, &expected);
    }
    // What a killed daemon leaves behind.
    drop(UnixListener::bind(&socket).expect("a socket"));
    let expected =
        format!("sentinelctl: the daemon is not running: nothing listens at {path}; {advice}\n");
    check(&run(&socket, &["status"]), 3, &expected);
}

#[test]
fn a_socket_that_may_not_be_opened_is_refused() {
    let daemon = Daemon::start(Knowledge::default());
    let socket = daemon.socket();
    fs::set_permissions(daemon.folder(), Permissions::from_mode(0o755)).expect("it is ours");
    fs::set_permissions(&socket, Permissions::from_mode(0o600)).expect("it is ours");
    let ran = as_another_user(&socket, daemon.folder());
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let beginning = format!(
        "sentinelctl: permission denied on {}; use sudo",
        socket.display()
    );
    assert!(ran.stderr.starts_with(&beginning), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
}

/// Runs `status` as somebody who is not the owner of the socket. Root becomes
/// nobody, from a copy of the program that nobody can reach; others take their own
/// right away.
fn as_another_user(socket: &Path, folder: &Path) -> Ran {
    let is_root = fs::metadata("/proc/self").is_ok_and(|me| {
        use std::os::unix::fs::MetadataExt;
        me.uid() == 0
    });
    if !is_root {
        fs::set_permissions(socket, Permissions::from_mode(0o000)).expect("it is ours");
        return run(socket, &["status"]);
    }
    const NOBODY: u32 = 65534;
    let program = folder.join("sentinelctl");
    copy(Path::new(env!("CARGO_BIN_EXE_sentinelctl")), &program);
    let mut command = Command::new(program);
    command.uid(NOBODY).gid(NOBODY).env_clear();
    command.arg("--socket").arg(socket).arg("status");
    command.output().expect("the program starts").into()
}

#[test]
fn the_doctor_works_without_a_daemon_and_fails_then() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run(&folder.path().join("none"), &["doctor"]);
    assert_eq!((ran.code, &*ran.stderr), (Some(1), ""), "{ran:?}");
    assert!(
        ran.stdout
            .contains("bad   daemon    the daemon is not running"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("-> start it with 'systemctl start sentinel'")
    );
    let daemon = Daemon::start(Knowledge::default());
    let ran = run(&daemon.socket(), &["doctor", "--json"]);
    for line in ran.stdout.lines() {
        let finding: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(
            finding["check"].is_string() && finding["state"].is_string(),
            "{line}"
        );
    }
    assert!(ran.stdout.contains("the disk is full"), "{}", ran.stdout);
}

#[test]
fn a_refused_change_is_told_from_a_failed_one() {
    let daemon = Daemon::start(Knowledge {
        read_only: true,
        ..Knowledge::default()
    });
    let expected = "sentinelctl: the daemon refused: only sentinel-admin may change the mode\n";
    check(&run(&daemon.socket(), &["mode", "detect"]), 4, expected);
}

#[test]
fn something_that_is_no_daemon_is_not_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("sentinel.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let other = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        std::io::Write::write_all(&mut stream, b"220 mail.example ESMTP\r\n").expect("it listens");
    });
    let ran = run(&socket, &["status"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    other.join().expect("the client came");
}

#[test]
fn a_daemon_that_goes_away_ends_the_stream_with_a_word() {
    let mut daemon = Daemon::start(Knowledge {
        alerts: vec![Alert {
            seq: 1,
            ..Alert::default()
        }],
        ..Knowledge::default()
    });
    let mut child = start(&daemon, &["alerts", "--follow", "--after-seq", "0"]);
    first_line(&mut child);
    daemon.stop();
    let ran = end(child);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let hint = "; 'systemctl status sentinel' says more, and 'sentinelctl alerts --follow \
                --after-seq 1' goes on from here\n";
    assert!(ran.stderr.ends_with(hint), "{}", ran.stderr);

    let daemon = Daemon::start(Knowledge {
        streams_end: true,
        ..Knowledge::default()
    });
    let expected =
        "sentinelctl: the daemon ended the stream; 'systemctl status sentinel' says more\n";
    check(&run(&daemon.socket(), &["events", "--follow"]), 3, expected);
}

#[test]
fn a_reader_that_leaves_ends_the_program_quietly() {
    let daemon = Daemon::start(Knowledge {
        alerts: vec![Alert {
            seq: 1,
            ..Alert::default()
        }],
        ..Knowledge::default()
    });
    // As in `sentinelctl alerts --follow | head -1`: there is no second alert, so only
    // the reader's leaving can end it.
    let mut child = start(&daemon, &["alerts", "--follow", "--after-seq", "0"]);
    first_line(&mut child);
    drop(child.stdout.take());
    let ran = end(child);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stderr.contains("panic"), "{}", ran.stderr);

    // A reader that was never there, met by the first write.
    for command in [
        &["status"][..],
        &["completions", "bash"],
        &["simulate", "--list"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = sentinelctl(&daemon.socket(), command)
            .stdout(writer)
            .output();
        let ran = Ran::from(output.expect("the program starts"));
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{command:?}");
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    let daemon = Daemon::start(Knowledge::default());
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("it exists");
    let output = sentinelctl(&daemon.socket(), &["mode"])
        .stdout(full)
        .output();
    let expected =
        "sentinelctl: writing to standard output: No space left on device (os error 28)\n";
    check(&output.expect("the program starts").into(), 1, expected);
}

#[test]
fn typos_are_met_with_a_suggestion() {
    let nowhere = Path::new("/nonexistent");
    let cases: [(&[&str], &str); 5] = [
        (&["statsu"], "'status'"),
        (&["mode", "detct"], "'detect'"),
        (&["simulate", "fileless/memdf"], "'fileless/memfd'"),
        (&["events", "--follow", "--kind", "exce"], "'exec'"),
        (&["alerts", "--folow"], "'--follow'"),
    ];
    for (args, suggestion) in cases {
        let ran = run(nowhere, args);
        assert_eq!(ran.code, Some(2), "{args:?}");
        let tip = ran.stderr.lines().find(|line| line.contains("tip:"));
        assert!(
            tip.is_some_and(|tip| tip.contains(suggestion)),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.len() < 1000, "{}", ran.stderr);
    }
}

#[test]
fn help_promises_the_exit_codes() {
    let ran = run(Path::new("/nonexistent"), &["--help"]);
    assert_eq!(ran.code, Some(0));
    for code in 0..=4 {
        assert!(
            ran.stdout.contains(&format!("\n  {code}  ")),
            "{}",
            ran.stdout
        );
    }
}

fn start(daemon: &Daemon, args: &[&str]) -> Child {
    sentinelctl(&daemon.socket(), args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Reads one line and leaves the pipe open.
fn first_line(child: &mut Child) {
    let stdout = child.stdout.as_mut().expect("it is a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    assert!(line.ends_with('\n'), "{line:?}");
}

/// Waits for the end, but not for ever.
fn end(mut child: Child) -> Ran {
    let deadline = Instant::now() + Duration::from_secs(20);
    let status = loop {
        match child.try_wait().expect("it is our child") {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                child.kill().expect("it is our child");
                child.wait().expect("it is our child");
                panic!("the program did not end");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let mut stderr = String::new();
    let mut pipe = child.stderr.take().expect("it is a pipe");
    pipe.read_to_string(&mut stderr).expect("it is UTF-8");
    Ran {
        stdout: String::new(),
        stderr,
        code: status.code(),
    }
}
