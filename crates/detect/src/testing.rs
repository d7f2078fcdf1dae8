//! Events for unit tests. Whole scenes are golden pairs, see `tests/golden`.

use std::sync::Arc;

use sentinel_event::{
    Detail, Event, Exec, ExecId, FileIdentity, Flags, Namespaces, Process, Stdio,
};

/// A root process image of a root-owned file, child of nothing.
pub fn process(exe: &str, pid: u32) -> Process {
    Process {
        exec_id: ExecId::new(1, pid, 1, 1),
        pid,
        parent: None,
        ppid: 1,
        start_ns: 0,
        exe: exe.into(),
        file: FileIdentity {
            dev: 8 << 20,
            inode: u64::from(pid) + 1_000,
            ctime_ns: 0,
            nlink: 1,
            mode: 0o100_755,
            uid: 0,
        },
        backing: Default::default(),
        comm: "".into(),
        argv: Arc::new([exe.into()]),
        cwd: "/".into(),
        uid: 0,
        euid: 0,
        gid: 0,
        egid: 0,
        auid: None,
        session: None,
        user: None,
        cap_effective: 0,
        tty: None,
        cgroup: "".into(),
        cgroup_id: 0,
        namespaces: Namespaces::default(),
        stdio: Arc::new([Stdio::default(), Stdio::default(), Stdio::default()]),
        package: None,
        sha256: None,
    }
}

/// An event of `process`.
pub fn event(process: Arc<Process>, time_ns: i64, detail: Detail) -> Event {
    Event {
        time_ns,
        seq: 1,
        tid: process.pid,
        process,
        result: 0,
        flags: Flags::default(),
        count: 1,
        detail,
    }
}

/// The start of `exe` by process `pid`, which ran a shell before.
pub fn exec(exe: &str, pid: u32, time_ns: i64) -> Event {
    let detail = Detail::Exec(Exec {
        filename: exe.into(),
        interpreter: None,
        previous_exe: "/bin/sh".into(),
    });
    event(Arc::new(process(exe, pid)), time_ns, detail)
}
