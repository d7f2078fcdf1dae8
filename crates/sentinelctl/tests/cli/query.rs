//! `query` over a history that is half sealed and half live, while the store is open.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sentinel_event::{COLUMNS, Event, Kind, Value};
use sentinel_store::Store;

use crate::run::{Ran, run};
use crate::samples::{alert, config, events};

pub const EVENTS: u64 = 1_650;
/// The kinds of event in the table `files`.
const FILES: &[Kind] = &[
    Kind::Open,
    Kind::Memfd,
    Kind::Unlink,
    Kind::Rename,
    Kind::Link,
    Kind::Symlink,
    Kind::Truncate,
    Kind::Chmod,
    Kind::Chown,
    Kind::Setxattr,
];

/// A history on disk.
pub struct History {
    pub folder: tempfile::TempDir,
    /// Kept open, as the daemon keeps it.
    _store: Store,
}

impl History {
    /// 1,100 sealed and 550 live events, two sealed and two live alerts.
    pub fn new() -> History {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || open(folder.path());
        let mut store = open();
        store.append_events(&events(1, 1_100)).expect("it is ours");
        store
            .append_alerts(&[alert(1), alert(2)])
            .expect("it is ours");
        store.close().expect("it is ours");
        let mut store = open();
        store
            .append_events(&events(1_101, 550))
            .expect("it is ours");
        store
            .append_alerts(&[alert(3), alert(4)])
            .expect("it is ours");
        store.flush().expect("it is ours");
        History {
            folder,
            _store: store,
        }
    }

    pub fn query(&self, args: &[&str]) -> Ran {
        query(self.folder.path(), args)
    }

    /// The answer, which must come without a complaint.
    fn ok(&self, args: &[&str]) -> String {
        let ran = self.query(args);
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{args:?}: {ran:?}");
        ran.stdout
    }

    /// Checks the answer as comma-separated values without their header.
    pub fn check(&self, sql: &str, expected: &[String]) {
        let csv = self.ok(&["--format", "csv", sql]);
        let lines: Vec<&str> = csv.lines().skip(1).collect();
        assert_eq!(lines, expected, "{sql}");
    }
}

