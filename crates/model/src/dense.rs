//! A fully connected layer: a matrix and a bias.
//!
//! Owns the layout in memory. Weights lie by input, so that the inner loop adds a whole
//! row to all outputs: the compiler vectorises that without changing the order in which
//! any output is summed up, hence the same bits on every machine.

use crate::ModelError;

/// y = W x + b.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    inputs: usize,
    outputs: usize,
    by_input: Vec<f32>,
    bias: Vec<f32>,
}

impl Dense {
    /// A layer of `weights`, outputs x inputs in row-major order as candle and PyTorch
    /// keep them, and one `bias` per output.
    ///
    /// # Errors
    /// [`ModelError::Input`] where the shapes do not fit each other or a weight is not
    /// finite.
    pub fn new(weights: &[f32], bias: &[f32]) -> Result<Self, ModelError> {
        let outputs = bias.len();
        if outputs == 0 || weights.is_empty() || !weights.len().is_multiple_of(outputs) {
            let sentence = format!("{} weights do not fit {outputs} outputs", weights.len());
            return Err(ModelError::input(sentence));
        }
        if weights.iter().chain(bias).any(|weight| !weight.is_finite()) {
            return Err(ModelError::input("a weight is infinite or not a number"));
        }
        let inputs = weights.len() / outputs;
        let place = |at: usize| weights[at % outputs * inputs + at / outputs];
        Ok(Self {
            inputs,
            outputs,
            by_input: (0..weights.len()).map(place).collect(),
            bias: bias.to_vec(),
        })
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers that come out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The weights as [`new`](Self::new) takes them.
    pub(crate) fn weights(&self) -> Vec<f32> {
        let place = |at: usize| self.by_input[at % self.inputs * self.outputs + at / self.inputs];
        (0..self.by_input.len()).map(place).collect()
    }

    pub(crate) fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// Fills `outputs` from inputs that come in one or more pieces.
    #[inline]
    pub(crate) fn apply<'a>(&self, inputs: impl Iterator<Item = &'a f32>, outputs: &mut [f32]) {
        outputs.copy_from_slice(&self.bias);
        for (row, input) in self.by_input.chunks_exact(self.outputs).zip(inputs) {
            for (output, weight) in outputs.iter_mut().zip(row) {
                *output += weight * input;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_and_adds() {
        let weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let layer = Dense::new(&weights, &[10.0, 20.0]).expect("fits");
        assert_eq!((layer.inputs(), layer.outputs()), (3, 2));
        let mut outputs = [0.0; 2];
        layer.apply([1.0, 0.5, -1.0].iter(), &mut outputs);
        assert_eq!(outputs, [10.0 + 1.0 + 1.0 - 3.0, 20.0 + 4.0 + 2.5 - 6.0]);
        assert_eq!(layer.weights(), weights);
        assert!(Dense::new(&weights, &[0.0; 4]).is_err());
        assert!(Dense::new(&[f32::NAN], &[0.0]).is_err());
    }
}
