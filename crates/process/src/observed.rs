//! What a sensor saw, before the table says who it was.

use std::sync::Arc;

use sentinel_event::{
    Backing, Connection, Credentials, DescriptorAction, Exec, FileAccess, FileAction, FileIdentity,
    Flags, Kind, Lost, Memory, Namespaces, NetworkAction, Stdio, SystemAction,
};

/// The acting task as the kernel described it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actor {
    /// Thread group id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Thread group id of the parent.
    pub ppid: u32,
    /// Start of the thread group in nanoseconds since boot.
    pub start_ns: u64,
    /// The kernel's exec counter, which tells the images of one process apart.
    pub exec_seq: u32,
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
}

/// One observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Nanoseconds since boot.
    pub time_ns: u64,
    /// Who.
    pub actor: Actor,
    /// The kernel's answer.
    pub result: i64,
    /// What is special about the record.
    pub flags: Flags,
    /// How many equal acts this stands for: 1, or the repeats of one that was told.
    pub count: u64,
    /// What.
    pub what: What,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The actor's new image.
    Exec(Box<Image>),
    /// A child was created.
    Fork {
        /// Its process id.
        child_pid: u32,
        /// Its parent by the kernel's account, which CLONE_PARENT may set to another.
        child_ppid: u32,
        /// Its start in nanoseconds since boot.
        child_start_ns: u64,
    },
    /// The actor ended.
    Exit {
        /// As wait(2) gives it.
        status: u32,
        /// Processor time of all its threads.
        cpu_ns: u64,
        /// The most memory it held.
        peak_rss_bytes: u64,
    },
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
    Target(Box<Reach>),
    /// A descriptor was redirected.
    Descriptor(DescriptorAction),
    /// Something was done with a socket.
    Network(NetworkAction),
    /// The actor's rights changed.
    Credentials(Box<Credentials>),
    /// Something was asked of the kernel.
    System(SystemAction),
    /// Events were lost.
    Lost(Lost),
}

/// What was done to another process, before the table says which that is.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    /// One of the kinds of [`sentinel_event::Group::Process`].
    pub kind: Kind,
    /// As in [`sentinel_event::ProcessAction`].
    pub operation: Arc<str>,
    /// As in [`sentinel_event::ProcessAction`].
    pub argument: u64,
    /// The other process as the kernel described it.
    pub target: Actor,
    /// First address in the other process.
    pub address: u64,
    /// Bytes.
    pub length: u64,
}

impl What {
    /// The kind of event that this becomes.
    pub fn kind(&self) -> Kind {
        match self {
            What::Exec(_) => Kind::Exec,
            What::Fork { .. } => Kind::Fork,
            What::Exit { .. } => Kind::Exit,
            What::Connect(_) => Kind::Connect,
            What::Accept(_) => Kind::Accept,
            What::Open(_) => Kind::Open,
            What::Memfd(_) => Kind::Memfd,
            What::Mmap(_) => Kind::Mmap,
            What::Mprotect(_) => Kind::Mprotect,
            What::Shmat(_) => Kind::Shmat,
            What::File(action) => action.kind,
            What::Target(reach) => reach.kind,
            What::Descriptor(action) => action.kind,
            What::Network(action) => action.kind,
            What::Credentials(_) => Kind::Credentials,
            What::System(action) => action.kind,
            What::Lost(_) => Kind::Lost,
        }
    }
}

/// A process image as the kernel described it at exec, or /proc later.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Image {
    /// How it was asked for; the previous executable is filled in by the table.
    pub exec: Exec,
    /// Absolute path of the executable.
    pub exe: Arc<str>,
    /// Its inode.
    pub file: FileIdentity,
    /// What stands behind it.
    pub backing: Backing,
    /// Display name.
    pub comm: Arc<str>,
    /// Arguments.
    pub argv: Vec<Box<str>>,
    /// Working directory.
    pub cwd: Arc<str>,
    /// Login user id.
    pub auid: Option<u32>,
    /// Audit session.
    pub session: Option<u32>,
    /// Effective capabilities.
    pub cap_effective: u64,
    /// Controlling terminal.
    pub tty: Option<Arc<str>>,
    /// Cgroup path.
    pub cgroup: Arc<str>,
    /// Cgroup id.
    pub cgroup_id: u64,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// Descriptors 0, 1 and 2.
    pub stdio: [Stdio; 3],
}
