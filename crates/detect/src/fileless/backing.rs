//! What the inode behind an image says: memfd, no name, memory file system, or a
//! descriptor in place of a name.

use sentinel_event::{Backing, Event, Evidence, Exec, Process, Severity, Technique};

use super::history::History;
use super::{Config, Verdict};
use crate::facts::{self, Image};
use crate::techniques::{FILELESS_STORAGE, REFLECTIVE_LOADING, UNIX_SHELL};
use crate::{paths, words};

pub const FROM_MEMORY: &[Technique] = &[REFLECTIVE_LOADING, FILELESS_STORAGE];
pub const FROM_TMPFS: &[Technique] = &[FILELESS_STORAGE, UNIX_SHELL];

/// Judges the image that an exec started. `previous` is the image that it replaced.
pub fn judge(
    config: &Config,
    history: &History,
    event: &Event,
    exec: &Exec,
    previous: Option<Image>,
) -> Option<Verdict> {
    let process = &event.process;
    let mut verdict = match process.backing {
        Backing::Memfd => Some(memfd(config, process, previous.as_ref())),
        Backing::Unlinked => Some(unlinked(process, exec, previous.as_ref())),
        Backing::Tmpfs => tmpfs(config, process),
        // No program lives in anonymous memory; a named file may still have been
        // run through a descriptor.
        Backing::File | Backing::Anonymous => descriptor(process, exec),
    }?;
    verdict.earlier = creation(history, event);
    Some(verdict)
}

/// Judges a process that was there before the sensor.
pub fn judge_running(process: &Process) -> Option<Verdict> {
    if process.backing != Backing::Memfd {
        return None;
    }
    let name = memfd_name(process);
    Some(Verdict {
        variant: "memfd_running",
        severity: Severity::High,
        confidence: 80,
        deed: format!("was already running from memory ({name}) when watching began"),
        reason: "the executable's inode is an anonymous file made by memfd_create; \
                 how it was started was not seen"
            .to_owned(),
        techniques: FROM_MEMORY,
        shows: format!("process whose executable is {name}"),
        earlier: Vec::new(),
    })
}

fn creation(history: &History, event: &Event) -> Vec<Evidence> {
    history
        .by_inode(&event.process, &event.process.file)
        .map(|file| file.evidence(event.time_ns))
        .into_iter()
        .collect()
}

fn memfd_name(process: &Process) -> String {
    let name = paths::memfd_name(&process.exe).unwrap_or(&process.exe);
    format!("memfd:{}", words::shown(name))
}

fn memfd(config: &Config, process: &Process, previous: Option<&Image>) -> Verdict {
    let name = memfd_name(process);
    let base = Verdict {
        variant: "memfd",
        severity: if process.euid == 0 {
            Severity::Critical
        } else {
            Severity::High
        },
        confidence: 95,
        deed: format!("ran a program that exists only in memory ({name})"),
        reason: "the executable's inode is an anonymous file made by memfd_create".to_owned(),
        techniques: FROM_MEMORY,
        shows: format!("exec of {name}"),
        earlier: Vec::new(),
    };
    match previous.filter(|image| is_self_cloning(config, process, image)) {
        None => base,
        Some(image) => Verdict {
            variant: "memfd_self_clone",
            severity: Severity::Info,
            confidence: 50,
            deed: format!("ran a copy of itself from memory ({name})"),
            reason: format!(
                "the executable is an anonymous file, but the image before it was {}, root's own \
                 file on the host, which protects itself by running from a sealed copy",
                words::shown(&image.exe)
            ),
            ..base
        },
    }
}

/// A container runtime that clones itself. That the name of the memfd says so proves
/// nothing; that the code which ran before was the installed runtime itself does, as
/// only root can change that file.
fn is_self_cloning(config: &Config, process: &Process, previous: &Image) -> bool {
    config
        .self_cloning
        .iter()
        .any(|path| **path == *previous.exe)
        && facts::is_installed(&previous.exe, &previous.file, previous.backing)
        && facts::in_host_mounts(process)
}

fn unlinked(process: &Process, exec: &Exec, previous: Option<&Image>) -> Verdict {
    let path = words::shown(&process.exe);
    if let Some(verdict) = replaced_while_running(process, exec, previous) {
        return verdict;
    }
    let (variant, deed, reason) = if paths::is_nameless(&process.exe) {
        (
            "tmpfile",
            format!("ran a program from a file that never had a name ({path})"),
            "the executable's inode was made with O_TMPFILE and no name leads to it",
        )
    } else {
        (
            "unlinked",
            format!("ran a program whose file was already deleted ({path})"),
            "no name leads to the executable's inode any more, and the process did not \
             run it before under a name",
        )
    };
    Verdict {
        variant,
        severity: Severity::High,
        confidence: 90,
        deed,
        reason: reason.to_owned(),
        techniques: FROM_MEMORY,
        shows: format!("exec of {path}, {} links", process.file.nlink),
        earlier: Vec::new(),
    }
}

