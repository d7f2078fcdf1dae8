//! Windows of command names: how unlike those of the same person they are.
//!
//! Each group is compared with its own data only. What is usual differs between people,
//! so half of the person's mean is taken off a score, and what is left is measured in
//! deviations of all people; both come from windows that the model in question had not
//! learned from.
//!
//! What a window repeats counts by the logarithm of how often: people come in bursts, and
//! a hundred times the same new command is one new thing.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use sentinel_model::Ngram;

use super::input::{self, Frame, is_number, is_text};
use super::report::{Cost, Report, timed};
use super::sequences::{Vocabulary, context, ngram};
use super::{Task, fold};

const FOLDS: usize = 5;
/// Single commands, and pairs of neighbours.
const ORDERS: [usize; 2] = [1, 2];

pub(super) fn measure(task: &Task, column: &str, group: Option<&str>) -> Result<Report> {
    let train = input::lists(&task.train, column)?;
    let test = input::lists(&task.test, column)?;
    let vocabulary = Vocabulary::learn(&train);
    let data = Data {
        train: vocabulary.numbers(&train),
        test: vocabulary.numbers(&test),
        vocabulary,
        train_groups: groups(&task.train, group)?,
        test_groups: groups(&task.test, group)?,
    };
    let unknown = data
        .test_groups
        .keys()
        .find(|name| !data.train_groups.contains_key(*name));
    if let Some(name) = unknown {
        anyhow::bail!(
            "{} has no row of {name:?}, whom {} asks about",
            task.train.name,
            task.test.name
        );
    }
    let mut report = task.report();
    let (single, single_cost) = data.scores(task, ORDERS[0])?;
    let (pairs, pairs_cost) = data.scores(task, ORDERS[1])?;
    // Pairs repeat much of what single commands say, from fewer sightings of each.
    let combine = |(single, pairs): (&f32, &f32)| single + pairs / 2.0;
    let combined: Vec<f32> = single.iter().zip(&pairs).map(combine).collect();
    report.add("single", &single, single_cost)?;
    report.add("pairs", &pairs, pairs_cost)?;
    report.add("combined", &combined, single_cost.and(pairs_cost))?;
    Ok(report)
}

/// The rows of each group; without a column all are one.
fn groups(frame: &Frame, column: Option<&str>) -> Result<BTreeMap<String, Vec<usize>>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let Some(column) = column else {
        groups.insert(String::new(), (0..frame.rows()).collect());
        return Ok(groups);
    };
    let array = frame.column(column)?;
    let data_type = array.data_type();
    ensure!(
        is_text(data_type) || is_number(data_type),
        "column {column:?} of {} holds {data_type}, which names no group",
        frame.name
    );
    for (row, name) in input::strings(array)?.into_iter().enumerate() {
        groups
            .entry(name.unwrap_or_default())
            .or_default()
            .push(row);
    }
    Ok(groups)
}

struct Data {
    train: Vec<Vec<u32>>,
    test: Vec<Vec<u32>>,
    vocabulary: Vocabulary,
    train_groups: BTreeMap<String, Vec<usize>>,
    test_groups: BTreeMap<String, Vec<usize>>,
}

/// One group under models of one order.
struct Learned {
    model: Ngram,
    /// What each row of the group scored when it was left out.
    own: BTreeMap<usize, f32>,
    mean: f32,
    variance: f32,
}

/// The surprise of the different commands, or pairs, of a window.
fn surprise(model: &Ngram, window: &[u32]) -> f32 {
    let order = model.params().order;
    let mut counts: BTreeMap<&[u32], u32> = BTreeMap::new();
    for at in 0..window.len() {
        let from = at - context(window, at, order).len();
        *counts.entry(&window[from..=at]).or_default() += 1;
    }
    let (mut bits, mut weights) = (0.0_f64, 0.0_f64);
    for (tokens, count) in counts {
        if let [context @ .., token] = tokens {
            let weight = f64::from(count).ln_1p();
            bits += weight * f64::from(model.surprise(context, *token));
            weights += weight;
        }
    }
    (bits / weights.max(f64::MIN_POSITIVE)) as f32
}

impl Data {
    fn scores(&self, task: &Task, order: usize) -> Result<(Vec<f32>, Cost)> {
        let fit = || -> Result<BTreeMap<&String, Learned>> {
            let groups = self.train_groups.iter();
            groups
                .map(|(name, rows)| Ok((name, self.learn(rows, order)?)))
                .collect()
        };
        let (learned, fit) = timed(fit)?;
        // Taken of all groups: what one did in its few windows so far says little about
        // what it may do, and a group of equal windows would have no variance at all.
        let usual =
            learned.values().map(|group| group.variance).sum::<f32>() / learned.len() as f32;
        let deviation = usual.sqrt().max(1e-3);
        let score = || {
            let mut scores = vec![0.0; self.test.len()];
            for (name, rows) in &self.test_groups {
                let group = &learned[name];
                for row in rows {
                    let trained = task.same.as_ref().and_then(|same| same[*row]);
                    let own = trained.and_then(|row| group.own.get(&row).copied());
                    let bits = own.unwrap_or_else(|| surprise(&group.model, &self.test[*row]));
                    scores[*row] = (bits - group.mean / 2.0) / deviation;
                    let bits = own.unwrap_or_else(|| surprise(&group.model, &self.test[*row]));
                    scores[*row] = (bits - group.mean / 2.0) / deviation;
                }
            }
            Ok(scores)
        };
        let (scores, score) = timed(score)?;
        Ok((scores, Cost { fit, score }))
    }

    fn learn(&self, rows: &[usize], order: usize) -> Result<Learned> {
        let model = |places: &[usize]| {
            let windows = places.iter().map(|at| &self.train[rows[*at]][..]);
            ngram(windows, &self.vocabulary, order)
        };
        let mut own = BTreeMap::new();
        for part in 0..FOLDS.min(rows.len()) {
            let block = fold::block(rows.len(), part, FOLDS.min(rows.len()));
            let others = model(&fold::others(rows.len(), &block))?;
            own.extend(block.map(|at| (rows[at], surprise(&others, &self.train[rows[at]]))));
        }
        let n = own.len() as f32;
        let mean = own.values().sum::<f32>() / n;
        let variance = own.values().map(|bits| (bits - mean).powi(2)).sum::<f32>() / n;
        let model = model(&(0..rows.len()).collect::<Vec<_>>())?;
        Ok(Learned {
            model,
            own,
            mean,
            variance,
        })
    }
}
