//! What watches or guards the host, switched off in appearance only.
//!
//! Commands are given to the attack program under the names of the tools, which then does
//! nothing; the guard that is killed is the attack program under the name of one; settings
//! are new files with a comment, or are written back as they were.

use sentinel_event::{Severity, Technique};

use crate::traces::Trace::Made;
use crate::{Expected, Family, Proof, Variant};

const TOOLS: &[Technique] = &[Technique::new(
    "T1685",
    "T1562.001",
    "Disable or Modify Tools",
)];
const AUDIT: &[Technique] = &[Technique::new(
    "T1685.004",
    "T1562.012",
    "Disable or Modify Linux Audit System",
)];
const FIREWALL: &[Technique] = &[Technique::new(
    "T1686",
    "T1562.004",
    "Disable or Modify System Firewall",
)];

macro_rules! told {
    ($name:literal, $techniques:ident, $what:literal, $($word:literal),+) => {
        Variant::of(
            concat!("defence-impairment/", $name),
            Expected::Alert("defence_impairment", Severity::Medium),
            $techniques,
            $what,
            concat!("execve of a program that does nothing: ", $($word, " "),+),
            &["pose", $($word),+],
        )
        .proven(Proof::Posed)
    };
}

macro_rules! setting {
    ($name:literal, $techniques:ident, $what:literal, $path:literal) => {
        Variant::of(
            concat!("defence-impairment/", $name),
            Expected::Alert("defence_impairment", Severity::Medium),
            $techniques,
            $what,
            concat!("open(", $path, ", O_WRONLY|O_CREAT), write a comment"),
            &["write", $path],
        )
        .leaving(&[Made($path)])
    };
}

macro_rules! kill {
    ($name:literal, $what:literal, $path:literal) => {
        Variant::of(
            concat!("defence-impairment/", $name),
            Expected::Alert("defence_impairment", Severity::High),
            TOOLS,
            $what,
            "kill(SIGKILL)",
            &["kill", $path],
        )
    };
}

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "defence-impairment",
    summary: "what watches, records or guards the host is stopped or changed, in appearance",
    variants: &[
        told!(
            "audit-rules",
            AUDIT,
            "auditctl, told to delete all rules",
            "{folder}/auditctl",
            "-D"
        ),
        told!(
            "audit-off",
            AUDIT,
            "auditctl, told to switch auditing off",
            "{folder}/auditctl",
            "-e",
            "0"
        ),
        told!(
            "firewall-iptables",
            FIREWALL,
            "iptables, told to flush its rules",
            "{folder}/iptables",
            "-F"
        ),
        told!(
            "firewall-legacy",
            FIREWALL,
            "iptables by the name of the program behind it, told to flush its rules",
            "{folder}/xtables-legacy-multi",
            "iptables",
            "--flush"
        ),
        told!(
            "firewall-nft",
            FIREWALL,
            "nft, told to flush its rules",
            "{folder}/nft",
            "flush",
            "ruleset"
        ),
        told!(
            "firewall-ufw",
            FIREWALL,
            "ufw, told to switch off",
            "{folder}/ufw",
            "disable"
        ),
        told!(
            "selinux",
            TOOLS,
            "setenforce, told to let SELinux only warn",
            "{folder}/setenforce",
            "0"
        ),
        told!(
            "stop-sentinel",
            TOOLS,
            "systemctl, told to stop this sensor",
            "{folder}/systemctl",
            "stop",
            "sentinel.service"
        ),
        told!(
            "stop-syslog",
            TOOLS,
            "systemctl, told to stop the system's log",
            "{folder}/systemctl",
            "stop",
            "rsyslog"
        ),
        Variant::of(
            "defence-impairment/kill-auditd",
            Expected::Alert("defence_impairment", Severity::High),
            AUDIT,
            "a program with the name of the audit daemon, killed",
            "kill(SIGKILL)",
            &["kill", "{folder}/auditd"],
        ),
        Variant::of(
            "defence-impairment/kill-auditd-i386",
            Expected::Alert("defence_impairment", Severity::High),
            AUDIT,
            "the same by a 32-bit system call",
            "kill(SIGKILL) by int 0x80",
            &["kill", "{folder}/auditd"],
        )
        .narrow(),
        kill!(
            "kill-rsyslog",
            "a program with the name of the system's log, killed",
            "{folder}/rsyslogd"
        ),
        kill!(
            "kill-journald",
            "a program with the name of the journal's keeper, killed",
            "{folder}/systemd-journald"
        ),
        kill!(
            "kill-sentinel",
            "a program with the name of this sensor, killed",
            "{folder}/sentinel"
        ),
        setting!(
            "sensor-files",
            TOOLS,
            "a file beside the settings of this sensor, which it does not read",
            "/etc/sentinel/sentinel-simulation"
        ),
        setting!(
            "audit-settings",
            AUDIT,
            "a file of audit rules",
            "/etc/audit/rules.d/sentinel-simulation.rules"
        ),
        setting!(
            "log-settings",
            TOOLS,
            "a setting of the system's log",
            "/etc/rsyslog.d/sentinel-simulation.conf"
        ),
        Variant::of(
            "defence-impairment/kernel-settings",
            Expected::Alert("defence_impairment", Severity::Medium),
            TOOLS,
            "a setting of the kernel's self-protection, written back as it was",
            "open(/proc/sys/kernel/randomize_va_space, O_RDWR), read, write",
            &["write-back", "/proc/sys/kernel/randomize_va_space"],
        ),
    ],
};
