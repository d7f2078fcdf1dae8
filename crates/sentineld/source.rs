//! Where events come from: the live sensor, or anything else that yields batches.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use sentinel_event::Event;
use sentinel_process::{Counters, Enricher, Lookup, Observed};

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
}

/// The live sensor's observations, made into events.
pub struct Live {
    observations: Receiver<Vec<Observed>>,
    enricher: Enricher,
    procfs: Procfs,
    seeded: bool,
}

impl Live {
    /// Events of `observations`, numbered on by `enricher`. The processes that run
    /// already come first; they are read from /proc now that the hooks are attached, so
    /// that none is missed in between.
    pub fn new(observations: Receiver<Vec<Observed>>, enricher: Enricher) -> Live {
        Live {
            observations,
            enricher,
            procfs: Procfs::new(),
            seeded: false,
        }
    }
}

impl Source for Live {
    fn next(&mut self, timeout: Duration) -> Next {
        if !self.seeded {
            self.seeded = true;
            let mut events = Vec::new();
            let seeds = self.procfs.all();
            self.enricher
                .seed(clock::unix_ns(), seeds, &mut self.procfs, &mut events);
            return Next::Batch(events);
        }
        match self.observations.recv_timeout(timeout) {
            Ok(observed) => {
                let wall_ns = clock::wall_of_boot_ns();
                let lookup: &mut dyn Lookup = &mut self.procfs;
                Next::Batch(
                    observed
                        .into_iter()
                        .map(|o| self.enricher.enrich(o, wall_ns, lookup))
                        .collect(),
                )
            }
            Err(RecvTimeoutError::Timeout) => Next::Idle,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    fn processes(&self) -> Counters {
        self.enricher.counters()
    }
}
