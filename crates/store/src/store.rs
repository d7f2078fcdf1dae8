//! The store itself: one owner of the data folder, appending to both tables.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sentinel_event::{Alert, Event};

use crate::alerts::{self, AlertRecord};
use crate::events::EventRows;
use crate::journal::JournalWriter;
use crate::layout::Layout;
use crate::lock::FolderLock;
use crate::log::Log;
use crate::maintenance::Maintenance;
use crate::stats::{Counters, lock};
use crate::{Config, Problem, Stats, StoreError, Table, io, recovery};

/// After a crash, numbers may have been given out that never reached the disk. As
/// many are skipped, so that no number ever means two things.
const SKIPPED_EVENTS: u64 = 1 << 20;
const SKIPPED_ALERTS: u64 = 1 << 10;

/// What the parts of the store share.
pub(crate) struct Shared {
    pub layout: Layout,
    pub host: String,
    pub config: Config,
    pub counters: Counters,
    /// Journals that are being written and must not be sealed.
    pub live: Mutex<Vec<PathBuf>>,
}

impl Shared {
    pub fn begin_journal(&self, table: Table, first_seq: u64) -> Result<JournalWriter, StoreError> {
        io::create_folder(&self.layout.journals())?;
        let path = self.layout.journal(table, first_seq);
        // It must be known to be live before maintenance can find it.
        lock(&self.live).push(path.clone());
        let journal = JournalWriter::create(&path, table, &self.host);
        if journal.is_err() {
            lock(&self.live).retain(|live| *live != path);
        }
        journal
    }
}

/// The event store of one host. It owns its data folder until it is dropped.
pub struct Store {
    shared: Arc<Shared>,
    lock: FolderLock,
    events: Log,
    rows: EventRows,
    alerts: Log,
    waiting_alerts: Vec<AlertRecord>,
    last_stored: u64,
    last_event: u64,
    last_alert: u64,
    flushed_at: Instant,
    maintenance: Arc<Maintenance>,
}

impl Store {
    /// Opens the data folder, creates it when there is none, and recovers what a crash
    /// left behind. Each file that had to be set aside is one problem.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process uses the folder,
    /// [`StoreError::Folder`] when it cannot be created or written.
    pub fn open(
        data_dir: &Path,
        host: &str,
        config: Config,
    ) -> Result<(Store, Vec<Problem>), StoreError> {
        let layout = Layout::new(data_dir);
        prepare_folder(&layout)?;
        let lock = FolderLock::take(&layout)?;
        let mut problems = Vec::new();
        let events = recovery::recover(&layout, Table::Events, host, &mut problems)?;
        let alerts = recovery::recover(&layout, Table::Alerts, host, &mut problems)?;
        let (mut last_event, mut last_alert) = (events.last_used, alerts.last_used);
        if !lock.was_clean {
            last_event += SKIPPED_EVENTS;
            last_alert += SKIPPED_ALERTS;
        }
        let shared = Arc::new(Shared {
            layout,
            host: host.to_owned(),
            config,
            counters: Counters::default(),
            live: Mutex::new(Vec::new()),
        });
        let maintenance = Arc::new(Maintenance::new(shared.clone()));
        maintenance.measure()?;
        let store = Store {
            lock,
            events: Log::new(shared.clone(), Table::Events),
            rows: EventRows::new(),
            alerts: Log::new(shared.clone(), Table::Alerts),
            waiting_alerts: Vec::new(),
            last_stored: events.last_stored,
            last_event,
            last_alert,
            flushed_at: Instant::now(),
            maintenance,
            shared,
        };
        Ok((store, problems))
    }

    /// The highest event and alert number in use; the next are one higher.
    pub fn last_seq(&self) -> (u64, u64) {
        (self.last_event, self.last_alert)
    }

    /// The number of the last event that was on disk when the folder was opened.
    pub fn last_stored_event(&self) -> u64 {
        self.last_stored
    }

    /// Takes events, whose numbers must grow. They are on disk after the next flush, all
    /// of them or none: what is given at once is never divided.
    ///
    /// # Errors
    /// When the events did not follow or rows could not be written; those rows are
    /// given up and counted as dropped.
    pub fn append_events(&mut self, events: &[Event]) -> Result<(), StoreError> {
        let rows_max = self.shared.config.flush_rows;
        let mut written = Ok(());
        if self.rows.len() + events.len() > rows_max {
            written = self.flush_events();
        }
        let mut last = self.last_event;
        let follows = |event: &&Event| std::mem::replace(&mut last, event.seq) < event.seq;
        let count = events.iter().take_while(follows).count();
        let (fitting, others) = events.split_at(count);
        self.rows.push(fitting);
        self.last_event = fitting.last().map_or(self.last_event, |event| event.seq);
        if self.rows.len() >= rows_max {
            written = written.and(self.flush_events());
        }
        match others.first() {
            None => written,
            Some(other) => {
                self.count_dropped_events(others.len());
                Err(StoreError::Sequence {
                    table: "event",
                    got: other.seq,
                    last: self.last_event,
                })
            }
        }
    }

    /// Takes alerts, whose numbers must grow. They are on disk after the next flush.
    ///
    /// # Errors
    /// As for [`Store::append_events`].
    pub fn append_alerts(&mut self, alerts: &[Alert]) -> Result<(), StoreError> {
        for (index, alert) in alerts.iter().enumerate() {
            if let Err(error) = self.append_alert(alert) {
                let rest = (alerts.len() - index - 1) as u64;
                let counters = &self.shared.counters;
                counters.alerts_dropped.fetch_add(rest, Relaxed);
                return Err(error);
            }
        }
        Ok(())
    }

