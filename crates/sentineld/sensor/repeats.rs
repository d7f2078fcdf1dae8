//! Repeats that the kernel counted: ends a window, reads it, and makes one observation of
//! each thing that was done again. How a window is counted into is `bpf/repeat.bpf.h`.

use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use libbpf_rs::{MapCore, MapFlags, MapHandle};
use sentinel_event::{Kind, Ring};
use sentinel_process::{Observed, What};

use super::decode::decode_repeat;
use super::skel::SentinelMaps;
use super::stats::Stats;
use super::types::sentinel_limit;

/// The kinds that are counted in windows; all of them use the bulk ring.
const KINDS: [Kind; 4] = [Kind::Open, Kind::Connect, Kind::Accept, Kind::Close];
/// A process that ended ends the window, but not more often than this.
const EXIT_INTERVAL: Duration = Duration::from_millis(250);
/// Entries that one system call takes out of a window.
const BATCH_ENTRIES: u32 = sentinel_limit::SENTINEL_REPEATS.0;
const ONLY: [u8; 4] = 0u32.to_ne_bytes();

/// The two windows, of which one is counted into.
pub struct Repeats {
    current: MapHandle,
    windows: [MapHandle; 2],
    /// Which of the two is counted into.
    counting: usize,
    began: Instant,
    /// What had been aggregated when the window began.
    known_total: u64,
    page_bytes: u64,
}

impl Repeats {
    /// Nothing is aggregated before [`Repeats::begin`].
    pub fn new(maps: &SentinelMaps<'_>, page_bytes: u64) -> libbpf_rs::Result<Repeats> {
        let windows = [
            MapHandle::try_from(&maps.repeats_even)?,
            MapHandle::try_from(&maps.repeats_odd)?,
        ];
        Ok(Repeats {
            current: MapHandle::try_from(&maps.repeats)?,
            windows,
            counting: 0,
            began: Instant::now(),
            known_total: 0,
            page_bytes,
        })
    }

    /// Lets the kernel count from now on.
    pub fn begin(&mut self) -> libbpf_rs::Result<()> {
        self.put(0)
    }

    /// Ends the window when it is over, or when `exited` says that a process ended which
    /// may have repeats in it, and appends what it held to `out`. A `length` of zero is
    /// for no aggregation at all.
    pub fn flush(
        &mut self,
        length: Duration,
        exited: bool,
        stats: &Stats,
        out: &mut Vec<Observed>,
    ) {
        let age = self.began.elapsed();
        let exit_due = exited && age >= EXIT_INTERVAL && self.total(stats) != self.known_total;
        if length.is_zero() || (age < length && !exit_due) {
            return;
        }
        let full = self.counting;
        if let Err(error) = self.put(1 - full) {
            tracing::warn!("cannot end a window of repeats: {error}");
            return;
        }
        self.began = Instant::now();
        self.known_total = self.total(stats);
        self.read(full, out);
    }

    /// Appends what both windows hold. To be asked once no program runs any more.
    pub fn finish(&self, out: &mut Vec<Observed>) {
        self.read(0, out);
        self.read(1, out);
    }

    /// Lets the kernel count into this window. Returns once no program counts into
    /// another any more: the kernel waits for them.
    fn put(&mut self, window: usize) -> libbpf_rs::Result<()> {
        let fd = self.windows[window].as_fd().as_raw_fd() as u32;
        self.current
            .update(&ONLY, &fd.to_ne_bytes(), MapFlags::ANY)?;
        self.counting = window;
        Ok(())
    }

    fn total(&self, stats: &Stats) -> u64 {
        KINDS
            .iter()
            .map(|kind| stats.aggregated(Ring::Bulk, *kind))
            .sum()
    }

    fn read(&self, window: usize, out: &mut Vec<Observed>) {
        let entries = self.windows[window].lookup_and_delete_batch(
            BATCH_ENTRIES,
            MapFlags::ANY,
            MapFlags::ANY,
        );
        match entries {
            Ok(entries) => {
                out.extend(entries.filter_map(|(_, value)| decode_repeat(&value, self.page_bytes)));
            }
            Err(error) => tracing::warn!("cannot read a window of repeats: {error}"),
        }
    }
}

/// Whether a process ended in this batch.
pub fn exited(batch: &[Observed]) -> bool {
    batch
        .iter()
        .any(|observed| matches!(observed.what, What::Exit { .. }))
}
