//! What guards a host: the programs that watch and record, their settings, and this
//! sensor's own files.

use sentinel_event::{Process, Severity, Technique};

use crate::places::Place::{self, Below, File};
use crate::techniques::{DISABLE_AUDIT, DISABLE_FIREWALL, DISABLE_TOOLS};
use crate::words::program;

/// Programs that watch, record or filter, by file name. A name alone is no excuse and no
/// proof; it only makes one look closer.
const PROGRAMS: [&str; 26] = [
    "auditd",
    "audisp-syslog",
    "rsyslogd",
    "syslog-ng",
    "systemd-journald",
    "sentinel",
    "falco",
    "tetragon",
    "tracee",
    "kunai",
    "osqueryd",
    "wazuh-agentd",
    "wazuh-syscheckd",
    "wazuh-logcollector",
    "ossec-agentd",
    "clamd",
    "clamonacc",
    "suricata",
    "snort",
    "firewalld",
    "fail2ban-server",
    "auditbeat",
    "filebeat",
    "elastic-agent",
    "falcon-sensor",
    "mdatp",
];

/// Units of them, without their ending, and of what else keeps a host safe.
const UNITS: [&str; 22] = [
    "auditd",
    "rsyslog",
    "syslog-ng",
    "syslog",
    "systemd-journald",
    "sentinel",
    "falco",
    "tetragon",
    "osqueryd",
    "wazuh-agent",
    "clamav-daemon",
    "suricata",
    "firewalld",
    "ufw",
    "nftables",
    "iptables",
    "fail2ban",
    "apparmor",
    "auditbeat",
    "filebeat",
    "elastic-agent",
    "falcon-sensor",
];

/// Settings and state that decide what is watched, recorded or filtered.
pub struct Guarded {
    /// The branch of the rule.
    pub variant: &'static str,
    /// What it is, for a sentence.
    pub thing: &'static str,
    /// How bad an unexpected change is.
    pub severity: Severity,
    /// ATT&CK techniques.
    pub techniques: &'static [Technique],
    places: &'static [Place],
    /// Programs that are made to change it.
    pub tools: &'static [&'static str],
}

/// Programs of this sensor.
pub const OWN: &[&str] = &[
    "/usr/bin/sentinel",
    "/usr/bin/sentinelctl",
    "/usr/bin/sentinel-train",
    "/usr/sbin/sentinel",
    "/usr/local/bin/sentinel",
    "/usr/local/bin/sentinelctl",
    "/usr/lib/sentinel/sentinel-train",
    "/usr/libexec/sentinel/sentinel-train",
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/usr/lib/systemd/systemd-executor",
];

