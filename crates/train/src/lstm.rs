//! Training the recurrent network: to predict each token of a sequence from those before
//! it. Sequences come in the order of time, and the latest of them decide when to stop.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use candle_nn::rnn::{LSTM, LSTMConfig, RNN};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use sentinel_model::random::SplitMix64;
use sentinel_model::{Dense, Lstm};

use crate::weights::{Weights, shuffled};

/// What a round must lower the loss by, as a part of it, for another one to be worth its time.
const GAIN_MIN: f64 = 0.02;

/// How to train a recurrent network.
#[derive(Debug, Clone)]
pub struct LstmParams {
    /// Tokens that the network knows, the last one standing for all others.
    pub vocabulary: usize,
    /// Numbers that a token becomes.
    pub embedded: usize,
    /// Numbers of the hidden state.
    pub hidden: usize,
    /// Tokens that one step of training looks at together.
    pub window: usize,
    /// Windows per step, at most.
    pub batch: usize,
    /// Steps of a round, at least: with few windows a step is of fewer of them, down to four.
    /// Otherwise the network hardly moves, and holds everything for as unlikely.
    pub round_steps: usize,
    /// Rounds over all windows, at most.
    pub epochs: usize,
    /// Windows looked at in all rounds together, about; one round is always made. Where there
    /// are many, fewer rounds will do, and a night has to end.
    pub looks: usize,
    /// Share of the sequences, the latest ones, that is held out: training ends when
    /// they are predicted hardly better than the round before.
    pub held_out: f64,
    /// Step length of Adam.
    pub learning_rate: f64,
    /// Decides every random choice.
    pub seed: u64,
}

impl Default for LstmParams {
    fn default() -> Self {
        Self {
            vocabulary: 577,
            embedded: 32,
            hidden: 64,
            window: 32,
            batch: 64,
            round_steps: 64,
            epochs: 12,
            looks: 42_000,
            held_out: 0.1,
            learning_rate: 3e-3,
            seed: 0,
        }
    }
}

/// Some tokens of one sequence. A window that is not the first begins with the last token
/// of the one before, which it does not predict.
struct Window {
    tokens: Vec<u32>,
    first: bool,
}

/// Trains on `sequences` in the order of time. Tokens outside the vocabulary become its
/// last one.
///
/// # Errors
/// Where there are no tokens, or a size is zero or larger than the model allows.
pub fn train_lstm(sequences: &[Vec<u32>], params: &LstmParams) -> Result<Lstm> {
    ensure!(
        params.vocabulary > 0 && params.hidden > 0,
        "the network has no size"
    );
    ensure!(
        params.window > 1 && params.batch > 0,
        "a window has two tokens or more"
    );
    let held_out = (sequences.len() as f64 * params.held_out.clamp(0.0, 0.9)) as usize;
    let (earlier, later) = sequences.split_at(sequences.len() - held_out);
    let (earlier, later) = (windows(earlier, params), windows(later, params));
    ensure!(!earlier.is_empty(), "there is nothing to learn from");
    let (weights, network) = Network::new(params)?;
    let config = ParamsAdamW {
        lr: params.learning_rate,
        weight_decay: 0.0,
        ..Default::default()
    };
    let mut adam = AdamW::new(weights.all(), config)?;
    let mut random = SplitMix64::stream(params.seed, 3);
    let batch =
        (earlier.len() / params.round_steps.max(1)).clamp(params.batch.min(4), params.batch);
    let (mut best, mut kept) = (f64::INFINITY, weights.snapshot()?);
    let rounds = (params.looks / earlier.len()).clamp(1, params.epochs.max(1));
    for _ in 0..rounds {
        for batch in shuffled(earlier.len(), &mut random).chunks(batch) {
            let batch: Vec<&Window> = batch.iter().map(|at| &earlier[*at]).collect();
            adam.backward_step(&network.loss(&batch)?)?;
        }
        let loss = network.mean_loss(
            if later.is_empty() { &earlier } else { &later },
            params.batch,
        )?;
        if loss.is_nan() || loss >= best {
            break;
        }
        let hardly = loss > best * (1.0 - GAIN_MIN);
        (best, kept) = (loss, weights.snapshot()?);
        if hardly {
            break;
        }
    }
    weights.restore(&kept)?;
    assemble(&weights, params)
}

fn windows(sequences: &[Vec<u32>], params: &LstmParams) -> Vec<Window> {
    let last = params.vocabulary as u32 - 1;
    let mut windows = Vec::new();
    for sequence in sequences.iter().filter(|sequence| !sequence.is_empty()) {
        let mut from = 0;
        loop {
            let to = sequence.len().min(from + params.window);
            let tokens = sequence[from..to]
                .iter()
                .map(|token| (*token).min(last))
                .collect();
            windows.push(Window {
                tokens,
                first: from == 0,
            });
            if to == sequence.len() {
                break;
            }
            from = to - 1;
        }
    }
    windows
}

