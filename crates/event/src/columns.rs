//! The one list of an event's fields as flat columns.
//!
//! Parquet, SQL, the API and JSON all use these names in this order; tests in
//! those crates compare themselves with this list.

use std::borrow::Cow;

use crate::{
    Connection, Container, Credentials, DescriptorAction, Detail, Digest, Event, FileAccess,
    FileAction, FileIdentity, Kind, Memory, NetworkAction, ProcessAction, Sha256, Stdio,
    SystemAction,
};

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
    container Text "container id (exec, process)" |e| container(e).map(|c| cow(c.id));
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
    run_ns U64 "nanoseconds from start to end (exit, close)" |e| exit(e).map(|x| x.run_ns).or_else(|| closed(e).map(|n| n.run_ns)).map(U64);
    cpu_ns U64 "nanoseconds of processor time (exit)" |e| exit(e).map(|x| U64(x.cpu_ns));
    peak_rss_bytes U64 "most memory held, in bytes (exit)" |e| exit(e).map(|x| U64(x.peak_rss_bytes));
    proto Text "tcp or udp (connect, accept, bind, listen, close, send, dns)" |e| connection(e).map(|c| Text(c.protocol.name()));
    addr Text "the other side's address (connect, accept, bind, listen, close, send, dns)" |e| connection(e).map(|c| Owned(c.peer.ip().to_string()));
    port U64 "the served port: the peer's for connect, the local one for accept" |e| connection(e).map(|c| U64(served_port(e, c).into()));
    local_addr Text "our address (connect, accept, bind, listen, close, send, dns)" |e| connection(e).map(|c| Owned(c.local.ip().to_string()));
    local_port U64 "our port, 0 while not chosen (connect, accept, bind, listen, close, send, dns)" |e| connection(e).map(|c| U64(c.local.port().into()));
    peer_port U64 "the other side's port (connect, accept, bind, listen, close, send, dns)" |e| connection(e).map(|c| U64(c.peer.port().into()));
    path Text "the file (open, memfd, mmap, mprotect, shmat, digest and all that is done to files)" |e| path(e).map(Text);
    access Text "how the file was opened: r, w, rw, create (open, memfd)" |e| opened(e).map(|f| Text(f.access.name()));
    open_flags U64 "open flags (open, memfd)" |e| opened(e).map(|f| U64(f.open_flags.into()));
    fd I64 "descriptor, where the hook knows it (open, memfd, redirect)" |e| opened(e).map(|f| f.fd).or_else(|| descriptor(e).map(|d| d.fd)).filter(|fd| *fd >= 0).map(|fd| I64(fd.into()));
    address U64 "first address (mmap, mprotect, shmat); in the other process (process_vm_writev and the like)" |e| memory(e).map(|m| m.address).or_else(|| reached(e).map(|t| t.address)).map(U64);
    length U64 "bytes (mmap, mprotect, shmat, process_vm_writev and the like); size of the file (digest)" |e| memory(e).map(|m| m.length).or_else(|| reached(e).map(|t| t.length)).or_else(|| digest(e).map(|d| d.length)).map(U64);
    prot Text "protection asked for, such as r-x (mmap, mprotect)" |e| memory(e).map(|m| Text(m.prot.name()));
    old_prot Text "protection before (mprotect)" |e| memory(e).and_then(|m| m.old_prot).map(|p| Text(p.name()));
    map_flags U64 "mapping flags (mmap)" |e| memory(e).map(|m| U64(m.map_flags.into()));
    ring Text "ring that lost events (lost)" |e| lost(e).and_then(|l| l.ring).map(|r| Text(r.name()));
    lost_kind Text "kind that was lost (lost)" |e| lost(e).and_then(|l| l.kind).map(|k| Text(k.name()));
    until Time "end of the gap (lost)" |e| lost(e).map(|l| Time(l.until_ns));
    to Text "the other name: new name (rename), file behind the new name (link), text (symlink), source (mount), attribute (setxattr)" |e| acted(e).map(|f| &*f.to).filter(|to| !to.is_empty()).map(Text);
    operation Text "how: request (ptrace), system call (redirect, credentials, namespace), query type (dns), command (bpf), opcode (io_uring), outcome (digest)" |e| operation(e).filter(|text| !text.is_empty()).map(Text);
    argument U64 "mode (chmod), length (truncate), uid << 32 | gid (chown), signal (kill), flags or number of the operation" |e| argument(e).map(U64);
    target_pid U64 "process id of the other process (ptrace, kill and the like)" |e| reached(e).map(|t| U64(t.target.pid.into()));
    target_exec_id Text "identity of the other process's image" |e| reached(e).map(|t| Owned(t.target.exec_id.to_string()));
    target_exe Text "executable of the other process" |e| reached(e).map(|t| Text(&t.target.exe));
    old_fd I64 "descriptor that was copied (redirect)" |e| descriptor(e).map(|d| I64(d.old_fd.into()));
    object Text "what the descriptor is now: socket, pipe and the like (redirect)" |e| descriptor(e).map(|d| Text(d.object.kind.name()));
    object_inode U64 "inode number of the socket or pipe (redirect)" |e| descriptor(e).map(|d| U64(d.object.inode));
    object_local Text "own address of the socket (redirect)" |e| descriptor(e).and_then(|d| d.object.local).map(|a| Owned(a.to_string()));
    object_peer Text "peer address of the socket (redirect)" |e| descriptor(e).and_then(|d| d.object.peer).map(|a| Owned(a.to_string()));
    bytes_sent U64 "bytes sent (close, send)" |e| network(e).map(|n| U64(n.bytes_sent));
    bytes_received U64 "bytes received (close)" |e| network(e).map(|n| U64(n.bytes_received));
    name Text "name asked for (dns), of the module or program (module, bpf), types (namespace)" |e| name(e).filter(|name| !name.is_empty()).map(Text);
    old_uid U64 "real user id before (credentials)" |e| credentials(e).map(|c| U64(c.old.uid.into()));
    old_euid U64 "effective user id before (credentials)" |e| credentials(e).map(|c| U64(c.old.euid.into()));
    old_gid U64 "real group id before (credentials)" |e| credentials(e).map(|c| U64(c.old.gid.into()));
    old_egid U64 "effective group id before (credentials)" |e| credentials(e).map(|c| U64(c.old.egid.into()));
    old_cap_effective U64 "effective capabilities before (credentials)" |e| credentials(e).map(|c| U64(c.old.cap_effective));
    new_uid U64 "real user id after (credentials)" |e| credentials(e).map(|c| U64(c.new.uid.into()));
    new_euid U64 "effective user id after (credentials)" |e| credentials(e).map(|c| U64(c.new.euid.into()));
    new_gid U64 "real group id after (credentials)" |e| credentials(e).map(|c| U64(c.new.gid.into()));
    new_egid U64 "effective group id after (credentials)" |e| credentials(e).map(|c| U64(c.new.egid.into()));
    new_cap_effective U64 "effective capabilities after (credentials)" |e| credentials(e).map(|c| U64(c.new.cap_effective));
    container_runtime Text "who runs the container: docker, containerd, cri-o, podman, buildkit, lxc, systemd-nspawn (exec, process)" |e| container(e).and_then(|c| c.runtime).map(Text);
    package Text "package that owns the executable (exec, process)" |e| image(e).then_some(e.process.package.as_deref()).flatten().map(Text);
    exe_sha256 Text "SHA-256 of the executable, 64 hexadecimal digits: where it was known already (exec, process), where it could be computed (digest)" |e| sha256(e).map(|s| Owned(s.to_string()));
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
        Detail::Network(action) => Some(&action.connection),
        _ => None,
    }
}

