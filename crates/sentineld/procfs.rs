//! What /proc says about processes: read once at the start to seed the process table,
//! and later only for a process whose fork or exec was lost. Never the first source.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use sentinel_event::{Backing, FileIdentity, Namespaces, Stdio, StdioKind, text};
use sentinel_process::{Actor, Image, Lookup, Seed, TICKS_PER_SECOND, ticks};

use crate::sensor::Task;

/// Reads /proc and /etc/passwd.
pub struct Procfs {
    users: Users,
}

impl Procfs {
    /// A reader that has read nothing yet.
    pub fn new() -> Procfs {
        Procfs {
            users: Users::default(),
        }
    }

    /// Every process that runs now; those that end while being read are left out. `tasks`
    /// is what the kernel said of them just before.
    pub fn all(&self, tasks: &HashMap<u32, Task>) -> Vec<Seed> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(read_process)
            .map(|seed| counted(seed, tasks))
            .collect()
    }
}

impl Default for Procfs {
    fn default() -> Self {
        Self::new()
    }
}

impl Lookup for Procfs {
    fn find(&mut self, pid: u32) -> Option<Seed> {
        read_process(pid)
    }

    fn user(&mut self, uid: u32) -> Option<Arc<str>> {
        self.users.name(uid)
    }
}

/// The seed with what only the kernel knows, if it is the same process.
fn counted(mut seed: Seed, tasks: &HashMap<u32, Task>) -> Seed {
    if let Some(task) = tasks.get(&seed.actor.pid)
        && ticks(task.start_ns) == ticks(seed.actor.start_ns)
    {
        seed.actor.start_ns = task.start_ns;
        seed.actor.exec_seq = task.exec_seq;
        seed.is_counted = true;
    }
    seed
}

fn read_process(pid: u32) -> Option<Seed> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let stat = fs::read(dir.join("stat")).ok()?;
    let stat = Stat::parse(&stat)?;
    let status = fs::read_to_string(dir.join("status")).ok()?;
    let ids = |name: &str| -> Option<Vec<u32>> {
        let line = field(&status, name)?;
        line.split_whitespace().map(|id| id.parse().ok()).collect()
    };
    let (uids, gids) = (ids("Uid")?, ids("Gid")?);
    let (exe, file, backing) = executable(&dir);
    let cgroup = cgroup(&dir);
    Some(Seed {
        is_counted: false,
        actor: Actor {
            pid,
            tid: pid,
            ppid: stat.ppid,
            start_ns: stat.start_ticks * (1_000_000_000 / TICKS_PER_SECOND),
            exec_seq: 0,
            uid: *uids.first()?,
            euid: *uids.get(1)?,
            gid: *gids.first()?,
            egid: *gids.get(1)?,
        },
        image: Image {
            exec: Default::default(),
            exe,
            file,
            backing,
            comm: shared(&stat.comm),
            argv: argv(&dir),
            cwd: link(&dir.join("cwd")),
            auid: number(&dir.join("loginuid")).filter(|id| *id != u32::MAX),
            session: number(&dir.join("sessionid")).filter(|id| *id != u32::MAX),
            cap_effective: field(&status, "CapEff")
                .and_then(|hex| u64::from_str_radix(hex, 16).ok())
                .unwrap_or(0),
            tty: tty_name(stat.tty),
            cgroup_id: cgroup_id(&cgroup),
            cgroup: cgroup.into(),
            namespaces: namespaces(&dir),
            stdio: [0, 1, 2].map(|fd| stdio(&dir, fd)),
        },
    })
}

/// The fields of /proc/PID/stat that are used (proc(5)).
struct Stat {
    comm: Vec<u8>,
    ppid: u32,
    tty: u32,
    start_ticks: u64,
}

