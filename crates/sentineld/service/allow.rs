//! What is allowed: the list, and its changes.

use std::sync::Arc;

use sentinel_api::v1;
use tonic::{Request, Status};

use super::access::Caller;
use super::status::Facts;
use super::{change, convert};
use crate::allow::{AddError, Entry, Rule};
use crate::clock;

/// Every rule.
pub fn list(facts: &Facts) -> v1::ListAllowRulesResponse {
    v1::ListAllowRulesResponse {
        rules: facts
            .allowed
            .list()
            .iter()
            .map(|entry| one(entry))
            .collect(),
    }
}

/// Adds one.
pub async fn add(
    facts: &Arc<Facts>,
    request: Request<v1::AddAllowRuleRequest>,
) -> Result<v1::AllowRule, Status> {
    let asked = request.get_ref().rule.clone();
    let asked = asked.ok_or_else(|| Status::invalid_argument("there is no rule to add"))?;
    let rule = Rule {
        created_ns: clock::unix_ns(),
        created_by: name(change::caller(&request)?),
        ..rule(asked)?
    };
    // Refused before it is on record as begun.
    rule.scope().map_err(Status::invalid_argument)?;
    let detail = describe(&rule);
    let entry = change::change(facts, &request, "allow", detail, move |facts| {
        facts.allowed.add(rule).map_err(|error| match error {
            AddError::Refused(reason) => Status::invalid_argument(reason),
            AddError::Unkept(error) => Status::unavailable(format!("{error:#}")),
        })
    })
    .await?;
    Ok(one(&entry))
}

/// Removes one.
pub async fn remove(
    facts: &Arc<Facts>,
    request: Request<v1::RemoveAllowRuleRequest>,
) -> Result<v1::AllowRule, Status> {
    let id = request.get_ref().id.clone();
    let known = facts.allowed.list();
    let known = known.iter().find(|entry| entry.rule.id == id);
    let missing = || Status::not_found(format!("there is no allow rule {id:?}"));
    let detail = format!("{id}: {}", describe(&known.ok_or_else(missing)?.rule));
    let wanted = id.clone();
    let removed = change::change(facts, &request, "disallow", detail, move |facts| {
        let removed = facts.allowed.remove(&wanted);
        removed.map_err(|error| Status::unavailable(format!("{error:#}")))
    })
    .await?;
    removed.map(|entry| one(&entry)).ok_or_else(missing)
}

/// What the rule names, and why, on one line.
fn describe(rule: &Rule) -> String {
    let file = rule.exe_file.map(|(_, inode)| format!("inode {inode}"));
    let expires = rule
        .expires_ns
        .map(|ns| match jiff::Timestamp::from_nanosecond(ns.into()) {
            Ok(time) => format!("until {time:.0}"),
            Err(_) => String::new(),
        });
    let parts = [
        ("", &rule.detection),
        ("exe ", &rule.exe),
        ("", &file.unwrap_or_default()),
        ("sha256 ", &rule.sha256),
        ("below ", &rule.ancestor),
        ("path ", &rule.path),
        ("user ", &rule.user),
        ("", &expires.unwrap_or_default()),
        ("from alert ", &rule.from_alert),
    ];
    let named: Vec<String> = (parts.iter())
        .filter(|(_, text)| !text.is_empty())
        .map(|(word, text)| format!("{word}{text}"))
        .collect();
    format!("{}: {}", named.join(", "), rule.reason)
}

fn name(caller: &Caller) -> String {
    let who = change::who(caller, String::new());
    let named = who.certificate.or(who.user);
    named.unwrap_or_else(|| format!("uid {}", who.uid))
}

fn rule(asked: v1::AllowRule) -> Result<Rule, Status> {
    let exe_file = match (asked.exe_device, asked.exe_inode) {
        (None, None) => None,
        (Some(device), Some(inode)) => {
            let device = u32::try_from(device)
                .map_err(|_| Status::invalid_argument("the device is no device number"))?;
            Some((device, inode))
        }
        _ => return Err(Status::invalid_argument("device and inode go together")),
    };
    Ok(Rule {
        id: String::new(),
        detection: asked.detection,
        exe: asked.exe,
        exe_file,
        sha256: asked.sha256.to_ascii_lowercase(),
        ancestor: asked.ancestor,
        path: asked.path,
        user: asked.user,
        expires_ns: asked.expires.as_ref().map(convert::unix_ns),
        reason: asked.reason,
        created_ns: 0,
        created_by: String::new(),
        from_alert: asked.from_alert,
    })
}

fn one(entry: &Entry) -> v1::AllowRule {
    let rule = &entry.rule;
    let (suppressed_total, suppressed_last) = entry.suppressed();
    v1::AllowRule {
        id: rule.id.clone(),
        detection: rule.detection.clone(),
        exe: rule.exe.clone(),
        exe_device: rule.exe_file.map(|(device, _)| device.into()),
        exe_inode: rule.exe_file.map(|(_, inode)| inode),
        sha256: rule.sha256.clone(),
        ancestor: rule.ancestor.clone(),
        path: rule.path.clone(),
        user: rule.user.clone(),
        expires: rule.expires_ns.map(convert::timestamp),
        reason: rule.reason.clone(),
        created: Some(convert::timestamp(rule.created_ns)),
        created_by: rule.created_by.clone(),
        suppressed_total,
        suppressed_last: suppressed_last.map(convert::timestamp),
        expired: rule.is_expired(clock::unix_ns()),
        from_alert: rule.from_alert.clone(),
    }
}
