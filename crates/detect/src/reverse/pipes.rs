//! Which processes read and write which pipes: by their standard streams, and by
//! FIFOs that they opened themselves.
//!
//! Opens wait longer than starts where files are opened in a flood, so that of an open may be
//! told only after its process has gone on to another image. That image has the FIFO now.

use std::sync::Arc;

use sentinel_event::{Access, FileAccess, Process, StdioKind};

use crate::bounded::Bounded;

/// Ends remembered per pipe, and FIFOs per process, the youngest.
const ENDS_MAX: usize = 8;

/// `S_IFMT` and `S_IFIFO` of a file's mode.
const TYPE_MASK: u32 = 0o170_000;
const FIFO: u32 = 0o010_000;

/// The pipes of the recent past by inode number, which both ends share.
pub struct Pipes {
    table: Bounded<u64, Ends>,
    /// FIFOs that a process opened, by pid and start.
    opened: Bounded<(u32, i64), Opened>,
    /// The lives of processes that have, or had, a pipe among their standard streams.
    lives: Bounded<(u32, i64), Life>,
}

#[derive(Default)]
struct Ends {
    readers: Vec<Arc<Process>>,
    writers: Vec<Arc<Process>>,
}

/// The image that a process runs, and when, in nanoseconds since the epoch.
struct Life {
    image: Arc<Process>,
    started_ns: i64,
    ended_ns: Option<i64>,
}

#[derive(Default)]
struct Opened {
    inputs: Vec<u64>,
    outputs: Vec<u64>,
}

impl Pipes {
    pub fn new(limit: usize) -> Pipes {
        Pipes {
            table: Bounded::new(limit),
            opened: Bounded::new(limit),
            lives: Bounded::new(limit),
        }
    }

    /// Notes the pipes among the standard streams of an image.
    pub fn note_start(&mut self, process: &Arc<Process>, time_ns: i64) {
        let has_pipe = (0..3).any(|fd| pipe(process, fd).is_some());
        if has_pipe || self.lives.peek(&key(process)).is_some() {
            let life = Life {
                image: process.clone(),
                started_ns: time_ns,
                ended_ns: None,
            };
            self.lives.insert(key(process), life);
        }
        if let Some(pipe) = input(process) {
            keep_process(&mut self.ends(pipe).readers, process);
        }
        for pipe in outputs_of(process) {
            keep_process(&mut self.ends(pipe).writers, process);
        }
    }

    /// Notes the end of a process.
    pub fn note_end(&mut self, process: &Process, time_ns: i64) {
        if let Some(life) = self.lives.peek_mut(&key(process)) {
            life.ended_ns = Some(time_ns);
        }
    }

    /// Whether the two may have run at the same time: numbers of pipes are used again, and
    /// who had one before is no partner of who has it now.
    pub fn may_have_met(&self, one: &Process, other: &Process) -> bool {
        let [one, other] = [one, other].map(|process| self.lives.peek(&key(process)));
        let (Some(one), Some(other)) = (one, other) else {
            return true;
        };
        let begun_ns = one.started_ns.max(other.started_ns);
        [one, other]
            .iter()
            .all(|life| life.ended_ns.is_none_or(|ended_ns| ended_ns > begun_ns))
    }

    /// Notes a FIFO that the process opened; gives the image that has it now. `None` when
    /// the file is none.
    pub fn note_open(&mut self, process: &Arc<Process>, file: &FileAccess) -> Option<Arc<Process>> {
        if file.file.mode & TYPE_MASK != FIFO || file.file.inode == 0 {
            return None;
        }
        let life = self.lives.peek(&key(process));
        let process = &life.map_or(process, |life| &life.image).clone();
        let pipe = file.file.inode;
        let opened = self.opened.entry(key(process), Opened::default);
        if file.access != Access::Read {
            keep(&mut opened.outputs, pipe);
            keep_process(&mut self.ends(pipe).writers, process);
        }
        let opened = self.opened.entry(key(process), Opened::default);
        if matches!(file.access, Access::Read | Access::ReadWrite) {
            keep(&mut opened.inputs, pipe);
            keep_process(&mut self.ends(pipe).readers, process);
        }
        Some(process.clone())
    }

    /// The processes that read what is written to this pipe.
    pub fn readers(&self, pipe: u64) -> &[Arc<Process>] {
        self.table.peek(&pipe).map_or(&[], |ends| &ends.readers)
    }

    /// The processes that write what is read from this pipe.
    pub fn writers(&self, pipe: u64) -> &[Arc<Process>] {
        self.table.peek(&pipe).map_or(&[], |ends| &ends.writers)
    }

    /// The pipes that the process reads.
    pub fn inputs(&self, process: &Process) -> Vec<u64> {
        let opened = self.opened.peek(&key(process));
        let opened = opened.into_iter().flat_map(|opened| &opened.inputs);
        input(process).into_iter().chain(opened.copied()).collect()
    }

    /// The pipes that the process writes.
    pub fn outputs(&self, process: &Process) -> Vec<u64> {
        let opened = self.opened.peek(&key(process));
        let opened = opened.into_iter().flat_map(|opened| &opened.outputs);
        outputs_of(process).chain(opened.copied()).collect()
    }

    pub fn evicted_total(&self) -> u64 {
        self.table.evicted_total() + self.opened.evicted_total() + self.lives.evicted_total()
    }

    fn ends(&mut self, pipe: u64) -> &mut Ends {
        self.table.entry(pipe, Ends::default)
    }
}

/// The pipe that the process has as its standard input.
pub fn input(process: &Process) -> Option<u64> {
    pipe(process, 0)
}

/// The pipes that the process has as its standard output and error.
fn outputs_of(process: &Process) -> impl Iterator<Item = u64> {
    let output = pipe(process, 1);
    let error = pipe(process, 2).filter(|error| Some(*error) != output);
    output.into_iter().chain(error)
}

fn pipe(process: &Process, fd: usize) -> Option<u64> {
    let stdio = &process.stdio[fd];
    (stdio.kind == StdioKind::Pipe && stdio.inode != 0).then_some(stdio.inode)
}

fn key(process: &Process) -> (u32, i64) {
    (process.pid, process.start_ns)
}

fn keep(pipes: &mut Vec<u64>, pipe: u64) {
    if pipes.contains(&pipe) {
        return;
    }
    if pipes.len() == ENDS_MAX {
        pipes.remove(0);
    }
    pipes.push(pipe);
}

fn keep_process(ends: &mut Vec<Arc<Process>>, process: &Arc<Process>) {
    // The image that the process ran before has given its ends away.
    ends.retain(|known| known.pid != process.pid);
    if ends.len() == ENDS_MAX {
        ends.remove(0);
    }
    ends.push(process.clone());
}
