//! Records of what happened: wiped, but only the simulator's own.
//!
//! The files lie beside the host's logs and are made before the attack. Records of logins
//! are opened for writing, and nothing is written.

use sentinel_event::{Severity, Technique};

use crate::traces::Trace::{Made, Prepared};
use crate::{Expected, Family, Variant};

const CLEAR: &[Technique] = &[Technique::new(
    "T1685.006",
    "T1070.002",
    "Clear Linux or Mac System Logs",
)];
const HISTORY: &[Technique] = &[Technique::new(
    "T1070.003",
    "T1070.003",
    "Indicator Removal: Clear Command History",
)];

const LOG: &str = "/var/log/sentinel-simulation.log";
const OTHER: &str = "/var/log/sentinel-simulation.other";
const THIRD: &str = "/var/log/sentinel-simulation.third";
const FOURTH: &str = "/var/log/sentinel-simulation.fourth";
const AUDIT: &str = "/var/log/audit/sentinel-simulation.log";
const JOURNAL: &str = "/var/log/journal/sentinel-simulation/system.journal";
const SHELL: &str = "/var/lib/sentinel-simulation/.bash_history";
const AWAY: &str = "/var/lib/sentinel-simulation/away";

macro_rules! wiped {
    ($name:literal, $severity:ident, $techniques:ident, $what:literal, $steps:literal, $words:expr, $traces:expr) => {
        Variant::of(
            concat!("log-wiping/", $name),
            Expected::Alert("log_wiping", Severity::$severity),
            $techniques,
            $what,
            $steps,
            $words,
        )
        .leaving($traces)
    };
}

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "log-wiping",
    summary: "records of what happened on the host are removed, emptied or overwritten",
    variants: &[
        wiped!(
            "unlink",
            Medium,
            CLEAR,
            "a log removed",
            "unlink",
            &["unlink", LOG],
            &[Prepared(LOG)]
        ),
        wiped!(
            "unlink-i386",
            Medium,
            CLEAR,
            "a log removed by a 32-bit system call",
            "unlink by int 0x80",
            &["unlink", LOG],
            &[Prepared(LOG)]
        )
        .narrow(),
        wiped!(
            "unlink-io-uring",
            Medium,
            CLEAR,
            "a log removed through io_uring",
            "io_uring_setup, IORING_OP_UNLINKAT",
            &["uring-unlink", LOG],
            &[Prepared(LOG)]
        )
        .hiding("unlink", "io_uring"),
        wiped!(
            "truncate",
            Medium,
            CLEAR,
            "a log emptied",
            "truncate",
            &["truncate", LOG],
            &[Prepared(LOG)]
        ),
        wiped!(
            "truncate-i386",
            Medium,
            CLEAR,
            "a log emptied by a 32-bit system call",
            "truncate by int 0x80",
            &["truncate", LOG],
            &[Prepared(LOG)]
        )
        .narrow(),
        wiped!(
            "ftruncate",
            Medium,
            CLEAR,
            "a log opened and then emptied",
            "open(O_WRONLY), ftruncate",
            &["ftruncate", LOG],
            &[Prepared(LOG)]
        ),
        wiped!(
            "open-truncate",
            Medium,
            CLEAR,
            "a log emptied as it is opened, as the shell's > does",
            "open(O_WRONLY|O_TRUNC)",
            &["open-truncate", LOG],
            &[Prepared(LOG)]
        ),
        wiped!(
            "rename-away",
            Medium,
            CLEAR,
            "a log moved to another folder",
            "rename",
            &["rename", LOG, AWAY],
            &[Prepared(LOG), Made(AWAY)]
        ),
        wiped!(
            "rename-away-io-uring",
            Medium,
            CLEAR,
            "a log moved to another folder through io_uring",
            "io_uring_setup, IORING_OP_RENAMEAT",
            &["uring-rename", LOG, AWAY],
            &[Prepared(LOG), Made(AWAY)]
        )
        .hiding("rename", "io_uring"),
        wiped!(
            "rename-over",
            Medium,
            CLEAR,
            "another file in the place of a log",
            "renameat2",
            &["renameat2", AWAY, LOG],
            &[Prepared(LOG), Prepared(AWAY)]
        ),
        wiped!(
            "rewritten",
            Low,
            CLEAR,
            "a log written anew without some of its lines",
            "sed -i '/line/d': rename of a file from the same folder",
            &["run", "{find sed}", "-i", "/line/d", LOG],
            &[Prepared(LOG)]
        ),
        wiped!(
            "mount-over",
            Medium,
            CLEAR,
            "another file mounted over a log",
            "unshare(CLONE_NEWNS), mount(MS_BIND)",
            &["bind", AWAY, LOG],
            &[Prepared(LOG), Prepared(AWAY)]
        ),
        wiped!(
            "audit",
            High,
            CLEAR,
            "a log of the audit system overwritten",
            "open(O_RDWR), write",
            &["overwrite", AUDIT],
            &[Prepared(AUDIT)]
        ),
        wiped!(
            "journal",
            High,
            CLEAR,
            "a file of the journal removed",
            "unlink",
            &["unlink", JOURNAL],
            &[Prepared(JOURNAL)]
        ),
        wiped!(
            "history",
            High,
            HISTORY,
            "the history of a shell removed",
            "unlink",
            &["unlink", SHELL],
            &[Prepared(SHELL)]
        ),
        wiped!(
            "history-truncate",
            High,
            HISTORY,
            "the history of a shell emptied",
            "truncate",
            &["truncate", SHELL],
            &[Prepared(SHELL)]
        ),
        wiped!(
            "history-covered",
            High,
            HISTORY,
            "a file mounted over the history of a shell, for this process alone",
            "unshare(CLONE_NEWNS), mount(MS_BIND)",
            &["bind", AWAY, SHELL],
            &[Prepared(AWAY), Prepared(SHELL)]
        ),
        wiped!(
            "history-to-nowhere",
            High,
            HISTORY,
            "the history of a shell led to /dev/null",
            "symlink(/dev/null)",
            &["symlink", "/dev/null", SHELL],
            &[Made(SHELL)]
        ),
        wiped!(
            "logins-now",
            High,
            CLEAR,
            "the list of who is logged in opened for writing, and nothing written",
            "open(/run/utmp, O_WRONLY)",
            &["visit", "/run/utmp"],
            &[]
        ),
        wiped!(
            "last-logins",
            High,
            CLEAR,
            "the list of last logins opened for writing, and nothing written",
            "open(/var/log/lastlog, O_WRONLY)",
            &["visit", "/var/log/lastlog"],
            &[]
        ),
        wiped!(
            "login-records",
            High,
            CLEAR,
            "the record of logins opened for writing, and nothing written",
            "open(/var/log/wtmp, O_WRONLY)",
            &["visit", "/var/log/wtmp"],
            &[]
        ),
        wiped!(
            "failed-logins",
            High,
            CLEAR,
            "the record of failed logins opened for writing, and nothing written",
            "open(/var/log/btmp, O_WRONLY)",
            &["visit", "/var/log/btmp"],
            &[]
        ),
        wiped!(
            "sweep",
            High,
            CLEAR,
            "one log after the other removed",
            "unlink, unlink, unlink, unlink",
            &["unlink", LOG, OTHER, THIRD, FOURTH],
            &[
                Prepared(LOG),
                Prepared(OTHER),
                Prepared(THIRD),
                Prepared(FOURTH)
            ]
        ),
    ],
};
