//! Records of what was done to files, processes, descriptors, sockets and the kernel.

use std::mem::size_of;
use std::sync::Arc;

use sentinel_event::{
    Backing, Connection, Credentials, DescriptorAction, FileAction, Ids, Kind, NetworkAction,
    Protocol, SystemAction,
};
use sentinel_process::{Actor, Reach, What};

use super::names::{path_of, text_of, user_path_of};
use super::{addresses, backing_of, file_of, stdio_of, types, view};
use crate::sensor::calls;
use crate::sensor::stats::kind_of;
use types::{sentinel_call as call, sentinel_kind as wire};

/// What a record of one of these kinds says.
pub(super) fn what(kind: wire, record: &[u8]) -> Option<What> {
    Some(match kind {
        wire::SENTINEL_KIND_REDIRECT => What::Descriptor(redirect(record)?),
        wire::SENTINEL_KIND_CREDENTIALS => What::Credentials(Box::new(credentials(record)?)),
        wire::SENTINEL_KIND_CLOSE => What::Network(close(record)?),
        wire::SENTINEL_KIND_DNS => What::Network(dns(record)?),
        wire::SENTINEL_KIND_BIND => What::Network(endpoint(Kind::Bind, record)?),
        wire::SENTINEL_KIND_LISTEN => What::Network(endpoint(Kind::Listen, record)?),
        wire::SENTINEL_KIND_SEND => What::Network(endpoint(Kind::Send, record)?),
        other => action(kind_of(u16::try_from(other.0).ok()?)?, record)?,
    })
}

/// An action's record with its names.
struct Action<'a> {
    head: &'a types::sentinel_action_head,
    names: &'a [u8],
    is_users: bool,
}

fn action(kind: Kind, record: &[u8]) -> Option<What> {
    let head: &types::sentinel_action_head = view(record)?;
    let flag = types::sentinel_flag::SENTINEL_FLAG_USER_MEMORY.0;
    let action = Action {
        head,
        names: record.get(size_of::<types::sentinel_action_head>()..)?,
        is_users: u32::from(head.header.flags) & flag != 0,
    };
    Some(match kind.group()? {
        sentinel_event::Group::File => What::File(action.file(kind)?),
        sentinel_event::Group::Process => What::Target(Box::new(action.process(kind))),
        sentinel_event::Group::System => What::System(action.system(kind)?),
        _ => return None,
    })
}

