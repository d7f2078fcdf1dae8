//! Command lines: their form, and how unexpected their words and characters are.
//!
//! Of the surprises the highest few count and never only the mean, which harmless padding
//! would dilute.

use std::collections::HashMap;

use anyhow::{Context, Result};
use sentinel_model::{Ngram, NgramParams};

use super::forms::{FORM, form};
use super::matrix::Matrix;
use super::report::{Report, timed};
use super::sequences::context;
use super::table::{autoencoder, combine, forest};
use super::{Task, input};

const FOLDS: usize = 10;
/// Words that are looked at together, and bytes.
const WORD_ORDER: usize = 3;
const BYTE_ORDER: usize = 5;
/// How many surprises are told of a line.
const SURPRISES: usize = 6;

pub(super) fn measure(task: &Task, column: &str) -> Result<Report> {
    let read = |frame| -> Result<Vec<String>> {
        let lines = input::strings(super::Frame::column(frame, column)?)?;
        Ok(lines.into_iter().map(Option::unwrap_or_default).collect())
    };
    let (train, test) = (read(&task.train)?, read(&task.test)?);
    let ((learned, judged), fit) = timed(|| surprises(task, &train, &test))?;
    let forms = |lines: &[String]| lines.iter().map(|line| form(line)).collect::<Vec<_>>();
    let (train_forms, test_forms) = (forms(&train), forms(&test));

    let form = forest(&rows(&train_forms), &rows(&test_forms), task.seed)?;
    let words = forest(&rows(&learned), &rows(&judged), task.seed)?;
    let both = |forms: &[[f32; FORM]], surprises: &[[f32; SURPRISES]]| {
        let joined = |(a, b): (&[f32; FORM], &[f32; SURPRISES])| [&a[..], &b[..]].concat();
        Matrix {
            values: forms.iter().zip(surprises).flat_map(joined).collect(),
            columns: FORM + SURPRISES,
        }
    };
    let (train_all, test_all) = (both(&train_forms, &learned), both(&test_forms, &judged));
    let all = forest(&train_all, &test_all, task.seed)?;
    let network = autoencoder(&train_all, &test_all, task.seed)?;
    let combined = combine(&[&form, &words, &network])?;

    let mut report = task.report();
    let mut words_cost = words.cost;
    words_cost.fit += fit;
    report.add("form", &form.scores, form.cost)?;
    report.add("words", &words.scores, words_cost)?;
    report.add("forest", &all.scores, words_cost.and(all.cost))?;
    report.add("autoencoder", &network.scores, words_cost.and(network.cost))?;
    report.add(
        "combined",
        &combined,
        words_cost.and(form.cost).and(network.cost),
    )?;
    Ok(report)
}

fn rows<const N: usize>(rows: &[[f32; N]]) -> Matrix {
    Matrix {
        values: rows.as_flattened().to_vec(),
        columns: N,
    }
}

/// The surprises of both files. Lines of TRAIN are told by words of other lines, as those
/// of TEST will be.
#[allow(clippy::type_complexity)]
fn surprises(
    task: &Task,
    train: &[String],
    test: &[String],
) -> Result<(Vec<[f32; SURPRISES]>, Vec<[f32; SURPRISES]>)> {
    let mut learned = vec![[0.0; SURPRISES]; train.len()];
    let folds = FOLDS.min(train.len());
    for part in 0..folds {
        // Interleaved, since lines of one kind often lie together.
        let (own, others): (Vec<usize>, Vec<usize>) =
            (0..train.len()).partition(|row| row % folds == part);
        let words = Words::learn(others.iter().map(|row| &train[*row][..]))?;
        for row in own {
            learned[row] = words.surprises(&train[row]);
        }
    }
    let words = Words::learn(train.iter().map(String::as_str))?;
    let of_test = |(at, line): (usize, &String)| {
        let trained = task.same.as_ref().and_then(|same| same[at]);
        trained.map_or_else(|| words.surprises(line), |row| learned[row])
    };
    let judged = test.iter().enumerate().map(of_test).collect();
    Ok((learned, judged))
}

/// What is known of words and bytes.
struct Words {
    numbers: HashMap<String, u32>,
    words: Ngram,
    bytes: Ngram,
}

impl Words {
    fn learn<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Words> {
        let lines: Vec<&str> = lines.collect();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        for line in &lines {
            for word in split(line) {
                let next = numbers.len() as u32;
                numbers.entry(word).or_insert(next);
            }
        }
        let size: usize = lines.iter().map(|line| line.len()).sum();
        let model = |order: usize, vocabulary: u32| {
            let pairs_max = (size * order).next_power_of_two().clamp(1 << 12, 1 << 23);
            let params = NgramParams {
                order,
                vocabulary,
                pairs_max,
                seed: 0,
            };
            Ngram::new(params).context("cannot learn words")
        };
        let mut known = Words {
            words: model(WORD_ORDER, numbers.len() as u32 + 1)?,
            bytes: model(BYTE_ORDER, 256)?,
            numbers,
        };
        for line in lines {
            let (words, bytes) = known.tokens(line);
            for at in 0..words.len() {
                known
                    .words
                    .observe(context(&words, at, WORD_ORDER), words[at]);
            }
            for at in 0..bytes.len() {
                known
                    .bytes
                    .observe(context(&bytes, at, BYTE_ORDER), bytes[at]);
            }
        }
        Ok(known)
    }

    fn tokens(&self, line: &str) -> (Vec<u32>, Vec<u32>) {
        let unseen = self.numbers.len() as u32;
        let number = |word: String| self.numbers.get(&word).copied().unwrap_or(unseen);
        (
            split(line).into_iter().map(number).collect(),
            line.bytes().map(u32::from).collect(),
        )
    }

    fn surprises(&self, line: &str) -> [f32; SURPRISES] {
        let (words, bytes) = self.tokens(line);
        let of = |model: &Ngram, tokens: &[u32], order| -> Vec<f32> {
            let bits = |at| model.surprise(context(tokens, at, order), tokens[at]);
            let mut bits: Vec<f32> = (0..tokens.len()).map(bits).collect();
            bits.sort_unstable_by(|a, b| b.total_cmp(a));
            bits
        };
        let unseen = words
            .iter()
            .filter(|word| **word == self.numbers.len() as u32)
            .count();
        let words = of(&self.words, &words, WORD_ORDER);
        let bytes = of(&self.bytes, &bytes, BYTE_ORDER);
        let top = |bits: &[f32], n: usize| bits.iter().take(n).sum::<f32>() / n as f32;
        [
            top(&words, 1),
            top(&words, 3),
            top(&words, 8),
            (unseen as f32).ln_1p(),
            top(&bytes, 4),
            top(&bytes, 24),
        ]
    }
}

/// Words of letters and digits, numbers being one, and each symbol by itself.
fn split(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut inside = false;
    for c in line.chars().filter(|c| !c.is_control()) {
        let part = c.is_alphanumeric() || c == '_';
        let c = if c.is_numeric() { '0' } else { c };
        match words.last_mut() {
            Some(word) if part && inside => {
                if !(c == '0' && word.ends_with('0')) {
                    word.push(c);
                }
            }
            _ if c.is_whitespace() => (),
            _ => words.push(c.to_string()),
        }
        inside = part;
    }
    words
}
