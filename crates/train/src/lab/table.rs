//! `lab table`: rows of numbers.

use anyhow::Result;
use sentinel_model::{ForestParams, IsolationForest, metrics};

use super::Task;
use super::matrix::{self, Matrix};
use super::report::{Cost, Report, timed};
use crate::{AutoencoderParams, train_autoencoder};

pub(super) fn measure(task: &Task) -> Result<Report> {
    let (train, test) = matrix::both(&task.train, &task.test, &task.label)?;
    let forest = forest(&train, &test, task.seed)?;
    let autoencoder = autoencoder(&train, &test, task.seed)?;
    let (scores, took) = timed(|| combine(&[&forest, &autoencoder]))?;
    let mut report = task.report();
    report.add("forest", &forest.scores, forest.cost)?;
    report.add("autoencoder", &autoencoder.scores, autoencoder.cost)?;
    let cost = forest.cost.and(autoencoder.cost).and(Cost {
        score: took,
        ..Cost::default()
    });
    report.add("combined", &scores, cost)?;
    Ok(report)
}

/// What a model says of the rows to be judged.
pub(super) struct Scored {
    pub(super) scores: Vec<f32>,
    pub(super) cost: Cost,
}

pub(super) fn forest(train: &Matrix, test: &Matrix, seed: u64) -> Result<Scored> {
    let params = ForestParams {
        seed,
        ..ForestParams::default()
    };
    let fitting = || {
        Ok(IsolationForest::fit_rows(
            &train.values,
            train.columns,
            &params,
        )?)
    };
    let (forest, fit) = timed(fitting)?;
    let scores = |matrix: &Matrix| {
        let mut scores = vec![0.0; matrix.values.len() / matrix.columns];
        forest.score_rows(&matrix.values, &mut scores)?;
        Ok(scores)
    };
    let (scores, score) = timed(|| scores(test))?;
    Ok(Scored {
        scores,
        cost: Cost { fit, score },
    })
}

pub(super) fn autoencoder(train: &Matrix, test: &Matrix, seed: u64) -> Result<Scored> {
    let rows = train.values.len() / train.columns;
    let params = AutoencoderParams {
        seed,
        ..AutoencoderParams::for_table(rows, train.columns)
    };
    let fitting = || {
        let kept = without_odd(train, &params)?;
        train_autoencoder(&kept, train.columns, &params)
    };
    let (network, fit) = timed(fitting)?;
    let scores = |matrix: &Matrix| Ok(matrix.rows().map(|row| network.score(row)).collect());
    let (scores, score) = timed(|| scores(test))?;
    Ok(Scored {
        scores,
        cost: Cost { fit, score },
    })
}

/// The rows without the tenth that a briefly trained network repeats worst: given time, a
/// network learns to repeat anomalies too, where they are in TRAIN.
fn without_odd(train: &Matrix, params: &AutoencoderParams) -> Result<Vec<f32>> {
    let brief = AutoencoderParams {
        epochs: (params.epochs / 8).max(1),
        ..params.clone()
    };
    let network = train_autoencoder(&train.values, train.columns, &brief)?;
    let scores: Vec<f32> = train.rows().map(|row| network.score(row)).collect();
    let mut sorted = scores.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let limit = sorted[(sorted.len() - 1) * 9 / 10];
    let rows = train.rows().zip(scores);
    let kept = rows.filter(|(_, score)| *score <= limit);
    Ok(kept.flat_map(|(row, _)| row).copied().collect())
}

/// The sum of what each model says, in bits.
///
/// The daemon alerts by the smallest p-value, whose size is known however the models depend
/// on each other. Here only the order counts, and what two models find unusual stands above
/// what one does.
pub(super) fn combine(models: &[&Scored]) -> Result<Vec<f32>> {
    let mut sum = vec![0.0; models[0].scores.len()];
    for model in models {
        let bits = unlikelihood(&model.scores)?;
        sum.iter_mut()
            .zip(bits)
            .for_each(|(sum, bits)| *sum += bits);
    }
    Ok(sum)
}

/// How unlikely each score is, in bits: by the share of rows that rank at or above it, and
/// for the highest tenth by how far above the others it is, as the logarithm of scores has a
/// tail that falls evenly. By ranks alone, a row that one model finds impossible would be
/// worth no more than the first of a model that tells nothing apart.
fn unlikelihood(scores: &[f32]) -> Result<Vec<f32>> {
    const HIGH: f64 = 0.9;
    let n = scores.len() as f64;
    let bits = |share: f64| -(1.0 - share).log2();
    let logarithms: Vec<f64> = scores
        .iter()
        .map(|s| f64::from(*s).max(1e-12).ln())
        .collect();
    let mut sorted = logarithms.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| sorted[(share * (n - 1.0)) as usize];
    let (middle, high) = (at(0.5), at(HIGH));
    let slope = (bits(HIGH) - bits(0.5)) / (high - middle);
    let ranks = metrics::ranks(scores)?;
    let of = |(rank, logarithm): (f64, f64)| {
        let beyond = logarithm - high;
        let bits = if beyond > 0.0 && slope.is_finite() {
            bits(HIGH) + beyond * slope
        } else {
            bits((rank - 0.5) / n)
        };
        bits as f32
    };
    Ok(ranks.into_iter().zip(logarithms).map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_model_finds_impossible_stands_above_ranks() {
        let scored = |scores: Vec<f32>| Scored {
            scores,
            cost: Cost::default(),
        };
        // One model knows nothing, and the other is sure of the last row.
        let noise: Vec<f32> = (0..100)
            .map(|n| 0.4 + (n * 37 % 100) as f32 / 1e3)
            .collect();
        let mut sure: Vec<f32> = (0..100)
            .map(|n| 1.0 + (n * 53 % 100) as f32 / 1e2)
            .collect();
        sure[99] = 50.0;
        let sum = combine(&[&scored(noise), &scored(sure.clone())]).expect("numbers");
        let highest = (0..100).max_by(|a, b| sum[*a].total_cmp(&sum[*b]));
        assert_eq!(highest, Some(99));
        // Of one model alone the order stays, and equal scores stay equal.
        for scores in [sure, vec![0.0; 5], vec![1.0, 0.0, 0.0, 0.0], vec![3.0]] {
            let bits = unlikelihood(&scores).expect("numbers");
            for (a, b) in scores
                .iter()
                .zip(&bits)
                .flat_map(|a| scores.iter().zip(&bits).map(move |b| (a, b)))
            {
                assert!(b.1.is_finite() && (a.0 < b.0) <= (a.1 < b.1), "{a:?} {b:?}");
                assert_eq!(a.0 == b.0, a.1 == b.1, "{a:?} {b:?}");
            }
        }
    }
}