impl Action<'_> {
    fn call(&self) -> call {
        call(self.head.call)
    }

    fn path(&self, span: &types::sentinel_span, backing: Backing) -> Option<Arc<str>> {
        match (span.length, self.is_users) {
            (0, _) => Some(Arc::default()),
            (_, true) => user_path_of(self.names, span),
            (_, false) => path_of(self.names, span, backing),
        }
    }

    fn file(&self, kind: Kind) -> Option<FileAction> {
        let head = self.head;
        let known = head.file.inode != 0;
        let backing = if known {
            backing_of(&head.file)
        } else {
            Backing::File
        };
        // With a descriptor the path is the kernel's although another text is the caller's.
        let path = if known {
            path_of(self.names, &head.path, backing)?
        } else {
            self.path(&head.path, backing)?
        };
        let is_text = matches!(
            self.call(),
            call::SENTINEL_CALL_SYMLINK | call::SENTINEL_CALL_SYMLINKAT | call::SENTINEL_CALL_MOUNT
        ) || kind == Kind::Setxattr;
        let to = match is_text {
            true => text_of(self.names, &head.to)?,
            false => self.path(&head.to, Backing::File)?,
        };
        const AT_REMOVEDIR: u64 = 0x200;
        let operation = match self.call() {
            call::SENTINEL_CALL_RMDIR => "rmdir",
            call::SENTINEL_CALL_UNLINKAT if head.argument & AT_REMOVEDIR != 0 => "rmdir",
            call::SENTINEL_CALL_MOVE_MOUNT => "move_mount",
            call::SENTINEL_CALL_REMOVEXATTR
            | call::SENTINEL_CALL_LREMOVEXATTR
            | call::SENTINEL_CALL_FREMOVEXATTR
            | call::SENTINEL_CALL_REMOVEXATTRAT => "remove",
            _ => "",
        };
        Some(FileAction {
            kind,
            path,
            to,
            file: file_of(&head.file),
            backing,
            operation: operation.into(),
            argument: head.argument,
        })
    }

    fn process(&self, kind: Kind) -> Reach {
        let head = self.head;
        Reach {
            kind,
            operation: match kind {
                Kind::Ptrace => ptrace_request(head.argument).into(),
                Kind::Kill => signal_name(head.argument).into(),
                _ => Arc::default(),
            },
            argument: head.argument,
            target: Actor {
                pid: head.target.pid,
                tid: head.target.pid,
                ppid: head.target.ppid,
                start_ns: head.target.start_ns,
                exec_seq: head.target.exec_seq,
                uid: head.target.uid,
                euid: head.target.uid,
                ..Actor::default()
            },
            address: head.address,
            length: head.length,
        }
    }

    fn system(&self, kind: Kind) -> Option<SystemAction> {
        let head = self.head;
        let (operation, name) = match kind {
            Kind::Namespace => {
                let now = [
                    ("mnt", head.address as u32),
                    ("pid", (head.address >> 32) as u32),
                    ("net", head.length as u32),
                ];
                (
                    calls::name(head.call)?.into(),
                    namespaces(&namespace_types(head.argument), now).into(),
                )
            }
            Kind::Bpf => (
                bpf_command(head.argument).into(),
                text_of(self.names, &head.path)?,
            ),
            Kind::IoUring if self.call() == call::SENTINEL_CALL_IO_URING_SUBMIT => {
                (opcode_name(head.argument).into(), Arc::default())
            }
            Kind::Module if head.file.inode != 0 => (
                calls::name(head.call)?.into(),
                path_of(self.names, &head.path, backing_of(&head.file))?,
            ),
            _ => (
                calls::name(head.call)?.into(),
                text_of(self.names, &head.path)?,
            ),
        };
        Some(SystemAction {
            kind,
            operation,
            name,
            argument: head.argument,
        })
    }
}

/// include/uapi/linux/ptrace.h, those that the sensor reports.
fn ptrace_request(request: u64) -> &'static str {
    match request {
        4 => "poketext",
        5 => "pokedata",
        6 => "pokeuser",
        13 => "setregs",
        15 => "setfpregs",
        16 => "attach",
        0x4205 => "setregset",
        0x4206 => "seize",
        _ => "",
    }
}

/// man 7 signal, those that the sensor reports.
fn signal_name(signal: u64) -> &'static str {
    match signal {
        2 => "INT",
        3 => "QUIT",
        6 => "ABRT",
        9 => "KILL",
        15 => "TERM",
        19 => "STOP",
        _ => "",
    }
}

/// include/uapi/linux/bpf.h, those that the sensor reports.
fn bpf_command(command: u64) -> &'static str {
    match command {
        5 => "prog_load",
        8 => "prog_attach",
        17 => "raw_tracepoint_open",
        28 => "link_create",
        _ => "",
    }
}

/// include/uapi/linux/io_uring.h, those that the sensor reports.
fn opcode_name(opcode: u64) -> &'static str {
    match opcode {
        13 => "accept",
        16 => "connect",
        18 => "openat",
        28 => "openat2",
        35 => "renameat",
        36 => "unlinkat",
        37 => "mkdirat",
        38 => "symlinkat",
        39 => "linkat",
        41 => "fsetxattr",
        42 => "setxattr",
        45 => "socket",
        55 => "ftruncate",
        56 => "bind",
        57 => "listen",
        _ => "",
    }
}

