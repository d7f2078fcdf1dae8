//! One change on one line.

use sentinel_api::v1::AuditEntry;
use sentinel_event::text::escape;

use super::{BAD, DIM, GOOD, Look, WARN};

/// `time action detail outcome by whom`.
pub fn line(entry: &AuditEntry, look: &Look) -> String {
    let time = look.paint(DIM, &look.date(entry.time.as_ref()));
    let deed = match entry.detail.is_empty() {
        true => escape(&entry.action).into_owned(),
        false => format!("{} {}", escape(&entry.action), escape(&entry.detail)),
    };
    let style = match &*entry.outcome {
        "done" => GOOD,
        "failed" => BAD,
        _ => WARN,
    };
    let outcome = look.paint(style, &escape(&entry.outcome));
    let outcome = match entry.reason.is_empty() {
        true => outcome,
        false => format!("{outcome}: {}", escape(&entry.reason)),
    };
    if let Some(names) = &entry.certificate {
        let address = entry.address.as_deref().unwrap_or("another host");
        let (names, address) = (escape(names), escape(address));
        return format!("{time}  {deed}  {outcome}  by {names} from {address}");
    }
    let user = match &entry.user {
        Some(user) => format!("{} (uid {})", escape(user), entry.uid),
        None => format!("uid {}", entry.uid),
    };
    let exe = match entry.exe.is_empty() {
        true => String::new(),
        false => format!("{} ", escape(&entry.exe)),
    };
    let who = format!("by {user}, {exe}(pid {})", entry.pid);
    format!("{time}  {deed}  {outcome}  {who}")
}