fn served_port(event: &Event, connection: &Connection) -> u16 {
    match event.kind() {
        Kind::Accept | Kind::Bind | Kind::Listen => connection.local.port(),
        _ => connection.peer.port(),
    }
}

fn acted(event: &Event) -> Option<&FileAction> {
    match &event.detail {
        Detail::File(action) => Some(action),
        _ => None,
    }
}

fn reached(event: &Event) -> Option<&ProcessAction> {
    match &event.detail {
        Detail::Target(action) => Some(action),
        _ => None,
    }
}

fn descriptor(event: &Event) -> Option<&DescriptorAction> {
    match &event.detail {
        Detail::Descriptor(action) => Some(action),
        _ => None,
    }
}

fn network(event: &Event) -> Option<&NetworkAction> {
    match &event.detail {
        Detail::Network(action) => Some(action),
        _ => None,
    }
}

fn closed(event: &Event) -> Option<&NetworkAction> {
    network(event).filter(|action| action.kind == Kind::Close)
}

fn credentials(event: &Event) -> Option<&Credentials> {
    match &event.detail {
        Detail::Credentials(change) => Some(change),
        _ => None,
    }
}

fn system(event: &Event) -> Option<&SystemAction> {
    match &event.detail {
        Detail::System(action) => Some(action),
        _ => None,
    }
}

