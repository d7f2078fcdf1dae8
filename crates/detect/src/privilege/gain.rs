//! A process that is root and was not: by which way.

use sentinel_event::{Credentials, Event, Exec, Process, Severity, Technique};

use super::{Table, key};
use crate::facts::is_installed;
use crate::techniques::{ABUSE_ELEVATION, EXPLOIT_PRIVILEGES, SETUID};
use crate::{Finding, paths, programs, words};

/// `S_ISUID`.
const SET_USER_ID: u32 = 0o4000;

/// The bit of CAP_SETUID in the kernel's set.
const CAP_SETUID: u64 = 1 << 7;

/// The user id that an import gives to whom nobody described.
const UNKNOWN_UID: u32 = u32::MAX;

/// With which effective user id each process was last seen.
pub struct Rights {
    table: Table,
}

impl Rights {
    pub fn new(limit: usize) -> Rights {
        Rights {
            table: Table::new(limit),
        }
    }

    pub fn note(&mut self, process: &Process) {
        self.note_ids(process, process.euid);
    }

    pub fn note_ids(&mut self, process: &Process, euid: u32) {
        self.table.insert(key(process), euid);
    }

    /// A child has its parent's rights.
    pub fn note_fork(&mut self, parent: &Process, child: &Process) {
        let euid = self.table.peek(&key(parent)).copied();
        self.note_ids(child, euid.unwrap_or(child.euid));
    }

    pub fn forget(&mut self, process: &Process) {
        self.table.remove(&key(process));
    }

    pub fn evicted_total(&self) -> u64 {
        self.table.evicted_total()
    }

    /// Judges a program that runs as root in a process that did not.
    pub fn gained_by_exec(&self, event: &Event, exec: &Exec) -> Option<Finding> {
        let process = &event.process;
        if process.euid != 0 {
            return None;
        }
        let before = *self.table.peek(&key(process))?;
        let marked = process.file.mode & SET_USER_ID != 0 && process.file.uid == 0;
        if process.uid != 0 && programs::is_shell(&process.exe) && exec.interpreter.is_none() {
            return Some(shell(event, marked));
        }
        let gained = before != 0 && before != UNKNOWN_UID;
        // An import may not know the file's mode; then the way is not known either.
        if !gained || process.file.mode == 0 {
            return None;
        }
        let installed = is_installed(&process.exe, &process.file, process.backing);
        let (variant, severity, reason) = match (marked, installed) {
            (true, true) => return None,
            (true, false) => (
                "setuid_stranger",
                severity_of_place(process),
                "the executable makes whoever starts it root, and it is not installed",
            ),
            (false, _) => (
                "unexplained_root",
                Severity::High,
                "the process was not root before, the executable is not setuid, and no call that \
                 changes ids was seen",
            ),
        };
        Some(finding(
            event,
            variant,
            severity,
            reason,
            &[EXPLOIT_PRIVILEGES, SETUID],
        ))
    }
}

fn severity_of_place(process: &Process) -> Severity {
    match paths::is_shared_place(&process.exe) {
        true => Severity::Critical,
        false => Severity::High,
    }
}

/// A shell that keeps root's rights for a user: shells give them up unless told not to.
fn shell(event: &Event, marked: bool) -> Finding {
    let (severity, reason) = match marked {
        true => (
            Severity::Critical,
            "the shell's own file is setuid, so that whoever starts it is root",
        ),
        false => (
            Severity::High,
            "a program that lends root's rights for one purpose started a shell that keeps them",
        ),
    };
    finding(
        event,
        "setuid_shell",
        severity,
        reason,
        &[SETUID, ABUSE_ELEVATION],
    )
}

/// Judges a call by which a process became root, and root that came without any call.
pub fn by_call(event: &Event, change: &Credentials) -> Option<Finding> {
    let process = &event.process;
    if change.new.euid != 0 || change.old.euid == 0 {
        return None;
    }
    if &*change.operation == "none" {
        return Some(finding(
            event,
            "unexplained_root",
            Severity::Critical,
            "the process is root now and was not before, although it started no setuid program \
             and made no call that changes ids: so it is when the kernel itself was overcome",
            &[EXPLOIT_PRIVILEGES],
        ));
    }
    let marked = process.file.mode & SET_USER_ID != 0 && process.file.uid == 0;
    let capable = (change.old.cap_effective | process.cap_effective) & CAP_SETUID != 0;
    // A daemon that was root at its start, or runs setuid, goes back and forth.
    if marked || process.file.mode == 0 || !capable {
        return None;
    }
    let installed = is_installed(&process.exe, &process.file, process.backing);
    let interpreter = programs::is_interpreter(&process.exe);
    if installed && !interpreter {
        return None;
    }
    let reason = match interpreter {
        true => {
            "an interpreter that was given the capability to change ids makes whoever runs it \
                 root"
        }
        false => "the executable was given the capability to change ids, and it is not installed",
    };
    Some(finding(
        event,
        "capability",
        Severity::High,
        reason,
        &[ABUSE_ELEVATION],
    ))
}

/// Arguments by which known holes in setuid programs are used.
pub fn odd_arguments(event: &Event) -> Option<Finding> {
    let process = &event.process;
    let marked = process.file.mode & SET_USER_ID != 0 && process.file.uid == 0;
    if !marked || process.uid == 0 {
        return None;
    }
    let name = words::program(&process.exe);
    let edits = process
        .argv
        .first()
        .is_some_and(|argument| argument.ends_with("edit"));
    let reason = if process.argv.is_empty() || process.argv.iter().all(|a| a.is_empty()) {
        "a setuid program was started without any argument, not even its own name, as exploits of \
         pkexec and others do (CVE-2021-4034)"
    } else if matches!(name, "sudo" | "sudoedit")
        && edits
        && process
            .argv
            .iter()
            .any(|argument| &**argument == "-s" || &**argument == "-i")
        && process.argv.iter().any(|argument| argument.ends_with('\\'))
    {
        "sudoedit was started with -s and an argument that ends in a backslash (CVE-2021-3156)"
    } else {
        return None;
    };
    Some(finding(
        event,
        "known_hole",
        Severity::High,
        reason,
        &[EXPLOIT_PRIVILEGES],
    ))
}

fn finding(
    event: &Event,
    variant: &'static str,
    severity: Severity,
    reason: &str,
    techniques: &[Technique],
) -> Finding {
    let process = &event.process;
    let deed = match variant {
        "known_hole" => "was started in a way that exploits use",
        "setuid_shell" => "was started as a shell with the rights of root for a user",
        _ => "became root",
    };
    Finding {
        variant,
        subject: "".into(),
        severity,
        confidence: 80,
        summary: format!(
            "{} {deed}{}",
            words::actor(&process.exe, process),
            words::origin(process)
        ),
        reason: reason.to_owned(),
        techniques: techniques.to_vec().into(),
        earlier: Vec::new(),
        shows: format!("{} with euid {}", event.kind(), process.euid),
    }
}
