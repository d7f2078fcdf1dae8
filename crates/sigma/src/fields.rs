//! The mapping: which fields each record has, and what of our events they are.
//! `docs/rules.md` shows the same tables; a test compares them.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use rsigma_eval::EventValue;
use sentinel_event::{
    Connection, Detail, FileAction, FileIdentity, Kind, NetworkAction, Process, ProcessAction,
};

use crate::Record;
use crate::view::View;

/// One field of a record.
pub struct Field {
    /// Its name in rules.
    pub name: &'static str,
    /// What it can be.
    pub values: Values,
    /// What of our event it is.
    pub doc: &'static str,
    /// Its value; `None` where the event has none.
    pub get: for<'a> fn(&View<'a>) -> Option<EventValue<'a>>,
}

/// What a field can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Any text; searched by rules that name no field.
    Text,
    /// A number or an address.
    Number,
    /// One of these, always there.
    OneOf(&'static [&'static str]),
}

macro_rules! fields {
    ($($name:literal $values:expr, $doc:literal, $get:expr;)*) => {
        &[$(Field { name: $name, values: $values, doc: $doc, get: $get }),*]
    };
}

use Values::{Number, OneOf, Text};

/// The fields of a record, besides `a0` to `aN` of EXECVE.
pub fn fields_of(record: Record) -> &'static [Field] {
    match record {
        Record::ProcessCreation => PROCESS_CREATION,
        Record::ProcessAccess => PROCESS_ACCESS,
        Record::FileEvent => FILE_EVENT,
        Record::FileDelete => FILE_DELETE,
        Record::FileRename => FILE_RENAME,
        Record::NetworkConnection => NETWORK_CONNECTION,
        Record::NameConnection => NAME_CONNECTION,
        Record::DnsQuery => DNS_QUERY,
        Record::ImageLoad => IMAGE_LOAD,
        Record::Command => COMMAND,
        Record::AuditExecve => AUDIT_EXECVE,
        Record::AuditSyscall => AUDIT_SYSCALL,
        Record::AuditCall => AUDIT_CALL,
        Record::AuditPath | Record::AuditRead => AUDIT_PATH,
    }
}

/// What of [`Record::ProcessCreation`] a field of another record is when a program is started:
/// such texts are searched once for the rules of all records.
pub fn same_when_started(record: Record, field: usize) -> Option<usize> {
    let name = match (record, fields_of(record)[field].name) {
        (Record::Command, "CommandLine") | (Record::AuditExecve, "proctitle") => "CommandLine",
        (Record::AuditSyscall, "exe") | (Record::AuditPath, "name") => "Image",
        (Record::AuditSyscall, "cwd") => "CurrentDirectory",
        _ => return None,
    };
    PROCESS_CREATION.iter().position(|field| field.name == name)
}

const PROCESS_CREATION: &[Field] = fields! {
    "Image" Text, "absolute path of the executable", |v| text(&v.process().exe);
    "CommandLine" Text, "the arguments, joined by blanks", |v| text(v.line());
    "CurrentDirectory" Text, "working directory", |v| text(&v.process().cwd);
    "User" Text, "name of the real user, or the number", |v| user(v.process());
    "ParentImage" Text, "executable of the parent", |v| text(&v.process().parent.as_ref()?.exe);
    "ParentCommandLine" Text, "arguments of the parent", |v| text(v.parent_line()?);
    "ParentUser" Text, "user of the parent", |v| user(v.process().parent.as_ref()?);
    "Hashes" Text, "SHA256= and the digest of the executable", |v| hashes(v.process());
    "sha256" Text, "the digest alone", |v| Some(EventValue::Str(Cow::Owned(v.process().sha256?.to_string())));
    "ProcessId" Number, "process id", |v| number(v.process().pid);
    "ParentProcessId" Number, "process id of the parent", |v| number(v.process().ppid);
    "LogonId" Number, "real user id", |v| number(v.process().uid);
    "TerminalSessionId" Number, "audit session id", |v| number(v.process().session?);
};

const PROCESS_ACCESS: &[Field] = fields! {
    "SourceImage" Text, "executable of the process that reaches", |v| text(&v.process().exe);
    "SourceUser" Text, "its user", |v| user(v.process());
    "TargetImage" Text, "executable of the process that is reached", |v| text(&target(v)?.target.exe);
    "TargetUser" Text, "its user", |v| user(&target(v)?.target);
    "SourceProcessId" Number, "process id", |v| number(v.process().pid);
    "TargetProcessId" Number, "process id of the other", |v| number(target(v)?.target.pid);
};

