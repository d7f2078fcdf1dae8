use std::sync::Arc;

use sentinel_event::{Kind, Lost, Severity};

use super::*;
use crate::testing;

/// Finds every exec; breaks at the exec of `/panic`.
struct EveryExec;

impl Detection for EveryExec {
    fn kinds(&self) -> KindSet {
        KindSet::of(&[Kind::Exec])
    }

    fn observe(&mut self, event: &Event, findings: &mut Findings) {
        assert_ne!(&*event.process.exe, "/panic", "found /panic");
        findings.push(Finding {
            variant: "exec",
            subject: "".into(),
            severity: Severity::Medium,
            confidence: 80,
            summary: format!("{} ran", event.process.exe),
            reason: "every exec".to_owned(),
            techniques: vec![crate::techniques::UNIX_SHELL].into(),
            earlier: Vec::new(),
            shows: "exec".to_owned(),
        });
    }
}

const REGISTRATIONS: &[Registration] = &[
    Registration {
        name: "every_exec",
        doc: "test",
        start: |_| Start::Running(Box::new(EveryExec)),
    },
    Registration {
        name: "off",
        doc: "test",
        start: |_| Start::Off,
    },
    Registration {
        name: "failing",
        doc: "test",
        start: |_| Start::Failed("no threshold".to_owned()),
    },
];

fn engine() -> Engine {
    Engine::with(REGISTRATIONS, &Config::default())
}

fn alerts(engine: &mut Engine, event: &Event) -> Vec<Alert> {
    let mut out = Vec::new();
    engine.observe(event, &mut out);
    out
}

#[test]
fn each_detection_starts_in_its_own_state() {
    let engine = engine();
    let states: Vec<_> = engine.status().map(|s| s.state.clone()).collect();
    let failed = State::Failed("no threshold".to_owned());
    assert_eq!(states, [State::Running, State::Off, failed]);
}

#[test]
fn an_image_is_reported_once_and_repeats_are_counted() {
    let mut engine = engine();
    let event = testing::exec("/bin/a", 10, 0);
    let first = alerts(&mut engine, &event);
    assert_eq!(first.len(), 1);
    assert_eq!(&*first[0].summary, "/bin/a ran");
    assert_eq!(first[0].evidence.len(), 1);
    assert!(alerts(&mut engine, &event).is_empty());
    assert_eq!(
        alerts(&mut engine, &testing::exec("/bin/a", 11, 0)).len(),
        1
    );
    let counters = engine.status().next().unwrap().counters;
    assert_eq!((counters.alerts_total, counters.suppressed_total), (2, 1));
}

#[test]
fn the_same_events_give_the_same_ids() {
    let event = testing::exec("/bin/a", 10, 0);
    let one = alerts(&mut engine(), &event);
    let two = alerts(&mut engine(), &event);
    assert_eq!(one, two);
    assert_eq!(one[0].id.len(), 16);
}

#[test]
fn a_detection_that_breaks_is_switched_off_and_says_why() {
    let mut engine = engine();
    assert!(alerts(&mut engine, &testing::exec("/panic", 10, 0)).is_empty());
    assert!(alerts(&mut engine, &testing::exec("/bin/a", 11, 1)).is_empty());
    let status = engine.status().next().unwrap();
    let State::Failed(reason) = status.state else {
        panic!("{:?}", status.state);
    };
    assert!(reason.contains("found /panic"), "{reason}");
}

#[test]
fn loss_lowers_confidence_and_is_told() {
    let mut engine = engine();
    let lost = testing::event(
        Arc::new(testing::process("/bin/x", 2)),
        0,
        Detail::Lost(Lost {
            ring: None,
            kind: Some(Kind::Exec),
            count: 7,
            until_ns: 1_000,
        }),
    );
    assert!(alerts(&mut engine, &lost).is_empty());
    let near = alerts(&mut engine, &testing::exec("/bin/a", 10, 2_000));
    assert_eq!((near[0].confidence, near[0].lost_nearby), (72, 7));
    let far = alerts(&mut engine, &testing::exec("/bin/a", 11, 61_000_000_000));
    assert_eq!((far[0].confidence, far[0].lost_nearby), (80, 0));
}

#[test]
fn findings_below_the_configured_severity_are_counted() {
    let config = Config {
        min_severity: SeverityName(Severity::High),
        ..Config::default()
    };
    let mut engine = Engine::with(REGISTRATIONS, &config);
    assert!(alerts(&mut engine, &testing::exec("/bin/a", 10, 0)).is_empty());
    assert_eq!(engine.status().next().unwrap().counters.suppressed_total, 1);
}

