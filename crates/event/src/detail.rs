//! What an event of each kind says beyond its process.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::{
    Backing, Credentials, DescriptorAction, Digest, FileAction, FileIdentity, Kind, NetworkAction,
    Process, ProcessAction, SystemAction,
};

/// What happened, and to what.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// The process was running when the sensor started.
    Process,
    /// The event's process is the new image.
    Exec(Exec),
    /// A child was created by the event's process.
    Fork(Fork),
    /// The event's process ended.
    Exit(Exit),
    /// A connection was begun.
    Connect(Connection),
    /// A connection was accepted.
    Accept(Connection),
    /// A file was opened.
    Open(FileAccess),
    /// An anonymous file was made.
    Memfd(FileAccess),
    /// Memory was mapped executable.
    Mmap(Memory),
    /// Memory was made executable.
    Mprotect(Memory),
    /// Shared memory was attached executable.
    Shmat(Memory),
    /// Something was done to a file.
    File(FileAction),
    /// Something was done to another process.
    Target(ProcessAction),
    /// A descriptor was redirected.
    Descriptor(DescriptorAction),
    /// Something was done with a socket.
    Network(NetworkAction),
    /// The process's rights changed.
    Credentials(Credentials),
    /// Something was asked of the kernel.
    System(SystemAction),
    /// The digest of an executable was computed, or could not be.
    Digest(Digest),
    /// Events were lost.
    Lost(Lost),
}

impl Detail {
    /// The kind that this detail belongs to.
    pub fn kind(&self) -> Kind {
        match self {
            Detail::Process => Kind::Process,
            Detail::Exec(_) => Kind::Exec,
            Detail::Fork(_) => Kind::Fork,
            Detail::Exit(_) => Kind::Exit,
            Detail::Connect(_) => Kind::Connect,
            Detail::Accept(_) => Kind::Accept,
            Detail::Open(_) => Kind::Open,
            Detail::Memfd(_) => Kind::Memfd,
            Detail::Mmap(_) => Kind::Mmap,
            Detail::Mprotect(_) => Kind::Mprotect,
            Detail::Shmat(_) => Kind::Shmat,
            Detail::File(action) => action.kind,
            Detail::Target(action) => action.kind,
            Detail::Descriptor(action) => action.kind,
            Detail::Network(action) => action.kind,
            Detail::Credentials(_) => Kind::Credentials,
            Detail::System(action) => action.kind,
            Detail::Digest(_) => Kind::Digest,
            Detail::Lost(_) => Kind::Lost,
        }
    }
}

/// How a program came to be started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exec {
    /// The name under which the caller asked for the program, as the kernel copied
    /// it; `/dev/fd/N` when only a descriptor was given.
    pub filename: Box<str>,
    /// The interpreter that runs the file (`#!` line, binfmt_misc), when it is not
    /// the file itself.
    pub interpreter: Option<Box<str>>,
    /// The executable of the image that was replaced.
    pub previous_exe: Arc<str>,
}

/// A process that was created.
#[derive(Debug, Clone, PartialEq)]
pub struct Fork {
    /// The new process.
    pub child: Arc<Process>,
}

/// How a process ended and what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exit {
    /// Exit code, 0 to 255; 0 when a signal ended it.
    pub code: u8,
    /// The signal that ended it; 0 when it exited by itself.
    pub signal: u8,
    /// Time from start to end, in nanoseconds.
    pub run_ns: u64,
    /// Processor time of all its threads, in nanoseconds.
    pub cpu_ns: u64,
    /// The most memory it held, in bytes.
    pub peak_rss_bytes: u64,
}

/// The transport of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The name used in Parquet, JSON and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }

    /// The protocol with this name.
    pub fn from_name(name: &str) -> Option<Protocol> {
        [Protocol::Tcp, Protocol::Udp]
            .into_iter()
            .find(|p| p.name() == name)
    }
}

