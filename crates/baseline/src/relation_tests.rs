use super::*;
use crate::hash::mix;
use crate::moment::{Calendar, DAY_NS};
use sentinel_model::random::SplitMix64;

const BEGIN: i64 = 1_772_409_600_000_000_000;

fn at(day: i64, admit_days: u8) -> Moment {
    let mut calendar = Calendar::default();
    calendar.moment(BEGIN, admit_days);
    calendar.moment(BEGIN + day * DAY_NS, admit_days)
}

#[test]
fn probabilities_of_a_context_never_add_up_to_more_than_one() {
    let mut random = SplitMix64::stream(5, 5);
    for round in 0..20 {
        let mut relation = Relation::new();
        let items: Vec<u64> = (1..=40).map(mix).collect();
        for _ in 0..1 + random.below(3_000) {
            let item = items[(random.unit().powi(2) * 40.0) as usize];
            relation.observe(9, item, &at(0, 1), false);
        }
        let sum: f64 = items
            .iter()
            .map(|item| relation.probability(9, *item, 1.0 / 80.0, &at(0, 1)))
            .sum();
        assert!(sum > 0.4 && sum < 1.0 + 1e-9, "round {round}: {sum}");
    }
}

#[test]
fn seeing_it_again_never_makes_it_more_surprising() {
    let mut relation = Relation::new();
    for n in 1..=500 {
        relation.observe(1, mix(n % 50), &at(0, 1), false);
    }
    let mut before = relation.surprise(1, 777, 1e-4, &at(0, 1));
    for _ in 0..200 {
        relation.observe(1, 777, &at(0, 1), false);
        let now = relation.surprise(1, 777, 1e-4, &at(0, 1));
        assert!(now <= before, "{now} after {before}");
        before = now;
    }
}

#[test]
fn what_is_seen_on_one_day_only_stays_in_quarantine() {
    let mut relation = Relation::new();
    for n in 0..1_000 {
        relation.observe(1, mix(n % 5), &at(0, 1), false);
    }
    let surprise = |relation: &Relation, day| relation.surprise(1, 99, 1e-5, &at(day, 3));
    let first = surprise(&relation, 2);
    for n in 0..50 {
        let seen = relation.observe(1, 99, &at(2, 3), false);
        assert_eq!(seen == Seen::New, n == 0);
    }
    assert!(
        surprise(&relation, 3) >= first - 0.5,
        "planted once, still unusual"
    );
    assert!(relation.counts(1, 99).quarantined);
    relation.observe(1, 99, &at(3, 3), false);
    assert_eq!(relation.observe(1, 99, &at(4, 3), false), Seen::Released);
    assert!(surprise(&relation, 4) < 6.0);
}

#[test]
fn approval_and_upgrades_end_the_quarantine_and_denial_forgets() {
    let mut relation = Relation::new();
    relation.observe(1, 7, &at(0, 3), false);
    assert!(relation.approve(1, 7) && !relation.approve(1, 8));
    assert!(!relation.counts(1, 7).quarantined);
    assert_eq!(relation.observe(1, 9, &at(0, 3), true), Seen::New);
    assert!(!relation.counts(1, 9).quarantined);
    assert!(relation.deny(1, 9));
    assert_eq!(relation.counts(1, 9).pair, 0);
    assert_eq!(relation.observe(1, 9, &at(0, 3), false), Seen::New);
}

#[test]
fn the_rare_are_remembered_when_the_table_is_full() {
    let mut relation = Relation::new();
    let now = at(0, 1);
    for n in 1..=40_000 {
        relation.observe(1, mix(n), &now, false);
    }
    assert!(relation.evicted_total() > 0);
    let surprise = |item| relation.surprise(1, item, 1e-9, &now);
    assert_eq!((1..=40_000).filter(|n| surprise(mix(*n)) > 17.0).count(), 0);
    // The sketch is full and would take anything for known; the first sightings do not.
    assert_eq!(
        (50_000..60_000)
            .filter(|n| surprise(mix(*n)) < 23.0)
            .count(),
        0
    );
}

#[test]
fn old_counts_fade_against_new_ones() {
    let mut relation = Relation::new();
    for _ in 0..100 {
        relation.observe(1, 5, &at(0, 1), false);
    }
    for _ in 0..100 {
        relation.observe(1, 6, &at(28, 1), false);
    }
    let (old, new) = (
        relation.probability(1, 5, 0.0, &at(28, 1)),
        relation.probability(1, 6, 0.0, &at(28, 1)),
    );
    assert!((new / old - 4.0).abs() < 0.1, "{new} / {old}");
    relation.scale(0.25);
    let scaled = Moment {
        weight: 1.0,
        ..at(28, 1)
    };
    assert!((relation.probability(1, 6, 0.0, &scaled) - new).abs() < 1e-3);
}