#[test]
fn what_is_held_back_is_told_once_the_tree_is_quiet() {
    const SECOND: i64 = 1_000_000_000;
    let config = Config {
        grouping: crate::GroupingConfig {
            burst: 2,
            ..Default::default()
        },
        ..Config::default()
    };
    let root = Arc::new(testing::process("/bin/root", 2));
    let child = |pid: u32, time_ns| {
        let mut event = testing::exec("/bin/a", pid, time_ns);
        let parent = Some(Arc::clone(&root));
        event.process = Arc::new(sentinel_event::Process {
            parent,
            ..testing::process("/bin/a", pid)
        });
        event
    };
    let storm = |engine: &mut Engine| -> usize {
        let raised = (10..20).map(|pid| alerts(engine, &child(pid, 0)).len());
        raised.sum()
    };
    let mut engine = Engine::with(REGISTRATIONS, &config);
    assert_eq!(storm(&mut engine), 2);
    let counted = engine.take_counted();
    assert_eq!(counted.len(), 8);
    assert_eq!((counted[7].process.pid, counted[7].count), (19, 10));
    // Events of no interest to any detection make time pass, too.
    let exit = |time_ns| testing::event(Arc::clone(&root), time_ns, Detail::Process);
    assert_eq!(alerts(&mut engine, &exit(59 * SECOND)), []);
    let told = alerts(&mut engine, &exit(60 * SECOND));
    assert_eq!(told.len(), 1);
    let said = "8 more findings like earlier ones of this incident, the last: /bin/a ran";
    assert_eq!(&*told[0].summary, said);
    assert_eq!((told[0].count, told[0].process.pid), (10, 19));
    assert_eq!(told[0].evidence.len(), 8);
    assert_eq!(alerts(&mut engine, &exit(900 * SECOND)), []);
    // An alert that comes after all says it itself, and at the end nothing is left untold.
    let mut engine = Engine::with(REGISTRATIONS, &config);
    assert_eq!(storm(&mut engine), 2);
    let late = alerts(&mut engine, &child(40, 31 * SECOND));
    assert!(
        late[0].reason.contains("8 more like it"),
        "{}",
        late[0].reason
    );
    assert_eq!(alerts(&mut engine, &exit(900 * SECOND)), []);
    let mut engine = Engine::with(REGISTRATIONS, &config);
    storm(&mut engine);
    let mut rest = Vec::new();
    engine.close(&mut rest);
    assert_eq!(rest.len(), 1);
}

/// Allows what pids below a limit do; counts what it is told is new.
struct Below(u32, std::sync::atomic::AtomicU64);

impl Allowance for Below {
    fn allows(&self, detection: &str, event: &Event, is_new: bool) -> bool {
        assert_eq!(detection, "every_exec");
        let is_allowed = event.process.pid < self.0;
        if is_allowed && is_new {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        is_allowed
    }
}

#[test]
fn what_is_allowed_spends_nothing_of_what_a_tree_may_raise() {
    let config = Config {
        grouping: crate::GroupingConfig {
            burst: 2,
            ..Default::default()
        },
        ..Config::default()
    };
    let root = Arc::new(testing::process("/bin/root", 2));
    let child = |pid: u32| {
        let mut event = testing::exec("/bin/a", pid, 0);
        let parent = Some(Arc::clone(&root));
        event.process = Arc::new(sentinel_event::Process {
            parent,
            ..testing::process("/bin/a", pid)
        });
        event
    };
    let allowance = Arc::new(Below(100, Default::default()));
    let mut engine = Engine::with(REGISTRATIONS, &config);
    engine.allow(allowance.clone());
    for pid in (10..60).chain(10..60) {
        assert_eq!(alerts(&mut engine, &child(pid)), []);
    }
    let counted = allowance.1.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(counted, 50, "each is counted once, repeats are not");
    assert_eq!(engine.take_counted(), [], "nothing was held back");
    let raised: Vec<Alert> = (100..104)
        .flat_map(|pid| alerts(&mut engine, &child(pid)))
        .collect();
    let counts: Vec<u64> = raised.iter().map(|alert| alert.count).collect();
    assert_eq!(counts, [1, 2], "the whole budget was left, and no more");
    // What was held back and is allowed meanwhile is not told at the end.
    let mut rest = Vec::new();
    engine.allow(Arc::new(Below(104, Default::default())));
    engine.close(&mut rest);
    assert_eq!(rest, []);
}
