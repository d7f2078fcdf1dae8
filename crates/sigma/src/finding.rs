//! What a match of a rule says, for the engine of detections to make an alert of.

use std::borrow::Cow;

use sentinel_detect::{Finding, words};
use sentinel_event::{Detail, Event};

use crate::rule::Rule;
use crate::set::Hit;

/// Matched fields that a sentence names.
const FIELDS_MAX: usize = 4;

/// The finding of a match of `rule` on `event`.
pub fn finding(rule: &Rule, hit: &Hit, event: &Event) -> Finding {
    let process = &event.process;
    let actor = words::actor(&process.exe, process);
    let did = deed(event);
    let summary = format!(
        "{}: {actor} {did}{}",
        words::shown(&rule.title),
        words::origin(process)
    );
    Finding {
        variant: "",
        subject: subject(event).into(),
        severity: rule.severity,
        confidence: rule.confidence,
        summary,
        reason: reason(rule, hit),
        techniques: Cow::Owned(rule.techniques.clone()),
        earlier: Vec::new(),
        shows: did,
    }
}

/// `ran "curl -T x"`, `made /etc/cron.d/x` and so on.
fn deed(event: &Event) -> String {
    let shown = words::shown;
    match &event.detail {
        Detail::Exec(_) => format!("ran {}", shown(&event.process.command_line())),
        Detail::Open(open) => match open.access {
            sentinel_event::Access::Read => format!("read {}", shown(&open.path)),
            sentinel_event::Access::Create => format!("made {}", shown(&open.path)),
            _ => format!("wrote to {}", shown(&open.path)),
        },
        Detail::File(action) if action.to.is_empty() => {
            format!("did {} of {}", event.kind(), shown(&action.path))
        }
        Detail::File(action) => format!(
            "did {} of {}, {}",
            event.kind(),
            shown(&action.path),
            shown(&action.to)
        ),
        Detail::Connect(connection) => format!("connected to {}", connection.peer),
        Detail::Accept(connection) => format!("accepted a connection from {}", connection.peer),
        Detail::Network(action) if !action.name.is_empty() => {
            format!("asked for the address of {}", shown(&action.name))
        }
        Detail::Network(action) => format!("sent to {}", action.connection.peer),
        Detail::Mmap(memory) => format!("loaded {}", shown(&memory.path)),
        Detail::Target(action) => format!(
            "did {} of {}",
            event.kind(),
            shown(words::program(&action.target.exe))
        ),
        _ => format!("did {}", event.kind()),
    }
}

/// What sets one match of a rule by one process apart from another.
fn subject(event: &Event) -> String {
    match &event.detail {
        Detail::Open(open) => open.path.to_string(),
        Detail::File(action) => format!("{}\0{}", action.path, action.to),
        Detail::Connect(connection) | Detail::Accept(connection) => connection.peer.to_string(),
        Detail::Network(action) if !action.name.is_empty() => action.name.to_string(),
        Detail::Network(action) => action.connection.peer.to_string(),
        Detail::Mmap(memory) => memory.path.to_string(),
        Detail::Target(action) => action.target.exec_id.to_string(),
        _ => String::new(),
    }
}

fn reason(rule: &Rule, hit: &Hit) -> String {
    let mut reason = "the Sigma rule ".to_owned();
    reason.push_str(&format!("\"{}\"", rule.title));
    if !rule.id.is_empty() {
        reason.push_str(&format!(" ({})", rule.id));
    }
    if !rule.author.is_empty() {
        reason.push_str(&format!(" by {}", rule.author));
    }
    reason.push_str(" matched ");
    reason.push_str(hit.record.name());
    let fields = hit.matched.iter().take(FIELDS_MAX);
    let named: Vec<String> = fields
        .map(|(field, value)| format!("{field} = {}", words::shown(value)))
        .collect();
    if !named.is_empty() {
        reason.push_str(&format!(" with {}", named.join(", ")));
    }
    if !rule.description.is_empty() {
        reason.push_str(&format!("; {}", rule.description));
    }
    reason
}
