use super::*;
use crate::random::SplitMix64;

fn model(order: usize, vocabulary: u32, pairs_max: usize) -> Ngram {
    let params = NgramParams {
        order,
        vocabulary,
        pairs_max,
        seed: 7,
    };
    Ngram::new(params).expect("is valid")
}

/// A sequence in which each token depends on the two before it, with some noise.
fn sequence(length: usize, vocabulary: u32, seed: u64) -> Vec<u32> {
    let mut random = SplitMix64::stream(seed, 0);
    let mut tokens = vec![0, 1];
    while tokens.len() < length {
        let (a, b) = (tokens[tokens.len() - 2], tokens[tokens.len() - 1]);
        let noise = random.unit() < 0.1;
        let next = if noise {
            random.below(vocabulary as usize) as u32
        } else {
            (a * 3 + b + 1) % vocabulary
        };
        tokens.push(next);
    }
    tokens
}

fn learn(ngram: &mut Ngram, tokens: &[u32]) {
    for at in 0..tokens.len() {
        ngram.observe(&tokens[at.saturating_sub(8)..at], tokens[at]);
    }
}

fn mean_surprise(ngram: &Ngram, tokens: &[u32]) -> f32 {
    let bits = (0..tokens.len()).map(|at| ngram.surprise(&tokens[..at], tokens[at]));
    bits.sum::<f32>() / tokens.len() as f32
}

#[test]
fn equals_the_formula_worked_by_hand() {
    let mut ngram = model(2, 4, 64);
    // Before anything is seen, all four tokens are equally likely: two bits.
    assert_eq!(ngram.surprise(&[], 3), 2.0);
    for (context, token) in [(&[][..], 1), (&[1], 2), (&[2], 1), (&[1], 2)] {
        ngram.observe(context, token);
    }
    // Seen alone: 1 twice, 2 twice, so P(1) = (2 + 2/4) / (4 + 2).
    let one = (2.0 + 2.0 * 0.25) / 6.0;
    assert!((ngram.probability(&[], 1) - one).abs() < 1e-12);
    // After 1: 2 twice and nothing else, so P(1 | 1) = (0 + 1 * P(1)) / (2 + 1).
    assert!((ngram.probability(&[1], 1) - one / 3.0).abs() < 1e-12);
    // After 3 nothing was seen, so 3 says nothing.
    assert_eq!(ngram.probability(&[3], 1), ngram.probability(&[], 1));
}

#[test]
fn probabilities_add_up_to_one_while_there_is_room() {
    for order in 1..=ORDER_MAX {
        let mut ngram = model(order, 13, 1 << 16);
        let tokens = sequence(3_000, 13, order as u64);
        learn(&mut ngram, &tokens);
        assert_eq!(ngram.evicted(), 0);
        ngram.fade(0.7).expect("fades");
        for context in [&tokens[..0], &tokens[5..7], &tokens[90..99], &[99, 99, 99]] {
            let sum: f64 = (0..13).map(|token| ngram.probability(context, token)).sum();
            assert!(
                (sum - 1.0).abs() < 1e-5,
                "order {order}, {context:?}: {sum}"
            );
        }
    }
}

#[test]
fn longer_contexts_tell_more_where_there_is_more_to_tell() {
    let (seen, later) = (sequence(20_000, 11, 1), sequence(2_000, 11, 2));
    let mut bits = Vec::new();
    for order in 1..=4 {
        let mut ngram = model(order, 11, 1 << 17);
        learn(&mut ngram, &seen);
        bits.push(mean_surprise(&ngram, &later));
    }
    // The source has an entropy of 0.9 * log2(1/0.91) + ... = 0.77 bits, given two tokens.
    assert!(bits[0] > 3.0 && bits[1] > 2.5 && bits[2] < 1.0, "{bits:?}");
    assert!((bits[3] - bits[2]).abs() < 0.2, "{bits:?}");
}

#[test]
fn memory_is_bounded_and_the_frequent_survives_a_flood() {
    let mut ngram = model(6, 1 << 20, 1 << 10);
    for _ in 0..200 {
        ngram.observe(&[1, 2, 3], 4);
    }
    let mut random = SplitMix64::stream(3, 0);
    let mut noise = || random.below(1 << 20) as u32;
    for token in 5..20_005 {
        ngram.observe(&[noise(), noise(), noise(), noise(), noise()], token);
        assert!(ngram.contexts.len() <= 1 << 10);
    }
    assert!(ngram.pairs() <= 1 << 10);
    assert_eq!(
        ngram.evicted() + ngram.pairs() as u64,
        20_000 * 6 + 4,
        "each loss is counted"
    );
    assert!(ngram.surprise(&[1, 2, 3], 4) < 1.0);
    let finite = |context: &[u32], token| ngram.surprise(context, token).is_finite();
    assert!(finite(&[7, 7, 7], 7) && finite(&[1, 2, 3], u32::MAX));
}

#[test]
fn counts_fade_and_are_forgotten() {
    let mut ngram = model(3, 100, 1 << 10);
    for _ in 0..16 {
        ngram.observe(&[1, 2], 3);
    }
    ngram.observe(&[5, 6], 7);
    let before = ngram.surprise(&[1, 2], 3);
    for _ in 0..6 {
        ngram.fade(0.5).expect("fades");
    }
    assert!(ngram.surprise(&[1, 2], 3) > before, "less is known");
    assert_eq!(ngram.pairs(), 3, "the pair seen once is gone");
    for _ in 0..40 {
        ngram.fade(0.5).expect("fades");
    }
    assert_eq!((ngram.pairs(), ngram.contexts.len()), (0, 0));
    assert!(ngram.fade(0.0).is_err() && ngram.fade(1.1).is_err() && ngram.fade(f32::NAN).is_err());
}

#[test]
fn a_score_does_not_know_the_event_itself() {
    let mut ngram = model(4, 50, 1 << 10);
    let first = ngram.score_then_observe(&[1, 2, 3], 9);
    assert!((first - 50_f32.log2()).abs() < 1e-5, "{first}");
    assert!(ngram.score_then_observe(&[1, 2, 3], 9) < 1.0);
}

#[test]
fn a_saved_model_goes_on_as_before() {
    let mut ngram = model(5, 40, 1 << 9);
    learn(&mut ngram, &sequence(4_000, 40, 5));
    ngram.fade(0.9).expect("fades");
    let bytes = ngram.to_bytes();
    let mut read = Ngram::from_bytes(&bytes).expect("reads");
    assert_eq!(read.to_bytes(), bytes);
    let later = sequence(500, 40, 6);
    assert_eq!(mean_surprise(&read, &later), mean_surprise(&ngram, &later));
    learn(&mut read, &later);
    learn(&mut ngram, &later);
    assert_eq!(read.evicted(), ngram.evicted());
    ngram
        .contexts
        .values_mut()
        .for_each(|context| context.distinct += 1);
    let refused = Ngram::from_bytes(&ngram.to_bytes());
    assert!(matches!(refused, Err(ModelError::Inconsistent(_))));
}

#[test]
fn parameters_outside_their_ranges_are_refused() {
    let new = |change: fn(&mut NgramParams)| {
        let mut params = NgramParams::default();
        change(&mut params);
        Ngram::new(params).is_ok()
    };
    assert!(new(|_| ()));
    assert!(!new(|params| params.order = 0));
    assert!(!new(|params| params.order = 7));
    assert!(!new(|params| params.vocabulary = 0));
    assert!(!new(|params| params.pairs_max = 100));
}
