//! Repeats that the kernel counted: ends a window, reads it, and makes one observation of
//! each thing that was done again. How a window is counted into is `bpf/repeat.bpf.h`.

use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use libbpf_rs::{MapCore, MapFlags, MapHandle, MapInfo};
use sentinel_event::{Kind, Ring};
use sentinel_process::{Observed, What};

use super::decode::decode_repeat;
use super::progress::Progress;
use super::skel::SentinelMaps;
use super::stats::Stats;
use super::types::sentinel_limit;

/// The kinds that are counted in windows, with the ring that their records go through.
const KINDS: [(Ring, Kind); 4] = [
    (Ring::Bulk, Kind::Open),
    (Ring::Priority, Kind::Connect),
    (Ring::Priority, Kind::Accept),
    (Ring::Bulk, Kind::Close),
];
/// A process that ended ends the window, but not more often than this.
const EXIT_INTERVAL: Duration = Duration::from_millis(250);
/// Entries that one system call takes out of a window.
const BATCH_ENTRIES: u32 = sentinel_limit::SENTINEL_REPEATS.0;
const ONLY: [u8; 4] = 0u32.to_ne_bytes();

/// A window that is not cleared until what was read in it is safe waits so long at most, in
/// its own lengths.
const LENGTHS_MAX: u32 = 5;

/// The two windows, of which one is counted into.
///
/// The other is cleared only once what was read in it is in the journal: until then it would
/// have to be read again by the next daemon, were this one killed.
pub struct Repeats {
    current: MapHandle,
    windows: [MapHandle; 2],
    progress: Progress,
    /// Which of the two is counted into.
    counting: usize,
    /// Whether the other one holds what nobody has read.
    is_unread: bool,
    /// Whether the other one was read now, with the drain that has no number yet.
    is_read: bool,
    began: Instant,
    /// What had been aggregated when the window began.
    known_total: u64,
    page_bytes: u64,
}

impl Repeats {
    /// Nothing is aggregated before [`Repeats::begin`].
    pub fn new(
        maps: &SentinelMaps<'_>,
        progress: Progress,
        page_bytes: u64,
    ) -> libbpf_rs::Result<Repeats> {
        let windows = [
            MapHandle::try_from(&maps.repeats_even)?,
            MapHandle::try_from(&maps.repeats_odd)?,
        ];
        Ok(Repeats {
            current: MapHandle::try_from(&maps.repeats)?,
            windows,
            progress,
            counting: 0,
            is_unread: false,
            is_read: false,
            began: Instant::now(),
            known_total: 0,
            page_bytes,
        })
    }

    /// Lets the kernel count from now on.
    pub fn begin(&mut self) -> libbpf_rs::Result<()> {
        self.put(0)
    }

    /// Goes on where an earlier daemon stopped, or lets the kernel count no more where
    /// nothing is to be aggregated. What is in the windows is told with the next flush,
    /// unless it is in the journal.
    pub fn go_on(&mut self, aggregates: bool) -> libbpf_rs::Result<()> {
        let id = self.current.lookup(&ONLY, MapFlags::ANY).ok().flatten();
        let id = id.and_then(|id| Some(u32::from_ne_bytes(id.try_into().ok()?)));
        let ids = [id_of(&self.windows[0])?, id_of(&self.windows[1])?];
        let counting = ids.iter().position(|own| Some(*own) == id);
        let drain = self.progress.repeats_drain();
        self.counting = counting.unwrap_or(0);
        self.is_unread = drain == 0 || !self.progress.is_safe(drain);
        if !self.is_unread {
            self.clear();
        }
        self.progress.set_repeats_drain(0);
        match (aggregates, counting) {
            (true, None) => self.put(self.counting),
            (false, Some(_)) => {
                // An array's entry cannot be deleted, but for those that hold maps.
                self.current.delete(&ONLY)
            }
            _ => Ok(()),
        }
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
        if std::mem::take(&mut self.is_unread) {
            self.read(1 - self.counting, out);
            if length.is_zero() {
                // Of an earlier daemon that aggregated.
                self.read(self.counting, out);
            }
            self.is_read = true;
            return;
        }
        let age = self.began.elapsed();
        let exit_due = exited && age >= EXIT_INTERVAL && self.total(stats) != self.known_total;
        if length.is_zero() || (age < length && !exit_due) {
            return;
        }
        let drain = self.progress.repeats_drain();
        if drain > 0 {
            // A disk that does not keep up must not make a window longer and longer.
            if !self.progress.is_safe(drain) && age < length * LENGTHS_MAX {
                return;
            }
            self.clear();
            self.progress.set_repeats_drain(0);
        }
        let full = self.counting;
        if let Err(error) = self.put(1 - full) {
            tracing::warn!("cannot end a window of repeats: {error}");
            return;
        }
        self.began = Instant::now();
        self.known_total = self.total(stats);
        self.read(full, out);
        self.is_read = true;
    }

    /// What was read by the last flush, if anything was, belongs to this drain.
    pub fn note_drain(&mut self, drain: u64) {
        if std::mem::take(&mut self.is_read) {
            self.progress.set_repeats_drain(drain);
        }
    }

    /// Appends what the windows hold that was not told. To be asked once no program runs any
    /// more.
    pub fn finish(&self, out: &mut Vec<Observed>) {
        self.read(self.counting, out);
        if self.is_unread {
            self.read(1 - self.counting, out);
        }
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
            .map(|(ring, kind)| stats.aggregated(*ring, *kind))
            .sum()
    }

    fn read(&self, window: usize, out: &mut Vec<Observed>) {
        let entries =
            self.windows[window].lookup_batch(BATCH_ENTRIES, MapFlags::ANY, MapFlags::ANY);
        match entries {
            Ok(entries) => {
                out.extend(entries.filter_map(|(_, value)| decode_repeat(&value, self.page_bytes)));
            }
            Err(error) => tracing::warn!("cannot read a window of repeats: {error}"),
        }
    }

    /// Clears the window that is not counted into.
    fn clear(&self) {
        let window = &self.windows[1 - self.counting];
        match window.lookup_and_delete_batch(BATCH_ENTRIES, MapFlags::ANY, MapFlags::ANY) {
            Ok(entries) => entries.for_each(drop),
            Err(error) => tracing::warn!("cannot clear a window of repeats: {error}"),
        }
    }
}

fn id_of(map: &MapHandle) -> libbpf_rs::Result<u32> {
    Ok(MapInfo::new(map.as_fd())?.info.id)
}

/// Whether a process ended in this batch.
pub fn exited(batch: &[Observed]) -> bool {
    batch
        .iter()
        .any(|observed| matches!(observed.what, What::Exit { .. }))
}
