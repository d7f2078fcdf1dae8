//! Files that decide what runs, or who may log in, later: touched and put back.
//!
//! New files hold a comment and are gone after milliseconds; homes are made below
//! /var/lib and are nobody's; what is there already is opened for appending, and nothing
//! is appended.

use sentinel_event::{Severity, Technique};

use crate::traces::Trace::{Made, Prepared};
use crate::{Expected, Family, Variant};

const BOOT: &[Technique] = &[same("T1037", "Boot or Logon Initialization Scripts")];
const SCHEDULED: &[Technique] = &[same("T1053", "Scheduled Task/Job")];
const ACCOUNT: &[Technique] = &[same("T1098", "Account Manipulation")];
const SERVICE: &[Technique] = &[same(
    "T1543.002",
    "Create or Modify System Process: Systemd Service",
)];
const BINARY: &[Technique] = &[Technique::new(
    "T1554",
    "T1554",
    "Compromise Host Software Binary",
)];
const EVENT: &[Technique] = &[same("T1546", "Event Triggered Execution")];
const AUTOSTART: &[Technique] = &[same("T1547", "Boot or Logon Autostart Execution")];
const SUDOERS: &[Technique] = &[same(
    "T1548.003",
    "Abuse Elevation Control Mechanism: Sudo and Sudo Caching",
)];
const PAM: &[Technique] = &[same(
    "T1556.003",
    "Modify Authentication Process: Pluggable Authentication Modules",
)];
const LINKER: &[Technique] = &[same(
    "T1574.006",
    "Hijack Execution Flow: Dynamic Linker Hijacking",
)];

const fn same(id: &'static str, name: &'static str) -> Technique {
    Technique::new(id, id, name)
}

const EXPECTED: Expected = Expected::Alert("persistence", Severity::Medium);

/// A new file with a comment, or one opened for writing where it exists.
macro_rules! written {
    ($name:literal, $technique:ident, $what:literal, $path:literal) => {
        Variant::of(
            concat!("persistence/", $name),
            EXPECTED,
            $technique,
            $what,
            concat!("open(", $path, ", O_WRONLY|O_CREAT), write a comment"),
            &["write", $path],
        )
        .leaving(&[Made($path)])
    };
}

/// A cron job, by another operation than open and write.
macro_rules! cron {
    ($name:literal, $what:literal, $steps:literal, $words:expr, $traces:expr) => {
        Variant::of(
            concat!("persistence/", $name),
            EXPECTED,
            SCHEDULED,
            $what,
            $steps,
            $words,
        )
        .leaving($traces)
    };
}

