//! Rows back to events, with the processes that earlier rows introduced.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use sentinel_event::{Detail, Event, Flags, Fork, Kind, Process};

use super::lineage::{Lineage, stub};
use super::rows::{Rows, position};
use super::{TimeRange, details};

const TIME: usize = position("time");
const SEQ: usize = position("seq");
const PID: usize = position("pid");
const TID: usize = position("tid");
const PPID: usize = position("ppid");
const EXE: usize = position("exe");
const COMM: usize = position("comm");
const UID: usize = position("uid");
const USER: usize = position("user");
const RESULT: usize = position("result");
const COUNT: usize = position("count");
const FLAGS: usize = position("flags");
const START: usize = position("start");
const ANCESTORS: usize = position("ancestors");
const CHILD: usize = position("child");
const CHILD_START: usize = position("child_start");

pub(super) struct Decoder {
    rows: Rows,
    lineage: Lineage,
    /// Rows of kinds that this version does not know.
    pub unknown_total: u64,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder {
            rows: Rows::default(),
            lineage: Lineage::default(),
            unknown_total: 0,
        }
    }

    /// The events of a batch that lie in the range. Rows outside of it are only used
    /// for the processes that they introduce.
    pub fn decode(
        &mut self,
        batch: &RecordBatch,
        range: TimeRange,
    ) -> Result<Vec<Event>, ArrowError> {
        self.rows.load(batch)?;
        let mut events = Vec::with_capacity(self.rows.len());
        for row in 0..self.rows.len() {
            let Some(kind) = self.rows.kind.get(row).copied() else {
                self.unknown_total += 1;
                continue;
            };
            let is_wanted = range.contains(self.rows.time(TIME, row));
            if is_wanted || is_life(kind) {
                let event = self.event(kind, row);
                if is_wanted {
                    events.push(event);
                }
            }
        }
        Ok(events)
    }

    fn event(&mut self, kind: Kind, row: usize) -> Event {
        let process = match kind {
            Kind::Exec | Kind::Process => self.introduce(row),
            _ => self.acting(kind, row),
        };
        let detail = match kind {
            Kind::Fork => self.fork(&process, row),
            _ => self.with_target(details::detail(kind, &self.rows, row)),
        };
        if kind == Kind::Exit {
            self.lineage.end(process.exec_id);
        }
        let rows = &self.rows;
        let count = rows.u64(COUNT, row).unwrap_or(1);
        Event {
            time_ns: rows.time(TIME, row),
            seq: rows.u64(SEQ, row).unwrap_or_default(),
            process,
            tid: rows.u32(TID, row),
            result: rows.i64(RESULT, row),
            flags: Flags::from_names(rows.list(FLAGS, row).iter().map(|name| &**name)),
            // The column tells how many were lost, which the detail holds.
            count: if kind == Kind::Lost { 1 } else { count },
            detail,
        }
    }

    /// The image that an exec or process row describes.
    fn introduce(&mut self, row: usize) -> Arc<Process> {
        let rows = &self.rows;
        let exec_id = rows.exec_id.get(row).copied().unwrap_or_default();
        let parent_id = rows.parent_exec_id.get(row).copied();
        let pid = rows.u32(PID, row);
        let ancestors = rows.list(ANCESTORS, row);
        let parent = self.lineage.parent(pid, parent_id, &ancestors);
        let image = Arc::new(Process {
            parent,
            ppid: rows.u32(PPID, row),
            exe: rows.shared(EXE, row),
            comm: rows.shared(COMM, row),
            uid: rows.u32(UID, row),
            user: rows.text(USER, row).cloned(),
            ..details::image(rows, row, exec_id, pid)
        });
        self.lineage.insert(Arc::clone(&image));
        image
    }

    /// The image that acted, as the row describes it: a process can change its user
    /// without an exec, so what is known is brought up to date.
    fn acting(&mut self, kind: Kind, row: usize) -> Arc<Process> {
        let rows = &self.rows;
        let exec_id = rows.exec_id.get(row).copied().unwrap_or_default();
        let parent_id = rows.parent_exec_id.get(row).copied();
        let (uid, user) = (rows.u32(UID, row), rows.text(USER, row));
        let (exe, comm) = (rows.text(EXE, row), rows.text(COMM, row));
        let ppid = rows.u32(PPID, row);
        let begun_ns = is_life(kind).then(|| rows.time(START, row));
        let known = self.lineage.find(exec_id);
        if let Some(known) = &known
            && known.uid == uid
            && known.user.as_ref() == user
            && known.ppid == ppid
            && known.parent.as_ref().map(|parent| parent.exec_id) == parent_id
            && is_text(&known.exe, exe)
            && is_text(&known.comm, comm)
            && begun_ns.is_none_or(|begun_ns| begun_ns == known.start_ns)
        {
            return Arc::clone(known);
        }
        let known = known.map(|known| (**known).clone());
        let known = known.unwrap_or_else(|| stub(exec_id, rows.u32(PID, row)));
        let parent = parent_id.map(|id| match self.lineage.find(id) {
            Some(known) => Arc::clone(known),
            None => Arc::new(stub(id, ppid)),
        });
        let image = Arc::new(Process {
            parent,
            ppid,
            exe: exe.cloned().unwrap_or_default(),
            comm: comm.cloned().unwrap_or_default(),
            uid,
            user: user.cloned(),
            start_ns: begun_ns.unwrap_or(known.start_ns),
            ..known
        });
        self.lineage.update(Arc::clone(&image));
        image
    }

    /// Puts the process that earlier rows introduced in the place of one that is known
    /// by its row only.
    fn with_target(&mut self, detail: Detail) -> Detail {
        let Detail::Target(mut action) = detail else {
            return detail;
        };
        if let Some(known) = self.lineage.find(action.target.exec_id)
            && known.exe == action.target.exe
        {
            action.target = Arc::clone(known);
        }
        Detail::Target(action)
    }

    fn fork(&mut self, parent: &Arc<Process>, row: usize) -> Detail {
        let rows = &self.rows;
        let exec_id = rows.child_exec_id.get(row).copied().unwrap_or_default();
        let start_ns = rows.time(CHILD_START, row);
        let pid = rows.u32(CHILD, row);
        let child = self.lineage.fork(parent, pid, exec_id, start_ns);
        Detail::Fork(Fork { child })
    }
}

/// Kinds that say which processes there are.
fn is_life(kind: Kind) -> bool {
    matches!(kind, Kind::Exec | Kind::Process | Kind::Fork | Kind::Exit)
}

/// Whether a text is the one in a row; equal texts share their memory nearly always.
fn is_text(known: &Arc<str>, row: Option<&Arc<str>>) -> bool {
    row.is_some_and(|row| Arc::ptr_eq(known, row) || known == row)
}
