//! History as a source of events: what was recorded, in the order in which the sensor
//! saw it, rebuilt with its processes and their ancestry.
//!
//! The same files give the same events in the same order, always. Memory is bounded by
//! a few thousand rows per open file and by the processes that lived at one time.

mod actions;
mod cache;
mod decode;
mod details;
mod lineage;
mod merge;
mod rows;

use std::path::Path;

use sentinel_event::Batch;

use crate::StoreError;
use crate::layout::Layout;
use decode::Decoder;
use merge::Merge;

/// Which part of the history to read, in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first time that belongs to it.
    pub from_ns: i64,
    /// The first time that no longer belongs to it.
    pub until_ns: i64,
}

impl TimeRange {
    /// The whole history.
    pub const ALL: TimeRange = TimeRange {
        from_ns: i64::MIN,
        until_ns: i64::MAX,
    };

    pub(crate) fn contains(self, time_ns: i64) -> bool {
        (self.from_ns..self.until_ns).contains(&time_ns)
    }
}

/// The recorded events of a data folder, batch by batch.
///
/// An error stands for a file that is damaged or cannot be read; the events of the
/// other files follow.
pub struct Source {
    merge: Merge,
    decoder: Decoder,
    range: TimeRange,
}

impl Source {
    /// Opens the history below `data_dir`. Events before the range are read too, but
    /// only for the processes that they introduce.
    ///
    /// # Errors
    /// When the folder cannot be listed or holds no history at all.
    pub fn open(data_dir: &Path, range: TimeRange) -> Result<Source, StoreError> {
        Ok(Source {
            merge: Merge::open(Layout::new(data_dir), range)?,
            decoder: Decoder::new(),
            range,
        })
    }

    /// Rows that were left out because their kind is not known to this version.
    pub fn unknown_total(&self) -> u64 {
        self.decoder.unknown_total
    }
}

impl Iterator for Source {
    type Item = Result<Batch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rows = match self.merge.next()? {
                Ok(rows) => rows,
                Err(error) => return Some(Err(error)),
            };
            match self.decoder.decode(&rows, self.range) {
                Ok(events) if events.is_empty() => {}
                Ok(events) => return Some(Ok(Batch::new(events))),
                Err(error) => return Some(Err(StoreError::damaged(self.merge.path(), error))),
            }
        }
    }
}
