//! What a forest must not do: say the same of everything, or be led astray by some bad
//! rows among those that it learned from.

use sentinel_model::metrics::{Ranking, check_collapse};
use sentinel_model::random::SplitMix64;
use sentinel_model::{ForestParams, IsolationForest};

const COLUMNS: usize = 8;

/// Rows around two centres; anomalies lie apart from both in three of the columns.
fn rows(normal: usize, anomalies: usize, seed: u64) -> (Vec<f32>, Vec<bool>) {
    let mut random = SplitMix64::stream(seed, 0);
    let labels: Vec<bool> = (0..normal + anomalies).map(|row| row >= normal).collect();
    let mut values = Vec::new();
    for anomaly in &labels {
        let centre = random.below(2) as f64 * 4.0;
        for column in 0..COLUMNS {
            let noise = (0..6).map(|_| random.unit()).sum::<f64>() - 3.0;
            let apart = f64::from(*anomaly && column < 3) * 4.0;
            values.push((centre + noise - apart) as f32);
        }
    }
    (values, labels)
}

fn scores(train: &[f32], test: &[f32], seed: u64) -> Vec<f32> {
    let params = ForestParams {
        seed,
        ..ForestParams::default()
    };
    let forest = IsolationForest::fit_rows(train, COLUMNS, &params).expect("fits");
    test.chunks(COLUMNS).map(|row| forest.score(row)).collect()
}

#[test]
fn a_forest_does_not_collapse_and_what_has_collapsed_is_noticed() {
    let (train, _) = rows(2_000, 0, 1);
    let (test, labels) = rows(1_000, 50, 2);
    let good = scores(&train, &test, 0);
    check_collapse(&good, &labels).expect("the forest tells them apart");

    let mut random = SplitMix64::stream(3, 0);
    let rounded = good.iter().map(|score| (score / 4.0).round()).collect();
    let noise = good.iter().map(|_| random.unit() as f32).collect();
    let flat = good.iter().map(|score| 1.0 + score * 1e-6).collect();
    for (name, collapsed) in [
        ("always one", vec![1.0; good.len()]),
        ("nearly all equal", rounded),
        ("noise", noise),
        ("different only in the last digits", flat),
    ] {
        let collapsed: Vec<f32> = collapsed;
        assert!(check_collapse(&collapsed, &labels).is_err(), "{name}");
    }
}

#[test]
fn five_percent_of_bad_rows_cost_no_more_than_a_hundredth() {
    let (test, labels) = rows(2_000, 100, 4);
    let auroc = |train: &[f32]| {
        let of = |seed| {
            let ranking = Ranking::new(&scores(train, &test, seed), &labels).expect("ranks");
            ranking.auroc()
        };
        (0..5).map(of).sum::<f64>() / 5.0
    };
    let clean = auroc(&rows(9_500, 0, 5).0);
    let poisoned = auroc(&rows(9_500, 500, 5).0);
    println!("{clean:.4} clean, {poisoned:.4} poisoned");
    assert!(
        clean > 0.9 && clean - poisoned <= 0.01,
        "{clean} and {poisoned}"
    );
}
