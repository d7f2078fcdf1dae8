//! Events and alerts to store: every kind, every field set, nothing twice the same.

#![allow(dead_code, reason = "each test binary uses a part of it")]

mod actions;

use std::sync::Arc;

use sentinel_event::{
    Access, Alert, Backing, Connection, Detail, Digest, Event, Evidence, Exec, ExecId, Exit,
    FileAccess, FileIdentity, Flags, Fork, Kind, Lost, Memory, Namespaces, Outcome, Process, Prot,
    Protocol, Ring, Severity, Sha256, Stdio, StdioKind, Technique,
};

/// 2026-03-01T00:00:00Z.
pub const START_NS: i64 = 1_772_323_200_000_000_000;
pub const SECOND_NS: i64 = 1_000_000_000;
pub const DAY_NS: i64 = 86_400 * SECOND_NS;

/// Settings under which nothing happens that a test does not ask for.
pub fn config() -> sentinel_store::Config {
    sentinel_store::Config {
        flush_interval_ms: 3_600_000,
        seal_interval_s: 3_600,
        retention_days: 0,
        retention_bytes: 0,
        min_free_bytes: 0,
        ..sentinel_store::Config::default()
    }
}

/// Events with the numbers `first_seq` and on, 10 ms apart from `START_NS`, of all kinds
/// in turn.
pub fn events(first_seq: u64, count: u64) -> Vec<Event> {
    (first_seq..first_seq + count).map(event).collect()
}

/// The event with this number; the same each time.
pub fn event(seq: u64) -> Event {
    let kind = Kind::ALL[(seq % Kind::ALL.len() as u64) as usize];
    Event {
        time_ns: START_NS + seq as i64 * 10_000_000,
        seq,
        process: process(seq),
        tid: 1_000 + (seq % 7) as u32,
        result: (seq % 5) as i64 - 2,
        flags: Flags((seq % 32) as u32),
        count: 1 + seq % 3,
        detail: detail(kind, seq),
    }
}

/// A process with a parent and a grandparent, all fields set.
pub fn process(seq: u64) -> Arc<Process> {
    let image = seq % 40;
    let init = Arc::new(Process {
        pid: 1,
        parent: None,
        ppid: 0,
        exe: "/usr/lib/systemd/systemd".into(),
        ..bare(1_000_000)
    });
    let parent = Arc::new(Process {
        pid: 77,
        parent: Some(init),
        ppid: 1,
        exe: "/usr/bin/bash".into(),
        ..bare(1_000_001)
    });
    Arc::new(Process {
        parent: Some(parent),
        ppid: 77,
        ..bare(image)
    })
}

fn bare(image: u64) -> Process {
    let odd = !image.is_multiple_of(2);
    Process {
        exec_id: ExecId::new(7, image as u32, image, 0),
        pid: 2_000 + image as u32,
        parent: None,
        ppid: 0,
        start_ns: START_NS - image as i64,
        exe: format!("/usr/bin/tool{image}").into(),
        file: file(image),
        backing: Backing::ALL[image as usize % Backing::ALL.len()],
        comm: format!("tool{image}").into(),
        argv: [
            format!("tool{image}").into(),
            "-x".into(),
            "\u{e9}\u{efff} b".into(),
        ]
        .into(),
        cwd: "/home/user".into(),
        uid: 1_000,
        euid: 1_001,
        gid: 1_002,
        egid: 1_003,
        auid: odd.then_some(1_004),
        session: odd.then_some(5),
        user: odd.then(|| "user".into()),
        cap_effective: u64::MAX >> (image % 64),
        tty: odd.then(|| "pts0".into()),
        cgroup: "/system.slice/ssh.service".into(),
        cgroup_id: 4_242,
        namespaces: Namespaces {
            mnt: 1,
            pid: 2,
            net: 3,
            user: 4,
            uts: 5,
            ipc: 6,
            cgroup: 7,
        },
        stdio: Arc::new([
            Stdio {
                kind: StdioKind::Socket,
                inode: 9,
                local: Some("10.0.0.1:22".parse().unwrap()),
                peer: Some("[2001:db8::1]:5000".parse().unwrap()),
            },
            Stdio {
                kind: StdioKind::Tty,
                inode: 10,
                ..Stdio::default()
            },
            Stdio::default(),
        ]),
        package: odd.then(|| "tools".into()),
        sha256: odd.then_some(Sha256([image as u8; 32])),
    }
}

