//! Whether what the daemon said is what it should say of an attack.

use std::time::{Duration, SystemTime};

use sentinel_api::v1::{Alert, CountedFinding};
use sentinel_event::{Kind, Severity};
use sentinel_simulate::{Expected, Failure, Outcome};

use super::Run;
use super::watch::Seen;

/// By how much the daemon's clock, which counts from the boot, may differ from ours.
const CLOCK_SLACK: Duration = Duration::from_millis(100);

/// What became of one attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was seen as what it is.
    Caught {
        /// The id of the alert; `None` where an event is all that is expected.
        alert: Option<String>,
        /// The severity of the alert.
        severity: Option<String>,
        /// From the system call to here.
        latency: Duration,
    },
    /// It was seen as what it is, and counted into an incident that had raised all the alerts
    /// that it may within a time.
    Grouped {
        /// The incident.
        incident: String,
        /// How many findings it had then.
        count: u64,
        /// From the system call to here.
        latency: Duration,
    },
    /// It happened, and the daemon did not say what it should.
    Missed {
        /// What it said instead.
        because: String,
    },
    /// This host cannot be attacked in this way.
    NotPossible {
        /// Why not.
        because: String,
    },
    /// The simulator went wrong.
    Failed {
        /// How.
        because: String,
    },
}

impl Verdict {
    /// Its name in JSON and in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Caught { .. } => "caught",
            Verdict::Grouped { .. } => "grouped",
            Verdict::Missed { .. } => "missed",
            Verdict::NotPossible { .. } => "not_possible",
            Verdict::Failed { .. } => "failed",
        }
    }
}

/// Judges one attack by what the daemon has said so far.
pub fn judge(run: &Run, seen: &Seen) -> Verdict {
    match &run.report.outcome {
        Outcome::Not(Failure::NotPossible(because)) => Verdict::NotPossible {
            because: because.clone(),
        },
        Outcome::Not(Failure::Broken(because)) => Verdict::Failed {
            because: because.clone(),
        },
        Outcome::Ran { .. } => {
            let verdict = match run.report.variant.expected {
                Expected::Alert(detection, severity) => by_alert(run, seen, detection, severity),
                Expected::Event(kind) => by_event(run, seen, kind),
            };
            match (verdict, hidden(run, seen)) {
                (Verdict::Missed { .. }, Some(because)) => Verdict::NotPossible { because },
                (verdict, _) => verdict,
            }
        }
    }
}

/// Why nothing that runs on this kernel could have seen the attack, in the daemon's own
/// account of its hooks; `None` when something could.
fn hidden(run: &Run, seen: &Seen) -> Option<String> {
    let (observation, way) = run.report.variant.hidden?;
    let mut hooks = seen
        .hooks
        .iter()
        .filter(|hook| hook.observation == observation);
    let is_blind = hooks.all(|hook| hook.blind_to.contains(way));
    is_blind.then(|| format!("no hook for {observation} sees {way} on this kernel"))
}

fn by_alert(run: &Run, seen: &Seen, detection: &str, severity: Severity) -> Verdict {
    let own: Vec<_> = seen
        .alerts
        .iter()
        .filter(|(_, alert)| belongs(alert, run))
        .collect();
    let grave = |alert: &Alert| Severity::from_name(&alert.severity) >= Some(severity);
    let wanted = own
        .iter()
        .filter(|(_, alert)| alert.detection == detection && grave(alert));
    // Of many, the first to arrive is what an operator would have acted upon.
    let first = wanted.min_by_key(|(received, _)| *received);
    if let Some((received, alert)) = first {
        return Verdict::Caught {
            alert: Some(alert.id.clone()),
            severity: Some(alert.severity.clone()),
            latency: latency(alert.time, *received),
        };
    }
    let mut counted = seen.counted.iter().filter(|(_, finding)| {
        finding.detection == detection
            && Severity::from_name(&finding.severity) >= Some(severity)
            && is_counted_of(finding, run)
    });
    if let Some((received, finding)) = counted.next() {
        return Verdict::Grouped {
            incident: finding.incident.clone(),
            count: finding.count,
            latency: latency(finding.time, *received),
        };
    }
    let state = seen.detections.get(detection).map(String::as_str);
    let because = match (&own[..], state) {
        (_, None) => format!("the daemon does not know {detection}"),
        (_, Some(state)) if state != "running" => format!("{detection} is {state}"),
        ([], _) => format!("no alert; {detection} of {severity} or worse is expected"),
        (own, _) => {
            let said: Vec<String> = own
                .iter()
                .map(|(_, alert)| format!("{} {}", alert.severity, alert.detection))
                .collect();
            format!(
                "only {}; {detection} of {severity} or worse is expected",
                said.join(", ")
            )
        }
    };
    Verdict::Missed { because }
}

