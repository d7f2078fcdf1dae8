//! Marks on files that lend rights to whoever runs them: setuid, setgid, capabilities.

use sentinel_event::{Detail, Event, Severity};

use super::Config;
use crate::changes::{Change, Deed};
use crate::grade::{graver, milder};
use crate::techniques::{ABUSE_ELEVATION, SETUID};
use crate::who::{self, Who};
use crate::{Finding, facts, paths, words};

const SET_USER_ID: u32 = 0o4000;
const SET_GROUP_ID: u32 = 0o2000;
const GROUP_EXECUTE: u32 = 0o010;
const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// The attribute in which capabilities of a file are kept.
const CAPABILITIES: &str = "security.capability";

const TOOLS: &[&str] = &[
    "/usr/sbin/setcap",
    "/usr/bin/setcap",
    "/usr/bin/dpkg-statoverride",
];

/// Judges a change that marks a file.
pub fn judge(config: &Config, event: &Event, change: &Change<'_>) -> Option<Finding> {
    let process = &event.process;
    let (variant, what, severity) = mark(event, change)?;
    let severity = match who::of(process, TOOLS, &config.trusted_programs) {
        Who::Package | Who::Trusted => return None,
        Who::ToolOfPerson => milder(severity),
        Who::Stranger => graver(severity),
        Who::Tool | Who::Person | Who::Installed => severity,
    };
    let shared = paths::is_shared_place(&change.path);
    let mut severity = if shared { graver(severity) } else { severity };
    let mut reason = "whoever runs the file gets rights that are not theirs; no package is being \
                      installed"
        .to_owned();
    if shared {
        reason.push_str(", and it lies where any user can leave a file");
    }
    if !facts::in_host_mounts(process) {
        severity = milder(severity);
        reason.push_str("; the file is that of a container, not the host's");
    }
    let path = words::shown(&change.path);
    Some(Finding {
        variant,
        subject: (*change.path).into(),
        severity,
        confidence: 75,
        summary: format!(
            "{} {what} {path}{}",
            words::actor(&process.exe, process),
            words::origin(process)
        ),
        reason,
        techniques: match variant {
            "capability_file" => vec![ABUSE_ELEVATION],
            _ => vec![SETUID],
        }
        .into(),
        earlier: Vec::new(),
        shows: format!("{} of {path}", event.kind()),
    })
}

fn mark(event: &Event, change: &Change<'_>) -> Option<(&'static str, &'static str, Severity)> {
    let mode = match (&event.detail, change.deed) {
        (Detail::File(action), Deed::Mode) => action.argument as u32,
        (Detail::Open(_), Deed::Create) => change.file.mode,
        (Detail::File(action), Deed::Attribute) => {
            let sets = &*action.operation != "remove" && change.other == CAPABILITIES;
            return sets.then_some(("capability_file", "gave capabilities to", Severity::High));
        }
        _ => return None,
    };
    let kind = change.file.mode & TYPE_MASK;
    if kind != 0 && kind != REGULAR {
        return None;
    }
    if mode & SET_USER_ID != 0 {
        // The file of another than root lends that one's rights only.
        let severity = match change.file.uid {
            0 => Severity::High,
            _ => Severity::Medium,
        };
        return Some(("setuid_file", "made a setuid program of", severity));
    }
    // Without the right to execute, the bit once meant locking; on folders it is common.
    let lends = mode & SET_GROUP_ID != 0 && mode & GROUP_EXECUTE != 0 && kind == REGULAR;
    lends.then_some(("setgid_file", "made a setgid program of", Severity::Low))
}
