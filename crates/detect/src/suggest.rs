//! What to look at next after an alert: commands that can be pasted as they are.
//!
//! Names in them come from whoever is being watched, so a name that a shell or SQL could
//! read in any other way than as itself gives no command.

use std::net::IpAddr;

use sentinel_event::{Detail, Event, Process};

/// Commands at most.
const MAX: usize = 4;

/// Commands for a conclusion about `event`, the most telling first.
pub fn commands(event: &Event, incident: &str) -> Vec<Box<str>> {
    let process = &event.process;
    let mut commands = vec![
        format!("sentinelctl tree {}", process.pid),
        sql(&format!(
            "select time, kind, path, addr, port from events where exec_id = '{}' order by time",
            process.exec_id
        )),
    ];
    match &event.detail {
        Detail::Target(action) if action.target.pid != 0 => {
            commands.push(format!("sentinelctl tree {}", action.target.pid));
        }
        detail => commands.extend(path(detail).and_then(touched)),
    }
    commands.extend(peer(&event.detail, process).map(|peer| {
        sql(&format!(
            "select time, exe, pid, kind, port from network where addr = '{peer}' order by time"
        ))
    }));
    commands.truncate(MAX - 1);
    commands.push(format!("sentinelctl alerts --incident {incident}"));
    commands.into_iter().map(String::into_boxed_str).collect()
}

/// Who else touched the file.
fn touched(path: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-:@".contains(c);
    let is_harmless = path.starts_with('/') && path.chars().all(plain);
    is_harmless.then(|| {
        sql(&format!(
            "select time, kind, exe, pid, uid from files where path = '{path}' order by time"
        ))
    })
}

fn sql(question: &str) -> String {
    format!("sentinelctl query \"{question}\"")
}

fn path(detail: &Detail) -> Option<&str> {
    match detail {
        Detail::Open(file) => Some(&file.path),
        Detail::File(action) => Some(&action.path),
        _ => None,
    }
}

/// The other host of the event, or of the process's standard input.
fn peer(detail: &Detail, process: &Process) -> Option<IpAddr> {
    let peer = match detail {
        Detail::Connect(connection) | Detail::Accept(connection) => Some(connection.peer),
        Detail::Network(action) => Some(action.connection.peer),
        _ => process.stdio[0].peer,
    }?;
    let ip = peer.ip().to_canonical();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use sentinel_event::{Access, FileAccess, FileIdentity};
    use std::sync::Arc;

    fn open(path: &str) -> Event {
        let file = FileAccess {
            path: path.into(),
            file: FileIdentity::default(),
            backing: Default::default(),
            access: Access::Write,
            open_flags: 0,
            fd: 3,
        };
        let process = Arc::new(testing::process("/bin/sh", 7));
        testing::event(process, 0, Detail::Open(file))
    }

    #[test]
    fn hostile_names_are_left_out() {
        let with_file = commands(&open("/etc/passwd"), "0123456789abcdef");
        assert_eq!(with_file.len(), 4);
        assert!(
            with_file[2].contains("path = '/etc/passwd'"),
            "{with_file:?}"
        );
        for path in [
            "/tmp/'; drop",
            "/tmp/$(id)",
            "/tmp/a\"b",
            "/tmp/a b",
            "memfd:x",
        ] {
            let commands = commands(&open(path), "0123456789abcdef");
            assert_eq!(commands.len(), 3, "{commands:?}");
        }
    }
}