const FILE_EVENT: &[Field] = fields! {
    "Image" Text, "executable of the process", |v| text(&v.process().exe);
    "TargetFilename" Text, "the file; the new name for rename, link and symlink", |v| text(new_name(v)?);
    "User" Text, "user of the process", |v| user(v.process());
    "ProcessId" Number, "process id", |v| number(v.process().pid);
};

const FILE_DELETE: &[Field] = fields! {
    "Image" Text, "executable of the process", |v| text(&v.process().exe);
    "TargetFilename" Text, "the name that was removed", |v| text(path(v)?);
    "User" Text, "user of the process", |v| user(v.process());
    "ProcessId" Number, "process id", |v| number(v.process().pid);
};

const FILE_RENAME: &[Field] = fields! {
    "Image" Text, "executable of the process", |v| text(&v.process().exe);
    "SourceFilename" Text, "the old name", |v| text(path(v)?);
    "TargetFilename" Text, "the new name", |v| text(new_name(v)?);
    "User" Text, "user of the process", |v| user(v.process());
    "ProcessId" Number, "process id", |v| number(v.process().pid);
};

const NETWORK_CONNECTION: &[Field] = fields! {
    "Image" Text, "executable of the process", |v| text(&v.process().exe);
    "User" Text, "user of the process", |v| user(v.process());
    "Initiated" OneOf(&["true", "false"]), "true for connections that were begun here", |v| text(match begun(v) { true => "true", false => "false" });
    "Protocol" OneOf(&["tcp", "udp"]), "tcp or udp", |v| text(connection(v)?.protocol.name());
    "SourceIp" Number, "address of the side that began it", |v| ip(ends(v)?.0);
    "SourcePort" Number, "its port", |v| number(ends(v)?.0.port());
    "SourceIsIpv6" OneOf(&["true", "false"]), "whether that is IPv6", |v| is_v6(ends(v)?.0);
    "DestinationIp" Number, "address of the other side", |v| ip(ends(v)?.1);
    "DestinationPort" Number, "its port", |v| number(ends(v)?.1.port());
    "DestinationIsIpv6" OneOf(&["true", "false"]), "whether that is IPv6", |v| is_v6(ends(v)?.1);
    "ProcessId" Number, "process id", |v| number(v.process().pid);
};

const NAME_CONNECTION: &[Field] = fields! {
    "Image" Text, "executable of the process that asks for the name", |v| text(&v.process().exe);
    "User" Text, "user of the process", |v| user(v.process());
    "Initiated" OneOf(&["true"]), "always true", |_| text("true");
    "DestinationHostname" Text, "the name that was asked for", |v| text(&asked(v)?.name);
    "ProcessId" Number, "process id", |v| number(v.process().pid);
};

const DNS_QUERY: &[Field] = fields! {
    "Image" Text, "executable of the process", |v| text(&v.process().exe);
    "User" Text, "user of the process", |v| user(v.process());
    "QueryName" Text, "the name that was asked for", |v| text(&asked(v)?.name);
    "query" Text, "the same", |v| text(&asked(v)?.name);
    "record_type" Text, "the type that was asked for, such as AAAA", |v| text(&asked(v)?.operation);
    "ProcessId" Number, "process id", |v| number(v.process().pid);
};

const IMAGE_LOAD: &[Field] = fields! {
    "Image" Text, "executable of the process", |v| text(&v.process().exe);
    "ImageLoaded" Text, "the file that was mapped executable", |v| text(mapped(v)?);
    "User" Text, "user of the process", |v| user(v.process());
    "ProcessId" Number, "process id", |v| number(v.process().pid);
};

const COMMAND: &[Field] = fields! {
    "CommandLine" Text, "the arguments, joined by blanks", |v| text(v.line());
};

const AUDIT_EXECVE: &[Field] = fields! {
    "type" OneOf(&["EXECVE"]), "EXECVE", |_| text("EXECVE");
    "proctitle" Text, "the arguments, joined by blanks", |v| text(v.line());
    "a0" Text, "the arguments one by one: a0, a1 and so on", |v| text(v.process().argv.first()?);
    "argc" Number, "how many arguments", |v| number(v.process().argv.len() as u32);
};

