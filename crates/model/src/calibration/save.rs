//! A calibration as bytes.

use super::Calibration;
use crate::ModelError;
use crate::artifact::{Reader, Stamp, Writer};

const STAMP: Stamp = Stamp {
    kind: "calibration",
    format: 1,
};

impl Calibration {
    /// The calibration as a safetensors file with its ascending `scores`; the tail is
    /// fitted again when it is read, by the same arithmetic.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(STAMP);
        writer.put_f32("scores", &[self.scores.len()], &self.scores);
        writer.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// Refuses other files, other formats, damage, and scores that are not in order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let (_, scores) = Reader::new(bytes, STAMP)?.get_f32("scores")?;
        let finite = scores.iter().all(|score| score.is_finite());
        if scores.is_empty() || !finite || !scores.is_sorted() {
            return Err(ModelError::inconsistent("its scores are not in order"));
        }
        Ok(Self::sorted(scores))
    }
}
