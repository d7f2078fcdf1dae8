//! Changes: each is recorded before it is made and after, and logged with who asked.
//! Every call that changes something goes through [`change`]. And their list.

use std::fs;
use std::sync::Arc;

use sentinel_api::v1;
use sentinel_process::Lookup;
use tonic::{Request, Status};

use super::access::{Caller, Peer};
use super::convert;
use super::status::Facts;
use crate::audit::{Entry, NO_USER, Who};
use crate::procfs::Procfs;

const LIST_MAX: usize = 1000;

/// Makes a change that `request` asks for, on a thread that may wait. `action` is the
/// kind of change, one word; `detail` is what was asked for.
///
/// # Errors
/// What `work` answers, and UNAVAILABLE when the audit cannot be written; nothing is
/// changed then.
pub async fn change<R, T: Send + 'static>(
    facts: &Arc<Facts>,
    request: &Request<R>,
    action: &'static str,
    detail: String,
    work: impl FnOnce(&Facts) -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    let caller = caller(request)?.clone();
    let facts = Arc::clone(facts);
    let exe = match &caller.peer {
        Peer::Process(process) => exe(&facts, process.pid).await,
        Peer::Certificate { .. } => String::new(),
    };
    tokio::task::spawn_blocking(move || recorded(&facts, who(&caller, exe), action, &detail, work))
        .await
        .map_err(|error| Status::internal(format!("the change broke off: {error}")))?
}

/// Who asks.
pub fn caller<R>(request: &Request<R>) -> Result<&Caller, Status> {
    let found = request.extensions().get::<Caller>();
    found.ok_or_else(|| Status::permission_denied("it is not known who is calling"))
}

/// Makes a change that a signal asks for.
pub fn by_signal<T>(
    facts: &Facts,
    action: &'static str,
    signal: &str,
    work: impl FnOnce(&Facts) -> Result<T, Status>,
) -> Result<T, Status> {
    // The kernel does not say who sent it.
    recorded(facts, Who::default(), action, signal, work)
}

fn recorded<T>(
    facts: &Facts,
    who: Who,
    action: &'static str,
    detail: &str,
    work: impl FnOnce(&Facts) -> Result<T, Status>,
) -> Result<T, Status> {
    let entry = facts
        .audit
        .begin(who.clone(), action, detail)
        .map_err(|error| Status::unavailable(format!("nothing was changed: {error:#}")))?;
    let result = work(facts);
    let failure = result
        .as_ref()
        .err()
        .map(|status| status.message().to_owned());
    tracing::info!(
        target: "audit",
        action,
        detail,
        caller_uid = who.uid,
        caller_gid = who.gid,
        caller_pid = who.pid,
        caller_exe = who.exe,
        caller_certificate = who.certificate,
        caller_address = who.address,
        "{action} {detail} by {who}: {}",
        failure.as_deref().unwrap_or("done")
    );
    if let Err(error) = facts.audit.end(entry, failure.as_deref()) {
        // It is made, and its beginning is recorded.
        tracing::error!("{error:#}");
    }
    result
}

async fn exe(facts: &Facts, pid: u32) -> String {
    match fs::read_link(format!("/proc/{pid}/exe")) {
        Ok(exe) => exe.to_string_lossy().into_owned(),
        // Others' are not readable without privileges, but the table knows them.
        Err(_) => known_exe(facts, pid).await,
    }
}

async fn known_exe(facts: &Facts, pid: u32) -> String {
    let living = facts.hub.processes().await.unwrap_or_default();
    let found = living.iter().rfind(|process| process.pid == pid);
    found.map_or(String::new(), |process| process.exe.to_string())
}

/// The caller as the audit names it.
pub fn who(caller: &Caller, exe: String) -> Who {
    match &caller.peer {
        Peer::Process(process) => Who {
            uid: process.uid,
            user: Procfs::new().user(process.uid).map(|name| name.to_string()),
            gid: process.gid,
            pid: process.pid,
            exe,
            certificate: None,
            address: None,
        },
        Peer::Certificate { names, address } => Who {
            uid: NO_USER,
            gid: NO_USER,
            certificate: Some(names.to_string()),
            address: Some(address.to_string()),
            ..Who::default()
        },
    }
}

/// The latest changes.
pub async fn list(
    facts: Arc<Facts>,
    request: v1::ListAuditRequest,
) -> Result<v1::ListAuditResponse, Status> {
    let limit = match request.limit as usize {
        0 => LIST_MAX,
        limit => limit.min(LIST_MAX),
    };
    let since = request.since.as_ref();
    let until = request.until.as_ref();
    let times_ns =
        since.map_or(i64::MIN, convert::nanoseconds)..until.map_or(i64::MAX, convert::nanoseconds);
    let (entries, more) = tokio::task::spawn_blocking(move || facts.audit.latest(limit, times_ns))
        .await
        .map_err(|error| Status::internal(format!("reading the audit failed: {error}")))?;
    Ok(v1::ListAuditResponse {
        entries: entries.into_iter().map(entry).collect(),
        more,
    })
}

fn entry(entry: Entry) -> v1::AuditEntry {
    v1::AuditEntry {
        seq: entry.seq,
        time: Some(convert::timestamp(entry.time_ns)),
        action: entry.action,
        detail: entry.detail,
        outcome: entry.outcome.name().to_owned(),
        reason: entry.reason,
        uid: entry.who.uid,
        user: entry.who.user,
        gid: entry.who.gid,
        pid: entry.who.pid,
        exe: entry.who.exe,
        certificate: entry.who.certificate,
        address: entry.who.address,
    }
}
