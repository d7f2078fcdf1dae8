use super::*;
use crate::testing::{event, lines};

fn program(exe: &str, argv: &[&str], more: &str) -> String {
    let argv: Vec<String> = argv.iter().map(|a| format!("\"{a}\"")).collect();
    let line = format!(
        r#"{{"time":"2026-03-02T10:00:00Z","kind":"exec","pid":7,"exe":"{exe}","argv":[{}]{more}}}"#,
        argv.join(",")
    );
    let mut name = String::new();
    write_program(&event(&line).process, &mut name);
    name
}

#[test]
fn people_read_names_as_they_are() {
    let name = |exe: &str, argv: &str, more: &str| {
        let line = format!(
            r#"{{"time":"2026-03-02T10:00:00Z","kind":"exec","pid":7,"exe":"{exe}","argv":[{argv}]{more}}}"#
        );
        short_name(&event(&line).process)
    };
    let cases = [
        ("/usr/bin/base64", r#""base64","-d""#, "", "base64"),
        (
            "/usr/bin/python3.11",
            r#""python3","/srv/run12.py""#,
            "",
            "python3.11 run12.py",
        ),
        (
            "/usr/bin/dash",
            r#""sh","/var/lib/dpkg/info/libssl3.postinst""#,
            "",
            "dash libssl3.postinst",
        ),
        (
            "/usr/bin/bash",
            r#""bash","/dev/fd/3""#,
            "",
            "bash /dev/fd/3",
        ),
        (
            "/memfd:x",
            r#""x""#,
            r#","backing":"memfd""#,
            "a program in memory",
        ),
    ];
    for (exe, argv, more, wanted) in cases {
        assert_eq!(name(exe, argv, more), wanted);
    }
}

#[test]
fn a_program_is_what_it_runs_without_its_numbers() {
    let check = |exe, argv: &[&str], more, wanted| assert_eq!(program(exe, argv, more), wanted);
    check("/usr/bin/ls", &["ls", "-la"], "", "/usr/bin/ls");
    check(
        "/usr/bin/python3.11",
        &["python3", "-u", "/srv/run12.py"],
        "",
        "/usr/bin/python#.# /srv/run#.py",
    );
    check(
        "/usr/bin/python3.11",
        &["python3", "-m", "pip", "install"],
        "",
        "/usr/bin/python#.# -m pip",
    );
    check(
        "/usr/bin/python3.11",
        &["python3", "-c", "import os"],
        "",
        "/usr/bin/python#.# -c",
    );
    check(
        "/usr/bin/dash",
        &["sh", "-c", "convert 1.jpg"],
        "",
        "/usr/bin/dash -c convert",
    );
    check("/usr/bin/bash", &["-bash"], "", "/usr/bin/bash");
    check(
        "/usr/bin/dash",
        &["/bin/sh", "/var/lib/dpkg/info/libssl3.postinst"],
        "",
        "/usr/bin/dash /var/lib/dpkg/info/*.postinst",
    );
    check("/memfd:x", &["x"], r#","backing":"memfd""#, "(memory)");
    check(
        "/tmp/a81",
        &["a"],
        r#","backing":"unlinked""#,
        "(deleted) /tmp/a#",
    );
}

#[test]
fn places_and_networks() {
    assert_eq!(directory("/usr/lib/apt/methods/https"), "/usr/lib/apt");
    assert_eq!(directory("/home/a/b/c/d/e"), "/home/a/b");
    assert_eq!(directory("/init"), "");
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert_eq!(network(ip("10.0.0.20")), network(ip("10.0.0.5")));
    assert_ne!(network(ip("10.0.0.20")), network(ip("10.0.1.20")));
    assert_eq!(network(ip("::ffff:10.0.0.20")), network(ip("10.0.0.5")));
    assert_eq!(network_name(ip("2001:db8:1:2::3")), "2001:db8:1::/48");
    assert_eq!(
        [
            scope(ip("127.0.0.1")),
            scope(ip("10.1.1.1")),
            scope(ip("8.8.8.8"))
        ],
        [1, 2, 4]
    );
}

#[test]
fn a_tree_begins_below_the_service() {
    let events = lines(
        r#"{"time":"2026-03-02T10:00:00Z","kind":"exec","pid":1,"ppid":0,"exe":"/usr/lib/systemd/systemd","argv":["init"]}
{"time":"2026-03-02T10:00:01Z","kind":"fork","pid":1,"child":10}
{"time":"2026-03-02T10:00:02Z","kind":"exec","pid":10,"ppid":1,"exe":"/usr/sbin/sshd","argv":["sshd"]}
{"time":"2026-03-02T10:00:03Z","kind":"fork","pid":10,"child":11}
{"time":"2026-03-02T10:00:04Z","kind":"exec","pid":11,"ppid":10,"exe":"/usr/sbin/sshd","argv":["sshd","-R"]}
{"time":"2026-03-02T10:00:05Z","kind":"fork","pid":11,"child":12}
{"time":"2026-03-02T10:00:06Z","kind":"exec","pid":12,"ppid":11,"exe":"/usr/bin/bash","argv":["-bash"]}
{"time":"2026-03-02T10:00:07Z","kind":"fork","pid":12,"child":13}
{"time":"2026-03-02T10:00:08Z","kind":"exec","pid":13,"ppid":12,"exe":"/usr/bin/ls","argv":["ls"]}"#,
    );
    let roots: Vec<u32> = events
        .iter()
        .map(|event| tree(&event.process).pid)
        .collect();
    assert_eq!(roots, [1, 1, 10, 10, 11, 11, 11, 11, 11]);
    assert_eq!(tree_key(&events[8].process), tree_key(&events[6].process));
    assert_ne!(tree_key(&events[8].process), tree_key(&events[2].process));
}

#[test]
fn what_a_user_does_is_one_tree_where_nobody_knows_who_started_it() {
    let events = lines(
        r#"{"time":"2026-03-02T10:00:00Z","kind":"exec","pid":10,"exe":"/usr/bin/bash","argv":["sh"],"uid":48}
{"time":"2026-03-02T10:00:01Z","kind":"exec","pid":11,"exe":"/usr/bin/id","argv":["id"],"uid":48}
{"time":"2026-03-02T10:00:02Z","kind":"exec","pid":12,"exe":"/usr/bin/id","argv":["id"],"uid":0}"#,
    );
    let keys: Vec<u64> = events
        .iter()
        .map(|event| tree_key(&event.process))
        .collect();
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
}
