//! What `query` refuses, and where it ends.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::query::{EVENTS, History, query};
use crate::run::{self, Ran};

#[test]
fn nothing_can_be_changed_and_no_other_file_read() {
    let history = History::new();
    let target = history.folder.path().join("stolen.db");
    let attach = format!("attach '{}' as x", target.display());
    let vacuum = format!("vacuum into '{}'", target.display());
    for sql in [
        "create table x(a)",
        "create temp table x as select 1",
        "create view x as select 1",
        "create virtual table x using fts5(a)",
        "insert into events(exe) values ('x')",
        "update events set exe = 'x'",
        "delete from alerts",
        "drop table events",
        "pragma hard_heap_limit = 0",
        "pragma table_info(events)",
        "begin",
        "select load_extension('/tmp/x')",
        &attach,
        &vacuum,
    ] {
        let ran = history.query(&[sql]);
        assert_eq!(ran.code, Some(2), "{sql}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{sql}: {}", ran.stderr);
        assert!(!target.exists(), "{sql}");
    }
    let ran = history.query(&["insert into events(exe) values ('x')"]);
    assert!(ran.stderr.contains("read-only"), "{}", ran.stderr);
    history.check("select count(*) from events", &[EVENTS.to_string()]);
}

#[test]
fn wrong_input_gets_one_line_with_the_next_step() {
    let history = History::new();
    for (args, code, part) in [
        (
            &["select exce_id from events"][..],
            2,
            "at character 8: no such column: exce_id; did you mean 'exec_id'?",
        ),
        (&["select \"nix da\" from events"], 2, "no such column"),
        (&["select * from exec"], 2, "did you mean 'execs'?"),
        (
            &["selekt"],
            2,
            "at character 1: near \"selekt\": syntax error",
        ),
        (&["select 1; select 2"], 2, "only one query at a time"),
        (&[""], 2, "there is no query"),
        (
            &["--since", "tomorrowish", "select 1"],
            2,
            "this is no time; such as 10min, 2h,",
        ),
        (
            &["--since", "1h", "--until", "2h", "select 1"],
            2,
            "--since must lie before --until",
        ),
    ] {
        let ran = history.query(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    let nowhere = history.folder.path().join("nowhere");
    let ran = query(&nowhere, &["select 1"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr
            .contains("no such file or folder; the history is where"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_folder_that_may_not_be_read_is_refused_with_the_next_step() {
    const NOBODY: u32 = 65534;
    if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) != 0) {
        eprintln!("skipped: only root can become somebody else");
        return;
    }
    let history = History::new();
    let program = tempfile::tempdir().expect("a folder");
    fs::set_permissions(program.path(), Permissions::from_mode(0o755)).expect("it is ours");
    let copy = program.path().join("sentinelctl");
    run::copy(Path::new(env!("CARGO_BIN_EXE_sentinelctl")), &copy);
    let mut command = Command::new(copy);
    command.uid(NOBODY).gid(NOBODY).env_clear();
    command
        .args(["query", "select 1", "--data-dir"])
        .arg(history.folder.path());
    let ran: Ran = command.output().expect("the program starts").into();
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(
        ran.stderr
            .contains("permission denied; use sudo, or become a member"),
        "{}",
        ran.stderr
    );
}

const ENDLESS: &str =
    "select count(*) from events a, events b, events c where a.pid + b.pid + c.pid = 0";

#[test]
fn memory_and_time_are_limited() {
    let history = History::new();
    let large = "select length(hex(randomblob(30000000)))";
    let ran = history.query(&["--memory-limit", "16", large]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("needs more than 16 MiB of memory"),
        "{}",
        ran.stderr
    );
    let begun = Instant::now();
    let ran = history.query(&["--timeout", "1s", ENDLESS]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("cancelled after 1 seconds"),
        "{}",
        ran.stderr
    );
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn ctrl_c_ends_a_query_at_once() {
    let history = History::new();
    // Whoever runs tests in the background ignores the signal, and so would the program.
    let mut child = Command::new("env")
        .args(["--default-signal=INT", env!("CARGO_BIN_EXE_sentinelctl")])
        .args(["query", ENDLESS, "--data-dir"])
        .arg(history.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    std::thread::sleep(Duration::from_secs(1));
    assert!(
        child.try_wait().expect("it is ours").is_none(),
        "the query is not long enough"
    );
    let signal = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(signal.is_ok_and(|status| status.success()));
    let begun = Instant::now();
    let status = child.wait().expect("it is ours");
    assert!(!status.success());
    assert!(begun.elapsed() < Duration::from_secs(5));
    let mut printed = String::new();
    child
        .stdout
        .take()
        .expect("a pipe")
        .read_to_string(&mut printed)
        .expect("text");
    assert_eq!(printed, "");
}
