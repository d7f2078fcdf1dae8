//! Events of the history, for a client that asks for a time before now.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use sentinel_event::Event;
use sentinel_store::StoreError;
use sentinel_store::replay::{Source, TimeRange};

/// Clients that may read history at the same time: each keeps a processor busy.
const READERS: usize = 2;
static READING: AtomicUsize = AtomicUsize::new(0);

/// The right to read history, given back when dropped.
pub struct Turn(());

impl Turn {
    /// `None` when enough others read.
    pub fn take() -> Option<Turn> {
        let free = READING.fetch_update(Relaxed, Relaxed, |n| (n < READERS).then_some(n + 1));
        free.is_ok().then_some(Turn(()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        READING.fetch_sub(1, Relaxed);
    }
}

/// Gives every event of the range to `take` until that says that it has enough. Returns
/// the number of the last event. Damaged files are left out with a warning.
pub fn read(
    _turn: &Turn,
    data_dir: &Path,
    range: TimeRange,
    mut take: impl FnMut(&Event) -> bool,
) -> Result<u64, StoreError> {
    let source = match Source::open(data_dir, range) {
        Ok(source) => source,
        // A new host has no history yet.
        Err(error) if error.is_not_found() => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut last_seq = 0;
    for batch in source {
        match batch {
            Ok(batch) => {
                for event in batch.iter() {
                    last_seq = last_seq.max(event.seq);
                    if !take(event) {
                        return Ok(last_seq);
                    }
                }
            }
            Err(error) => tracing::warn!("{error}"),
        }
    }
    Ok(last_seq)
}
