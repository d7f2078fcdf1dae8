//! Who lives under which number: for paths such as /proc/4711/mem, which name another
//! process by its pid only.

use std::sync::Arc;

use sentinel_event::{Detail, Event, Process};

use crate::bounded::Bounded;

/// The living processes by pid, as the host numbers them.
pub struct Living {
    by_pid: Bounded<u32, Arc<Process>>,
}

impl Living {
    /// Nobody known yet; at most `limit` are remembered.
    pub fn new(limit: usize) -> Living {
        Living {
            by_pid: Bounded::new(limit),
        }
    }

    /// Takes note of process life; other events are of no interest.
    pub fn note(&mut self, event: &Event) {
        let process = &event.process;
        match &event.detail {
            Detail::Process | Detail::Exec(_) => self.by_pid.insert(process.pid, process.clone()),
            Detail::Fork(fork) => self.by_pid.insert(fork.child.pid, fork.child.clone()),
            Detail::Exit(_) => {
                self.by_pid.remove(&process.pid);
            }
            _ => {}
        }
    }

    /// The process with this number, as it was when it last began an image.
    pub fn get(&self, pid: u32) -> Option<&Arc<Process>> {
        self.by_pid.peek(&pid)
    }

    /// Processes that were forgotten to make room.
    pub fn evicted_total(&self) -> u64 {
        self.by_pid.evicted_total()
    }
}

/// Whether both are the same process, whichever image it runs.
pub fn is_same(a: &Process, b: &Process) -> bool {
    a.pid == b.pid && a.start_ns == b.start_ns
}

/// Whether `process` descends from `ancestor`.
pub fn descends(process: &Process, ancestor: &Process) -> bool {
    process.ancestors().any(|known| is_same(known, ancestor))
}
