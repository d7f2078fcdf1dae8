//! `fileless_execution`: a program, script or library that runs from memory or from
//! a file without a name, however it was started.
//!
//! The rule works on what the kernel says about the inode behind an image
//! ([`sentinel_event::Backing`]), so it does not matter which system call started
//! it. Executable memory without an exec is `reflective_loading`.

mod argument;
mod backing;
mod history;

use sentinel_event::{Detail, Event, Exec, Kind, Severity, Technique};
use serde::{Deserialize, Serialize};

use crate::registry::Start;
use crate::{Detection, Finding, Findings, KindSet, words};
use history::History;

/// Settings of `fileless_execution`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Executables that protect themselves by running a copy of themselves from a
    /// memfd. Such a run is reported as `info` when the file is root's.
    pub self_cloning: Vec<String>,
    /// Directories in memory file systems from which programs may run unreported.
    pub quiet_directories: Vec<String>,
    /// Processes whose anonymous files and earlier images are remembered, each.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        let self_cloning = [
            "/usr/bin/runc",
            "/usr/sbin/runc",
            "/usr/local/bin/runc",
            "/usr/local/sbin/runc",
            "/usr/bin/crun",
            "/usr/local/bin/crun",
            "/usr/bin/lxc-attach",
        ];
        Config {
            enabled: true,
            self_cloning: self_cloning.map(str::to_owned).to_vec(),
            quiet_directories: Vec::new(),
            remembered: 16_384,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    let paths = config.self_cloning.iter().chain(&config.quiet_directories);
    if let Some(path) = paths.into_iter().find(|path| !path.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    Start::Running(Box::new(FilelessExecution {
        history: History::new(config.remembered as usize),
        config: config.clone(),
    }))
}

struct FilelessExecution {
    config: Config,
    history: History,
}

/// What a branch of the rule concluded about an image.
struct Verdict {
    variant: &'static str,
    severity: Severity,
    confidence: u8,
    /// What was done, as it follows the actor in a sentence: `ran a program that ...`.
    deed: String,
    reason: String,
    techniques: &'static [Technique],
    /// What the exec shows as evidence.
    shows: String,
    earlier: Vec<sentinel_event::Evidence>,
}

impl Detection for FilelessExecution {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[Kind::Process, Kind::Exec, Kind::Memfd, Kind::Open])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        match &event.detail {
            Detail::Memfd(file) | Detail::Open(file) => self.history.note_file(event, file),
            Detail::Exec(exec) => {
                findings.extend(self.judge(event, exec));
                self.history.note_image(&event.process);
            }
            Detail::Process => {
                findings.extend(judge_running(event));
                self.history.note_image(&event.process);
            }
            _ => {}
        }
    }

    fn evicted_total(&self) -> u64 {
        self.history.evicted_total()
    }
}

impl FilelessExecution {
    /// The worst of what the image itself and what its arguments say. One exec is
    /// one finding: a script on /dev/shm run through a descriptor is not two attacks.
    fn judge(&self, event: &Event, exec: &Exec) -> Option<Finding> {
        let process = &event.process;
        let previous = self.history.previous_image(process, exec);
        let image = backing::judge(&self.config, &self.history, event, exec, previous);
        let argument = argument::judge(&self.config, &self.history, event, exec);
        let verdict = [image, argument]
            .into_iter()
            .flatten()
            .max_by_key(|verdict| (verdict.severity, verdict.confidence))?;
        let actor = words::actor(&exec.previous_exe, process);
        Some(verdict.into_finding(event, &actor))
    }
}

/// A process that was already there when the sensor started has no exec to look at.
/// Only a memfd is telling then: daemons whose file was replaced by an upgrade are
/// everywhere on a running host.
fn judge_running(event: &Event) -> Option<Finding> {
    let verdict = backing::judge_running(&event.process)?;
    let actor = words::actor(&event.process.exe, &event.process);
    Some(verdict.into_finding(event, &actor))
}

impl Verdict {
    fn into_finding(self, event: &Event, actor: &str) -> Finding {
        let origin = words::origin(&event.process);
        Finding {
            variant: self.variant,
            subject: event.process.exe.as_ref().into(),
            severity: self.severity,
            confidence: self.confidence,
            summary: format!("{actor} {}{origin}", self.deed),
            reason: self.reason,
            techniques: self.techniques.into(),
            earlier: self.earlier,
            shows: self.shows,
        }
    }
}
