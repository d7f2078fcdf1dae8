use std::fmt::Write;

use sentinel_event::{Detail, Event};
use sentinel_model::random::SplitMix64;

use super::*;
use crate::baseline::Baseline;
use crate::testing::lines;

const DAY_S: u64 = 86_400;

/// A line of a time in March 2026, in seconds since the first of it.
fn line(out: &mut String, second: u64, rest: &str) {
    let (day, hour, minute) = (second / DAY_S + 1, second / 3_600 % 24, second / 60 % 60);
    let _ = writeln!(
        out,
        r#"{{"time":"2026-03-{day:02}T{hour:02}:{minute:02}:{:02}Z",{rest}}}"#,
        second % 60
    );
}

/// Texts of JSON, in which escapes stand already.
fn quoted(texts: &[&str]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    texts.join(",")
}

/// Programs and connections of all sorts, the odd ones too.
fn anything(seed: u64, count: usize) -> String {
    let mut random = SplitMix64::stream(seed, 1);
    let exes = [
        "/usr/bin/ls",
        "/usr/bin/python3.11",
        "/usr/bin/dash",
        "/tmp/.x/é\u{202e}",
        "/a",
        "/memfd:z",
        "/home/ann/bin/run42",
    ];
    let long = "A+/=".repeat(5_000);
    let arguments = [
        "",
        "-c",
        r"é\u0000\n",
        "--password=x",
        &long,
        "/srv/run12.py",
    ];
    let addresses = [
        "127.0.0.1",
        "10.1.2.3",
        "203.0.113.9",
        "::1",
        "2001:db8::7",
        "224.0.0.1",
    ];
    let (mut text, mut second) = (String::new(), 0);
    for n in 0..count {
        // Many at once, and now and then nothing for half a day.
        second += [0, 0, 1, 7, 60, 600][random.below(6)];
        second += if n % 25 == 24 { 40_000 } else { 0 };
        let pid = 10 + random.below(40);
        let exe = exes[random.below(exes.len())];
        let argv: Vec<&str> = (0..random.below(5))
            .map(|_| arguments[random.below(6)])
            .collect();
        let rest = match n % 4 {
            0 => format!(
                r#""kind":"connect","pid":{pid},"addr":"{}","port":{}"#,
                addresses[random.below(6)],
                [0, 53, 443, 40_000, 65_535][random.below(5)]
            ),
            _ => format!(
                r#""kind":"exec","pid":{pid},"ppid":{},"exe":{},"argv":[{}],"uid":{},"euid":0,"auid":{},"unit":"x.service","tty":{}"#,
                10 + random.below(40),
                quoted(&[exe]),
                quoted(&argv),
                random.below(3) * 1_000,
                [1_000_u32, u32::MAX][random.below(2)],
                random.below(2) == 1
            ),
        };
        line(&mut text, second, &rest);
    }
    text
}

/// The row of each event, measured twice before it is learned.
fn rows(events: &[Event]) -> Vec<Row> {
    let (mut live, mut tables) = (Live::new(), Tables::new());
    let mut rows = Vec::new();
    for event in events {
        let at = tables.calendar.moment(event.time_ns, 3);
        tables.tick(&at);
        let process = &event.process;
        match &event.detail {
            Detail::Exec(_) => {
                let first = start(process, &mut live, &mut tables, &at);
                let again = start(process, &mut live, &mut tables, &at);
                assert_eq!(first.row, again.row, "measuring counts nothing");
                learn_start(&first, process, &mut live, &mut tables, &at, true);
                rows.push(first.row);
            }
            Detail::Connect(connection) => {
                let first = contact(process, connection, &mut live, &mut tables, &at);
                let again = contact(process, connection, &mut live, &mut tables, &at);
                assert_eq!(first.row, again.row, "measuring counts nothing");
                learn_contact(&first, process, &mut live, &mut tables, &at, true);
                rows.push(first.row);
            }
            _ => {}
        }
    }
    rows
}

#[test]
fn every_feature_stays_in_its_range_whatever_happens() {
    for seed in 0..8 {
        let rows = rows(&lines(&anything(seed, 600)));
        assert!(rows.len() > 500, "{}", rows.len());
        for (n, row) in rows.iter().enumerate() {
            for (value, feature) in row.iter().zip(FEATURES) {
                let (low, high) = feature.range;
                assert!(
                    (low..=high).contains(value),
                    "seed {seed}, event {n}: {} is {value}",
                    feature.name
                );
            }
        }
        // None is a constant that a range would not notice.
        for (at, feature) in FEATURES.iter().enumerate() {
            let varies = rows.iter().any(|row| row[at] != rows[0][at]);
            // Some need logins, servers, or parents that are known for long.
            let needs_more = [ORIGIN, SERVED, DEPTH, FANOUT].contains(&at);
            assert!(varies || needs_more, "{} never varies", feature.name);
        }
    }
}

#[test]
fn features_know_no_clock_but_that_of_events() {
    let mut events = lines(&anything(3, 400));
    let now = rows(&events);
    // The same four weeks later is the same time of the same days of the week.
    for event in &mut events {
        event.time_ns += 28 * DAY_NS;
    }
    assert_eq!(rows(&events), now);
}

#[test]
fn an_event_is_scored_before_it_counts() {
    let mut text = String::new();
    for n in 0..3 {
        let rest = r#""kind":"exec","pid":7,"ppid":1,"exe":"/usr/bin/new","argv":["new"]"#;
        line(&mut text, n * 60, rest);
    }
    let rows = rows(&lines(&text));
    assert_eq!(rows[0][EXE], 16.0, "one of 65,536 that were never seen");
    assert_eq!((rows[0][AGE], rows[0][GAP]), (0.0, 0.0));
    assert!(rows[1][AGE] > 0.0 && rows[2][AGE] > rows[1][AGE]);
    assert_ne!(rows[1][EXE], rows[0][EXE], "it counts for the next one");
}

#[test]
fn a_pause_in_which_nobody_watched_is_none() {
    // A job each minute, then for hours none: others ran, nobody watched, or events of others
    // were seen and some were lost.
    let gap_of = |others: bool, lost: bool| {
        let mut text = String::new();
        let run = |text: &mut String, second: u64, name: &str| {
            let rest = format!(
                r#""kind":"exec","pid":7,"ppid":1,"exe":"/usr/bin/{name}","argv":["{name}"]"#
            );
            line(text, second, &rest);
        };
        for minute in 0..200 {
            run(&mut text, minute * 60, "job");
        }
        for minute in (200..500).filter(|_| others) {
            run(&mut text, minute * 60, "other");
        }
        if lost {
            let rest = r#""kind":"lost","count":9,"until":"2026-03-01T08:19:30Z""#;
            line(&mut text, 499 * 60 + 1, rest);
        }
        run(&mut text, 500 * 60, "job");
        let mut baseline = Baseline::new(Default::default());
        let events = lines(&text);
        let mut found = Vec::new();
        events
            .iter()
            .for_each(|event| baseline.observe(event, &mut found));
        let last = events.last().expect("there are some");
        let image = baseline.live.images.get(&last.process.exec_id);
        image.expect("it runs").row[GAP]
    };
    assert!(gap_of(true, false) > 3.0, "it kept away while others ran");
    assert_eq!(gap_of(false, false), 0.0, "the host was not watched");
    assert_eq!(
        gap_of(true, true),
        0.0,
        "it may have been among what was lost"
    );
}