const AUDIT_SYSCALL: &[Field] = fields! {
    "type" OneOf(&["SYSCALL"]), "SYSCALL", |_| text("SYSCALL");
    "SYSCALL" OneOf(&["execve"]), "execve", |_| text("execve");
    "success" OneOf(&["yes"]), "yes: programs that could not be started are not shown", |_| text("yes");
    "exe" Text, "absolute path of the executable", |v| text(&v.process().exe);
    "comm" Text, "display name of the process", |v| text(&v.process().comm);
    "cwd" Text, "working directory", |v| text(&v.process().cwd);
    "tty" Text, "controlling terminal, (none) without one", |v| text(v.process().tty.as_deref().unwrap_or("(none)"));
    "pid" Number, "process id", |v| number(v.process().pid);
    "ppid" Number, "process id of the parent", |v| number(v.process().ppid);
    "uid" Number, "real user id", |v| number(v.process().uid);
    "euid" Number, "effective user id", |v| number(v.process().euid);
    "gid" Number, "real group id", |v| number(v.process().gid);
    "egid" Number, "effective group id", |v| number(v.process().egid);
    "auid" Number, "login user id, 4294967295 when unset", |v| number(v.process().auid.unwrap_or(u32::MAX));
    "ses" Number, "audit session id, 4294967295 when unset", |v| number(v.process().session.unwrap_or(u32::MAX));
};

/// The system calls that [`call`] names.
const CALLS: &[&str] = &[
    "memfd_create",
    "connect",
    "ptrace",
    "process_vm_writev",
    "process_vm_readv",
    "init_module",
    "finit_module",
    "bpf",
    "kexec_load",
    "mount",
    "umount2",
    "symlink",
    "link",
    "unlink",
    "rename",
];

const AUDIT_CALL: &[Field] = fields! {
    "type" OneOf(&["SYSCALL"]), "SYSCALL", |_| text("SYSCALL");
    "SYSCALL" OneOf(CALLS), "the system call, by its oldest name", |v| text(call(v)?);
    "success" OneOf(&["yes", "no"]), "whether the kernel did it", |v| text(match v.event.result < 0 { true => "no", false => "yes" });
    "exe" Text, "absolute path of the executable", |v| text(&v.process().exe);
    "comm" Text, "display name of the process", |v| text(&v.process().comm);
    "exit" Number, "what the kernel answered", |v| Some(EventValue::Int(v.event.result));
    "pid" Number, "process id", |v| number(v.process().pid);
    "ppid" Number, "process id of the parent", |v| number(v.process().ppid);
    "uid" Number, "real user id", |v| number(v.process().uid);
    "euid" Number, "effective user id", |v| number(v.process().euid);
    "gid" Number, "real group id", |v| number(v.process().gid);
    "auid" Number, "login user id, 4294967295 when unset", |v| number(v.process().auid.unwrap_or(u32::MAX));
    "ses" Number, "audit session id, 4294967295 when unset", |v| number(v.process().session.unwrap_or(u32::MAX));
};

const AUDIT_PATH: &[Field] = fields! {
    "type" OneOf(&["PATH"]), "PATH", |_| text("PATH");
    "name" Text, "the file; the new name for rename, link and symlink", |v| text(new_name(v)?);
    "nametype" OneOf(&["CREATE", "DELETE", "NORMAL"]), "CREATE for new names, DELETE for removed ones", |v| text(nametype(v));
    "inode" Number, "inode number", |v| number64(file(v)?.inode);
    "ouid" Number, "owner of the file", |v| number(file(v)?.uid);
};

fn text(text: &str) -> Option<EventValue<'_>> {
    Some(EventValue::Str(Cow::Borrowed(text)))
}

fn number<'a>(number: impl Into<i64>) -> Option<EventValue<'a>> {
    Some(EventValue::Int(number.into()))
}

fn number64<'a>(number: u64) -> Option<EventValue<'a>> {
    Some(EventValue::Int(i64::try_from(number).ok()?))
}

fn ip<'a>(address: SocketAddr) -> Option<EventValue<'a>> {
    let ip = address.ip().to_canonical().to_string();
    Some(EventValue::Str(Cow::Owned(ip)))
}

