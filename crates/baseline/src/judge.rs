//! How unusual: the detectors, each with its own scale, and what their scores mean among
//! those of normal days.

use std::collections::VecDeque;

use sentinel_model::{Autoencoder, Calibration, ForestParams, IsolationForest, bonferroni};
use serde::{Deserialize, Serialize};

use crate::rows::Rows;
use crate::schema::*;

/// The detectors, in the order of their p-values.
pub const DETECTORS: [&str; 5] = ["rarity", "forest", "sequence", "autoencoder", "lstm"];
/// How many there are.
pub const DETECTOR_COUNT: usize = DETECTORS.len();
pub(crate) const RARITY: usize = 0;
pub(crate) const FOREST: usize = 1;
pub(crate) const SEQUENCE: usize = 2;
pub(crate) const AUTOENCODER: usize = 3;
pub(crate) const LSTM: usize = 4;

/// A score per detector; NaN where one has nothing to say.
pub(crate) type Scores = [f32; DETECTOR_COUNT];

/// The two kinds of events that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A program start.
    Start = 0,
    /// A connection.
    Contact = 1,
}

/// Days whose scores are kept.
const DAYS: usize = 7;
/// Scores kept of a day, per detector and subject.
const DAY_SCORES: usize = 8_192;
/// Fewer rows than this make no forest.
pub(crate) const ROWS_MIN: usize = 256;

/// The scores of one day, a sample of fixed size.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Day {
    day: u16,
    seen: u64,
    scores: Vec<f32>,
}

/// The scores of one detector about one subject on the last days.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    days: VecDeque<Day>,
}

impl Ledger {
    pub(crate) fn note(&mut self, day: u16, score: f32) {
        if !score.is_finite() {
            return;
        }
        if self.days.back().is_none_or(|last| last.day != day) {
            self.days.push_back(Day {
                day,
                ..Day::default()
            });
            if self.days.len() > DAYS {
                self.days.pop_front();
            }
        }
        let Some(today) = self.days.back_mut() else {
            return;
        };
        today.seen += 1;
        if today.scores.len() < DAY_SCORES {
            today.scores.push(score);
        } else {
            let random = crate::hash::mix(today.seen);
            let place = ((u128::from(random) * u128::from(today.seen)) >> 64) as usize;
            if let Some(kept) = today.scores.get_mut(place) {
                *kept = score;
            }
        }
    }

    /// What the scores of the days from `first_day` on mean.
    fn calibration(&self, first_day: u16) -> Option<Calibration> {
        let days = self.days.iter().filter(|day| day.day >= first_day);
        let scores: Vec<f32> = days.flat_map(|day| &day.scores).copied().collect();
        (scores.len() >= 50)
            .then(|| Calibration::fit(scores).ok())
            .flatten()
    }
}

/// What a subject is judged by: forest, network, and the usual values of each column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) forest: Option<IsolationForest>,
    pub(crate) autoencoder: Option<Autoencoder>,
    /// What the network repeats nineteen of twenty rows better than: one night's networks
    /// err more than another's, and their scores must be comparable.
    pub(crate) usual_error: f32,
    pub(crate) columns: Vec<usize>,
    pub(crate) median: Vec<f32>,
    /// The range in which nine of ten rows lie.
    pub(crate) low: Vec<f32>,
    pub(crate) high: Vec<f32>,
}

/// The columns that a subject's forest sees.
pub(crate) fn columns(subject: Subject) -> Vec<usize> {
    let seen = |at: &usize| match subject {
        Subject::Start => FEATURES[*at].exec,
        Subject::Contact => FEATURES[*at].connect,
    };
    (0..COLUMNS).filter(seen).collect()
}

impl Model {
    /// Fits a forest; `None` where there are too few rows.
    pub(crate) fn fit(subject: Subject, rows: &Rows, seed: u64) -> Option<Model> {
        if rows.len() < ROWS_MIN {
            return None;
        }
        let columns = columns(subject);
        let params = ForestParams {
            seed,
            ..ForestParams::default()
        };
        let forest = IsolationForest::fit_rows(&rows.columns(&columns), columns.len(), &params);
        Some(Model {
            forest: forest.ok(),
            autoencoder: None,
            usual_error: 1.0,
            columns,
            median: rows.percentile(0.5),
            low: rows.percentile(0.05),
            high: rows.percentile(0.95),
        })
    }

