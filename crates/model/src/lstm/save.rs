//! The network as bytes.

use super::Lstm;
use crate::artifact::{Reader, Stamp, Writer};
use crate::{Dense, ModelError};

const STAMP: Stamp = Stamp {
    kind: "lstm",
    format: 1,
};

impl Lstm {
    /// The network as a safetensors file: `embedding`, tokens x numbers; `gates.weight`,
    /// four gates x (embedded and hidden), and `gates.bias`; `output.weight`, tokens x
    /// hidden, and `output.bias`. Equal networks give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(STAMP);
        let shape = [self.vocabulary(), self.embedded];
        writer.put_f32("embedding", &shape, &self.embedding);
        let names = [
            ("gates.weight", "gates.bias"),
            ("output.weight", "output.bias"),
        ];
        for (layer, (weight, bias)) in [&self.gates, &self.output].into_iter().zip(names) {
            writer.put_f32(weight, &[layer.outputs(), layer.inputs()], &layer.weights());
            writer.put_f32(bias, &[layer.outputs()], layer.bias());
        }
        writer.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// Refuses other files, other formats, damage, and layers that do not fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let reader = Reader::new(bytes, STAMP)?;
        let layer = |weight, bias| Dense::new(&reader.get_f32(weight)?.1, &reader.get_f32(bias)?.1);
        let gates = layer("gates.weight", "gates.bias")?;
        let output = layer("output.weight", "output.bias")?;
        Self::new(reader.get_f32("embedding")?.1, gates, output)
    }
}
