//! What each kind of row says beyond its process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use sentinel_event::{
    Access, Connection, Detail, Digest, Exec, ExecId, Exit, FileAccess, FileIdentity, Fork, Kind,
    Lost, Memory, Namespaces, Outcome, Process, Prot, Protocol, Ring, Sha256, Stdio, StdioKind,
};

use super::actions;
use super::lineage::stub;
use super::rows::{Rows, position};

const COUNT: usize = position("count");
const ARGV: usize = position("argv");
const CWD: usize = position("cwd");
const FILENAME: usize = position("filename");
const INTERPRETER: usize = position("interpreter");
const PREVIOUS_EXE: usize = position("previous_exe");
const DEV: usize = position("dev");
const INODE: usize = position("inode");
const CTIME: usize = position("ctime");
const NLINK: usize = position("nlink");
const MODE: usize = position("mode");
const OWNER: usize = position("owner");
const EUID: usize = position("euid");
const GID: usize = position("gid");
const EGID: usize = position("egid");
const AUID: usize = position("auid");
const SESSION: usize = position("session");
const CAP_EFFECTIVE: usize = position("cap_effective");
const TTY_NAME: usize = position("tty_name");
const CGROUP: usize = position("cgroup");
const CGROUP_ID: usize = position("cgroup_id");
const MNT_NS: usize = position("mnt_ns");
const PID_NS: usize = position("pid_ns");
const NET_NS: usize = position("net_ns");
const USER_NS: usize = position("user_ns");
const UTS_NS: usize = position("uts_ns");
const IPC_NS: usize = position("ipc_ns");
const CGROUP_NS: usize = position("cgroup_ns");
const STDIO: usize = position("stdio");
const STDIO_INODE: usize = position("stdio_inode");
const STDIO_LOCAL: usize = position("stdio_local");
const STDIO_PEER: usize = position("stdio_peer");
const START: usize = position("start");
const CODE: usize = position("code");
const SIGNAL: usize = position("signal");
const RUN_NS: usize = position("run_ns");
const CPU_NS: usize = position("cpu_ns");
const PEAK_RSS_BYTES: usize = position("peak_rss_bytes");
const PROTO: usize = position("proto");
const LOCAL_PORT: usize = position("local_port");
const PEER_PORT: usize = position("peer_port");
const PATH: usize = position("path");
const ACCESS: usize = position("access");
const OPEN_FLAGS: usize = position("open_flags");
const FD: usize = position("fd");
const ADDRESS: usize = position("address");
const LENGTH: usize = position("length");
const PROT: usize = position("prot");
const OLD_PROT: usize = position("old_prot");
const MAP_FLAGS: usize = position("map_flags");
const RING: usize = position("ring");
const LOST_KIND: usize = position("lost_kind");
const UNTIL: usize = position("until");
const OPERATION: usize = position("operation");
const PACKAGE: usize = position("package");
const EXE_SHA256: usize = position("exe_sha256");

/// The detail of a row of any kind but fork and those of a group that names another
/// process, which the caller knows.
pub(super) fn detail(kind: Kind, rows: &Rows, row: usize) -> Detail {
    if let Some(group) = kind.group() {
        return actions::detail(group, kind, rows, row);
    }
    match kind {
        Kind::Process => Detail::Process,
        Kind::Exec => Detail::Exec(Exec {
            filename: (*rows.shared(FILENAME, row)).into(),
            interpreter: rows.text(INTERPRETER, row).map(|text| (**text).into()),
            previous_exe: rows.shared(PREVIOUS_EXE, row),
        }),
        Kind::Fork => Detail::Fork(Fork {
            child: Arc::new(stub(ExecId::default(), 0)),
        }),
        Kind::Exit => Detail::Exit(Exit {
            code: rows.u32(CODE, row) as u8,
            signal: rows.u32(SIGNAL, row) as u8,
            run_ns: rows.u64(RUN_NS, row).unwrap_or_default(),
            cpu_ns: rows.u64(CPU_NS, row).unwrap_or_default(),
            peak_rss_bytes: rows.u64(PEAK_RSS_BYTES, row).unwrap_or_default(),
        }),
        Kind::Connect => Detail::Connect(connection(rows, row)),
        Kind::Accept => Detail::Accept(connection(rows, row)),
        Kind::Open => Detail::Open(access(rows, row)),
        Kind::Memfd => Detail::Memfd(access(rows, row)),
        Kind::Mmap => Detail::Mmap(memory(rows, row)),
        Kind::Mprotect => Detail::Mprotect(memory(rows, row)),
        Kind::Shmat => Detail::Shmat(memory(rows, row)),
        Kind::Digest => Detail::Digest(Digest {
            path: rows.shared(PATH, row),
            file: file(rows, row),
            backing: rows.backing.get(row).copied().unwrap_or_default(),
            outcome: rows
                .text(OPERATION, row)
                .and_then(|text| Outcome::from_name(text))
                .unwrap_or_default(),
            sha256: sha256(rows, row),
            length: rows.u64(LENGTH, row).unwrap_or_default(),
        }),
        Kind::Lost => Detail::Lost(Lost {
            ring: rows.text(RING, row).and_then(|text| Ring::from_name(text)),
            kind: rows
                .text(LOST_KIND, row)
                .and_then(|text| Kind::from_name(text)),
            count: rows.u64(COUNT, row).unwrap_or_default(),
            until_ns: rows.time(UNTIL, row),
        }),
        _ => unreachable!("the kind has a group"),
    }
}

