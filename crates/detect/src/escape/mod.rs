//! `container_escape`: what is inside a container reaches for the host.
//!
//! A process is inside when its mount namespace is not the host's, which is that of its
//! farthest known ancestor. Seen are the kernel's own doors (`core_pattern` and the like,
//! cgroup release agents), the sockets of container runtimes, host devices, and programs
//! that turn up in the host's namespaces although their parent was inside.

use sentinel_event::{Access, Detail, Event, FileAccess, Kind, Process, Severity};
use serde::{Deserialize, Serialize};

use crate::changes::{self, Change, Deed};
use crate::grade::{graver, milder};
use crate::registry::Start;
use crate::techniques::ESCAPE;
use crate::who::{self, Who};
use crate::{Detection, Finding, Findings, KindSet, facts, words};

/// Settings of `container_escape`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Installed programs of the host that may set what the kernel runs, unreported.
    pub trusted_programs: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        let trusted_programs = [
            "/usr/lib/systemd/systemd",
            "/lib/systemd/systemd",
            "/usr/lib/systemd/systemd-sysctl",
            "/lib/systemd/systemd-sysctl",
            "/usr/lib/systemd/systemd-binfmt",
            "/lib/systemd/systemd-binfmt",
            "/usr/share/apport/apport",
            "/usr/sbin/update-binfmts",
        ];
        Config {
            enabled: true,
            trusted_programs: trusted_programs.map(str::to_owned).to_vec(),
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    if let Some(path) = config.trusted_programs.iter().find(|p| !p.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    Start::Running(Box::new(ContainerEscape {
        config: config.clone(),
    }))
}

struct ContainerEscape {
    config: Config,
}

/// Sockets over which container runtimes take orders: whoever may use one is root.
const RUNTIME_SOCKETS: [&str; 5] = [
    "docker.sock",
    "containerd.sock",
    "crio.sock",
    "podman.sock",
    "dockershim.sock",
];

/// `S_IFMT` and `S_IFBLK` of a file's mode.
const TYPE_MASK: u32 = 0o170_000;
const BLOCK: u32 = 0o060_000;

/// What is concluded, before it is put into words.
struct Verdict {
    variant: &'static str,
    severity: Severity,
    what: String,
    reason: &'static str,
}

impl Detection for ContainerEscape {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[
            Kind::Exec,
            Kind::Open,
            Kind::Rename,
            Kind::Mount,
            Kind::UnixConnect,
            Kind::Namespace,
        ])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        if event.result < 0 {
            return;
        }
        let process = &event.process;
        let verdict = match &event.detail {
            Detail::Exec(_) => entered(process),
            Detail::System(action) => namespace(process, &action.operation, &action.name),
            Detail::File(action) if action.kind == Kind::UnixConnect => {
                socket(process, &action.path)
            }
            Detail::Open(file) => self.opened(event, file),
            _ => changes::of(event).find_map(|change| self.changed(event, &change)),
        };
        findings.extend(verdict.map(|verdict| verdict.into_finding(event)));
    }
}

/// Whether the process is inside a container: in other mounts than the host's, of a runtime
/// or with a pid namespace of its own. A mount namespace alone is what services have.
fn is_inside(process: &Process) -> bool {
    if facts::in_host_mounts(process) {
        return false;
    }
    let host = facts::host(process);
    let own = process.namespaces.pid;
    let numbered =
        host.is_some_and(|h| own != 0 && h.namespaces.pid != 0 && h.namespaces.pid != own);
    process.container().is_some() || numbered
}

/// A program in the host's namespaces whose parent is inside: nsenter, or a hole.
fn entered(process: &Process) -> Option<Verdict> {
    let parent = process.parent.as_ref()?;
    let own = process.namespaces.mnt;
    if own == 0 || !facts::in_host_mounts(process) || !is_inside(parent) {
        return None;
    }
    Some(Verdict {
        variant: "host_namespaces",
        severity: Severity::Critical,
        what: "runs among the host's files, started from inside a container".to_owned(),
        reason: "the program's mount namespace is the host's and its parent's is a container's: \
                 somebody inside entered the namespaces of a process of the host",
    })
}

/// A process inside that entered a namespace: one of the host's, or another's.
fn namespace(process: &Process, operation: &str, types: &str) -> Option<Verdict> {
    if operation != "setns" || !is_inside(process) {
        return None;
    }
    let of_host: Vec<&str> = types
        .split(',')
        .filter_map(|t| host_type(process, t))
        .collect();
    if !of_host.is_empty() {
        return Some(Verdict {
            variant: "setns",
            severity: match of_host == ["network"] {
                true => Severity::High,
                false => Severity::Critical,
            },
            what: format!(
                "entered the host's {} from inside a container",
                of_host.join(" and ")
            ),
            reason: "the namespace that the process is in now is that of the host's first \
                     process, and the one that it began in is a container's",
        });
    }
    let reaches = ["mnt", "pid"].iter().any(|name| types.contains(name));
    (types.is_empty() || reaches).then(|| Verdict {
        variant: "setns",
        // With its number the namespace is known not to be the host's.
        severity: match types.contains(':') {
            true => Severity::Low,
            false => Severity::Medium,
        },
        what: "entered a namespace of another process from inside a container".to_owned(),
        reason: "programs inside a container have their namespaces from its start; entering \
                 another's is how the host's are reached",
    })
}

