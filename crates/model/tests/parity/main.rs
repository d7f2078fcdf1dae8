//! The isolation forest is as good as scikit-learn's on real anomaly tables.
//!
//! scikit-learn's figures are kept beside this file and were written by
//! `scikit_learn.py`. The tables are not part of the project: they are looked for in the
//! folder SENTINEL_TABLES, or in ../shared/tables beside the checkout.

mod npz;

use std::path::{Path, PathBuf};

use npz::Table;
use sentinel_model::metrics::Ranking;
use sentinel_model::{Contamination, ForestParams, IsolationForest};

const FIGURES: &str = include_str!("scikit_learn.txt");
const TOLERANCE: f64 = 0.02;
const SEEDS: u64 = 5;

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("SENTINEL_TABLES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/tables");
    let folder = named.unwrap_or(beside);
    if folder.is_dir() {
        return Some(folder);
    }
    println!(
        "skipped: parity with scikit-learn: no folder {}",
        folder.display()
    );
    None
}

/// The last words of the lines that begin with a word and a table's name.
fn figures<'a>(word: &'a str, table: &'a str) -> impl Iterator<Item = f64> + 'a {
    let lines = FIGURES.lines().filter(move |line| {
        let mut words = line.split(' ');
        words.next() == Some(word) && words.next() == Some(table)
    });
    lines.map(|line| {
        line.split(' ')
            .next_back()
            .and_then(|n| n.parse().ok())
            .expect("a number")
    })
}

fn tables() -> Vec<&'static str> {
    let lines = FIGURES
        .lines()
        .filter_map(|line| line.strip_prefix("anomalies "));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

fn auroc(table: &Table, seed: u64) -> f64 {
    let params = ForestParams {
        seed,
        ..ForestParams::default()
    };
    let forest = IsolationForest::fit_rows(&table.features, table.columns, &params).expect("fits");
    let mut scores = vec![0.0; table.anomalies.len()];
    forest
        .score_rows(&table.features, &mut scores)
        .expect("scores");
    Ranking::new(&scores, &table.anomalies)
        .expect("ranks")
        .auroc()
}

#[test]
fn tells_anomalies_apart_as_well_as_scikit_learn() {
    let Some(folder) = folder() else { return };
    let mut apart = Vec::new();
    for name in tables() {
        let table = Table::read(&folder.join(name));
        let ours = (0..SEEDS).map(|seed| auroc(&table, seed)).sum::<f64>() / SEEDS as f64;
        let theirs = figures("auroc", name).sum::<f64>() / SEEDS as f64;
        println!("{name}: {ours:.4} here, {theirs:.4} in scikit-learn");
        if (ours - theirs).abs() > TOLERANCE {
            apart.push(name);
        }
    }
    assert!(
        apart.is_empty(),
        "{apart:?} differ by more than {TOLERANCE}"
    );
}

#[test]
fn contamination_labels_as_many_rows_as_in_scikit_learn() {
    let Some(folder) = folder() else { return };
    let contamination = Contamination::Share(0.1);
    let params = ForestParams {
        contamination,
        ..ForestParams::default()
    };
    for name in tables() {
        let Table {
            features,
            columns,
            anomalies,
        } = Table::read(&folder.join(name));
        let forest = IsolationForest::fit_rows(&features, columns, &params).expect("fits");
        let labelled = features
            .chunks_exact(columns)
            .filter(|row| forest.is_anomaly(forest.score(row)));
        let (ours, theirs) = (
            labelled.count() as f64,
            figures("anomalies", name).sum::<f64>(),
        );
        // Rows that share their score with the line stay below it, in both programs, so
        // tables with many equal rows may differ by some.
        let allowed = 0.003 * anomalies.len() as f64;
        assert!(
            (ours - theirs).abs() <= allowed,
            "{name}: {ours} here, {theirs} there"
        );
    }
}
