//! The one list of an event's fields as flat columns.
//!
//! Parquet, SQL, the API and JSON all use these names in this order; tests in
//! those crates compare themselves with this list.

use crate::{Connection, Detail, Event, FileAccess, FileIdentity, Memory, Stdio};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Nanoseconds since the Unix epoch.
    Time,
    /// Unsigned 64-bit integer.
    U64,
    /// Signed 64-bit integer.
    I64,
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// A list of texts.
    TextList,
}

/// A value of one column for one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Nanoseconds since the Unix epoch.
    Time(i64),
    /// Unsigned integer.
    U64(u64),
    /// Signed integer.
    I64(i64),
    /// True or false.
    Bool(bool),
    /// Text that the event holds.
    Text(&'a str),
    /// Text made for this column.
    Owned(String),
    /// A list of texts that the event holds.
    TextList(&'a [Box<str>]),
    /// A list of texts made for this column.
    OwnedList(Vec<String>),
}

/// One field of an event.
pub struct Column {
    /// Its name everywhere.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// What it means, with unit.
    pub doc: &'static str,
    /// Its value; `None` where the event has none.
    pub get: for<'a> fn(&'a Event) -> Option<Value<'a>>,
}

macro_rules! columns {
    ($($name:ident $kind:ident $doc:literal $get:expr;)*) => {
        &[$(Column { name: stringify!($name), kind: ColumnType::$kind, doc: $doc, get: $get }),*]
    };
}

use Value::{Bool, I64, Owned, OwnedList, Text, TextList, Time, U64};

