use sentinel_model::Dense;

use super::*;
use crate::Config;
use crate::chains::Chain;
use crate::order::Reading;
use crate::schema::Row;

/// Orders like those of jobs: each begins with its own program, and goes round a ring.
fn orders(baseline: &mut Baseline) {
    let chains = &mut baseline.learned.tables.chains;
    for n in 0..2_000_u32 {
        let begin = n % 12;
        let order: Vec<u32> = (0..6).map(|at| 100 + (begin + at) % 12).collect();
        // Of equal orders of a day only some are kept.
        chains.offer((n / 50) as u16, u64::from(n), &order);
    }
}

/// A network that finds the next on the ring likely by `scale`, whatever came before the
/// last: the cell holds only the last token.
fn ring(tokens: &Tokens, scale: f32) -> Lstm {
    let hidden = 12;
    let embedded = 12;
    let mut embedding = vec![0.0; VOCABULARY * embedded];
    let mut output = vec![0.0; VOCABULARY * hidden];
    for at in 0..12_usize {
        let token = tokens.token(100 + at as u32) as usize;
        let next = tokens.token(100 + (at as u32 + 1) % 12) as usize;
        embedding[token * embedded + at] = 1.0;
        output[next * hidden + at] = scale;
    }
    let mut gates = vec![0.0; 4 * hidden * (embedded + hidden)];
    let mut bias = vec![0.0; 4 * hidden];
    for at in 0..hidden {
        // Input and output gates open, the forget gate shut, the candidate what was read.
        bias[at] = 8.0;
        bias[hidden + at] = -8.0;
        bias[3 * hidden + at] = 8.0;
        gates[(2 * hidden + at) * (embedded + hidden) + at] = 4.0;
    }
    let gates = Dense::new(&gates, &bias).expect("fits");
    let output = Dense::new(&output, &vec![0.0; VOCABULARY]).expect("fits");
    Lstm::new(embedding, gates, output).expect("fits")
}

fn trained(baseline: &Baseline, scale: f32) -> Trained {
    let Some(Training::Sequences { programs, .. }) = baseline.training(RECURRENT) else {
        panic!("there is enough to train on");
    };
    Trained {
        network: RECURRENT,
        bytes: ring(&programs, scale).to_bytes(),
        programs,
    }
}

#[test]
fn a_network_that_knows_the_order_is_taken_and_a_constant_one_is_not() {
    let mut baseline = Baseline::new(Config::default());
    assert_eq!(baseline.training(RECURRENT), None);
    orders(&mut baseline);
    baseline.owe_training(RECURRENT, 5);
    baseline.owe_training(RECURRENT, 9);
    assert_eq!(baseline.untrained_since_ns(), Some(5));
    let constant = trained(&baseline, 0.0);
    let refused = baseline.take_network(constant, 10).expect_err("is refused");
    assert!(refused.contains("AUROC 0.500"), "{refused}");
    assert_eq!(baseline.untrained_since_ns(), Some(5), "it is still owed");
    let good = trained(&baseline, 12.0);
    let taken = baseline.take_network(good, 11).expect("is taken");
    assert!(taken.contains("recurrent network is in use"), "{taken}");
    assert_eq!(baseline.untrained_since_ns(), None);
    // One that knows less takes its place only while learning.
    baseline.set_phase(Phase::Detect);
    let vague = trained(&baseline, 0.02);
    let other = || {
        let Trained { programs, .. } = trained(&baseline, 1.0);
        let mut swapped = ring(&programs, 12.0).to_bytes();
        swapped.truncate(swapped.len() - 9);
        Trained {
            network: RECURRENT,
            bytes: swapped,
            programs,
        }
    };
    let cut = other();
    assert!(
        baseline.take_network(cut, 12).is_err(),
        "a cut file is refused"
    );
    // The same order with less certainty is as good; backwards is not.
    assert!(baseline.take_network(vague, 13).is_ok());
    let backwards = trained(&baseline, -12.0);
    let refused = baseline
        .take_network(backwards, 14)
        .expect_err("is refused");
    assert!(refused.contains("AUROC 0.0"), "{refused}");
}

#[test]
fn what_is_read_at_once_is_what_was_read_step_by_step() {
    let mut baseline = Baseline::new(Config::default());
    orders(&mut baseline);
    let good = trained(&baseline, 12.0);
    baseline.take_network(good, 1).expect("is taken");
    let order = baseline.order.as_ref().expect("was taken");
    let programs: Vec<u32> = (0..20).map(|at| 100 + at * 7 % 12).collect();
    let expected = order.surprises(&programs);
    let (mut chain, mut reading) = (Chain::default(), Reading::default());
    for (at, program) in programs.iter().enumerate() {
        // Only some are asked for.
        let asked = [0.0, 9.0][usize::from(at % 3 == 1)];
        let score = order.score(&chain, &mut reading, *program, asked);
        let wanted = if asked > 0.0 { expected[at] } else { 0.0 };
        assert_eq!(score, wanted, "at {at}");
        chain.push(*program);
    }
    // A saved baseline has the same network.
    let mut other = Baseline::new(Config::default());
    other.restore(&baseline.to_bytes()).expect("is whole");
    let read = other.order.as_ref().expect("was saved");
    assert_eq!(read.surprises(&programs), expected);
}

#[test]
fn an_autoencoder_that_says_the_same_of_everything_is_refused() {
    let mut baseline = Baseline::new(Config::default());
    let mut random = SplitMix64::stream(3, 3);
    for n in 0..2_000_u64 {
        let row: Row = std::array::from_fn(|_| random.unit() as f32);
        for rows in &mut baseline.learned.rows {
            rows.offer(n % 40, 1, &row);
        }
    }
    let layer = |outputs: usize, inputs: usize| {
        Dense::new(&vec![0.0; outputs * inputs], &vec![0.0; outputs]).expect("fits")
    };
    // Infinitely wide scales make every value the middle one.
    let constant = Autoencoder::new(
        vec![0.0; COLUMNS],
        vec![1e30; COLUMNS],
        vec![layer(6, COLUMNS), layer(COLUMNS, 6)],
    )
    .expect("fits");
    for network in 0..2 {
        let trained = Trained {
            network,
            bytes: constant.to_bytes(),
            programs: Tokens::default(),
        };
        let refused = baseline.take_network(trained, 1).expect_err("is refused");
        assert!(refused.contains("AUROC 0.5"), "{refused}");
    }
}
