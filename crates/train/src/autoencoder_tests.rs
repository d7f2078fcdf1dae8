use super::*;

/// Six columns that are all functions of two hidden numbers, with a little noise.
fn table(rows: usize, seed: u64) -> Vec<f32> {
    let mut random = SplitMix64::stream(seed, 9);
    (0..rows)
        .flat_map(|_| {
            let (a, b) = (random.unit() as f32, random.unit() as f32);
            let noise = random.unit() as f32 * 0.02;
            [
                a,
                b,
                a + b + noise,
                a - b,
                2.0 * b + noise,
                100.0 + 50.0 * a,
            ]
        })
        .collect()
}

fn params() -> AutoencoderParams {
    AutoencoderParams {
        epochs: 30,
        ..AutoencoderParams::default()
    }
}

#[test]
fn the_forward_step_equals_candles() -> Result<()> {
    let widths = [32, 16, 6, 16, 32];
    let mut weights = Weights::new(5);
    let layers = layers(&mut weights, &widths)?;
    let model = assemble(&weights, &widths, &[0.0; 32], &[1.0; 32])?;
    let mut random = SplitMix64::stream(6, 0);
    for _ in 0..100 {
        let row: Vec<f32> = (0..32).map(|_| random.unit() as f32 * 8.0 - 4.0).collect();
        let input = Tensor::from_slice(&row, (1, 32), &Device::Cpu)?;
        let repeated = forward(&layers, &input)?.flatten_all()?.to_vec1::<f32>()?;
        let mut errors = [0.0; 32];
        model.errors(&row, &mut errors);
        for ((error, x), y) in errors.iter().zip(&row).zip(&repeated) {
            // The error is the square of the difference that is held equal.
            assert!(
                (error.sqrt() - (x - y).abs()).abs() < 1e-5,
                "{error} for {x} - {y}"
            );
        }
    }
    Ok(())
}

#[test]
fn learns_how_columns_hang_together() -> Result<()> {
    let model = train_autoencoder(&table(2_000, 1), 6, &params())?;
    let mean = |rows: &[f32]| {
        let scores = rows.chunks(6).map(|row| model.score(row));
        scores.sum::<f32>() / (rows.len() / 6) as f32
    };
    let later = table(500, 2);
    let (normal, broken) = (mean(&later), mean(&mixed(&later)));
    assert!(
        normal < 0.15 && broken > 4.0 * normal,
        "{normal} and {broken}"
    );
    Ok(())
}

#[test]
fn equal_seeds_give_equal_networks() -> Result<()> {
    let rows = table(300, 3);
    let train = |seed| {
        train_autoencoder(
            &rows,
            6,
            &AutoencoderParams {
                seed,
                epochs: 3,
                ..params()
            },
        )
    };
    assert_eq!(train(1)?.to_bytes(), train(1)?.to_bytes());
    assert_ne!(train(1)?.to_bytes(), train(2)?.to_bytes());
    Ok(())
}

#[test]
fn columns_that_hardly_vary_are_scaled() {
    let rows: Vec<f32> = (0..100)
        .flat_map(|at| [7.1, if at < 10 { 1.0 } else { 0.0 }])
        .collect();
    let (centers, spreads) = scale(&rows, 2);
    assert_eq!((centers, spreads[0]), (vec![7.1, 0.1], 1.0));
    assert!((spreads[1] - 0.3).abs() < 1e-6);
}

/// Rows whose values are each as before, and taken from different rows.
fn mixed(rows: &[f32]) -> Vec<f32> {
    let place = |at: usize| rows[(at + (at % 6) * 66 * 6) % rows.len()];
    (0..rows.len()).map(place).collect()
}

#[test]
fn it_does_not_collapse_and_bears_some_bad_rows() -> Result<()> {
    let (clean, later) = (table(1_900, 1), table(500, 2));
    let judged = [later.clone(), mixed(&later)].concat();
    let labels: Vec<bool> = (0..1_000).map(|row| row >= 500).collect();
    let auroc = |rows: &[f32]| -> Result<f64> {
        let model = train_autoencoder(rows, 6, &params())?;
        let scores: Vec<f32> = judged.chunks(6).map(|row| model.score(row)).collect();
        sentinel_model::metrics::check_collapse(&scores, &labels)?;
        Ok(sentinel_model::metrics::Ranking::new(&scores, &labels)?.auroc())
    };
    let bad = mixed(&table(500, 3))[..600].to_vec();
    let (good, poisoned) = (auroc(&clean)?, auroc(&[clean.clone(), bad].concat())?);
    assert!(
        good > 0.9 && good - poisoned <= 0.01,
        "{good} and {poisoned}"
    );
    Ok(())
}
