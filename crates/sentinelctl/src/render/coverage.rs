//! What the daemon caught: every variant, a line for each family, and the totals.

pub mod last;

use std::time::Duration;

use sentinel_simulate::{FAMILIES, Variant};
use serde::Serialize;

use super::simulate::ExpectedJson;
use super::table::{Cell, Row as TableRow, right, styled, table, text as plain, with};
use super::{BAD, BOLD, DIM, GOOD, Look, WARN};
use crate::command::coverage::{Opens, Verdict};

/// What became of one attack.
pub struct Row {
    /// The attack.
    pub variant: &'static Variant,
    /// What the daemon made of it.
    pub verdict: Verdict,
}

/// What became of all.
pub struct Coverage {
    rows: Vec<Row>,
    goal: Duration,
    opens: Option<Opens>,
    lost: u64,
}

/// How many attacks ended in which way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
struct Counts {
    caught: usize,
    grouped: usize,
    missed: usize,
    not_possible: usize,
    failed: usize,
}

impl Counts {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Counts {
        rows.fold(Counts::default(), |mut counts, row| {
            match row.verdict {
                Verdict::Caught { .. } => counts.caught += 1,
                Verdict::Grouped { .. } => counts.grouped += 1,
                Verdict::Missed { .. } => counts.missed += 1,
                Verdict::NotPossible { .. } => counts.not_possible += 1,
                Verdict::Failed { .. } => counts.failed += 1,
            }
            counts
        })
    }
}

/// The whole as JSON.
#[derive(Debug, Serialize)]
pub struct CoverageJson<'a> {
    variants: Vec<VariantJson<'a>>,
    families: Vec<FamilyJson>,
    totals: Counts,
    latency: Option<LatencyJson>,
    load: Option<LoadJson>,
    lost: u64,
}

#[derive(Debug, Serialize)]
struct VariantJson<'a> {
    name: &'static str,
    expected: ExpectedJson,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct FamilyJson {
    name: &'static str,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Debug, Serialize)]
struct LatencyJson {
    samples: usize,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    goal_p99_ms: f64,
    goal_met: bool,
}

#[derive(Debug, Serialize)]
struct LoadJson {
    opens: u64,
    seconds: f64,
}

impl Coverage {
    /// Of these rows, with the latency that is promised, the load that there was, and the
    /// events that the sensor lost meanwhile.
    pub fn new(rows: Vec<Row>, goal: Duration, opens: Option<Opens>, lost: u64) -> Coverage {
        Coverage {
            rows,
            goal,
            opens,
            lost,
        }
    }

    /// 0 if nothing was missed, nothing went wrong, and there was something to catch.
    pub fn exit_code(&self) -> u8 {
        let counts = Counts::of(self.rows.iter());
        u8::from(counts.missed + counts.failed > 0 || counts.caught == 0)
    }

    fn of_family(&self, family: &str) -> impl Iterator<Item = &Row> {
        let prefix = format!("{family}/");
        self.rows
            .iter()
            .filter(move |row| row.variant.name.starts_with(&prefix))
    }

    /// Every family of which something was carried out.
    fn families(&self) -> impl Iterator<Item = &'static str> {
        FAMILIES
            .iter()
            .map(|family| family.name)
            .filter(|name| self.of_family(name).next().is_some())
    }

    fn latency(&self) -> Option<LatencyJson> {
        let mut all: Vec<Duration> = self
            .rows
            .iter()
            .filter_map(|row| match row.verdict {
                Verdict::Caught { latency, .. } | Verdict::Grouped { latency, .. } => Some(latency),
                _ => None,
            })
            .collect();
        all.sort_unstable();
        // The nearest rank: a value that was measured, never one between two.
        let rank = |percent: usize| (all.len() * percent).div_ceil(100).saturating_sub(1);
        let p99 = *all.get(rank(99))?;
        Some(LatencyJson {
            samples: all.len(),
            p50_ms: ms(all[rank(50)]),
            p99_ms: ms(p99),
            max_ms: ms(*all.last()?),
            goal_p99_ms: ms(self.goal),
            goal_met: p99 <= self.goal,
        })
    }

    /// The whole for scripts.
    pub fn json(&self) -> CoverageJson<'_> {
        CoverageJson {
            variants: self.rows.iter().map(variant_json).collect(),
            families: self
                .families()
                .map(|name| FamilyJson {
                    name,
                    counts: Counts::of(self.of_family(name)),
                })
                .collect(),
            totals: Counts::of(self.rows.iter()),
            latency: self.latency(),
            load: self.opens.map(|opens| LoadJson {
                opens: opens.count,
                seconds: opens.took.as_secs_f64(),
            }),
            lost: self.lost,
        }
    }
}

