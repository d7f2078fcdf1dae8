//! The autoencoder as bytes.

use super::Autoencoder;
use crate::artifact::{Reader, Stamp, Writer};
use crate::{Dense, ModelError};

const STAMP: Stamp = Stamp {
    kind: "autoencoder",
    format: 1,
};

/// Names of the layers' tensors.
const NAMES: [(&str, &str); 8] = [
    ("0.weight", "0.bias"),
    ("1.weight", "1.bias"),
    ("2.weight", "2.bias"),
    ("3.weight", "3.bias"),
    ("4.weight", "4.bias"),
    ("5.weight", "5.bias"),
    ("6.weight", "6.bias"),
    ("7.weight", "7.bias"),
];

/// The most layers that an autoencoder has.
pub(super) const LAYERS_MAX: usize = NAMES.len();

impl Autoencoder {
    /// The network as a safetensors file: `center` and `spread` per column, and per layer
    /// N `N.weight`, outputs x inputs, and `N.bias`. Equal networks give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(STAMP);
        writer.put_f32("center", &[self.centers.len()], &self.centers);
        writer.put_f32("spread", &[self.spreads.len()], &self.spreads);
        writer.put_u32("layers", &[1], &[self.layers.len() as u32]);
        for (layer, (weight, bias)) in self.layers.iter().zip(NAMES) {
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
        let (_, count) = reader.get_u32("layers")?;
        let count = count.first().map_or(0, |count| *count as usize);
        let names = NAMES.get(..count);
        let names = names.ok_or_else(|| ModelError::inconsistent("it has too many layers"))?;
        let layer = |(weight, bias): &(&str, &str)| {
            Dense::new(&reader.get_f32(weight)?.1, &reader.get_f32(bias)?.1)
        };
        let layers = names.iter().map(layer).collect::<Result<_, _>>()?;
        Self::new(
            reader.get_f32("center")?.1,
            reader.get_f32("spread")?.1,
            layers,
        )
    }
}
