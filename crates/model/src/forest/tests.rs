use smartcore::api::{Predictor, UnsupervisedEstimator};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::*;

/// Rows of a ring with noise, so that neither column alone tells what is far out.
fn table(rows: usize, columns: usize, seed: u64) -> Vec<f32> {
    let mut random = SplitMix64::stream(seed, 0);
    let mut value = move || (0..4).map(|_| random.unit()).sum::<f64>() as f32;
    (0..rows * columns).map(|_| value()).collect()
}

fn params(seed: u64) -> ForestParams {
    ForestParams {
        seed,
        ..ForestParams::default()
    }
}

/// The definition, tree by tree and branch by branch, to hold the fast walk against.
fn plain_score(forest: &IsolationForest, row: &[f32]) -> f32 {
    let Layout {
        nodes,
        lengths,
        roots,
        ..
    } = &forest.layout;
    let mut sum = 0.0;
    for &root in roots {
        let mut at = root as usize;
        while nodes[at].step > 0 {
            let left = at + usize::from(nodes[at].step);
            let goes_right = row[usize::from(nodes[at].feature)] > nodes[at].threshold;
            at = if goes_right { left + 1 } else { left };
        }
        sum += lengths[at];
    }
    (sum * forest.exponent).exp2()
}

#[test]
fn the_fast_walk_equals_the_plain_one_to_the_bit() {
    let rows = table(3_000, 5, 1);
    for trees in [1, 7, 8, 9, 100] {
        let params = ForestParams { trees, ..params(3) };
        let forest = IsolationForest::fit_rows(&rows, 5, &params).expect("fits");
        let mut scores = vec![0.0; 3_000];
        forest.score_rows(&rows, &mut scores).expect("scores");
        for (row, batch) in rows.chunks_exact(5).zip(scores) {
            assert_eq!(forest.score(row), plain_score(&forest, row));
            assert_eq!(forest.score(row), batch);
        }
    }
}

#[test]
fn equal_seeds_give_equal_forests_and_others_do_not() {
    let rows = table(2_000, 4, 2);
    let fit = |seed| IsolationForest::fit_rows(&rows, 4, &params(seed)).expect("fits");
    assert_eq!(fit(5).to_bytes(), fit(5).to_bytes());
    assert_ne!(fit(5).to_bytes(), fit(6).to_bytes());
}

#[test]
fn each_leaf_says_how_many_rows_ended_there() {
    // With one tree over all rows, the rows of the leaves add up to the sample: the
    // mean of 2^-(depth) weights does not, so count by walking.
    let rows = table(256, 3, 4);
    let params = ForestParams {
        trees: 1,
        ..params(9)
    };
    let forest = IsolationForest::fit_rows(&rows, 3, &params).expect("fits");
    let mut ended = vec![0_usize; forest.nodes()];
    let mut depths = vec![0_u32; forest.nodes()];
    for row in rows.chunks_exact(3) {
        let (mut at, mut depth) = (0, 0);
        while forest.layout.nodes[at].step > 0 {
            let node = forest.layout.nodes[at];
            at += usize::from(node.step)
                + usize::from(row[usize::from(node.feature)] > node.threshold);
            depth += 1;
        }
        ended[at] += 1;
        depths[at] = depth;
    }
    for (at, node) in forest.layout.nodes.iter().enumerate() {
        if node.step == 0 {
            assert!(ended[at] > 0, "an empty leaf");
            let length = f64::from(depths[at]) + average_path_length(ended[at]);
            assert_eq!(forest.layout.lengths[at], length as f32);
            assert!(
                ended[at] == 1 || depths[at] == 8,
                "a leaf that could be split"
            );
        }
    }
}

#[test]
fn what_is_far_out_scores_higher_in_every_direction() {
    let rows = table(2_000, 4, 7);
    let forest = IsolationForest::fit_rows(&rows, 4, &params(0)).expect("fits");
    let centre = forest.score(&[2.0; 4]);
    for column in 0..4 {
        for value in [-50.0, 50.0, f32::INFINITY, f32::NEG_INFINITY] {
            let mut row = [2.0; 4];
            row[column] = value;
            assert!(forest.score(&row) > centre + 0.05, "{row:?}");
        }
    }
    assert!(centre < 0.5 && forest.score(&[50.0; 4]) > 0.7);
}

#[test]
fn contamination_draws_the_line_where_scikit_learn_does() {
    let rows = table(1_000, 3, 8);
    let share = Contamination::Share(0.05);
    let params = ForestParams {
        contamination: share,
        ..params(1)
    };
    let forest = IsolationForest::fit_rows(&rows, 3, &params).expect("fits");
    let x = DenseMatrix::new(1_000, 3, rows.clone(), false).expect("fits");
    let labels: Vec<i32> = forest.predict(&x).expect("labels");
    assert_eq!(labels.iter().filter(|&&label| label == -1).count(), 50);
    let automatic = IsolationForest::fit_rows(&rows, 3, &self::params(1)).expect("fits");
    assert_eq!(automatic.line(), 0.5);
    assert_eq!(percentile(vec![4.0, 1.0, 3.0, 2.0], 0.9), 3.7);
}

