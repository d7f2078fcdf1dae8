//! `kernel_loading`: code gets into the kernel: modules, BPF programs, another kernel, or
//! bytes through a device that is the kernel's memory.
//!
//! Whether a module comes from the modules of the installed kernel is known by the file
//! that its loader opened before; a module of which no file was opened comes from memory.

use sentinel_event::{Access, Detail, Event, FileAccess, Kind, Process, Severity, SystemAction};
use serde::{Deserialize, Serialize};

use crate::bounded::Bounded;
use crate::firsts::Firsts;
use crate::grade::{graver, milder};
use crate::registry::Start;
use crate::stable_hash::StableHash;
use crate::techniques::{KERNEL_MODULE, ROOTKIT};
use crate::who::{self, Who};
use crate::{Detection, Finding, Findings, KindSet, facts, paths, words};

/// Settings of `kernel_loading`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it runs.
    pub enabled: bool,
    /// Installed programs whose work it is to load BPF programs.
    pub bpf_loaders: Vec<String>,
    /// Loaders, and files that they opened, that are remembered, each.
    pub remembered: u32,
}

impl Default for Config {
    fn default() -> Config {
        let bpf_loaders = [
            "/usr/lib/systemd/systemd",
            "/lib/systemd/systemd",
            "/usr/lib/systemd/systemd-executor",
            "/usr/bin/sentinel",
            "/usr/bin/runc",
            "/usr/sbin/runc",
            "/usr/bin/crun",
            "/usr/bin/conmon",
            "/usr/bin/podman",
            "/usr/bin/dockerd",
            "/usr/bin/containerd",
            "/usr/bin/containerd-shim-runc-v2",
            "/usr/bin/bpftool",
            "/usr/sbin/bpftool",
            "/usr/bin/bpftrace",
            "/usr/bin/perf",
            "/usr/bin/cilium-agent",
            "/usr/sbin/ip",
            "/usr/sbin/tc",
        ];
        Config {
            enabled: true,
            bpf_loaders: bpf_loaders.map(str::to_owned).to_vec(),
            remembered: 4096,
        }
    }
}

/// Starts the detection.
pub fn start(config: &Config) -> Start {
    if !config.enabled {
        return Start::Off;
    }
    if let Some(path) = config.bpf_loaders.iter().find(|p| !p.starts_with('/')) {
        return Start::Failed(format!("\"{path}\" is not an absolute path"));
    }
    Start::Running(Box::new(KernelLoading {
        opened: Bounded::new(config.remembered as usize),
        loaders: Firsts::new(config.remembered as usize),
        config: config.clone(),
    }))
}

struct KernelLoading {
    config: Config,
    /// The module's file that each process opened last, by pid and start.
    opened: Bounded<(u32, i64), std::sync::Arc<str>>,
    /// Programs that were seen to load BPF programs.
    loaders: Firsts,
}

/// Programs that load modules from the folder of the running kernel.
const MODULE_TOOLS: &[&str] = &[
    "/usr/bin/kmod",
    "/bin/kmod",
    "/usr/sbin/modprobe",
    "/sbin/modprobe",
    "/usr/sbin/insmod",
    "/usr/lib/systemd/systemd-udevd",
    "/lib/systemd/systemd-udevd",
    "/usr/bin/udevadm",
    "/usr/lib/systemd/systemd-modules-load",
    "/lib/systemd/systemd-modules-load",
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
];

impl Detection for KernelLoading {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[Kind::Open, Kind::Module, Kind::Bpf, Kind::Kexec])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        if event.result < 0 {
            if let Detail::System(action) = &event.detail
                && action.kind == Kind::Module
            {
                findings.extend(refused(event, action));
            }
            return;
        }
        match &event.detail {
            Detail::Open(file) => {
                if is_module(&file.path) {
                    let process = &event.process;
                    let key = (process.pid, process.start_ns);
                    self.opened.insert(key, file.path.clone());
                }
                findings.extend(memory(event, file));
            }
            Detail::System(action) => findings.extend(match action.kind {
                Kind::Module => self.module(event, action),
                Kind::Bpf => self.bpf(event, action),
                Kind::Kexec => kexec(event),
                _ => None,
            }),
            _ => {}
        }
    }

    fn evicted_total(&self) -> u64 {
        self.opened.evicted_total() + self.loaders.evicted_total()
    }
}

/// `x.ko`, `x.ko.xz`, `x.ko.zst`.
fn is_module(path: &str) -> bool {
    path.rfind(".ko")
        .is_some_and(|at| matches!(path.get(at + 3..), Some("" | ".xz" | ".zst" | ".gz")))
}

impl KernelLoading {
    fn module(&mut self, event: &Event, action: &SystemAction) -> Option<Finding> {
        let process = &event.process;
        let path = match is_module(&action.name) {
            true => Some(action.name.clone()),
            false => self.opened.remove(&(process.pid, process.start_ns)),
        };
        let who = who::of(process, MODULE_TOOLS, &[]);
        let (severity, reason) = match path.as_deref() {
            Some(path) if is_of_kernel(path) => match who {
                Who::Stranger => (Severity::Medium, "the loader is not installed"),
                Who::Person | Who::Installed => (Severity::Low, "the loader is none of the known"),
                _ => return None,
            },
            Some(path) if paths::is_shared_place(path) => (
                Severity::Critical,
                "the module lies where any user can leave a file",
            ),
            Some(_) => (
                Severity::High,
                "the module is none of those that belong to an installed kernel",
            ),
            None if matches!(who, Who::Tool | Who::ToolOfPerson | Who::Package) => (
                Severity::Low,
                "no file was seen from which the module came, but the loader is a known one",
            ),
            None => (
                Severity::High,
                "no file was seen from which the module came, so it was in memory only",
            ),
        };
        let from = path.map_or_else(String::new, |path| format!(" from {}", words::shown(&path)));
        let name = words::shown(words::program(&action.name));
        let what = format!("loaded the kernel module {name}{from}");
        Some(finding(
            event,
            "module",
            severity,
            what,
            reason,
            &action.name,
        ))
    }

