//! `defence_impairment`: what watches, records or guards the host is stopped, changed or
//! taken away, this sensor included.
//!
//! Seen are signals to such programs, changes of their files ([`guards`]), and commands to
//! honest tools ([`command`]). Records that are wiped are `log_wiping`.

mod command;
mod guards;

use sentinel_event::{Detail, Event, Kind, Process, ProcessAction, Severity};
use serde::{Deserialize, Serialize};

use crate::changes::{self, Change, Deed};
use crate::grade::{graver, milder};
use crate::living::{descends, is_same};
use crate::registry::Start;
use crate::who::{self, Who};
use crate::{Detection, Finding, Findings, KindSet, facts, words};
use guards::Guarded;

/// How long after a command systemd's signals count as its consequence.
const COMMAND_NS: i64 = 90 * 1_000_000_000;

/// Settings of `defence_impairment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Installed programs that may change guarded files and stop guards unreported, such
    /// as a configuration management.
    pub trusted_programs: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            trusted_programs: vec!["/usr/bin/cloud-init".to_owned()],
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
    Start::Running(Box::new(DefenceImpairment {
        config: config.clone(),
        commanded_ns: None,
    }))
}

struct DefenceImpairment {
    config: Config,
    /// When systemd was last told anything by a command, in nanoseconds since the epoch.
    commanded_ns: Option<i64>,
}

impl Detection for DefenceImpairment {
    fn kinds(&self) -> KindSet {
        changes::KINDS.union(KindSet::of(&[Kind::Exec, Kind::Kill]))
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        match &event.detail {
            Detail::Exec(_) => {
                if commands_systemd(words::program(&event.process.exe)) {
                    self.commanded_ns = Some(event.time_ns);
                }
                findings.extend(command::judge(event));
            }
            Detail::Target(action) if event.result >= 0 => {
                findings.extend(self.signal(event, action));
            }
            _ => {
                for change in changes::of(event) {
                    if let Some(guarded) = guards::of(&change.path) {
                        findings.extend(self.change(event, &change, guarded));
                    }
                }
            }
        }
    }
}

/// Whether the program has systemd stop services: they are judged by themselves.
fn commands_systemd(program: &str) -> bool {
    matches!(
        program,
        "systemctl" | "service" | "shutdown" | "reboot" | "poweroff" | "halt" | "init" | "telinit"
    )
}

impl DefenceImpairment {
    /// A guard gets a signal that ends or stops it.
    fn signal(&self, event: &Event, action: &ProcessAction) -> Option<Finding> {
        let (process, target) = (&event.process, &action.target);
        if !guards::is_guard(target) || is_same(process, target) || is_worker(process, target) {
            return None;
        }
        let who = who::of(process, &[], &self.config.trusted_programs);
        let systemd = process.pid == 1 || words::program(&process.exe) == "systemd";
        let (severity, reason) = match who {
            Who::Package | Who::Trusted => return None,
            _ if systemd => (
                self.by_systemd(event)?,
                "systemd stopped it, and no command that \
                told it so was seen",
            ),
            Who::Stranger => (
                Severity::High,
                "the program that stopped it is not installed",
            ),
            _ => (
                Severity::High,
                "such programs are stopped through systemd, not by a signal from another program",
            ),
        };
        // By its name alone, anybody's program may pass for a guard; root's own is one.
        let guards =
            facts::is_installed(&target.exe, &target.file, target.backing) || target.euid == 0;
        let severity = if guards { severity } else { milder(severity) };
        let name = words::shown(words::program(&target.exe));
        Some(Finding {
            variant: "guard_killed",
            subject: target.exec_id.to_string().into(),
            severity,
            confidence: if systemd { 40 } else { 80 },
            summary: format!(
                "{} sent SIG{} to {name} (pid {}), which guards or records the host{}",
                words::actor(&process.exe, process),
                action.operation,
                target.pid,
                words::origin(process)
            ),
            reason: reason.to_owned(),
            techniques: vec![guards::technique(words::program(&target.exe))].into(),
            earlier: Vec::new(),
            shows: format!("kill of {name} with {}", action.operation),
        })
    }

    /// systemd stops services when it is told to; whoever told it so without a command
    /// spoke to it over D-Bus.
    fn by_systemd(&self, event: &Event) -> Option<Severity> {
        let age_ns = self.commanded_ns.map(|since| event.time_ns - since);
        age_ns
            .is_none_or(|age| age >= COMMAND_NS)
            .then_some(Severity::Low)
    }

    fn change(&self, event: &Event, change: &Change<'_>, guarded: &Guarded) -> Option<Finding> {
        let process = &event.process;
        if matches!(change.deed, Deed::Append) && guarded.variant == "sensor_files" {
            return None;
        }
        let who = who::of(process, guarded.tools, &self.config.trusted_programs);
        let severity = match who {
            Who::Package | Who::Trusted => return None,
            Who::ToolOfPerson => Severity::Info,
            Who::Tool if guarded.tools == guards::OWN => return None,
            Who::Tool => Severity::Info,
            Who::Person => milder(guarded.severity),
            Who::Installed => guarded.severity,
            Who::Stranger => graver(guarded.severity),
        };
        let host = facts::in_host_mounts(process);
        let path = words::shown(&change.path);
        Some(Finding {
            variant: guarded.variant,
            subject: (*change.path).into(),
            severity: if host { severity } else { milder(severity) },
            confidence: 70,
            summary: format!(
                "{} {} {}, {path}{}",
                words::actor(&process.exe, process),
                change.deed.verb(),
                guarded.thing,
                words::origin(process)
            ),
            reason: reason(who).to_owned(),
            techniques: guarded.techniques.into(),
            earlier: Vec::new(),
            shows: format!("{} of {path}", event.kind()),
        })
    }
}

/// A service that ends its own workers.
fn is_worker(process: &Process, target: &Process) -> bool {
    facts::same_inode(&process.file, &target.file)
        || (descends(target, process) && process.exe == target.exe)
}

fn reason(who: Who) -> &'static str {
    match who {
        Who::ToolOfPerson | Who::Tool => {
            "what is watched or recorded rests on it, but the program is made to change it"
        }
        Who::Person => "what is watched or recorded rests on it; someone changes it on a terminal",
        Who::Stranger => {
            "what is watched or recorded rests on it, and the program that changes it is not \
             installed"
        }
        _ => {
            "what is watched or recorded rests on it, and the program that changes it is neither a \
             package manager nor made for it"
        }
    }
}