    pub(crate) fn append_alert(&mut self, alert: &Alert) -> Result<(), StoreError> {
        if alert.seq <= self.last_alert {
            self.shared.counters.alerts_dropped.fetch_add(1, Relaxed);
            return Err(StoreError::Sequence {
                table: "alert",
                got: alert.seq,
                last: self.last_alert,
            });
        }
        self.last_alert = alert.seq;
        self.waiting_alerts.push(alert.into());
        Ok(())
    }

    /// Writes everything that waits to the journals.
    ///
    /// # Errors
    /// When rows could not be written; they are given up and counted as dropped.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.flushed_at = Instant::now();
        let alerts = self.flush_alerts();
        let events = self.flush_events();
        let synced = self.alerts.sync_if_due().and(self.events.sync_if_due());
        let result = alerts.and(events).and(synced);
        *lock(&self.shared.counters.write_problem) = result.as_ref().err().map(|e| e.to_string());
        result
    }

    /// Does what is due: flushes, seals journals that are old or large enough, removes
    /// what is past retention. `now_ns` is the time of day in nanoseconds since the
    /// Unix epoch and only decides about retention.
    ///
    /// # Errors
    /// As for [`Store::flush`]. Failures of sealing and retention are shown in
    /// [`Store::stats`] and tried again at the next tick.
    pub fn tick(&mut self, now_ns: i64) -> Result<(), StoreError> {
        let result = self.flush_if_due();
        if self.roll_if_full() {
            self.maintenance.run(now_ns);
        }
        result
    }

    /// The state of the store.
    pub fn stats(&self) -> Stats {
        let path = self.shared.layout.root().to_owned();
        self.shared.counters.snapshot(path)
    }

    /// Flushes and seals everything, and gives the data folder free.
    ///
    /// # Errors
    /// When something could not be written or sealed. Journals that could not be
    /// sealed stay and are sealed when the store is opened again.
    pub fn close(mut self) -> Result<(), StoreError> {
        let flushed = self.flush();
        self.events.roll();
        self.alerts.roll();
        let sealed = self.maintenance.seal_all();
        flushed.and(sealed).and(self.lock.mark_clean())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn maintenance(&self) -> &Arc<Maintenance> {
        &self.maintenance
    }

    /// When the next flush is due.
    pub(crate) fn flush_due(&self) -> Instant {
        self.flushed_at + Duration::from_millis(self.shared.config.flush_interval_ms)
    }

    pub(crate) fn flush_if_due(&mut self) -> Result<(), StoreError> {
        if Instant::now() < self.flush_due() {
            return Ok(());
        }
        self.flush()
    }

    /// Ends journals that have grown enough. Returns whether one is to be sealed.
    pub(crate) fn roll_if_full(&mut self) -> bool {
        let mut rolled = false;
        for log in [&mut self.events, &mut self.alerts] {
            if log.is_full() {
                log.roll();
                rolled = true;
            }
        }
        rolled
    }

    fn flush_events(&mut self) -> Result<(), StoreError> {
        let rows = self.rows.len();
        if rows == 0 {
            return Ok(());
        }
        let folder = self.shared.layout.journals();
        let batch = self
            .rows
            .take()
            .map_err(|e| StoreError::damaged(&folder, e));
        let result = batch.and_then(|batch| self.events.append(&batch));
        match result {
            Ok(()) => {
                let counters = &self.shared.counters;
                counters.events_written.fetch_add(rows as u64, Relaxed);
            }
            Err(_) => self.count_dropped_events(rows),
        }
        let settled = &self.shared.counters.settled_seq;
        settled.store(self.last_event, Relaxed);
        result
    }

    fn flush_alerts(&mut self) -> Result<(), StoreError> {
        if self.waiting_alerts.is_empty() {
            return Ok(());
        }
        let alerts = std::mem::take(&mut self.waiting_alerts);
        let folder = self.shared.layout.journals();
        let batch = alerts::encode(&alerts).map_err(|e| StoreError::damaged(&folder, e));
        let result = batch.and_then(|batch| self.alerts.append(&batch));
        let counters = &self.shared.counters;
        let counter = match result {
            Ok(()) => &counters.alerts_written,
            Err(_) => &counters.alerts_dropped,
        };
        counter.fetch_add(alerts.len() as u64, Relaxed);
        result
    }

    fn count_dropped_events(&self, events: usize) {
        let counters = &self.shared.counters;
        counters.events_dropped.fetch_add(events as u64, Relaxed);
    }
}

/// Creates the folders and proves that they can be written.
fn prepare_folder(layout: &Layout) -> Result<(), StoreError> {
    let root = layout.root();
    let refused = |action, error| match error {
        StoreError::Io { source, .. } => StoreError::Folder {
            action,
            path: root.to_owned(),
            source,
        },
        other => other,
    };
    io::create_folder(root).map_err(|e| refused("created", e))?;
    io::create_folder(&layout.journals()).map_err(|e| refused("written", e))?;
    for table in Table::ALL {
        io::create_folder(&layout.table(table)).map_err(|e| refused("written", e))?;
    }
    Ok(())
}