fn by_event(run: &Run, seen: &Seen, kind: Kind) -> Verdict {
    let first = seen.events.iter().find(|(_, event)| {
        event.kind == kind.name()
            && run.report.pid.map(u64::from) == Some(event.pid)
            && is_during(event.time, run)
    });
    match first {
        Some((received, event)) => Verdict::Caught {
            alert: None,
            severity: None,
            latency: latency(event.time, *received),
        },
        None => Verdict::Missed {
            because: format!("no event; {kind} is expected"),
        },
    }
}

/// Whether the alert is about the attack's process or one that descends from it, in the
/// time of the attack: process ids come back, processes do not.
fn belongs(alert: &Alert, run: &Run) -> bool {
    let Some(pid) = run.report.pid else {
        return false;
    };
    let is_own = alert.pid == pid || alert.ancestors.iter().any(|ancestor| ancestor.pid == pid);
    is_own && is_during(alert.time, run)
}

fn is_counted_of(finding: &CountedFinding, run: &Run) -> bool {
    run.report.pid.is_some_and(|pid| {
        let is_own = finding.pid == pid || finding.ancestors.contains(&pid);
        is_own && is_during(finding.time, run)
    })
}

fn is_during(time: Option<prost_types::Timestamp>, run: &Run) -> bool {
    time.and_then(|time| SystemTime::try_from(time).ok())
        .is_some_and(|time| {
            time + CLOCK_SLACK >= run.report.started && time <= run.ended + CLOCK_SLACK
        })
}

