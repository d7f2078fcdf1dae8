//! The tables that can be asked, and what their columns mean: one visible list.

use std::sync::LazyLock;

use arrow_schema::DataType;
use sentinel_event::{COLUMNS, Kind};
use sentinel_store::{ALERT_COLUMNS, Table};

/// A table of the history.
pub struct TableInfo {
    /// Its name in SQL.
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
    /// The store's table that its rows are in.
    pub source: Table,
    /// The kinds of event in it; all where this is empty.
    pub kinds: &'static [Kind],
    /// Its columns.
    pub columns: Vec<ColumnInfo>,
}

/// A column of a table.
#[derive(Clone)]
pub struct ColumnInfo {
    /// Its name.
    pub name: &'static str,
    /// What it means, with unit.
    pub doc: &'static str,
    /// Its type.
    pub kind: ColumnKind,
    /// Its position in the schema of the store's table.
    pub source: usize,
}

/// How a column looks in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// RFC 3339 text in UTC with nine digits of fraction, compared as time.
    Time,
    /// A 64-bit integer; what does not fit, because it is 2^63 or more, is text.
    Integer,
    /// 0 or 1.
    Boolean,
    /// Text.
    Text,
    /// A list as JSON text.
    Json,
}

impl ColumnKind {
    /// The type's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            ColumnKind::Time => "time",
            ColumnKind::Integer => "integer",
            ColumnKind::Boolean => "boolean",
            ColumnKind::Text => "text",
            ColumnKind::Json => "json",
        }
    }

    /// The type as SQLite is told: it takes INT and TEXT within for the affinity.
    pub(crate) const fn declaration(self) -> &'static str {
        match self {
            ColumnKind::Time => "TIME TEXT",
            ColumnKind::Integer => "INTEGER",
            ColumnKind::Boolean => "BOOLEAN INTEGER",
            ColumnKind::Text => "TEXT",
            ColumnKind::Json => "JSON TEXT",
        }
    }

    /// The kind that was declared so.
    pub(crate) fn declared(declaration: &str) -> Option<ColumnKind> {
        use ColumnKind::{Boolean, Integer, Json, Text, Time};
        let all = [Time, Integer, Boolean, Text, Json];
        all.into_iter().find(|k| k.declaration() == declaration)
    }

    fn of(data_type: &DataType) -> ColumnKind {
        match data_type {
            DataType::Timestamp(..) => ColumnKind::Time,
            DataType::Boolean => ColumnKind::Boolean,
            DataType::Utf8 => ColumnKind::Text,
            DataType::List(_) => ColumnKind::Json,
            _ => ColumnKind::Integer,
        }
    }
}

/// Columns of every table that is made of some kinds of event.
const COMMON: &[&str] = &[
    "time",
    "seq",
    "kind",
    "pid",
    "tid",
    "exec_id",
    "ppid",
    "parent_exec_id",
    "exe",
    "comm",
    "uid",
    "user",
    "result",
    "count",
    "flags",
];

/// A table made of some kinds of event and, beside [`COMMON`], some of their columns.
struct Part {
    name: &'static str,
    doc: &'static str,
    kinds: &'static [Kind],
    columns: &'static [&'static str],
}

/// Columns of a socket's two ends.
macro_rules! ends {
    ($($more:literal),*) => {
        &["proto", "addr", "port", "local_addr", "local_port", "peer_port", "inode" $(, $more)*]
    };
}

/// Columns of a program that runs.
macro_rules! image {
    ($($more:literal),*) => {
        &[
            "argv", "cwd", "filename", "interpreter", "previous_exe", "backing", "dev", "inode",
            "ctime", "nlink", "mode", "owner", "euid", "gid", "egid", "auid", "session",
            "cap_effective", "tty", "tty_name", "cgroup", "cgroup_id", "unit", "container",
            "mnt_ns", "pid_ns", "net_ns", "user_ns", "uts_ns", "ipc_ns", "cgroup_ns", "stdio",
            "stdio_inode", "stdio_local", "stdio_peer", "start", "ancestors", "container_runtime", "package",
            "exe_sha256" $(, $more)*
        ]
    };
}

/// What the table of files is made of.
const FILES: [Kind; 10] = {
    let mut kinds = [Kind::Open; 10];
    kinds[1] = Kind::Memfd;
    let mut at = 0;
    while at < Kind::FILE_CHANGES.len() {
        kinds[at + 2] = Kind::FILE_CHANGES[at];
        at += 1;
    }
    kinds
};