/// A daemon or browser that starts itself again through /proc/self/exe after an
/// upgrade replaced its file: the deleted inode is the one that it was running, and
/// it had a name when it was started.
fn replaced_while_running(
    process: &Process,
    exec: &Exec,
    previous: Option<&Image>,
) -> Option<Verdict> {
    let bare = |path: &str| path.strip_suffix(" (deleted)").unwrap_or(path).to_owned();
    let same = match previous {
        Some(image) if image.file.inode != 0 && process.file.inode != 0 => {
            facts::same_inode(&image.file, &process.file)
                && matches!(image.backing, Backing::File | Backing::Tmpfs)
        }
        // An import without inodes: the kernel's path of both images has to do, and
        // what never had a name is never excused.
        _ => bare(&process.exe) == bare(&exec.previous_exe) && !paths::is_nameless(&process.exe),
    };
    let path = words::shown(&process.exe);
    same.then(|| Verdict {
        variant: "unlinked_self",
        severity: Severity::Info,
        confidence: 50,
        deed: format!("started itself again from its deleted file ({path})"),
        reason: "no name leads to the executable's inode, but it is the file that the process \
                 was already running, which had a name then; so it is after an upgrade"
            .to_owned(),
        techniques: FROM_MEMORY,
        shows: format!("exec of {path}, the image that it already ran"),
        earlier: Vec::new(),
    })
}

fn tmpfs(config: &Config, process: &Process) -> Option<Verdict> {
    let exe = &*process.exe;
    let quiet = config
        .quiet_directories
        .iter()
        .any(|directory| paths::within(exe, directory));
    // A live system or initramfs has all its programs in memory.
    if quiet || facts::is_installed(exe, &process.file, process.backing) {
        return None;
    }
    let foreign = process.euid == 0 && process.file.uid != 0;
    let (severity, mut reason) = tmpfs_place(exe, process);
    let severity = match foreign {
        true if severity >= Severity::Medium => Severity::High,
        true => Severity::Medium,
        false => severity,
    };
    if foreign {
        reason.push_str(&format!(
            ", and root runs a file that belongs to uid {}",
            process.file.uid
        ));
    }
    let path = words::shown(exe);
    Some(Verdict {
        variant: "tmpfs",
        severity,
        confidence: 70,
        deed: format!("ran a program from a file system in memory ({path})"),
        reason,
        techniques: FROM_TMPFS,
        shows: format!("exec of {path}, mode {:o}", process.file.mode & 0o7777),
        earlier: Vec::new(),
    })
}

/// How unusual a program is at this place of a memory file system.
fn tmpfs_place(exe: &str, process: &Process) -> (Severity, String) {
    let below = |directory| paths::within(exe, directory);
    let roots_own = process.file.uid == 0 && !facts::is_world_writable(&process.file);
    if below("/dev") {
        let place = if below("/dev/shm") {
            "/dev/shm"
        } else {
            "/dev"
        };
        let reason = format!("nothing is installed below {place}, and it leaves no trace on disk");
        return (Severity::Medium, reason);
    }
    if facts::is_world_writable(&process.file) {
        let reason = "the file lies in a memory file system and anyone may change it";
        return (Severity::Medium, reason.to_owned());
    }
    if below("/run") && !below("/run/user") && !below("/run/lock") && roots_own {
        let reason = "the file lies in a memory file system, but only root can put files there";
        return (Severity::Info, reason.to_owned());
    }
    let reason = "the file lies in a memory file system and leaves no trace on disk";
    (Severity::Low, reason.to_owned())
}

/// A named file that was run by its descriptor (fexecve, /proc/self/fd/N). systemd
/// starts its executor so, container runtimes themselves.
fn descriptor(process: &Process, exec: &Exec) -> Option<Verdict> {
    let asked = paths::plain(&exec.filename, &process.cwd);
    let of = paths::descriptor(&asked)?;
    // The file behind a script's descriptor is judged with the arguments.
    if exec.interpreter.is_some() {
        return None;
    }
    let installed = facts::is_installed(&process.exe, &process.file, process.backing);
    let path = words::shown(&process.exe);
    let (severity, reason) = if installed {
        (
            Severity::Info,
            "the program was named only by a descriptor, but its file is root's own where \
             programs are installed, as when systemd starts its executor",
        )
    } else {
        (
            Severity::Low,
            "the program was named only by a descriptor, which hides its path from whoever \
             watches system calls",
        )
    };
    Some(Verdict {
        variant: "descriptor",
        severity,
        confidence: 60,
        deed: format!("ran {path} through descriptor {}", of.fd),
        reason: reason.to_owned(),
        techniques: FROM_MEMORY,
        shows: format!("exec of {} which is {path}", words::shown(&exec.filename)),
        earlier: Vec::new(),
    })
}
