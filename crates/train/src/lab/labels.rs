//! What a label says: anomaly, not one, or nothing.

use anyhow::{Result, bail, ensure};
use arrow::array::ArrayRef;

use super::input::{Frame, is_number, is_text, numbers, strings};

/// Words for what is no anomaly. Every other word is the name of one, as data sets name
/// each attack, except for the next.
const NORMAL: [&str; 9] = [
    "normal",
    "benign",
    "ok",
    "good",
    "clean",
    "legitimate",
    "false",
    "no",
    "0",
];

/// Words that leave open what they mean.
const UNCLEAR: [&str; 8] = [
    "unknown",
    "unlabelled",
    "unlabeled",
    "none",
    "null",
    "nan",
    "n/a",
    "?",
];

/// The labels of both files. TRAIN need not have the column: it is then unlabelled.
pub(super) fn both(train: &Frame, test: &Frame, column: &str) -> Result<[Vec<Option<bool>>; 2]> {
    let judged = labels(test, test.column(column)?, column)?;
    let learned = match train.find(column) {
        Some(array) => labels(train, array, column)?,
        None => vec![None; train.rows()],
    };
    Ok([learned, judged])
}

fn labels(frame: &Frame, array: &ArrayRef, column: &str) -> Result<Vec<Option<bool>>> {
    if is_number(array.data_type()) {
        let label = |(row, number): (usize, Option<f64>)| match number {
            None => Ok(None),
            Some(0.0) => Ok(Some(false)),
            Some(1.0) => Ok(Some(true)),
            Some(other) => bail!(
                "column {column:?} of {} has {other} in row {row}: a label is 0 for normal or 1 for an anomaly",
                frame.name
            ),
        };
        return numbers(array)?.into_iter().enumerate().map(label).collect();
    }
    ensure!(
        is_text(array.data_type()),
        "column {column:?} of {} holds {}: labels are truth values, 0 and 1, or words",
        frame.name,
        array.data_type()
    );
    let words = strings(array)?;
    let labels = words
        .iter()
        .enumerate()
        .map(|(row, word)| of_word(frame, column, row, word.as_deref().unwrap_or("")))
        .collect::<Result<Vec<_>>>()?;
    // Where no row is normal, what looks like the name of an attack may be anything.
    ensure!(
        labels.iter().all(Option::is_none)
            || labels.contains(&Some(false))
            || words.iter().flatten().all(|word| says_anomaly(word)),
        "column {column:?} of {} has no row that says normal, benign or the like, so its words cannot be told apart",
        frame.name
    );
    Ok(labels)
}

fn of_word(frame: &Frame, column: &str, row: usize, word: &str) -> Result<Option<bool>> {
    let word = bare(word);
    ensure!(
        !UNCLEAR.contains(&word.as_str()),
        "column {column:?} of {} says {word:?} in row {row}: leave a label empty where it is not known",
        frame.name
    );
    Ok((!word.is_empty()).then(|| !NORMAL.contains(&word.as_str())))
}

/// A word as it is looked up: some data sets end each label with a full stop, and some
/// write truth values as fractions.
fn bare(word: &str) -> String {
    let word = word.trim().to_lowercase();
    match word.as_str() {
        "0.0" => "0".to_owned(),
        "1.0" => "1".to_owned(),
        other => other.trim_end_matches('.').to_owned(),
    }
}

fn says_anomaly(word: &str) -> bool {
    let word = bare(word);
    [
        "attack",
        "anomaly",
        "anomalous",
        "malicious",
        "true",
        "yes",
        "1",
        "",
    ]
    .contains(&word.as_str())
}
