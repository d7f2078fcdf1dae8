//! Command lines: their form, and how unexpected their words and characters are.
//!
//! Of the surprises the highest few count, the densest stretch and the sum, and never the
//! mean, which harmless padding would dilute.

use anyhow::{Result, ensure};

use super::forms::{FORM, form};
use super::input::Frame;
use super::matrix::Matrix;
use super::report::{Report, timed};
use super::table::{autoencoder, combine, forest};
use super::words::{SURPRISES, Words};
use super::{Task, input};

const FOLDS: usize = 10;

pub(super) fn measure(task: &Task, column: &str) -> Result<Report> {
    let read = |frame: &Frame| -> Result<Vec<String>> {
        let array = frame.column(column)?;
        ensure!(
            input::is_text(array.data_type()),
            "column {column:?} of {} holds {}, not command lines",
            frame.name,
            array.data_type()
        );
        let lines = input::strings(array)?;
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
    // Words that are rare are what the network says, and much of what a forest says of them
    // is said by the form as well.
    let combined = combine(&[&form, &network])?;

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