/// Every field of an event.
pub const COLUMNS: &[Column] = columns! {
    time Time "when it happened" |e| Some(Time(e.time_ns));
    seq U64 "position in the host's event history" |e| Some(U64(e.seq));
    kind Text "kind of event" |e| Some(Text(e.kind().name()));
    pid U64 "process id of the acting process" |e| Some(U64(e.process.pid.into()));
    tid U64 "thread id of the acting thread" |e| Some(U64(e.tid.into()));
    exec_id Text "identity of the process image, 16 hexadecimal digits" |e| Some(Owned(e.process.exec_id.to_string()));
    ppid U64 "process id of the parent" |e| Some(U64(e.process.ppid.into()));
    parent_exec_id Text "identity of the parent's image" |e| e.process.parent.as_ref().map(|p| Owned(p.exec_id.to_string()));
    exe Text "absolute path of the executable" |e| Some(Text(&e.process.exe));
    comm Text "display name of the process; not an identity" |e| Some(Text(&e.process.comm));
    uid U64 "real user id" |e| Some(U64(e.process.uid.into()));
    user Text "name of the real user" |e| e.process.user.as_deref().map(Text);
    result I64 "the kernel's answer: 0 or more, or a negative errno" |e| Some(I64(e.result));
    count U64 "how many equal events this row stands for; how many were lost (lost), 0 when not known" |e| Some(U64(lost(e).map_or(e.count, |l| l.count)));
    flags TextList "what is special about the record" |e| (e.flags.0 != 0).then(|| OwnedList(e.flags.names().into_iter().map(String::from).collect()));
    argv TextList "arguments (exec, process)" |e| image(e).then(|| TextList(&e.process.argv));
    cwd Text "working directory (exec, process)" |e| image(e).then(|| Text(&e.process.cwd));
    filename Text "name under which the program was asked for (exec)" |e| exec(e).map(|x| Text(&x.filename));
    interpreter Text "interpreter of a script (exec)" |e| exec(e).and_then(|x| x.interpreter.as_deref()).map(Text);
    previous_exe Text "executable of the replaced image (exec)" |e| exec(e).map(|x| Text(&x.previous_exe));
    backing Text "what stands behind the executable, file or memory: file, memfd, unlinked, tmpfs, anonymous" |e| backing(e).map(Text);
    dev U64 "device number of the executable, file or mapping, major << 20 | minor" |e| file(e).map(|f| U64(f.dev.into()));
    inode U64 "inode number of the executable, file or mapping; of the socket for connections" |e| inode(e).map(U64);
    ctime Time "inode change time of the executable, file or mapping" |e| file(e).map(|f| Time(f.ctime_ns));
    nlink U64 "hard links of the executable, file or mapping" |e| file(e).map(|f| U64(f.nlink.into()));
    mode U64 "file type and permission bits" |e| file(e).map(|f| U64(f.mode.into()));
    owner U64 "user id of the file's owner" |e| file(e).map(|f| U64(f.uid.into()));
    euid U64 "effective user id (exec, process)" |e| image(e).then(|| U64(e.process.euid.into()));
    gid U64 "real group id (exec, process)" |e| image(e).then(|| U64(e.process.gid.into()));
    egid U64 "effective group id (exec, process)" |e| image(e).then(|| U64(e.process.egid.into()));
    auid U64 "login user id; absent when unset (exec, process)" |e| image(e).then_some(e.process.auid).flatten().map(|v| U64(v.into()));
    session U64 "audit session id; absent when unset (exec, process)" |e| image(e).then_some(e.process.session).flatten().map(|v| U64(v.into()));
    cap_effective U64 "effective capabilities, a bit set (exec, process)" |e| image(e).then(|| U64(e.process.cap_effective));
    tty Bool "whether there is a controlling terminal (exec, process)" |e| image(e).then(|| Bool(e.process.tty.is_some()));
    tty_name Text "controlling terminal (exec, process)" |e| image(e).then_some(e.process.tty.as_deref()).flatten().map(Text);
    cgroup Text "cgroup path (exec, process)" |e| image(e).then(|| Text(&e.process.cgroup));
    cgroup_id U64 "cgroup id (exec, process)" |e| image(e).then(|| U64(e.process.cgroup_id));
    unit Text "systemd unit (exec, process)" |e| image(e).then(|| e.process.unit()).flatten().map(Text);
    container Text "container id (exec, process)" |e| image(e).then(|| e.process.container()).flatten().map(Text);
    mnt_ns U64 "mount namespace (exec, process)" |e| image(e).then(|| U64(e.process.namespaces.mnt.into()));
    pid_ns U64 "pid namespace (exec, process)" |e| image(e).then(|| U64(e.process.namespaces.pid.into()));
    net_ns U64 "network namespace (exec, process)" |e| image(e).then(|| U64(e.process.namespaces.net.into()));
    user_ns U64 "user namespace (exec, process)" |e| image(e).then(|| U64(e.process.namespaces.user.into()));
    uts_ns U64 "UTS namespace (exec, process)" |e| image(e).then(|| U64(e.process.namespaces.uts.into()));
    ipc_ns U64 "IPC namespace (exec, process)" |e| image(e).then(|| U64(e.process.namespaces.ipc.into()));
    cgroup_ns U64 "cgroup namespace (exec, process)" |e| image(e).then(|| U64(e.process.namespaces.cgroup.into()));
    stdio TextList "what descriptors 0, 1 and 2 are (exec, process)" |e| image(e).then(|| OwnedList(e.process.stdio.iter().map(|s| s.kind.name().to_owned()).collect()));
    stdio_inode TextList "inode numbers of descriptors 0, 1 and 2 (exec, process)" |e| image(e).then(|| OwnedList(e.process.stdio.iter().map(|s| s.inode.to_string()).collect()));
    stdio_local TextList "own addresses of internet sockets on 0, 1 and 2 (exec, process)" |e| sockets(e).then(|| OwnedList(e.process.stdio.iter().map(local).collect()));
    stdio_peer TextList "peer addresses of internet sockets on 0, 1 and 2 (exec, process)" |e| sockets(e).then(|| OwnedList(e.process.stdio.iter().map(peer).collect()));
    start Time "when the process began (exec, process, exit, fork)" |e| life(e).then(|| Time(e.process.start_ns));
    ancestors TextList "pid:exec_id:path of each ancestor, parent first (exec, process)" |e| image(e).then(|| OwnedList(e.process.ancestors().map(|p| format!("{}:{}:{}", p.pid, p.exec_id, p.exe)).collect()));
    child U64 "process id of the new process (fork)" |e| match &e.detail { Detail::Fork(f) => Some(U64(f.child.pid.into())), _ => None };
    child_exec_id Text "identity of the new process (fork)" |e| match &e.detail { Detail::Fork(f) => Some(Owned(f.child.exec_id.to_string())), _ => None };
    child_start Time "when the new process began (fork)" |e| match &e.detail { Detail::Fork(f) => Some(Time(f.child.start_ns)), _ => None };
    code U64 "exit code (exit)" |e| exit(e).map(|x| U64(x.code.into()));
    signal U64 "signal that ended the process, 0 for none (exit)" |e| exit(e).map(|x| U64(x.signal.into()));
    run_ns U64 "nanoseconds from start to end (exit)" |e| exit(e).map(|x| U64(x.run_ns));
    cpu_ns U64 "nanoseconds of processor time (exit)" |e| exit(e).map(|x| U64(x.cpu_ns));
    peak_rss_bytes U64 "most memory held, in bytes (exit)" |e| exit(e).map(|x| U64(x.peak_rss_bytes));
    proto Text "tcp or udp (connect, accept)" |e| connection(e).map(|c| Text(c.protocol.name()));
    addr Text "the other side's address (connect, accept)" |e| connection(e).map(|c| Owned(c.peer.ip().to_string()));
    port U64 "the served port: the peer's for connect, the local one for accept" |e| connection(e).map(|c| U64(served_port(e, c).into()));
    local_addr Text "our address (connect, accept)" |e| connection(e).map(|c| Owned(c.local.ip().to_string()));
    local_port U64 "our port, 0 while not chosen (connect, accept)" |e| connection(e).map(|c| U64(c.local.port().into()));
    peer_port U64 "the other side's port (connect, accept)" |e| connection(e).map(|c| U64(c.peer.port().into()));
    path Text "the file (open, memfd, mmap, mprotect)" |e| path(e).map(Text);
    access Text "how the file was opened: r, w, rw, create (open, memfd)" |e| opened(e).map(|f| Text(f.access.name()));
    open_flags U64 "open flags (open, memfd)" |e| opened(e).map(|f| U64(f.open_flags.into()));
    fd I64 "descriptor, where the hook knows it (open, memfd)" |e| opened(e).filter(|f| f.fd >= 0).map(|f| I64(f.fd.into()));
    address U64 "first address (mmap, mprotect)" |e| memory(e).map(|m| U64(m.address));
    length U64 "bytes (mmap, mprotect)" |e| memory(e).map(|m| U64(m.length));
    prot Text "protection asked for, such as r-x (mmap, mprotect)" |e| memory(e).map(|m| Text(m.prot.name()));
    old_prot Text "protection before (mprotect)" |e| memory(e).and_then(|m| m.old_prot).map(|p| Text(p.name()));
    map_flags U64 "mapping flags (mmap)" |e| memory(e).map(|m| U64(m.map_flags.into()));
    ring Text "ring that lost events (lost)" |e| lost(e).and_then(|l| l.ring).map(|r| Text(r.name()));
    lost_kind Text "kind that was lost (lost)" |e| lost(e).and_then(|l| l.kind).map(|k| Text(k.name()));
    until Time "end of the gap (lost)" |e| lost(e).map(|l| Time(l.until_ns));
};

