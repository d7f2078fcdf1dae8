//! What became of harmless attacks: the daemon keeps and serves it. It carries out no
//! attack itself, since that takes rights which it has given up.

use std::collections::BTreeMap;
use std::sync::Arc;

use sentinel_api::v1;
use tonic::{Request, Status};

use super::status::Facts;
use super::{change, convert};
use crate::clock;
use crate::coverage::{Kept, Matrix, Outcome, RESULTS_MAX};

/// What a name or a reason may take.
const TEXT_CHARS_MAX: usize = 300;

/// What is kept.
pub fn get(facts: &Facts) -> v1::Coverage {
    coverage(&facts.coverage.get())
}

/// Keeps a report; the answer is all that is kept then.
pub async fn report(
    facts: &Arc<Facts>,
    request: Request<v1::ReportCoverageRequest>,
) -> Result<v1::Coverage, Status> {
    let v1::ReportCoverageRequest { results, whole } = request.get_ref().clone();
    let who = change::who(change::caller(&request)?, String::new());
    let named = who.certificate.or(who.user);
    let report = Matrix {
        time_ns: clock::unix_ns(),
        reported_by: named.unwrap_or_else(|| format!("uid {}", who.uid)),
        results: parse(results).map_err(Status::invalid_argument)?,
    };
    let detail = summary(&report);
    let kept = change::change(facts, &request, "coverage", detail, move |facts| {
        let kept = facts.coverage.report(report, whole);
        kept.map_err(|error| Status::unavailable(format!("{error:#}")))
    })
    .await?;
    Ok(coverage(&kept))
}

/// The counts; `None` before the first report.
pub fn counts(matrix: &Matrix) -> Option<v1::CoverageCounts> {
    (matrix.time_ns > 0).then(|| v1::CoverageCounts {
        time: Some(convert::timestamp(matrix.time_ns)),
        reported_by: matrix.reported_by.clone(),
        caught: matrix.count(Outcome::Caught),
        missed: matrix.count(Outcome::Missed),
        not_possible: matrix.count(Outcome::NotPossible),
        failed: matrix.count(Outcome::Failed),
    })
}

fn summary(report: &Matrix) -> String {
    let counts = Outcome::ALL.map(|(outcome, name)| format!("{} {name}", report.count(outcome)));
    counts.join(", ").replace('_', " ")
}

fn parse(results: Vec<v1::CoverageResult>) -> Result<BTreeMap<String, Kept>, String> {
    if results.is_empty() || results.len() > RESULTS_MAX {
        let count = results.len();
        return Err(format!(
            "there are {count} results; 1 to {RESULTS_MAX} are kept"
        ));
    }
    let time_ns = clock::unix_ns();
    let one = |result: v1::CoverageResult| {
        let (name, outcome) = (cut(&result.name), &result.outcome);
        if name.is_empty() {
            return Err("a result has no name".to_owned());
        }
        let outcome = Outcome::from_name(outcome).ok_or_else(|| {
            let known = Outcome::ALL.map(|(_, name)| name).join(", ");
            format!("the outcome of {name:?} is {outcome:?}, but must be one of {known}")
        })?;
        let kept = Kept {
            outcome,
            expected: cut(&result.expected),
            because: cut(&result.because),
            alert: cut(&result.alert),
            severity: cut(&result.severity),
            latency_us: result.latency_us,
            time_ns,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Ok((name, kept))
    };
    results.into_iter().map(one).collect()
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

fn coverage(matrix: &Matrix) -> v1::Coverage {
    let result = |(name, kept): (&String, &Kept)| v1::CoverageResult {
        name: name.clone(),
        expected: kept.expected.clone(),
        outcome: kept.outcome.name().to_owned(),
        because: kept.because.clone(),
        alert: kept.alert.clone(),
        severity: kept.severity.clone(),
        latency_us: kept.latency_us,
        time: Some(convert::timestamp(kept.time_ns)),
        version: kept.version.clone(),
    };
    v1::Coverage {
        counts: counts(matrix),
        results: matrix.results.iter().map(result).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_in_one_sentence() {
        let result = |name: &str, outcome: &str| v1::CoverageResult {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            because: "x".repeat(1000),
            ..v1::CoverageResult::default()
        };
        let check = |results: Vec<v1::CoverageResult>, expected: &str| {
            let error = parse(results).expect_err(expected);
            assert!(error.contains(expected), "{error:?} lacks {expected:?}");
        };
        check(vec![], "there are 0 results");
        check(
            vec![result("a", "caught"); RESULTS_MAX + 1],
            "there are 1001",
        );
        check(vec![result("", "caught")], "has no name");
        check(
            vec![result("a", "perhaps")],
            "must be one of caught, missed,",
        );
        let kept = parse(vec![result("a", "not_possible")]).expect("is kept");
        assert_eq!(kept["a"].because.len(), TEXT_CHARS_MAX);
    }
}
