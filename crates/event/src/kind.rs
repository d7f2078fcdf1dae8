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
