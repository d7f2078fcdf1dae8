//! What rules see of events: a rule, an event, and whether they match.

mod common;

use std::path::Path;
use std::sync::Arc;

use common::events::{connection, event, exec, open, process};
use sentinel_event::{Access, Detail, Event, FileAction, Kind, NetworkAction, Process};
use sentinel_sigma::{Hit, RuleSet, finding, parse};

const CREATION: &str = "category: process_creation";
const FILES: &str = "category: file_event";
const NETWORK: &str = "category: network_connection";
const AUDIT: &str = "service: auditd";
const LINUX: &str = "definition: any log";

fn rule(source: &str, selection: &str, more: &str) -> String {
    format!(
        "title: T\nid: r\nauthor: A. Author\nlogsource: {{ product: linux, {source} }}\n\
         detection: {{ s: {selection}, condition: s }}\nlevel: high\n{more}"
    )
}

fn set(text: &str) -> RuleSet {
    let documents = parse(Path::new("x.yml"), text).expect("is good");
    RuleSet::new(vec![("x.yml".into(), documents)]).expect("is a set")
}

fn hits(set: &mut RuleSet, event: &Event) -> Vec<Hit> {
    let mut hits = Vec::new();
    set.observe(event, &mut hits);
    hits
}

fn curl() -> Process {
    let parent = process("/usr/bin/bash", &["bash", "-c", "x\ny"], None);
    process(
        "/usr/bin/curl",
        &["curl", "-T", "a b"],
        Some(Arc::new(parent)),
    )
}

fn file(kind: Kind, path: &str, to: &str) -> Detail {
    Detail::File(FileAction {
        kind,
        path: path.into(),
        to: to.into(),
        file: Default::default(),
        backing: Default::default(),
        operation: "".into(),
        argument: 0,
    })
}

fn asks(name: &str) -> Detail {
    Detail::Network(NetworkAction {
        kind: Kind::Dns,
        connection: connection("9.9.9.9:53"),
        bytes_sent: 0,
        bytes_received: 0,
        run_ns: 0,
        name: name.into(),
        operation: "A".into(),
    })
}