/// Opens the store. Programs that other tests start hold its lock, too, from their fork
/// to their exec.
fn open(folder: &Path) -> Store {
    let begun = Instant::now();
    loop {
        match Store::open(folder, "host", config()) {
            Ok((store, _)) => return store,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(5), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn query(folder: &Path, args: &[&str]) -> Ran {
    let folder = folder.to_str().expect("a path that is text");
    let socket = Path::new("/nonexistent/no-daemon-is-needed");
    run(socket, &[&["query", "--data-dir", folder], args].concat())
}

fn count(is_wanted: impl Fn(&Event) -> bool) -> String {
    let events = events(1, EVENTS);
    events
        .iter()
        .filter(|event| is_wanted(event))
        .count()
        .to_string()
}

/// The text in a column of an event.
fn text(event: &Event, column: &str) -> Option<String> {
    let column = COLUMNS.iter().find(|c| c.name == column).expect("a column");
    match (column.get)(event)? {
        Value::Text(text) => Some(text.to_owned()),
        Value::Owned(text) => Some(text),
        _ => None,
    }
}

#[test]
fn every_table_holds_sealed_and_live_rows_once() {
    let history = History::new();
    let of = |kinds: &[Kind]| count(|event| kinds.is_empty() || kinds.contains(&event.kind()));
    for (table, rows) in [
        ("events", of(&[])),
        ("execs", of(&[Kind::Exec])),
        ("connections", of(&[Kind::Connect, Kind::Accept])),
        ("files", of(FILES)),
        ("alerts", "4".to_owned()),
    ] {
        let sql = format!("select count(*), count(distinct seq) from {table}");
        history.check(&sql, &[format!("{rows},{rows}")]);
    }
}

#[test]
fn the_first_question_of_all_is_answered_in_every_format() {
    let history = History::new();
    let sql = "select exe, count(*) as n from events where kind = 'exec' and exe like '%tool1' \
               group by 1 order by 2 desc limit 10";
    let n = count(|e| e.kind() == Kind::Exec && e.process.exe.ends_with("tool1"));
    assert_ne!(n, "0");
    let table = format!("exe             n\n/usr/bin/tool1  {n}\n");
    assert_eq!(history.ok(&[sql]), table);
    let json = format!("{{\"exe\":\"/usr/bin/tool1\",\"n\":{n}}}\n");
    assert_eq!(history.ok(&["--format", "json", sql]), json);
    assert_eq!(history.ok(&["--json", sql]), json);
    let csv = format!("exe,n\r\n/usr/bin/tool1,{n}\r\n");
    assert_eq!(history.ok(&["--format", "csv", sql]), csv);
    let empty = history.query(&["select exe from execs where exe = '/none'"]);
    let said = (empty.code, &*empty.stdout, &*empty.stderr);
    assert_eq!(said, (Some(0), "exe\n", "sentinelctl: no rows\n"));
}

/// Conditions that files and row groups are skipped by, and some that they are not.
#[test]
fn conditions_leave_out_what_they_should_and_nothing_else() {
    let history = History::new();
    let exec_id = events(7, 1)[0].process.exec_id;
    let id = exec_id.to_string();
    let check = |condition: &str, is_wanted: &dyn Fn(&Event) -> bool| {
        let sql = format!("select count(*) from events where {condition}");
        history.check(&sql, &[count(is_wanted)]);
    };
    let pid = |e: &Event| u64::from(e.process.pid);
    check(&format!("exec_id = '{id}'"), &|e| {
        e.process.exec_id == exec_id
    });
    check("exe in ('/usr/bin/tool1', '/usr/bin/tool2', 'x')", &|e| {
        ["/usr/bin/tool1", "/usr/bin/tool2"].contains(&&*e.process.exe)
    });
    check("kind in ('exec', 'fork')", &|e| {
        [Kind::Exec, Kind::Fork].contains(&e.kind())
    });
    check("exe = '/USR/bin/tool1' collate nocase", &|e| {
        &*e.process.exe == "/usr/bin/tool1"
    });
    check("pid between 2003 and 2005.5", &|e| {
        (2_003..=2_005).contains(&pid(e))
    });
    check("pid = '2003'", &|e| pid(e) == 2_003);
    check("pid > 2030 and kind = 'exec'", &|e| {
        pid(e) > 2_030 && e.kind() == Kind::Exec
    });
    check("seq <= 3 or seq = 1650", &|e| e.seq <= 3 || e.seq == 1_650);
    check("result < -1", &|e| e.result < -1);
    check("user is null", &|e| e.process.user.is_none());
    check("exe = null", &|_| false);
    for (column, wanted) in [
        ("addr", "10.1.5.9"),
        ("path", "/var/lib/app/6.db"),
        ("to", "/var/log/old"),
    ] {
        let has = |event: &Event| text(event, column).as_deref() == Some(wanted);
        assert_ne!(count(has), "0", "{column}");
        check(&format!("\"{column}\" = '{wanted}'"), &has);
    }
}

#[test]
fn times_can_be_compared_in_every_form() {
    let history = History::new();
    // Event 1,200 happened 12 seconds after midnight.
    for time in [
        "'2026-03-01T00:00:12Z'",
        "'2026-03-01 00:00:12'",
        "'2026-03-01T01:00:12+01:00'",
        "datetime('2026-03-01', '+12 seconds')",
        "unixepoch('2026-03-01 00:00:12')",
        "1772323212",
    ] {
        history.check(
            &format!("select min(seq) from events where time >= {time}"),
            &["1200".to_owned()],
        );
    }
    history.check(
        "select count(*) from events where time > datetime('now', '-2 hours')",
        &["0".to_owned()],
    );
    history.check(
        "select time from events where seq = 1",
        &["2026-03-01T00:00:00.010000000Z".to_owned()],
    );
    history.check(
        "select strftime('%H:%M', time) from events where seq = 1",
        &["00:00".to_owned()],
    );
    let sql = "select min(seq), max(seq) from events";
    let cut = [
        "--since",
        "2026-03-01T00:00:12Z",
        "--until",
        "2026-03-01T00:00:13",
    ];
    let csv = history.ok(&[&cut[..], &["--format", "csv", sql]].concat());
    assert_eq!(csv, "min(seq),max(seq)\r\n1200,1299\r\n");
    let csv = history.ok(&[
        "--format",
        "csv",
        "--since",
        "2h",
        "select count(*) as n from events",
    ]);
    assert!(["n\r\n0\r\n", "n\r\n1650\r\n"].contains(&&*csv), "{csv}");
}

#[test]
fn groups_come_out_the_same_however_they_are_made() {
    let history = History::new();
    for (quick, plain) in [
        (
            "select exe, count(*) from events group by exe",
            "select +exe, count(*) from events group by +exe",
        ),
        (
            "select kind, uid, count(*) from events group by 1, 2",
            "select kind, uid, count(*) from events group by +kind, +uid",
        ),
        (
            "select distinct user from events order by 1",
            "select +user from events group by +user order by 1",
        ),
        (
            "select count(distinct exec_id) from events",
            "select count(*) from (select 1 from events group by +exec_id)",
        ),
        (
            "select path, count(*) from files group by 1",
            "select +path, count(*) from files group by +path",
        ),
    ] {
        let rows = |sql: &str| {
            let csv = history.ok(&["--format", "csv", sql]);
            let mut rows: Vec<String> = csv.lines().skip(1).map(String::from).collect();
            rows.sort();
            rows
        };
        assert_eq!(rows(quick), rows(plain), "{quick}");
    }
}

#[test]
fn tables_can_be_joined_and_lists_taken_apart() {
    let history = History::new();
    let sql = "select count(*) from execs e join connections c on c.exec_id = e.exec_id \
               where c.seq < 900";
    let events = events(1, EVENTS);
    let pairs = events.iter().filter(|e| e.kind() == Kind::Exec).map(|e| {
        let is_pair = |c: &&Event| {
            c.seq < 900
                && [Kind::Connect, Kind::Accept].contains(&c.kind())
                && c.process.exec_id == e.process.exec_id
        };
        events.iter().filter(is_pair).count()
    });
    history.check(sql, &[pairs.sum::<usize>().to_string()]);
    history.check(
        "select argv ->> 1 from alerts where seq = 2",
        &["-x".to_owned()],
    );
    let sql = "select value ->> 'id' from alerts, json_each(techniques) where alerts.seq = 2";
    history.check(sql, &["T1620".to_owned(), "T1685.006".to_owned()]);
    let json = history.ok(&[
        "--json",
        "select argv, tty, cap_effective from execs where seq = 1",
    ]);
    let expected = "{\"argv\":[\"tool1\",\"-x\",\"\u{e9}\\uefff b\"],\"tty\":true,\
                    \"cap_effective\":9223372036854775807}\n";
    assert_eq!(json, expected);
    let all = history.ok(&["--json", "select * from events where seq in (1, 1640)"]);
    for line in all.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(row.as_object().expect("an object").len(), COLUMNS.len());
        assert!(row["until"].is_null() && row["exe"].is_string(), "{line}");
    }
}

#[test]
fn damage_hides_no_other_file() {
    let history = History::new();
    let day = history.folder.path().join("events/date=2026-03-01");
    fs::write(
        day.join("00000000000000000000-00000000000000000000.parquet"),
        "no Parquet",
    )
    .expect("it is ours");
    let ran = history.query(&["--format", "csv", "select count(*) from events"]);
    assert_eq!(ran.stdout, format!("count(*)\r\n{EVENTS}\r\n"));
    assert!(
        ran.stderr.starts_with("sentinelctl: left out: "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains(" is damaged: "), "{}", ran.stderr);
}

#[test]
fn tables_are_described() {
    let history = History::new();
    let text = history.ok(&["--tables"]);
    for table in ["events:", "alerts:", "execs:", "connections:", "files:"] {
        assert!(text.contains(table), "{table}");
    }
    for column in COLUMNS {
        assert!(text.contains(column.doc), "{}", column.name);
    }
}
