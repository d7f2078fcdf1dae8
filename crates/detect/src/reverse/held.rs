//! A shell whose terminal or pipes are held by a parent that has a connection: what
//! socat, `python -c 'import pty'`, node or a Go implant do. That the parent copies
//! between the two is not seen; who it is and how soon it started the shell has to do.

use sentinel_event::{Event, Process, Severity, StdioKind};

use super::{ReverseShell, TECHNIQUES, is_commanded, named};
use crate::connections::{Direction, Spoken, is_local};
use crate::facts::{Image, is_installed};
use crate::grade::milder;
use crate::{Finding, programs, words};

/// Who holds the other end of the shell's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// A program that joins connections with other things.
    Relay,
    /// An interpreter, or a program that is not installed.
    Anyone,
    /// An installed program, such as a terminal server or a build runner.
    Installed,
}

/// Judges the start of a shell that reads commands from its parent.
pub fn judge(detection: &ReverseShell, event: &Event) -> Option<Finding> {
    let shell = &event.process;
    if !is_commanded(shell) || !programs::is_shell(&shell.exe) {
        return None;
    }
    let parent = shell.parent.as_ref()?;
    let by = streams(shell, parent)?;
    let spoken = detection.connections.of(parent)?;
    let opener = spoken.opener_image();
    // The server may have passed the connection to a child that runs another image.
    let holder_image = Image::of(parent);
    if detection.is_login_server(&opener) || detection.is_login_server(&holder_image) {
        return None;
    }
    let holder = holder(parent);
    let age_ns = event.time_ns - spoken.time_ns;
    let recent = age_ns <= i64::from(detection.config.recent_seconds) * 1_000_000_000;
    let (severity, confidence) = weigh(holder, recent, spoken);
    let parent_name = words::shown(words::program(&parent.exe));
    Some(Finding {
        variant: "held",
        subject: "".into(),
        severity,
        confidence,
        summary: format!(
            "{parent_name} (pid {}, {}), which has {}, started a shell ({}) whose {by} it \
             holds{}",
            parent.pid,
            words::user(parent),
            named(spoken),
            words::shown(words::program(&shell.exe)),
            words::origin(parent)
        ),
        reason: reason(holder, recent, age_ns),
        techniques: TECHNIQUES.into(),
        earlier: vec![spoken.evidence(event.time_ns)],
        shows: format!("exec of a shell without script on {by}"),
    })
}

/// Through what the parent holds the shell: a terminal that it made, or pipes or local
/// sockets in both directions. The parent's own terminal or pipes are only passed on.
fn streams(shell: &Process, parent: &Process) -> Option<&'static str> {
    let [input, output, _] = &*shell.stdio;
    let own = |fd: usize| {
        let (mine, its) = (&shell.stdio[fd], &parent.stdio[fd]);
        mine.inode != its.inode || mine.kind != its.kind
    };
    if input.kind == StdioKind::Tty && output.kind == StdioKind::Tty {
        let other_terminal = shell.tty.is_some() && shell.tty != parent.tty;
        return (other_terminal && own(0)).then_some("terminal");
    }
    let local_socket = |kind, peer: Option<_>| kind == StdioKind::Socket && peer.is_none();
    let joined = [input, output]
        .iter()
        .all(|s| s.kind == StdioKind::Pipe || local_socket(s.kind, s.peer));
    (joined && own(0) && own(1)).then_some("input and output")
}

fn holder(parent: &Process) -> Holder {
    if programs::is_relay(&parent.exe) {
        return Holder::Relay;
    }
    let installed = is_installed(&parent.exe, &parent.file, parent.backing);
    if programs::is_interpreter(&parent.exe) || !installed {
        return Holder::Anyone;
    }
    Holder::Installed
}

fn weigh(holder: Holder, recent: bool, spoken: &Spoken) -> (Severity, u8) {
    let (severity, confidence) = match (holder, recent, spoken.direction) {
        (Holder::Relay, true, _) => (Severity::High, 85),
        (Holder::Anyone, true, Direction::Out) => (Severity::High, 75),
        (Holder::Anyone, true, Direction::In) | (Holder::Relay, false, _) => (Severity::Medium, 60),
        (Holder::Anyone, false, _) => (Severity::Low, 40),
        (Holder::Installed, _, _) => (Severity::Info, 30),
    };
    match is_local(spoken.peer) {
        true => (milder(severity), confidence),
        false => (severity, confidence),
    }
}

fn reason(holder: Holder, recent: bool, age_ns: i64) -> String {
    let who = match holder {
        Holder::Relay => "a program that joins connections with other things",
        Holder::Anyone => "an interpreter or a program that is not installed",
        Holder::Installed => "an installed program",
    };
    let when = match recent {
        true => format!("only {} after its connection", words::span(age_ns)),
        false => format!("{} after its last connection", words::span(age_ns)),
    };
    format!("{who} started a shell that takes its commands from it, {when}")
}
