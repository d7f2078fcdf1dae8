//! The bounded queue between the pipeline and the store: full means drop and count,
//! never wait. Alerts have their own places, so a flood of events costs no alert; and what
//! tells of a loss is kept whatever happens, so that history never hides a gap.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use sentinel_event::{Alert, Batch, Detail, Event};

use crate::stats::lock;

/// What waits for the store's thread.
#[derive(Default)]
pub(crate) struct Waiting {
    pub events: VecDeque<Batch>,
    pub alerts: VecDeque<Arc<Alert>>,
    /// What was told of losses by batches that found no place. One for each ring and kind,
    /// which are few.
    pub losses: Vec<Event>,
    /// Nothing will be added any more.
    pub closed: bool,
}

impl Waiting {
    pub fn len(&self) -> usize {
        self.events.len() + self.alerts.len() + self.losses.len()
    }

    /// Keeps what a batch without a place tells of losses; how many events that was.
    fn keep_losses(&mut self, batch: &[Event]) -> usize {
        let mut kept = 0;
        for event in batch {
            let Detail::Lost(lost) = &event.detail else {
                continue;
            };
            kept += 1;
            let known = self
                .losses
                .iter_mut()
                .find_map(|known| match &mut known.detail {
                    Detail::Lost(l) if (l.ring, l.kind) == (lost.ring, lost.kind) => Some(l),
                    _ => None,
                });
            match known {
                Some(known) => {
                    known.count = known.count.saturating_add(lost.count);
                    known.until_ns = known.until_ns.max(lost.until_ns);
                }
                None => self.losses.push(event.clone()),
            }
        }
        kept
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

    /// Adds a batch unless the queue is full or closed, and says how many of its events are
    /// dropped otherwise. When it is full, what tells of losses is kept all the same.
    pub fn offer_events(&self, batch: Batch) -> Result<(), usize> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return Err(batch.len());
        }
        if waiting.events.len() >= self.batches_max {
            return Err(batch.len() - waiting.keep_losses(&batch));
        }
        waiting.events.push_back(batch);
        self.changed.notify_one();
        Ok(())
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
        // Behind what waited when they found no place: history stays in order.
        let losses = std::mem::take(&mut waiting.losses);
        if !losses.is_empty() {
            waiting.events.push_back(Arc::new(losses));
        }
        Waiting {
            losses: Vec::new(),
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
        assert_eq!(queue.offer_events(Batch::default()), Ok(()));
        assert_eq!(queue.offer_events(Batch::default()), Ok(()));
        assert_eq!(queue.offer_events(Batch::default()), Err(0));
        assert_eq!(queue.depth(), 2);
        assert_eq!(queue.take(Instant::now()).events.len(), 2);
        assert_eq!(queue.offer_events(Batch::default()), Ok(()));
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
        assert_eq!(queue.offer_events(Batch::default()), Err(0));
    }
}
