//! Details of the kinds that share a shape, every field with a value of its own.

use sentinel_event::{
    Backing, Credentials, DescriptorAction, Detail, FileAction, Group, Ids, Kind, NetworkAction,
    ProcessAction, Stdio, StdioKind, SystemAction,
};

use super::{connection, file, process};

pub fn detail(group: Group, kind: Kind, seq: u64) -> Detail {
    match group {
        Group::File => Detail::File(FileAction {
            kind,
            path: format!("/var/log/{}.log", seq % 50).into(),
            to: "/var/log/old".into(),
            file: file(seq % 50),
            backing: Backing::Tmpfs,
            operation: "exchange".into(),
            argument: seq,
        }),
        Group::Process => Detail::Target(ProcessAction {
            kind,
            operation: "attach".into(),
            argument: 16,
            target: process(seq + 3),
            address: 0x4000 + seq,
            length: seq,
        }),
        Group::Descriptor => Detail::Descriptor(DescriptorAction {
            kind,
            operation: "dup2".into(),
            fd: 1,
            old_fd: seq as i32,
            object: Stdio {
                kind: StdioKind::Socket,
                inode: seq,
                local: Some("10.0.0.1:4000".parse().unwrap()),
                peer: Some("[2001:db8::7]:443".parse().unwrap()),
            },
        }),
        Group::Network => Detail::Network(NetworkAction {
            kind,
            connection: connection(seq),
            bytes_sent: seq + 1,
            bytes_received: seq + 2,
            run_ns: if kind == Kind::Close { seq + 3 } else { 0 },
            name: "example.org".into(),
            operation: "AAAA".into(),
        }),
        Group::Credentials => Detail::Credentials(Credentials {
            operation: "setresuid".into(),
            old: ids(seq),
            new: ids(seq + 1),
        }),
        Group::System => Detail::System(SystemAction {
            kind,
            operation: "setns".into(),
            name: "net".into(),
            argument: seq,
        }),
    }
}

fn ids(seq: u64) -> Ids {
    Ids {
        uid: seq as u32,
        euid: seq as u32 + 10,
        gid: seq as u32 + 20,
        egid: seq as u32 + 30,
        cap_effective: seq + 40,
    }
}