#[test]
fn every_field_is_what_the_documentation_says() {
    let cases: &[(&str, &str, Detail, bool)] = &[
        (CREATION, "{ Image: /usr/bin/curl }", exec(), true),
        (CREATION, "{ CommandLine: 'curl -T a b' }", exec(), true),
        (CREATION, "{ ParentImage|endswith: /bash }", exec(), true),
        // A line break in a command is a blank, so that `*` goes on past it.
        (CREATION, "{ ParentCommandLine: 'bash*y' }", exec(), true),
        (
            CREATION,
            "{ User: root, LogonId: 0, CurrentDirectory: /root }",
            exec(),
            true,
        ),
        (CREATION, "{ User: www-data }", exec(), false),
        (
            CREATION,
            "{ Image: /usr/bin/curl }",
            open("/x", Access::Create),
            false,
        ),
        (
            FILES,
            "{ TargetFilename: /etc/x, Image|endswith: /curl }",
            open("/etc/x", Access::Create),
            true,
        ),
        (
            FILES,
            "{ TargetFilename: /etc/x }",
            open("/etc/x", Access::Read),
            false,
        ),
        (
            FILES,
            "{ TargetFilename: /etc/x }",
            open("/etc/x", Access::Write),
            false,
        ),
        (
            FILES,
            "{ TargetFilename: /b }",
            file(Kind::Rename, "/a", "/b"),
            true,
        ),
        (
            FILES,
            "{ TargetFilename: /a }",
            file(Kind::Rename, "/a", "/b"),
            false,
        ),
        (
            FILES,
            "{ TargetFilename: /a }",
            file(Kind::Symlink, "/a", "/b"),
            true,
        ),
        (
            "category: file_delete",
            "{ TargetFilename: /a }",
            file(Kind::Unlink, "/a", ""),
            true,
        ),
        (
            "category: file_rename",
            "{ SourceFilename: /a, TargetFilename: /b }",
            file(Kind::Rename, "/a", "/b"),
            true,
        ),
        (
            NETWORK,
            "{ DestinationIp: 8.8.8.8, DestinationPort: 53, Initiated: 'true' }",
            Detail::Connect(connection("8.8.8.8:53")),
            true,
        ),
        (
            NETWORK,
            "{ DestinationPort: '53', Protocol: tcp }",
            Detail::Connect(connection("8.8.8.8:53")),
            true,
        ),
        (
            NETWORK,
            "{ DestinationIp|cidr: 2001:db8::/32, DestinationIsIpv6: 'true' }",
            Detail::Connect(connection("[2001:db8::1]:53")),
            true,
        ),
        (
            NETWORK,
            "{ SourceIp: 8.8.8.8, DestinationPort: 40000, Initiated: 'false' }",
            Detail::Accept(connection("8.8.8.8:53")),
            true,
        ),
        (
            NETWORK,
            "{ DestinationHostname|endswith: .example }",
            asks("pool.example"),
            true,
        ),
        (
            NETWORK,
            "{ Image|endswith: /curl }",
            asks("pool.example"),
            false,
        ),
        (
            "category: dns_query",
            "{ QueryName: pool.example, record_type: A }",
            asks("pool.example"),
            true,
        ),
        (AUDIT, "{ type: EXECVE, a0: curl, a2: 'a b' }", exec(), true),
        (AUDIT, "{ type: EXECVE, a1: '-t' }", exec(), true),
        (AUDIT, "{ type: EXECVE, a3: x }", exec(), false),
        (
            AUDIT,
            "{ type: SYSCALL, SYSCALL: execve, exe|endswith: /curl, euid: 0, tty: (none) }",
            exec(),
            true,
        ),
        (
            AUDIT,
            "{ type: PATH, name: /etc/x }",
            open("/etc/x", Access::Write),
            true,
        ),
        (
            AUDIT,
            "{ type: PATH, name: /etc/x }",
            open("/etc/x", Access::Read),
            false,
        ),
        (
            AUDIT,
            "{ type: PATH, name: /etc/x, nametype: CREATE }",
            open("/etc/x", Access::Create),
            true,
        ),
        (
            AUDIT,
            "{ type: PATH, name: /a, nametype: DELETE }",
            file(Kind::Unlink, "/a", ""),
            true,
        ),
        (AUDIT, "{ type: PATH, name: /usr/bin/curl }", exec(), true),
        (
            AUDIT,
            "{ type: SYSCALL, SYSCALL: unlink }",
            file(Kind::Unlink, "/a", ""),
            true,
        ),
        (LINUX, "['curl * b']", exec(), true),
        (LINUX, "['-T a']", exec(), true),
        (LINUX, "['bash -c']", exec(), false),
    ];
    for (source, selection, detail, expected) in cases {
        let text = rule(source, selection, "");
        let mut event = event(curl(), detail.clone());
        event.result = 0;
        let found = hits(&mut set(&text), &event);
        assert_eq!(
            !found.is_empty(),
            *expected,
            "{source} {selection} {detail:?}"
        );
    }
}

#[test]
fn only_rules_that_look_for_reading_see_what_is_read() {
    let read = event(curl(), open("/etc/x", Access::Read));
    for (tag, expected) in [("attack.discovery", 1), ("attack.persistence", 0)] {
        let text = rule(
            AUDIT,
            "{ type: PATH, name: /etc/x }",
            &format!("tags: [{tag}]\n"),
        );
        assert_eq!(hits(&mut set(&text), &read).len(), expected, "{tag}");
    }
    // What did not happen made no file.
    let mut failed = event(curl(), file(Kind::Rename, "/a", "/b"));
    failed.result = -1;
    let text = rule(FILES, "{ TargetFilename: /b }", "");
    assert_eq!(hits(&mut set(&text), &failed), []);
}

