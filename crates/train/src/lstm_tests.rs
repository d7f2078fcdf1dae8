use super::*;

/// Walks around a ring of twelve tokens, in steps of one or of three: which of them, only
/// the first token tells.
fn sequences(count: usize, seed: u64) -> Vec<Vec<u32>> {
    let mut random = SplitMix64::stream(seed, 9);
    let walk = |_| {
        let kind = random.below(2) as u32;
        let (begin, step) = (random.below(12) as u32, 1 + 2 * kind);
        let ring = (0..20).map(|at| (begin + at * step) % 12);
        std::iter::once(12 + kind).chain(ring).collect()
    };
    (0..count).map(walk).collect()
}

fn params() -> LstmParams {
    LstmParams {
        vocabulary: 15,
        embedded: 8,
        hidden: 24,
        window: 9,
        batch: 16,
        ..LstmParams::default()
    }
}

#[test]
fn the_forward_step_equals_candles() -> Result<()> {
    let params = LstmParams {
        seed: 4,
        ..LstmParams::default()
    };
    let (weights, network) = Network::new(&params)?;
    let model = assemble(&weights, &params)?;
    let mut random = SplitMix64::stream(8, 0);
    let tokens: Vec<u32> = (0..64).map(|_| random.below(577) as u32).collect();
    let input = Tensor::from_slice(&tokens, (1, 64), &Device::Cpu)?;
    let expected = network
        .log_probabilities(&input)?
        .squeeze(0)?
        .to_vec2::<f32>()?;
    let mut state = model.start();
    for (token, expected) in tokens.iter().zip(expected) {
        for (candidate, expected) in expected.iter().enumerate() {
            let bits = -expected * std::f32::consts::LOG2_E;
            let found = model.surprise(&state, candidate as u32);
            // Surprises here are near 9 bits, where a 32-bit number has steps of 1e-6.
            assert!((found - bits).abs() < 1e-5, "{found} for {bits}");
        }
        model.step(&mut state, *token);
    }
    Ok(())
}

#[test]
fn the_state_equals_candles() -> Result<()> {
    let params = LstmParams {
        seed: 5,
        ..LstmParams::default()
    };
    let (weights, network) = Network::new(&params)?;
    let model = assemble(&weights, &params)?;
    let (mut ours, mut theirs) = (model.start(), network.lstm.zero_state(1)?);
    for at in 0..200_u32 {
        let token = at * 37 % 577;
        model.step(&mut ours, token);
        let row = network
            .embedding
            .narrow(0, token as usize, 1)?
            .contiguous()?;
        theirs = network.lstm.step(&row, &theirs)?;
        let expected = theirs.h().flatten_all()?.to_vec1::<f32>()?;
        for (found, expected) in ours.hidden().iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-5,
                "{found} for {expected} at {at}"
            );
        }
    }
    Ok(())
}

#[test]
fn learns_what_only_the_beginning_tells() -> Result<()> {
    let params = LstmParams {
        epochs: 30,
        learning_rate: 0.01,
        ..params()
    };
    let model = train_lstm(&sequences(600, 1), &params)?;
    let mean = |sequences: &[Vec<u32>]| {
        let mut bits = Vec::new();
        for sequence in sequences {
            let mut state = model.start();
            let surprises: Vec<_> = sequence
                .iter()
                .map(|t| model.score_then_step(&mut state, *t))
                .collect();
            bits.extend_from_slice(&surprises[2..]);
        }
        bits.iter().sum::<f32>() / bits.len() as f32
    };
    let later = sequences(50, 2);
    let mut broken = later.clone();
    broken
        .iter_mut()
        .for_each(|sequence| sequence[2..].reverse());
    let (normal, broken) = (mean(&later), mean(&broken));
    assert!(normal < 0.3 && broken > 2.0, "{normal} and {broken}");
    Ok(())
}

#[test]
fn equal_seeds_give_equal_networks() -> Result<()> {
    let train = |seed| {
        train_lstm(
            &sequences(60, 3),
            &LstmParams {
                seed,
                epochs: 2,
                ..params()
            },
        )
    };
    assert_eq!(train(1)?.to_bytes(), train(1)?.to_bytes());
    assert_ne!(train(1)?.to_bytes(), train(2)?.to_bytes());
    Ok(())
}

#[test]
fn windows_predict_each_token_once() {
    let params = LstmParams {
        window: 4,
        ..params()
    };
    for length in 1..30 {
        let windows = windows(&[(0..length).collect(), vec![]], &params);
        let predicted = windows
            .iter()
            .map(|w| w.tokens.len() - usize::from(!w.first));
        assert_eq!(predicted.sum::<usize>(), length as usize);
        assert!(
            windows
                .iter()
                .all(|w| w.tokens.len() <= 4 && w.tokens.iter().all(|t| *t < 15))
        );
    }
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    assert!(train_lstm(&[], &params()).is_err());
    assert!(train_lstm(&[vec![]], &params()).is_err());
    assert!(
        train_lstm(
            &[vec![1]],
            &LstmParams {
                hidden: 0,
                ..params()
            }
        )
        .is_err()
    );
}
