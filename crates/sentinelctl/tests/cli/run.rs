//! Runs the program and looks at what it says.

use std::path::Path;
use std::process::{Command, Output};

/// The program with a socket and with no environment that could change its output.
pub fn sentinelctl(socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sentinelctl"));
    command
        .env_clear()
        .env("TZ", "UTC")
        .arg("--socket")
        .arg(socket)
        .args(args);
    command
}

/// What a run printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Ran {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            code: output.status.code(),
        }
    }
}

/// Runs to the end.
pub fn run(socket: &Path, args: &[&str]) -> Ran {
    let output = sentinelctl(socket, args).output();
    output.expect("the program starts").into()
}

/// Runs to the end; it must succeed without a word of complaint.
pub fn ok(socket: &Path, args: &[&str]) -> String {
    let ran = run(socket, args);
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{args:?}: {ran:?}");
    ran.stdout
}

/// Runs to the end; every line of its output must be JSON.
pub fn ok_json(socket: &Path, args: &[&str]) -> Vec<serde_json::Value> {
    let text = ok(socket, &[args, &["--json"]].concat());
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect()
}

/// Copies a program by another process: a descriptor that this one held open for writing
/// could be inherited by what other tests start meanwhile, and the copy be busy.
pub fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-p").args([from, to]).status();
    assert!(status.expect("cp starts").success());
}
