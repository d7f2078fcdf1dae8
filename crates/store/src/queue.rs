//! The bounded queue between the pipeline and the store: full means drop and count,
//! never wait. Alerts have their own places, so a flood of events costs no alert.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use sentinel_event::{Alert, Batch};

use crate::stats::lock;

/// What waits for the store's thread.
#[derive(Default)]
pub(crate) struct Waiting {
    pub events: VecDeque<Batch>,
    pub alerts: VecDeque<Arc<Alert>>,
    /// Nothing will be added any more.
    pub closed: bool,
}

impl Waiting {
    pub fn len(&self) -> usize {
        self.events.len() + self.alerts.len()
    }
}

pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    batches_max: usize,
    alerts_max: usize,
}

impl Queue {
    pub fn new(batches_max: usize, alerts_max: usize) -> Queue {
        Queue {
            waiting: Mutex::default(),
            changed: Condvar::new(),
            batches_max,
            alerts_max,
        }
    }

    /// Adds a batch unless the queue is full or closed; returns whether it was added.
    pub fn offer_events(&self, batch: Batch) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.closed || waiting.events.len() >= self.batches_max {
            return false;
        }
        waiting.events.push_back(batch);
        self.changed.notify_one();
        true
    }

    /// Adds an alert unless the queue is full or closed; returns whether it was added.
    pub fn offer_alert(&self, alert: Arc<Alert>) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.closed || waiting.alerts.len() >= self.alerts_max {
            return false;
        }
        waiting.alerts.push_back(alert);
        self.changed.notify_one();
        true
    }

    /// Refuses everything from now on.
    pub fn close(&self) {
        lock(&self.waiting).closed = true;
        self.changed.notify_one();
    }

    /// Everything that waits, as soon as something does, but no later than `until`.
    pub fn take(&self, until: Instant) -> Waiting {
        let mut waiting = lock(&self.waiting);
        while waiting.len() == 0 && !waiting.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.changed.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        Waiting {
            events: std::mem::take(&mut waiting.events),
            alerts: std::mem::take(&mut waiting.alerts),
            closed: waiting.closed,
        }
    }

    pub fn depth(&self) -> usize {
        lock(&self.waiting).len()
    }

    pub fn capacity(&self) -> usize {
        self.batches_max
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_full_queue_refuses_and_recovers() {
        let queue = Queue::new(2, 1);
        assert!(queue.offer_events(Batch::default()));
        assert!(queue.offer_events(Batch::default()));
        assert!(!queue.offer_events(Batch::default()));
        assert_eq!(queue.depth(), 2);
        assert_eq!(queue.take(Instant::now()).events.len(), 2);
        assert!(queue.offer_events(Batch::default()));
    }

    #[test]
    fn an_empty_queue_waits_no_longer_than_asked() {
        let queue = Queue::new(1, 1);
        let begun = Instant::now();
        assert_eq!(queue.take(begun + Duration::from_millis(30)).len(), 0);
        assert!(begun.elapsed() >= Duration::from_millis(30));
        queue.close();
        assert!(queue.take(begun + Duration::from_secs(600)).closed);
        assert!(begun.elapsed() < Duration::from_secs(60));
        assert!(!queue.offer_events(Batch::default()));
    }
}
