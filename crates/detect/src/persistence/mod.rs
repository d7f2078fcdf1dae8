//! `persistence`: files that decide what runs or who may log in later are changed, by
//! whichever operation, other than by a package manager.
//!
//! The files stand in one list ([`families`]), what is done to them is read in
//! [`crate::changes`], who does it is judged in [`crate::who`].

mod families;

use sentinel_event::{Detail, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::changes::{self, Change, Deed};
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
        changes::KINDS
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        // A rename within one folder is one deed with two names.
        let mut found = None;
        for change in changes::of(event) {
            found = self.judge(event, &change).or(found);
        }
        findings.extend(found);
    }
}

impl Persistence {
    fn judge(&self, event: &Event, change: &Change<'_>) -> Option<Finding> {
        let family = families::of(&change.path)?;
        let step = weight(family, change)?;
        let process = &event.process;
        // What systemd mounts for a service, only that service sees.
        if change.deed == Deed::Mount && who::is_systemd(process) {
            return None;
        }
        let who = who::of(process, family.tools, &self.config.trusted_writers);
        let mut severity = step(weigh(family, who)?);
        let mut reason = reason(who).to_owned();
        if !facts::in_host_mounts(process) {
            severity = milder(severity);
            reason.push_str("; the file is that of a container, not the host's");
        }
        let path = words::shown(&change.path);
        let from = match change.deed {
            Deed::Replace | Deed::Link | Deed::Symlink | Deed::Mount
                if !change.other.is_empty() =>
            {
                format!(" (by {})", words::shown(change.other))
            }
            _ => String::new(),
        };
        Some(Finding {
            variant: family.name,
            subject: (*change.path).into(),
            severity,
            confidence: 70,
            summary: format!(
                "{} {} {}, {path}{from}{}",
                words::actor(&process.exe, process),
                match change.deed {
                    Deed::Cut => "rewrote",
                    deed => deed.verb(),
                },
                family.thing,
                words::origin(process)
            ),
            reason,
            techniques: family.techniques.into(),
            earlier: Vec::new(),
            shows: shows(event, &path),
        })
    }
}

fn shows(event: &Event, path: &str) -> String {
    match &event.detail {
        Detail::Open(file) => format!("open {} of {path}", file.access.name()),
        _ => format!("{} of {path}", event.kind()),
    }
}

/// What the deed does to the family's severity; none for deeds that leave nothing behind
/// which runs or lets in.
fn weight(family: &Family, change: &Change<'_>) -> Option<fn(Severity) -> Severity> {
    let same: fn(Severity) -> Severity = |severity| severity;
    match change.deed {
        // A program that is new runs only when it is asked for; those that are changed run
        // as they did. Their permissions are `privilege_escalation`'s.
        Deed::Create | Deed::Link | Deed::Symlink if family.name == families::PROGRAM => {
            Some(milder)
        }
        Deed::Mode | Deed::Owner | Deed::Attribute if family.name == families::PROGRAM => None,
        Deed::Create
        | Deed::Write
        | Deed::Append
        | Deed::Cut
        | Deed::Replace
        | Deed::Link
        | Deed::Symlink
        | Deed::Mount => Some(same),
        // Takes effect only with a change of the content, which is seen by itself, unless
        // the file lay there before and now begins to count or to be open to others.
        Deed::Mode | Deed::Owner | Deed::Attribute => Some(milder),
        Deed::Remove | Deed::MoveAway | Deed::Unmount => None,
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
