//! Golden screens of a sensor in good and in bad health.

use super::{screen, summary};
use crate::render::Look;
use crate::render::testing::{PLAIN, check_golden, time};
use sentinel_api::v1::{
    Detection, Hook, KindCount, Learning, Mode, ModeState, Network, ProcessTable, Queue, Ring,
    Rings, RuleCounts, SeverityCount, StatusResponse, Store,
};

fn hook(observation: &str, state: &str, reason: &str, blind_to: &str) -> Hook {
    Hook {
        observation: observation.into(),
        program: format!("handle_{observation}"),
        attach_point: format!("tp_btf/sched_process_{observation}"),
        tier: "tracepoint".into(),
        state: state.into(),
        reason: reason.into(),
        blind_to: blind_to.into(),
    }
}

fn kind(kind: &str, ring: &str, seen: u64, lost: u64) -> KindCount {
    KindCount {
        kind: kind.into(),
        ring: ring.into(),
        seen,
        lost,
    }
}

fn queue(name: &str, depth: u64) -> Queue {
    Queue {
        name: name.into(),
        depth,
        capacity: 64,
        dropped_total: 0,
    }
}

fn healthy() -> StatusResponse {
    StatusResponse {
        version: "0.1.0".into(),
        host: "web1".into(),
        kernel: "6.1.0-18-amd64".into(),
        mode: Some(ModeState {
            mode: Mode::Learn.into(),
            since: time(-90_000, 0),
            ..ModeState::default()
        }),
        learning: Some(Learning {
            share: 0.43,
            watched_seconds: 260_000,
            missed_seconds: 5_400,
            missing: vec![
                "3.0 of 7 days watched".into(),
                "4,100 of 5,000 program starts seen".into(),
            ],
            remaining_seconds: 345_600,
            generation: 2,
            fitted: time(0, 0),
            programs: 120,
            previews_total: 4,
            judged: 90_000,
            tail: 81,
            verdict: "the first models are in use".into(),
            networks: vec![
                Network {
                    name: "recurrent network".into(),
                    trained: time(0, 0),
                    outcome: "the recurrent network is in use: AUROC 0.941".into(),
                },
                Network {
                    name: "autoencoder of connections".into(),
                    ..Network::default()
                },
            ],
            ..Learning::default()
        }),
        started: time(0, 0),
        uptime_seconds: 11_520,
        rules: Some(RuleCounts {
            running: 51,
            unsupported: 2,
            hits_total: 7,
        }),
        allowed_total: 4,
        hooks: vec![
            hook("exec", "running", "", ""),
            hook("exit", "running", "", ""),
        ],
        rings: Some(Rings {
            priority: Some(Ring {
                sent: 60,
                received: 60,
                size_bytes: 8 << 20,
                ..Ring::default()
            }),
            bulk: Some(Ring {
                sent: 1_000_000,
                received: 400_000,
                aggregated: 600_000,
                size_bytes: 16 << 20,
                used_bytes: 4096,
                ..Ring::default()
            }),
        }),
        kinds: vec![kind("process", "", 210, 0), kind("exec", "priority", 60, 0)],
        queues: vec![queue("pipeline", 0), queue("store", 3)],
        store: Some(Store {
            path: "/var/lib/sentinel".into(),
            size_bytes: 13_000_000,
            partitions: 32,
            written_total: 400_060,
            ..Store::default()
        }),
        alerts: [
            ("info", 0),
            ("low", 2),
            ("medium", 0),
            ("high", 1),
            ("critical", 0),
        ]
        .map(|(severity, count)| SeverityCount {
            severity: severity.into(),
            count,
        })
        .into(),
        processes: Some(ProcessTable {
            size: 213,
            capacity: 65_536,
            ..ProcessTable::default()
        }),
        detections: vec![Detection {
            name: "fileless_execution".into(),
            state: "running".into(),
            alerts_total: 3,
            ..Detection::default()
        }],
        ..StatusResponse::default()
    }
}

fn troubled() -> StatusResponse {
    let mut status = healthy();
    status.problems = vec![
        "the hook for exit could not be attached".into(),
        "17 events were lost in the last minute \x1b[2J".into(),
    ];
    status.hooks[1] = hook("exit", "failed", "no BTF in this kernel", "");
    status
        .hooks
        .push(hook("open", "running", "", "opens by io_uring"));
    status.kinds[1].lost = 17;
    status
        .rings
        .as_mut()
        .and_then(|rings| rings.priority.as_mut())
        .expect("set above")
        .lost = 17;
    status.queues[1] = Queue {
        depth: 64,
        dropped_total: 5,
        ..queue("store", 0)
    };
    status.undecodable_total = 1;
    status.detections[0].state = "off".into();
    status.detections[0].reason = "switched off in the configuration".into();
    status.store.as_mut().expect("set above").problem = "no space left on device".into();
    status
}

#[test]
fn a_healthy_sensor() {
    check_golden("status-healthy", &screen(&healthy(), &PLAIN));
}

#[test]
fn a_troubled_sensor() {
    check_golden("status-troubled", &screen(&troubled(), &PLAIN));
}

#[test]
fn a_wide_terminal_puts_tables_side_by_side() {
    let look = Look {
        width: Some(140),
        ..PLAIN
    };
    check_golden("status-wide", &screen(&troubled(), &look));
}

#[test]
fn a_narrow_terminal_puts_remarks_below_their_rows() {
    let look = Look {
        width: Some(80),
        ..PLAIN
    };
    check_golden("status-narrow", &screen(&troubled(), &look));
}

#[test]
fn an_answer_without_anything_is_shown_without_a_panic() {
    check_golden("status-empty", &screen(&StatusResponse::default(), &PLAIN));
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = screen(
        &troubled(),
        &Look {
            colour: true,
            ..PLAIN
        },
    );
    let plain: String = coloured
        .split('\x1b')
        .enumerate()
        .map(|(i, part)| {
            if i == 0 {
                part
            } else {
                part.split_once('m').map_or("", |p| p.1)
            }
        })
        .collect();
    assert_ne!(coloured, plain);
    assert_eq!(plain, screen(&troubled(), &PLAIN));
}

#[test]
fn the_summary_fits_on_a_screen_in_good_and_in_bad_health() {
    for (name, status) in [("healthy", healthy()), ("troubled", troubled())] {
        let text = summary(&status, &PLAIN);
        assert!(text.lines().count() <= 24, "{text}");
        check_golden(&format!("status-{name}-summary"), &text);
    }
    assert!(!summary(&StatusResponse::default(), &PLAIN).is_empty());
}