fn operation(event: &Event) -> Option<&str> {
    match &event.detail {
        Detail::File(action) => Some(&action.operation),
        Detail::Target(action) => Some(&action.operation),
        Detail::Descriptor(action) => Some(&action.operation),
        Detail::Network(action) => Some(&action.operation),
        Detail::Credentials(change) => Some(&change.operation),
        Detail::System(action) => Some(&action.operation),
        Detail::Digest(digest) => Some(digest.outcome.name()),
        _ => None,
    }
}

fn argument(event: &Event) -> Option<u64> {
    match &event.detail {
        Detail::File(action) => Some(action.argument),
        Detail::Target(action) => Some(action.argument),
        Detail::System(action) => Some(action.argument),
        _ => None,
    }
}

fn name(event: &Event) -> Option<&str> {
    network(event)
        .map(|action| &*action.name)
        .or_else(|| system(event).map(|action| &*action.name))
}

fn opened(event: &Event) -> Option<&FileAccess> {
    match &event.detail {
        Detail::Open(f) | Detail::Memfd(f) => Some(f),
        _ => None,
    }
}

fn memory(event: &Event) -> Option<&Memory> {
    match &event.detail {
        Detail::Mmap(m) | Detail::Mprotect(m) | Detail::Shmat(m) => Some(m),
        _ => None,
    }
}

fn digest(event: &Event) -> Option<&Digest> {
    match &event.detail {
        Detail::Digest(digest) => Some(digest),
        _ => None,
    }
}

fn sha256(event: &Event) -> Option<Sha256> {
    match digest(event) {
        Some(digest) => digest.sha256,
        None => image(event).then_some(event.process.sha256).flatten(),
    }
}

fn container(event: &Event) -> Option<Container<'_>> {
    image(event).then(|| event.process.container()).flatten()
}

fn cow(text: Cow<'_, str>) -> Value<'_> {
    match text {
        Cow::Borrowed(text) => Text(text),
        Cow::Owned(text) => Owned(text),
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
        .or_else(|| acted(event).map(|f| &*f.path))
        .or_else(|| digest(event).map(|d| &*d.path))
}

fn file(event: &Event) -> Option<&FileIdentity> {
    if image(event) {
        return Some(&event.process.file);
    }
    opened(event)
        .map(|f| &f.file)
        .or_else(|| memory(event).map(|m| &m.file))
        .or_else(|| acted(event).map(|f| &f.file))
        .or_else(|| digest(event).map(|d| &d.file))
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
        .or_else(|| acted(event).map(|f| f.backing))
        .or_else(|| digest(event).map(|d| d.backing))
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
