//! Goes through the files of a view, some row groups ahead on other threads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use arrow_array::RecordBatch;

use super::{Files, Filter, Test};
use crate::StoreError;
use crate::replay::TimeRange;

/// Batches that may wait per thread; bounds what a slow reader makes wait in memory.
const BATCHES_AHEAD: usize = 4;
const THREADS_MAX: usize = 4;

type Item = Result<RecordBatch, StoreError>;

/// A part of the view.
enum Part {
    Sealed(usize),
    Group(usize, usize),
    Live(usize),
}

/// The wanted rows of a view. A damaged file is left out and reported by the view.
pub struct Scan {
    wanted: Arc<Wanted>,
    parts: VecDeque<Part>,
    /// Parts that are being read, the first one first.
    running: VecDeque<Receiver<Item>>,
    threads: usize,
    stop: Arc<AtomicBool>,
}

struct Wanted {
    files: Arc<Files>,
    columns: Vec<usize>,
    filters: Vec<Filter>,
}

impl Scan {
    pub(super) fn new(
        files: Arc<Files>,
        columns: &[usize],
        mut filters: Vec<Filter>,
        stop: Arc<AtomicBool>,
    ) -> Scan {
        filters.extend(range_filter(&files));
        let count = (files.sealed.len() + files.live.len()) as u64;
        files.progress.wanted.fetch_add(count, Ordering::Relaxed);
        let sealed = (0..files.sealed.len()).map(Part::Sealed);
        let live = (0..files.live.len()).map(Part::Live);
        Scan {
            parts: sealed.chain(live).collect(),
            wanted: Arc::new(Wanted {
                files,
                columns: columns.to_owned(),
                filters,
            }),
            running: VecDeque::new(),
            threads: thread::available_parallelism().map_or(1, |n| n.get().min(THREADS_MAX)),
            stop,
        }
    }

    /// Keeps every thread busy.
    fn start(&mut self) -> Result<(), StoreError> {
        while self.running.len() < self.threads {
            let Some(part) = self.parts.pop_front() else {
                return Ok(());
            };
            if !matches!(part, Part::Group(..)) {
                let progress = &self.wanted.files.progress;
                progress.begun.fetch_add(1, Ordering::Relaxed);
            }
            if let Part::Sealed(file) = part {
                for group in self.wanted.groups(file)?.into_iter().rev() {
                    self.parts.push_front(Part::Group(file, group));
                }
                continue;
            }
            let (sender, receiver) = sync_channel(BATCHES_AHEAD);
            let (wanted, stop) = (Arc::clone(&self.wanted), Arc::clone(&self.stop));
            let thread = thread::Builder::new().name("scan".to_owned());
            thread
                .spawn(move || wanted.read(&part, &sender, &stop))
                .map_err(|e| StoreError::io("start a thread for", "/proc/self".as_ref(), e))?;
            self.running.push_back(receiver);
        }
        Ok(())
    }
}

impl Iterator for Scan {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.start() {
                return Some(Err(error));
            }
            // A thread that is done, or that panicked after its part, hangs up.
            match self.running.front()?.recv() {
                Ok(item) => return Some(item),
                Err(_) => drop(self.running.pop_front()),
            }
        }
        None
    }
}

impl Wanted {
    /// The row groups of a partition that may hold wanted rows.
    fn groups(&self, file: usize) -> Result<Vec<usize>, StoreError> {
        let groups = self.files.sealed[file].0.groups(&self.filters);
        self.unless_damaged(groups).map(Option::unwrap_or_default)
    }

    /// Reads a part and sends it; ends when nobody listens any more.
    fn read(&self, part: &Part, sender: &SyncSender<Item>, stop: &AtomicBool) {
        let give =
            |batch: RecordBatch| !stop.load(Ordering::Relaxed) && sender.send(Ok(batch)).is_ok();
        let (files, columns, filters) = (&self.files, &self.columns, &self.filters);
        let read = match part {
            Part::Sealed(_) => return,
            Part::Group(file, group) => self.read_group(*file, *group, give),
            Part::Live(file) => files.live[*file].read(files, columns, filters, give),
        };
        if let Err(error) = self.unless_damaged(read) {
            // Nobody may be listening.
            let _ = sender.send(Err(error));
        }
    }

    fn read_group(
        &self,
        file: usize,
        group: usize,
        give: impl Fn(RecordBatch) -> bool,
    ) -> Result<(), StoreError> {
        let file = &self.files.sealed[file].0;
        let mut rows = file.read(group, &self.columns, &self.filters)?;
        while let Some(batch) = rows.next_batch()? {
            if batch.num_rows() > 0 && !give(batch) {
                break;
            }
        }
        Ok(())
    }

    /// A damaged file does not hide the others.
    fn unless_damaged<T>(&self, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_unusable() => {
                self.files.report(error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// The view's time range as a filter, where it leaves anything out.
fn range_filter(files: &Files) -> Option<Filter> {
    let TimeRange { from_ns, until_ns } = files.range;
    if files.range == TimeRange::ALL {
        return None;
    }
    let range = (i128::from(from_ns), i128::from(until_ns) - 1);
    Some(Filter {
        column: files.table.schema().index_of("time").ok()?,
        test: Test::Ranges(vec![range]),
    })
}
