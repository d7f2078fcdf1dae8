//! Where events come from: the live sensor, or anything else that yields batches.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use sentinel_event::{Event, Process};
use sentinel_process::{Counters, Enricher, Lookup, Observed, Seed};

use crate::clock;
use crate::procfs::Procfs;

/// What a source had to say.
pub enum Next {
    /// Events in time order.
    Batch(Vec<Event>),
    /// Nothing within the time given.
    Idle,
    /// Nothing ever again.
    End,
}

/// Yields events.
pub trait Source: Send {
    /// The next events, or `Idle` after `timeout`.
    fn next(&mut self, timeout: Duration) -> Next;
    /// What its process table counts.
    fn processes(&self) -> Counters;
    /// The processes that live, by its process table.
    fn living(&self) -> Vec<Arc<Process>>;
}

/// The live sensor's observations, made into events.
pub struct Live {
    observations: Receiver<Vec<Observed>>,
    enricher: Enricher,
    procfs: Procfs,
    seeds: Option<Vec<Seed>>,
}

impl Live {
    /// Events of `observations`, numbered on by `enricher`. The processes of `seeds`
    /// come first: those that /proc showed once the hooks were attached, so that none is
    /// missed in between.
    pub fn new(
        observations: Receiver<Vec<Observed>>,
        enricher: Enricher,
        seeds: Vec<Seed>,
    ) -> Live {
        Live {
            observations,
            enricher,
            procfs: Procfs::new(),
            seeds: Some(seeds),
        }
    }
}

impl Source for Live {
    fn next(&mut self, timeout: Duration) -> Next {
        if let Some(seeds) = self.seeds.take() {
            let mut events = Vec::new();
            self.enricher
                .seed(clock::unix_ns(), seeds, &mut self.procfs, &mut events);
            return Next::Batch(events);
        }
        match self.observations.recv_timeout(timeout) {
            Ok(observed) => {
                let wall_ns = clock::wall_of_boot_ns();
                let lookup: &mut dyn Lookup = &mut self.procfs;
                let mut events = Vec::with_capacity(observed.len());
                for observed in observed {
                    events.extend(self.enricher.gain(&observed, wall_ns, lookup));
                    events.push(self.enricher.enrich(observed, wall_ns, lookup));
                }
                Next::Batch(events)
            }
            Err(RecvTimeoutError::Timeout) => Next::Idle,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    fn processes(&self) -> Counters {
        self.enricher.counters()
    }

    fn living(&self) -> Vec<Arc<Process>> {
        self.enricher.living()
    }
}
