//! Runs one variant in a process of its own, proves that it happened, and cleans up.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;

use crate::proof::Sight;
use crate::traces::Traces;
use crate::{Failure, Variant};

/// How long an attack may take in all; they take milliseconds.
const LIMIT: Duration = Duration::from_secs(10);
/// How long the last words of a child that has ended may take.
const WORDS_LIMIT: Duration = Duration::from_secs(1);
/// How much of a child's last words is kept.
const STDERR_LIMIT: u64 = 4096;

/// How to start the process in which an attack happens: the name of the variant
/// and the path of its folder, if it has one, follow the arguments. The program
/// is to call [`perform`](crate::perform).
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// The name under which it runs.
    pub name: OsString,
    /// Its first arguments.
    pub args: Vec<OsString>,
}

/// What became of one variant.
#[derive(Debug)]
pub struct Report {
    /// The variant.
    pub variant: &'static Variant,
    /// When it was started.
    pub started: SystemTime,
    /// The process in which it happened; `None` when there was none.
    pub pid: Option<u32>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a variant ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened: /proc showed it, the payload answered and ended.
    Ran {
        /// What in /proc proved it, such as `executable /memfd:x`.
        proof: String,
        /// The executable as /proc showed it.
        exe: PathBuf,
        /// The arguments as /proc showed them.
        argv: Vec<String>,
        /// The exit code of the payload, which is always 0.
        exit_code: i32,
    },
    /// It did not.
    Not(Failure),
}

/// Runs a variant from start to end. Interrupts are held back meanwhile, so that
/// nothing is left behind; the attack itself ends with this process.
pub fn launch(variant: &'static Variant, launcher: &Launcher) -> Report {
    let started = SystemTime::now();
    let held = hold_interrupts();
    let (pid, outcome) = run(variant, launcher);
    if let Some(before) = held {
        // Setting back a mask that was just read cannot be refused.
        let _ = before.thread_set_mask();
    }
    Report {
        variant,
        started,
        pid,
        outcome: outcome.unwrap_or_else(Outcome::Not),
    }
}

fn hold_interrupts() -> Option<SigSet> {
    let before = SigSet::thread_get_mask().ok()?;
    let interrupts: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]
        .into_iter()
        .collect();
    interrupts.thread_block().ok()?;
    Some(before)
}

fn run(variant: &Variant, launcher: &Launcher) -> (Option<u32>, Result<Outcome, Failure>) {
    let folder = match variant.place.make() {
        Ok(folder) => folder,
        Err(failure) => return (None, Err(failure)),
    };
    let traces = match Traces::prepare(variant.traces) {
        Ok(traces) => traces,
        Err(failure) => return (None, Err(failure)),
    };
    let mut child = match spawn(variant, launcher, folder.as_ref().map(|f| f.path())) {
        Ok(child) => child,
        Err(error) => return (None, Err(Failure::from_io("starting a process", &error))),
    };
    let outcome = observe(variant, &mut child);
    if outcome.is_err() {
        // It may have ended already, which is as good.
        let _ = child.kill();
    }
    let _ = child.wait();
    // What it started is in its group, and usually gone by itself.
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    let _ = group.map(|group| killpg(group, Signal::SIGKILL));
    drop(traces);
    (Some(child.id()), outcome)
}

