//! Lines in time order become events with their processes.

use std::collections::HashMap;
use std::sync::Arc;

use sentinel_event::{Detail, Event, Exec, Flags, Fork, Process};

use crate::line::{Actor, Image, Line, What};
use crate::table::{Known, Table, unknown};

/// The processes of every host that occurs in the input.
#[derive(Default)]
pub struct Events {
    tables: HashMap<String, Table>,
    seq: u64,
}

impl Events {
    /// The event that a line tells.
    pub fn make(&mut self, line: Line) -> Option<Event> {
        let host = line.host.as_deref().unwrap_or("");
        if !self.tables.contains_key(host) {
            self.tables.insert(host.to_owned(), Table::new(host));
        }
        let table = self.tables.get_mut(host)?;
        let (pid, time_ns, actor) = (line.pid, line.time_ns, &line.actor);
        let (known, detail) = match line.what {
            What::Exec(image) => exec(table, pid, time_ns, actor, *image),
            What::Process(image) => {
                let (_, known) = table.exec(pid, time_ns, actor, &image);
                let known = Known {
                    made_up: false,
                    ..known
                };
                (known, Detail::Process)
            }
            What::Fork { child } => {
                let (known, child) = table.fork(pid, child, time_ns, actor);
                (known, Detail::Fork(Fork { child }))
            }
            What::Exit(exit) => {
                let known = table.actor(pid, time_ns, actor);
                table.exit(pid);
                (known, Detail::Exit(exit))
            }
            What::Connect(c) => (table.actor(pid, time_ns, actor), Detail::Connect(c)),
            What::Accept(c) => (table.actor(pid, time_ns, actor), Detail::Accept(c)),
            What::Open(f) => (table.actor(pid, time_ns, actor), Detail::Open(f)),
            What::Memfd(f) => (table.actor(pid, time_ns, actor), Detail::Memfd(f)),
            What::Mmap(m) => (table.actor(pid, time_ns, actor), Detail::Mmap(m)),
            What::Mprotect(m) => (table.actor(pid, time_ns, actor), Detail::Mprotect(m)),
            What::Shmat(m) => (table.actor(pid, time_ns, actor), Detail::Shmat(m)),
            What::Action(detail) => {
                let known = table.actor(pid, time_ns, actor);
                (known, with_target(table, time_ns, *detail))
            }
            What::Lost(l) => (table.actor(pid, time_ns, actor), Detail::Lost(l)),
        };
        self.seq += 1;
        let flags = match known.made_up {
            true => line.flags.with(Flags::UNKNOWN_PROCESS),
            false => line.flags,
        };
        Some(Event {
            time_ns,
            seq: self.seq,
            process: known.process,
            tid: line.tid.unwrap_or(pid),
            result: line.result,
            flags,
            // Of a lost line the count says how many were lost.
            count: if matches!(detail, Detail::Lost(_)) {
                1
            } else {
                line.count
            },
            detail,
        })
    }
}

/// Puts the process that the table knows in the place of one that a line only names.
fn with_target(table: &mut Table, time_ns: i64, detail: Detail) -> Detail {
    let Detail::Target(mut action) = detail else {
        return detail;
    };
    let told = Actor {
        exe: Some(action.target.exe.to_string()).filter(|exe| !exe.is_empty()),
        ..Actor::default()
    };
    action.target = table.actor(action.target.pid, time_ns, &told).process;
    Detail::Target(action)
}

/// A process of which only what a line says about it is known.
pub fn stub(pid: u32, exe: Option<String>) -> Arc<Process> {
    Arc::new(Process {
        exe: exe.unwrap_or_default().into(),
        ..unknown(pid)
    })
}

fn exec(
    table: &mut Table,
    pid: u32,
    time_ns: i64,
    actor: &Actor,
    mut image: Image,
) -> (Known, Detail) {
    let filename = image.filename.take().or_else(|| actor.exe.clone());
    let interpreter = image.interpreter.take();
    let told_previous = image.previous_exe.take();
    let (previous, known) = table.exec(pid, time_ns, actor, &image);
    let detail = Detail::Exec(Exec {
        filename: filename.unwrap_or_default().into(),
        interpreter: interpreter.map(Into::into),
        previous_exe: told_previous.map_or(previous, Into::into),
    });
    (known, detail)
}