/// What of the host was entered by this type and number, such as `mnt:4026531841`, where
/// the process was in another one before.
fn host_type(process: &Process, told: &str) -> Option<&'static str> {
    let (name, number) = told.split_once(':')?;
    let number: u32 = number.parse().ok()?;
    let (own, host) = (&process.namespaces, &facts::host(process)?.namespaces);
    let (before, of_host, word) = match name {
        "mnt" => (own.mnt, host.mnt, "files"),
        "pid" => (own.pid, host.pid, "processes"),
        "net" => (own.net, host.net, "network"),
        _ => return None,
    };
    (number == of_host && before != 0 && before != of_host).then_some(word)
}

fn socket(process: &Process, path: &str) -> Option<Verdict> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if !RUNTIME_SOCKETS.contains(&name) || !is_inside(process) {
        return None;
    }
    Some(Verdict {
        variant: "runtime_socket",
        severity: Severity::High,
        what: format!(
            "spoke to the container runtime of the host ({})",
            words::shown(path)
        ),
        reason: "who may give orders to the runtime can start a container with all of the host \
                 inside",
    })
}

impl ContainerEscape {
    fn opened(&self, event: &Event, file: &FileAccess) -> Option<Verdict> {
        let process = &event.process;
        let device = file.file.mode & TYPE_MASK == BLOCK
            || matches!(
                &*file.path,
                "/dev/mem" | "/dev/kmem" | "/dev/port" | "/proc/kcore"
            );
        if device && is_inside(process) {
            return Some(Verdict {
                variant: "host_device",
                severity: match file.access {
                    Access::Read => Severity::Medium,
                    _ => Severity::High,
                },
                what: format!(
                    "opened {}, a device of the host, from inside a container",
                    words::shown(&file.path)
                ),
                reason: "whoever reads and writes the host's disk or memory is not held by any \
                         container",
            });
        }
        changes::of(event).find_map(|change| self.changed(event, &change))
    }

    fn changed(&self, event: &Event, change: &Change<'_>) -> Option<Verdict> {
        let process = &event.process;
        let path = &*change.path;
        if change.deed == Deed::Mount {
            return mounted(event, change);
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let inside = is_inside(process);
        let (variant, base) = match name {
            "release_agent" => ("release_agent", Severity::High),
            "devices.allow" | "notify_on_release" if inside => ("cgroup_control", Severity::Medium),
            "runc" | "crun" | "containerd-shim-runc-v2" if inside => {
                ("runtime_program", Severity::High)
            }
            _ if is_door(path) => ("kernel_door", Severity::Medium),
            _ => return None,
        };
        let severity = match who::of(
            process,
            &["/usr/sbin/sysctl"],
            &self.config.trusted_programs,
        ) {
            _ if inside => graver(graver(base)),
            Who::Package | Who::Trusted => return None,
            Who::ToolOfPerson | Who::Tool => milder(base),
            Who::Person | Who::Installed => base,
            Who::Stranger => graver(base),
        };
        let severity = match variant {
            "cgroup_control" => base,
            _ => severity,
        };
        Some(Verdict {
            variant,
            severity,
            what: format!("{} {}", change.deed.verb(), words::shown(path)),
            reason: match inside {
                true => {
                    "what stands there is run or obeyed on the host, and a program inside a \
                         container changes it"
                }
                false => "the kernel runs what stands there with all rights of the host",
            },
        })
    }
}

/// Files by which the kernel is told what to run by itself.
fn is_door(path: &str) -> bool {
    matches!(
        path,
        "/proc/sys/kernel/core_pattern"
            | "/proc/sys/kernel/modprobe"
            | "/proc/sys/kernel/hotplug"
            | "/sys/kernel/uevent_helper"
            | "/proc/sys/fs/binfmt_misc/register"
            | "/proc/sysrq-trigger"
    )
}

fn mounted(event: &Event, change: &Change<'_>) -> Option<Verdict> {
    let Detail::File(action) = &event.detail else {
        return None;
    };
    if !is_inside(&event.process) {
        return None;
    }
    let device = change.other.starts_with("/dev/") && change.other != "/dev/null";
    let (variant, severity) = match &*action.operation {
        "cgroup" => ("cgroup_control", Severity::High),
        _ if device => ("host_device", Severity::High),
        _ => return None,
    };
    Some(Verdict {
        variant,
        severity,
        what: format!(
            "mounted {} on {} inside a container",
            words::shown(if device {
                change.other
            } else {
                &action.operation
            }),
            words::shown(&change.path)
        ),
        reason: "a container has its file systems from its start; mounting a disk or the control \
                 groups of the host is the beginning of a way out",
    })
}

impl Verdict {
    fn into_finding(self, event: &Event) -> Finding {
        let process = &event.process;
        Finding {
            variant: self.variant,
            subject: self.what.as_str().into(),
            severity: self.severity,
            confidence: 80,
            summary: format!(
                "{} {}{}",
                words::actor(&process.exe, process),
                self.what,
                words::origin(process)
            ),
            reason: self.reason.to_owned(),
            techniques: vec![ESCAPE].into(),
            earlier: Vec::new(),
            shows: format!("{}: {}", event.kind(), self.what),
        }
    }
}
