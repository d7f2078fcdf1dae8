//! Whether tonight's models may take the place of yesterday's.
//!
//! A model that was fitted on poisoned or broken data must not get into use by itself, so
//! three questions are asked of it, and the answer is a sentence.

use sentinel_model::random::SplitMix64;
use sentinel_model::{Autoencoder, metrics};

use crate::judge::{Model, Subject};
use crate::rows::Rows;
use crate::schema::*;

/// Synthetic attacks of each kind.
const ATTACKS: usize = 40;
/// Rows that the models are compared on.
const COMPARED: usize = 1_000;
/// What synthetic attacks must be told apart by at least: a model that says the same of
/// everything has a half.
const AUROC_MIN: f64 = 0.6;
/// What the separation of attacks may fall by.
const AUROC_LOSS_MAX: f64 = 0.02;
/// What it may fall by against the models at the end of learning: a little each night must
/// not add up.
const ANCHOR_LOSS_MAX: f64 = 0.05;
/// How alike the two must rank normal rows.
const CORRELATION_MIN: f64 = 0.8;

/// What attacks change of a normal row, one list for each kind.
const KINDS: [&[(usize, f32)]; 6] = [
    // A program that never ran, started by one that never started it.
    &[
        (PC, 24.0),
        (GPC, 24.0),
        (EXE, 16.0),
        (AGE, 0.0),
        (SEQ, 20.0),
    ],
    // A tool that is known, in a place where it never was.
    &[
        (PC, 20.0),
        (GPC, 20.0),
        (UNIT, 16.0),
        (USER, 16.0),
        (SEQ, 18.0),
        (SERVED, 1.0),
    ],
    // A command line like no other.
    &[
        (ARG_LENGTH, 7.0),
        (ARG_ENTROPY, 5.8),
        (ARG_SYMBOLS, 0.35),
        (ARG_TOP3, 20.0),
        (ARG_LONGEST, 6.5),
    ],
    // Somebody at the wrong time, with other rights.
    &[(HOUR, 10.0), (USER_HOUR, 9.0), (PRIV, 2.0), (TTY, 8.0)],
    // From a place where programs do not lie.
    &[(PATH, 2.0), (DIR, 12.0), (EXE, 16.0), (AGE, 0.0)],
    // Much at once.
    &[
        (RATE_MINUTE, 8.0),
        (RATE_HOUR, 6.0),
        (FANOUT, 8.0),
        (SEQ_TOP3, 18.0),
        (GAP, -6.0),
    ],
];

/// What tonight's model was found to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) promoted: bool,
    /// How well it tells synthetic attacks.
    pub(crate) auroc: f64,
    pub(crate) sentence: String,
}

/// Synthetic attacks: normal rows in which a few columns are those of an attack.
fn attacks(rows: &Rows) -> Vec<Row> {
    let mut random = SplitMix64::stream(17, 3);
    let mut made = Vec::new();
    for kind in KINDS {
        for _ in 0..ATTACKS {
            let mut row = rows.row(random.below(rows.len()));
            for (column, value) in kind {
                row[*column] = value * (0.8 + 0.4 * random.unit() as f32);
            }
            made.push(row);
        }
    }
    made
}

/// How well scores tell synthetic attacks from the rows.
fn separation(score: impl Fn(&Row) -> f32, rows: &Rows, attacks: &[Row]) -> f64 {
    let normal = (0..rows.len().min(COMPARED)).map(|at| score(&rows.row(at)));
    let mut scores: Vec<f32> = normal.collect();
    let mut labels = vec![false; scores.len()];
    scores.extend(attacks.iter().map(&score));
    labels.resize(scores.len(), true);
    metrics::Ranking::new(&scores, &labels).map_or(0.0, |ranking| ranking.auroc())
}

/// Spearman's correlation of two models' scores of the rows.
fn correlation(old: &Model, new: &Model, rows: &Rows) -> f64 {
    let scores = |model: &Model| -> Vec<f32> {
        (0..rows.len().min(COMPARED))
            .map(|at| model.forest_score(&rows.row(at)))
            .collect()
    };
    let ranks = |scores: Vec<f32>| {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        let mut ranks = vec![0.0; scores.len()];
        for (rank, at) in order.into_iter().enumerate() {
            ranks[at] = rank as f64;
        }
        ranks
    };
    let (a, b) = (ranks(scores(old)), ranks(scores(new)));
    let n = a.len() as f64;
    let squares: f64 = a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum();
    1.0 - 6.0 * squares / (n * (n * n - 1.0)).max(1.0)
}