/// The two ends of a connection, from the kernel's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Transport.
    pub protocol: Protocol,
    /// Our end; port 0 while the kernel has not chosen one.
    pub local: SocketAddr,
    /// The other end.
    pub peer: SocketAddr,
    /// Inode number of the socket; 0 when it has none yet.
    pub inode: u64,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Access {
    /// For reading.
    #[default]
    Read,
    /// For writing.
    Write,
    /// For both.
    ReadWrite,
    /// Created by this open (O_CREAT and new).
    Create,
}

impl Access {
    /// Every way.
    pub const ALL: &'static [Access] = &[
        Access::Read,
        Access::Write,
        Access::ReadWrite,
        Access::Create,
    ];

    /// The name used in Parquet, JSON and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Access::Read => "r",
            Access::Write => "w",
            Access::ReadWrite => "rw",
            Access::Create => "create",
        }
    }

    /// The way with this name.
    pub fn from_name(name: &str) -> Option<Access> {
        Access::ALL.iter().copied().find(|a| a.name() == name)
    }
}

/// A file, and how it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAccess {
    /// Absolute path from the kernel's dentries; for a memfd its name, `memfd:NAME`.
    pub path: Arc<str>,
    /// Identity of the inode.
    pub file: FileIdentity,
    /// What stands behind the file.
    pub backing: Backing,
    /// How it was opened.
    pub access: Access,
    /// The open flags (`O_*`), or memfd_create's.
    pub open_flags: u32,
    /// The descriptor that the caller got; -1 where the hook cannot know it.
    pub fd: i32,
}

/// Memory protection as a set: read, write, execute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Prot(pub u32);

impl Prot {
    /// PROT_READ.
    pub const READ: u32 = 1;
    /// PROT_WRITE.
    pub const WRITE: u32 = 2;
    /// PROT_EXEC.
    pub const EXEC: u32 = 4;

    /// The form known from /proc/PID/maps: `r-x`.
    pub const fn name(self) -> &'static str {
        match self.0 & 7 {
            0 => "---",
            1 => "r--",
            2 => "-w-",
            3 => "rw-",
            4 => "--x",
            5 => "r-x",
            6 => "-wx",
            _ => "rwx",
        }
    }

    /// The set with this name.
    pub fn from_name(name: &str) -> Option<Prot> {
        (0..8).map(Prot).find(|prot| prot.name() == name)
    }
}

/// A range of memory that became executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// First address.
    pub address: u64,
    /// Bytes.
    pub length: u64,
    /// Protection asked for.
    pub prot: Prot,
    /// Protection before, for a change of protection.
    pub old_prot: Option<Prot>,
    /// Mapping flags (`MAP_*`), for a mapping.
    pub map_flags: u32,
    /// Path of the mapped file; empty for anonymous memory.
    pub path: Arc<str>,
    /// Identity of the mapped file.
    pub file: FileIdentity,
    /// What stands behind the memory.
    pub backing: Backing,
}

/// One of the two rings between kernel and daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ring {
    /// Process life, memory, tampering, connections: small, never shared with floods of
    /// opens.
    Priority,
    /// Opens and what else is done to files and sockets.
    Bulk,
}

impl Ring {
    /// Both rings, in the order of their indices.
    pub const ALL: [Ring; 2] = [Ring::Priority, Ring::Bulk];

    /// The name used everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            Ring::Priority => "priority",
            Ring::Bulk => "bulk",
        }
    }

    /// The ring with this name.
    pub fn from_name(name: &str) -> Option<Ring> {
        Ring::ALL.into_iter().find(|r| r.name() == name)
    }
}

/// An interval in which events were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Where they were lost; `None` when they never reached a ring (daemon not running).
    pub ring: Option<Ring>,
    /// The kind that was lost; `None` when not known.
    pub kind: Option<Kind>,
    /// How many were lost; 0 when not known.
    pub count: u64,
    /// The end of the interval, in nanoseconds since the Unix epoch; the event's
    /// own time is its beginning.
    pub until_ns: i64,
}
