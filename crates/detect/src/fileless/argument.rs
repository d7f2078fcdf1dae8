//! Programs that load other programs: script interpreters and the dynamic loader,
//! fed from a descriptor, an anonymous file or a memory file system.
//!
//! Here the image is an honest installed file, so what it was given has to speak.
//! Interpreters are recognised by the kernel (a `#!` line) or by the file name of
//! the executable, loaders by file name; one copied under another name is not.

use sentinel_event::{Backing, Event, Exec, Process, Severity};

use super::backing::{FROM_MEMORY, FROM_TMPFS};
use super::history::{AnonymousFile, History};
use super::{Config, Verdict};
use crate::{paths, programs, words};

/// The loader's options that take the next argument as a value (ld.so(8)).
const LOADER_VALUE_OPTIONS: [&str; 6] = [
    "--library-path",
    "--inhibit-rpath",
    "--audit",
    "--preload",
    "--argv0",
    "--glibc-hwcaps-prepend",
];

/// Descriptors from here on are what bash uses for `<(command)`.
const SUBSTITUTION_FD_MIN: u32 = 60;

/// Judges what an interpreter or loader was given to run.
pub fn judge(config: &Config, history: &History, event: &Event, exec: &Exec) -> Option<Verdict> {
    let process = &event.process;
    let (target, role) = target(process, exec)?;
    let target = paths::plain(target, &process.cwd);
    let source = source(config, history, process, &target)?;
    let mut verdict = verdict(&source, &target, role, process);
    if let Source::Anonymous(file) = source {
        verdict.earlier = vec![file.evidence(event.time_ns)];
    }
    Some(verdict)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Script,
    Loader,
}

enum Source<'a> {
    /// A descriptor that is known to be an anonymous file.
    Anonymous(&'a AnonymousFile),
    /// A descriptor of which nothing is known.
    Descriptor(u32),
    /// A path that the kernel marks as deleted or a memfd.
    Gone,
    /// A named file in /dev/shm.
    SharedMemory,
}

/// What the process was given to run, and in which role it runs it.
fn target<'a>(process: &'a Process, exec: &'a Exec) -> Option<(&'a str, Role)> {
    if exec.interpreter.is_some() {
        return Some((&exec.filename, Role::Script));
    }
    if is_loader(words::program(&process.exe)) {
        return loaded(&process.argv).map(|program| (program, Role::Loader));
    }
    if !programs::is_interpreter(&process.exe) {
        return None;
    }
    match programs::source(&process.exe, &process.argv) {
        programs::Source::Script(script) => Some((script, Role::Script)),
        programs::Source::Input | programs::Source::Arguments(_) => None,
    }
}

/// The program that the loader was called to run: its first argument that is no option.
fn loaded(argv: &[Box<str>]) -> Option<&str> {
    let mut arguments = argv.iter().skip(1).map(|argument| &**argument);
    while let Some(argument) = arguments.next() {
        if LOADER_VALUE_OPTIONS.contains(&argument) {
            arguments.next();
        } else if !argument.starts_with("--") {
            return Some(argument);
        }
    }
    None
}

/// `ld-linux-x86-64.so.2`, `ld-musl-x86_64.so.1`, `ld-2.31.so`, `ld.so`, `ld64.so.2`.
fn is_loader(name: &str) -> bool {
    let stem = name.split(".so").next().unwrap_or(name);
    name.contains(".so") && (stem == "ld" || stem == "ld64" || stem.starts_with("ld-"))
}

fn source<'a>(
    config: &Config,
    history: &'a History,
    process: &Process,
    target: &str,
) -> Option<Source<'a>> {
    if let Some(of) = paths::descriptor(target) {
        let known = history.descriptor(process, of.fd);
        return Some(known.map_or(Source::Descriptor(of.fd), Source::Anonymous));
    }
    if paths::is_deleted(target) || paths::memfd_name(target).is_some() {
        return Some(Source::Gone);
    }
    let quiet = config
        .quiet_directories
        .iter()
        .any(|directory| paths::within(target, directory));
    (paths::within(target, "/dev/shm") && !quiet).then_some(Source::SharedMemory)
}

fn verdict(source: &Source<'_>, target: &str, role: Role, process: &Process) -> Verdict {
    let program = words::shown(words::program(&process.exe));
    let target = words::shown(target);
    let thing = match role {
        Role::Script => "a script",
        Role::Loader => "a program",
    };
    let (variant, severity, confidence, origin, reason) = match (source, role) {
        (Source::Anonymous(file), _) => (
            if role == Role::Loader {
                "loader"
            } else {
                "script"
            },
            anonymous(file, process),
            90,
            format!("that exists only in memory ({})", words::shown(&file.path)),
            "the descriptor is of an anonymous file that this process or its parents made",
        ),
        (Source::Gone, _) => (
            if role == Role::Loader {
                "loader"
            } else {
                "script"
            },
            Severity::High,
            80,
            format!("from a file without a name ({target})"),
            "the path is the kernel's own name for a deleted or anonymous file",
        ),
        (Source::SharedMemory, _) => (
            "shared_memory",
            Severity::Medium,
            70,
            format!("from shared memory ({target})"),
            "nothing is installed below /dev/shm, and it leaves no trace on disk",
        ),
        (Source::Descriptor(fd), Role::Loader) => (
            "loader",
            Severity::High,
            75,
            format!("given only as descriptor {fd}"),
            "the dynamic loader was called to run a program that it was given only as a \
             descriptor; what is behind the descriptor was not seen",
        ),
        (Source::Descriptor(fd), Role::Script) => script_descriptor(*fd, process),
    };
    Verdict {
        variant,
        severity,
        confidence,
        deed: format!("had {program} run {thing} {origin}"),
        reason: reason.to_owned(),
        techniques: if variant == "shared_memory" {
            FROM_TMPFS
        } else {
            FROM_MEMORY
        },
        shows: format!("exec of {program} with {target}"),
        earlier: Vec::new(),
    }
}

/// A file that never touches a disk, in root's hands, is an attack in all known cases.
fn anonymous(file: &AnonymousFile, process: &Process) -> Severity {
    match file.backing == Backing::Memfd && process.euid == 0 {
        true => Severity::Critical,
        false => Severity::High,
    }
}

/// A script from a descriptor of unknown kind. Standard input and the descriptors
/// of `<(command)` are how people run what they have just downloaded.
fn script_descriptor(
    fd: u32,
    process: &Process,
) -> (&'static str, Severity, u8, String, &'static str) {
    use sentinel_event::StdioKind::{File, Tty};
    let stdin = process.stdio.get(fd as usize).map(|stdio| stdio.kind);
    let origin = format!("given only as descriptor {fd}");
    match stdin {
        Some(File | Tty) => (
            "script_descriptor",
            Severity::Info,
            40,
            origin,
            "the script is standard input, which is a named file or a terminal",
        ),
        _ if fd >= SUBSTITUTION_FD_MIN => (
            "script_descriptor",
            Severity::Low,
            50,
            origin,
            "the script comes from a descriptor such as a shell uses for <(command): the output \
             of another program, which leaves no trace on disk",
        ),
        _ => (
            "script_descriptor",
            Severity::Low,
            60,
            origin,
            "the script was named only by a descriptor; what is behind it was not seen",
        ),
    }
}