/// Asks the questions. `alerts` is how many of yesterday's incidents the new line would
/// alert, `budget` how many a day may have; `anchor` is what the models at the end of
/// learning told attacks by.
pub(crate) fn judge(
    old: &Model,
    new: &Model,
    rows: &Rows,
    anchor: Option<f64>,
    alerts: usize,
    budget: usize,
) -> Verdict {
    let attacks = attacks(rows);
    let found = separation(|row| new.forest_score(row), rows, &attacks);
    if found < AUROC_MIN {
        let sentence = format!(
            "tonight's models are refused: they tell synthetic attacks with AUROC {found:.3}, where chance has 0.5"
        );
        return Verdict {
            promoted: false,
            auroc: found,
            sentence,
        };
    }
    if old.forest.is_none() {
        let sentence =
            format!("the models are in use; they tell synthetic attacks with AUROC {found:.3}");
        return Verdict {
            promoted: true,
            auroc: found,
            sentence,
        };
    }
    let before = separation(|row| old.forest_score(row), rows, &attacks);
    let alike = correlation(old, new, rows);
    let refused = if alerts > 2 * budget.max(1) {
        Some(format!(
            "they would have alerted {alerts} times yesterday, where {budget} is the budget"
        ))
    } else if before - found >= AUROC_LOSS_MAX {
        Some(format!(
            "they tell synthetic attacks with AUROC {found:.3}, where the present ones have {before:.3}"
        ))
    } else if let Some(anchor) = anchor.filter(|anchor| anchor - found >= ANCHOR_LOSS_MAX) {
        Some(format!(
            "they tell synthetic attacks with AUROC {found:.3}, where those at the end of learning had {anchor:.3}"
        ))
    } else if alike <= CORRELATION_MIN {
        Some(format!(
            "they rank normal rows too differently, with correlation {alike:.2}"
        ))
    } else {
        None
    };
    match refused {
        Some(why) => Verdict {
            promoted: false,
            auroc: found,
            sentence: format!("tonight's models are refused: {why}"),
        },
        None => Verdict {
            promoted: true,
            auroc: found,
            sentence: format!(
                "tonight's models are in use: AUROC {found:.3} against synthetic attacks (before {before:.3}), \
                 correlation {alike:.2} with those before, {alerts} alerts yesterday"
            ),
        },
    }
}

/// Asks the same of an autoencoder: what was found, or why it is refused. One that says
/// the same of everything separates nothing, and is refused by that.
pub(crate) fn judge_autoencoder(
    subject: Subject,
    old: Option<&Autoencoder>,
    new: &Autoencoder,
    rows: &Rows,
) -> Result<String, String> {
    if rows.len() == 0 {
        return Err("there are no rows to judge it by".to_owned());
    }
    let attacks = match subject {
        Subject::Start => attacks(rows),
        Subject::Contact => contact_attacks(rows),
    };
    let found = separation(|row| new.score(row), rows, &attacks);
    if found < AUROC_MIN {
        return Err(format!(
            "it tells synthetic attacks with AUROC {found:.3}, where chance has 0.5"
        ));
    }
    let before = old.map(|old| separation(|row| old.score(row), rows, &attacks));
    match before {
        Some(before) if before - found >= AUROC_LOSS_MAX => Err(format!(
            "it tells synthetic attacks with AUROC {found:.3}, where the present one has {before:.3}"
        )),
        _ => Ok(format!("AUROC {found:.3} against synthetic attacks")),
    }
}

