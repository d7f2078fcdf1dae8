//! What is printed about each model.

use std::time::{Duration, Instant};

use anyhow::Result;
use sentinel_model::metrics::Ranking;
use serde_json::{Map, Value, json};

/// What a model took to learn and to score.
#[derive(Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) fit: Duration,
    pub(super) score: Duration,
}

impl Cost {
    /// What two models take together.
    pub(super) fn and(self, other: Cost) -> Cost {
        Cost {
            fit: self.fit + other.fit,
            score: self.score + other.score,
        }
    }
}

/// Runs `work` and says how long it took.
pub(super) fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let begin = Instant::now();
    let done = work()?;
    Ok((done, begin.elapsed()))
}

struct Line {
    model: &'static str,
    auroc: f64,
    ap: f64,
    tpr_at_1: f64,
    tpr_at_5: f64,
    fit_ms: f64,
    rows_per_s: f64,
}

/// The models of one measurement, in the order in which they were added.
pub(super) struct Report {
    anomalies: Vec<bool>,
    lines: Vec<Line>,
}

impl Report {
    pub(super) fn new(anomalies: Vec<bool>) -> Report {
        let lines = Vec::new();
        Report { anomalies, lines }
    }

    /// Adds a model by the scores that it gave to the judged rows.
    pub(super) fn add(&mut self, model: &'static str, scores: &[f32], cost: Cost) -> Result<()> {
        let ranking = Ranking::new(scores, &self.anomalies)?;
        let rows = scores.len() as f64;
        self.lines.push(Line {
            model,
            auroc: ranking.auroc(),
            ap: ranking.average_precision(),
            tpr_at_1: ranking.true_positives_at(0.01),
            tpr_at_5: ranking.true_positives_at(0.05),
            fit_ms: cost.fit.as_secs_f64() * 1e3,
            rows_per_s: rows / cost.score.as_secs_f64().max(1e-9),
        });
        Ok(())
    }

    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            println!("{}", Value::Object(self.json()));
        } else {
            print!("{}", self.text());
        }
    }

    fn json(&self) -> Map<String, Value> {
        let round = |x: f64, digits: i32| (x * 10_f64.powi(digits)).round() / 10_f64.powi(digits);
        let object = |line: &Line| {
            let figures = json!({
                "auroc": round(line.auroc, 6),
                "ap": round(line.ap, 6),
                "tpr_at_1": round(line.tpr_at_1, 6),
                "tpr_at_5": round(line.tpr_at_5, 6),
                "fit_ms": round(line.fit_ms, 2),
                "rows_per_s": round(line.rows_per_s, 0),
            });
            (line.model.to_owned(), figures)
        };
        self.lines.iter().map(object).collect()
    }

    fn text(&self) -> String {
        let anomalies = self.anomalies.iter().filter(|anomaly| **anomaly).count();
        let mut text = format!(
            "{} rows judged, {anomalies} of them anomalies\n\n\
             {:<12}{:>8}{:>8}{:>10}{:>10}{:>12}{:>12}\n",
            self.anomalies.len(),
            "model",
            "AUROC",
            "AP",
            "TPR @ 1%",
            "TPR @ 5%",
            "fit ms",
            "rows/s"
        );
        for line in &self.lines {
            text += &format!(
                "{:<12}{:>8.4}{:>8.4}{:>10.4}{:>10.4}{:>12.1}{:>12.0}\n",
                line.model,
                line.auroc,
                line.ap,
                line.tpr_at_1,
                line.tpr_at_5,
                line.fit_ms,
                line.rows_per_s
            );
        }
        text
    }
}
