//! The bytes in which everything learned is kept, and the check of what is read back.
//!
//! A mark, the format, the hash of the columns, a checksum, then the values. What was
//! written by another format or for other columns is refused, not guessed at.

use sentinel_model::{Autoencoder, Calibration, IsolationForest, Lstm};
use serde::{Deserialize, Serialize};

use crate::baseline::{Baseline, Learned, Phase};
use crate::judge::{DETECTOR_COUNT, Model, Scale, Subject, columns};
use crate::order::{Order, Tokens};
use crate::schema::schema_hash;

const MARK: &[u8; 8] = b"SENTBASE";
/// Raised whenever the values below mean something else.
const FORMAT: u32 = 5;
const HEADER: usize = 8 + 4 + 8 + 4;

/// Why learned state cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LoadError {
    /// It is something else.
    #[error("this is no learned state of Sentinel")]
    Malformed,
    /// It was written by another version.
    #[error("it was learned in format {found}, and this program reads format {FORMAT}")]
    Version {
        /// The format of the file.
        found: u32,
    },
    /// It has other columns.
    #[error("it was learned with other features than this program has")]
    Columns,
    /// It is damaged.
    #[error("it is damaged: its checksum does not fit")]
    Checksum,
    /// It is whole, and contradicts itself.
    #[error("it contradicts itself: {0}")]
    Inconsistent(String),
}

#[derive(Serialize, Deserialize)]
struct SavedModel {
    forest: Option<Vec<u8>>,
    autoencoder: Option<Vec<u8>>,
    usual_error: f32,
    median: Vec<f32>,
    low: Vec<f32>,
    high: Vec<f32>,
    calibrations: [Option<Vec<u8>>; DETECTOR_COUNT],
}

impl SavedModel {
    fn new(model: &Model, scale: &Scale) -> SavedModel {
        SavedModel {
            forest: model.forest.as_ref().map(IsolationForest::to_bytes),
            autoencoder: model.autoencoder.as_ref().map(Autoencoder::to_bytes),
            usual_error: model.usual_error,
            median: model.median.clone(),
            low: model.low.clone(),
            high: model.high.clone(),
            calibrations: std::array::from_fn(|at| {
                scale.calibrations[at].as_ref().map(Calibration::to_bytes)
            }),
        }
    }

    fn restore(self, subject: Subject) -> Result<(Model, Scale), LoadError> {
        let wrong = |error: sentinel_model::ModelError| LoadError::Inconsistent(error.to_string());
        let columns = columns(subject);
        let forest = self.forest.map(|bytes| IsolationForest::from_bytes(&bytes));
        let forest = forest.transpose().map_err(wrong)?;
        if forest
            .as_ref()
            .is_some_and(|forest| forest.columns() != columns.len())
        {
            return Err(LoadError::Columns);
        }
        let network = self
            .autoencoder
            .map(|bytes| Autoencoder::from_bytes(&bytes));
        let mut scale = Scale::default();
        for (place, bytes) in scale.calibrations.iter_mut().zip(self.calibrations) {
            let calibration = bytes.map(|bytes| Calibration::from_bytes(&bytes));
            *place = calibration.transpose().map_err(wrong)?;
        }
        let model = Model {
            forest,
            autoencoder: network.transpose().map_err(wrong)?,
            usual_error: self.usual_error,
            columns,
            median: self.median,
            low: self.low,
            high: self.high,
        };
        if model.forest.is_some() && model.median.len() != crate::COLUMNS {
            return Err(LoadError::Inconsistent(
                "a model has no usual values".to_owned(),
            ));
        }
        Ok((model, scale))
    }
}

impl Baseline {
    /// Everything that is learned, as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let models: [SavedModel; 2] =
            std::array::from_fn(|at| SavedModel::new(&self.models[at], &self.scales[at]));
        let order = self.order.as_ref();
        let order = order.map(|order| (&order.tokens, order.network.to_bytes()));
        let values = (self.phase(), &self.learned, models, order);
        // Fails only where a value cannot be serialized, and each of ours can.
        let body = postcard::to_stdvec(&values).unwrap_or_default();
        let mut bytes = Vec::with_capacity(HEADER + body.len());
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&schema_hash().to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Goes on from what [`to_bytes`](Self::to_bytes) gave. What was going on in process
    /// trees is not part of it.
    ///
    /// # Errors
    /// Where the bytes are not whole, or of another version; nothing is changed then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        let (header, body) = bytes.split_at_checked(HEADER).ok_or(LoadError::Malformed)?;
        if &header[..8] != MARK {
            return Err(LoadError::Malformed);
        }
        let number = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        if number(8) != FORMAT {
            return Err(LoadError::Version { found: number(8) });
        }
        if u64::from(number(12)) | u64::from(number(16)) << 32 != schema_hash() {
            return Err(LoadError::Columns);
        }
        if number(20) != crc32fast::hash(body) {
            return Err(LoadError::Checksum);
        }
        type Saved = (Phase, Learned, [SavedModel; 2], Option<(Tokens, Vec<u8>)>);
        let inconsistent = |error: String| LoadError::Inconsistent(error);
        let (phase, learned, models, order): Saved =
            postcard::from_bytes(body).map_err(|error| inconsistent(error.to_string()))?;
        if !learned.rows.iter().all(|rows| rows.sound()) || !learned.tables.chains.sound() {
            return Err(LoadError::Inconsistent(
                "the rows do not hang together".to_owned(),
            ));
        }
        let [start, contact] = models;
        let start = start.restore(Subject::Start)?;
        let contact = contact.restore(Subject::Contact)?;
        let epoch = self.epoch + 1;
        let order =
            order.map(|(tokens, bytes)| Order::new(Lstm::from_bytes(&bytes)?, tokens, epoch));
        let order = order.transpose();
        let order = order.map_err(|error| inconsistent(error.to_string()))?;
        self.set_phase(phase);
        self.learned = learned;
        (self.models, self.scales) = ([start.0, contact.0], [start.1, contact.1]);
        (self.order, self.epoch) = (order, epoch);
        Ok(())
    }
}
