//! What was done to a file, another process, a descriptor, a socket, the process's own
//! rights, or the kernel. The kinds of one group have the same shape, so a further kind
//! of a group needs no further type.

use std::sync::Arc;

use crate::{Backing, Connection, FileIdentity, Kind, Process, Stdio};

/// The shape of what an event of a kind says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// A [`FileAction`].
    File,
    /// A [`ProcessAction`].
    Process,
    /// A [`DescriptorAction`].
    Descriptor,
    /// A [`NetworkAction`].
    Network,
    /// A [`Credentials`].
    Credentials,
    /// A [`SystemAction`].
    System,
}

impl Kind {
    /// What is done to a file by its name, opening it and mounting over it aside.
    pub const FILE_CHANGES: [Kind; 8] = [
        Kind::Unlink,
        Kind::Rename,
        Kind::Link,
        Kind::Symlink,
        Kind::Truncate,
        Kind::Chmod,
        Kind::Chown,
        Kind::Setxattr,
    ];

    /// The group of the kind; `None` for kinds with a shape of their own.
    pub const fn group(self) -> Option<Group> {
        Some(match self {
            Kind::ExecFailed
            | Kind::UnixConnect
            | Kind::Unlink
            | Kind::Rename
            | Kind::Link
            | Kind::Symlink
            | Kind::Truncate
            | Kind::Chmod
            | Kind::Chown
            | Kind::Setxattr
            | Kind::Mount
            | Kind::Umount => Group::File,
            Kind::Ptrace
            | Kind::ProcessWrite
            | Kind::ProcessRead
            | Kind::ProcessMadvise
            | Kind::PidfdGetfd
            | Kind::Kill => Group::Process,
            Kind::Redirect => Group::Descriptor,
            Kind::Bind | Kind::Listen | Kind::Close | Kind::Send | Kind::Dns => Group::Network,
            Kind::Credentials => Group::Credentials,
            Kind::Namespace | Kind::Module | Kind::Bpf | Kind::Kexec | Kind::IoUring => {
                Group::System
            }
            Kind::Process
            | Kind::Exec
            | Kind::Fork
            | Kind::Exit
            | Kind::Connect
            | Kind::Accept
            | Kind::Open
            | Kind::Memfd
            | Kind::Mmap
            | Kind::Mprotect
            | Kind::Shmat
            | Kind::Digest
            | Kind::Lost => return None,
        })
    }
}

/// Something done to a file or one of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAction {
    /// One of the kinds of [`Group::File`].
    pub kind: Kind,
    /// The file: the name that was removed, changed or made (link, symlink, mount).
    /// Relative when the flag `user_memory` is set and the caller gave it so.
    pub path: Arc<str>,
    /// The other name: the new one (rename), the file that the new name leads to (link),
    /// the text of the link (symlink), the source (mount), the attribute (setxattr);
    /// empty for other kinds.
    pub to: Arc<str>,
    /// Identity of the file; all zero where only its name is known.
    pub file: FileIdentity,
    /// What stands behind it.
    pub backing: Backing,
    /// How: `rmdir`, `exchange`, `tmpfs` (mount) and the like; empty for the usual way.
    pub operation: Arc<str>,
    /// The new mode (chmod), the new length in bytes (truncate), `uid << 32 | gid` (chown),
    /// mount or unmount flags; 0 for other kinds.
    pub argument: u64,
}

/// Something done to another process.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessAction {
    /// One of the kinds of [`Group::Process`].
    pub kind: Kind,
    /// The ptrace request such as `attach`, or empty.
    pub operation: Arc<str>,
    /// The signal (kill), the descriptor (pidfd_getfd), the advice (process_madvise),
    /// the request's number (ptrace).
    pub argument: u64,
    /// The other process.
    pub target: Arc<Process>,
    /// First address in the other process; 0 where there is none.
    pub address: u64,
    /// Bytes read or written; 0 where there are none.
    pub length: u64,
}

/// A descriptor that became another's twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescriptorAction {
    /// [`Kind::Redirect`].
    pub kind: Kind,
    /// How: `dup`, `dup2`, `dup3`, `fcntl`, `recvmsg`, `pidfd_getfd`, `accept`, `socket`.
    pub operation: Arc<str>,
    /// The descriptor that was set: 0, 1 or 2.
    pub fd: i32,
    /// The descriptor that it was copied from; -1 where there is none.
    pub old_fd: i32,
    /// What it is now.
    pub object: Stdio,
}

/// Something done with an internet socket, other than beginning a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAction {
    /// One of the kinds of [`Group::Network`].
    pub kind: Kind,
    /// Both ends; the peer is unspecified for bind and listen.
    pub connection: Connection,
    /// Bytes that were sent over the whole connection (close) or in the datagram (send).
    pub bytes_sent: u64,
    /// Bytes that were received over the whole connection (close).
    pub bytes_received: u64,
    /// Time from the beginning to the end of the connection in nanoseconds (close).
    pub run_ns: u64,
    /// The name that was asked for (dns).
    pub name: Arc<str>,
    /// The type that was asked for, such as `AAAA` (dns); the state in which the
    /// connection ended (close).
    pub operation: Arc<str>,
}

/// Ids and capabilities of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ids {
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Effective capabilities as the kernel's bit set.
    pub cap_effective: u64,
}

/// A change of a process's own rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The system call, such as `setresuid`; `none` when no system call that may do so
    /// was seen.
    pub operation: Arc<str>,
    /// Before.
    pub old: Ids,
    /// After.
    pub new: Ids,
}

/// Something asked of the kernel that concerns more than one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemAction {
    /// One of the kinds of [`Group::System`].
    pub kind: Kind,
    /// How: `unshare`, `setns`, `clone` (namespace), the command (bpf), `setup` or the
    /// opcode (io_uring), `init_module` or `finit_module` (module).
    pub operation: Arc<str>,
    /// The name of the module or program; the types of the namespaces, those entered by
    /// `setns` with their numbers as far as they are known: `mnt:4026531841,uts`.
    pub name: Arc<str>,
    /// Flags or the number that `operation` stands for.
    pub argument: u64,
}
