//! `process_injection`: a process puts code into another that is not its own child, reads
//! its memory, takes a descriptor out of it, or makes programs load a library that is not installed.
//!
//! How one process reaches into another is judged in [`reach`], libraries that come before
//! a program's own in [`preload`]. Debuggers of their own children do the same and are no
//! attack; code that a process makes for itself is `reflective_loading`.

mod preload;
mod reach;

use sentinel_event::{Access, Detail, Event, FileAccess, Kind};
use serde::{Deserialize, Serialize};

use crate::living::Living;
use crate::registry::Start;
use crate::{Detection, Findings, KindSet, facts, paths};
use preload::Preloads;
use reach::Deed;

/// Settings of `process_injection`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Installed programs that are made to look into other processes.
    pub debuggers: Vec<String>,
    /// Installed programs that may reach into any process unreported.
    pub trusted_tracers: Vec<String>,
    /// Processes and libraries that are remembered, each.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        let debuggers = [
            "/usr/bin/gdb",
            "/usr/bin/gdbserver",
            "/usr/bin/gcore",
            "/usr/bin/lldb",
            "/usr/bin/lldb-server",
            "/usr/bin/strace",
            "/usr/bin/ltrace",
            "/usr/bin/rr",
            "/usr/bin/reptyr",
            "/usr/sbin/criu",
        ];
        Config {
            enabled: true,
            debuggers: debuggers.map(str::to_owned).to_vec(),
            trusted_tracers: Vec::new(),
            remembered: 16_384,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    let paths = config.debuggers.iter().chain(&config.trusted_tracers);
    if let Some(path) = paths.into_iter().find(|path| !path.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    Start::Running(Box::new(ProcessInjection {
        living: Living::new(config.remembered as usize),
        preloads: Preloads::new(config.remembered as usize),
        config: config.clone(),
    }))
}

struct ProcessInjection {
    config: Config,
    living: Living,
    preloads: Preloads,
}

impl Detection for ProcessInjection {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[
            Kind::Process,
            Kind::Fork,
            Kind::Exec,
            Kind::Exit,
            Kind::Open,
            Kind::Mmap,
            Kind::Rename,
            Kind::Link,
            Kind::Symlink,
            Kind::Ptrace,
            Kind::ProcessWrite,
            Kind::ProcessRead,
            Kind::PidfdGetfd,
        ])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        self.living.note(event);
        if event.result < 0 {
            return;
        }
        match &event.detail {
            Detail::Exec(_) => findings.extend(self.preloads.started(event)),
            Detail::Mmap(memory) => findings.extend(self.preloads.mapped(event, memory)),
            Detail::Target(action) => {
                let deed = Deed::of(action);
                findings.extend(deed.and_then(|deed| {
                    reach::judge(&self.config, event, deed, Some(&action.target))
                }));
            }
            Detail::Open(file) => {
                findings.extend(self.memory(event, file));
                if file.access != Access::Read {
                    findings.extend(preload::list(event, &file.path));
                }
            }
            Detail::File(action) => {
                let name = match action.kind {
                    Kind::Rename => &action.to,
                    _ => &action.path,
                };
                findings.extend(preload::list(event, name));
            }
            _ => {}
        }
    }

    fn evicted_total(&self) -> u64 {
        self.living.evicted_total() + self.preloads.evicted_total()
    }
}

impl ProcessInjection {
    /// Judges an open of another process's memory.
    fn memory(&self, event: &Event, file: &FileAccess) -> Option<crate::Finding> {
        let pid = paths::memory_of(&file.path)?;
        let process = &event.process;
        // A container numbers its processes by itself, as its own procfs does.
        let host = facts::host(process);
        let own = process.namespaces.pid;
        let elsewhere = host
            .map(|host| host.namespaces.pid)
            .is_some_and(|host| own != 0 && host != 0 && host != own);
        let reads = file.access == Access::Read;
        if pid == process.pid {
            return if reads {
                None
            } else {
                reach::own_memory(event)
            };
        }
        let target = self.living.get(pid).filter(|_| !elsewhere);
        let deed = match reads {
            true => Deed::Look(Some(pid)),
            false => Deed::Memory(pid),
        };
        reach::judge(&self.config, event, deed, target)
    }
}
