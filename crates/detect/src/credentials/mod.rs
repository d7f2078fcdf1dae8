//! `credential_access`: secrets on disk are read by a program that is not made for
//! them.
//!
//! The files stand in one list ([`families`]), who reads them is judged in
//! [`crate::who`]. The same program in the same service or session is news once;
//! many different secrets read by one image are a harvest.

mod families;

use std::collections::BTreeSet;

use sentinel_event::{
    Access, Detail, Event, ExecId, FileAccess, Kind, Process, Severity, Technique,
};
use serde::{Deserialize, Serialize};

use crate::bounded::Bounded;
use crate::firsts::Firsts;
use crate::grade::{graver, milder};
use crate::registry::Start;
use crate::stable_hash::StableHash;
use crate::techniques::{CREDENTIAL_FILES, PRIVATE_KEYS};
use crate::who::{self, Who};
use crate::{Detection, Finding, Findings, KindSet, facts, words};
use families::Family;

const HARVEST: &[Technique] = &[CREDENTIAL_FILES, PRIVATE_KEYS];

/// Settings of `credential_access`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Installed programs, or scripts of installed interpreters, that may read secrets,
    /// such as backup programs.
    pub trusted_readers: Vec<String>,
    /// Different secrets that one process image must read for a harvest.
    pub harvest_files: u32,
    /// Readers and process images that are remembered, each.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            trusted_readers: Vec::new(),
            harvest_files: 4,
            remembered: 16_384,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    if let Some(path) = config.trusted_readers.iter().find(|p| !p.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    if config.harvest_files < 2 {
        return Start::Failed("harvest_files must be at least 2".to_owned());
    }
    Start::Running(Box::new(CredentialAccess {
        readers: Firsts::new(config.remembered as usize),
        read: Bounded::new(config.remembered as usize),
        config: config.clone(),
    }))
}

struct CredentialAccess {
    config: Config,
    readers: Firsts,
    /// The different secrets that each image read, as hashes of their paths.
    read: Bounded<ExecId, BTreeSet<u64>>,
}

impl Detection for CredentialAccess {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[Kind::Open])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        let Detail::Open(file) = &event.detail else {
            return;
        };
        let reads = matches!(file.access, Access::Read | Access::ReadWrite);
        if !reads || event.result < 0 {
            return;
        }
        let Some(family) = families::of(&file.path) else {
            return;
        };
        let who = who::of(&event.process, family.tools, &self.config.trusted_readers);
        if matches!(
            who,
            Who::Package | Who::Trusted | Who::Tool | Who::ToolOfPerson
        ) {
            return;
        }
        findings.push(self.single(event, file, family, who));
        findings.extend(self.harvest(event, file, who));
    }

    fn evicted_total(&self) -> u64 {
        self.readers.evicted_total() + self.read.evicted_total()
    }
}

impl CredentialAccess {
    fn single(&mut self, event: &Event, file: &FileAccess, family: &Family, who: Who) -> Finding {
        let process = &event.process;
        let own = file.file.uid == process.euid && process.euid != 0;
        let mut severity = weigh(family, who, own);
        let mut reason = reason(who).to_owned();
        let before = self.readers.note(context(process, family));
        if before > 0 {
            severity = Severity::Info;
            reason.push_str("; the same program has done so before in this service or session");
        }
        if !facts::in_host_mounts(process) {
            severity = milder(severity);
            reason.push_str("; the file is that of a container, not the host's");
        }
        let path = words::shown(&file.path);
        Finding {
            variant: family.name,
            subject: file.path.as_ref().into(),
            severity,
            confidence: 60,
            summary: format!(
                "{} read {}, {path}{}",
                words::actor(&process.exe, process),
                family.thing,
                words::origin(process)
            ),
            reason,
            techniques: family.techniques.into(),
            earlier: Vec::new(),
            shows: format!("open {} of {path}", file.access.name()),
        }
    }

    fn harvest(&mut self, event: &Event, file: &FileAccess, who: Who) -> Option<Finding> {
        let process = &event.process;
        let limit = self.config.harvest_files as usize;
        let read = self.read.entry(process.exec_id, BTreeSet::new);
        // Beyond the limit nothing is learned, so nothing need be kept.
        if read.len() >= limit || !read.insert(StableHash::new().text(&file.path).finish()) {
            return None;
        }
        (read.len() == limit).then(|| Finding {
            variant: "harvest",
            subject: "".into(),
            severity: match who {
                Who::Stranger => Severity::High,
                _ => Severity::Medium,
            },
            confidence: 70,
            summary: format!(
                "{} read {limit} different secrets{}",
                words::actor(&process.exe, process),
                words::origin(process)
            ),
            reason: format!(
                "one process image read {limit} different keys and credential files, and is no \
                 program that is made for them"
            ),
            techniques: HARVEST.into(),
            earlier: Vec::new(),
            shows: format!("open of {}, the last of them", words::shown(&file.path)),
        })
    }
}

/// How bad the reading is. Someone's own program may read someone's own key.
fn weigh(family: &Family, who: Who, own: bool) -> Severity {
    match who {
        Who::Stranger if own => family.severity,
        Who::Stranger => graver(family.severity),
        Who::Person => milder(family.severity),
        _ => family.severity,
    }
}

fn reason(who: Who) -> &'static str {
    match who {
        Who::Stranger => "the program that reads the secret is not installed",
        Who::Person => {
            "someone on a terminal reads the secret with a program that is not made for it"
        }
        _ => {
            "an installed program that is not made for it reads the secret, and nobody is on a \
             terminal"
        }
    }
}

/// The executable's file in its service or session, below its parent: a backup that
/// reads shadow every night is news once, the same program in a web service is news
/// again.
fn context(process: &Process, family: &Family) -> u64 {
    let parent = process.parent.as_ref().map_or("", |parent| &*parent.exe);
    StableHash::new()
        .text(family.name)
        .text(&process.exe)
        .number(process.file.inode)
        .number(process.file.ctime_ns as u64)
        .text(process.unit().unwrap_or(&process.cgroup))
        .text(parent)
        .finish()
}
