//! The forest as bytes.

use super::IsolationForest;
use super::layout::{Layout, Node};
use crate::ModelError;
use crate::artifact::{Reader, Stamp, Writer};

const STAMP: Stamp = Stamp {
    kind: "isolation-forest",
    format: 1,
};

impl IsolationForest {
    /// The forest as a safetensors file: arrays over nodes `threshold`, `feature`, `step`
    /// and `length`, over trees `root`, then `line`, and `shape` with columns, rows per
    /// tree and depth. Equal forests give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Layout {
            nodes,
            lengths,
            roots,
            depth,
        } = &self.layout;
        let mut writer = Writer::new(STAMP);
        let thresholds: Vec<_> = nodes.iter().map(|node| node.threshold).collect();
        writer.put_f32("threshold", &[nodes.len()], &thresholds);
        let features: Vec<_> = nodes.iter().map(|node| u32::from(node.feature)).collect();
        writer.put_u32("feature", &[nodes.len()], &features);
        let steps: Vec<_> = nodes.iter().map(|node| u32::from(node.step)).collect();
        writer.put_u32("step", &[nodes.len()], &steps);
        writer.put_f32("length", &[nodes.len()], lengths);
        writer.put_u32("root", &[roots.len()], roots);
        writer.put_f32("line", &[1], &[self.line]);
        let shape = [
            self.columns as u64,
            self.sample_rows as u64,
            u64::from(*depth),
        ];
        writer.put_u64("shape", &[3], &shape);
        writer.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// Refuses other files, other formats, damage, and trees that would lead astray.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let reader = Reader::new(bytes, STAMP)?;
        let (_, thresholds) = reader.get_f32("threshold")?;
        let (_, features) = reader.get_u32("feature")?;
        let (_, steps) = reader.get_u32("step")?;
        let (_, lengths) = reader.get_f32("length")?;
        let count = thresholds.len();
        if [features.len(), steps.len(), lengths.len()] != [count; 3] {
            return Err(ModelError::inconsistent("its arrays differ in length"));
        }
        let mut nodes = Vec::with_capacity(count);
        for ((threshold, feature), step) in thresholds.into_iter().zip(features).zip(steps) {
            let large = |_| ModelError::inconsistent("a node does not fit");
            let feature = feature.try_into().map_err(large)?;
            let step = step.try_into().map_err(large)?;
            nodes.push(Node {
                threshold,
                feature,
                step,
            });
        }
        let (_, shape) = reader.get_u64("shape")?;
        let (_, line) = reader.get_f32("line")?;
        let (&[columns, sample_rows, depth], &[line]) = (&shape[..], &line[..]) else {
            return Err(ModelError::inconsistent("its shape is not three numbers"));
        };
        let (_, roots) = reader.get_u32("root")?;
        let depth = u32::try_from(depth).unwrap_or(u32::MAX);
        let layout = Layout {
            nodes,
            lengths,
            roots,
            depth,
        };
        let columns = usize::try_from(columns).unwrap_or(0);
        layout.check(columns)?;
        Ok(Self::assemble(layout, columns, sample_rows as usize, line))
    }
}
