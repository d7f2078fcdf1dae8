//! `reflective_loading`: code that gets into a process other than from a named
//! file: a library mapped from a memfd, memory that is written and then executed.
//!
//! Programs that run from memory as a whole are `fileless_execution`. Just-in-time
//! compilers do here what attackers do, so executable memory alone is never an
//! alert: it takes further facts ([`facts`]), among them what this executable is
//! known to do ([`habit`]).

mod facts;
mod habit;
mod shape;
mod trail;

use sentinel_event::{Detail, Event, Kind, Memory, Process, Severity, Technique};
use serde::{Deserialize, Serialize};

use crate::registry::Start;
use crate::techniques::{PROCESS_INJECTION, REFLECTIVE_LOADING};
use crate::{Detection, Finding, Findings, KindSet, paths, words};
use facts::Facts;
use habit::Habits;
use shape::Shape;
use trail::Trails;

const LIBRARY: &[Technique] = &[REFLECTIVE_LOADING];
const CODE: &[Technique] = &[REFLECTIVE_LOADING, PROCESS_INJECTION];

/// Settings of `reflective_loading`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Starts of an executable without executable memory after which such memory
    /// counts against it.
    pub settled_images: u32,
    /// Images of one executable that must have loaded a library from memory before it
    /// counts as its habit.
    pub regular_images: u32,
    /// Hours over which they must be spread.
    pub regular_hours: u32,
    /// Executables and process images that are remembered, each.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            settled_images: 20,
            regular_images: 5,
            regular_hours: 24,
            remembered: 16_384,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    if config.settled_images == 0 || config.regular_images == 0 {
        return Start::Failed("settled_images and regular_images must be at least 1".to_owned());
    }
    Start::Running(Box::new(ReflectiveLoading {
        habits: Habits::new(config),
        trails: Trails::new(config.remembered as usize),
    }))
}

struct ReflectiveLoading {
    habits: Habits,
    trails: Trails,
}

impl Detection for ReflectiveLoading {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[
            Kind::Exec,
            Kind::Fork,
            Kind::Exit,
            Kind::Connect,
            Kind::Accept,
            Kind::Mmap,
            Kind::Mprotect,
            Kind::Shmat,
        ])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        match &event.detail {
            Detail::Exec(_) => self.habits.note_start(&event.process),
            Detail::Fork(fork) => self.trails.note_fork(event, &fork.child),
            Detail::Exit(_) => self.trails.note_exit(&event.process),
            Detail::Connect(c) | Detail::Accept(c) => self.trails.note_connection(event, c),
            Detail::Mmap(memory) | Detail::Mprotect(memory) | Detail::Shmat(memory)
                if event.result >= 0 =>
            {
                findings.extend(self.judge(event, memory));
            }
            _ => {}
        }
    }

    fn evicted_total(&self) -> u64 {
        self.habits.evicted_total() + self.trails.evicted_total()
    }
}

impl ReflectiveLoading {
    fn judge(&mut self, event: &Event, memory: &Memory) -> Option<Finding> {
        match shape::of(&event.process, event.kind(), memory)? {
            Shape::Library(severity) => Some(self.library(event, memory, severity)),
            shape => self.code(event, memory, shape),
        }
    }

    /// A library that was mapped from a file without a name. Just-in-time compilers
    /// do not do that, so it is reported unless the executable does so day by day.
    fn library(&mut self, event: &Event, memory: &Memory, severity: Severity) -> Finding {
        let process = &event.process;
        let regular = self.habits.note_library(process, event.time_ns);
        let path = words::shown(&memory.path);
        let origin = match memory.backing {
            sentinel_event::Backing::Memfd => "that exists only in memory",
            sentinel_event::Backing::Tmpfs => "from shared memory",
            _ if paths::is_nameless(&memory.path) => "from a file that never had a name",
            _ => "from a deleted file",
        };
        let mut reason = format!(
            "{path} was mapped privately and executable ({}), as the dynamic loader maps libraries",
            memory.prot.name()
        );
        let severity = match &regular {
            Some(habit) => {
                reason.push_str(&format!(", but {habit}"));
                Severity::Info
            }
            None => severity,
        };
        Finding {
            variant: "library",
            subject: memory.path.as_ref().into(),
            severity,
            confidence: 85,
            summary: summary(process, &format!("loaded a library {origin} ({path})")),
            reason,
            techniques: LIBRARY.into(),
            earlier: self.trails.evidence(event),
            shows: format!("{} {} of {path}", event.kind(), memory.prot.name()),
        }
    }

    /// Executable memory that a compiler could have made as well. Only the first of an
    /// image is judged: what a compiler does, it does from its start, and from then on
    /// nothing can be told from one more page.
    fn code(&mut self, event: &Event, memory: &Memory, shape: Shape) -> Option<Finding> {
        let process = &event.process;
        if !self.trails.note_first_code(process) {
            return None;
        }
        let facts = Facts {
            shape: shape.against(memory),
            executable: facts::unusual_executable(process),
            network: self.trails.network(process),
            settled: self.habits.against(process),
        };
        let (severity, confidence) = facts.weigh();
        // What is suspicious must not teach the table that it is normal.
        if severity < Severity::Medium {
            self.habits.note_code(process);
        }
        if facts.count() == 0 {
            return None;
        }
        let deed = format!(
            "made {} of {} executable",
            size(memory.length),
            shape.noun(memory)
        );
        Some(Finding {
            variant: shape.variant(),
            subject: "".into(),
            severity,
            confidence,
            summary: summary(process, &deed),
            reason: facts.reason(),
            techniques: CODE.into(),
            earlier: self.trails.evidence(event),
            shows: shows(event, memory),
        })
    }
}

fn summary(process: &Process, deed: &str) -> String {
    let actor = words::actor(&process.exe, process);
    format!("{actor} {deed}{}", words::origin(process))
}

fn shows(event: &Event, memory: &Memory) -> String {
    match memory.old_prot {
        Some(old) => format!("{} {} to {}", event.kind(), old.name(), memory.prot.name()),
        None => format!("{} {}", event.kind(), memory.prot.name()),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0 => "some".to_owned(),
        1..=1023 => format!("{bytes} bytes"),
        1024..=1_048_575 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
