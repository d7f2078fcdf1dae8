//! Which processes were started with which pipes as standard input and output.

use std::sync::Arc;

use sentinel_event::{Process, StdioKind};

use crate::bounded::Bounded;

/// Ends remembered per pipe, the youngest.
const ENDS_MAX: usize = 8;

/// The pipes of the recent past by inode number, which both ends share.
pub struct Pipes {
    table: Bounded<u64, Ends>,
}

#[derive(Default)]
struct Ends {
    readers: Vec<Arc<Process>>,
    writers: Vec<Arc<Process>>,
}

impl Pipes {
    pub fn new(limit: usize) -> Pipes {
        Pipes {
            table: Bounded::new(limit),
        }
    }

    /// Notes an image that has pipes for input and for output; one alone cannot be part
    /// of a circle.
    pub fn note(&mut self, process: &Arc<Process>) {
        let (Some(input), Some(output)) = (input(process), output(process)) else {
            return;
        };
        let ends = self.table.entry(input, Ends::default);
        keep(&mut ends.readers, process);
        let ends = self.table.entry(output, Ends::default);
        keep(&mut ends.writers, process);
    }

    /// The processes that read what is written to this pipe.
    pub fn readers(&self, pipe: u64) -> &[Arc<Process>] {
        self.table.peek(&pipe).map_or(&[], |ends| &ends.readers)
    }

    /// The processes that write what is read from this pipe.
    pub fn writers(&self, pipe: u64) -> &[Arc<Process>] {
        self.table.peek(&pipe).map_or(&[], |ends| &ends.writers)
    }

    pub fn evicted_total(&self) -> u64 {
        self.table.evicted_total()
    }
}

/// The pipe that the process reads, if its standard input is one.
pub fn input(process: &Process) -> Option<u64> {
    pipe(process, 0)
}

/// The pipe that the process writes, if its standard output is one, or else its
/// standard error.
pub fn output(process: &Process) -> Option<u64> {
    pipe(process, 1).or_else(|| pipe(process, 2))
}

fn pipe(process: &Process, fd: usize) -> Option<u64> {
    let stdio = &process.stdio[fd];
    (stdio.kind == StdioKind::Pipe && stdio.inode != 0).then_some(stdio.inode)
}

fn keep(ends: &mut Vec<Arc<Process>>, process: &Arc<Process>) {
    // The image that the process ran before has given its ends away.
    ends.retain(|known| known.pid != process.pid);
    if ends.len() == ENDS_MAX {
        ends.remove(0);
    }
    ends.push(process.clone());
}
