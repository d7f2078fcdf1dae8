use sentinel_event::{Backing, Detail, Flags, Kind, StdioKind};

use super::*;

fn read(lines: &[&str]) -> (Vec<Event>, Report) {
    read_all(lines.join("\n").as_bytes()).unwrap()
}

/// A line at second `s` of one minute.
fn at(s: u32, rest: &str) -> String {
    format!(r#"{{"time": "2026-03-01T10:00:{s:02}Z", {rest}}}"#)
}

#[test]
fn processes_are_followed_through_fork_exec_and_exit() {
    let lines = [
        at(
            0,
            r#""kind": "process", "pid": 1, "exe": "/sbin/init", "argv": ["init"], "uid": 0"#,
        ),
        at(1, r#""kind": "fork", "pid": 1, "child": 40"#),
        at(
            2,
            r#""kind": "exec", "pid": 40, "exe": "/usr/sbin/sshd", "argv": ["sshd", "-D"], "unit": "ssh.service""#,
        ),
        at(3, r#""kind": "fork", "pid": 40, "child": 41"#),
        at(
            4,
            r#""kind": "exec", "pid": 41, "exe": "/bin/bash", "argv": ["-bash"], "uid": 1000, "auid": 1000, "tty": true"#,
        ),
        at(5, r#""kind": "exit", "pid": 40, "code": 3"#),
        at(6, r#""kind": "open", "pid": 41, "path": "/etc/passwd""#),
        at(7, r#""kind": "fork", "pid": 1, "child": 40"#),
        at(
            8,
            r#""kind": "exec", "pid": 40, "exe": "/bin/true", "argv": ["true"]"#,
        ),
    ];
    let (events, report) = read(&lines.each_ref().map(String::as_str));
    assert_eq!(report.bad, []);
    assert_eq!(report.events_total, 9);
    let open = &events[6];
    assert_eq!(&*open.process.exe, "/bin/bash");
    assert_eq!((open.process.uid, open.process.euid), (1000, 1000));
    assert_eq!(open.process.unit(), Some("ssh.service"));
    assert!(open.process.tty.is_some());
    let ancestors: Vec<_> = open.process.ancestors().map(|p| (p.pid, &*p.exe)).collect();
    assert_eq!(ancestors, [(40, "/usr/sbin/sshd"), (1, "/sbin/init")]);
    // The pid was used again after the exit: another process, another identity.
    let ids: Vec<_> = [2, 8].map(|i: usize| events[i].process.exec_id).to_vec();
    assert_ne!(ids[0], ids[1]);
    let Detail::Exec(exec) = &events[4].detail else {
        panic!("{:?}", events[4].detail);
    };
    assert_eq!(&*exec.previous_exe, "/usr/sbin/sshd");
    assert_eq!(&*exec.filename, "/bin/bash");
}

#[test]
fn unknown_processes_are_made_up_and_marked() {
    let line = at(
        1,
        r#""kind": "connect", "pid": 7, "ppid": 6, "exe": "/usr/bin/curl", "addr": "192.0.2.1", "port": 443"#,
    );
    let later = at(
        2,
        r#""kind": "open", "pid": 7, "exe": "/usr/bin/wget", "path": "/x""#,
    );
    let (events, _) = read(&[&line, &later]);
    let process = &events[0].process;
    assert!(events[0].flags.contains(Flags::UNKNOWN_PROCESS));
    assert_eq!((&*process.exe, process.ppid), ("/usr/bin/curl", 6));
    assert_eq!(process.parent.as_ref().map(|p| p.pid), Some(6));
    // Another executable without an exec line means that an exec was missed.
    assert_eq!(&*events[1].process.exe, "/usr/bin/wget");
    assert_ne!(events[1].process.exec_id, process.exec_id);
    assert_eq!(events[1].process.start_ns, process.start_ns);
}

#[test]
fn every_key_arrives() {
    let lines = [
        at(
            1,
            r#""kind": "exec", "pid": 9, "exe": "memfd:x", "argv": ["x"], "backing": "memfd", "inode": 5, "dev": 1, "mode": 511, "owner": 33, "stdio": ["socket", "pipe", "null"], "stdio_inode": ["70", "71", "0"], "stdio_local": ["10.0.0.1:22", "", ""], "stdio_peer": ["10.0.0.2:4444", "", ""], "filename": "/proc/self/fd/3", "interpreter": "/bin/sh", "previous_exe": "/bin/dash", "result": 0, "tid": 10"#,
        ),
        at(
            2,
            r#""kind": "mmap", "pid": 9, "prot": "r-x", "path": "memfd:lib", "backing": "memfd", "map_flags": 2, "length": 4096"#,
        ),
        at(
            3,
            r#""kind": "mprotect", "pid": 9, "prot": "r-x", "old_prot": "rw-""#,
        ),
        at(
            4,
            r#""kind": "accept", "pid": 9, "addr": "::1", "port": 80, "peer_port": 5555"#,
        ),
        at(
            5,
            r#""kind": "lost", "count": 12, "until": "2026-03-01T10:00:09Z", "lost_kind": "open""#,
        ),
    ];
    let (events, report) = read(&lines.each_ref().map(String::as_str));
    assert_eq!((report.bad, report.unknown_keys.len()), (vec![], 0));
    let process = &events[0].process;
    assert_eq!(process.backing, Backing::Memfd);
    assert_eq!(
        (process.file.inode, process.file.dev, process.file.nlink),
        (5, 1, 0)
    );
    assert_eq!((process.file.mode, process.file.uid), (0o777, 33));
    assert_eq!(process.stdio[0].kind, StdioKind::Socket);
    assert_eq!(
        process.stdio[0].peer,
        Some("10.0.0.2:4444".parse().unwrap())
    );
    assert_eq!((process.stdio[1].inode, process.stdio[1].peer), (71, None));
    let Detail::Mmap(memory) = &events[1].detail else {
        panic!("{:?}", events[1].detail);
    };
    assert_eq!((memory.prot.name(), memory.map_flags), ("r-x", 2));
    let Detail::Mprotect(memory) = &events[2].detail else {
        panic!("{:?}", events[2].detail);
    };
    assert_eq!(memory.backing, Backing::Anonymous);
    let Detail::Accept(connection) = &events[3].detail else {
        panic!("{:?}", events[3].detail);
    };
    assert_eq!(
        (connection.local.port(), connection.peer.port()),
        (80, 5555)
    );
    let Detail::Lost(lost) = &events[4].detail else {
        panic!("{:?}", events[4].detail);
    };
    assert_eq!(
        (lost.count, lost.kind, events[4].count),
        (12, Some(Kind::Open), 1)
    );
}

#[test]
fn our_own_export_is_read_again() {
    // As `sentinelctl events --json` writes it: every column, lists empty where the kind
    // has none.
    let open = at(
        1,
        r#""seq": 7, "kind": "open", "pid": 9, "tid": 9, "exec_id": "86d064c2c04f21f4", "ppid": 1, "exe": "/bin/a", "comm": "a", "uid": 0, "user": "root", "result": 3, "count": 1, "flags": [], "argv": [], "backing": "file", "dev": 1, "inode": 672, "ctime": "2026-02-22T07:27:48.5Z", "nlink": 1, "mode": 33188, "owner": 0, "stdio": [], "stdio_inode": [], "stdio_local": [], "stdio_peer": [], "ancestors": [{"pid": 1, "exec_id": "00", "exe": "/sbin/init"}], "path": "/x", "access": "r", "open_flags": 0, "fd": 3, "host": "h""#,
    );
    let exec = at(
        2,
        r#""seq": 8, "kind": "exec", "pid": 9, "exe": "/bin/b", "argv": ["b"], "backing": "file", "stdio": ["tty", "tty", "tty"], "stdio_local": [], "stdio_peer": [], "pid_ns": 4, "cgroup_ns": 5, "start": "2026-02-22T07:27:48Z", "host": "h""#,
    );
    let kernel_thread = at(3, r#""kind": "fork", "pid": 2, "exe": "", "child": 70"#);
    let (events, report) = read(&[&open, &exec, &kernel_thread]);
    assert_eq!((report.bad, report.unknown_keys.len()), (vec![], 0));
    let process = &events[1].process;
    assert_eq!((process.namespaces.pid, process.namespaces.cgroup), (4, 5));
    assert_eq!(process.parent.as_ref().map(|p| p.pid), Some(1));
}

/// Each line stands between two good ones, is reported as the second, and costs no other.
fn check_bad(cases: &[(String, &str)]) {
    let good = at(1, r#""kind": "open", "pid": 1, "path": "/x""#);
    for (line, reason) in cases {
        let (events, report) = read(&[&good, line, "", &good]);
        assert_eq!((events.len(), report.bad_total), (2, 1), "{line}");
        assert_eq!(report.bad[0].number, 2, "{line}");
        assert!(
            report.bad[0].reason.contains(reason),
            "{line}: {}",
            report.bad[0]
        );
    }
}

#[test]
fn lines_without_the_common_keys_are_bad() {
    check_bad(&[
        ("{".to_owned(), "not JSON"),
        ("[]".to_owned(), "not a JSON object"),
        (
            r#"{"kind": "exit", "pid": 1}"#.to_owned(),
            "time is missing",
        ),
        (
            r#"{"time": "yesterday", "kind": "exit", "pid": 1}"#.to_owned(),
            "time: \"yesterday\"",
        ),
        (at(1, r#""pid": 1"#), "kind is missing"),
        (at(1, r#""kind": "reboot", "pid": 1"#), "kind: \"reboot\""),
        (at(1, r#""kind": "exit""#), "pid is missing"),
        (
            at(1, r#""kind": "exit", "pid": -4"#),
            "pid: expected a whole number of 0 or more",
        ),
        (
            at(1, r#""kind": "exit", "pid": 4294967296"#),
            "pid: 4294967296 is too large",
        ),
        (at(1, r#""kind": "exit", "pid": "4""#), "found \"4\""),
    ]);
}

#[test]
fn lines_with_missing_or_wrong_keys_of_their_kind_are_bad() {
    check_bad(&[
        (at(1, r#""kind": "fork", "pid": 1"#), "child is missing"),
        (
            at(1, r#""kind": "exec", "pid": 1, "argv": []"#),
            "exe is missing",
        ),
        (
            at(1, r#""kind": "exec", "pid": 1, "exe": "/x""#),
            "argv is missing",
        ),
        (
            at(1, r#""kind": "exec", "pid": 1, "exe": "x", "argv": []"#),
            "not an absolute path",
        ),
        (
            at(
                1,
                r#""kind": "exec", "pid": 1, "exe": "/x", "argv": [null]"#,
            ),
            "argv: expected",
        ),
        (
            at(
                1,
                r#""kind": "exec", "pid": 1, "exe": "/x", "argv": [], "stdio": ["tty"]"#,
            ),
            "expected three texts, found 1",
        ),
        (
            at(
                1,
                r#""kind": "exec", "pid": 1, "exe": "/x", "argv": [], "backing": "disk""#,
            ),
            "backing: \"disk\"",
        ),
        (
            at(
                1,
                r#""kind": "connect", "pid": 1, "addr": "localhost", "port": 1"#,
            ),
            "not an IP address",
        ),
        (
            at(
                1,
                r#""kind": "connect", "pid": 1, "addr": "::1", "port": 65536"#,
            ),
            "port: 65536 is too large",
        ),
        (at(1, r#""kind": "open", "pid": 1"#), "path is missing"),
        (
            at(
                1,
                r#""kind": "open", "pid": 1, "path": "/x", "access": "rx""#,
            ),
            "access: \"rx\"",
        ),
        (at(1, r#""kind": "mmap", "pid": 1"#), "prot is missing"),
        (
            at(1, r#""kind": "rename", "pid": 1, "path": "/x""#),
            "to is missing",
        ),
        (
            at(9, r#""kind": "lost", "until": "2026-03-01T10:00:08Z""#),
            "ends before it begins",
        ),
    ]);
}

#[test]
fn unknown_keys_and_unrecorded_kinds_are_counted() {
    let (events, report) = read(&[
        &at(
            1,
            r#""kind": "open", "pid": 1, "path": "/x", "colour": 1, "exec_id": "00""#,
        ),
        &at(
            1,
            r#""kind": "open", "pid": 1, "path": "/x", "colour": null"#,
        ),
        &at(1, r#""kind": "unlink", "pid": 1, "path": "/x""#),
    ]);
    assert_eq!((events.len(), report.bad_total), (3, 0));
    assert_eq!(
        report.unknown_keys,
        BTreeMap::from([("colour".to_owned(), 2)])
    );
    assert_eq!(events[2].kind(), Kind::Unlink);
}

#[test]
fn marks_fine_times_and_hosts_are_taken() {
    let line = |time: &str, host: &str| {
        format!(r#"{{"time": "{time}", "kind": "exit", "pid": 1, "host": {host}}}"#)
    };
    let lines = [
        format!(
            "\u{feff}{}",
            line("2026-03-01T10:00:00.1234567899+00:00", "\"a\"")
        ),
        line("2026-03-01T10:00:00.12345678991234Z", "\"b\""),
        line("2026-03-01T10:00:00.5", "\"b\""),
        line("2026-03-01T10:00:01.5Z", "null"),
    ];
    let (events, report) = read(&lines.each_ref().map(String::as_str));
    let fractions: Vec<_> = events
        .iter()
        .map(|event| event.time_ns % 1_000_000_000)
        .collect();
    assert_eq!(fractions, [123_456_789, 123_456_789, 500_000_000]);
    assert_eq!((report.bad_total, report.bad[0].number), (1, 3));
    let hosts = ["", "a", "b"].map(|host| (host.to_owned(), 1));
    assert_eq!(report.hosts, BTreeMap::from(hosts));
}

#[test]
fn lines_up_to_ten_minutes_late_are_sorted_and_later_ones_refused() {
    let at = |minute: u32, path: &str| {
        format!(
            r#"{{"time": "2026-03-01T10:{minute:02}:00Z", "kind": "open", "pid": 1, "path": "{path}"}}"#
        )
    };
    let lines = [
        at(20, "/c"),
        at(10, "/a"),
        at(12, "/b"),
        at(20, "/d"),
        at(9, "/late"),
    ];
    let (events, report) = read(&lines.each_ref().map(String::as_str));
    let paths: Vec<_> = events
        .iter()
        .map(|event| match &event.detail {
            Detail::Open(file) => &*file.path,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(paths, ["/a", "/b", "/c", "/d"]);
    let seqs: Vec<_> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
    assert_eq!((report.bad_total, report.bad[0].number), (1, 5));
}

#[test]
fn an_endless_line_costs_no_memory_and_no_later_line() {
    let good = at(1, r#""kind": "open", "pid": 1, "path": "/x""#);
    let mut input = vec![b'x'; 3 * LINE_BYTES_MAX];
    input.push(b'\n');
    input.extend_from_slice(good.as_bytes());
    let (events, report) = read_all(&*input).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(report.bad[0].number, 1);
    assert!(
        report.bad[0].reason.contains("longer than"),
        "{}",
        report.bad[0]
    );
}

#[test]
fn a_line_of_processes_that_never_ends_keeps_a_bounded_ancestry() {
    let mut lines = String::new();
    for pid in 1..50_000u32 {
        let fork = format!(r#""kind": "fork", "pid": {pid}, "child": {}"#, pid + 1);
        lines.push_str(&at(1, &fork));
        lines.push('\n');
        lines.push_str(&at(1, &format!(r#""kind": "exit", "pid": {pid}"#)));
        lines.push('\n');
    }
    let (events, report) = read_all(lines.as_bytes()).unwrap();
    assert_eq!(report.bad_total, 0);
    let last = &events[events.len() - 1].process;
    let mut length = 0;
    let mut process = last.clone();
    while let Some(parent) = process.parent.clone() {
        process = parent;
        length += 1;
    }
    assert!(length <= 2 * sentinel_event::MAX_ANCESTORS, "{length}");
    assert!(last.ancestors().count() >= sentinel_event::MAX_ANCESTORS);
}