struct Network {
    embedding: Tensor,
    lstm: LSTM,
    output: candle_nn::Linear,
}

impl Network {
    fn new(params: &LstmParams) -> Result<(Weights, Self)> {
        let LstmParams {
            vocabulary,
            embedded,
            hidden,
            ..
        } = *params;
        let mut weights = Weights::new(params.seed);
        let bound = (1.0 / hidden as f64).sqrt();
        let embedding = weights.draw("embedding", &[vocabulary, embedded], 1.0)?;
        weights.draw("weight_ih_l0", &[4 * hidden, embedded], bound)?;
        weights.draw("weight_hh_l0", &[4 * hidden, hidden], bound)?;
        weights.draw("bias_ih_l0", &[4 * hidden], bound)?;
        weights.draw("bias_hh_l0", &[4 * hidden], bound)?;
        let lstm = LSTM::new(embedded, hidden, LSTMConfig::default(), weights.builder())?;
        let weight = weights.draw("output.weight", &[vocabulary, hidden], bound)?;
        let bias = weights.draw("output.bias", &[vocabulary], 0.0)?;
        let output = candle_nn::Linear::new(weight, Some(bias));
        Ok((
            weights,
            Self {
                embedding,
                lstm,
                output,
            },
        ))
    }

    /// The logarithm of each token's probability, windows x places x vocabulary; place N
    /// is what was known before token N.
    fn log_probabilities(&self, tokens: &Tensor) -> Result<Tensor> {
        let (batch, length) = tokens.dims2()?;
        let embedded = self.embedding.index_select(&tokens.flatten_all()?, 0)?;
        let embedded = embedded.reshape((batch, length, ()))?;
        let mut states = vec![self.lstm.zero_state(batch)?];
        if length > 1 {
            let seen = embedded.narrow(1, 0, length - 1)?.contiguous()?;
            states.extend(self.lstm.seq_init(&seen, &states[0])?);
        }
        let hidden = self.lstm.states_to_tensor(&states)?;
        let logits = candle_core::Module::forward(&self.output, &hidden.flatten(0, 1)?)?;
        let logits = candle_nn::ops::log_softmax(&logits, 1)?;
        Ok(logits.reshape((batch, length, ()))?)
    }

    /// The mean surprise over the tokens that the windows predict, in nats.
    fn loss(&self, windows: &[&Window]) -> Result<Tensor> {
        let length = windows
            .iter()
            .map(|window| window.tokens.len())
            .max()
            .unwrap_or(0);
        let (mut tokens, mut counted) = (Vec::new(), Vec::new());
        for Window {
            tokens: known,
            first,
        } in windows
        {
            let counts = |at: usize| at < known.len() && (at > 0 || *first);
            tokens.extend((0..length).map(|at| known.get(at).copied().unwrap_or(0)));
            counted.extend((0..length).map(|at| if counts(at) { 1.0_f32 } else { 0.0 }));
        }
        let total = counted.iter().sum::<f32>().max(1.0);
        let shape = (windows.len(), length);
        let tokens = Tensor::from_vec(tokens, shape, &Device::Cpu)?;
        let counted = Tensor::from_vec(counted, shape, &Device::Cpu)?;
        let wanted = self
            .log_probabilities(&tokens)?
            .gather(&tokens.unsqueeze(2)?, 2)?;
        let sum = (wanted.squeeze(2)? * counted)?.sum_all()?;
        Ok(sum.affine(-1.0 / f64::from(total), 0.0)?)
    }

    fn mean_loss(&self, windows: &[Window], batch: usize) -> Result<f64> {
        let (mut sum, mut count) = (0.0, 0);
        for batch in windows.chunks(batch) {
            let loss = self
                .loss(&batch.iter().collect::<Vec<_>>())?
                .to_scalar::<f32>()?;
            sum += f64::from(loss) * batch.len() as f64;
            count += batch.len();
        }
        Ok(sum / count as f64)
    }
}

fn assemble(weights: &Weights, params: &LstmParams) -> Result<Lstm> {
    let LstmParams {
        embedded, hidden, ..
    } = *params;
    let (from_token, from_hidden) = (
        weights.values("weight_ih_l0")?,
        weights.values("weight_hh_l0")?,
    );
    let rows = from_token.chunks(embedded).zip(from_hidden.chunks(hidden));
    let gates: Vec<f32> = rows.flat_map(|(a, b)| a.iter().chain(b)).copied().collect();
    let biases = (weights.values("bias_ih_l0")?, weights.values("bias_hh_l0")?);
    let bias: Vec<f32> = biases.0.iter().zip(&biases.1).map(|(a, b)| a + b).collect();
    let output = Dense::new(
        &weights.values("output.weight")?,
        &weights.values("output.bias")?,
    )?;
    Ok(Lstm::new(
        weights.values("embedding")?,
        Dense::new(&gates, &bias)?,
        output,
    )?)
}

#[cfg(test)]
#[path = "lstm_tests.rs"]
mod tests;