const JOB: &str = "/etc/cron.d/sentinel-simulation";
/// On the same file system, so that it can get the name of the job.
const OTHER: &str = "/etc/sentinel-simulation";

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "persistence",
    summary: "a file that decides what runs, or who may log in, later is changed",
    variants: &[
        written!("passwd", ACCOUNT, "the list of accounts", "/etc/passwd"),
        written!("shadow", ACCOUNT, "the password hashes", "/etc/shadow"),
        written!("group", ACCOUNT, "the list of groups", "/etc/group"),
        written!(
            "sudoers",
            SUDOERS,
            "a rule of sudo",
            "/etc/sudoers.d/sentinel-simulation"
        ),
        written!(
            "authorized-keys",
            ACCOUNT,
            "a list of keys that may log in",
            "/var/lib/sentinel-simulation/.ssh/authorized_keys"
        ),
        written!(
            "cron",
            SCHEDULED,
            "a cron job",
            "/etc/cron.d/sentinel-simulation"
        ),
        written!(
            "crontab",
            SCHEDULED,
            "a user's crontab",
            "/var/spool/cron/crontabs/sentinel-simulation"
        ),
        written!(
            "at",
            SCHEDULED,
            "an at job",
            "/var/spool/cron/atjobs/sentinel-simulation"
        ),
        written!(
            "systemd-service",
            SERVICE,
            "a systemd unit",
            "/etc/systemd/system/sentinel-simulation.service"
        ),
        written!(
            "systemd-override",
            SERVICE,
            "settings that override those of a unit",
            "/etc/systemd/system/sentinel-simulation.service.d/override.conf"
        ),
        written!(
            "systemd-timer",
            SCHEDULED,
            "a systemd timer",
            "/etc/systemd/system/sentinel-simulation.timer"
        ),
        written!(
            "systemd-user",
            SERVICE,
            "a unit of a user's systemd",
            "/var/lib/sentinel-simulation/.config/systemd/user/sentinel-simulation.service"
        ),
        written!(
            "systemd-generator",
            SERVICE,
            "a program that systemd runs at boot, here one that cannot be executed",
            "/etc/systemd/system-generators/sentinel-simulation"
        ),
        written!(
            "rc-local",
            BOOT,
            "the script that runs at the end of boot",
            "/etc/rc.local"
        ),
        written!(
            "init",
            BOOT,
            "an init script",
            "/etc/init.d/sentinel-simulation"
        ),
        written!(
            "motd",
            BOOT,
            "a script that runs at every login",
            "/etc/update-motd.d/sentinel-simulation"
        ),
        written!(
            "profile",
            EVENT,
            "a start-up file of every login shell",
            "/etc/profile.d/sentinel-simulation.sh"
        ),
        written!(
            "bashrc",
            EVENT,
            "a start-up file of a user's shell",
            "/var/lib/sentinel-simulation/.bashrc"
        ),
        written!(
            "autostart",
            AUTOSTART,
            "a program that starts with the desktop",
            "/var/lib/sentinel-simulation/.config/autostart/sentinel-simulation.desktop"
        ),
        written!(
            "pam",
            PAM,
            "a service of PAM",
            "/etc/pam.d/sentinel-simulation"
        ),
        written!(
            "udev",
            EVENT,
            "a rule of udev",
            "/etc/udev/rules.d/sentinel-simulation.rules"
        ),
        written!(
            "ld-preload",
            LINKER,
            "the list of libraries that every program loads",
            "/etc/ld.so.preload"
        ),
        written!(
            "linker-path",
            LINKER,
            "a search path of the dynamic linker, used at the next ldconfig",
            "/etc/ld.so.conf.d/sentinel-simulation.conf"
        ),
        written!(
            "modules-load",
            AUTOSTART,
            "the kernel modules that are loaded at boot",
            "/etc/modules-load.d/sentinel-simulation.conf"
        ),
        written!(
            "apt-hook",
            EVENT,
            "a setting of apt, which can name commands",
            "/etc/apt/apt.conf.d/sentinel-simulation"
        ),
        written!(
            "network-hook",
            EVENT,
            "a script that runs when the network changes",
            "/etc/NetworkManager/dispatcher.d/sentinel-simulation"
        ),
        written!(
            "python",
            EVENT,
            "a file that Python runs whenever it starts",
            "/var/lib/sentinel-simulation/.local/lib/python3/site-packages/sentinel-simulation.pth"
        ),
        written!(
            "git-hook",
            EVENT,
            "a hook of a git repository",
            "/var/lib/sentinel-simulation/repository/.git/hooks/post-merge"
        ),
        written!(
            "program",
            BINARY,
            "a program among those that packages install",
            "/usr/bin/sentinel-simulation"
        ),
        cron!(
            "cron-i386",
            "a cron job, by 32-bit system calls",
            "open by int 0x80",
            &["write", JOB],
            &[Made(JOB)]
        )
        .narrow(),
        cron!(
            "cron-creat",
            "a cron job, by creat",
            "creat, write",
            &["creat", JOB],
            &[Made(JOB)]
        ),
        cron!(
            "cron-openat2",
            "a cron job, by openat2",
            "openat2(O_WRONLY|O_CREAT), write",
            &["openat2", JOB],
            &[Made(JOB)]
        ),
        cron!(
            "cron-handle",
            "a cron job that exists, opened by its handle",
            "name_to_handle_at, open_by_handle_at(O_WRONLY), write",
            &["handle", JOB],
            &[Prepared(JOB)]
        ),
        cron!(
            "cron-io-uring",
            "a cron job, opened through io_uring",
            "io_uring_setup, IORING_OP_OPENAT, write",
            &["uring-write", JOB],
            &[Made(JOB)]
        )
        .hiding("open", "io_uring"),
        cron!(
            "cron-io-uring-i386",
            "a cron job, opened through io_uring by a 32-bit program",
            "io_uring_setup by int 0x80, IORING_OP_OPENAT, write",
            &["uring-write", JOB],
            &[Made(JOB)]
        )
        .narrow()
        .hiding("open", "io_uring"),
        cron!(
            "cron-open-truncate",
            "a cron job that exists, emptied as it is opened",
            "open(O_WRONLY|O_TRUNC)",
            &["open-truncate", JOB],
            &[Prepared(JOB)]
        ),
        cron!(
            "cron-rename",
            "a cron job, made elsewhere and given its name",
            "rename",
            &["rename", OTHER, JOB],
            &[Prepared(OTHER), Made(JOB)]
        ),
        cron!(
            "cron-rename-i386",
            "the same by a 32-bit system call",
            "rename by int 0x80",
            &["rename", OTHER, JOB],
            &[Prepared(OTHER), Made(JOB)]
        )
        .narrow(),
        cron!(
            "cron-renameat2",
            "a cron job that exists, replaced by another",
            "renameat2",
            &["renameat2", OTHER, JOB],
            &[Prepared(OTHER), Prepared(JOB)]
        ),
        cron!(
            "cron-rename-io-uring",
            "a cron job, given its name through io_uring",
            "io_uring_setup, IORING_OP_RENAMEAT",
            &["uring-rename", OTHER, JOB],
            &[Prepared(OTHER), Made(JOB)]
        )
        .hiding("rename", "io_uring"),
        cron!(
            "cron-link",
            "a cron job that is a further name of a file",
            "link",
            &["link", OTHER, JOB],
            &[Prepared(OTHER), Made(JOB)]
        ),
        cron!(
            "cron-symlink",
            "a cron job that is a symbolic link",
            "symlink",
            &["symlink", OTHER, JOB],
            &[Prepared(OTHER), Made(JOB)]
        ),
        cron!(
            "cron-truncate",
            "a cron job that exists, emptied by its path",
            "truncate",
            &["truncate", JOB],
            &[Prepared(JOB)]
        ),
        cron!(
            "cron-chmod",
            "a cron job that others may read now",
            "chmod",
            &["chmod", JOB, "644"],
            &[Prepared(JOB)]
        ),
        cron!(
            "cron-fchmodat2",
            "the same by the youngest call",
            "fchmodat2",
            &["fchmodat2", JOB, "644"],
            &[Prepared(JOB)]
        ),
        cron!(
            "cron-chown",
            "a cron job given to nobody",
            "chown",
            &["chown", JOB],
            &[Prepared(JOB)]
        ),
        Variant::of(
            "persistence/passwd-mount",
            EXPECTED,
            ACCOUNT,
            "a file mounted over the list of accounts, for this process alone",
            "unshare(CLONE_NEWNS), mount(MS_BIND)",
            &["bind", OTHER, "/etc/passwd"],
        )
        .leaving(&[Prepared(OTHER)]),
        cron!(
            "cron-mount",
            "a file mounted over a cron job, for this process alone",
            "unshare(CLONE_NEWNS), mount(MS_BIND)",
            &["bind", OTHER, JOB],
            &[Prepared(OTHER), Prepared(JOB)]
        ),
    ],
};
