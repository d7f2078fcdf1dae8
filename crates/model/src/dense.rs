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
    pub(crate) fn apply<'a>(&self, mut inputs: impl Iterator<Item = &'a f32>, outputs: &mut [f32]) {
        outputs.copy_from_slice(&self.bias);
        let n = self.outputs;
        // Four rows at a time, so that each output is loaded and stored once for four inputs;
        // every output is still summed up in the order of the inputs.
        let mut blocks = self.by_input.chunks_exact(4 * n);
        for block in &mut blocks {
            let mut next = || inputs.next().copied().unwrap_or(0.0);
            let x = [next(), next(), next(), next()];
            let (first, rest) = block.split_at(n);
            let (second, rest) = rest.split_at(n);
            let (third, fourth) = rest.split_at(n);
            let rows = first.iter().zip(second).zip(third.iter().zip(fourth));
            for (output, ((a, b), (c, d))) in outputs.iter_mut().zip(rows) {
                *output = *output + a * x[0] + b * x[1] + c * x[2] + d * x[3];
            }
        }
        for (row, input) in blocks.remainder().chunks_exact(n).zip(inputs) {
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
    fn sums_up_in_the_order_of_the_inputs() {
        let mut random = crate::random::SplitMix64::stream(8, 1);
        let mut draw =
            |n: usize| -> Vec<f32> { (0..n).map(|_| random.unit() as f32 - 0.5).collect() };
        for (inputs, outputs) in [(1, 3), (3, 1), (4, 8), (7, 5), (96, 33)] {
            let (weights, bias, given) = (draw(inputs * outputs), draw(outputs), draw(inputs));
            let layer = Dense::new(&weights, &bias).expect("fits");
            let mut found = vec![0.0; outputs];
            layer.apply(given.iter(), &mut found);
            for (at, found) in found.iter().enumerate() {
                let row = &weights[at * inputs..][..inputs];
                let wanted = row
                    .iter()
                    .zip(&given)
                    .fold(bias[at], |sum, (w, x)| sum + w * x);
                assert_eq!(*found, wanted, "{inputs} to {outputs}, output {at}");
            }
        }
    }

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
