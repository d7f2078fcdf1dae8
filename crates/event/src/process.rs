//! A process image: one program run by one process, with its ancestry.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::Sha256;

/// The longest ancestry kept for a process; beyond it the oldest links are cut.
pub const MAX_ANCESTORS: usize = 64;

/// Identifies one process image: a 64-bit hash of boot id, pid, start time and the
/// kernel's count of execs in that line of processes. A restart of the sensor does not change
/// it. Only where the kernel does not tell the count of a process that ran before the sensor
/// (in a pid namespace of its own) is it taken as 0, and the image then has another id than
/// the one under which an earlier run may have seen it begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ExecId(pub u64);

impl ExecId {
    /// Computes the id. `boot_id` is /proc/sys/kernel/random/boot_id as a number,
    /// `start_ticks` the process's start since boot in clock ticks (as in
    /// /proc/PID/stat), `exec_seq` the kernel's exec count (`self_exec_id`), which a
    /// child inherits from its parent; 0 when it is not known.
    pub fn new(boot_id: u128, pid: u32, start_ticks: u64, exec_seq: u32) -> ExecId {
        // Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators": the
        // mix of SplitMix64 diffuses each input word over the whole state.
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let words = [
            boot_id as u64,
            (boot_id >> 64) as u64,
            (u64::from(pid) << 32) | u64::from(exec_seq),
            start_ticks,
        ];
        for word in words {
            state = mix(state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
        ExecId(mix(state))
    }

    /// Reads the 16 hexadecimal digits that `Display` writes.
    pub fn parse(text: &str) -> Option<ExecId> {
        if text.len() != 16 {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(ExecId)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl std::fmt::Display for ExecId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Every row of an event has several, and the general formatter takes its time.
        let digit = |place: usize| b"0123456789abcdef"[(self.0 >> (60 - 4 * place)) as usize & 15];
        let digits: [u8; 16] = std::array::from_fn(digit);
        f.write_str(std::str::from_utf8(&digits).map_err(|_| std::fmt::Error)?)
    }
}

/// One program run by one process. A process that execs gets a new image with a
/// new [`ExecId`] and the same parent.
#[derive(Debug, Clone, PartialEq)]
pub struct Process {
    /// Identity of this image.
    pub exec_id: ExecId,
    /// Process id in the initial pid namespace.
    pub pid: u32,
    /// The image that created this process, which stays its parent whatever the
    /// kernel re-parents it to. `None` for pid 1, kernel threads' root, and cut chains.
    pub parent: Option<Arc<Process>>,
    /// The kernel's parent process id when this image began.
    pub ppid: u32,
    /// When the process began, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Absolute path of the executable, from the kernel's dentries.
    pub exe: Arc<str>,
    /// Identity of the executable's inode.
    pub file: FileIdentity,
    /// What stands behind the executable.
    pub backing: Backing,
    /// The task's display name (at most 15 bytes); never an identity.
    pub comm: Arc<str>,
    /// The arguments, up to 32 KiB in all.
    pub argv: Arc<[Box<str>]>,
    /// The working directory when the image began.
    pub cwd: Arc<str>,
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Login user id; `None` when unset (services).
    pub auid: Option<u32>,
    /// Audit session id; `None` when unset.
    pub session: Option<u32>,
    /// The user name of `uid`, when it is known.
    pub user: Option<Arc<str>>,
    /// Effective capabilities as the kernel's bit set.
    pub cap_effective: u64,
    /// The controlling terminal, such as `pts0`.
    pub tty: Option<Arc<str>>,
    /// The cgroup path within the unified hierarchy, such as `/system.slice/ssh.service`.
    pub cgroup: Arc<str>,
    /// The cgroup's id (its inode number).
    pub cgroup_id: u64,
    /// Namespace inode numbers.
    pub namespaces: Namespaces,
    /// What descriptors 0, 1 and 2 were when the image began.
    pub stdio: Arc<[Stdio; 3]>,
    /// The package that owns the executable, such as `coreutils`; `None` when none does or
    /// the databases of packages were not read.
    pub package: Option<Arc<str>>,
    /// Digest of the executable, when it was known as the image began. For a file that was
    /// never seen before it comes later, in an event of kind `digest`.
    pub sha256: Option<Sha256>,
}

impl Process {
    /// The ancestors, parent first, at most [`MAX_ANCESTORS`].
    pub fn ancestors(&self) -> impl Iterator<Item = &Arc<Process>> {
        std::iter::successors(self.parent.as_ref(), |process| process.parent.as_ref())
            .take(MAX_ANCESTORS)
    }

    /// The arguments as one line, separated by blanks.
    pub fn command_line(&self) -> String {
        self.argv.join(" ")
    }
}

/// What identifies a file whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FileIdentity {
    /// Device number as `major << 20 | minor` (the kernel's own form).
    pub dev: u32,
    /// Inode number.
    pub inode: u64,
    /// Inode change time in nanoseconds since the Unix epoch.
    pub ctime_ns: i64,
    /// Number of hard links; 0 when no name leads to the file.
    pub nlink: u32,
    /// File type and permission bits (`st_mode`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
}

/// What stands behind a file that is executed or mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Backing {
    /// A file with a name on a file system.
    #[default]
    File,
    /// An anonymous file made by memfd_create or memfd_secret.
    Memfd,
    /// A file without a name: unlinked, or made with O_TMPFILE.
    Unlinked,
    /// A named file on a file system that lives in memory (tmpfs, ramfs), such as /dev/shm.
    Tmpfs,
    /// No file at all: anonymous memory.
    Anonymous,
}

impl Backing {
    /// Every backing.
    pub const ALL: &'static [Backing] = &[
        Backing::File,
        Backing::Memfd,
        Backing::Unlinked,
        Backing::Tmpfs,
        Backing::Anonymous,
    ];

