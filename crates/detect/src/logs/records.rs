//! Which files are records, and of what.

use crate::paths::within;

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Who logged in: wtmp, btmp, utmp, lastlog.
    Logins,
    /// The audit trail of the kernel.
    Audit,
    /// The journal of systemd.
    Journal,
    /// What syslog keeps of logins and of the system.
    System,
    /// What was typed into a shell.
    History,
    /// Any other file below /var/log.
    Other,
}

const LOGINS: [&str; 8] = [
    "/var/log/wtmp",
    "/var/log/btmp",
    "/var/log/lastlog",
    "/var/log/faillog",
    "/var/log/tallylog",
    "/run/utmp",
    "/var/run/utmp",
    "/var/lib/wtmpdb/wtmp.db",
];

const SYSTEM: [&str; 10] = [
    "/var/log/auth.log",
    "/var/log/secure",
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/kern.log",
    "/var/log/daemon.log",
    "/var/log/user.log",
    "/var/log/cron",
    "/var/log/cron.log",
    "/var/log/sudo.log",
];

const HISTORY: [&str; 9] = [
    ".bash_history",
    ".zsh_history",
    ".ash_history",
    ".sh_history",
    ".history",
    ".python_history",
    ".mysql_history",
    ".psql_history",
    "fish_history",
];

/// What the path records, if anything.
pub fn of(path: &str) -> Option<Record> {
    if !within(path, "/var/log") {
        return elsewhere(path);
    }
    Some(if LOGINS.contains(&path) {
        Record::Logins
    } else if path == "/var/log/audit" || path.starts_with("/var/log/audit/") {
        Record::Audit
    } else if within(path, "/var/log/journal") {
        Record::Journal
    } else if SYSTEM.contains(&path) || path == "/var/log" {
        Record::System
    } else {
        Record::Other
    })
}

fn elsewhere(path: &str) -> Option<Record> {
    if path.starts_with("/run/") || path.starts_with("/var/") {
        if LOGINS.contains(&path) {
            return Some(Record::Logins);
        }
        if within(path, "/run/log/journal") {
            return Some(Record::Journal);
        }
    }
    let name = path
        .ends_with("history")
        .then(|| path.rsplit('/').next())??;
    HISTORY.contains(&name).then_some(Record::History)
}

impl Record {
    /// The branch of the rule.
    pub fn variant(self) -> &'static str {
        match self {
            Record::Logins => "login_records",
            Record::Audit => "audit_log",
            Record::Journal => "journal",
            Record::System => "system_log",
            Record::History => "shell_history",
            Record::Other => "other_log",
        }
    }

    /// What it is, for a sentence.
    pub fn thing(self) -> &'static str {
        match self {
            Record::Logins => "a record of logins",
            Record::Audit => "the audit trail",
            Record::Journal => "a part of the journal",
            Record::System => "a log of the system",
            Record::History => "the history of a shell",
            Record::Other => "a log",
        }
    }

    /// Whether its place within the file is fixed, so that any write changes what was
    /// recorded before.
    pub fn is_fixed(self) -> bool {
        matches!(self, Record::Logins | Record::Audit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let cases = [
            ("/var/log/wtmp", Some(Record::Logins)),
            ("/run/utmp", Some(Record::Logins)),
            ("/var/log/audit/audit.log", Some(Record::Audit)),
            ("/var/log/journal/0/system.journal", Some(Record::Journal)),
            ("/run/log/journal/0/system.journal", Some(Record::Journal)),
            ("/var/log/auth.log", Some(Record::System)),
            ("/var/log/auth.log.1", Some(Record::Other)),
            ("/var/log/nginx/access.log", Some(Record::Other)),
            ("/root/.bash_history", Some(Record::History)),
            (
                "/home/a/.local/share/fish/fish_history",
                Some(Record::History),
            ),
            ("/home/a/src/history", None),
            ("/var/logs/x", None),
        ];
        for (path, expected) in cases {
            assert_eq!(of(path), expected, "{path}");
        }
    }
}
