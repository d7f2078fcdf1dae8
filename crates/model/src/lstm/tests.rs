use super::*;
use crate::random::SplitMix64;

fn network(vocabulary: usize, embedded: usize, hidden: usize, seed: u64) -> Lstm {
    let mut random = SplitMix64::stream(seed, 0);
    let mut weights = |n| -> Vec<f32> { (0..n).map(|_| random.unit() as f32 - 0.5).collect() };
    let embedding = weights(vocabulary * embedded);
    let gates = Dense::new(
        &weights(4 * hidden * (embedded + hidden)),
        &weights(4 * hidden),
    );
    let output = Dense::new(&weights(vocabulary * hidden), &weights(vocabulary));
    Lstm::new(embedding, gates.expect("fits"), output.expect("fits")).expect("fits")
}

fn product(layer: &Dense, inputs: &[f64]) -> Vec<f64> {
    let weights = layer.weights();
    let rows = weights.chunks(layer.inputs()).zip(layer.bias());
    rows.map(|(row, bias)| {
        let sum: f64 = row.iter().zip(inputs).map(|(w, x)| f64::from(*w) * x).sum();
        sum + f64::from(*bias)
    })
    .collect()
}

/// The definition in double precision: the surprise of each token after those before it.
fn plain_surprises(network: &Lstm, tokens: &[u32]) -> Vec<f64> {
    let n = network.output.inputs();
    let (mut hidden, mut cell) = (vec![0.0; n], vec![0.0; n]);
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut surprises = Vec::new();
    for &token in tokens {
        let logits = product(&network.output, &hidden);
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        surprises.push((sum.ln() - logits[token as usize]) / std::f64::consts::LN_2);
        let embedded = &network.embedding[token as usize * network.embedded..][..network.embedded];
        let mut inputs: Vec<f64> = embedded.iter().map(|x| f64::from(*x)).collect();
        inputs.extend(&hidden);
        let gates = product(&network.gates, &inputs);
        for at in 0..n {
            let [input, forget, candidate, output] = [0, 1, 2, 3].map(|gate| gates[gate * n + at]);
            cell[at] = logistic(forget) * cell[at] + logistic(input) * candidate.tanh();
            hidden[at] = logistic(output) * f64::tanh(cell[at]);
        }
    }
    surprises
}

#[test]
fn equals_the_definition_over_a_long_sequence() {
    let network = network(577, 32, 64, 1);
    let mut random = SplitMix64::stream(2, 0);
    let tokens: Vec<u32> = (0..300).map(|_| random.below(577) as u32).collect();
    let mut state = network.start();
    for (token, exact) in tokens.iter().zip(plain_surprises(&network, &tokens)) {
        let found = f64::from(network.score_then_step(&mut state, *token));
        assert!(
            (found - exact).abs() < 1e-5 * exact.max(1.0),
            "{found} for {exact}"
        );
    }
    assert!(state.hidden().iter().all(|x| x.abs() <= 1.0));
}

#[test]
fn probabilities_add_up_to_one() {
    let network = network(50, 3, 5, 3);
    let mut state = network.start();
    for token in [4, 4, 49, 0] {
        let sum: f32 = (0..50)
            .map(|next| (-network.surprise(&state, next)).exp2())
            .sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        network.step(&mut state, token);
    }
}

#[test]
fn a_token_outside_the_vocabulary_is_the_unknown() {
    let network = network(20, 3, 5, 4);
    let (mut a, mut b) = (network.start(), network.start());
    assert_eq!(network.surprise(&a, 19), network.surprise(&a, u32::MAX));
    network.step(&mut a, 19);
    network.step(&mut b, 20);
    assert_eq!(a, b);
}

#[test]
fn a_saved_network_goes_on_as_before() {
    let network = network(30, 4, 8, 5);
    let read = Lstm::from_bytes(&network.to_bytes()).expect("reads");
    assert_eq!(read, network);
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    let dense = |inputs, outputs| {
        Dense::new(&vec![0.1; inputs * outputs], &vec![0.1; outputs]).expect("fits")
    };
    assert!(Lstm::new(vec![0.0; 20], dense(6, 16), dense(4, 10)).is_ok());
    assert!(Lstm::new(vec![0.0; 21], dense(6, 16), dense(4, 10)).is_err());
    assert!(Lstm::new(vec![0.0; 20], dense(6, 15), dense(4, 10)).is_err());
    assert!(Lstm::new(vec![0.0; 20], dense(4, 16), dense(4, 10)).is_err());
    assert!(Lstm::new(vec![0.0; 20], dense(131, 516), dense(129, 10)).is_err());
}