impl Stat {
    /// The name stands in parentheses and may itself hold any byte, parentheses too.
    fn parse(bytes: &[u8]) -> Option<Stat> {
        let open = bytes.iter().position(|&b| b == b'(')?;
        let close = bytes.iter().rposition(|&b| b == b')')?;
        let rest = std::str::from_utf8(bytes.get(close + 2..)?).ok()?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The first of these fields is number 3 of the manual page.
        let at = |number: usize| fields.get(number - 3);
        Some(Stat {
            comm: bytes.get(open + 1..close)?.to_vec(),
            ppid: at(4)?.parse().ok()?,
            tty: at(7)?.parse().ok()?,
            start_ticks: at(22)?.parse().ok()?,
        })
    }
}

fn executable(dir: &Path) -> (Arc<str>, FileIdentity, Backing) {
    let link_path = dir.join("exe");
    let target = fs::read_link(&link_path).unwrap_or_default();
    let bytes = target.as_os_str().as_bytes();
    let metadata = fs::metadata(&link_path).ok();
    let file = metadata.as_ref().map(identity).unwrap_or_default();
    let (bytes, backing) = if let Some(memfd) = bytes.strip_prefix(b"/memfd:") {
        let name = memfd.strip_suffix(b" (deleted)").unwrap_or(memfd);
        ([b"memfd:", name].concat(), Backing::Memfd)
    } else if metadata.is_some() && file.nlink == 0 {
        let path = bytes.strip_suffix(b" (deleted)").unwrap_or(bytes);
        (path.to_vec(), Backing::Unlinked)
    } else if in_memory(&link_path) {
        (bytes.to_vec(), Backing::Tmpfs)
    } else {
        (bytes.to_vec(), Backing::File)
    };
    (shared(&bytes), file, backing)
}

/// Whether the file lies on a file system that lives in memory.
fn in_memory(path: &Path) -> bool {
    const RAMFS_MAGIC: i64 = 0x8584_58f6;
    nix::sys::statfs::statfs(path).is_ok_and(|fs| {
        let kind = fs.filesystem_type();
        kind == nix::sys::statfs::TMPFS_MAGIC || kind.0 == RAMFS_MAGIC
    })
}

fn identity(metadata: &fs::Metadata) -> FileIdentity {
    let dev = metadata.dev();
    FileIdentity {
        dev: ((nix::sys::stat::major(dev) << 20) | nix::sys::stat::minor(dev)) as u32,
        inode: metadata.ino(),
        ctime_ns: metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
        nlink: metadata.nlink() as u32,
        mode: metadata.mode(),
        uid: metadata.uid(),
    }
}

fn argv(dir: &Path) -> Vec<Box<str>> {
    const MAX_BYTES: usize = 32 << 10;
    let mut bytes = fs::read(dir.join("cmdline")).unwrap_or_default();
    bytes.truncate(MAX_BYTES);
    if bytes.is_empty() {
        return Vec::new();
    }
    let whole = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    whole
        .split(|&b| b == 0)
        .map(|arg| Box::from(text::from_bytes(arg)))
        .collect()
}

/// The path within the unified hierarchy, the line that begins with `0::`.
fn cgroup(dir: &Path) -> String {
    let lines = fs::read_to_string(dir.join("cgroup")).unwrap_or_default();
    lines
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap_or_default()
        .to_owned()
}

/// The inode number of a control group, where the unified hierarchy is mounted: by itself
/// or, on hosts that keep the old ones too, beside them.
fn cgroup_id(cgroup: &str) -> u64 {
    const PLACES: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let place = PLACES
        .iter()
        .find(|place| Path::new(place).join("cgroup.procs").exists());
    place
        .and_then(|place| fs::metadata(format!("{place}{cgroup}")).ok())
        .map_or(0, |metadata| metadata.ino())
}

fn namespaces(dir: &Path) -> Namespaces {
    let inum = |name: &str| fs::metadata(dir.join("ns").join(name)).map_or(0, |m| m.ino() as u32);
    Namespaces {
        mnt: inum("mnt"),
        pid: inum("pid"),
        net: inum("net"),
        user: inum("user"),
        uts: inum("uts"),
        ipc: inum("ipc"),
        cgroup: inum("cgroup"),
    }
}

