//! `log_wiping`: records of what happened on the host are removed, emptied, overwritten or
//! moved away, other than by the programs that keep or rotate them.
//!
//! The records stand in [`records`]. Stopping those who write them, and changing what they
//! write, is `defence_impairment`.

mod records;

use std::collections::BTreeSet;

use sentinel_event::{Detail, Event, ExecId, Process, Severity, Technique};
use serde::{Deserialize, Serialize};

use crate::bounded::Bounded;
use crate::changes::{self, Change, Deed};
use crate::grade::milder;
use crate::registry::Start;
use crate::stable_hash::StableHash;
use crate::techniques::{CLEAR_HISTORY, CLEAR_LOGS};
use crate::who::{self, Who};
use crate::{Detection, Finding, Findings, KindSet, facts, programs, words};
use records::Record;

const LOGS: &[Technique] = &[CLEAR_LOGS];
const HISTORY: &[Technique] = &[CLEAR_HISTORY];

/// Settings of `log_wiping`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Installed programs that keep or rotate logs.
    pub log_keepers: Vec<String>,
    /// Different logs that one process must wipe for a sweep.
    pub sweep_files: u32,
    /// Processes that are remembered.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        let log_keepers = [
            "/usr/sbin/logrotate",
            "/usr/bin/savelog",
            "/usr/lib/systemd/systemd-journald",
            "/lib/systemd/systemd-journald",
            "/usr/bin/systemd-tmpfiles",
            "/usr/lib/systemd/systemd-update-utmp",
            "/usr/lib/systemd/systemd-logind",
            "/usr/lib/systemd/systemd",
            "/usr/lib/systemd/systemd-executor",
            "/usr/sbin/rsyslogd",
            "/usr/sbin/syslog-ng",
            "/usr/sbin/auditd",
            "/usr/sbin/sshd",
            "/usr/lib/openssh/sshd-session",
            "/usr/libexec/openssh/sshd-session",
            "/usr/bin/login",
            "/usr/bin/su",
            "/usr/bin/sudo",
            "/usr/sbin/agetty",
            "/usr/libexec/utempter/utempter",
            "/usr/lib/x86_64-linux-gnu/utempter/utempter",
            "/usr/bin/cloud-init",
        ];
        Config {
            enabled: true,
            log_keepers: log_keepers.map(str::to_owned).to_vec(),
            sweep_files: 4,
            remembered: 16_384,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    if let Some(path) = config.log_keepers.iter().find(|p| !p.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    if config.sweep_files < 2 {
        return Start::Failed("sweep_files must be at least 2".to_owned());
    }
    Start::Running(Box::new(LogWiping {
        wiped: Bounded::new(config.remembered as usize),
        config: config.clone(),
    }))
}

struct LogWiping {
    config: Config,
    /// The different logs that each image wiped, as hashes of their paths.
    wiped: Bounded<ExecId, BTreeSet<u64>>,
}

impl Detection for LogWiping {
    fn kinds(&self) -> KindSet {
        changes::KINDS.union(KindSet::of(&[sentinel_event::Kind::Exec]))
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        if let Detail::Exec(_) = &event.detail {
            findings.extend(command(event));
            return;
        }
        for change in changes::of(event) {
            let Some(record) = records::of(&change.path) else {
                continue;
            };
            if let Some(finding) = self.judge(event, &change, record) {
                findings.extend(self.sweep(event, &change, record));
                findings.push(finding);
            }
        }
    }

    fn evicted_total(&self) -> u64 {
        self.wiped.evicted_total()
    }
}

impl LogWiping {
    fn judge(&self, event: &Event, change: &Change<'_>, record: Record) -> Option<Finding> {
        let process = &event.process;
        let loses = change.deed.destroys() || (record.is_fixed() && change.deed == Deed::Write);
        if !loses || is_renaming_within(change, record) {
            return None;
        }
        let who = self.who(process);
        if is_own(process, change, record) {
            return None;
        }
        let mut severity = weigh(record, who)?;
        let mut reason = reason(record, who).to_owned();
        if !facts::in_host_mounts(process) {
            severity = milder(severity);
            reason.push_str("; the file is that of a container, not the host's");
        }
        let path = words::shown(&change.path);
        Some(Finding {
            variant: record.variant(),
            subject: (*change.path).into(),
            severity,
            confidence: 75,
            summary: format!(
                "{} {} {}, {path}{}",
                words::actor(&process.exe, process),
                change.deed.verb(),
                record.thing(),
                words::origin(process)
            ),
            reason,
            techniques: techniques(record).into(),
            earlier: Vec::new(),
            shows: format!("{} of {path}", event.kind()),
        })
    }

    fn who(&self, process: &Process) -> Who {
        let keepers: Vec<&str> = self.config.log_keepers.iter().map(String::as_str).collect();
        let who = who::of(process, &keepers, &[]);
        // What logrotate starts compresses and removes for it.
        let rotated = process.ancestors().any(|ancestor| {
            words::program(&ancestor.exe) == "logrotate"
                && matches!(
                    who::of(ancestor, &keepers, &[]),
                    Who::Tool | Who::ToolOfPerson
                )
                && rotates_by_default(ancestor)
        });
        match (rotated, who) {
            (true, Who::Person | Who::Installed) => Who::Tool,
            (false, Who::Tool | Who::ToolOfPerson) if !rotates_by_default(process) => Who::Person,
            (_, who) => who,
        }
    }

    /// One image that wipes log after log is not tidying up.
    fn sweep(&mut self, event: &Event, change: &Change<'_>, record: Record) -> Option<Finding> {
        let process = &event.process;
        let limit = self.config.sweep_files as usize;
        let wiped = self.wiped.entry(process.exec_id, BTreeSet::new);
        if record == Record::History
            || wiped.len() >= limit
            || !wiped.insert(StableHash::new().text(&change.path).finish())
        {
            return None;
        }
        (wiped.len() == limit).then(|| Finding {
            variant: "sweep",
            subject: "".into(),
            severity: match self.who(process) {
                Who::Stranger => Severity::Critical,
                _ => Severity::High,
            },
            confidence: 80,
            summary: format!(
                "{} wiped {limit} different logs{}",
                words::actor(&process.exe, process),
                words::origin(process)
            ),
            reason: format!(
                "one process image removed, emptied or replaced {limit} different logs, and is no \
                 program that keeps or rotates them"
            ),
            techniques: LOGS.into(),
            earlier: Vec::new(),
            shows: format!("{} of {}", event.kind(), words::shown(&change.path)),
        })
    }
}

/// Whether logrotate runs with a configuration that only root can write; other programs
/// always do what they are made for.
fn rotates_by_default(process: &Process) -> bool {
    words::program(&process.exe) != "logrotate"
        || process.argv[1.min(process.argv.len())..]
            .iter()
            .filter(|argument| !argument.starts_with('-'))
            .all(|file| file.starts_with("/etc/") || file.starts_with("/var/lib/logrotate"))
}

/// Other logs are turned over by giving the file another name beside it, which keeps what
/// is in it. A file that takes a log's own name, as from `sed -i`, is not turned over but
/// put in its place.
fn is_renaming_within(change: &Change<'_>, record: Record) -> bool {
    fn split(path: &str) -> (&str, &str) {
        path.rsplit_once('/').unwrap_or(("", path))
    }
    let ((folder, name), (other, source)) = (split(&change.path), split(change.other));
    record == Record::Other
        && folder == other
        && match change.deed {
            Deed::MoveAway => true,
            Deed::Replace => is_older(name, source),
            _ => false,
        }
}

/// Whether `name` is what a log called `source` is called one turn later: `syslog.2.gz` for
/// `syslog.1.gz`, `app.log.old` for `app.log`.
fn is_older(name: &str, source: &str) -> bool {
    let mut stem = source;
    for end in [".gz", ".xz", ".zst", ".bz2", ".old"] {
        stem = stem.strip_suffix(end).unwrap_or(stem);
    }
    let stem = stem.trim_end_matches(|c: char| c.is_ascii_digit() || "-.".contains(c));
    name.strip_prefix(stem).is_some_and(|rest| !rest.is_empty())
}

/// Whether the program keeps this file itself: a service its own log, a shell its own
/// history.
fn is_own(process: &Process, change: &Change<'_>, record: Record) -> bool {
    let owner = change.file.inode != 0 && change.file.uid == process.euid;
    let installed = facts::is_installed(&process.exe, &process.file, process.backing);
    match record {
        Record::History => {
            owner
                && installed
                && !matches!(change.deed, Deed::Symlink | Deed::Link | Deed::Mount)
                && programs::keeps_history(&process.exe)
        }
        Record::Other => owner && installed && process.euid != 0 && process.tty.is_none(),
        _ => false,
    }
}

/// How bad it is; none for those whose work it is.
fn weigh(record: Record, who: Who) -> Option<Severity> {
    use Severity::{High, Low, Medium};
    Some(match (record, who) {
        (_, Who::Package | Who::Trusted | Who::Tool | Who::ToolOfPerson) => return None,
        (Record::History, Who::Stranger) => High,
        (Record::History, _) => Medium,
        (Record::Other, Who::Stranger) => Medium,
        (Record::Other, _) => Low,
        (_, Who::Installed) => Medium,
        (_, Who::Person | Who::Stranger) => High,
    })
}

fn reason(record: Record, who: Who) -> &'static str {
    match (record, who) {
        (Record::History, _) => {
            "a shell keeps its own history; another program that removes or empties it hides what \
             was typed"
        }
        (_, Who::Stranger) => "what was recorded there is lost, by a program that is not installed",
        (_, Who::Person) => {
            "what was recorded there is lost, by someone on a terminal and not by a program that \
             keeps or rotates logs"
        }
        _ => "what was recorded there is lost, and the program neither keeps nor rotates logs",
    }
}