    /// The name used in Parquet, JSON and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Backing::File => "file",
            Backing::Memfd => "memfd",
            Backing::Unlinked => "unlinked",
            Backing::Tmpfs => "tmpfs",
            Backing::Anonymous => "anonymous",
        }
    }

    /// The backing with this name.
    pub fn from_name(name: &str) -> Option<Backing> {
        Backing::ALL.iter().copied().find(|b| b.name() == name)
    }
}

/// Namespace inode numbers; 0 when not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Namespaces {
    /// Mount namespace.
    pub mnt: u32,
    /// Pid namespace.
    pub pid: u32,
    /// Network namespace.
    pub net: u32,
    /// User namespace.
    pub user: u32,
    /// UTS namespace.
    pub uts: u32,
    /// IPC namespace.
    pub ipc: u32,
    /// Cgroup namespace.
    pub cgroup: u32,
}

/// What one of the descriptors 0, 1 and 2 is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Stdio {
    /// Its type.
    pub kind: StdioKind,
    /// Inode number, which two ends of one pipe share.
    pub inode: u64,
    /// For an internet socket: its own address.
    pub local: Option<SocketAddr>,
    /// For an internet socket: the other side's address, when connected.
    pub peer: Option<SocketAddr>,
}

/// The type of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StdioKind {
    /// Not open.
    #[default]
    Closed,
    /// A terminal.
    Tty,
    /// A pipe or FIFO.
    Pipe,
    /// A socket of any family.
    Socket,
    /// A regular file, directory or block device.
    File,
    /// /dev/null.
    Null,
    /// Anything else (other character devices, anonymous inodes).
    Other,
}

impl StdioKind {
    /// Every type.
    pub const ALL: &'static [StdioKind] = &[
        StdioKind::Closed,
        StdioKind::Tty,
        StdioKind::Pipe,
        StdioKind::Socket,
        StdioKind::File,
        StdioKind::Null,
        StdioKind::Other,
    ];

    /// The name used in Parquet, JSON and the API.
    pub const fn name(self) -> &'static str {
        match self {
            StdioKind::Closed => "closed",
            StdioKind::Tty => "tty",
            StdioKind::Pipe => "pipe",
            StdioKind::Socket => "socket",
            StdioKind::File => "file",
            StdioKind::Null => "null",
            StdioKind::Other => "other",
        }
    }

    /// The type with this name.
    pub fn from_name(name: &str) -> Option<StdioKind> {
        StdioKind::ALL.iter().copied().find(|k| k.name() == name)
    }
}
