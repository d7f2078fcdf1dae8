//! Where events come from: the live sensor, or anything else that yields batches.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use sentinel_event::{Alert, Detail, Event, Flags, Kind, Process};
use sentinel_process::{Counters, Enricher, Executable, Image, Lookup, Observed, Seed};

use crate::clock;
use crate::identity::Identity;
use crate::procfs::Procfs;
use crate::sensor::{Drained, Mark};

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
    /// Events up to this number are in the journal.
    fn settled(&mut self, seq: u64) {
        let _ = seq;
    }
    /// What its process table counts.
    fn processes(&self) -> Counters;
    /// The processes that live, by its process table.
    fn living(&self) -> Vec<Arc<Process>>;
    /// Adds to an alert what was found out about its process since the process began.
    fn complete(&self, alert: &mut Alert);
}

/// The live sensor's observations, made into events.
pub struct Live {
    observations: Receiver<Drained>,
    enricher: Enricher,
    answers: Answers,
    progress: Mark,
    seeds: Option<Vec<Seed>>,
    /// Those that are younger than the first observation, which tells how they began.
    late: Vec<Seed>,
    seeded_ns: u64,
}

/// What the processes are compared with that ran before, on both sides of the time that an
/// earlier daemon noted.
const MARGIN_NS: u64 = 1_000_000_000;

impl Live {
    /// Events of what `sensor` sees, numbered on by `enricher`. The processes of `seeds`
    /// come first: those that /proc showed once the hooks were attached, so that none is
    /// missed in between.
    ///
    /// Where an earlier daemon's programs were taken over, the first observations are older
    /// than `seeds`. Processes that began since then come when those have been told.
    pub fn new(
        sensor: Observations,
        enricher: Enricher,
        seeds: Vec<Seed>,
        identity: Identity,
    ) -> Live {
        let since_ns = sensor
            .since_ns
            .unwrap_or(u64::MAX)
            .saturating_sub(MARGIN_NS);
        let (late, seeds) = seeds
            .into_iter()
            .partition(|seed| seed.actor.start_ns >= since_ns);
        Live {
            observations: sensor.observations,
            progress: sensor.progress,
            late,
            seeded_ns: clock::boot_ns(),
            enricher,
            answers: Answers {
                procfs: Procfs::new(),
                identity,
            },
            seeds: Some(seeds),
        }
    }
}

/// What the sensor sees, and how it goes on.
pub struct Observations {
    /// What it saw.
    pub observations: Receiver<Drained>,
    /// Since when, where an earlier daemon's programs were taken over; since boot.
    pub since_ns: Option<u64>,
    /// Is told what is in the journal.
    pub progress: Mark,
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
        let mut mark = None;
        let mut is_late = false;
        let mut events = match self.seeds.take() {
            Some(seeds) => self.seeded(seeds),
            None => match self.observations.recv_timeout(timeout) {
                Ok(drained) => {
                    mark = drained.mark;
                    let last = drained.observed.last();
                    is_late = last.is_some_and(|last| last.time_ns > self.seeded_ns);
                    self.enriched(drained.observed)
                }
                Err(RecvTimeoutError::Timeout) => {
                    is_late = true;
                    Vec::new()
                }
                Err(RecvTimeoutError::Disconnected) => return Next::End,
            },
        };
        if is_late && !self.late.is_empty() {
            let late = std::mem::take(&mut self.late);
            events.extend(self.seeded(late));
        }
        self.digests(&mut events);
        if let (Some(mark), Some(last)) = (mark, events.last()) {
            // All of these events reach the journal, or none.
            mark.numbered(last.seq);
        }
        match events.is_empty() {
            true => Next::Idle,
            false => Next::Batch(events),
        }
    }

    fn settled(&mut self, seq: u64) {
        self.progress.safe(seq);
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
