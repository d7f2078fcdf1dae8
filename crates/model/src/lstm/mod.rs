//! The next token of a sequence by a long short-term memory: Hochreiter and Schmidhuber,
//! Neural Computation 9(8), 1997, <https://doi.org/10.1162/neco.1997.9.8.1735>, with
//! forget gates (Gers et al. 2000).
//!
//! Owns the forward step: embedding, one layer, and the distribution over the next token.
//! Training is done by another program; what tokens stand for is the caller's to know.

mod save;

use crate::activation::{exp, logistic, tanh};
use crate::{Dense, ModelError};

/// The most numbers in a state's memory. Gates live on the stack.
const HIDDEN_MAX: usize = 128;
/// So many logits live on the stack as well; more have to be allocated each time.
const LOGITS: usize = 640;

/// A trained network.
#[derive(Debug, Clone, PartialEq)]
pub struct Lstm {
    /// One row per token.
    embedding: Vec<f32>,
    /// Numbers in such a row.
    embedded: usize,
    /// From the embedded token and the hidden state to the input, forget, cell and output
    /// gates, in this order.
    gates: Dense,
    /// From the hidden state to a logit per token.
    output: Dense,
}

/// What a network remembers of one sequence; before the first token, what
/// [`Lstm::start`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct LstmState {
    hidden: Vec<f32>,
    cell: Vec<f32>,
}

impl LstmState {
    /// The hidden state, whose numbers lie between -1 and 1.
    pub fn hidden(&self) -> &[f32] {
        &self.hidden
    }
}

impl Lstm {
    /// A network of an `embedding` with one row per token, `gates` from the embedded
    /// token followed by the hidden state to four gates (input, forget, cell, output;
    /// candle's and PyTorch's order, their two biases added), and an `output` from the
    /// hidden state to one logit per token.
    ///
    /// # Errors
    /// [`ModelError::Input`] where shapes do not fit each other, or the hidden state has
    /// more than 128 numbers.
    pub fn new(embedding: Vec<f32>, gates: Dense, output: Dense) -> Result<Self, ModelError> {
        let (vocabulary, hidden) = (output.outputs(), output.inputs());
        if hidden > HIDDEN_MAX || gates.outputs() != 4 * hidden || gates.inputs() <= hidden {
            return Err(ModelError::input("the gates do not fit the hidden state"));
        }
        let embedded = gates.inputs() - hidden;
        if embedding.len() != vocabulary * embedded || embedding.iter().any(|x| !x.is_finite()) {
            return Err(ModelError::input(
                "the embedding does not fit the vocabulary",
            ));
        }
        Ok(Self {
            embedding,
            embedded,
            gates,
            output,
        })
    }

    /// The state before the first token.
    pub fn start(&self) -> LstmState {
        let hidden = vec![0.0; self.output.inputs()];
        let cell = hidden.clone();
        LstmState { hidden, cell }
    }

    /// Takes `token` into the state. A token outside the vocabulary counts as its last
    /// one, by convention the unknown.
    ///
    /// # Panics
    /// Where the state is that of a network of another size.
    pub fn step(&self, state: &mut LstmState, token: u32) {
        let hidden = self.output.inputs();
        assert_eq!((state.hidden.len(), state.cell.len()), (hidden, hidden));
        let embedded = &self.embedding[self.known(token) * self.embedded..][..self.embedded];
        let mut gates = [0.0; 4 * HIDDEN_MAX];
        let gates = &mut gates[..4 * hidden];
        self.gates
            .apply(embedded.iter().chain(&state.hidden), gates);
        let (input, rest) = gates.split_at_mut(hidden);
        let (forget, rest) = rest.split_at_mut(hidden);
        let (candidate, output) = rest.split_at_mut(hidden);
        for gate in [&mut *input, &mut *forget, &mut *output] {
            gate.iter_mut().for_each(|x| *x = logistic(*x));
        }
        for at in 0..hidden {
            let cell = forget[at] * state.cell[at] + input[at] * tanh(candidate[at]);
            state.cell[at] = cell;
            state.hidden[at] = output[at] * tanh(cell);
        }
    }

    /// How unexpected `token` is as the next one, in bits: 0 for the certain.
    ///
    /// # Panics
    /// Where the state is that of a network of another size.
    pub fn surprise(&self, state: &LstmState, token: u32) -> f32 {
        assert_eq!(state.hidden.len(), self.output.inputs());
        let (mut few, mut many) = ([0.0; LOGITS], Vec::new());
        let logits = match few.get_mut(..self.vocabulary()) {
            Some(few) => few,
            None => {
                many.resize(self.vocabulary(), 0.0);
                &mut many[..]
            }
        };
        self.output.apply(state.hidden.iter(), logits);
        let wanted = logits[self.known(token)];
        let highest = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        // Eight sums, which fill a vector where a single one would wait for itself.
        let mut sums = [0.0_f32; 8];
        for block in logits.chunks(8) {
            for (sum, logit) in sums.iter_mut().zip(block) {
                *sum += exp(logit - highest);
            }
        }
        let bits = (highest - wanted + sums.iter().sum::<f32>().ln()) * std::f32::consts::LOG2_E;
        bits.max(0.0)
    }

    /// [`surprise`](Self::surprise), then [`step`](Self::step).
    pub fn score_then_step(&self, state: &mut LstmState, token: u32) -> f32 {
        let surprise = self.surprise(state, token);
        self.step(state, token);
        surprise
    }

    /// Tokens that the network knows, from 0.
    pub fn vocabulary(&self) -> usize {
        self.output.outputs()
    }

    fn known(&self, token: u32) -> usize {
        (token as usize).min(self.vocabulary() - 1)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
