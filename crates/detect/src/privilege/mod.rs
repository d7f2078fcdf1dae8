//! `privilege_escalation`: rights that a program gets without one of the few honest ways,
//! and the marks on files by which it gets them later.
//!
//! Honest are a setuid executable that is installed, a capability of an installed
//! executable, and a process that was root before. Rules of sudo and the like are
//! `persistence`, ways out of containers `container_escape`.

mod gain;
mod mark;

use sentinel_event::{Detail, Event, Kind, Severity};
use serde::{Deserialize, Serialize};

use crate::bounded::Bounded;
use crate::changes;
use crate::registry::Start;
use crate::techniques::EXPLOIT_PRIVILEGES;
use crate::{Detection, Finding, Findings, KindSet, words};
use gain::Rights;

/// Settings of `privilege_escalation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Installed programs that may mark files unreported, such as a configuration
    /// management.
    pub trusted_programs: Vec<String>,
    /// Processes whose rights are remembered.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            trusted_programs: Vec::new(),
            remembered: 16_384,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    if let Some(path) = config.trusted_programs.iter().find(|p| !p.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    Start::Running(Box::new(PrivilegeEscalation {
        rights: Rights::new(config.remembered as usize),
        config: config.clone(),
    }))
}

struct PrivilegeEscalation {
    config: Config,
    rights: Rights,
}

impl Detection for PrivilegeEscalation {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[
            Kind::Process,
            Kind::Fork,
            Kind::Exec,
            Kind::Exit,
            Kind::Credentials,
            Kind::Ptrace,
            Kind::ProcessWrite,
            Kind::Open,
            Kind::Chmod,
            Kind::Setxattr,
        ])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        match &event.detail {
            Detail::Exec(exec) => {
                findings.extend(self.rights.gained_by_exec(event, exec));
                findings.extend(gain::odd_arguments(event));
                self.rights.note(&event.process);
            }
            Detail::Credentials(change) if event.result >= 0 => {
                findings.extend(gain::by_call(event, change));
                self.rights.note_ids(&event.process, change.new.euid);
            }
            Detail::Process => self.rights.note(&event.process),
            Detail::Fork(fork) => self.rights.note_fork(&event.process, &fork.child),
            Detail::Exit(_) => self.rights.forget(&event.process),
            Detail::Target(action) if event.result >= 0 => {
                findings.extend(traced(event, &action.target));
            }
            _ => {
                for change in changes::of(event) {
                    findings.extend(mark::judge(&self.config, event, &change));
                }
            }
        }
    }

    fn evicted_total(&self) -> u64 {
        self.rights.evicted_total()
    }
}

/// Rights are also gained by working through a process that has them.
fn traced(event: &Event, target: &sentinel_event::Process) -> Option<Finding> {
    let process = &event.process;
    let unknown = target.exe.is_empty() || process.euid == u32::MAX;
    if unknown || process.euid == 0 || target.euid != 0 {
        return None;
    }
    let name = words::shown(words::program(&target.exe));
    Some(Finding {
        variant: "privileged_target",
        subject: target.exec_id.to_string().into(),
        severity: Severity::High,
        confidence: 80,
        summary: format!(
            "{} took hold of {name} (pid {}), which is root's{}",
            words::actor(&process.exe, process),
            target.pid,
            words::origin(process)
        ),
        reason: "a program of a user traces or changes a process of root, which the kernel lets \
                 only those do that hold a capability for it"
            .to_owned(),
        techniques: vec![EXPLOIT_PRIVILEGES].into(),
        earlier: Vec::new(),
        shows: format!("{} of {name}", event.kind()),
    })
}

type Id = (u32, i64);

/// The key under which a process is remembered, whichever image it runs.
fn key(process: &sentinel_event::Process) -> Id {
    (process.pid, process.start_ns)
}

type Table = Bounded<Id, u32>;