/// Whether the event introduces a process image, whose description it then carries.
fn image(event: &Event) -> bool {
    matches!(event.detail, Detail::Exec(_) | Detail::Process)
}

fn life(event: &Event) -> bool {
    image(event) || matches!(event.detail, Detail::Fork(_) | Detail::Exit(_))
}

fn sockets(event: &Event) -> bool {
    image(event) && event.process.stdio.iter().any(|s| s.local.is_some())
}

fn local(stdio: &Stdio) -> String {
    stdio.local.map(|a| a.to_string()).unwrap_or_default()
}

fn peer(stdio: &Stdio) -> String {
    stdio.peer.map(|a| a.to_string()).unwrap_or_default()
}

fn exec(event: &Event) -> Option<&crate::Exec> {
    match &event.detail {
        Detail::Exec(exec) => Some(exec),
        _ => None,
    }
}

fn exit(event: &Event) -> Option<&crate::Exit> {
    match &event.detail {
        Detail::Exit(exit) => Some(exit),
        _ => None,
    }
}

fn connection(event: &Event) -> Option<&Connection> {
    match &event.detail {
        Detail::Connect(c) | Detail::Accept(c) => Some(c),
        _ => None,
    }
}

fn served_port(event: &Event, connection: &Connection) -> u16 {
    match event.detail {
        Detail::Accept(_) => connection.local.port(),
        _ => connection.peer.port(),
    }
}

fn opened(event: &Event) -> Option<&FileAccess> {
    match &event.detail {
        Detail::Open(f) | Detail::Memfd(f) => Some(f),
        _ => None,
    }
}

fn memory(event: &Event) -> Option<&Memory> {
    match &event.detail {
        Detail::Mmap(m) | Detail::Mprotect(m) => Some(m),
        _ => None,
    }
}

fn lost(event: &Event) -> Option<&crate::Lost> {
    match &event.detail {
        Detail::Lost(lost) => Some(lost),
        _ => None,
    }
}

fn path(event: &Event) -> Option<&str> {
    opened(event)
        .map(|f| &*f.path)
        .or_else(|| memory(event).map(|m| &*m.path))
}

fn file(event: &Event) -> Option<&FileIdentity> {
    if image(event) {
        return Some(&event.process.file);
    }
    opened(event)
        .map(|f| &f.file)
        .or_else(|| memory(event).map(|m| &m.file))
}

fn inode(event: &Event) -> Option<u64> {
    file(event)
        .map(|f| f.inode)
        .or_else(|| connection(event).map(|c| c.inode))
}

fn backing(event: &Event) -> Option<&'static str> {
    if image(event) {
        return Some(event.process.backing.name());
    }
    opened(event)
        .map(|f| f.backing)
        .or_else(|| memory(event).map(|m| m.backing))
        .map(crate::Backing::name)
}

#[cfg(test)]
mod tests {
    use super::COLUMNS;

    #[test]
    fn names_are_unique_and_documented() {
        for (i, column) in COLUMNS.iter().enumerate() {
            assert!(!column.doc.is_empty(), "{} has no description", column.name);
            assert!(
                COLUMNS[..i].iter().all(|c| c.name != column.name),
                "{} twice",
                column.name
            );
        }
    }
}
