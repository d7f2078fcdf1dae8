//! Libraries that a program loads before its own: LD_PRELOAD, LD_AUDIT, the loader's
//! options and /etc/ld.so.preload.
//!
//! The environment is not observed, but the order of a program's libraries is: the
//! dynamic linker maps what is preloaded before the C library, and what a program asks
//! for itself after it.

use sentinel_event::{Backing, Event, ExecId, Memory, Process, Severity, Technique};

use crate::bounded::Bounded;
use crate::facts::is_installed;
use crate::firsts::Firsts;
use crate::grade::{graver, milder};
use crate::stable_hash::StableHash;
use crate::techniques::LD_PRELOAD;
use crate::who::{self, Who};
use crate::{Finding, paths, programs, words};

const TECHNIQUES: &[Technique] = &[LD_PRELOAD];

/// The dynamic linker is done with its list long before.
const FRESH_NS: i64 = 1_000_000_000;

/// Arguments of one program that are looked at.
const ARGUMENTS_MAX: usize = 16;

/// Programs that are being linked.
pub struct Preloads {
    /// Images whose C library was not mapped yet, with the time of their start.
    fresh: Bounded<ExecId, i64>,
    /// Libraries that were reported.
    known: Firsts,
}

impl Preloads {
    pub fn new(limit: usize) -> Preloads {
        Preloads {
            fresh: Bounded::new(limit),
            known: Firsts::new(limit),
        }
    }

    /// A program was started: remembers it, and judges what its arguments ask for.
    pub fn started(&mut self, event: &Event) -> Option<Finding> {
        let process = &event.process;
        if is_installed(&process.exe, &process.file, process.backing) {
            self.fresh.insert(process.exec_id, event.time_ns);
        }
        let library = argument(process)?;
        let path = paths::plain(library, &process.cwd);
        if paths::is_installed_place(&path) {
            return None;
        }
        let before = self.known.note(StableHash::new().text(&path).finish());
        let severity = match (paths::is_shared_place(&path), before) {
            (_, 1..) => Severity::Info,
            (true, _) => Severity::Medium,
            (false, _) => Severity::Low,
        };
        let path = words::shown(&path);
        Some(Finding {
            variant: "preload_argument",
            subject: path.as_str().into(),
            severity,
            confidence: 70,
            summary: format!(
                "{} asked a program to load {path} before its own libraries{}",
                words::actor(&process.exe, process),
                words::origin(process)
            ),
            reason: "a command line sets LD_PRELOAD or LD_AUDIT to a library that is not \
                     installed; whatever is in it runs inside the program"
                .to_owned(),
            techniques: TECHNIQUES.into(),
            earlier: Vec::new(),
            shows: format!("exec of {}", words::shown(&process.command_line())),
        })
    }

    /// Memory was mapped executable from a file: judges a library that comes before the C
    /// library of an installed program and is not installed itself.
    pub fn mapped(&mut self, event: &Event, memory: &Memory) -> Option<Finding> {
        if !matches!(memory.backing, Backing::File | Backing::Tmpfs) || memory.path.is_empty() {
            return None;
        }
        let process = &event.process;
        if is_installed(&memory.path, &memory.file, memory.backing) {
            if is_c_library(words::program(&memory.path)) {
                self.fresh.remove(&process.exec_id);
            }
            return None;
        }
        let age_ns = event.time_ns - *self.fresh.peek(&process.exec_id)?;
        if age_ns > FRESH_NS || memory.path == process.exe {
            return None;
        }
        let mut severity = weigh(process, memory);
        let library = StableHash::new()
            .text(&memory.path)
            .number(memory.file.inode);
        if self.known.note(library.finish()) > 0 {
            severity = Severity::Info;
        }
        let path = words::shown(&memory.path);
        Some(Finding {
            variant: "preloaded_library",
            subject: memory.path.as_ref().into(),
            severity,
            confidence: 75,
            summary: format!(
                "{} was made to load {path} before its own libraries{}",
                words::actor(&process.exe, process),
                words::origin(process)
            ),
            reason: "an installed program mapped a library that is not installed before the C \
                     library, as LD_PRELOAD, LD_AUDIT and search paths of the linker make it do"
                .to_owned(),
            techniques: TECHNIQUES.into(),
            earlier: Vec::new(),
            shows: format!("{} {} of {path}", event.kind(), memory.prot.name()),
        })
    }

    pub fn evicted_total(&self) -> u64 {
        self.fresh.evicted_total() + self.known.evicted_total()
    }
}

/// Judges a change of the list of libraries that every program loads.
pub fn list(event: &Event, path: &str) -> Option<Finding> {
    if path != "/etc/ld.so.preload" {
        return None;
    }
    let process = &event.process;
    let severity = match who::of(process, &[], &[]) {
        Who::Package => return None,
        Who::Stranger => Severity::Critical,
        _ => Severity::High,
    };
    Some(Finding {
        variant: "ld_so_preload",
        subject: path.into(),
        severity,
        confidence: 85,
        summary: format!(
            "{} changed {path}, the list of libraries that every program loads{}",
            words::actor(&process.exe, process),
            words::origin(process)
        ),
        reason: "what stands in that file runs inside every program that is started from now \
                 on; hardly anything but rootkits uses it"
            .to_owned(),
        techniques: TECHNIQUES.into(),
        earlier: Vec::new(),
        shows: format!("{} of {path}", event.kind()),
    })
}

fn weigh(process: &Process, memory: &Memory) -> Severity {
    let shared = paths::is_shared_place(&memory.path);
    let foreign = process.euid == 0 && memory.file.uid != 0;
    let severity = if shared || foreign {
        Severity::Medium
    } else {
        Severity::Low
    };
    match (shared && foreign, who::of(process, &[], &[])) {
        (_, Who::Package) => milder(milder(severity)),
        (true, _) => graver(severity),
        (false, _) => severity,
    }
}

/// `libc.so.6`, `libc-2.31.so`, `libc.musl-x86_64.so.1`.
fn is_c_library(name: &str) -> bool {
    name.starts_with("libc.") || name.starts_with("libc-")
}

/// The library that LD_PRELOAD or LD_AUDIT names among the arguments, as `env` and shells
/// take it.
fn argument(process: &Process) -> Option<&str> {
    let text = match programs::is_shell(&process.exe) {
        true => match programs::source(&process.exe, &process.argv) {
            programs::Source::Arguments(text) => Some(text),
            _ => return None,
        },
        false => None,
    };
    let arguments = process.argv.iter().take(ARGUMENTS_MAX).map(|a| &**a);
    text.into_iter()
        .flat_map(|text| text.split([' ', '\t', '\n', ';', '&', '|']))
        .chain(arguments)
        .find_map(|word| {
            let value = word
                .strip_prefix("LD_PRELOAD=")
                .or_else(|| word.strip_prefix("LD_AUDIT="))?;
            let value = value.trim_matches(['"', '\'']);
            value
                .split([':', ' '])
                .find(|library| library.contains('/'))
        })
}
