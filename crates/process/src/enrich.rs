//! From observation to event: asks the table who acted and keeps it up to date.

use std::sync::Arc;

use sentinel_event::{
    Credentials, Detail, Event, Exec, Exit, Flags, Fork, Ids, Process, ProcessAction,
};

use crate::lookup::{Lookup, Seed};
use crate::observed::{Observed, What};
use crate::table::{Counters, Table};

/// Turns observations into events, in the order in which they are given.
pub struct Enricher {
    table: Table,
    next_seq: u64,
    /// Whom events concern that no process caused.
    nobody: Arc<Process>,
}

impl Enricher {
    /// Begins with `table`; the first event gets number `next_seq`.
    pub fn new(table: Table, next_seq: u64) -> Enricher {
        let nobody = table.nobody();
        Enricher {
            table,
            next_seq,
            nobody,
        }
    }

    /// What the table counts.
    pub fn counters(&self) -> Counters {
        self.table.counters()
    }

    /// The processes that live, by process id.
    pub fn living(&self) -> Vec<Arc<Process>> {
        self.table.living()
    }

    /// Adds the processes that were running before the first observation, and appends
    /// an event of kind `process` for each to `out`.
    pub fn seed(
        &mut self,
        time_ns: i64,
        seeds: Vec<Seed>,
        lookup: &mut dyn Lookup,
        out: &mut Vec<Event>,
    ) {
        for process in self.table.seed(seeds, lookup) {
            let tid = process.pid;
            let event = self.event(time_ns, process, tid, 0, Flags::default(), Detail::Process);
            out.push(event);
        }
    }

    /// Turns one observation into an event. `wall_ns` is the Unix time at which the
    /// clock of `observed.time_ns` was zero.
    pub fn enrich(&mut self, observed: Observed, wall_ns: i64, lookup: &mut dyn Lookup) -> Event {
        let Observed {
            time_ns,
            actor,
            result,
            mut flags,
            count,
            what,
        } = observed;
        let time = wall_ns + time_ns as i64;
        if let What::Exec(image) = what {
            let exec = image.exec.clone();
            let (process, previous_exe) = self.table.exec(&actor, time_ns, *image, lookup);
            let detail = Detail::Exec(Exec {
                previous_exe,
                ..exec
            });
            return self.event(time, process, actor.tid, result, flags, detail);
        }
        if let What::Lost(lost) = what {
            let nobody = Arc::clone(&self.nobody);
            return self.event(time, nobody, 0, result, flags, Detail::Lost(lost));
        }
        let before = match &what {
            What::Credentials(_) => self.table.ids(&actor),
            _ => None,
        };
        let (process, known) = self.table.resolve(&actor, time_ns, lookup);
        if !known {
            flags = flags.with(Flags::UNKNOWN_PROCESS);
        }
        let detail = match what {
            What::Exec(_) | What::Lost(_) => unreachable!("handled above"),
            What::Fork {
                child_pid,
                child_ppid,
                child_start_ns,
            } => Detail::Fork(Fork {
                child: self.table.fork(
                    &process,
                    actor.exec_seq,
                    (child_pid, child_ppid, child_start_ns),
                    time_ns,
                ),
            }),
            What::Exit {
                status,
                cpu_ns,
                peak_rss_bytes,
            } => {
                self.table.exit(&actor, time_ns);
                Detail::Exit(Exit {
                    code: (status >> 8) as u8,
                    signal: (status & 0x7f) as u8,
                    run_ns: time_ns.saturating_sub(actor.start_ns),
                    cpu_ns,
                    peak_rss_bytes,
                })
            }
            What::Connect(connection) => Detail::Connect(connection),
            What::Accept(connection) => Detail::Accept(connection),
            What::Open(file) => Detail::Open(file),
            What::Memfd(file) => Detail::Memfd(file),
            What::Mmap(memory) => Detail::Mmap(memory),
            What::Mprotect(memory) => Detail::Mprotect(memory),
            What::Shmat(memory) => Detail::Shmat(memory),
            What::File(action) => Detail::File(action),
            What::Target(reach) => {
                let target = self.table.target(&reach.target, time_ns, lookup);
                Detail::Target(ProcessAction {
                    kind: reach.kind,
                    operation: reach.operation,
                    argument: reach.argument,
                    target,
                    address: reach.address,
                    length: reach.length,
                })
            }
            What::Descriptor(action) => Detail::Descriptor(action),
            What::Network(action) => Detail::Network(action),
            What::Credentials(change) => {
                self.table
                    .set_capabilities(&actor, change.new.cap_effective);
                let old = before.unwrap_or(change.new);
                Detail::Credentials(Credentials { old, ..*change })
            }
            What::System(action) => Detail::System(action),
        };
        Event {
            count,
            ..self.event(time, process, actor.tid, result, flags, detail)
        }
    }

    /// The event that an actor is root now which was not when it was last seen, although
    /// neither a program nor a system call made it so: kernel exploits look like that.
    /// To be asked before the observation itself is enriched.
    pub fn gain(
        &mut self,
        observed: &Observed,
        wall_ns: i64,
        lookup: &mut dyn Lookup,
    ) -> Option<Event> {
        let actor = &observed.actor;
        if actor.euid != 0 || matches!(observed.what, What::Exec(_) | What::Credentials(_)) {
            return None;
        }
        let old = self.table.ids(actor).filter(|ids| ids.euid != 0)?;
        let (process, known) = self.table.resolve(actor, observed.time_ns, lookup);
        // A late record of an earlier image says nothing about this one.
        if !known || process.euid != 0 {
            return None;
        }
        let new = Ids {
            uid: actor.uid,
            euid: actor.euid,
            gid: actor.gid,
            egid: actor.egid,
            cap_effective: old.cap_effective,
        };
        let detail = Detail::Credentials(Credentials {
            operation: "none".into(),
            old,
            new,
        });
        let time = wall_ns + observed.time_ns as i64;
        Some(self.event(time, process, actor.tid, 0, observed.flags, detail))
    }

    /// Makes an event of the daemon's own, such as a loss; `process` is who it concerns.
    pub fn event(
        &mut self,
        time_ns: i64,
        process: Arc<Process>,
        tid: u32,
        result: i64,
        flags: Flags,
        detail: Detail,
    ) -> Event {
        let seq = self.next_seq;
        self.next_seq += 1;
        Event {
            time_ns,
            seq,
            process,
            tid,
            result,
            flags,
            count: 1,
            detail,
        }
    }
}