/// Every table that is made of some kinds of event. A new kind or column is added here.
const PARTS: &[Part] = &[
    Part {
        name: "execs",
        doc: "programs that were started",
        kinds: &[Kind::Exec],
        columns: image!(),
    },
    Part {
        name: "processes",
        doc: "beginnings and ends of processes and programs",
        kinds: &[
            Kind::Process,
            Kind::Exec,
            Kind::ExecFailed,
            Kind::Fork,
            Kind::Exit,
        ],
        columns: image!(
            "path",
            "child",
            "child_exec_id",
            "child_start",
            "code",
            "signal",
            "run_ns",
            "cpu_ns",
            "peak_rss_bytes"
        ),
    },
    Part {
        name: "connections",
        doc: "connections that were begun or accepted",
        kinds: &[Kind::Connect, Kind::Accept],
        columns: ends!(),
    },
    Part {
        name: "network",
        doc: "all that was done with sockets, the ends of connections and names included",
        kinds: &[
            Kind::Connect,
            Kind::Accept,
            Kind::Bind,
            Kind::Listen,
            Kind::Close,
            Kind::Send,
            Kind::Dns,
            Kind::UnixConnect,
        ],
        columns: ends!(
            "path",
            "operation",
            "name",
            "bytes_sent",
            "bytes_received",
            "run_ns"
        ),
    },
    Part {
        name: "files",
        doc: "files that were opened, made, renamed, removed or changed",
        kinds: &FILES,
        columns: &[
            "path",
            "to",
            "operation",
            "argument",
            "access",
            "open_flags",
            "fd",
            "backing",
            "dev",
            "inode",
            "ctime",
            "nlink",
            "mode",
            "owner",
        ],
    },
    Part {
        name: "digests",
        doc: "executables when they were first seen, with what they contain",
        kinds: &[Kind::Digest],
        columns: &[
            "path",
            "exe_sha256",
            "operation",
            "length",
            "backing",
            "dev",
            "inode",
            "ctime",
            "nlink",
            "mode",
            "owner",
        ],
    },
    Part {
        name: "reaches",
        doc: "what processes did to other processes",
        kinds: &[
            Kind::Ptrace,
            Kind::ProcessWrite,
            Kind::ProcessRead,
            Kind::ProcessMadvise,
            Kind::PidfdGetfd,
            Kind::Kill,
        ],
        columns: &[
            "operation",
            "argument",
            "target_pid",
            "target_exec_id",
            "target_exe",
            "address",
            "length",
        ],
    },
];

/// Every table.
pub fn all() -> &'static [TableInfo] {
    static TABLES: LazyLock<Vec<TableInfo>> = LazyLock::new(|| {
        let mut tables = vec![
            whole(Table::Events, "everything that happened"),
            whole(Table::Alerts, "what was concluded"),
        ];
        let events = tables[0].columns.clone();
        tables.extend(PARTS.iter().map(|part| part.table(&events)));
        tables
    });
    &TABLES
}

fn whole(source: Table, doc: &'static str) -> TableInfo {
    let docs: Vec<(&str, &str)> = match source {
        Table::Events => COLUMNS.iter().map(|c| (c.name, c.doc)).collect(),
        Table::Alerts => ALERT_COLUMNS.iter().map(|c| (c.name, c.doc)).collect(),
    };
    let schema = source.schema();
    let columns = docs.into_iter().zip(schema.fields()).enumerate();
    let columns = columns.map(|(source, ((name, doc), field))| ColumnInfo {
        name,
        doc,
        kind: ColumnKind::of(field.data_type()),
        source,
    });
    TableInfo {
        name: source.name(),
        doc,
        source,
        kinds: &[],
        columns: columns.collect(),
    }
}

impl Part {
    fn table(&self, events: &[ColumnInfo]) -> TableInfo {
        let names = COMMON.iter().chain(self.columns);
        let columns = names.filter_map(|name| events.iter().find(|c| c.name == *name));
        TableInfo {
            name: self.name,
            doc: self.doc,
            source: Table::Events,
            kinds: self.kinds,
            columns: columns.cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_name_columns_that_exist_once() {
        for part in PARTS {
            let names: Vec<_> = COMMON.iter().chain(part.columns).collect();
            for (i, name) in names.iter().enumerate() {
                assert!(COLUMNS.iter().any(|c| c.name == **name), "{name}");
                assert!(!names[..i].contains(name), "{} has {name} twice", part.name);
            }
        }
    }

    #[test]
    fn declarations_lead_back_to_their_kind() {
        for table in all() {
            for column in &table.columns {
                let declaration = column.kind.declaration();
                assert_eq!(ColumnKind::declared(declaration), Some(column.kind));
            }
        }
    }
}
