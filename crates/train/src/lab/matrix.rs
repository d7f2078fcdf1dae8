//! Columns of any numeric type as one matrix of finite 32-bit numbers.

use std::collections::HashMap;

use anyhow::{Result, ensure};

use super::input::{Frame, is_number, is_text, numbers, strings};

/// Numbers beyond it are taken as it: their squares still fit.
const LARGEST: f64 = 1e18;

/// Row-major values, `columns` to a row.
pub(super) struct Matrix {
    pub(super) values: Vec<f32>,
    pub(super) columns: usize,
}

/// How a value becomes a number: learned from TRAIN.
enum Coding {
    Number {
        median: f32,
    },
    /// Bits of surprise of each value, and of one never seen.
    Rarity {
        bits: HashMap<String, f32>,
        unseen: f32,
    },
}

/// The features of TRAIN and TEST: all columns but the label, in the order of TRAIN.
pub(super) fn both(train: &Frame, test: &Frame, label: &str) -> Result<(Matrix, Matrix)> {
    let (mut learned, mut judged, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    let names = train.names();
    for name in names.iter().filter(|name| *name != label) {
        let array = train.column(name)?;
        let (here, there) = (array.data_type(), test.column(name)?.data_type());
        let fits = |kind: fn(&_) -> bool| kind(here) && kind(there);
        if !fits(is_number) && !fits(is_text) {
            ensure!(
                here == there || !(is_number(here) || is_text(here)),
                "column {name:?} holds {here} in {} and {there} in {}",
                train.name,
                test.name
            );
            skipped.push(name.as_str());
            continue;
        }
        let coding = Coding::learn(train, name)?;
        learned.push(coding.apply(train, name)?);
        judged.push(coding.apply(test, name)?);
    }
    if !skipped.is_empty() {
        let names = skipped.join(", ");
        eprintln!("note: columns without numbers are left out: {names}");
    }
    ensure!(
        !learned.is_empty(),
        "{} has no column of numbers or words beside {label:?}",
        train.name
    );
    Ok((Matrix::of(&learned), Matrix::of(&judged)))
}

impl Coding {
    fn learn(frame: &Frame, column: &str) -> Result<Coding> {
        let array = frame.column(column)?;
        if is_number(array.data_type()) {
            let mut known: Vec<f32> = numbers(array)?.into_iter().flatten().map(narrow).collect();
            known.sort_unstable_by(f32::total_cmp);
            let median = known.get(known.len() / 2).copied().unwrap_or(0.0);
            return Ok(Coding::Number { median });
        }
        let values = strings(array)?;
        let mut counts: HashMap<String, u32> = HashMap::new();
        for value in values.iter().flatten() {
            *counts.entry(value.clone()).or_default() += 1;
        }
        // Witten and Bell: as many sightings are kept for the unseen as there are values.
        let (total, distinct) = (values.len() as f32, counts.len() as f32);
        let bits = |count: f32| -(count / (total + distinct)).log2();
        let unseen = bits(0.5);
        let bits = counts
            .into_iter()
            .map(|(value, count)| (value, bits(count as f32)))
            .collect();
        Ok(Coding::Rarity { bits, unseen })
    }

    fn apply(&self, frame: &Frame, column: &str) -> Result<Vec<f32>> {
        let array = frame.column(column)?;
        Ok(match self {
            Coding::Number { median } => numbers(array)?
                .into_iter()
                .map(|number| number.map_or(*median, narrow))
                .collect(),
            Coding::Rarity { bits, unseen } => strings(array)?
                .into_iter()
                .map(|value| {
                    value
                        .and_then(|value| bits.get(&value).copied())
                        .unwrap_or(*unseen)
                })
                .collect(),
        })
    }
}

fn narrow(number: f64) -> f32 {
    number.clamp(-LARGEST, LARGEST) as f32
}

impl Matrix {
    pub(super) fn of(columns: &[Vec<f32>]) -> Matrix {
        let rows = columns[0].len();
        let row = |row: usize| columns.iter().map(move |column| column[row]);
        Matrix {
            values: (0..rows).flat_map(row).collect(),
            columns: columns.len(),
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.columns)
    }
}
