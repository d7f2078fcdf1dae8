use super::*;

fn ranking(scores: &[f32], labels: &[u8]) -> Ranking {
    let labels: Vec<_> = labels.iter().map(|&label| label == 1).collect();
    Ranking::new(scores, &labels).expect("is valid")
}

/// Figures of sklearn.metrics 1.9.1 on the same rows.
#[test]
fn equals_scikit_learn() {
    let scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.05, 0.4];
    let found = ranking(&scores, &[0, 0, 1, 1, 1, 0, 0, 0]);
    assert!((found.auroc() - 0.6).abs() < 1e-12, "{}", found.auroc());
    let precision = found.average_precision();
    assert!(
        (precision - 0.466_666_666_666_666_7).abs() < 1e-12,
        "{precision}"
    );
    assert_eq!(found.true_positives_at(0.0), 0.0);
    assert!((found.true_positives_at(0.2) - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(found.true_positives_at(0.6), 1.0);
}

#[test]
fn perfect_reversed_and_constant_scores() {
    let labels = [0, 0, 0, 1, 1];
    let perfect = ranking(&[1.0, 2.0, 3.0, 4.0, 5.0], &labels);
    assert_eq!((perfect.auroc(), perfect.average_precision()), (1.0, 1.0));
    assert_eq!(perfect.true_positives_at(0.0), 1.0);
    assert_eq!(ranking(&[5.0, 4.0, 3.0, 2.0, 1.0], &labels).auroc(), 0.0);
    let constant = ranking(&[0.0, -0.0, 0.0, 0.0, -0.0], &labels);
    assert_eq!((constant.auroc(), constant.average_precision()), (0.5, 0.4));
    assert_eq!(constant.true_positives_at(0.99), 0.0);
}

#[test]
fn what_has_no_metric_is_refused() {
    assert!(Ranking::new(&[1.0], &[true, false]).is_err());
    assert!(Ranking::new(&[1.0, 2.0], &[true, true]).is_err());
    assert!(Ranking::new(&[1.0, f32::NAN], &[true, false]).is_err());
    assert!(rank_correlation(&[1.0, 1.0], &[1.0, 2.0]).is_err());
}

#[test]
fn ranks_share_ties() {
    assert_eq!(
        ranks(&[3.0, 1.0, 3.0, 2.0]).expect("ranks"),
        [3.5, 1.0, 3.5, 2.0]
    );
    let rising = [1.0, 2.0, 3.0, 4.0];
    let same = rank_correlation(&rising, &[1.0, 10.0, 11.0, 400.0]).expect("correlates");
    assert!((same - 1.0).abs() < 1e-12);
}
