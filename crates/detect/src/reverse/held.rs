//! A shell whose terminal or pipes are held by a parent that has a connection: what
//! socat, `python -c 'import pty'`, node or a Go implant do. That the parent copies
//! between the two is not seen; who it is and how soon it started the shell has to do.

use std::sync::Arc;

use sentinel_event::{Event, Evidence, Process, Severity, StdioKind};

use super::{ReverseShell, TECHNIQUES, direct, is_commanded, is_holdable, named, towards};
use crate::bounded::Bounded;
use crate::connections::{Direction, Spoken};
use crate::facts::{Image, is_installed};
use crate::{Finding, programs, words};

/// Who holds the other end of the shell's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// A program that joins connections with other things, or reads one itself.
    Relay,
    /// An interpreter, a program that runs others, or one that is not installed.
    Anyone,
    /// An installed program, such as a terminal server or a build runner.
    Installed,
}

/// Shells that are held by a parent which has no connection yet, by that parent.
pub struct Waiting {
    shells: Bounded<(u32, i64), (Arc<Process>, Evidence)>,
}

impl Waiting {
    pub fn new(limit: usize) -> Waiting {
        Waiting {
            shells: Bounded::new(limit),
        }
    }

    pub fn evicted_total(&self) -> u64 {
        self.shells.evicted_total()
    }
}

/// Judges the start of a shell that reads commands from its parent.
pub fn judge(detection: &mut ReverseShell, event: &Event) -> Option<Finding> {
    let shell = &event.process;
    if !is_commanded(shell) || !programs::is_shell(&shell.exe) {
        return None;
    }
    let parent = shell.parent.as_ref()?;
    let by = streams(shell, parent)?;
    let shows = format!("exec of a shell without script on {by}");
    let Some(spoken) = detection.connections.of(parent) else {
        let evidence = Evidence::new(event, shows);
        let shells = &mut detection.waiting.shells;
        shells.insert((parent.pid, parent.start_ns), (shell.clone(), evidence));
        return None;
    };
    let found = finding(detection, event, shell, spoken)?;
    Some(Finding {
        earlier: vec![spoken.evidence(event.time_ns)],
        shows,
        ..found
    })
}

/// Judges a connection of a program that holds a shell already.
pub fn judge_late(detection: &mut ReverseShell, event: &Event) -> Option<Finding> {
    let key = (event.process.pid, event.process.start_ns);
    let (shell, evidence) = detection.waiting.shells.remove(&key)?;
    let spoken = detection.connections.of(&event.process)?;
    let recent_ns = i64::from(detection.config.recent_seconds) * 1_000_000_000;
    if event.time_ns - evidence.time_ns > recent_ns {
        return None;
    }
    let found = finding(detection, event, &shell, spoken)?;
    Some(Finding {
        earlier: vec![evidence],
        shows: format!("{} {}", event.kind(), spoken.peer),
        ..found
    })
}

fn finding(
    detection: &ReverseShell,
    event: &Event,
    shell: &Process,
    spoken: &Spoken,
) -> Option<Finding> {
    let parent = shell.parent.as_ref()?;
    let by = streams(shell, parent)?;
    let opener = spoken.opener_image();
    // The server may have passed the connection to a child that runs another image.
    let holder_image = Image::of(parent);
    if detection.is_login_server(&opener) || detection.is_login_server(&holder_image) {
        return None;
    }
    let holder = holder(parent, detection.is_service_starter(&opener));
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
        reason: reason(holder, recent, age_ns, spoken.seq == event.seq),
        techniques: TECHNIQUES.into(),
        earlier: Vec::new(),
        shows: String::new(),
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
    (is_holdable(input) && is_holdable(output) && own(0) && own(1)).then_some("input and output")
}

/// `served` when the connection is one that was accepted for services.
fn holder(parent: &Process, served: bool) -> Holder {
    // What reads a connection and holds a shell passes on what it reads, as `script` does.
    let reads = direct::internet_peer(&parent.stdio[0]).is_some() && !served;
    if programs::is_relay(&parent.exe) || reads {
        return Holder::Relay;
    }
    let installed = is_installed(&parent.exe, &parent.file, parent.backing);
    let anything = programs::is_interpreter(&parent.exe) || programs::is_runtime(&parent.exe);
    if anything || !installed {
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
    (towards(spoken.peer, severity), confidence)
}

/// `late` when the shell came before the connection.
fn reason(holder: Holder, recent: bool, age_ns: i64, late: bool) -> String {
    let who = match holder {
        Holder::Relay => "a program that joins connections with other things",
        Holder::Anyone => "an interpreter or a program that is not installed",
        Holder::Installed => "an installed program",
    };
    if late {
        return format!("{who} made a connection just after it started a shell that obeys it");
    }
    let when = match recent {
        true => format!("only {} after its connection", words::span(age_ns)),
        false => format!("{} after its last connection", words::span(age_ns)),
    };
    format!("{who} started a shell that takes its commands from it, {when}")
}