    /// The forest's score; NaN without one.
    pub(crate) fn forest_score(&self, row: &Row) -> f32 {
        let Some(forest) = &self.forest else {
            return f32::NAN;
        };
        let mut seen = [0.0; COLUMNS];
        for (place, column) in seen.iter_mut().zip(&self.columns) {
            *place = row[*column];
        }
        forest.score(&seen[..self.columns.len()])
    }

    pub(crate) fn autoencoder_score(&self, row: &Row) -> f32 {
        let network = self.autoencoder.as_ref();
        let network = network.filter(|network| network.columns() == COLUMNS);
        network.map_or(f32::NAN, |network| network.score(row) / self.usual_error)
    }

    /// Takes a network whose scores are to be compared with those of others.
    pub(crate) fn take_autoencoder(&mut self, network: Autoencoder, rows: &Rows) {
        let rows = (0..rows.len()).map(|at| network.score(&rows.row(at)));
        let mut errors: Vec<f32> = rows.collect();
        errors.sort_unstable_by(f32::total_cmp);
        let place = errors.len() * 19 / 20;
        self.usual_error = errors.get(place).copied().unwrap_or(1.0).max(1e-6);
        self.autoencoder = Some(network);
    }

    /// How much of the forest's score each of the `wanted` columns is responsible for, the
    /// most first: what it falls by when the column takes its usual value.
    pub(crate) fn blame(&self, row: &Row, wanted: impl Fn(usize) -> bool) -> Vec<(usize, f32)> {
        if self.forest.is_none() || self.median.len() != COLUMNS {
            return Vec::new();
        }
        let whole = self.forest_score(row);
        let mut changed = *row;
        let mut blame: Vec<(usize, f32)> = self
            .columns
            .iter()
            .filter(|column| wanted(**column))
            .map(|column| {
                changed[*column] = self.median[*column];
                let without = self.forest_score(&changed);
                changed[*column] = row[*column];
                (*column, whole - without)
            })
            .collect();
        blame.sort_by(|a, b| b.1.total_cmp(&a.1));
        blame
    }
}

/// The highest surprise about something that is either so or not: who starts it, whether
/// it is known, whom it talks to. Needs no model.
fn rarity(subject: Subject, row: &Row) -> f32 {
    let of = |columns: &[usize]| columns.iter().map(|at| row[*at]).fold(0.0, f32::max);
    match subject {
        Subject::Start => of(&[PC, EXE, ORIGIN]),
        Subject::Contact => of(&[NET, PORT, DEST]),
    }
}

/// All scores of a row.
pub(crate) fn scores(subject: Subject, row: &Row, model: &Model, lstm: f32) -> Scores {
    let start = subject == Subject::Start;
    let mut scores = [f32::NAN; DETECTOR_COUNT];
    scores[RARITY] = rarity(subject, row);
    scores[FOREST] = model.forest_score(row);
    scores[SEQUENCE] = if start { row[SEQ] } else { f32::NAN };
    scores[AUTOENCODER] = model.autoencoder_score(row);
    scores[LSTM] = if start { lstm } else { f32::NAN };
    scores
}

/// What the scores about one subject mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scale {
    pub(crate) calibrations: [Option<Calibration>; DETECTOR_COUNT],
}

impl Scale {
    pub(crate) fn fit(ledgers: &[Ledger; DETECTOR_COUNT], first_day: u16) -> Scale {
        Scale {
            calibrations: std::array::from_fn(|at| ledgers[at].calibration(first_day)),
        }
    }

    /// The p-value of each detector, 1 where it has nothing to say, and all as one.
    pub(crate) fn p_values(&self, scores: &Scores) -> ([f64; DETECTOR_COUNT], f64) {
        let mut p_values = [1.0; DETECTOR_COUNT];
        let mut said = [1.0; DETECTOR_COUNT];
        let mut count = 0;
        for at in 0..DETECTOR_COUNT {
            let Some(calibration) = self.calibrations[at]
                .as_ref()
                .filter(|_| scores[at].is_finite())
            else {
                continue;
            };
            p_values[at] = calibration.p_value(scores[at]);
            said[count] = p_values[at];
            count += 1;
        }
        (p_values, bonferroni(&said[..count]))
    }

    /// Whether anything was calibrated.
    pub(crate) fn is_ready(&self) -> bool {
        self.calibrations[RARITY].is_some()
    }
}