fn ms(duration: Duration) -> f64 {
    // Tenths are what the clocks are worth.
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

fn variant_json(row: &Row) -> VariantJson<'_> {
    let (mut alert, mut severity, mut latency_ms, mut because) = (None, None, None, None);
    let mut incident = None;
    match &row.verdict {
        Verdict::Caught {
            alert: id,
            severity: how_bad,
            latency,
        } => {
            alert = id.as_deref();
            severity = how_bad.as_deref();
            latency_ms = Some(ms(*latency));
        }
        Verdict::Grouped {
            incident: of,
            latency,
            ..
        } => {
            incident = Some(&**of);
            latency_ms = Some(ms(*latency));
        }
        Verdict::Missed { because: why }
        | Verdict::NotPossible { because: why }
        | Verdict::Failed { because: why } => because = Some(&**why),
    }
    VariantJson {
        name: row.variant.name,
        expected: row.variant.expected.into(),
        outcome: row.verdict.name(),
        because,
        alert,
        incident,
        severity,
        latency_ms,
    }
}

/// The whole for people: variants, families, totals.
pub fn text(coverage: &Coverage, look: &Look) -> String {
    let rows = coverage.rows.iter().map(variant_row).collect();
    let variants = table(look, &["VARIANT", "OUTCOME", "AS", "MS"], rows);
    let families: Vec<TableRow> = coverage
        .families()
        .map(|name| family_row(coverage, name))
        .collect();
    let names = [
        "FAMILY",
        "CAUGHT",
        "GROUPED",
        "MISSED",
        "NOT POSSIBLE",
        "FAILED",
    ];
    let families = table(look, &names, families);
    format!(
        "{}\n{}\n{}",
        variants.text(),
        families.text(),
        totals(coverage)
    )
}

fn variant_row(row: &Row) -> TableRow {
    let name = styled(BOLD, row.variant.name);
    match &row.verdict {
        Verdict::Caught {
            severity, latency, ..
        } => {
            let seen_as = severity.as_deref().unwrap_or("event");
            let cells = vec![
                name,
                styled(GOOD, "caught"),
                plain(seen_as),
                right(format!("{:.1}", ms(*latency))),
            ];
            TableRow::from(cells)
        }
        Verdict::Grouped {
            incident,
            count,
            latency,
        } => TableRow {
            cells: vec![
                name,
                styled(GOOD, "grouped"),
                plain("counted"),
                right(format!("{:.1}", ms(*latency))),
            ],
            remarks: vec![format!("finding {count} of incident {incident}")],
        },
        Verdict::Missed { because } => unseen(name, styled(BAD, "missed"), because),
        Verdict::NotPossible { because } => unseen(name, styled(WARN, "not possible"), because),
        Verdict::Failed { because } => unseen(name, styled(BAD, "failed"), because),
    }
}

fn unseen(name: Cell, outcome: Cell, because: &str) -> TableRow {
    TableRow {
        cells: vec![name, outcome, plain(""), right("")],
        remarks: vec![because.to_owned()],
    }
}

fn family_row(coverage: &Coverage, name: &str) -> TableRow {
    let counts = Counts::of(coverage.of_family(name));
    let count = |number: usize, style| match number {
        0 => with(DIM, right(0)),
        _ => with(style, right(number)),
    };
    TableRow::from(vec![
        styled(BOLD, name),
        count(counts.caught, GOOD),
        count(counts.grouped, GOOD),
        count(counts.missed, BAD),
        count(counts.not_possible, WARN),
        count(counts.failed, BAD),
    ])
}

fn totals(coverage: &Coverage) -> String {
    let counts = Counts::of(coverage.rows.iter());
    let mut text = format!(
        "{} caught, {} counted into incidents, {} missed, {} not possible here, {} failed\n",
        counts.caught, counts.grouped, counts.missed, counts.not_possible, counts.failed
    );
    if let Some(latency) = coverage.latency() {
        let verdict = if latency.goal_met { "met" } else { "not met" };
        text.push_str(&format!(
            "latency of {}: P50 {:.1} ms, P99 {:.1} ms, most {:.1} ms; the goal of P99 {:.0} ms is {verdict}\n",
            latency.samples, latency.p50_ms, latency.p99_ms, latency.max_ms, latency.goal_p99_ms
        ));
    }
    if let Some(opens) = coverage.opens {
        let seconds = opens.took.as_secs_f64();
        text.push_str(&format!(
            "load: {} files opened in {seconds:.1} s, {:.0} a second\n",
            opens.count,
            opens.count as f64 / seconds.max(f64::EPSILON)
        ));
    }
    match coverage.lost {
        0 => text.push_str("no event was lost\n"),
        lost => text.push_str(&format!("{lost} events were lost meanwhile\n")),
    }
    text
}

#[cfg(test)]
mod tests;
