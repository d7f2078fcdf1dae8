//! `lab sequences`: lists of tokens, each scored by the mean surprise of its tokens.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use sentinel_model::{Lstm, Ngram, NgramParams, ORDER_MAX};

use super::report::Report;
use super::{Task, fold, input};
use crate::{LstmParams, train_lstm};

/// Tokens that the network tells apart; the rarest of more share one.
const NETWORK_TOKENS_MAX: usize = 1_024;
/// More rounds than the daemon's, which sees more sequences.
const EPOCHS: usize = 12;

pub(super) fn measure(task: &Task, column: &str) -> Result<Report> {
    let train = input::lists(&task.train, column)?;
    let test = input::lists(&task.test, column)?;
    let vocabulary = Vocabulary::learn(&train);
    ensure!(
        vocabulary.0.len() > 1,
        "column {column:?} of {} has fewer than two different tokens",
        task.train.name
    );
    ensure!(
        test.iter()
            .flatten()
            .any(|token| vocabulary.0.contains_key(token))
            || test.iter().all(Vec::is_empty),
        "column {column:?} of {} has no token that {} has: it holds {} there and {} here",
        task.test.name,
        task.train.name,
        task.train.column(column)?.data_type(),
        task.test.column(column)?.data_type()
    );
    let (train, test) = (vocabulary.numbers(&train), vocabulary.numbers(&test));

    let fit = |rows: &[usize]| {
        ngram(
            rows.iter().map(|row| &train[*row][..]),
            &vocabulary,
            ORDER_MAX,
        )
    };
    let judge = |model: &Ngram, at: usize| surprises(model, &test[at]);
    let (ngram, ngram_cost) = fold::judge(task, 5, fit, judge)?;

    let params = LstmParams {
        vocabulary: vocabulary.0.len().min(NETWORK_TOKENS_MAX) + 1,
        epochs: EPOCHS,
        looks: usize::MAX,
        seed: task.seed,
        ..LstmParams::default()
    };
    let fit = |rows: &[usize]| {
        let sequences: Vec<_> = rows.iter().map(|row| train[*row].clone()).collect();
        train_lstm(&sequences, &params)
    };
    let judge = |model: &Lstm, at: usize| {
        let mut state = model.start();
        let bits = test[at]
            .iter()
            .map(|token| model.score_then_step(&mut state, *token));
        bits.collect()
    };
    let (lstm, lstm_cost): (Vec<Vec<f32>>, _) = fold::judge(task, 2, fit, judge)?;

    let means = |bits: &[Vec<f32>]| {
        bits.iter()
            .map(|bits| mean(bits.iter().copied()))
            .collect::<Vec<_>>()
    };
    let combined: Vec<f32> = ngram
        .iter()
        .zip(&lstm)
        .map(|(a, b)| mean(mixed(a, b)))
        .collect();
    let mut report = task.report();
    report.add("ngram", &means(&ngram), ngram_cost)?;
    report.add("lstm", &means(&lstm), lstm_cost)?;
    report.add("combined", &combined, ngram_cost.and(lstm_cost))?;
    Ok(report)
}

/// The surprise of each token under the even mixture of two models, which is less wrong
/// than either: only what both did not expect is unexpected.
fn mixed<'a>(a: &'a [f32], b: &'a [f32]) -> impl Iterator<Item = f32> {
    let mixture =
        |(a, b): (&f32, &f32)| 1.0 - ((-a).exp2() + (-b).exp2()).max(f32::MIN_POSITIVE).log2();
    a.iter().zip(b).map(mixture)
}

/// Numbers for tokens, the most frequent first.
pub(super) struct Vocabulary(HashMap<String, u32>);

impl Vocabulary {
    pub(super) fn learn(sequences: &[Vec<String>]) -> Vocabulary {
        let mut counts: HashMap<&String, u32> = HashMap::new();
        for token in sequences.iter().flatten() {
            *counts.entry(token).or_default() += 1;
        }
        let mut tokens: Vec<_> = counts.into_iter().collect();
        tokens.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let numbered = tokens.into_iter().zip(0..);
        Vocabulary(numbered.map(|((token, _), n)| (token.clone(), n)).collect())
    }

    /// Tokens never seen share the number after the last.
    pub(super) fn numbers(&self, sequences: &[Vec<String>]) -> Vec<Vec<u32>> {
        let unseen = self.0.len() as u32;
        let number = |token: &String| self.0.get(token).copied().unwrap_or(unseen);
        sequences
            .iter()
            .map(|s| s.iter().map(number).collect())
            .collect()
    }
}

/// A model of some sequences, with room for each pair in them.
pub(super) fn ngram<'a>(
    sequences: impl Iterator<Item = &'a [u32]>,
    vocabulary: &Vocabulary,
    order: usize,
) -> Result<Ngram> {
    let sequences: Vec<_> = sequences.collect();
    let tokens: usize = sequences.iter().map(|sequence| sequence.len()).sum();
    // A bucket of eight is full before the table is.
    let places = (tokens * order * 2).next_power_of_two();
    let mut model = Ngram::new(NgramParams {
        order,
        vocabulary: vocabulary.0.len() as u32 + 1,
        pairs_max: places.clamp(1 << 10, 1 << 24),
        seed: 0,
    })?;
    for sequence in sequences {
        for at in 0..sequence.len() {
            model.observe(context(sequence, at, order), sequence[at]);
        }
    }
    Ok(model)
}

pub(super) fn context(sequence: &[u32], at: usize, order: usize) -> &[u32] {
    &sequence[at.saturating_sub(order - 1)..at]
}

/// The surprise of each token.
fn surprises(model: &Ngram, sequence: &[u32]) -> Vec<f32> {
    let order = model.params().order;
    let bits = |at| model.surprise(context(sequence, at, order), sequence[at]);
    (0..sequence.len()).map(bits).collect()
}

/// The mean of some bits; 0 for none.
fn mean(bits: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = bits.fold((0.0_f64, 0), |(sum, n), x| (sum + f64::from(x), n + 1));
    (sum / f64::from(count.max(1))) as f32
}