fn is_v6<'a>(address: SocketAddr) -> Option<EventValue<'a>> {
    let v6 = matches!(address.ip().to_canonical(), IpAddr::V6(_));
    text(if v6 { "true" } else { "false" })
}

fn user(process: &Process) -> Option<EventValue<'_>> {
    let name = match (&process.user, process.uid) {
        (Some(name), _) => Cow::Borrowed(&**name),
        (None, 0) => Cow::Borrowed("root"),
        (None, uid) => Cow::Owned(uid.to_string()),
    };
    Some(EventValue::Str(name))
}

fn hashes<'a>(process: &Process) -> Option<EventValue<'a>> {
    let digest = process.sha256?;
    Some(EventValue::Str(Cow::Owned(format!("SHA256={digest}"))))
}

fn target<'a>(view: &View<'a>) -> Option<&'a ProcessAction> {
    match &view.event.detail {
        Detail::Target(action) => Some(action),
        _ => None,
    }
}

fn action<'a>(view: &View<'a>) -> Option<&'a FileAction> {
    match &view.event.detail {
        Detail::File(action) => Some(action),
        _ => None,
    }
}

fn asked<'a>(view: &View<'a>) -> Option<&'a NetworkAction> {
    match &view.event.detail {
        Detail::Network(action) => Some(action),
        _ => None,
    }
}

fn connection<'a>(view: &View<'a>) -> Option<&'a Connection> {
    match &view.event.detail {
        Detail::Connect(connection) | Detail::Accept(connection) => Some(connection),
        Detail::Network(action) => Some(&action.connection),
        _ => None,
    }
}

fn begun(view: &View<'_>) -> bool {
    !matches!(view.event.detail, Detail::Accept(_))
}

/// Who began the connection, and who was called.
fn ends(view: &View<'_>) -> Option<(SocketAddr, SocketAddr)> {
    let connection = connection(view)?;
    Some(match begun(view) {
        true => (connection.local, connection.peer),
        false => (connection.peer, connection.local),
    })
}

fn mapped<'a>(view: &View<'a>) -> Option<&'a str> {
    match &view.event.detail {
        Detail::Mmap(memory) => Some(&memory.path),
        _ => None,
    }
}

/// The file that the event is about.
fn path<'a>(view: &View<'a>) -> Option<&'a str> {
    match &view.event.detail {
        Detail::Open(open) => Some(&open.path),
        Detail::File(action) => Some(&action.path),
        Detail::Exec(_) => Some(&view.event.process.exe),
        _ => None,
    }
}

/// The name that the file has after the event.
fn new_name<'a>(view: &View<'a>) -> Option<&'a str> {
    match action(view) {
        Some(action) if action.kind == Kind::Rename => Some(&action.to),
        _ => path(view),
    }
}

fn file<'a>(view: &View<'a>) -> Option<&'a FileIdentity> {
    match &view.event.detail {
        Detail::Open(open) => Some(&open.file),
        Detail::File(action) => Some(&action.file),
        Detail::Exec(_) => Some(&view.event.process.file),
        _ => None,
    }
}

fn nametype(view: &View<'_>) -> &'static str {
    match &view.event.detail {
        Detail::Open(open) if open.access == sentinel_event::Access::Create => "CREATE",
        Detail::File(action) => match action.kind {
            Kind::Unlink => "DELETE",
            Kind::Rename | Kind::Link | Kind::Symlink => "CREATE",
            _ => "NORMAL",
        },
        _ => "NORMAL",
    }
}

/// The oldest name of the system call that causes events of this kind.
fn call(view: &View<'_>) -> Option<&'static str> {
    let name = match view.event.kind() {
        Kind::Memfd => "memfd_create",
        Kind::Connect => "connect",
        Kind::Ptrace => "ptrace",
        Kind::ProcessWrite => "process_vm_writev",
        Kind::ProcessRead => "process_vm_readv",
        Kind::Module => match &view.event.detail {
            Detail::System(system) if &*system.operation == "init_module" => "init_module",
            _ => "finit_module",
        },
        Kind::Bpf => "bpf",
        Kind::Kexec => "kexec_load",
        Kind::Mount => "mount",
        Kind::Umount => "umount2",
        Kind::Symlink => "symlink",
        Kind::Link => "link",
        Kind::Unlink => "unlink",
        Kind::Rename => "rename",
        _ => return None,
    };
    Some(name)
}
