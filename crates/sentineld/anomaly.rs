//! Anomalies in the form of alerts: the words, and the numbers behind them.

use std::borrow::Cow;
use std::sync::Arc;

use sentinel_baseline::{Anomaly, DETECTORS, Delivery, Standing, Unusual};
use sentinel_event::{Alert, Evidence, Process, Severity};
use serde_json::json;

/// The detection that anomalies are told under.
pub const DETECTION: &str = "anomaly";

/// What would have been alerted, had learning been over.
pub const PREVIEW: &str = "anomaly_preview";
/// What the budget of the day had no room for.
pub const DIGEST: &str = "anomaly_digest";

/// Whether it is kept and not sent.
pub fn is_silent(detection: &str) -> bool {
    matches!(detection, PREVIEW | DIGEST)
}

/// How sure an anomaly is, in percent, by how often a normal day has its like.
fn confidence(per_day: f64) -> u8 {
    (30.0 - 10.0 * per_day.max(1e-6).log10()).clamp(30.0, 90.0) as u8
}

/// The anomaly as an alert without a number.
pub fn alert(anomaly: &Anomaly) -> Alert {
    let id: Box<str> = format!("{:016x}", anomaly.id).into();
    Alert {
        seq: 0,
        time_ns: anomaly.time_ns,
        incident: id.clone(),
        count: anomaly.unusual.len().max(1) as u64,
        detection: match anomaly.delivery {
            Delivery::Alert => DETECTION,
            Delivery::Preview => PREVIEW,
            Delivery::Digest => DIGEST,
        }
        .into(),
        severity: anomaly.severity,
        confidence: confidence(anomaly.per_day()),
        summary: anomaly.summary().into(),
        reason: anomaly.reason().into(),
        techniques: Cow::Borrowed(&[]),
        process: anomaly.process.clone(),
        evidence: anomaly
            .unusual
            .iter()
            .map(|unusual| Evidence {
                seq: unusual.seq,
                time_ns: unusual.time_ns,
                text: evidence(unusual).into(),
            })
            .collect(),
        lost_nearby: 0,
        anomaly: lines(anomaly),
        suggestions: suggestions(anomaly, &id),
        id,
    }
}

/// What it did, how unlikely that is, and why.
fn evidence(unusual: &Unusual) -> String {
    let about = unusual.about();
    let colon = if about.is_empty() { "" } else { ": " };
    format!("{} (p {:.0e}){colon}{about}", unusual.what, unusual.p)
}

/// What to look at next, as commands that can be pasted: a path that a shell could read in
/// another way than as itself is in none.
fn suggestions(anomaly: &Anomaly, incident: &str) -> Vec<Box<str>> {
    let process = &*anomaly.process;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-:@".contains(c);
    let exe = &*process.exe;
    let known = exe.starts_with('/') && exe.chars().all(plain);
    let mut commands = vec![format!("sentinelctl tree {}", process.pid)];
    commands.extend(known.then(|| format!("sentinelctl baseline show --exe {exe}")));
    if anomaly.delivery == Delivery::Alert {
        let behaviour = anomaly.worst().behaviour();
        commands.push(format!("sentinelctl baseline approve {behaviour}"));
    }
    commands.push(format!("sentinelctl alerts --incident {incident}"));
    commands.into_iter().map(Into::into).collect()
}

/// A number that is at most one, with two digits that say something.
fn small(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        n if n >= 0.01 => format!("{n:.2}"),
        n => format!("{n:.1e}"),
    }
}

/// That no models were fitted for two days, once.
pub fn stalled(time_ns: i64, standing: &Standing, process: Arc<Process>) -> Alert {
    let days = (time_ns - standing.fitted_ns) / 86_400_000_000_000;
    let summary = format!(
        "no models were fitted for {days} days; what is new may go unnoticed or look unusual"
    );
    let reason = match standing.verdict.as_str() {
        "" => "the nightly fit has not happened".to_owned(),
        verdict => format!("the last night's answer was: {verdict}"),
    };
    about_learning(time_ns, standing.fitted_ns, summary, reason, process)
}

/// That no training of the networks succeeded for so many days, once.
pub fn untrained(time_ns: i64, days: i64, why: &str, process: Arc<Process>) -> Alert {
    let summary = format!(
        "no training of the networks has succeeded for {days} days; anomalies are judged without \
         what they would have learned since"
    );
    about_learning(time_ns, time_ns, summary, why.to_owned(), process)
}

fn about_learning(
    time_ns: i64,
    since_ns: i64,
    summary: String,
    reason: String,
    process: Arc<Process>,
) -> Alert {
    let id: Box<str> = format!("{since_ns:016x}").into();
    Alert {
        seq: 0,
        time_ns,
        incident: id.clone(),
        count: 1,
        detection: "learning_stalled".into(),
        severity: Severity::Medium,
        confidence: 100,
        summary: summary.into(),
        reason: reason.into(),
        techniques: Cow::Borrowed(&[]),
        process,
        evidence: Vec::new(),
        lost_nearby: 0,
        anomaly: Vec::new(),
        suggestions: vec![
            "sentinelctl baseline list".into(),
            "sentinelctl status".into(),
        ],
        id,
    }
}

/// The numbers behind it, one to a line.
fn lines(anomaly: &Anomaly) -> Vec<Box<str>> {
    let worst = anomaly.worst();
    let mut lines = vec![
        format!("per_day={}", small(anomaly.per_day())),
        format!("p={}", small(worst.p)),
    ];
    for (name, p) in DETECTORS.iter().zip(worst.p_values) {
        let p = if p.is_nan() {
            "none".to_owned()
        } else {
            small(p)
        };
        lines.push(format!("p.{name}={p}"));
    }
    for note in worst.notes.iter().flatten() {
        let (low, high) = note.usual;
        let colon = if note.words.is_empty() { "" } else { ": " };
        lines.push(format!(
            "{}={:.1} (usually {low:.1} to {high:.1}){colon}{}",
            note.feature, note.value, note.words
        ));
    }
    lines.push(format!("generation={}", anomaly.generation));
    lines.into_iter().map(Into::into).collect()
}

/// The numbers behind it, as JSON keys beside those of the alert.
pub fn numbers(anomaly: &Anomaly) -> serde_json::Value {
    let worst = anomaly.worst();
    let p_values: serde_json::Map<_, _> = DETECTORS
        .iter()
        .zip(worst.p_values)
        .map(|(name, p)| ((*name).to_owned(), json!(p)))
        .collect();
    let features: Vec<_> = worst
        .notes
        .iter()
        .flatten()
        .map(|note| {
            json!({
                "feature": note.feature,
                "value": note.value,
                "usual": [note.usual.0, note.usual.1],
                "words": note.words,
            })
        })
        .collect();
    json!({
        "p": worst.p,
        "per_day": anomaly.per_day(),
        "p_values": p_values,
        "features": features,
        "generation": anomaly.generation,
    })
}
