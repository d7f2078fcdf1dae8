//! The vocabulary of Sentinel: what happened ([`Event`]), who did it
//! ([`Process`]), and what was concluded ([`Alert`]).
//!
//! This crate owns the words and their text forms. It does no IO and reads no
//! clock; how facts leave the kernel is the daemon's `sensor`, how they are
//! kept is `sentinel-store`.

#![forbid(unsafe_code)]

mod action;
mod alert;
mod columns;
mod detail;
mod digest;
mod kind;
mod place;
mod process;
pub mod text;

pub use action::{
    Credentials, DescriptorAction, FileAction, Group, Ids, NetworkAction, ProcessAction,
    SystemAction,
};
pub use alert::{Alert, Evidence, Severity, Technique};
pub use columns::{COLUMNS, Column, ColumnType, Value};
pub use detail::{
    Access, Connection, Detail, Exec, Exit, FileAccess, Fork, Lost, Memory, Prot, Protocol, Ring,
};
pub use digest::{Digest, Outcome, Sha256};
pub use kind::Kind;
pub use place::Container;
pub use process::{
    Backing, ExecId, FileIdentity, MAX_ANCESTORS, Namespaces, Process, Stdio, StdioKind,
};

use std::sync::Arc;

/// One thing that happened, with the process that did it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Position in this host's event history; grows by one per event, never reused.
    pub seq: u64,
    /// The acting process, with its ancestry.
    pub process: Arc<Process>,
    /// The acting thread.
    pub tid: u32,
    /// What the kernel answered: 0 or a positive value, or a negative errno.
    pub result: i64,
    /// What is special about this record.
    pub flags: Flags,
    /// How many equal events this record stands for; 1 unless aggregated.
    pub count: u64,
    /// What happened, and to what.
    pub detail: Detail,
}

impl Event {
    /// The kind of event, which follows from its detail.
    pub fn kind(&self) -> Kind {
        self.detail.kind()
    }
}

/// A shared run of events, in time order.
pub type Batch = Arc<Vec<Event>>;

/// What is special about a record, as a set of bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u32);

impl Flags {
    /// A text was longer than its limit and was cut.
    pub const TRUNCATED: Flags = Flags(1 << 0);
    /// A text comes from user memory and the caller may have changed it.
    pub const USER_MEMORY: Flags = Flags(1 << 1);
    /// The acting process was not known from a fork, exec or /proc.
    pub const UNKNOWN_PROCESS: Flags = Flags(1 << 2);
    /// The caller ran 32-bit code.
    pub const COMPAT: Flags = Flags(1 << 3);
    /// The exec came from a thread that was not the group leader.
    pub const THREAD_EXEC: Flags = Flags(1 << 4);

    /// The memory's file is the one of the descriptor that was passed, or not known: the
    /// memory itself could not be looked at.
    pub const UNCERTAIN_FILE: Flags = Flags(1 << 5);

    const NAMES: [(Flags, &'static str); 6] = [
        (Flags::TRUNCATED, "truncated"),
        (Flags::USER_MEMORY, "user_memory"),
        (Flags::UNKNOWN_PROCESS, "unknown_process"),
        (Flags::COMPAT, "compat"),
        (Flags::THREAD_EXEC, "thread_exec"),
        (Flags::UNCERTAIN_FILE, "uncertain_file"),
    ];

    /// Whether all bits of `other` are set.
    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set with the bits of `other` added.
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// The names of the bits that are set.
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES
            .iter()
            .filter(|(flag, _)| self.contains(*flag))
            .map(|(_, name)| *name)
            .collect()
    }

    /// The set with these names; unknown names are ignored.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Flags {
        let mut flags = Flags::default();
        for name in names {
            if let Some((flag, _)) = Self::NAMES.iter().find(|(_, known)| *known == name) {
                flags = flags.with(*flag);
            }
        }
        flags
    }
}
