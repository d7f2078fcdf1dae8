//! Training the denoising autoencoder: some inputs are hidden, and the network has to
//! repeat the whole row all the same, so that it learns how the columns hang together.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use sentinel_model::random::SplitMix64;
use sentinel_model::{Autoencoder, Dense};

use crate::weights::{Weights, shuffled};

const LAYERS: usize = 4;
const BATCH: usize = 64;
const STEPS_MIN: usize = 3_000;
/// More steps do not help a table of any size, and cost minutes.
const STEPS_MAX: usize = 30_000;

/// How to train an autoencoder.
#[derive(Debug, Clone)]
pub struct AutoencoderParams {
    /// Rounds over all rows.
    pub epochs: usize,
    /// Widths of the three hidden layers.
    pub hidden: [usize; 3],
    /// Share of inputs that are hidden in training, 0 to below 1.
    pub masked: f64,
    /// Step length of Adam.
    pub learning_rate: f64,
    /// The least spread of each column, in its own unit; none for as small as the data say.
    pub spread_min: Vec<f32>,
    /// Decides every random choice.
    pub seed: u64,
}

impl Default for AutoencoderParams {
    fn default() -> Self {
        Self {
            epochs: 20,
            hidden: [16, 6, 16],
            masked: 0.1,
            learning_rate: 1e-3,
            spread_min: Vec::new(),
            seed: 0,
        }
    }
}

impl AutoencoderParams {
    /// For a table of unknown origin: layers by the number of columns, and at least as
    /// many steps as small tables need, and no more than large ones do.
    pub fn for_table(rows: usize, columns: usize) -> Self {
        let middle = (columns / 3).clamp(1, 16);
        let outer = (columns * 2).clamp(8, 32);
        let batches = rows.div_ceil(BATCH).max(1);
        Self {
            hidden: [outer, middle, outer],
            epochs: (STEPS_MIN / batches)
                .clamp(20, 400)
                .min((STEPS_MAX / batches).max(3)),
            ..Self::default()
        }
    }
}

/// Trains on row-major `rows`, `columns` to a row, all of them normal.
///
/// # Errors
/// Where the values do not make rows, or are not finite.
pub fn train_autoencoder(
    rows: &[f32],
    columns: usize,
    params: &AutoencoderParams,
) -> Result<Autoencoder> {
    ensure!(
        columns > 0 && !rows.is_empty(),
        "there is nothing to learn from"
    );
    ensure!(
        rows.len().is_multiple_of(columns),
        "{} values do not make rows of {columns}",
        rows.len()
    );
    ensure!(
        rows.iter().all(|value| value.is_finite()),
        "a value is infinite or not a number"
    );
    ensure!(
        params.spread_min.is_empty() || params.spread_min.len() == columns,
        "{} least spreads do not fit rows of {columns}",
        params.spread_min.len()
    );
    let (centers, mut spreads) = scale(rows, columns);
    for (spread, least) in spreads.iter_mut().zip(&params.spread_min) {
        *spread = spread.max(*least);
    }
    let [outer, middle, inner] = params.hidden;
    let widths = [columns, outer, middle, inner, columns];
    let mut weights = Weights::new(params.seed);
    let layers = layers(&mut weights, &widths)?;
    // Scaling is the model's own, so that training sees what scoring will see.
    let untrained = assemble(&weights, &widths, &centers, &spreads)?;
    let mut scaled = vec![0.0; rows.len()];
    for (row, into) in rows.chunks(columns).zip(scaled.chunks_mut(columns)) {
        untrained.scale(row, into);
    }
    let config = ParamsAdamW {
        lr: params.learning_rate,
        weight_decay: 0.0,
        ..Default::default()
    };
    let mut adam = AdamW::new(weights.all(), config)?;
    let mut random = SplitMix64::stream(params.seed, 2);
    for _ in 0..params.epochs {
        for batch in shuffled(rows.len() / columns, &mut random).chunks(BATCH) {
            let clean: Vec<f32> = batch
                .iter()
                .flat_map(|row| &scaled[row * columns..][..columns])
                .copied()
                .collect();
            let hide = |x: &f32| {
                if random.unit() < params.masked {
                    0.0
                } else {
                    *x
                }
            };
            let noisy: Vec<f32> = clean.iter().map(hide).collect();
            let shape = (batch.len(), columns);
            let wanted = Tensor::from_vec(clean, shape, &Device::Cpu)?;
            let found = forward(&layers, &Tensor::from_vec(noisy, shape, &Device::Cpu)?)?;
            adam.backward_step(&candle_nn::loss::mse(&found, &wanted)?)?;
        }
    }
    assemble(&weights, &widths, &centers, &spreads)
}

/// Mean and standard deviation of each column; 1 where all values are equal. Measured
/// against quartiles, which make large numbers of what is only unevenly spread, and leave
/// the network to repeat those.
fn scale(rows: &[f32], columns: usize) -> (Vec<f32>, Vec<f32>) {
    (0..columns)
        .map(|column| {
            let values = || {
                rows.iter()
                    .skip(column)
                    .step_by(columns)
                    .map(|x| f64::from(*x))
            };
            let n = (rows.len() / columns) as f64;
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            // Equal values leave some dust of rounding.
            let spread = if variance > (mean * 1e-6).powi(2) {
                variance.sqrt() as f32
            } else {
                1.0
            };
            (mean as f32, spread.clamp(f32::MIN_POSITIVE, f32::MAX))
        })
        .unzip()
}

fn names(layer: usize) -> (String, String) {
    (format!("{layer}.weight"), format!("{layer}.bias"))
}

fn layers(weights: &mut Weights, widths: &[usize; LAYERS + 1]) -> Result<Vec<candle_nn::Linear>> {
    (0..LAYERS)
        .map(|layer| {
            let (weight, bias) = names(layer);
            let (inputs, outputs) = (widths[layer], widths[layer + 1]);
            // Glorot and Bengio 2010: keeps the variance through layers of tanh.
            let bound = (6.0 / (inputs + outputs) as f64).sqrt();
            let weight = weights.draw(&weight, &[outputs, inputs], bound)?;
            Ok(candle_nn::Linear::new(
                weight,
                Some(weights.draw(&bias, &[outputs], 0.0)?),
            ))
        })
        .collect()
}

fn forward(layers: &[candle_nn::Linear], rows: &Tensor) -> Result<Tensor> {
    let mut values = rows.clone();
    for (at, layer) in layers.iter().enumerate() {
        values = candle_core::Module::forward(layer, &values)?;
        if at + 1 < layers.len() {
            values = values.tanh()?;
        }
    }
    Ok(values)
}

fn assemble(
    weights: &Weights,
    widths: &[usize],
    centers: &[f32],
    spreads: &[f32],
) -> Result<Autoencoder> {
    let layer = |at| {
        let (weight, bias) = names(at);
        Ok(Dense::new(
            &weights.values(&weight)?,
            &weights.values(&bias)?,
        )?)
    };
    let layers = (0..widths.len() - 1).map(layer).collect::<Result<_>>()?;
    Ok(Autoencoder::new(
        centers.to_vec(),
        spreads.to_vec(),
        layers,
    )?)
}

#[cfg(test)]
#[path = "autoencoder_tests.rs"]
mod tests;
