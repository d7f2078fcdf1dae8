//! One process reaches into another: what it does there, whose the other is, and who
//! does it.

use std::sync::Arc;

use sentinel_event::{Event, Kind, Process, ProcessAction, Severity, Technique};

use super::Config;
use crate::facts::same_inode;
use crate::grade::graver;
use crate::living::{descends, is_same};
use crate::techniques::{MEMORY_DUMPING, PROC_MEMORY, PROCESS_INJECTION, PTRACE};
use crate::who::{self, Who};
use crate::{Finding, programs, words};

/// What is done to the other process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It is traced from now on.
    Attach,
    /// Its memory or registers are changed by its tracer.
    Poke,
    /// Its memory is written by process_vm_writev.
    Write,
    /// The memory of this process is opened for writing in /proc.
    Memory(u32),
    /// Its memory is read, by process_vm_readv or in the file of this process in /proc.
    Look(Option<u32>),
    /// A descriptor is copied out of it.
    Theft,
}

/// Whose the other process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// The acting process itself.
    Own,
    /// A process that the acting one started.
    Child,
    /// The process that started the acting one, from the same folder: crash handlers look
    /// at the program that started them.
    Partner,
    /// Another process of the same program and user, as parallel computations have them.
    Twin,
    /// Anyone else.
    Other,
}

impl Deed {
    /// What the action is; none when it is of no interest here.
    pub fn of(action: &ProcessAction) -> Option<Deed> {
        match (action.kind, &*action.operation) {
            (Kind::Ptrace, "attach" | "seize") => Some(Deed::Attach),
            (Kind::Ptrace, _) => Some(Deed::Poke),
            (Kind::ProcessWrite, _) => Some(Deed::Write),
            (Kind::ProcessRead, _) => Some(Deed::Look(None)),
            (Kind::PidfdGetfd, _) => Some(Deed::Theft),
            _ => None,
        }
    }

    fn variant(self) -> &'static str {
        match self {
            Deed::Attach => "ptrace_attach",
            Deed::Poke => "ptrace_write",
            Deed::Write => "process_vm_writev",
            Deed::Memory(_) => "proc_mem",
            Deed::Look(_) => "memory_read",
            Deed::Theft => "pidfd_getfd",
        }
    }

    fn technique(self) -> Technique {
        match self {
            Deed::Attach | Deed::Poke => PTRACE,
            Deed::Memory(_) => PROC_MEMORY,
            Deed::Look(_) => MEMORY_DUMPING,
            Deed::Write | Deed::Theft => PROCESS_INJECTION,
        }
    }

    fn sentence(self, target: &str) -> String {
        match self {
            Deed::Attach => format!("began to trace {target}"),
            Deed::Poke => format!("changed memory or registers of {target} as its tracer"),
            Deed::Write => format!("wrote into the memory of {target}"),
            Deed::Memory(_) => format!("opened the memory of {target} for writing"),
            Deed::Look(Some(_)) => format!("opened the memory of {target} for reading"),
            Deed::Look(None) => format!("read the memory of {target}"),
            Deed::Theft => format!("took a descriptor out of {target}"),
        }
    }
}

/// Judges the deed; `target` is the other process, where it is known.
pub fn judge(
    config: &Config,
    event: &Event,
    deed: Deed,
    target: Option<&Arc<Process>>,
) -> Option<Finding> {
    let process = &event.process;
    let tie = target.map_or(Tie::Other, |target| tie(process, target));
    let debuggers: Vec<&str> = config.debuggers.iter().map(String::as_str).collect();
    let who = who::of(process, &debuggers, &config.trusted_tracers);
    let mut severity = weigh(deed, tie, who)?;
    let mut reason = match deed {
        Deed::Look(_) => "memory holds passwords and keys in the clear, and the program is no \
                          debugger of that process"
            .to_owned(),
        _ => reason(tie, who).to_owned(),
    };
    if let Some(target) = target
        && severity >= Severity::Medium
        && is_precious(process, target)
    {
        severity = graver(severity);
        reason.push_str("; the other process has more rights, or guards the host");
    }
    let name = match (deed, target) {
        (_, Some(target)) => {
            let program = words::shown(words::program(&target.exe));
            format!("{program} (pid {}, {})", target.pid, words::user(target))
        }
        (Deed::Memory(pid) | Deed::Look(Some(pid)), None) => format!("process {pid}"),
        (_, None) => "another process".to_owned(),
    };
    let subject = target.map_or_else(|| name.clone(), |target| target.exec_id.to_string());
    Some(Finding {
        variant: deed.variant(),
        subject: subject.into(),
        severity,
        confidence: if target.is_some() { 80 } else { 60 },
        summary: format!(
            "{} {}{}",
            words::actor(&process.exe, process),
            deed.sentence(&name),
            words::origin(process)
        ),
        reason,
        techniques: vec![deed.technique()].into(),
        earlier: Vec::new(),
        shows: format!("{} of {name}", event.kind()),
    })
}