#[test]
fn an_alert_names_the_rule_its_author_and_what_matched() {
    let text = rule(
        CREATION,
        "{ Image|endswith: /curl }",
        "status: stable\ndescription: |\n    Says why.\n\n    More.\ntags: [attack.t1059.004, attack.t9999]\n",
    );
    let mut set = set(&text);
    let event = event(curl(), exec());
    let hits = hits(&mut set, &event);
    let rule = &set.rules()[hits[0].rule];
    let found = finding(rule, &hits[0], &event);
    assert_eq!(&*rule.name, "sigma:x");
    assert_eq!(
        found.summary,
        "T: curl (pid 4711, root) ran curl -T a b, started by bash"
    );
    assert_eq!(
        found.reason,
        "the Sigma rule \"T\" (r) by A. Author matched process_creation with \
         Image = /usr/bin/curl; Says why."
    );
    let ids: Vec<&str> = found.techniques.iter().map(|t| &*t.id).collect();
    assert_eq!(ids, ["T1059.004", "T9999"]);
    assert_eq!((found.severity.name(), found.confidence), ("high", 85));
}

const COUNTED: &str = "---\ntitle: Many\nid: many\ncorrelation:\n    type: event_count\n    rules: [r]\n    \
    group-by: [User]\n    timespan: 60s\n    condition: { gte: 3 }\nlevel: critical\n";

#[test]
fn rules_about_rules_count_by_the_time_of_the_events() {
    let text = rule(CREATION, "{ Image|endswith: /curl }", COUNTED);
    let at = |seconds: i64| {
        let mut event = event(curl(), exec());
        event.time_ns += seconds * 1_000_000_000;
        event
    };
    let names = |times: &[i64]| -> Vec<String> {
        let mut set = set(&text);
        let found: Vec<Hit> = times.iter().flat_map(|&t| hits(&mut set, &at(t))).collect();
        found
            .iter()
            .map(|hit| set.rules()[hit.rule].title.clone())
            .collect()
    };
    // The counted rule says nothing by itself, unless the correlation asks for it.
    assert_eq!(names(&[0, 10, 20]), ["Many"]);
    assert_eq!(names(&[0, 50, 100]), Vec::<String>::new());
    assert_eq!(names(&[0, 1, 2, 3, 4, 5]), ["Many", "Many"]);
    let mut set = set(&text);
    let found: Vec<Hit> = [0, 1, 2]
        .iter()
        .flat_map(|&t| hits(&mut set, &at(t)))
        .collect();
    let event = at(2);
    let reason = finding(&set.rules()[found[0].rule], &found[0], &event).reason;
    assert!(
        reason.contains("matches = 3 within 60 s, User = root"),
        "{reason}"
    );
}

#[test]
fn files_that_contradict_each_other_are_refused() {
    let one = rule(CREATION, "{ Image: /x }", "");
    let unknown = COUNTED.replace("rules: [r]", "rules: [gone]");
    let cases = [
        (
            format!("{one}---\n{one}"),
            "x.yml:8: the id r is that of the rule in x.yml:1 too",
        ),
        (
            format!("{one}{unknown}"),
            "x.yml:8: unknown rule reference: gone",
        ),
    ];
    for (text, expected) in cases {
        let documents = parse(Path::new("x.yml"), &text).expect("is good by itself");
        let problem = RuleSet::new(vec![("x.yml".into(), documents)])
            .err()
            .expect("is refused");
        assert_eq!(problem.to_string(), expected);
    }
}

#[test]
fn a_filter_narrows_the_rules_that_it_names() {
    let filter = "---\ntitle: Not there\nlogsource: { product: linux, category: process_creation }\n\
        filter:\n    rules: [r]\n    selection: { CurrentDirectory: /root }\n    condition: not selection\n";
    let event = event(curl(), exec());
    let plain = rule(CREATION, "{ Image|endswith: /curl }", "");
    assert_eq!(hits(&mut set(&plain), &event).len(), 1);
    assert_eq!(hits(&mut set(&format!("{plain}{filter}")), &event), []);
}

#[test]
fn the_same_event_gives_the_same_words_each_time() {
    let text = rule(CREATION, "{ Image|endswith: /curl }", "").replace(
        "condition: s }",
        "t: { CommandLine|contains: curl }, u: { User: root }, condition: all of them }",
    );
    let event = event(curl(), exec());
    let matched = || hits(&mut set(&text), &event).remove(0).matched;
    let first = matched();
    assert_eq!(first.len(), 3);
    // A hash map of three has the same order twice in a row once in six times.
    for _ in 0..30 {
        assert_eq!(matched(), first);
    }
}
