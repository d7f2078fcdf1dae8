//! What the daemon keeps of attacks.

use sentinel_api::v1::{Coverage, CoverageCounts, CoverageResult};
use sentinel_event::text::escape;

use crate::render::table::{Row, right, styled, table, text as plain};
use crate::render::{BAD, BOLD, GOOD, Look, WARN};

/// Every attack with its latest result, and the counts.
pub fn text(coverage: &Coverage, look: &Look) -> String {
    let Some(counts) = &coverage.counts else {
        return "nothing is kept yet; 'sentinelctl coverage' attacks this host and reports it\n"
            .to_owned();
    };
    let rows = coverage.results.iter().map(|result| row(result, look));
    let names = ["VARIANT", "OUTCOME", "AS", "MS", "WHEN"];
    let rows = table(look, &names, rows.collect());
    let when = look.date(counts.time.as_ref());
    let who = escape(&counts.reported_by);
    format!(
        "{}\n{}, reported by {who} at {when}\n",
        rows.text(),
        sentence(counts)
    )
}

/// The counts in words.
pub fn sentence(counts: &CoverageCounts) -> String {
    format!(
        "{} caught, {} missed, {} not possible here, {} failed",
        counts.caught, counts.missed, counts.not_possible, counts.failed
    )
}

fn row(result: &CoverageResult, look: &Look) -> Row {
    let style = match &*result.outcome {
        "caught" => GOOD,
        "not_possible" => WARN,
        _ => BAD,
    };
    let seen_as = match (&*result.outcome, &*result.severity) {
        ("caught", "") => "event",
        (_, severity) => severity,
    };
    let ms = result
        .latency_us
        .map(|us| format!("{:.1}", us as f64 / 1_000.0));
    let cells = vec![
        styled(BOLD, &result.name),
        styled(style, &result.outcome.replace('_', " ")),
        plain(seen_as),
        right(ms.unwrap_or_default()),
        plain(&look.date(result.time.as_ref())),
    ];
    let because = (!result.because.is_empty()).then(|| result.because.clone());
    Row {
        cells,
        remarks: because.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{PLAIN, check_golden, time};

    #[test]
    fn what_is_kept_has_its_lines() {
        let result =
            |name: &str, outcome: &str, severity: &str, latency_us, because: &str| CoverageResult {
                name: name.to_owned(),
                outcome: outcome.to_owned(),
                severity: severity.to_owned(),
                because: because.to_owned(),
                latency_us,
                time: time(0, 0),
                ..CoverageResult::default()
            };
        let coverage = Coverage {
            counts: Some(CoverageCounts {
                time: time(60, 0),
                reported_by: "root\x1b[2J".to_owned(),
                caught: 2,
                missed: 1,
                not_possible: 1,
                failed: 0,
            }),
            results: vec![
                result("fileless/dev-shm", "missed", "", None, "no alert\x1b[2J"),
                result("fileless/memfd", "caught", "critical", Some(4_250), ""),
                result("io-uring/open", "not_possible", "", None, "no hook sees it"),
                result("system/memfd", "caught", "", Some(12_000), ""),
            ],
        };
        let none = text(&Coverage::default(), &PLAIN);
        check_golden("coverage-last", &(text(&coverage, &PLAIN) + &none));
    }
}
