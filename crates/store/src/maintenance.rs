//! What is done to files that are no longer written: sealing, retention,
//! merging, checking, measuring.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::compact::compact;
use crate::layout::entries;
use crate::retention::{self, ClockGuard};
use crate::scrub::Scrubber;
use crate::seal::seal;
use crate::stats::lock;
use crate::store::Shared;
use crate::{Problem, StoreError, Table};

/// How long an orderly end may take; systemd kills what takes longer than 90 seconds.
const SEAL_ALL_MAX: Duration = Duration::from_secs(20);

pub(crate) struct Maintenance {
    shared: Arc<Shared>,
    /// Held for a whole run, so that two threads never seal the same journal.
    memory: Mutex<Memory>,
    /// Runs end after the file that they are at.
    stopping: AtomicBool,
}

/// What one run remembers for the next.
#[derive(Default)]
struct Memory {
    clock: ClockGuard,
    scrubber: Scrubber,
}

impl Maintenance {
    pub fn new(shared: Arc<Shared>) -> Maintenance {
        Maintenance {
            shared,
            memory: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Seals closed journals, removes what is past retention, merges what is small,
    /// checks a part of it. A failure is shown in the counters; the next run tries again.
    pub fn run(&self, now_ns: i64) {
        let mut memory = lock(&self.memory);
        let sealed = self.seal_closed(|| self.stopping.load(Relaxed));
        if self.stopping.load(Relaxed) {
            return;
        }
        let retained = match memory.clock.is_trusted(now_ns) {
            true => retention::by_age(&self.shared, now_ns),
            false => Ok(()),
        };
        let retained = retained.and_then(|()| retention::by_size(&self.shared));
        let scrubbed = memory.scrubber.run(&self.shared.layout).map(warn);
        let compacted = self.compact();
        let result = sealed.and(retained).and(scrubbed).and(compacted);
        let result = result.and(self.measure());
        self.show(result.as_ref().err());
    }

    /// Makes the current run, and all others, end soon.
    pub fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Seals the journals that are not being written, as many as [`SEAL_ALL_MAX`]
    /// allows; the others are as safe and are sealed after the next start.
    pub fn seal_all(&self) -> Result<(), StoreError> {
        let _memory = lock(&self.memory);
        let begun = Instant::now();
        let sealed = self.seal_closed(|| begun.elapsed() > SEAL_ALL_MAX);
        let result = sealed.and(self.measure());
        self.show(result.as_ref().err());
        result
    }

    /// Counts bytes and partitions anew.
    pub fn measure(&self) -> Result<(), StoreError> {
        let layout = &self.shared.layout;
        let (mut bytes, mut count) = (0, 0);
        for table in Table::ALL {
            let partitions = layout.list_partitions(table)?;
            count += partitions.len() as u64;
            bytes += partitions.iter().map(|p| p.size_bytes).sum::<u64>();
            let live = lock(&self.shared.live).clone();
            let journals = layout.list_journals(table)?;
            let closed = journals.iter().filter(|j| !live.contains(&j.path));
            bytes += closed.map(|j| j.size_bytes).sum::<u64>();
        }
        for (_, path) in entries(&layout.quarantine())? {
            bytes += path.metadata().map_or(0, |m| m.len());
        }
        let counters = &self.shared.counters;
        counters.settled_bytes.store(bytes, Relaxed);
        counters.partitions.store(count, Relaxed);
        Ok(())
    }

    fn seal_closed(&self, is_enough: impl Fn() -> bool) -> Result<(), StoreError> {
        let shared = &self.shared;
        for table in Table::ALL {
            for journal in shared.layout.list_journals(table)? {
                if is_enough() {
                    return Ok(());
                }
                if lock(&shared.live).contains(&journal.path) {
                    continue;
                }
                warn(seal(&shared.layout, table, &journal, &shared.host)?);
            }
        }
        Ok(())
    }

    fn compact(&self) -> Result<(), StoreError> {
        for table in Table::ALL {
            warn(compact(&self.shared, table)?);
        }
        Ok(())
    }

    fn show(&self, error: Option<&StoreError>) {
        *lock(&self.shared.counters.upkeep_problem) = error.map(ToString::to_string);
    }
}

fn warn(problems: impl IntoIterator<Item = Problem>) {
    for problem in problems {
        tracing::warn!("{problem}");
    }
}
