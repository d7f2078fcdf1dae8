//! `lab sequences`: lists of tokens, each scored by the mean surprise of its tokens.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use sentinel_model::{Lstm, Ngram, NgramParams, ORDER_MAX};

use super::report::Report;
use super::{Task, fold, input};
use crate::{LstmParams, train_lstm};

/// Tokens that the network tells apart; the rarest of more share one.
const NETWORK_TOKENS_MAX: usize = 1_024;
/// More rounds than the daemon's, which sees more sequences; and of few tokens as many
/// as it takes to make some two thousand steps.
const EPOCHS: [usize; 2] = [12, 40];
const STEPS: usize = 1_800;
/// Windows that the network looks at in all rounds together, about: some three minutes.
const LOOKS: usize = 300_000;
/// How much more a surprise counts than two of half its size: 1 is the mean, to which an
/// odd stretch of a long sequence means little, and 2 leaves hardly anything but the
/// highest.
const POWER: f32 = 1.5;

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
        looks: LOOKS,
        seed: task.seed,
        ..LstmParams::default()
    };
    let tokens: usize = train.iter().map(Vec::len).sum();
    let steps = tokens.div_ceil(params.window * params.batch);
    let params = LstmParams {
        epochs: (STEPS / steps.max(params.round_steps)).clamp(EPOCHS[0], EPOCHS[1]),
        ..params
    };
    let fit = |rows: &[usize]| {
        let sequences: Vec<_> = rows.iter().map(|row| train[*row].clone()).collect();
        let network = train_lstm(&sequences, &params)?;
        let share = share(&network, &sequences, &vocabulary, params.held_out)?;
        Ok((network, share))
    };
    let judge =
        |(network, share): &(Lstm, f32), at: usize| (network_surprises(network, &test[at]), *share);
    let (lstm, lstm_cost): (Vec<(Vec<f32>, f32)>, _) = fold::judge(task, 2, fit, judge)?;

    let of = |bits: &Vec<f32>| unusual(bits.iter().copied());
    let both = |(ngram, (lstm, share)): (&Vec<f32>, &(Vec<f32>, f32))| {
        let bits = ngram.iter().zip(lstm);
        unusual(bits.map(|(a, b)| a * (1.0 - share) + b * share))
    };
    let combined: Vec<f32> = ngram.iter().zip(&lstm).map(both).collect();
    let ngram: Vec<f32> = ngram.iter().map(of).collect();
    let lstm: Vec<f32> = lstm.iter().map(|(bits, _)| of(bits)).collect();
    let mut report = task.report();
    report.add("ngram", &ngram, ngram_cost)?;
    report.add("lstm", &lstm, lstm_cost)?;
    report.add("combined", &combined, ngram_cost.and(lstm_cost))?;
    Ok(report)
}

/// How much the network counts beside the n-gram model: half where it expects the latest
/// sequences as well, which neither had learned from, and a twentieth where it is surprised
/// by a tenth more. Without it, a network of too little data would pull down what the
/// other one finds.
fn share(
    network: &Lstm,
    sequences: &[Vec<u32>],
    vocabulary: &Vocabulary,
    held_out: f64,
) -> Result<f32> {
    let held_out = (sequences.len() as f64 * held_out) as usize;
    let (earlier, later) = sequences.split_at(sequences.len() - held_out);
    if later.iter().all(Vec::is_empty) {
        return Ok(0.5);
    }
    let other = ngram(earlier.iter().map(Vec::as_slice), vocabulary, ORDER_MAX)?;
    let of_network = mean(later.iter().flat_map(|s| network_surprises(network, s)));
    let of_other = mean(later.iter().flat_map(|s| surprises(&other, s)));
    let worse = (of_network / of_other.max(1e-3) - 1.0).max(0.0);
    Ok(1.0 / (1.0 + (30.0 * worse).exp()))
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

/// The same of the network.
fn network_surprises(network: &Lstm, sequence: &[u32]) -> Vec<f32> {
    let mut state = network.start();
    let bits = |token: &u32| network.score_then_step(&mut state, *token);
    sequence.iter().map(bits).collect()
}

/// How unusual a sequence of these surprises is: a mean to which the higher ones count more.
fn unusual(bits: impl Iterator<Item = f32>) -> f32 {
    mean(bits.map(|bits| bits.powf(POWER))).powf(1.0 / POWER)
}

/// The mean of some bits; 0 for none.
fn mean(bits: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = bits.fold((0.0_f64, 0), |(sum, n), x| (sum + f64::from(x), n + 1));
    (sum / f64::from(count.max(1))) as f32
}
