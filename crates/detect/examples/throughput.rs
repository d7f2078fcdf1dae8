//! How many events per second one core brings through the engine:
//! `cargo run --release -p sentinel-detect --example throughput [MILLIONS]`.
//!
//! The events are those of a busy honest host, from 4096 processes, so that the
//! detections' tables are as cold as they are in life. Two figures: opens only, which
//! no detection holds on to, and a mix.

use std::sync::Arc;
use std::time::Instant;

use sentinel_detect::{Config, Engine};
use sentinel_event::{
    Access, Backing, Connection, Detail, Event, Exec, ExecId, Exit, FileAccess, FileIdentity,
    Flags, Fork, Memory, Namespaces, Process, Prot, Protocol, Stdio,
};

const PROCESSES: u32 = 4096;

fn main() {
    let millions: usize = match std::env::args().nth(1).map(|text| text.parse()) {
        None => 4,
        Some(Ok(millions)) => millions,
        Some(Err(error)) => {
            eprintln!("throughput: MILLIONS: {error}");
            std::process::exit(2);
        }
    };
    let processes: Vec<_> = (0..PROCESSES).map(process).collect();
    let opens: Vec<_> = (0..100_000).map(|i| event(&processes, i, open())).collect();
    let mixed: Vec<_> = (0..100_000)
        .map(|i| event(&processes, i, mixed(&processes, i)))
        .collect();
    for (name, events) in [("opens", opens), ("mixed", mixed)] {
        let mut engine = Engine::new(&Config::default());
        let mut alerts = Vec::new();
        let rounds = millions * 10;
        let begin = Instant::now();
        for _ in 0..rounds {
            for event in &events {
                engine.observe(event, &mut alerts);
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        let total = (rounds * events.len()) as f64;
        println!(
            "{name}: {:.2} million events/s, {:.0} ns each, {} alerts",
            total / seconds / 1e6,
            seconds / total * 1e9,
            alerts.len()
        );
    }
}

/// Seven of ten are opens; the rest is process life, libraries and connections.
fn mixed(processes: &[Arc<Process>], i: usize) -> Detail {
    match i % 20 {
        0 => Detail::Exec(Exec {
            filename: "/usr/bin/make".into(),
            interpreter: None,
            previous_exe: "/usr/bin/bash".into(),
        }),
        1 => Detail::Fork(Fork {
            child: processes[(i * 7) % processes.len()].clone(),
        }),
        2 => Detail::Exit(Exit::default()),
        3 => Detail::Connect(Connection {
            protocol: Protocol::Tcp,
            local: ([10, 0, 0, 1], 40_000).into(),
            peer: ([192, 0, 2, 7], 443).into(),
            inode: 5,
        }),
        4 | 5 => Detail::Mmap(Memory {
            address: 0x7f00_0000_0000,
            length: 1 << 20,
            prot: Prot(5),
            old_prot: None,
            map_flags: 2,
            path: "/usr/lib/x86_64-linux-gnu/libc.so.6".into(),
            file: file(9),
            backing: Backing::File,
        }),
        _ => open(),
    }
}

fn open() -> Detail {
    Detail::Open(FileAccess {
        path: "/usr/share/locale/de/LC_MESSAGES/make.mo".into(),
        file: file(10),
        backing: Backing::File,
        access: Access::Read,
        open_flags: 0,
        fd: 3,
    })
}

fn event(processes: &[Arc<Process>], i: usize, detail: Detail) -> Event {
    let process = processes[(i * 13) % processes.len()].clone();
    Event {
        time_ns: i as i64 * 1_000,
        seq: i as u64,
        tid: process.pid,
        process,
        result: 3,
        flags: Flags::default(),
        count: 1,
        detail,
    }
}

fn process(pid: u32) -> Arc<Process> {
    Arc::new(Process {
        exec_id: ExecId::new(1, pid, 1, 1),
        pid,
        parent: None,
        ppid: 1,
        start_ns: i64::from(pid),
        exe: "/usr/bin/make".into(),
        file: file(u64::from(pid % 64) + 100),
        backing: Backing::File,
        comm: "make".into(),
        argv: Arc::new(["make".into(), "-j4".into(), "all".into()]),
        cwd: "/src".into(),
        uid: 1000,
        euid: 1000,
        gid: 1000,
        egid: 1000,
        auid: Some(1000),
        session: Some(1),
        user: Some("alice".into()),
        cap_effective: 0,
        tty: None,
        cgroup: "/user.slice".into(),
        cgroup_id: 7,
        namespaces: Namespaces::default(),
        stdio: Arc::new([Stdio::default(), Stdio::default(), Stdio::default()]),
        package: None,
        sha256: None,
    })
}

fn file(inode: u64) -> FileIdentity {
    FileIdentity {
        dev: 8 << 20,
        inode,
        ctime_ns: 1,
        nlink: 1,
        mode: 0o100_755,
        uid: 0,
    }
}
