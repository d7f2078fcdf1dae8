//! The store on its own threads: one writes the journals, one of low priority does
//! what takes long, so that sealing never delays a flush.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use sentinel_event::{Alert, Batch};

use crate::maintenance::Maintenance;
use crate::queue::{Queue, Waiting};
use crate::store::Shared;
use crate::{Stats, Store, StoreError};

/// How often maintenance looks for work without being called.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(60);
/// Maintenance gets about a tenth of what others get when all processors are busy. Less,
/// and journals pile up on a host that is always busy.
const MAINTENANCE_NICE: i32 = 10;

/// A handle to the running store. Offering never blocks; what does not fit is counted.
pub struct Writer {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    queue_dropped: AtomicU64,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Writer {
    /// Starts the store's threads.
    ///
    /// # Errors
    /// When the kernel gives no thread.
    pub fn start(store: Store) -> std::io::Result<Writer> {
        let shared = store.shared().clone();
        let config = &shared.config;
        let queue = Arc::new(Queue::new(config.queue_batches, config.queue_alerts));
        let maintenance = store.maintenance().clone();
        let (wake, woken) = sync_channel(1);
        let keeper = Builder::new()
            .name("store-keeper".to_owned())
            .spawn(move || keep(&maintenance, &woken))?;
        let thread = Builder::new().name("store-writer".to_owned()).spawn({
            let queue = queue.clone();
            move || write(store, &queue, wake, keeper)
        })?;
        Ok(Writer {
            shared,
            queue,
            queue_dropped: AtomicU64::new(0),
            thread: Some(thread),
        })
    }

    /// Hands over events. Returns whether they fitted; if not, they are counted, except for
    /// those that tell of losses, which are kept all the same.
    pub fn offer_events(&self, batch: Batch) -> bool {
        let offered = self.queue.offer_events(batch);
        if let Err(dropped) = offered {
            self.queue_dropped.fetch_add(dropped as u64, Relaxed);
        }
        offered.is_ok()
    }

    /// Hands over an alert. Returns whether it fitted; if not, it is counted.
    pub fn offer_alert(&self, alert: Arc<Alert>) -> bool {
        let fitted = self.queue.offer_alert(alert);
        if !fitted {
            self.shared.counters.alerts_dropped.fetch_add(1, Relaxed);
        }
        fitted
    }

    /// The number of the last event that was written to the journal, or given up; 0 before
    /// the first.
    pub fn settled_seq(&self) -> u64 {
        self.shared.counters.settled_seq.load(Relaxed)
    }

    /// The state of the store now.
    pub fn stats(&self) -> Stats {
        let path = self.shared.layout.root().to_owned();
        let mut stats = self.shared.counters.snapshot(path);
        stats.queue_depth = self.queue.depth() as u64;
        stats.queue_capacity = self.queue.capacity() as u64;
        stats.queue_dropped_total = self.queue_dropped.load(Relaxed);
        stats.dropped_total += stats.queue_dropped_total;
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            stats.problem = Some("the store's thread has ended".to_owned());
        }
        stats
    }

    /// Writes and seals everything that waits, then gives the data folder free.
    ///
    /// # Errors
    /// When something could not be written or sealed.
    pub fn stop(mut self) -> Result<(), StoreError> {
        self.queue.close();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends by itself once it has written what waits.
        self.queue.close();
    }
}

/// The writer's thread. Failures of the disk are counted and shown by the store;
/// the loop goes on, so writing resumes by itself.
fn write(
    mut store: Store,
    queue: &Queue,
    wake: SyncSender<()>,
    keeper: JoinHandle<()>,
) -> Result<(), StoreError> {
    let maintenance = store.maintenance().clone();
    // What the last run left is sealed at once.
    let _ = wake.try_send(());
    loop {
        let until = store
            .flush_due()
            .max(Instant::now() + Duration::from_millis(1));
        let waiting = queue.take(until);
        let closed = waiting.closed;
        append(&mut store, waiting);
        note("write to the journal", store.flush_if_due());
        if store.roll_if_full() {
            let _ = wake.try_send(());
        }
        if closed {
            break;
        }
    }
    // What the keeper is at is finished, the rest is done here at normal priority.
    maintenance.stop();
    drop(wake);
    // A panic in the keeper has already been printed; the store is closed all the same.
    let _ = keeper.join();
    store.close()
}

fn append(store: &mut Store, waiting: Waiting) {
    for batch in waiting.events {
        note("take events", store.append_events(&batch));
    }
    if waiting.alerts.is_empty() {
        return;
    }
    for alert in waiting.alerts {
        note("take an alert", store.append_alert(&alert));
    }
    // Whoever attacks may try to end the daemon next, so alerts do not wait.
    note("write to the journal", store.flush());
}

fn note(what: &str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::debug!("cannot {what}: {error}");
    }
}

/// The keeper's thread: seals and removes files whenever it is woken, and regularly.
fn keep(maintenance: &Maintenance, woken: &Receiver<()>) {
    // On Linux this is the priority of the thread alone. Without it all works, but
    // less politely.
    let _ = setpriority_process(Some(gettid()), MAINTENANCE_NICE);
    loop {
        match woken.recv_timeout(MAINTENANCE_INTERVAL) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => maintenance.run(now_ns()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The time of day in nanoseconds since the Unix epoch.
fn now_ns() -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}
