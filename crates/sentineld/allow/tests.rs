use super::*;
use sentinel_event::{Access, Detail, ExecId, FileAccess, FileIdentity, Flags, Process, Sha256};

fn process(exe: &str, parent: Option<Arc<Process>>) -> Process {
    Process {
        exec_id: ExecId(1),
        pid: 1,
        parent,
        ppid: 0,
        start_ns: 0,
        exe: exe.into(),
        file: FileIdentity {
            dev: 8,
            inode: 42,
            ..FileIdentity::default()
        },
        backing: Default::default(),
        comm: "friend".into(),
        argv: Arc::new([]),
        cwd: "/".into(),
        uid: 1000,
        euid: 0,
        gid: 0,
        egid: 0,
        auid: None,
        session: None,
        user: Some("ann".into()),
        cap_effective: 0,
        tty: None,
        cgroup: "".into(),
        cgroup_id: 0,
        namespaces: Default::default(),
        stdio: Arc::default(),
        package: None,
        sha256: Some(Sha256([7; 32])),
    }
}

/// The making of a file by /usr/bin/tool, which /opt/deploy had started.
fn scene() -> Event {
    let parent = Arc::new(process("/opt/deploy", None));
    let process = Arc::new(process("/usr/bin/tool", Some(parent)));
    Event {
        time_ns: 1_000,
        seq: 1,
        tid: 1,
        process: process.clone(),
        result: 0,
        flags: Flags::default(),
        count: 1,
        detail: Detail::Open(FileAccess {
            path: "/etc/cron.d/job".into(),
            file: FileIdentity::default(),
            backing: Default::default(),
            access: Access::Create,
            open_flags: 0,
            fd: 3,
        }),
    }
}

fn allows(allowed: &Allowed, event: &Event) -> bool {
    allowed.allows("persistence", &event.process, event, true)
}

fn rule() -> Rule {
    Rule {
        reason: "it is ours".to_owned(),
        created_by: "root".to_owned(),
        ..Rule::default()
    }
}

type Change = fn(&mut Rule);

#[test]
fn all_that_a_rule_names_has_to_fit() {
    let cases: &[(Change, bool)] = &[
        (|r| r.exe = "/usr/bin/tool".into(), true),
        (|r| r.exe = "/usr/bin/too".into(), false),
        // The name that a process gives itself is no identity.
        (|r| r.exe = "/friend".into(), false),
        (|r| r.sha256 = "07".repeat(32), true),
        (|r| r.sha256 = "08".repeat(32), false),
        (|r| r.ancestor = "/opt/deploy".into(), true),
        // The process itself is none of its ancestors.
        (|r| r.ancestor = "/usr/bin/tool".into(), false),
        (|r| r.path = "/etc/cron.d/*".into(), true),
        (|r| r.path = "/etc/*".into(), false),
        (|r| r.path = "/etc/**".into(), true),
        (|r| r.path = "**/job".into(), true),
        (|r| r.user = "ann".into(), true),
        (|r| r.user = "1000".into(), true),
        (|r| r.user = "root".into(), false),
        (
            |r| (r.exe, r.exe_file) = ("/usr/bin/tool".into(), Some((8, 42))),
            true,
        ),
        (
            |r| (r.exe, r.exe_file) = ("/usr/bin/tool".into(), Some((8, 43))),
            false,
        ),
        (
            |r| (r.exe, r.detection) = ("/usr/bin/tool".into(), "persistence".into()),
            true,
        ),
        (
            |r| (r.exe, r.detection) = ("/usr/bin/tool".into(), "fileless".into()),
            false,
        ),
        (
            |r| (r.exe, r.user) = ("/usr/bin/tool".into(), "bob".into()),
            false,
        ),
        (
            |r| (r.exe, r.expires_ns) = ("/usr/bin/tool".into(), Some(1_001)),
            true,
        ),
        (
            |r| (r.exe, r.expires_ns) = ("/usr/bin/tool".into(), Some(1_000)),
            false,
        ),
    ];
    let event = scene();
    for (change, expected) in cases {
        let mut rule = rule();
        change(&mut rule);
        let scope = rule.scope().expect("makes sense");
        assert_eq!(
            scope.fits("persistence", &event.process, &event),
            *expected,
            "{rule:?}"
        );
    }
}

