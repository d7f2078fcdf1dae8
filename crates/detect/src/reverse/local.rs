//! A shell whose input and output are one socket that is none of the internet's: a Unix
//! socket that somebody relays, or a vsock to the host of a virtual machine.
//!
//! Programs that talk with a shell which they started give it two pipes or two sockets;
//! one socket for both directions is what a connection looks like that was put there.

use sentinel_event::{Event, Process, Severity, StdioKind};

use super::{ReverseShell, TECHNIQUES, is_commanded};
use crate::facts::{Image, is_installed};
use crate::{Finding, programs, words};

/// How many ancestors are asked whether they are the shell that was reported.
const LINEAGE_MAX: usize = 8;

/// Judges the start of a shell on such a socket.
pub fn judge(detection: &ReverseShell, event: &Event) -> Option<Finding> {
    let shell = &event.process;
    let socket = socket(shell)?;
    if !is_commanded(shell) {
        return None;
    }
    let parent = shell.parent.as_ref()?;
    let mut lineage = shell.ancestors().take(LINEAGE_MAX);
    let inherited =
        lineage.any(|known| programs::is_shell(&known.exe) && self::socket(known) == Some(socket));
    // A login gives its shell one socket when there is no terminal; what runs below that
    // shell gives its own to others like anyone else.
    if inherited || detection.is_login_server(&Image::of(parent)) {
        return None;
    }
    let installed = is_installed(&parent.exe, &parent.file, parent.backing);
    let honest = installed && !programs::is_interpreter(&parent.exe);
    let starter = detection.is_service_starter(&Image::of(parent));
    let (severity, confidence) = match (starter, honest) {
        (true, _) => (Severity::Info, 40),
        (_, true) => (Severity::Low, 40),
        (_, false) => (Severity::Medium, 60),
    };
    Some(Finding {
        variant: "socket",
        subject: "".into(),
        severity,
        confidence,
        summary: format!(
            "{} is a shell whose input and output are one local socket{}",
            words::actor(&shell.exe, shell),
            words::origin(shell)
        ),
        reason: "a shell without script does what comes over a socket that has no internet \
                 address, such as a Unix socket or a vsock, and answers there; who is at its other \
                 end is not seen"
            .to_owned(),
        techniques: TECHNIQUES.into(),
        earlier: Vec::new(),
        shows: format!("exec with 0 and 1 on socket {socket}"),
    })
}

/// The socket that is both input and output, if it is one without internet address.
fn socket(process: &Process) -> Option<u64> {
    let [input, output, _] = &*process.stdio;
    let plain = |stdio: &sentinel_event::Stdio| {
        stdio.kind == StdioKind::Socket && stdio.peer.is_none() && stdio.local.is_none()
    };
    let same = input.inode != 0 && input.inode == output.inode;
    (same && plain(input) && plain(output)).then_some(input.inode)
}
