//! A shell that already runs and has a connection put on its standard streams, by
//! `exec 0<&3 1>&3` or by whoever handed it a descriptor.
//!
//! Between fork and exec every shell moves descriptors for the program that it starts. So a
//! child that has not begun a program of its own counts only when it in turn starts
//! something: then it is a shell at work and not a program to be. A shell that only got
//! its input from a socket, which its output may follow, is waited for in the same way.

use std::sync::Arc;

use sentinel_event::{DescriptorAction, Event, Evidence, Process, Severity, Stdio, StdioKind};

use super::{ReverseShell, TECHNIQUES, direct, is_commanded, named};
use crate::bounded::Bounded;
use crate::connections::{Direction, is_local};
use crate::grade::milder;
use crate::{Finding, programs, words};

/// What the standard streams of shells became while they ran.
pub struct Redirects {
    shells: Bounded<(u32, i64), Streams>,
}

#[derive(Clone, Default)]
struct Streams {
    /// Whether the process began its program itself, rather than being a fork of it.
    began: bool,
    /// The sockets that were put there.
    sockets: [Option<Stdio>; 3],
    /// The redirection that made it a shell on a connection, until it is told.
    waiting: Option<Evidence>,
    /// Whether it, or the shell that it is a fork of, was reported.
    told: bool,
}

/// What stands on the streams of a shell.
struct Line<'a> {
    socket: &'a Stdio,
    /// Whether the shell also answers there.
    answers: bool,
}

impl Redirects {
    pub fn new(limit: usize) -> Redirects {
        Redirects {
            shells: Bounded::new(limit),
        }
    }

    /// Takes note of a process that begins a program; what it was before is over.
    pub fn note_start(&mut self, process: &Process) {
        self.shells.remove(&key(process));
        if may_obey(process) {
            let streams = Streams {
                began: true,
                ..Streams::default()
            };
            self.shells.insert(key(process), streams);
        }
    }

    /// Whether a shell on this socket was reported in this process, or in the one that it
    /// is a fork of.
    pub fn is_told(&self, process: &Process, socket: &Stdio) -> bool {
        self.shells
            .peek(&key(process))
            .filter(|streams| streams.told)
            .is_some_and(|streams| streams.sockets.iter().flatten().any(|s| is_same(s, socket)))
    }

    pub fn evicted_total(&self) -> u64 {
        self.shells.evicted_total()
    }

    /// Takes note of a socket on a standard stream; true when that makes the process a
    /// shell on a connection beyond doubt.
    fn put(&mut self, event: &Event, action: &DescriptorAction) -> bool {
        let process = &event.process;
        let (Some(fd), StdioKind::Socket) = (stream(action.fd), action.object.kind) else {
            return false;
        };
        let streams = self.shells.entry(key(process), Streams::default);
        streams.sockets[fd] = Some(action.object.clone());
        let Some(line) = streams.line(process).filter(|_| !streams.told) else {
            return false;
        };
        let ready = streams.began && line.answers;
        let shows = format!("{} of a socket onto {fd}", action.operation);
        streams.waiting = Some(Evidence::new(event, shows));
        ready
    }

    /// Takes note of a child; true when its parent is thereby seen at work.
    fn fork(&mut self, process: &Process, child: &Process) -> bool {
        let Some(streams) = self.shells.peek(&key(process)).cloned() else {
            return false;
        };
        let works = streams.waiting.is_some();
        let of_child = Streams {
            began: false,
            waiting: None,
            told: streams.told || works,
            ..streams
        };
        self.shells.insert(key(child), of_child);
        works
    }

    /// The streams of a shell that is to be reported now.
    fn take(&mut self, process: &Process) -> Option<(Streams, Evidence)> {
        let streams = self.shells.peek_mut(&key(process))?;
        let waiting = streams.waiting.take()?;
        streams.told = true;
        Some((streams.clone(), waiting))
    }
}

