use super::*;
use crate::random::SplitMix64;

type Source = fn(&mut SplitMix64) -> f64;

/// Sources of scores with tails of every sort: bounded, light, exponential and heavy.
const SOURCES: [(&str, Source); 5] = [
    ("uniform", |random| random.unit()),
    ("beta(2, 8)", |random| {
        let gamma =
            |random: &mut SplitMix64, n| -(0..n).map(|_| (1.0 - random.unit()).ln()).sum::<f64>();
        let (a, b) = (gamma(random, 2), gamma(random, 8));
        a / (a + b)
    }),
    ("normal", |random| {
        (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
    }),
    ("exponential", |random| -(1.0 - random.unit()).ln()),
    ("pareto(4)", |random| (1.0 - random.unit()).powf(-0.25)),
];

fn draw(source: Source, random: &mut SplitMix64, n: usize) -> Vec<f32> {
    (0..n).map(|_| source(random) as f32).collect()
}

#[test]
fn p_values_of_exchangeable_scores_are_uniform() {
    for (name, source) in SOURCES {
        let mut random = SplitMix64::stream(1, 0);
        let (rounds, per_round) = (300, 100);
        let mut p_values = Vec::new();
        for _ in 0..rounds {
            let calibration = Calibration::fit(draw(source, &mut random, 999)).expect("fits");
            let later = draw(source, &mut random, per_round);
            p_values.extend(later.iter().map(|score| calibration.p_value(*score)));
        }
        for level in [0.03, 0.05, 0.1, 0.25, 0.5, 0.9] {
            let found =
                p_values.iter().filter(|p| **p <= level).count() as f64 / p_values.len() as f64;
            // Three standard errors of the binomial, and of the 300 calibrations.
            let error =
                3.0 * (level * (1.0 - level) * (1.0 / 30_000.0 + 1.0 / 300_000.0_f64)).sqrt();
            assert!((found - level).abs() < error, "{name}: {found} at {level}");
        }
    }
}

#[test]
fn the_tail_holds_on_later_scores_within_a_factor_of_two() {
    for (name, source) in SOURCES {
        let mut random = SplitMix64::stream(2, 0);
        for n in [5_000, 20_000] {
            let calibrations = 20;
            let mut found = 0;
            for _ in 0..calibrations {
                let calibration = Calibration::fit(draw(source, &mut random, n)).expect("fits");
                let later = draw(source, &mut random, 20_000);
                found += later
                    .iter()
                    .filter(|s| calibration.p_value(**s) <= 1e-3)
                    .count();
            }
            let rate = found as f64 / (calibrations * 20_000) as f64;
            assert!(
                (0.5e-3..2e-3).contains(&rate),
                "{name}, n = {n}: {rate} at 1e-3"
            );
        }
    }
}

#[test]
fn scores_that_pile_up_are_counted() {
    // Most are 0, some are spread, and one in two hundred is the highest there is: a smooth
    // tail calls that one in thousands.
    let pile = |random: &mut SplitMix64| match random.unit() {
        u if u < 0.985 => 0.0,
        u if u < 0.995 => 4.0 + 5.0 * random.unit(),
        _ => 13.0 + 0.2 * random.unit(),
    };
    let mut random = SplitMix64::stream(7, 0);
    let calibration = Calibration::fit(draw(pile, &mut random, 20_000)).expect("fits");
    let later = draw(pile, &mut random, 200_000);
    for level in [1e-2, 3e-3, 1e-3] {
        let found = later.iter().filter(|s| calibration.p_value(**s) <= level);
        let over = found.count() as f64 / 200_000.0 / level;
        assert!((0.6..1.5).contains(&over), "{over} at {level}");
    }
    let p = calibration.p_value(13.0);
    assert!((p / 5e-3 - 1.0).abs() < 0.3, "{p}");
    assert!(calibration.p_value(13.21) < 1e-3);
}

#[test]
fn the_tail_says_more_than_the_ranks_could() {
    // From 2,000 scores the ranks can say no less than 5e-4.
    let mut random = SplitMix64::stream(3, 0);
    let source = SOURCES[3].1;
    let mut found = 0;
    for _ in 0..100 {
        let calibration = Calibration::fit(draw(source, &mut random, 2_000)).expect("fits");
        let later = draw(source, &mut random, 50_000);
        found += later
            .iter()
            .filter(|s| calibration.p_value(**s) <= 1e-4)
            .count();
    }
    let rate = found as f64 / 5e6;
    assert!((0.3e-4..3e-4).contains(&rate), "{rate} at 1e-4");
}

#[test]
fn a_higher_score_never_has_a_higher_p_value() {
    for (name, source) in SOURCES {
        let mut random = SplitMix64::stream(4, 0);
        for n in [1, 2, 50, 999, 5_000] {
            let scores = draw(source, &mut random, n);
            let calibration = Calibration::fit(scores.clone()).expect("fits");
            let mut probes = scores;
            probes.extend((-2_000..8_000).map(|i| i as f32 / 1_000.0));
            probes.extend([f32::NEG_INFINITY, f32::MIN, f32::MAX, f32::INFINITY]);
            probes.sort_unstable_by(f32::total_cmp);
            let p_values: Vec<_> = probes
                .iter()
                .map(|score| calibration.p_value(*score))
                .collect();
            assert!(p_values.iter().rev().is_sorted(), "{name}, n = {n}");
            assert!(
                p_values.iter().all(|p| (SMALLEST_P..=1.0).contains(p)),
                "{name}, n = {n}"
            );
            assert_eq!(p_values[0], 1.0, "{name}, n = {n}");
        }
    }
}

#[test]
fn the_search_by_marks_finds_what_a_search_over_all_does() {
    let mut random = SplitMix64::stream(8, 0);
    for n in [1, 2, 255, 256, 257, 512, 513, 5_000] {
        // Many are equal, also at the marks.
        let scores = draw(|random| random.below(40) as f64, &mut random, n);
        let calibration = Calibration::fit(scores.clone()).expect("fits");
        for at in -2..90 {
            let probe = at as f32 / 2.0;
            let reached = scores.iter().filter(|score| **score >= probe).count();
            assert_eq!(calibration.reached_by(probe), reached, "{probe} of {n}");
        }
    }
}

#[test]
fn scores_that_are_all_equal_have_no_tail() {
    let calibration = Calibration::fit(vec![0.5; 5_000]).expect("fits");
    assert_eq!(calibration.p_value(0.5), 1.0);
    assert_eq!(calibration.p_value(0.6), 1.0 / 5_001.0);
    assert_eq!(calibration.resolution(), 1.0 / 5_001.0);
    assert_eq!(calibration.p_value(f32::NAN), 1.0);
}

#[test]
fn the_score_of_a_p_value_is_where_it_is_reached() {
    let mut random = SplitMix64::stream(5, 0);
    let scores = draw(SOURCES[2].1, &mut random, 5_000);
    let calibration = Calibration::fit(scores).expect("fits");
    for p in [0.5, 0.1, 1e-2, 1e-3, 1e-6, 1e-9] {
        let score = calibration.score_at(p).expect("is reached");
        assert!(calibration.p_value(score) <= p && calibration.p_value(score.next_down()) > p);
    }
    let few = Calibration::fit(vec![1.0, 2.0]).expect("fits");
    assert_eq!(few.score_at(0.1), None);
}

#[test]
fn a_saved_calibration_says_the_same() {
    let mut random = SplitMix64::stream(6, 0);
    let scores = draw(SOURCES[4].1, &mut random, 3_000);
    let calibration = Calibration::fit(scores).expect("fits");
    let bytes = calibration.to_bytes();
    assert_eq!(Calibration::from_bytes(&bytes).expect("reads"), calibration);
    let unordered = Calibration {
        scores: vec![2.0, 1.0],
        marks: vec![2.0],
        tail: None,
    };
    assert!(Calibration::from_bytes(&unordered.to_bytes()).is_err());
    assert!(Calibration::fit(vec![]).is_err());
    assert!(Calibration::fit(vec![1.0, f32::NAN]).is_err());
}