/// Every guarded place; the first that matches counts.
const GUARDED: &[Guarded] = &[
    Guarded {
        variant: "sensor_pins",
        thing: "what Sentinel keeps in the kernel",
        severity: Severity::Critical,
        techniques: &[DISABLE_TOOLS],
        places: &[
            Below("/sys/fs/bpf/sentinel"),
            File("/sys/fs/bpf"),
            File("/sys/fs/bpf/sentinel"),
        ],
        tools: OWN,
    },
    Guarded {
        variant: "sensor_files",
        thing: "a file of Sentinel",
        severity: Severity::High,
        techniques: &[DISABLE_TOOLS],
        places: &[
            Below("/etc/sentinel"),
            Below("/var/lib/sentinel"),
            Below("/run/sentinel"),
            File("/var/lib/sentinel"),
            File("/etc/sentinel"),
            File("/usr/bin/sentinel"),
            File("/usr/bin/sentinelctl"),
            File("/usr/lib/systemd/system/sentinel.service"),
            File("/lib/systemd/system/sentinel.service"),
            File("/etc/systemd/system/sentinel.service"),
            Below("/etc/systemd/system/sentinel.service.d"),
        ],
        tools: OWN,
    },
    Guarded {
        variant: "audit_settings",
        thing: "a setting of the audit system",
        severity: Severity::High,
        techniques: &[DISABLE_AUDIT],
        places: &[Below("/etc/audit"), Below("/etc/libaudit.conf")],
        tools: &["/usr/sbin/augenrules"],
    },
    Guarded {
        variant: "log_settings",
        thing: "a setting of the system's log",
        severity: Severity::Medium,
        techniques: &[DISABLE_TOOLS],
        places: &[
            File("/etc/rsyslog.conf"),
            Below("/etc/rsyslog.d"),
            Below("/etc/syslog-ng"),
            File("/etc/systemd/journald.conf"),
            Below("/etc/systemd/journald.conf.d"),
        ],
        tools: &[],
    },
    Guarded {
        variant: "protection_settings",
        thing: "a setting of SELinux or AppArmor",
        severity: Severity::High,
        techniques: &[DISABLE_TOOLS],
        places: &[
            File("/etc/selinux/config"),
            File("/sys/fs/selinux/enforce"),
            File("/sys/fs/selinux/disable"),
            File("/sys/kernel/security/apparmor/.remove"),
            Below("/etc/apparmor.d/disable"),
        ],
        tools: &["/usr/sbin/setenforce", "/usr/sbin/semanage"],
    },
    Guarded {
        variant: "kernel_settings",
        thing: "a setting by which the kernel is watched or protects itself",
        severity: Severity::Medium,
        techniques: &[DISABLE_TOOLS],
        places: &[
            File("/proc/sys/kernel/ftrace_enabled"),
            File("/sys/kernel/debug/kprobes/enabled"),
            File("/proc/sys/kernel/randomize_va_space"),
            File("/proc/sys/kernel/yama/ptrace_scope"),
            File("/proc/sys/kernel/kptr_restrict"),
            File("/proc/sys/kernel/dmesg_restrict"),
            File("/proc/sys/kernel/unprivileged_bpf_disabled"),
            File("/proc/sys/kernel/perf_event_paranoid"),
        ],
        tools: &[
            "/usr/lib/systemd/systemd-sysctl",
            "/lib/systemd/systemd-sysctl",
            "/usr/sbin/sysctl",
        ],
    },
    Guarded {
        variant: "firewall_settings",
        thing: "the rules of the firewall",
        severity: Severity::Low,
        techniques: &[DISABLE_FIREWALL],
        places: &[
            File("/etc/nftables.conf"),
            Below("/etc/iptables"),
            Below("/etc/ufw"),
        ],
        tools: &["/usr/sbin/ufw"],
    },
];

/// What the path is, if it is guarded.
pub fn of(path: &str) -> Option<&'static Guarded> {
    let begins = [
        "/etc/",
        "/sys/",
        "/proc/sys/",
        "/var/lib/sentinel",
        "/run/sentinel",
        "/usr/",
        "/lib/",
    ];
    if !begins.iter().any(|begin| path.starts_with(begin)) {
        return None;
    }
    GUARDED
        .iter()
        .find(|guarded| guarded.places.iter().any(|place| place.holds(path)))
}

/// Whether the program watches, records or filters.
pub fn is_guard(process: &Process) -> bool {
    PROGRAMS.contains(&program(&process.exe))
}

/// The technique of disabling this guard.
pub fn technique(name: &str) -> Technique {
    match name {
        name if name.starts_with("audit") => DISABLE_AUDIT,
        "ufw" | "firewalld" | "nftables" | "iptables" => DISABLE_FIREWALL,
        _ => DISABLE_TOOLS,
    }
}

/// The guard that a unit's name means: `auditd`, `auditd.service`.
pub fn unit(name: &str) -> Option<&'static str> {
    let stem = [".service", ".socket"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    UNITS.into_iter().find(|unit| *unit == stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guarded_places_and_units_are_known() {
        let cases = [
            ("/sys/fs/bpf/sentinel/links/exec", Some("sensor_pins")),
            ("/sys/fs/bpf/other", None),
            ("/var/lib/sentinel/events/x.parquet", Some("sensor_files")),
            ("/etc/audit/rules.d/a.rules", Some("audit_settings")),
            ("/etc/rsyslog.conf", Some("log_settings")),
            ("/etc/passwd", None),
            ("/proc/sys/kernel/ftrace_enabled", Some("kernel_settings")),
        ];
        for (path, expected) in cases {
            assert_eq!(of(path).map(|guarded| guarded.variant), expected, "{path}");
        }
        assert_eq!(unit("auditd.service"), Some("auditd"));
        assert_eq!(unit("nginx.service"), None);
    }
}
