//! Where events come from: the live sensor, or anything else that yields batches.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use sentinel_event::{Alert, Detail, Event, Flags, Kind, Process};
use sentinel_process::{Counters, Enricher, Executable, Image, Lookup, Observed, Seed};

use crate::clock;
use crate::identity::Identity;
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
    /// Adds to an alert what was found out about its process since the process began.
    fn complete(&self, alert: &mut Alert);
}

/// The live sensor's observations, made into events.
pub struct Live {
    observations: Receiver<Vec<Observed>>,
    enricher: Enricher,
    answers: Answers,
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
        identity: Identity,
    ) -> Live {
        Live {
            observations,
            enricher,
            answers: Answers {
                procfs: Procfs::new(),
                identity,
            },
            seeds: Some(seeds),
        }
    }
}

/// Where the process table asks.
struct Answers {
    procfs: Procfs,
    identity: Identity,
}

impl Lookup for Answers {
    fn find(&mut self, pid: u32) -> Option<Seed> {
        self.procfs.find(pid)
    }

    fn user(&mut self, uid: u32) -> Option<Arc<str>> {
        self.procfs.user(uid)
    }

    fn executable(&mut self, image: &Image) -> Executable {
        self.identity.executable(image)
    }
}

impl Live {
    /// Those that ran before the first observation.
    fn seeded(&mut self, seeds: Vec<Seed>) -> Vec<Event> {
        let mut events = Vec::new();
        self.enricher
            .seed(clock::unix_ns(), seeds, &mut self.answers, &mut events);
        for event in &events {
            self.answers.identity.ask(&event.process, None);
        }
        events
    }

    fn enriched(&mut self, observed: Vec<Observed>) -> Vec<Event> {
        let wall_ns = clock::wall_of_boot_ns();
        let mut events = Vec::with_capacity(observed.len());
        for observed in observed {
            let answers = &mut self.answers;
            events.extend(self.enricher.gain(&observed, wall_ns, answers));
            let event = self.enricher.enrich(observed, wall_ns, answers);
            if event.kind() == Kind::Exec {
                answers.identity.ask(&event.process, Some(event.time_ns));
            }
            events.push(event);
        }
        events
    }

    /// The digests that were finished meanwhile, as events of now.
    fn digests(&mut self, events: &mut Vec<Event>) {
        for finished in self.answers.identity.finished() {
            let detail = Detail::Digest(finished.digest);
            let (time_ns, tid) = (clock::unix_ns(), finished.process.pid);
            let (process, flags) = (finished.process, Flags::default());
            events.push(self.enricher.event(time_ns, process, tid, 0, flags, detail));
        }
    }
}

impl Source for Live {
    fn next(&mut self, timeout: Duration) -> Next {
        let mut events = match self.seeds.take() {
            Some(seeds) => self.seeded(seeds),
            None => match self.observations.recv_timeout(timeout) {
                Ok(observed) => self.enriched(observed),
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return Next::End,
            },
        };
        self.digests(&mut events);
        match events.is_empty() {
            true => Next::Idle,
            false => Next::Batch(events),
        }
    }

    fn processes(&self) -> Counters {
        self.enricher.counters()
    }

    fn living(&self) -> Vec<Arc<Process>> {
        self.enricher.living()
    }

    fn complete(&self, alert: &mut Alert) {
        let process = &alert.process;
        if process.sha256.is_none()
            && let Some(sha256) = self.answers.identity.sha256(process)
        {
            alert.process = Arc::new(Process {
                sha256: Some(sha256),
                ..(**process).clone()
            });
        }
    }
}
