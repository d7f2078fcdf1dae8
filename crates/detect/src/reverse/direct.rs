//! A shell whose standard streams are a connection.

use sentinel_event::{Event, Exec, Process, Severity, Stdio, StdioKind};

use super::{ReverseShell, TECHNIQUES, is_commanded};
use crate::connections::{Direction, is_local};
use crate::facts::is_installed;
use crate::grade::milder;
use crate::{Finding, programs, words};

/// How many ancestors are asked whether they are the shell that was reported.
const LINEAGE_MAX: usize = 8;

/// How a program uses the connection that it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A shell that does what the other side writes.
    Commanded,
    /// A shell that runs a script or a command line.
    Errand,
    /// Not a shell by its name, and not an installed program.
    Stranger,
}

/// Judges an exec by what its standard input is. A program that only writes to a
/// connection is not commanded by anyone.
pub fn judge(detection: &ReverseShell, event: &Event, exec: &Exec) -> Option<Finding> {
    let process = &event.process;
    let input = &process.stdio[0];
    let peer = internet_peer(input)?;
    if is_below_reported(process, peer) || detection.redirects.is_told(process, input) {
        return None;
    }
    let answers = process.stdio[1..]
        .iter()
        .any(|s| internet_peer(s).is_some());
    let spoken = detection.connections.behind(process, input);
    let direction = spoken.map(|spoken| spoken.direction);
    let usage = usage(process, exec, direction)?;
    let (mut severity, confidence) = weigh(usage, direction);
    let mut reason = reason(usage, direction, answers).to_owned();
    let served = spoken.filter(|spoken| {
        spoken.direction == Direction::In && detection.is_service_starter(&spoken.opener_image())
    });
    if let Some(spoken) = served {
        reason.push_str(&format!(
            ", but {} accepts connections for services by design",
            words::shown(&spoken.opener.exe)
        ));
        severity = match usage {
            Use::Commanded => Severity::Medium,
            Use::Errand | Use::Stranger => Severity::Info,
        };
    }
    if is_local(peer) {
        severity = milder(severity);
        reason.push_str(", within this host");
    }
    let streams = match answers {
        true => "whose input and output are",
        false => "whose input is",
    };
    let towards = match direction {
        Some(Direction::Out) => format!("a connection to {peer}"),
        Some(Direction::In) => format!("a connection from {peer}"),
        None => format!("a connection with {peer}"),
    };
    let thing = match usage {
        Use::Stranger => "program",
        _ if programs::is_interpreter(&process.exe) => "shell",
        _ => "script",
    };
    Some(Finding {
        variant: "direct",
        subject: "".into(),
        severity,
        confidence,
        summary: format!(
            "{} started a {thing} ({}) {streams} {towards}{}",
            words::actor(&exec.previous_exe, process),
            words::shown(words::program(&process.exe)),
            words::origin(process)
        ),
        reason,
        techniques: TECHNIQUES.into(),
        earlier: spoken
            .map(|s| s.evidence(event.time_ns))
            .into_iter()
            .collect(),
        shows: shows(process),
    })
}

/// Whether the process is one that a shell on the same connection started: what is
/// done with a reported shell is not reported once more, command by command.
pub fn is_below_reported(process: &Process, peer: std::net::SocketAddr) -> bool {
    process.ancestors().take(LINEAGE_MAX).any(|ancestor| {
        programs::is_shell(&ancestor.exe) && internet_peer(&ancestor.stdio[0]) == Some(peer)
    })
}

/// The other end of a stream that is a connection.
pub fn internet_peer(stdio: &Stdio) -> Option<std::net::SocketAddr> {
    stdio.peer.filter(|_| stdio.kind == StdioKind::Socket)
}

fn usage(process: &Process, exec: &Exec, direction: Option<Direction>) -> Option<Use> {
    if is_commanded(process) {
        return Some(Use::Commanded);
    }
    if programs::is_shell(&process.exe) || exec.interpreter.is_some() {
        return Some(Use::Errand);
    }
    // A copy of a shell under another name: an installed service has its connection
    // from whoever called, a stranger that was handed one outwards is suspicious.
    let stranger = !is_installed(&process.exe, &process.file, process.backing);
    (stranger && direction == Some(Direction::Out)).then_some(Use::Stranger)
}

fn weigh(usage: Use, direction: Option<Direction>) -> (Severity, u8) {
    match (usage, direction) {
        (Use::Commanded, Some(Direction::Out)) => (Severity::Critical, 95),
        (Use::Commanded, Some(Direction::In)) => (Severity::High, 90),
        (Use::Commanded, None) => (Severity::High, 85),
        (Use::Errand, Some(Direction::Out)) => (Severity::High, 70),
        (Use::Errand, _) => (Severity::Medium, 55),
        (Use::Stranger, _) => (Severity::Medium, 50),
    }
}

fn reason(usage: Use, direction: Option<Direction>, answers: bool) -> &'static str {
    match (usage, direction) {
        (Use::Commanded, _) if !answers => {
            "an interpreter reads its commands from a connection with another machine"
        }
        (Use::Commanded, Some(Direction::Out)) => {
            "a shell without script does what the other side of an outward connection writes, \
             and answers there"
        }
        (Use::Commanded, Some(Direction::In)) => {
            "a shell without script does what whoever connected writes, and answers there"
        }
        (Use::Commanded, None) => {
            "a shell without script does what the other side of a connection writes, and \
             answers there; who began the connection was not seen"
        }
        (Use::Errand, _) => "a shell that runs a script or command line has a connection as input",
        (Use::Stranger, _) => {
            "a program that is not installed got an outward connection as its standard input"
        }
    }
}

/// The streams as evidence: `exec with 0 socket 203.0.113.5:4444, 1 pipe, 2 tty`.
fn shows(process: &Process) -> String {
    let streams: Vec<String> = process
        .stdio
        .iter()
        .enumerate()
        .map(|(fd, stdio)| match stdio.peer {
            Some(peer) => format!("{fd} {} {peer}", stdio.kind.name()),
            None => format!("{fd} {}", stdio.kind.name()),
        })
        .collect();
    format!("exec with {}", streams.join(", "))
}
