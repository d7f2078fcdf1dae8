//! Judging rows by models that did not learn from them.

use std::ops::Range;

use anyhow::Result;

use super::Task;
use super::report::{Cost, timed};

/// The rows of one of `folds` blocks of neighbours, as rows that lie close in time are
/// alike.
pub(super) fn block(rows: usize, fold: usize, folds: usize) -> Range<usize> {
    rows * fold / folds..rows * (fold + 1) / folds
}

/// The rows outside of a block.
pub(super) fn others(rows: usize, left_out: &Range<usize>) -> Vec<usize> {
    (0..rows).filter(|row| !left_out.contains(row)).collect()
}

/// Scores all rows of TEST by a model of all rows of TRAIN; where both are one file, by
/// models of all blocks but the one that the row lies in.
pub(super) fn judge<M, T: Clone + Default>(
    task: &Task,
    folds: usize,
    mut fit: impl FnMut(&[usize]) -> Result<M>,
    mut score: impl FnMut(&M, usize) -> T,
) -> Result<(Vec<T>, Cost)> {
    let (rows, judged) = (task.train.rows(), task.test.rows());
    let mut cost = Cost::default();
    let mut scores = vec![T::default(); judged];
    let folds = match &task.same {
        Some(_) if rows >= folds => folds,
        _ => 1,
    };
    for fold in 0..folds {
        let block = block(rows, fold, folds);
        let mine: Vec<usize> = match &task.same {
            // What was left out of learning is judged by the first model.
            Some(same) if folds > 1 => (0..judged)
                .filter(|at| same[*at].map_or(fold == 0, |row| block.contains(&row)))
                .collect(),
            _ => (0..judged).collect(),
        };
        let learned = match folds {
            1 => (0..rows).collect(),
            _ => others(rows, &block),
        };
        let (model, took) = timed(|| fit(&learned))?;
        cost.fit += took;
        let ((), took) = timed(|| {
            mine.iter().for_each(|at| scores[*at] = score(&model, *at));
            Ok(())
        })?;
        cost.score += took;
    }
    Ok((scores, cost))
}