/// Connections as attacks make them: to a place, on a port, or at all where there were none.
fn contact_attacks(rows: &Rows) -> Vec<Row> {
    let mut random = SplitMix64::stream(17, 4);
    let made = (0..3 * ATTACKS).map(|_| {
        let mut row = rows.row(random.below(rows.len()));
        for (column, value) in [(PORT, 18.0), (DEST, 20.0), (NET, 16.0), (NEW_DESTS, 1.0)] {
            row[column] = value * (0.8 + 0.4 * random.unit() as f32);
        }
        row
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of some hundred programs, with small differences.
    fn rows(seed: u64, share_of_attacks: f64) -> Rows {
        let mut random = SplitMix64::stream(seed, 9);
        let mut rows = Rows::new(4_000);
        for n in 0..4_000_u64 {
            let mut row = [0.0; COLUMNS];
            for (at, value) in row.iter_mut().enumerate() {
                let (low, high) = FEATURES[at].range;
                // Most programs are alike, and a few differ much.
                let usual = 0.1 + 0.2 * ((n % 40) as f32 / 40.0).powi(2);
                *value = low + (high - low) * (usual + 0.03 * random.unit() as f32);
            }
            if random.unit() < share_of_attacks {
                for (column, value) in KINDS[random.below(KINDS.len())] {
                    row[*column] = *value;
                }
            }
            rows.offer(n % 40, 1, &row);
        }
        rows
    }

    fn model(rows: &Rows, seed: u64) -> Model {
        Model::fit(Subject::Start, rows, seed).expect("there are enough rows")
    }

    fn of_forest(model: &Model, rows: &Rows, attacks: &[Row]) -> f64 {
        separation(|row| model.forest_score(row), rows, attacks)
    }

    #[test]
    fn a_model_like_the_last_passes_and_one_of_something_else_does_not() {
        let normal = rows(1, 0.0);
        let (old, new) = (model(&normal, 1), model(&rows(2, 0.0), 2));
        let verdict = judge(&old, &new, &normal, None, 1, 3);
        assert!(verdict.promoted, "{verdict:?}");
        let verdict = judge(&old, &new, &normal, None, 7, 3);
        assert!(
            !verdict.promoted && verdict.sentence.contains("7 times"),
            "{verdict:?}"
        );
        // It is as good as last night's, which had lost something each night.
        let anchor = Some(verdict.auroc + 0.06);
        let verdict = judge(&old, &new, &normal, anchor, 1, 3);
        assert!(
            !verdict.promoted && verdict.sentence.contains("at the end of learning"),
            "{verdict:?}"
        );
        // Fitted on noise, it has no opinion that resembles the last one's.
        let mut noise = Rows::new(2_000);
        let mut random = SplitMix64::stream(4, 4);
        for n in 0..2_000 {
            noise.offer(
                n % 40,
                1,
                &std::array::from_fn(|_| random.unit() as f32 * 24.0),
            );
        }
        let verdict = judge(&old, &model(&noise, 3), &normal, None, 0, 3);
        assert!(!verdict.promoted, "{verdict:?}");
        assert!(judge(&Model::default(), &new, &normal, None, 0, 3).promoted);
    }

    #[test]
    fn one_bad_row_in_twenty_costs_at_most_a_hundredth() {
        let clean = rows(1, 0.0);
        let attacks = attacks(&clean);
        let loss: f64 = (0..5)
            .map(|seed| {
                let pure = of_forest(&model(&clean, seed), &clean, &attacks);
                let poisoned = of_forest(&model(&rows(1, 0.05), seed), &clean, &attacks);
                pure - poisoned
            })
            .sum::<f64>()
            / 5.0;
        assert!(loss <= 0.01, "{loss}");
        let separated = of_forest(&model(&clean, 1), &clean, &attacks);
        assert!(separated > 0.9, "{separated}");
    }

    /// What is wrong with a model that tells attacks from rows too badly, or hardly says
    /// different things of different rows.
    fn collapse(model: &Model, rows: &Rows) -> Option<String> {
        let scores: Vec<f32> = (0..rows.len())
            .map(|at| model.forest_score(&rows.row(at)))
            .collect();
        let mean = scores.iter().sum::<f32>() / scores.len() as f32;
        let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f32>() / scores.len() as f32;
        let attacks = attacks(rows);
        let high = attacks
            .iter()
            .map(|row| model.forest_score(row))
            .sum::<f32>()
            / attacks.len() as f32;
        if variance <= 1e-5 {
            return Some(format!("the scores have the variance {variance}"));
        }
        (high <= mean + 2.0 * variance.sqrt())
            .then(|| format!("attacks have {high}, which is not far from {mean}"))
    }

    #[test]
    fn a_model_never_says_the_same_of_everything() {
        let rows = rows(3, 0.0);
        assert_eq!(collapse(&model(&rows, 1), &rows), None);
        // Fitted on one and the same row, it does; that is seen, and it is refused.
        let mut same = Rows::new(2_000);
        for n in 0..2_000 {
            same.offer(n % 40, 1, &[1.0; COLUMNS]);
        }
        let constant = model(&same, 1);
        let why = collapse(&constant, &rows).expect("it has collapsed");
        assert!(why.contains("variance"), "{why}");
        for old in [Model::default(), model(&rows, 1)] {
            let verdict = judge(&old, &constant, &rows, None, 0, 3);
            assert!(
                !verdict.promoted && verdict.sentence.contains("AUROC 0.500"),
                "{verdict:?}"
            );
        }
    }
}
