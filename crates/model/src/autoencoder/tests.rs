use super::*;
use crate::random::SplitMix64;

fn layer(inputs: usize, outputs: usize, random: &mut SplitMix64) -> Dense {
    let mut weights = |n| -> Vec<f32> { (0..n).map(|_| random.unit() as f32 - 0.5).collect() };
    Dense::new(&weights(inputs * outputs), &weights(outputs)).expect("fits")
}

fn network(widths: &[usize]) -> Result<Autoencoder, ModelError> {
    let mut random = SplitMix64::stream(1, 0);
    let layers = widths
        .windows(2)
        .map(|w| layer(w[0], w[1], &mut random))
        .collect();
    Autoencoder::new(vec![1.0; widths[0]], vec![2.0; widths[0]], layers)
}

/// The definition in double precision, one neuron after the other.
fn plain_score(network: &Autoencoder, row: &[f32]) -> f64 {
    let scaled: Vec<f64> = row.iter().map(|x| (f64::from(*x) - 1.0) / 2.0).collect();
    let mut values = scaled.clone();
    for (at, layer) in network.layers.iter().enumerate() {
        let (weights, inputs) = (layer.weights(), layer.inputs());
        let neuron = |(weights, bias): (&[f32], &f32)| {
            let sum: f64 = weights
                .iter()
                .zip(&values)
                .map(|(w, x)| f64::from(*w) * x)
                .sum();
            let sum = sum + f64::from(*bias);
            if at + 1 < network.layers.len() {
                sum.tanh()
            } else {
                sum
            }
        };
        values = weights
            .chunks(inputs)
            .zip(layer.bias())
            .map(neuron)
            .collect();
    }
    let squares = scaled.iter().zip(&values).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>() / scaled.len() as f64
}

#[test]
fn equals_the_definition() {
    let network = network(&[32, 16, 6, 16, 32]).expect("fits");
    let mut random = SplitMix64::stream(2, 0);
    for _ in 0..200 {
        let row: Vec<f32> = (0..32).map(|_| random.unit() as f32 * 6.0).collect();
        let (found, exact) = (f64::from(network.score(&row)), plain_score(&network, &row));
        assert!(
            (found - exact).abs() < 1e-5 * exact.max(1.0),
            "{found} for {exact}"
        );
        let mut errors = [0.0; 32];
        network.errors(&row, &mut errors);
        assert_eq!(errors.iter().sum::<f32>() / 32.0, network.score(&row));
    }
}

#[test]
fn what_repeats_itself_has_no_error() {
    let identity: Vec<f32> = (0..9)
        .map(|at| if at % 4 == 0 { 1.0 } else { 0.0 })
        .collect();
    let layer = Dense::new(&identity, &[0.0; 3]).expect("fits");
    let network = Autoencoder::new(vec![0.0; 3], vec![1.0; 3], vec![layer]).expect("fits");
    assert_eq!(network.score(&[1.0, -2.0, 0.5]), 0.0);
    assert_eq!(
        network.score(&[1e30, f32::NEG_INFINITY, f32::NAN]),
        0.0,
        "clipped before"
    );
}

#[test]
fn a_saved_network_scores_the_same() {
    let network = network(&[12, 5, 12]).expect("fits");
    let read = Autoencoder::from_bytes(&network.to_bytes()).expect("reads");
    assert_eq!(read, network);
    let forest = crate::IsolationForest::from_bytes(&network.to_bytes());
    assert!(matches!(forest, Err(ModelError::Kind { .. })));
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    assert!(network(&[4, 2, 4]).is_ok());
    assert!(network(&[4, 2, 3]).is_err(), "other columns come out");
    assert!(network(&[4]).is_err(), "no layer");
    let wide = network(&[300, 2, 300]).expect("fits");
    assert!(wide.score(&[0.5; 300]).is_finite());
    assert!(network(&[5_000, 1, 5_000]).is_err(), "too wide");
    assert!(network(&[2; 10]).is_err(), "too deep");
    let layers = || vec![layer(2, 2, &mut SplitMix64::stream(1, 1))];
    assert!(Autoencoder::new(vec![0.0; 2], vec![1.0, 0.0], layers()).is_err());
    assert!(Autoencoder::new(vec![0.0; 2], vec![1.0; 3], layers()).is_err());
}
