use super::*;
use crate::render::testing::{PLAIN, check_golden};
use sentinel_simulate::variant;

fn row(name: &str, verdict: Verdict) -> Row {
    Row {
        variant: variant(name).expect("it exists"),
        verdict,
    }
}

fn caught(ms: u64) -> Verdict {
    Verdict::Caught {
        alert: Some("0123456789abcdef".to_owned()),
        severity: Some("high".to_owned()),
        latency: Duration::from_millis(ms),
    }
}

fn coverage(opens: Option<Opens>) -> Coverage {
    let because = "no alert\x1b[2J".to_owned();
    let rows = vec![
        row("fileless/memfd", caught(4)),
        row("fileless/dev-shm", caught(60)),
        row("fileless/loader-memfd", Verdict::Missed { because }),
        row(
            "fileless/unlinked",
            Verdict::Grouped {
                incident: "fedcba9876543210".to_owned(),
                count: 21,
                latency: Duration::from_millis(5),
            },
        ),
        row(
            "reverse-shell/tcp4-i386",
            Verdict::NotPossible {
                because: "this kernel runs no 32-bit programs".to_owned(),
            },
        ),
        row(
            "persistence/cron",
            Verdict::Failed {
                because: "open: File exists".to_owned(),
            },
        ),
    ];
    Coverage::new(rows, Duration::from_millis(50), opens, 0)
}

#[test]
fn every_verdict_has_its_line() {
    let opens = Some(Opens {
        count: 1_000_000,
        took: Duration::from_secs(4),
    });
    let both = text(&coverage(None), &PLAIN) + &text(&coverage(opens), &PLAIN);
    check_golden("coverage", &both);
}

#[test]
fn every_verdict_has_its_json() {
    let json = serde_json::to_string_pretty(&coverage(None).json()).expect("JSON");
    check_golden("coverage-json", &(json + "\n"));
}

#[test]
fn only_what_is_caught_whole_succeeds() {
    let code = |verdicts: Vec<Verdict>| {
        let rows = verdicts.into_iter().map(|v| row("fileless/memfd", v));
        Coverage::new(rows.collect(), Duration::ZERO, None, 0).exit_code()
    };
    let because = String::new;
    let not_possible = || Verdict::NotPossible { because: because() };
    assert_eq!(code(vec![caught(1), not_possible()]), 0);
    assert_eq!(code(vec![not_possible()]), 1);
    assert_eq!(
        code(vec![caught(1), Verdict::Missed { because: because() }]),
        1
    );
    assert_eq!(
        code(vec![caught(1), Verdict::Failed { because: because() }]),
        1
    );
}

#[test]
fn percentiles_are_measured_values() {
    let rows = (1..=200)
        .map(|ms| row("fileless/memfd", caught(ms)))
        .collect();
    let latency = Coverage::new(rows, Duration::from_millis(50), None, 0)
        .latency()
        .expect("there are samples");
    assert_eq!(
        (latency.p50_ms, latency.p99_ms, latency.max_ms),
        (100.0, 198.0, 200.0)
    );
    assert!(!latency.goal_met);
    assert!(
        Coverage::new(vec![], Duration::ZERO, None, 7)
            .latency()
            .is_none()
    );
}
