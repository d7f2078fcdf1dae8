//! `persistence`: files that decide what runs or who may log in later are opened for
//! writing or created, other than by a package manager.
//!
//! The files stand in one list ([`families`]), who opens them is judged in
//! [`crate::who`]. Seen are opens; names that change without one (rename, link, bind
//! mount) are not events yet.

mod families;

use sentinel_event::{Access, Detail, Event, FileAccess, Kind, Severity};
use serde::{Deserialize, Serialize};

use crate::grade::{graver, milder};
use crate::registry::Start;
use crate::who::{self, Who};
use crate::{Detection, Finding, Findings, KindSet, facts, words};
use families::Family;

/// Settings of `persistence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Installed programs, or scripts of installed interpreters, whose changes are not
    /// reported, such as those of a configuration management.
    pub trusted_writers: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            trusted_writers: vec!["/usr/bin/cloud-init".to_owned()],
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    if let Some(path) = config.trusted_writers.iter().find(|p| !p.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    Start::Running(Box::new(Persistence {
        config: config.clone(),
    }))
}

struct Persistence {
    config: Config,
}

impl Detection for Persistence {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[Kind::Open])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        let Detail::Open(file) = &event.detail else {
            return;
        };
        if file.access != Access::Read && event.result >= 0 {
            findings.extend(self.judge(event, file));
        }
    }
}

impl Persistence {
    fn judge(&self, event: &Event, file: &FileAccess) -> Option<Finding> {
        let family = families::of(&file.path)?;
        let process = &event.process;
        let who = who::of(process, family.tools, &self.config.trusted_writers);
        let mut severity = weigh(family, who)?;
        let mut reason = reason(who).to_owned();
        if !facts::in_host_mounts(process) {
            severity = milder(severity);
            reason.push_str("; the file is that of a container, not the host's");
        }
        let path = words::shown(&file.path);
        let deed = match file.access {
            Access::Create => "created",
            _ => "opened for writing",
        };
        Some(Finding {
            variant: family.name,
            subject: file.path.as_ref().into(),
            severity,
            confidence: 70,
            summary: format!(
                "{} {deed} {}, {path}{}",
                words::actor(&process.exe, process),
                family.thing,
                words::origin(process)
            ),
            reason,
            techniques: family.techniques.into(),
            earlier: Vec::new(),
            shows: format!("open {} of {path}", file.access.name()),
        })
    }
}

/// How bad the change is; none for those that are everyday work.
fn weigh(family: &Family, who: Who) -> Option<Severity> {
    match who {
        Who::Package | Who::Trusted => None,
        Who::ToolOfPerson => Some(Severity::Info),
        Who::Tool => Some(milder(milder(family.severity))),
        Who::Person => Some(milder(family.severity)),
        Who::Installed => Some(family.severity),
        Who::Stranger => Some(graver(family.severity)),
    }
}

fn reason(who: Who) -> &'static str {
    match who {
        Who::ToolOfPerson => {
            "such files decide what runs or who may log in later, but the program is made to \
             change them and someone runs it on a terminal"
        }
        Who::Tool => {
            "such files decide what runs or who may log in later; the program is made to change \
             them, but nobody is on a terminal and no package is being installed"
        }
        Who::Person => {
            "such files decide what runs or who may log in later; someone changes it on a \
             terminal, with a program that is no package manager"
        }
        Who::Stranger => {
            "such files decide what runs or who may log in later; the program that changes it is \
             not installed"
        }
        Who::Installed | Who::Package | Who::Trusted => {
            "such files decide what runs or who may log in later; the program that changes it is \
             neither a package manager nor made for it, and nobody is on a terminal"
        }
    }
}