/// Judges a process that opens its own memory for writing. Debuggers and emulators try on
/// themselves whether the kernel lets them; a shell, which can write nothing there but by
/// programs that it starts, has no honest reason: that is how code is put in its place
/// without a file (<https://github.com/arget13/DDexec>).
pub fn own_memory(event: &Event) -> Option<Finding> {
    let process = &event.process;
    programs::is_shell(&process.exe).then(|| Finding {
        variant: "own_memory",
        subject: "".into(),
        severity: Severity::High,
        confidence: 85,
        summary: format!(
            "{} opened its own memory for writing{}",
            words::actor(&process.exe, process),
            words::origin(process)
        ),
        reason:
            "a shell cannot write memory by itself: what it starts inherits the descriptor and \
                 replaces the shell's code by a program that is in no file"
                .to_owned(),
        techniques: vec![PROC_MEMORY].into(),
        earlier: Vec::new(),
        shows: format!("{} of its own memory", event.kind()),
    })
}

fn tie(process: &Process, target: &Process) -> Tie {
    let folder = |exe: &str| exe.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    if is_same(process, target) {
        Tie::Own
    } else if descends(target, process) {
        Tie::Child
    } else if descends(process, target) && folder(&process.exe) == folder(&target.exe) {
        Tie::Partner
    } else if same_inode(&process.file, &target.file) && process.uid == target.uid {
        Tie::Twin
    } else {
        Tie::Other
    }
}

/// How bad it is; none for everyday work.
fn weigh(deed: Deed, tie: Tie, who: Who) -> Option<Severity> {
    use Severity::{High, Info, Low, Medium};
    let reads = matches!(deed, Deed::Look(_));
    let changes = deed != Deed::Attach && !reads;
    let severity = match (tie, who) {
        (_, Who::Package | Who::Trusted) | (Tie::Own, _) => return None,
        // What a program reads of others is its own business until it is a stranger's.
        (Tie::Other, Who::Stranger) if reads => Medium,
        (Tie::Other, Who::Person | Who::Installed) if reads => Low,
        _ if reads => return None,
        // What runs from a folder of its own may still be a developer's debugger.
        (Tie::Child, Who::Stranger) if changes => Low,
        (Tie::Child, _) => return None,
        (Tie::Partner | Tie::Twin, Who::Stranger) => Medium,
        (Tie::Partner | Tie::Twin, _) => Info,
        (Tie::Other, Who::ToolOfPerson) => Low,
        (Tie::Other, Who::Tool) => Medium,
        (Tie::Other, Who::Stranger) => High,
        (Tie::Other, Who::Person | Who::Installed) if changes && deed != Deed::Theft => High,
        (Tie::Other, Who::Person | Who::Installed) => Medium,
    };
    Some(severity)
}

/// Whether the target has rights that the acting process lacks, or is one on which the
/// whole host rests.
fn is_precious(process: &Process, target: &Process) -> bool {
    let gains = target.euid == 0 && process.euid != 0;
    gains || target.pid == 1 || words::program(&target.exe).starts_with("sshd")
}

fn reason(tie: Tie, who: Who) -> &'static str {
    match (tie, who) {
        (Tie::Child, _) => {
            "the program is not installed and changes a process that it started itself, as \
             debuggers do and as code is hidden in an honest program"
        }
        (Tie::Partner, _) => "the other process started it and lies in the same folder",
        (Tie::Twin, _) => "both run the same program for the same user",
        (_, Who::ToolOfPerson) => {
            "someone on a terminal looks into a process with a program that is made for it"
        }
        (_, Who::Tool) => {
            "the program is made to look into other processes, but nobody is on a terminal"
        }
        (_, Who::Stranger) => {
            "the program is not installed, and the other process is none that it started"
        }
        _ => {
            "the program is no debugger, and the other process is none that it started: code \
             that runs inside another acts with that one's name and rights"
        }
    }
}