fn spawn(variant: &Variant, launcher: &Launcher, folder: Option<&Path>) -> std::io::Result<Child> {
    Command::new(&launcher.program)
        .arg0(&launcher.name)
        .args(&launcher.args)
        .arg(variant.name)
        .args(folder)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn observe(variant: &Variant, child: &mut Child) -> Result<Outcome, Failure> {
    let deadline = Instant::now() + LIMIT;
    let line = format!("{}\n", variant.name);
    let mut input = child.stdin.take().ok_or_else(no_pipe)?;
    // A child that has ended already cannot be written to; what it said comes next.
    let _ = input.write_all(line.as_bytes());
    if first_line(child, deadline)? != line {
        drop(input);
        return Err(last_words(child, deadline));
    }
    let sight = Sight::of(child.id()).map_err(|error| Failure::from_io("reading /proc", &error))?;
    drop(input);
    let status = wait(child, deadline)?;
    let Some(proof) = variant.proof.shown_by(&sight) else {
        return Err(Failure::Broken(format!(
            "it is not what it should be: {} runs as {}",
            sight.argv.join(" "),
            sight.exe.display()
        )));
    };
    match status.code() {
        Some(0) => Ok(Outcome::Ran {
            proof,
            exe: sight.exe,
            argv: sight.argv,
            exit_code: 0,
        }),
        _ => Err(last_words(child, deadline)),
    }
}

/// The first line that the payload sends back; empty when it has ended instead.
fn first_line(child: &mut Child, deadline: Instant) -> Result<String, Failure> {
    let output = child.stdout.take().ok_or_else(no_pipe)?;
    let (sender, receiver) = mpsc::channel();
    // A thread, because a read from a pipe cannot be given a limit. It ends with
    // the child at the latest, which closes the pipe.
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        let _ = sender.send(read.map(|_| line));
    });
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(line) => line.map_err(|error| Failure::from_io("reading from the payload", &error)),
        Err(_) => Err(Failure::Broken(
            "the payload did not answer in time".to_owned(),
        )),
    }
}

fn last_words(child: &mut Child, deadline: Instant) -> Failure {
    let status = match wait(child, deadline) {
        Ok(status) => status,
        Err(failure) => return failure,
    };
    let words = child.stderr.take().and_then(|stderr| {
        let (sender, receiver) = mpsc::channel();
        // A thread, because what the child started may outlive it and hold the pipe open.
        thread::spawn(move || {
            let mut words = Vec::new();
            let read = stderr.take(STDERR_LIMIT).read_to_end(&mut words);
            let _ = sender.send(read.map(|_| words));
        });
        receiver.recv_timeout(WORDS_LIMIT).ok()?.ok()
    });
    // Without its words the status still says what happened.
    Failure::from_child(status, &String::from_utf8_lossy(&words.unwrap_or_default()))
}

fn wait(child: &mut Child, deadline: Instant) -> Result<ExitStatus, Failure> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() >= deadline => {
                return Err(Failure::Broken(
                    "the payload did not end in time".to_owned(),
                ));
            }
            Ok(None) => thread::sleep(Duration::from_millis(2)),
            Err(error) => return Err(Failure::from_io("waiting for the payload", &error)),
        }
    }
}

fn no_pipe() -> Failure {
    Failure::Broken("a pipe to the payload is missing".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variant;

    /// Runs `script` where the simulator would run its child.
    fn outcome(script: &str) -> Outcome {
        let launcher = Launcher {
            program: "/bin/sh".into(),
            name: "sh".into(),
            args: vec!["-c".into(), script.into()],
        };
        let variant = variant("fileless/memfd").expect("it exists");
        launch(variant, &launcher).outcome
    }

    fn check_failure(script: &str, failure: Failure) {
        assert_eq!(outcome(script), Outcome::Not(failure), "{script}");
    }

    #[test]
    fn a_program_that_is_not_the_attack_is_found_out() {
        let Outcome::Not(Failure::Broken(reason)) = outcome("exec cat") else {
            panic!("an ordinary cat passed for a memfd");
        };
        assert!(
            reason.starts_with("it is not what it should be"),
            "{reason}"
        );
    }

    #[test]
    fn a_child_that_gives_up_is_quoted() {
        check_failure(
            "echo not on this kernel >&2; exit 77",
            Failure::NotPossible("not on this kernel".to_owned()),
        );
        check_failure(
            "echo no memory >&2; exit 78",
            Failure::Broken("no memory".to_owned()),
        );
        check_failure(
            "echo oh >&2; exit 3",
            Failure::Broken("the payload ended early: exit status: 3: oh".to_owned()),
        );
    }

    #[test]
    fn a_program_that_cannot_be_started_is_reported() {
        let launcher = Launcher {
            program: "/nonexistent".into(),
            name: "x".into(),
            args: Vec::new(),
        };
        let variant = variant("fileless/memfd").expect("it exists");
        let report = launch(variant, &launcher);
        assert_eq!(report.pid, None);
        let Outcome::Not(Failure::Broken(reason)) = report.outcome else {
            panic!("{report:?}");
        };
        assert_eq!(reason, "starting a process: No such file or directory");
    }
}