/// A descriptor's type. Addresses of sockets are not looked up: /proc would have to be
/// searched for them, and the process began before anybody watched.
fn stdio(dir: &Path, fd: u8) -> Stdio {
    let Ok(metadata) = fs::metadata(dir.join("fd").join(fd.to_string())) else {
        return Stdio::default();
    };
    let kind = metadata.file_type();
    let device = (
        nix::sys::stat::major(metadata.rdev()),
        nix::sys::stat::minor(metadata.rdev()),
    );
    Stdio {
        kind: if kind.is_fifo() {
            StdioKind::Pipe
        } else if kind.is_socket() {
            StdioKind::Socket
        } else if kind.is_char_device() && device == (1, 3) {
            StdioKind::Null
        } else if kind.is_char_device() && matches!(device.0, 4 | 5 | 136..=143) {
            StdioKind::Tty
        } else if kind.is_file() || kind.is_dir() || kind.is_block_device() {
            StdioKind::File
        } else {
            StdioKind::Other
        },
        inode: metadata.ino(),
        local: None,
        peer: None,
    }
}

/// The name of a terminal from its device number in the form of /proc/PID/stat.
fn tty_name(device: u32) -> Option<Arc<str>> {
    let major = (device >> 8) & 0xfff;
    let minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    match (major, minor) {
        (0, _) => None,
        (136..=143, _) => Some(format!("pts{}", (major - 136) * 256 + minor).into()),
        (4, 0..=63) => Some(format!("tty{minor}").into()),
        (4, _) => Some(format!("ttyS{}", minor - 64).into()),
        _ => Some(format!("{major}:{minor}").into()),
    }
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

fn number(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn link(path: &Path) -> Arc<str> {
    let target = fs::read_link(path).unwrap_or_default();
    shared(target.as_os_str().as_bytes())
}

fn shared(bytes: &[u8]) -> Arc<str> {
    Arc::from(text::from_bytes(bytes))
}

/// User names from /etc/passwd, read again when it changes.
#[derive(Default)]
struct Users {
    names: HashMap<u32, Arc<str>>,
    read_at: Option<SystemTime>,
}

impl Users {
    fn name(&mut self, uid: u32) -> Option<Arc<str>> {
        if let Some(name) = self.names.get(&uid) {
            return Some(Arc::clone(name));
        }
        let changed = fs::metadata("/etc/passwd").and_then(|m| m.modified()).ok();
        if changed.is_some() && changed != self.read_at {
            self.read_at = changed;
            self.names = parse_passwd(&fs::read("/etc/passwd").unwrap_or_default());
        }
        self.names.get(&uid).cloned()
    }
}

fn parse_passwd(bytes: &[u8]) -> HashMap<u32, Arc<str>> {
    bytes
        .split(|&b| b == b'\n')
        .filter_map(|line| {
            let mut fields = line.split(|&b| b == b':');
            let name = fields.next()?;
            let uid = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
            Some((uid, shared(name)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let line = b"42 (a) b (1 2) S 7 42 42 34816 42 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 0\n";
        let stat = Stat::parse(line).expect("parses");
        assert_eq!(stat.comm, b"a) b (1 2");
        assert_eq!((stat.ppid, stat.tty, stat.start_ticks), (7, 34816, 12345));
        assert_eq!(tty_name(stat.tty).as_deref(), Some("pts0"));
    }

    #[test]
    fn passwd_lines_that_make_no_sense_are_left_out() {
        let users = parse_passwd(b"root:x:0:0::/root:/bin/sh\nbroken\nx:y:z\nann:x:1000:\n");
        assert_eq!(users.len(), 2);
        assert_eq!(users[&1000].as_ref(), "ann");
    }

    #[test]
    fn the_own_process_is_found() {
        let seed = read_process(std::process::id()).expect("this process is in /proc");
        assert!(!seed.image.exe.is_empty());
        assert!(seed.actor.start_ns > 0);
        assert!(!seed.image.argv.is_empty());
    }
}