    fn bpf(&mut self, event: &Event, action: &SystemAction) -> Option<Finding> {
        let process = &event.process;
        let loaders: Vec<&str> = self.config.bpf_loaders.iter().map(String::as_str).collect();
        let who = who::of(process, &loaders, &[]);
        // A runtime that runs from a sealed copy of itself is known by who started it.
        let parent = process.parent.as_deref();
        let by_runtime = parent.is_some_and(|parent| {
            matches!(
                who::of(parent, &loaders, &[]),
                Who::Tool | Who::ToolOfPerson
            )
        });
        let program = StableHash::new()
            .text(&process.exe)
            .number(process.file.inode)
            .finish();
        let (severity, reason) = match who {
            Who::Package | Who::Trusted | Who::Tool | Who::ToolOfPerson => return None,
            Who::Stranger if by_runtime => return None,
            _ if self.loaders.note(program) > 0 => {
                (Severity::Info, "the program has done so before")
            }
            Who::Stranger => (
                Severity::High,
                "the program is not installed; what it loads can hide files and processes, read \
                 passwords and forge what other sensors see",
            ),
            Who::Person | Who::Installed => (
                Severity::Medium,
                "the program was never seen to load code into the kernel and is none of those \
                 whose work it is",
            ),
        };
        let name = match action.name.is_empty() {
            true => "a BPF program".to_owned(),
            false => format!("the BPF program {}", words::shown(&action.name)),
        };
        let what = match &*action.operation {
            "prog_load" => format!("loaded {name} into the kernel"),
            _ => "attached a BPF program in the kernel".to_owned(),
        };
        Some(finding(event, "bpf", severity, what, reason, ""))
    }
}

/// Judges a load that the kernel refused. The tools for it are refused every day: what is
/// loaded already, or does not fit the machine, or depends on what is not there.
fn refused(event: &Event, action: &SystemAction) -> Option<Finding> {
    let severity = match who::of(&event.process, MODULE_TOOLS, &[]) {
        Who::Package | Who::Trusted | Who::Tool => return None,
        Who::ToolOfPerson => Severity::Info,
        Who::Person | Who::Installed => Severity::Low,
        Who::Stranger => Severity::Medium,
    };
    let what = "tried to load a kernel module, which the kernel refused".to_owned();
    let reason = "the program is none of those that load modules; one made for another kernel, or \
                  without a signature where one is needed, is refused";
    let subject = &action.name;
    Some(finding(
        event,
        "refused_module",
        severity,
        what,
        reason,
        subject,
    ))
}

/// A folder of modules that belongs to an installed kernel.
fn is_of_kernel(path: &str) -> bool {
    ["/lib/modules", "/usr/lib/modules"]
        .iter()
        .any(|folder| paths::within(path, folder))
}

fn kexec(event: &Event) -> Option<Finding> {
    let severity = match who::of(&event.process, &["/usr/sbin/kexec", "/sbin/kexec"], &[]) {
        Who::Package => return None,
        Who::Tool => Severity::Low,
        Who::ToolOfPerson => Severity::Medium,
        _ => Severity::High,
    };
    let what = "loaded another kernel to boot into".to_owned();
    let reason = "the other kernel replaces this one without the firmware or a signature being \
                  asked";
    Some(finding(event, "kexec", severity, what, reason, ""))
}

/// Devices that are the memory or the registers of the machine, opened for writing.
fn memory(event: &Event, file: &FileAccess) -> Option<Finding> {
    let is_msr = file.path.starts_with("/dev/cpu/") && file.path.ends_with("/msr");
    let device = matches!(&*file.path, "/dev/mem" | "/dev/kmem" | "/dev/port") || is_msr;
    if !device || file.access == Access::Read {
        return None;
    }
    let severity = match who::of(&event.process, &[], &[]) {
        Who::Package => return None,
        Who::Person | Who::Installed => Severity::Medium,
        _ => Severity::High,
    };
    let path = words::shown(&file.path);
    let what = format!("opened {path} for writing");
    let reason = "what is written there changes the kernel or the processor below all rules";
    Some(finding(
        event,
        "kernel_memory",
        severity,
        what,
        reason,
        &file.path,
    ))
}

fn finding(
    event: &Event,
    variant: &'static str,
    severity: Severity,
    what: String,
    reason: &str,
    subject: &str,
) -> Finding {
    let process: &Process = &event.process;
    let mut reason = reason.to_owned();
    let inside = !facts::in_host_mounts(process) && process.container().is_some();
    let severity = if inside {
        reason.push_str("; and it is inside a container, which shares the kernel with the host");
        graver(severity)
    } else {
        severity
    };
    Finding {
        variant,
        subject: subject.into(),
        severity: if process.euid == u32::MAX {
            milder(severity)
        } else {
            severity
        },
        confidence: 75,
        summary: format!(
            "{} {what}{}",
            words::actor(&process.exe, process),
            words::origin(process)
        ),
        reason,
        techniques: match variant {
            "module" | "refused_module" => vec![KERNEL_MODULE, ROOTKIT],
            _ => vec![ROOTKIT],
        }
        .into(),
        earlier: Vec::new(),
        shows: format!("{} {subject}", event.kind()).trim_end().to_owned(),
    }
}
