//! Rows of the kinds that share a shape: what was done to files, processes, descriptors,
//! sockets and the kernel.

use std::sync::Arc;

use sentinel_event::{
    Credentials, DescriptorAction, Detail, ExecId, FileAction, Group, Ids, Kind, NetworkAction,
    ProcessAction, Stdio, StdioKind, SystemAction,
};

use super::details::{connection, file};
use super::lineage::stub;
use super::rows::{Rows, position};

const PATH: usize = position("path");
const TO: usize = position("to");
const OPERATION: usize = position("operation");
const ARGUMENT: usize = position("argument");
const TARGET_PID: usize = position("target_pid");
const TARGET_EXE: usize = position("target_exe");
const ADDRESS: usize = position("address");
const LENGTH: usize = position("length");
const FD: usize = position("fd");
const OLD_FD: usize = position("old_fd");
const OBJECT: usize = position("object");
const OBJECT_INODE: usize = position("object_inode");
const OBJECT_LOCAL: usize = position("object_local");
const OBJECT_PEER: usize = position("object_peer");
const BYTES_SENT: usize = position("bytes_sent");
const BYTES_RECEIVED: usize = position("bytes_received");
const RUN_NS: usize = position("run_ns");
const NAME: usize = position("name");
const OLD_IDS: [usize; 5] = [
    position("old_uid"),
    position("old_euid"),
    position("old_gid"),
    position("old_egid"),
    position("old_cap_effective"),
];
const NEW_IDS: [usize; 5] = [
    position("new_uid"),
    position("new_euid"),
    position("new_gid"),
    position("new_egid"),
    position("new_cap_effective"),
];

/// The detail of a row whose kind is in `group`. Of another process it holds only what
/// the row itself says.
pub(super) fn detail(group: Group, kind: Kind, rows: &Rows, row: usize) -> Detail {
    let number = |column| rows.u64(column, row).unwrap_or_default();
    let operation = rows.shared(OPERATION, row);
    match group {
        Group::File => Detail::File(FileAction {
            kind,
            path: rows.shared(PATH, row),
            to: rows.shared(TO, row),
            file: file(rows, row),
            backing: rows.backing.get(row).copied().unwrap_or_default(),
            operation,
            argument: number(ARGUMENT),
        }),
        Group::Process => Detail::Target(ProcessAction {
            kind,
            operation,
            argument: number(ARGUMENT),
            target: Arc::new(sentinel_event::Process {
                exe: rows.shared(TARGET_EXE, row),
                ..stub(target_id(rows, row), rows.u32(TARGET_PID, row))
            }),
            address: number(ADDRESS),
            length: number(LENGTH),
        }),
        Group::Descriptor => Detail::Descriptor(DescriptorAction {
            kind,
            operation,
            fd: rows.i64(FD, row) as i32,
            old_fd: rows.i64(OLD_FD, row) as i32,
            object: object(rows, row),
        }),
        Group::Network => Detail::Network(NetworkAction {
            kind,
            connection: connection(rows, row),
            bytes_sent: number(BYTES_SENT),
            bytes_received: number(BYTES_RECEIVED),
            run_ns: number(RUN_NS),
            name: rows.shared(NAME, row),
            operation,
        }),
        Group::Credentials => Detail::Credentials(Credentials {
            operation,
            old: ids(rows, row, OLD_IDS),
            new: ids(rows, row, NEW_IDS),
        }),
        Group::System => Detail::System(SystemAction {
            kind,
            operation,
            name: rows.shared(NAME, row),
            argument: number(ARGUMENT),
        }),
    }
}

/// The identity of the other process of a row.
pub(super) fn target_id(rows: &Rows, row: usize) -> ExecId {
    rows.target_exec_id.get(row).copied().unwrap_or_default()
}

fn object(rows: &Rows, row: usize) -> Stdio {
    let kind = rows.text(OBJECT, row);
    let address = |column| rows.text(column, row).and_then(|text| text.parse().ok());
    Stdio {
        kind: kind
            .and_then(|name| StdioKind::from_name(name))
            .unwrap_or_default(),
        inode: rows.u64(OBJECT_INODE, row).unwrap_or_default(),
        local: address(OBJECT_LOCAL),
        peer: address(OBJECT_PEER),
    }
}

fn ids(rows: &Rows, row: usize, columns: [usize; 5]) -> Ids {
    Ids {
        uid: rows.u32(columns[0], row),
        euid: rows.u32(columns[1], row),
        gid: rows.u32(columns[2], row),
        egid: rows.u32(columns[3], row),
        cap_effective: rows.u64(columns[4], row).unwrap_or_default(),
    }
}
