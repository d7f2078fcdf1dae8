//! The kinds of event: one visible list.

/// What kind of event a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A process that was already running when the sensor started, read from /proc.
    Process,
    /// A program was started (the process image was replaced).
    Exec,
    /// A process was created.
    Fork,
    /// A process ended.
    Exit,
    /// A TCP connection was begun.
    Connect,
    /// A TCP connection was accepted.
    Accept,
    /// A file was opened.
    Open,
    /// An anonymous file was made by memfd_create.
    Memfd,
    /// Memory was mapped executable.
    Mmap,
    /// Memory was made executable.
    Mprotect,
    /// A local address was chosen for a socket.
    Bind,
    /// A socket began to listen.
    Listen,
    /// A TCP connection ended.
    Close,
    /// A datagram went to a peer that the process had not sent to before.
    Send,
    /// A name was asked for over UDP port 53.
    Dns,
    /// A Unix socket that has a path was connected to.
    UnixConnect,
    /// A program could not be started.
    ExecFailed,
    /// A name of a file, or a directory, was removed.
    Unlink,
    /// A file got another name.
    Rename,
    /// A file got a further name.
    Link,
    /// A symbolic link was made.
    Symlink,
    /// A file was cut or extended by its size.
    Truncate,
    /// Permission bits were changed.
    Chmod,
    /// The owner or group of a file was changed.
    Chown,
    /// An extended attribute was set or removed.
    Setxattr,
    /// A file system was mounted, or a mount moved or changed.
    Mount,
    /// A file system was unmounted.
    Umount,
    /// Shared memory was attached executable.
    Shmat,
    /// A socket or pipe was put on descriptor 0, 1 or 2.
    Redirect,
    /// A process was traced, or its memory or registers were changed by its tracer.
    Ptrace,
    /// Memory of another process was written.
    ProcessWrite,
    /// Memory of another process was read.
    ProcessRead,
    /// Advice about the memory of another process was given.
    ProcessMadvise,
    /// A descriptor was copied out of another process.
    PidfdGetfd,
    /// A signal was sent to the sensor or another guarded process.
    Kill,
    /// User ids, group ids or capabilities of a process changed.
    Credentials,
    /// A namespace was made or entered.
    Namespace,
    /// A kernel module was loaded.
    Module,
    /// A BPF program was loaded or attached.
    Bpf,
    /// Another kernel was loaded to boot into.
    Kexec,
    /// An io_uring was set up, or an operation given to one.
    IoUring,
    /// The digest of an executable was computed, or could not be.
    Digest,
    /// Events were lost.
    Lost,
}

impl Kind {
    /// Every kind, in the order of their discriminants.
    pub const ALL: &'static [Kind] = &[
        Kind::Process,
        Kind::Exec,
        Kind::Fork,
        Kind::Exit,
        Kind::Connect,
        Kind::Accept,
        Kind::Open,
        Kind::Memfd,
        Kind::Mmap,
        Kind::Mprotect,
        Kind::Bind,
        Kind::Listen,
        Kind::Close,
        Kind::Send,
        Kind::Dns,
        Kind::UnixConnect,
        Kind::ExecFailed,
        Kind::Unlink,
        Kind::Rename,
        Kind::Link,
        Kind::Symlink,
        Kind::Truncate,
        Kind::Chmod,
        Kind::Chown,
        Kind::Setxattr,
        Kind::Mount,
        Kind::Umount,
        Kind::Shmat,
        Kind::Redirect,
        Kind::Ptrace,
        Kind::ProcessWrite,
        Kind::ProcessRead,
        Kind::ProcessMadvise,
        Kind::PidfdGetfd,
        Kind::Kill,
        Kind::Credentials,
        Kind::Namespace,
        Kind::Module,
        Kind::Bpf,
        Kind::Kexec,
        Kind::IoUring,
        Kind::Digest,
        Kind::Lost,
    ];

    /// The name used in Parquet, JSON, the API and on the console.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Process => "process",
            Kind::Exec => "exec",
            Kind::Fork => "fork",
            Kind::Exit => "exit",
            Kind::Connect => "connect",
            Kind::Accept => "accept",
            Kind::Open => "open",
            Kind::Memfd => "memfd",
            Kind::Mmap => "mmap",
            Kind::Mprotect => "mprotect",
            Kind::Bind => "bind",
            Kind::Listen => "listen",
            Kind::Close => "close",
            Kind::Send => "send",
            Kind::Dns => "dns",
            Kind::UnixConnect => "unix_connect",
            Kind::ExecFailed => "exec_failed",
            Kind::Unlink => "unlink",
            Kind::Rename => "rename",
            Kind::Link => "link",
            Kind::Symlink => "symlink",
            Kind::Truncate => "truncate",
            Kind::Chmod => "chmod",
            Kind::Chown => "chown",
            Kind::Setxattr => "setxattr",
            Kind::Mount => "mount",
            Kind::Umount => "umount",
            Kind::Shmat => "shmat",
            Kind::Redirect => "redirect",
            Kind::Ptrace => "ptrace",
            Kind::ProcessWrite => "process_vm_writev",
            Kind::ProcessRead => "process_vm_readv",
            Kind::ProcessMadvise => "process_madvise",
            Kind::PidfdGetfd => "pidfd_getfd",
            Kind::Kill => "kill",
            Kind::Credentials => "credentials",
            Kind::Namespace => "namespace",
            Kind::Module => "module",
            Kind::Bpf => "bpf",
            Kind::Kexec => "kexec",
            Kind::IoUring => "io_uring",
            Kind::Digest => "digest",
            Kind::Lost => "lost",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