#[test]
fn what_makes_no_sense_is_refused_in_a_sentence() {
    let cases: &[(Change, &str)] = &[
        (
            |r| r.detection = "persistence".into(),
            "needs an executable",
        ),
        (
            |r| (r.exe, r.reason) = ("/x".into(), " ".into()),
            "needs a reason",
        ),
        (|r| r.exe = "tool".into(), "no absolute path"),
        (|r| r.ancestor = "deploy".into(), "no absolute path"),
        (|r| r.sha256 = "07".into(), "no SHA-256"),
        (|r| r.path = "/etc/[".into(), "/etc/["),
        (|r| r.path = "cron".into(), "begins neither"),
        (
            |r| (r.user, r.exe_file) = ("ann".into(), Some((8, 42))),
            "without the path",
        ),
        (
            |r| (r.exe, r.expires_ns) = ("/x".into(), Some(0)),
            "already",
        ),
        (|r| r.exe = format!("/{}", "x".repeat(5_000)), "longer"),
    ];
    for (change, expected) in cases {
        let mut rule = rule();
        change(&mut rule);
        let reason = rule.scope().err().expect("is refused");
        assert!(reason.contains(expected), "{reason:?} lacks {expected:?}");
    }
}

#[test]
fn rules_are_kept_counted_and_removed() {
    let dir = tempfile::tempdir().expect("a folder");
    let event = scene();
    let allowed = Allowed::open(dir.path()).expect("opens");
    assert!(!allows(&allowed, &event));
    let mut wanted = rule();
    wanted.exe = "/usr/bin/tool".into();
    let first = allowed.add(wanted.clone()).expect("is added");
    let second = allowed.add(wanted).expect("is added");
    assert_ne!(first.rule.id, second.rule.id);
    assert!(allows(&allowed, &event));
    assert_eq!(
        (first.suppressed(), second.suppressed()),
        ((1, Some(1_000)), (0, None))
    );
    assert_eq!(allowed.suppressed_total(), 1);
    drop(allowed);
    let allowed = Allowed::open(dir.path()).expect("opens again");
    assert!(allows(&allowed, &event));
    for entry in allowed.list() {
        let removed = allowed
            .remove(&entry.rule.id)
            .expect("writes")
            .expect("is there");
        assert_eq!(removed.rule, entry.rule);
    }
    assert!(allowed.remove("gone").expect("writes").is_none());
    assert!(!allows(&allowed, &event));
    assert_eq!(Allowed::open(dir.path()).expect("opens").list().len(), 0);
}

#[test]
fn what_was_suppressed_is_still_known_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let event = scene();
    let allowed = Allowed::open(dir.path()).expect("opens");
    let mut wanted = rule();
    wanted.exe = "/usr/bin/tool".into();
    allowed.add(wanted).expect("is added");
    assert!(allows(&allowed, &event) && allows(&allowed, &event));
    allowed.keep_counts().expect("writes");
    let told = |allowed: &Allowed| allowed.list()[0].suppressed();
    let before = told(&allowed);
    assert_eq!(before.0, 2);
    let again = Allowed::open(dir.path()).expect("opens again");
    assert_eq!(told(&again), before);
    assert!(allows(&again, &event));
    assert_eq!((told(&again).0, again.suppressed_total()), (3, 1));
    // Nothing to write is nothing written, and what cannot be read counts from 0.
    let counts = dir.path().join("allow-counts.json");
    again.keep_counts().expect("writes");
    fs::remove_file(&counts).expect("is there");
    again.keep_counts().expect("writes nothing");
    assert!(!counts.exists());
    fs::write(&counts, "{").expect("writes");
    let afresh = Allowed::open(dir.path()).expect("opens all the same");
    assert_eq!(told(&afresh), (0, None));
}

#[test]
fn a_damaged_file_is_set_aside() {
    let dir = tempfile::tempdir().expect("a folder");
    for text in [
        "[{\"id\": \"1\"",
        "[{\"id\":\"1\",\"reason\":\"x\",\"created_ns\":0,\"created_by\":\"\"}]",
    ] {
        fs::write(dir.path().join("allow.json"), text).expect("writes");
        let allowed = Allowed::open(dir.path()).expect("opens all the same");
        assert!(allowed.list().is_empty());
        assert!(!dir.path().join("allow.json").exists());
    }
    let aside = fs::read_dir(dir.path()).expect("reads").flatten();
    let names: Vec<String> = aside
        .map(|e| e.file_name().to_string_lossy().into())
        .collect();
    assert_eq!(
        names.iter().filter(|n| n.contains("damaged")).count(),
        2,
        "{names:?}"
    );
}