/// What an exec or process row says about its image, without its parent and without
/// what every row says.
pub(super) fn image(rows: &Rows, row: usize, exec_id: ExecId, pid: u32) -> Process {
    Process {
        start_ns: rows.time(START, row),
        file: file(rows, row),
        backing: rows.backing.get(row).copied().unwrap_or_default(),
        argv: rows.list(ARGV, row).into(),
        cwd: rows.shared(CWD, row),
        euid: rows.u32(EUID, row),
        gid: rows.u32(GID, row),
        egid: rows.u32(EGID, row),
        auid: rows.u64(AUID, row).map(|id| id as u32),
        session: rows.u64(SESSION, row).map(|id| id as u32),
        cap_effective: rows.u64(CAP_EFFECTIVE, row).unwrap_or_default(),
        tty: rows.text(TTY_NAME, row).cloned(),
        cgroup: rows.shared(CGROUP, row),
        cgroup_id: rows.u64(CGROUP_ID, row).unwrap_or_default(),
        namespaces: Namespaces {
            mnt: rows.u32(MNT_NS, row),
            pid: rows.u32(PID_NS, row),
            net: rows.u32(NET_NS, row),
            user: rows.u32(USER_NS, row),
            uts: rows.u32(UTS_NS, row),
            ipc: rows.u32(IPC_NS, row),
            cgroup: rows.u32(CGROUP_NS, row),
        },
        stdio: stdio(rows, row),
        package: rows.text(PACKAGE, row).cloned(),
        sha256: sha256(rows, row),
        ..stub(exec_id, pid)
    }
}

fn sha256(rows: &Rows, row: usize) -> Option<Sha256> {
    Sha256::parse(rows.text(EXE_SHA256, row)?)
}

fn stdio(rows: &Rows, row: usize) -> Arc<[Stdio; 3]> {
    let kinds = rows.list(STDIO, row);
    let inodes = rows.list(STDIO_INODE, row);
    let locals = rows.list(STDIO_LOCAL, row);
    let peers = rows.list(STDIO_PEER, row);
    let parsed = |items: &[Box<str>], fd: usize| items.get(fd).and_then(|text| text.parse().ok());
    Arc::new(std::array::from_fn(|fd| Stdio {
        kind: kinds
            .get(fd)
            .and_then(|name| StdioKind::from_name(name))
            .unwrap_or_default(),
        inode: inodes
            .get(fd)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default(),
        local: parsed(&locals, fd),
        peer: parsed(&peers, fd),
    }))
}

pub(super) fn file(rows: &Rows, row: usize) -> FileIdentity {
    FileIdentity {
        dev: rows.u32(DEV, row),
        inode: rows.u64(INODE, row).unwrap_or_default(),
        ctime_ns: rows.time(CTIME, row),
        nlink: rows.u32(NLINK, row),
        mode: rows.u32(MODE, row),
        uid: rows.u32(OWNER, row),
    }
}

pub(super) fn connection(rows: &Rows, row: usize) -> Connection {
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let local = rows.local_addr.get(row).copied().unwrap_or(unknown);
    let peer = rows.addr.get(row).copied().unwrap_or(unknown);
    let protocol = rows.text(PROTO, row);
    Connection {
        protocol: protocol
            .and_then(|text| Protocol::from_name(text))
            .unwrap_or_default(),
        local: SocketAddr::new(local, rows.u32(LOCAL_PORT, row) as u16),
        peer: SocketAddr::new(peer, rows.u32(PEER_PORT, row) as u16),
        inode: rows.u64(INODE, row).unwrap_or_default(),
    }
}

fn access(rows: &Rows, row: usize) -> FileAccess {
    let access = rows.text(ACCESS, row);
    FileAccess {
        path: rows.shared(PATH, row),
        file: file(rows, row),
        backing: rows.backing.get(row).copied().unwrap_or_default(),
        access: access
            .and_then(|text| Access::from_name(text))
            .unwrap_or_default(),
        open_flags: rows.u32(OPEN_FLAGS, row),
        fd: rows.i64(FD, row) as i32,
    }
}

fn memory(rows: &Rows, row: usize) -> Memory {
    let prot = |column| {
        rows.text(column, row)
            .and_then(|text| Prot::from_name(text))
    };
    Memory {
        address: rows.u64(ADDRESS, row).unwrap_or_default(),
        length: rows.u64(LENGTH, row).unwrap_or_default(),
        prot: prot(PROT).unwrap_or_default(),
        old_prot: prot(OLD_PROT),
        map_flags: rows.u32(MAP_FLAGS, row),
        path: rows.shared(PATH, row),
        file: file(rows, row),
        backing: rows.backing.get(row).copied().unwrap_or_default(),
    }
}
