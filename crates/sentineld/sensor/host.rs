//! Facts about the host that decide whether and how programs can be loaded.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use thiserror::Error;

/// Why this host cannot be watched.
#[derive(Debug, Error)]
pub enum HostError {
    /// Loading programs takes privileges.
    #[error("loading kernel programs needs root (or CAP_BPF and CAP_PERFMON); run it with sudo")]
    NotPrivileged,
    /// CO-RE programs need the kernel's type information.
    #[error(
        "this kernel has no type information at {0}; a kernel built with CONFIG_DEBUG_INFO_BTF=y is needed (Debian 11 and later have it)"
    )]
    NoBtf(String),
    /// Something in /proc could not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// What.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Facts about the host.
#[derive(Debug, Clone)]
pub struct Host {
    /// Kernel release.
    pub kernel: String,
    /// Name of the host.
    pub name: String,
    /// Boot id as a number.
    pub boot_id: u128,
    /// Inode number of the daemon's pid namespace; 0 when that is the initial one.
    pub pidns_inum: u32,
    /// Bytes per page.
    pub page_bytes: u64,
}

/// include/linux/proc_ns.h: PROC_PID_INIT_INO.
const INITIAL_PIDNS_INUM: u64 = 0xEFFF_FFFC;
/// Where the kernel's type information lies, unless the environment says otherwise.
const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";
/// Names another file of type information; for hosts whose kernel lacks its own.
const BTF_ENV: &str = "SENTINEL_BTF";

impl Host {
    /// Reads the facts that need no privileges.
    pub fn read() -> Result<Host, HostError> {
        let boot_id = read("/proc/sys/kernel/random/boot_id")?;
        let digits: String = boot_id.chars().filter(char::is_ascii_hexdigit).collect();
        let pidns = fs::metadata("/proc/self/ns/pid")
            .map(|m| m.ino())
            .unwrap_or(0);
        Ok(Host {
            kernel: read("/proc/sys/kernel/osrelease")?,
            name: read("/proc/sys/kernel/hostname")?,
            boot_id: u128::from_str_radix(&digits, 16).unwrap_or(0),
            pidns_inum: if pidns == INITIAL_PIDNS_INUM {
                0
            } else {
                pidns as u32
            },
            page_bytes: page_bytes(),
        })
    }
}

/// Whether this process may load programs at all.
pub fn check_privileges() -> Result<(), HostError> {
    match nix::unistd::geteuid().is_root() || has_bpf_capabilities() {
        true => Ok(()),
        false => Err(HostError::NotPrivileged),
    }
}

/// Checks what loading needs, and mounts tracefs where it is absent, since the syscall
/// tracepoints are found through it.
pub fn prepare() -> Result<(), HostError> {
    check_privileges()?;
    let btf = btf_path();
    if !Path::new(&btf).exists() {
        return Err(HostError::NoBtf(btf));
    }
    let tracing = Path::new("/sys/kernel/tracing");
    if !tracing.join("events").exists()
        && !Path::new("/sys/kernel/debug/tracing/events").exists()
        && let Err(error) = mount(
            Some("tracefs"),
            tracing,
            Some("tracefs"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
            None::<&str>,
        )
    {
        // Not fatal: the hooks that need it will say that they failed.
        tracing::warn!("cannot mount tracefs at /sys/kernel/tracing: {error}");
    }
    Ok(())
}

/// The file with the kernel's type information.
pub fn btf_path() -> String {
    std::env::var(BTF_ENV).unwrap_or_else(|_| BTF_PATH.to_owned())
}

/// Whether the effective capabilities allow to load: CAP_BPF and CAP_PERFMON.
fn has_bpf_capabilities() -> bool {
    const CAP_PERFMON: u32 = 38;
    const CAP_BPF: u32 = 39;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0);
    [CAP_PERFMON, CAP_BPF]
        .iter()
        .all(|cap| effective & (1 << cap) != 0)
}

fn page_bytes() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .map_or(4096, |bytes| bytes as u64)
}

fn read(path: &str) -> Result<String, HostError> {
    fs::read_to_string(path)
        .map(|text| text.trim().to_owned())
        .map_err(|source| HostError::Unreadable {
            path: path.to_owned(),
            source,
        })
}
