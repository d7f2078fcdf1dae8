use super::*;
use crate::read_all;

#[test]
fn pids_are_used_again_where_nobody_tells_of_exits() {
    let exec = |time: &str, ppid: &str, exe: &str| {
        format!(
            r#"{{"time": "2026-03-01T{time}Z", "kind": "exec", "pid": 9, {ppid} "exe": "{exe}", "argv": []}}"#
        )
    };
    // Told parent, and whether the second exec is still that of the first process.
    let (five, six) = (r#""ppid": 5,"#, r#""ppid": 6,"#);
    for (time, first, second, same) in [
        ("10:00:30", five, five, true),
        ("19:00:00", five, five, true),
        ("10:00:30", five, six, true),
        ("10:02:00", five, six, false),
        ("10:30:00", "", "", true),
        ("12:00:00", "", "", false),
    ] {
        let lines = [exec("10:00:00", first, "/a"), exec(time, second, "/b")];
        let (events, _) = read_all(lines.join("\n").as_bytes()).unwrap();
        let process = &events[1].process;
        let case = format!("{time} {first} {second}");
        assert_eq!(
            process.start_ns == events[0].process.start_ns,
            same,
            "{case}"
        );
        let parent = process.parent.as_ref().map(|parent| parent.pid);
        match same {
            true => assert_eq!(parent.is_some(), !first.is_empty(), "{case}"),
            false => assert_eq!(parent, (!second.is_empty()).then_some(6), "{case}"),
        }
    }
}

#[test]
fn processes_that_never_end_cost_bounded_memory() {
    let mut table = Table::new("");
    // One parent of all, which is named again and again and therefore kept.
    let actor = Actor {
        ppid: Some(1),
        ..Actor::default()
    };
    let mut last = None;
    for n in 0..2 * LIVING_MAX as u32 {
        let (_, known) = table.exec(n + 2, i64::from(n), &actor, &Image::default());
        last = known.process.parent.clone();
        assert!(table.living.len() <= LIVING_MAX, "{n}");
    }
    assert_eq!(
        last.unwrap().start_ns,
        0,
        "the first one made up is still known"
    );
    assert!(!table.living.contains_key(&2), "the oldest is forgotten");
    assert!(table.living.contains_key(&(2 * LIVING_MAX as u32)));
}