impl Streams {
    /// What commands the shell: a socket as its input, and as its output too unless it is a
    /// shell that takes its commands from its input.
    fn line(&self, process: &Process) -> Option<Line<'_>> {
        let socket = self.sockets[0].as_ref()?;
        let answers = self.sockets[1..]
            .iter()
            .flatten()
            .any(|output| is_same(output, socket));
        let before = process.stdio.iter().any(|stdio| is_same(stdio, socket));
        let is_line = answers || (socket.peer.is_some() && is_commanded(process));
        (is_line && !before).then_some(Line { socket, answers })
    }
}

/// Judges a redirection.
pub fn judge(
    detection: &mut ReverseShell,
    event: &Event,
    action: &DescriptorAction,
) -> Option<Finding> {
    if !may_obey(&event.process) || !detection.redirects.put(event, action) {
        return None;
    }
    tell(detection, event, &event.process.clone())
}

/// Judges a fork of a shell, which may be the first thing that it does for whoever commands it.
pub fn judge_fork(
    detection: &mut ReverseShell,
    event: &Event,
    child: &Arc<Process>,
) -> Option<Finding> {
    if !detection.redirects.fork(&event.process, child) {
        return None;
    }
    tell(detection, event, &event.process.clone())
}

fn tell(detection: &mut ReverseShell, event: &Event, shell: &Arc<Process>) -> Option<Finding> {
    let (streams, waiting) = detection.redirects.take(shell)?;
    let Line { socket, answers } = streams.line(shell)?;
    if let Some(peer) = socket.peer
        && direct::is_below_reported(shell, peer)
    {
        return None;
    }
    let spoken = detection.connections.behind(shell, socket);
    let login = spoken.is_some_and(|spoken| detection.is_login_server(&spoken.opener_image()));
    if login {
        return None;
    }
    let (mut severity, confidence) = match (socket.peer, answers, spoken.map(|s| s.direction)) {
        (None, ..) => (Severity::Medium, 60),
        (_, false, _) => (Severity::High, 70),
        (_, true, Some(Direction::Out)) => (Severity::Critical, 90),
        (_, true, _) => (Severity::High, 85),
    };
    if socket.peer.is_some_and(is_local) {
        severity = milder(severity);
    }
    let line = match (socket.peer, spoken) {
        (None, _) => "a local socket".to_owned(),
        (_, Some(spoken)) => named(spoken),
        (Some(peer), None) => format!("a connection with {peer}"),
    };
    let what = match answers {
        true => "input and output",
        false => "input",
    };
    let mut earlier: Vec<_> = spoken
        .map(|spoken| spoken.evidence(event.time_ns))
        .into_iter()
        .collect();
    if waiting.seq != event.seq {
        earlier.push(waiting.clone());
    }
    Some(Finding {
        variant: "redirected",
        subject: "".into(),
        severity,
        confidence,
        summary: format!(
            "{} is a running shell whose {what} became {line}{}",
            words::actor(&shell.exe, shell),
            words::origin(shell)
        ),
        reason: match answers {
            true => {
                "a shell that already ran put a socket on its own standard streams: it does \
                     what the other side writes, and answers there"
            }
            false => {
                "a shell that takes its commands from its standard input had a socket put \
                      there while it ran"
            }
        }
        .to_owned(),
        techniques: TECHNIQUES.into(),
        earlier,
        shows: match waiting.seq == event.seq {
            true => waiting.text.into(),
            false => "the shell starts something".to_owned(),
        },
    })
}

/// Whether the program does what its input says, or could.
fn may_obey(process: &Process) -> bool {
    programs::is_shell(&process.exe) || is_commanded(process)
}

fn is_same(a: &Stdio, b: &Stdio) -> bool {
    a.kind == b.kind && a.inode == b.inode && a.inode != 0
}

fn stream(fd: i32) -> Option<usize> {
    usize::try_from(fd).ok().filter(|fd| *fd < 3)
}

fn key(process: &Process) -> (u32, i64) {
    (process.pid, process.start_ns)
}