fn latency(time: Option<prost_types::Timestamp>, received: SystemTime) -> Duration {
    time.and_then(|time| SystemTime::try_from(time).ok())
        .and_then(|time| received.duration_since(time).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentinel_api::v1::{Ancestor, Event, Hook};
    use sentinel_simulate::{Report, variant};

    /// The attack of process 7, from second 100 to second 101.
    fn run(name: &str) -> Run {
        Run {
            report: Report {
                variant: variant(name).expect("it exists"),
                started: at(100_000),
                pid: Some(7),
                outcome: Outcome::Ran {
                    proof: String::new(),
                    exe: "/x".into(),
                    argv: Vec::new(),
                    exit_code: 0,
                },
            },
            ended: at(101_000),
        }
    }

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn alert(pid: u32, parent: u32, severity: &str, ms: u64) -> Alert {
        Alert {
            id: "0123456789abcdef".to_owned(),
            detection: "fileless_execution".to_owned(),
            severity: severity.to_owned(),
            pid,
            ancestors: vec![Ancestor {
                pid: parent,
                ..Ancestor::default()
            }],
            time: Some(at(ms).into()),
            ..Alert::default()
        }
    }

    fn seen(alerts: Vec<Alert>) -> Seen {
        Seen {
            alerts: alerts
                .into_iter()
                .map(|alert| (at(100_520), alert))
                .collect(),
            detections: [("fileless_execution".to_owned(), "running".to_owned())].into(),
            ..Seen::default()
        }
    }

    fn check(alerts: Vec<Alert>, expected: Result<u64, &str>) {
        let shown = format!("{alerts:?}");
        let actual = match judge(&run("fileless/memfd"), &seen(alerts)) {
            Verdict::Caught { latency, .. } => Ok(latency.as_millis()),
            Verdict::Missed { because } => Err(because),
            other => panic!("{other:?}"),
        };
        let expected = expected.map(u128::from).map_err(str::to_owned);
        assert_eq!(actual, expected, "{shown}");
    }

    #[test]
    fn an_alert_counts_when_it_is_of_the_attack() {
        check(vec![alert(7, 1, "critical", 100_500)], Ok(20));
        check(vec![alert(9, 7, "high", 100_510)], Ok(10));
        let none = "no alert; fileless_execution of high or worse is expected";
        check(vec![], Err(none));
        check(vec![alert(9, 1, "critical", 100_500)], Err(none));
        // The same process id an hour before.
        check(vec![alert(7, 1, "critical", 50_000)], Err(none));
        check(
            vec![alert(7, 1, "low", 100_500)],
            Err("only low fileless_execution; fileless_execution of high or worse is expected"),
        );
    }

    #[test]
    fn what_was_only_counted_is_grouped() {
        let finding = |pid, severity: &str| CountedFinding {
            detection: "fileless_execution".to_owned(),
            severity: severity.to_owned(),
            time: Some(at(100_500).into()),
            pid,
            ancestors: vec![1],
            incident: "feed".to_owned(),
            count: 21,
        };
        let of = |finding: CountedFinding| {
            let seen = Seen {
                counted: vec![(at(100_520), finding)],
                ..seen(vec![])
            };
            judge(&run("fileless/memfd"), &seen)
        };
        let expected = Verdict::Grouped {
            incident: "feed".to_owned(),
            count: 21,
            latency: Duration::from_millis(20),
        };
        assert_eq!(of(finding(7, "critical")), expected);
        assert!(matches!(of(finding(7, "low")), Verdict::Missed { .. }));
        assert!(matches!(of(finding(8, "critical")), Verdict::Missed { .. }));
    }

    #[test]
    fn a_detection_that_is_off_is_named() {
        let mut seen = seen(vec![]);
        seen.detections = [("fileless_execution".to_owned(), "off".to_owned())].into();
        let because = "fileless_execution is off".to_owned();
        let verdict = judge(&run("fileless/memfd"), &seen);
        assert_eq!(verdict, Verdict::Missed { because });
    }

    #[test]
    fn what_no_hook_sees_is_not_possible_and_what_one_sees_is_missed() {
        let hook = |blind_to: &str| Hook {
            observation: "open".to_owned(),
            state: "running".to_owned(),
            blind_to: blind_to.to_owned(),
            ..Hook::default()
        };
        let of = |hooks: Vec<Hook>| {
            let seen = Seen {
                hooks,
                ..seen(vec![])
            };
            judge(&run("persistence/cron-io-uring"), &seen)
        };
        assert!(matches!(
            of(vec![hook("io_uring")]),
            Verdict::NotPossible { .. }
        ));
        assert!(matches!(
            of(vec![hook("io_uring"), hook("")]),
            Verdict::Missed { .. }
        ));
    }

    #[test]
    fn an_event_counts_when_it_is_of_its_kind() {
        let of = |kind: &str, pid| {
            let event = Event {
                kind: kind.to_owned(),
                pid,
                time: Some(at(100_500).into()),
                ..Event::default()
            };
            let seen = Seen {
                events: vec![(at(100_505), event)],
                ..Seen::default()
            };
            judge(&run("reflective/mprotect"), &seen)
        };
        assert!(matches!(of("mprotect", 7), Verdict::Caught { .. }));
        assert!(matches!(of("exec", 7), Verdict::Missed { .. }));
        assert!(matches!(of("mprotect", 8), Verdict::Missed { .. }));
    }
}