fn techniques(record: Record) -> &'static [Technique] {
    match record {
        Record::History => HISTORY,
        _ => LOGS,
    }
}

/// Judges commands that have the keeper of a log wipe it.
fn command(event: &Event) -> Option<Finding> {
    let process = &event.process;
    let has = |starts: &[&str]| {
        let mut arguments = process.argv.iter().skip(1);
        arguments.any(|argument| starts.iter().any(|start| argument.starts_with(start)))
    };
    let (variant, thing, severity) = match words::program(&process.exe) {
        "journalctl" if has(&["--vacuum-"]) => {
            ("journal", "old parts of the journal", Severity::Medium)
        }
        "dmesg" if has(&["-C", "-c", "--clear", "--read-clear"]) => {
            ("kernel_buffer", "the kernel's messages", Severity::Low)
        }
        _ => return None,
    };
    let severity = match who::of(process, &[], &[]) {
        Who::Package => return None,
        Who::Installed => milder(severity),
        _ => severity,
    };
    Some(Finding {
        variant,
        subject: "command".into(),
        severity,
        confidence: 60,
        summary: format!(
            "{} was told to clear {thing}{}",
            words::actor(&process.exe, process),
            words::origin(process)
        ),
        reason: "the command throws records away that nothing else keeps".to_owned(),
        techniques: LOGS.into(),
        earlier: Vec::new(),
        shows: format!("exec of {}", words::shown(&process.command_line())),
    })
}