pub(super) fn file(number: u64) -> FileIdentity {
    FileIdentity {
        dev: (8 << 20) | 1,
        inode: 5_000 + number,
        ctime_ns: START_NS - 77,
        nlink: 1,
        mode: 0o100_755,
        uid: 3,
    }
}

fn detail(kind: Kind, seq: u64) -> Detail {
    if let Some(group) = kind.group() {
        return actions::detail(group, kind, seq);
    }
    match kind {
        Kind::Process => Detail::Process,
        Kind::Exec => Detail::Exec(Exec {
            filename: format!("./tool{seq}").into(),
            interpreter: Some("/usr/bin/python3".into()),
            previous_exe: "/usr/bin/bash".into(),
        }),
        Kind::Fork => Detail::Fork(Fork {
            child: process(seq + 13),
        }),
        Kind::Exit => Detail::Exit(Exit {
            code: 3,
            signal: 9,
            run_ns: seq,
            cpu_ns: seq / 2,
            peak_rss_bytes: seq * 4_096,
        }),
        Kind::Connect => Detail::Connect(connection(seq)),
        Kind::Accept => Detail::Accept(connection(seq)),
        Kind::Open => Detail::Open(access(seq)),
        Kind::Memfd => Detail::Memfd(access(seq)),
        Kind::Mmap => Detail::Mmap(memory(seq, None)),
        Kind::Mprotect => Detail::Mprotect(memory(seq, Some(Prot(3)))),
        Kind::Shmat => Detail::Shmat(memory(seq, None)),
        Kind::Digest => Detail::Digest(Digest {
            path: "/usr/bin/tool".into(),
            file: file(seq),
            backing: Backing::File,
            outcome: Outcome::ALL[seq as usize % Outcome::ALL.len()],
            sha256: Some(Sha256([7; 32])),
            length: 40_960,
        }),
        Kind::Lost => Detail::Lost(Lost {
            ring: Some(Ring::Bulk),
            kind: Some(Kind::Open),
            count: seq,
            until_ns: START_NS + seq as i64 * 10_000_000 + 5,
        }),
        _ => unreachable!("the kind has a group"),
    }
}

pub(super) fn connection(seq: u64) -> Connection {
    Connection {
        protocol: Protocol::Tcp,
        local: "192.168.1.5:40000".parse().unwrap(),
        peer: std::net::SocketAddr::new([10, 1, (seq % 250) as u8, 9].into(), 443),
        inode: seq * 3,
    }
}

fn access(seq: u64) -> FileAccess {
    FileAccess {
        path: format!("/var/lib/app/{}.db", seq % 90).into(),
        file: file(seq % 90),
        backing: Backing::File,
        access: Access::ALL[seq as usize % Access::ALL.len()],
        open_flags: 0o101,
        fd: 7,
    }
}

fn memory(seq: u64, old_prot: Option<Prot>) -> Memory {
    Memory {
        address: 0x7fff_0000_0000 + seq * 4_096,
        length: 4_096,
        prot: Prot(5),
        old_prot,
        map_flags: if old_prot.is_some() { 0 } else { 2 },
        path: "/usr/lib/libc.so.6".into(),
        file: file(1),
        backing: Backing::File,
    }
}

/// The alert with this number; the same each time.
pub fn alert(seq: u64) -> Alert {
    const TECHNIQUES: &[Technique] = &[
        Technique::new("T1620", "T1620", "Reflective Code Loading"),
        Technique::new("T1685.006", "T1070.002", "Clear Linux Logs"),
    ];
    let evidence = (1..=seq % 4).map(|n| Evidence::new(&event(seq * 10 + n), format!("step {n}")));
    Alert {
        id: format!("{seq:016x}").into(),
        seq,
        time_ns: START_NS + seq as i64 * SECOND_NS,
        incident: format!("{:016x}", seq / 3).into(),
        count: seq % 3 + 1,
        detection: "fileless_execution".into(),
        severity: Severity::ALL[seq as usize % Severity::ALL.len()],
        confidence: (seq % 101) as u8,
        summary: format!("summary {seq}").into(),
        reason: "because".into(),
        techniques: TECHNIQUES[..(seq % 3) as usize].into(),
        process: process(seq),
        evidence: evidence.collect(),
        lost_nearby: seq / 2,
        suggestions: (0..seq % 2)
            .map(|_| format!("sentinelctl tree {seq}").into())
            .collect(),
        anomaly: (0..seq % 3)
            .map(|n| format!("p.{n}=0.001").into())
            .collect(),
    }
}