#[test]
fn matrices_of_either_order_give_the_forest_of_the_slice() {
    let rows = table(500, 3, 9);
    let params = ForestParams {
        contamination: Contamination::Share(0.1),
        ..params(2)
    };
    let forest = IsolationForest::fit_rows(&rows, 3, &params).expect("fits");
    let nested: Vec<Vec<f32>> = rows.chunks_exact(3).map(<[f32]>::to_vec).collect();
    let by_column = DenseMatrix::from_2d_vec(&nested).expect("is a matrix");
    let by_row = DenseMatrix::new(500, 3, rows.clone(), false).expect("is a matrix");
    for matrix in [by_column, by_row] {
        let fitted = IsolationForest::fit(&matrix, params.clone()).expect("fits");
        assert_eq!(fitted, forest);
        let scores: Vec<f32> = fitted.predict(&matrix).expect("scores");
        assert_eq!(scores[7], forest.score(&rows[21..24]));
    }
}

#[test]
fn a_saved_forest_scores_the_same() {
    let rows = table(1_000, 6, 10);
    let forest = IsolationForest::fit_rows(&rows, 6, &params(4)).expect("fits");
    let bytes = forest.to_bytes();
    let read = IsolationForest::from_bytes(&bytes).expect("reads");
    assert_eq!(read, forest);
    let mut damaged = bytes.clone();
    *damaged.last_mut().expect("has bytes") ^= 0x10;
    let refused = IsolationForest::from_bytes(&damaged).expect_err("is damaged");
    assert!(matches!(refused, ModelError::Checksum { .. }), "{refused}");
}

#[test]
fn trees_that_lead_astray_are_refused() {
    let rows = table(300, 2, 11);
    let forest = IsolationForest::fit_rows(&rows, 2, &params(4)).expect("fits");
    let refused = |change: fn(&mut IsolationForest)| {
        let mut forest = forest.clone();
        change(&mut forest);
        let read = IsolationForest::from_bytes(&forest.to_bytes());
        matches!(read, Err(ModelError::Inconsistent(_)))
    };
    assert!(!refused(|_| ()));
    assert!(refused(|forest| forest.layout.nodes[0].step = u16::MAX));
    assert!(refused(|forest| forest.layout.nodes[0].feature = 2));
    assert!(refused(|forest| forest.layout.roots[1] = u32::MAX));
    assert!(refused(|forest| forest.layout.roots.clear()));
    assert!(refused(|forest| {
        let leaf = forest.layout.nodes.iter_mut().find(|node| node.step == 0);
        leaf.expect("there are leaves").threshold = 0.0;
    }));
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let fit = |values: &[f32], columns, params: &ForestParams| {
        IsolationForest::fit_rows(values, columns, params).map(|_| ())
    };
    let good = params(0);
    assert!(fit(&[1.0, 2.0], 1, &good).is_ok());
    assert!(fit(&[], 1, &good).is_err());
    assert!(fit(&[1.0, 2.0, 3.0], 2, &good).is_err());
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = table(20, 3, 1);
        values[41] = value;
        assert!(fit(&values, 3, &good).is_err(), "{value}");
    }
    for trees in [0, 10_001] {
        assert!(
            fit(
                &[1.0],
                1,
                &ForestParams {
                    trees,
                    ..good.clone()
                }
            )
            .is_err()
        );
    }
    let contamination = Contamination::Share(0.6);
    assert!(
        fit(
            &[1.0],
            1,
            &ForestParams {
                contamination,
                ..good.clone()
            }
        )
        .is_err()
    );
}

#[test]
fn constant_columns_and_single_rows_are_no_trouble() {
    let forest = IsolationForest::fit_rows(&[3.0; 40], 2, &params(0)).expect("fits");
    assert_eq!(forest.nodes(), 100, "nothing can be split");
    let single = IsolationForest::fit_rows(&[1.0, 2.0], 2, &params(0)).expect("fits");
    assert_eq!(single.score(&[1.0, 2.0]), 1.0);
    // One column varies among many that do not: it must still be found.
    let rows: Vec<f32> = (0..400)
        .flat_map(|i| [0.0, 0.0, 0.0, i as f32, 0.0])
        .collect();
    let forest = IsolationForest::fit_rows(&rows, 5, &params(0)).expect("fits");
    assert!(
        forest.score(&[0.0, 0.0, 0.0, 900.0, 0.0]) > forest.score(&[0.0, 0.0, 0.0, 200.0, 0.0])
    );
}

#[test]
fn neighbouring_numbers_are_told_apart_by_one_cut() {
    // No number lies between them, so the threshold can only be the smaller one.
    let rows: Vec<f32> = (0..64)
        .map(|at| if at % 2 == 0 { 1.0 } else { 1.0_f32.next_up() })
        .collect();
    let forest = IsolationForest::fit_rows(&rows, 1, &params(0)).expect("fits");
    assert_eq!(forest.nodes(), 300, "a root and two leaves per tree");
}