/// The types with the numbers of those that the caller is in now, where the kernel programs
/// tell them (setns): `mnt:4026531841,uts`. Whatever a descriptor entered that named no
/// type, all that are known stand there.
fn namespaces(types: &str, now: [(&str, u32); 3]) -> String {
    let now: Vec<_> = now.into_iter().filter(|(_, number)| *number != 0).collect();
    let known = |name: &str| now.iter().find(|(known, _)| *known == name);
    let told = |(name, number): &(&str, u32)| format!("{name}:{number}");
    let texts: Vec<String> = match types.is_empty() {
        true => now.iter().map(told).collect(),
        false => types
            .split(',')
            .map(|name| known(name).map_or(name.to_owned(), told))
            .collect(),
    };
    texts.join(",")
}

/// The types of namespaces that flags of clone(2) name, in the order of their bits; setns
/// with 0 enters whatever its descriptor is.
fn namespace_types(flags: u64) -> String {
    const TYPES: [(u64, &str); 8] = [
        (0x80, "time"),
        (0x2_0000, "mnt"),
        (0x200_0000, "cgroup"),
        (0x400_0000, "uts"),
        (0x800_0000, "ipc"),
        (0x1000_0000, "user"),
        (0x2000_0000, "pid"),
        (0x4000_0000, "net"),
    ];
    let named = TYPES.iter().filter(|(flag, _)| flags & flag != 0);
    named.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
}

fn redirect(record: &[u8]) -> Option<DescriptorAction> {
    let redirect: &types::sentinel_redirect = view(record)?;
    Some(DescriptorAction {
        kind: Kind::Redirect,
        operation: calls::name(redirect.call)?.into(),
        fd: redirect.fd,
        old_fd: redirect.old_fd,
        object: stdio_of(&redirect.stdio),
    })
}

/// The change as far as the record knows it: what was before, the process table knows.
fn credentials(record: &[u8]) -> Option<Credentials> {
    let change: &types::sentinel_credentials = view(record)?;
    let header = &change.header;
    Some(Credentials {
        operation: calls::name(change.call)?.into(),
        old: Ids::default(),
        new: Ids {
            uid: header.uid,
            euid: header.euid,
            gid: header.gid,
            egid: header.egid,
            cap_effective: change.cap_effective,
        },
    })
}

fn connection(socket: &types::sentinel_socket) -> Option<Connection> {
    const IPPROTO_UDP: u16 = 17;
    let (local, peer) = addresses(socket)?;
    Some(Connection {
        protocol: match socket.protocol {
            IPPROTO_UDP => Protocol::Udp,
            _ => Protocol::Tcp,
        },
        local,
        peer,
        inode: socket.inode,
    })
}

fn endpoint(kind: Kind, record: &[u8]) -> Option<NetworkAction> {
    let endpoint: &types::sentinel_endpoint = view(record)?;
    Some(network(kind, connection(&endpoint.socket)?))
}

fn network(kind: Kind, connection: Connection) -> NetworkAction {
    NetworkAction {
        kind,
        connection,
        bytes_sent: 0,
        bytes_received: 0,
        run_ns: 0,
        name: Arc::default(),
        operation: Arc::default(),
    }
}

fn close(record: &[u8]) -> Option<NetworkAction> {
    /// include/net/tcp_states.h
    const STATES: [&str; 13] = [
        "",
        "established",
        "syn_sent",
        "syn_recv",
        "fin_wait1",
        "fin_wait2",
        "time_wait",
        "close",
        "close_wait",
        "last_ack",
        "listen",
        "closing",
        "new_syn_recv",
    ];
    let close: &types::sentinel_close = view(record)?;
    let state = STATES.get(close.old_state as usize).copied();
    Some(NetworkAction {
        bytes_sent: close.bytes_sent,
        bytes_received: close.bytes_received,
        run_ns: close.run_ns,
        operation: state.unwrap_or_default().into(),
        ..network(Kind::Close, connection(&close.socket)?)
    })
}

fn dns(record: &[u8]) -> Option<NetworkAction> {
    let dns: &types::sentinel_dns = view(record)?;
    let question = dns.question.get(..dns.question_length as usize)?;
    let (name, kind) = super::question::parse(question)?;
    Some(NetworkAction {
        name: name.into(),
        operation: kind.into(),
        ..network(Kind::Dns, connection(&dns.socket)?)
    })
}
