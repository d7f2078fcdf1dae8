//! What the daemon keeps of attacks: reporting it, and asking for it.

use std::collections::BTreeMap;

use sentinel_api::v1::{CoverageResult, GetCoverageRequest, ReportCoverageRequest};
use sentinel_simulate::{Expected, select};

use super::Verdict;
use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::render::coverage::Row;
use crate::{json, render};

/// Shows what is kept.
pub async fn show(target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    let coverage = client::answer(client.get_coverage(GetCoverageRequest {})).await?;
    match output.json {
        true => output.line(&json::message("Coverage", &coverage)?),
        false => output.print(&render::coverage::last::text(&coverage, &output.look)),
    }
}

/// Lets the daemon keep what became of attacks.
pub async fn report(target: &Target, rows: &[Row]) -> Result<(), Failure> {
    let request = request(rows);
    let mut client = client::connect(target).await?;
    client::answer(client.report_coverage(request)).await?;
    Ok(())
}

/// One result for each attack; of several rounds, the worst.
fn request(rows: &[Row]) -> ReportCoverageRequest {
    let mut worst: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in rows {
        let known = worst.entry(row.variant.name).or_insert(row);
        if rank(&row.verdict) > rank(&known.verdict) {
            *known = row;
        }
    }
    let all = select("all").unwrap_or_default();
    ReportCoverageRequest {
        whole: all.iter().all(|variant| worst.contains_key(variant.name)),
        results: worst.into_values().map(result).collect(),
    }
}

/// How bad it is, and then how slow.
fn rank(verdict: &Verdict) -> (u8, std::time::Duration) {
    let slow = match verdict {
        Verdict::Caught { latency, .. } | Verdict::Grouped { latency, .. } => *latency,
        _ => std::time::Duration::ZERO,
    };
    let bad = match verdict {
        Verdict::NotPossible { .. } => 0,
        Verdict::Caught { .. } | Verdict::Grouped { .. } => 1,
        Verdict::Failed { .. } => 2,
        Verdict::Missed { .. } => 3,
    };
    (bad, slow)
}

fn result(row: &Row) -> CoverageResult {
    let expected = match row.variant.expected {
        Expected::Alert(detection, severity) => format!("{detection} alert, {severity} or worse"),
        Expected::Event(kind) => format!("{kind} event"),
    };
    let mut result = CoverageResult {
        name: row.variant.name.to_owned(),
        expected,
        outcome: row.verdict.name().to_owned(),
        ..CoverageResult::default()
    };
    match &row.verdict {
        Verdict::Caught {
            alert,
            severity,
            latency,
        } => {
            result.alert = alert.clone().unwrap_or_default();
            result.severity = severity.clone().unwrap_or_default();
            result.latency_us = Some(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        }
        // Seen as what it is; that there was no alert of its own is a matter of the moment.
        Verdict::Grouped { latency, .. } => {
            result.outcome = "caught".to_owned();
            result.latency_us = Some(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        }
        Verdict::Missed { because }
        | Verdict::NotPossible { because }
        | Verdict::Failed { because } => result.because = because.clone(),
    }
    result
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost::Message;
    use sentinel_simulate::variant;

    use super::*;

    fn row(name: &str, verdict: Verdict) -> Row {
        let variant = variant(name).expect("it exists");
        Row { variant, verdict }
    }

    fn caught(ms: u64) -> Verdict {
        Verdict::Caught {
            alert: Some("0123456789abcdef".to_owned()),
            severity: Some("high".to_owned()),
            latency: Duration::from_millis(ms),
        }
    }

    #[test]
    fn of_several_rounds_the_worst_is_reported() {
        let because = "no alert".to_owned();
        let rows = [
            row("fileless/memfd", caught(4)),
            row("fileless/memfd", caught(9)),
            row("fileless/dev-shm", Verdict::Missed { because }),
            row("fileless/dev-shm", caught(60)),
        ];
        let request = request(&rows);
        let told: Vec<_> = request
            .results
            .iter()
            .map(|r| (&*r.name, &*r.outcome, r.latency_us))
            .collect();
        let expected = [
            ("fileless/dev-shm", "missed", None),
            ("fileless/memfd", "caught", Some(9_000)),
        ];
        assert_eq!(told, expected);
        assert!(!request.whole, "these are two of many");
    }

    /// A report of everything must fit into what the daemon takes as one request.
    #[test]
    fn all_of_it_fits_into_a_request() {
        let rows: Vec<Row> = select("all")
            .expect("there are attacks")
            .into_iter()
            .map(|variant| Row {
                variant,
                verdict: Verdict::Missed {
                    because: "x".repeat(100),
                },
            })
            .collect();
        let request = request(&rows);
        assert!(request.whole);
        assert!(request.encoded_len() < 60_000, "{}", request.encoded_len());
    }
}
