//! A week made of a recording: it is replayed again and again, each time later, until
//! there are enough events.
//!
//! What differs from one run of a job to the next on a real host differs from pass to
//! pass here: times, process ids, exec ids, sockets, ports chosen by the kernel, and
//! addresses of mappings. What stays the same on a real host (files, programs, users,
//! peers) stays. Whatever ran when the recording began runs the whole week.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use sentinel_event::{Connection, Detail, Event, ExecId, FileIdentity, Fork, Kind, Process, Stdio};
use sentinel_store::replay::{Source, TimeRange};

/// 2026-03-02T00:00:00Z, a Monday.
const START_NS: i64 = 1_772_409_600_000_000_000;
const WEEK_NS: i64 = 7 * 86_400_000_000_000;
const PID_LIMIT: u64 = 1 << 22;
/// Ports that the kernel chooses for clients.
const CHOSEN_PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// Gives the events of the week, in order.
pub struct Week {
    recording: Vec<Event>,
    first_ns: i64,
    passes: u64,
    left: u64,
    pass: Pass,
    next: usize,
    seq: u64,
}

impl Week {
    /// A week of `events` events, made of the history below `folder`.
    pub fn new(folder: &Path, events: u64) -> Week {
        let source = Source::open(folder, TimeRange::ALL).expect("a recording");
        let batches = source.map(|batch| batch.expect("whole files"));
        let recording: Vec<Event> = batches.flat_map(|batch| batch.to_vec()).collect();
        // What was already there is described once, by the first events.
        let begun = |event: &&Event| event.kind() != Kind::Process;
        let first_ns = recording.iter().find(begun).expect("events").time_ns;
        let last_ns = recording.last().expect("events").time_ns;
        let minutes = (last_ns - first_ns) as f64 / 60e9;
        println!(
            "recording: {} events in {minutes:.1} minutes",
            recording.len()
        );
        Week {
            passes: events.div_ceil(recording.len() as u64),
            pass: Pass::new(0, first_ns, 0),
            recording,
            first_ns,
            left: events,
            next: 0,
            seq: 0,
        }
    }
}

impl Iterator for Week {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.left == 0 {
            return None;
        }
        if self.next == self.recording.len() {
            self.next = 0;
            let number = self.pass.number + 1;
            let shift_ns = WEEK_NS / self.passes as i64 * number as i64;
            self.pass = Pass::new(number, self.first_ns, shift_ns);
        }
        let event = &self.recording[self.next];
        self.next += 1;
        // A running process is introduced only once.
        if event.kind() == Kind::Process && self.pass.number > 0 {
            return self.next();
        }
        self.left -= 1;
        self.seq += 1;
        Some(self.pass.event(event, self.seq))
    }
}

/// One replay of the recording.
struct Pass {
    number: u64,
    first_ns: i64,
    shift_ns: i64,
    images: HashMap<ExecId, (Arc<Process>, Arc<Process>)>,
}

impl Pass {
    fn new(number: u64, first_ns: i64, shift_ns: i64) -> Pass {
        Pass {
            number,
            first_ns,
            shift_ns: START_NS - first_ns + shift_ns,
            images: HashMap::new(),
        }
    }

    /// Something that looks random and is the same for the same value in a pass.
    fn hash(&self, value: u64) -> u64 {
        // The finalizer of splitmix64 by Vigna.
        let mut x = value ^ self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn event(&mut self, event: &Event, seq: u64) -> Event {
        let process = self.image(&event.process);
        let moved = process.pid != event.process.pid;
        Event {
            // Other work delays every event by some microseconds.
            time_ns: event.time_ns + self.shift_ns + (self.hash(seq) % 4_096) as i64,
            seq,
            tid: if moved {
                self.pid(event.tid)
            } else {
                event.tid
            },
            result: event.result,
            flags: event.flags,
            count: event.count,
            detail: self.detail(event, &process),
            process,
        }
    }

    fn is_new(&self, start_ns: i64) -> bool {
        start_ns >= self.first_ns
    }

    fn time(&self, time_ns: i64) -> i64 {
        match self.is_new(time_ns) {
            true => time_ns + self.shift_ns,
            false => time_ns,
        }
    }

    fn pid(&self, pid: u32) -> u32 {
        (u64::from(pid).wrapping_add(self.hash(1)) % PID_LIMIT).max(2) as u32
    }

    fn image(&mut self, image: &Arc<Process>) -> Arc<Process> {
        if let Some((known, moved)) = self.images.get(&image.exec_id)
            && Arc::ptr_eq(known, image)
        {
            return Arc::clone(moved);
        }
        let is_new = self.is_new(image.start_ns);
        let parent = image.parent.as_ref().map(|parent| self.image(parent));
        let moved = Arc::new(Process {
            exec_id: match is_new {
                true => ExecId(self.hash(image.exec_id.0)),
                false => image.exec_id,
            },
            pid: if is_new {
                self.pid(image.pid)
            } else {
                image.pid
            },
            ppid: parent.as_ref().map_or(image.ppid, |parent| parent.pid),
            parent,
            start_ns: self.time(image.start_ns),
            file: self.file(image.file),
            stdio: Arc::new(image.stdio.each_ref().map(|stdio| Stdio {
                inode: self.inode(stdio.inode, is_new),
                ..*stdio
            })),
            ..(**image).clone()
        });
        let pair = (Arc::clone(image), Arc::clone(&moved));
        self.images.insert(image.exec_id, pair);
        moved
    }

    /// Files that came to be within the recording come to be anew.
    fn file(&self, file: FileIdentity) -> FileIdentity {
        FileIdentity {
            ctime_ns: self.time(file.ctime_ns),
            inode: self.inode(file.inode, self.is_new(file.ctime_ns)),
            ..file
        }
    }

    fn inode(&self, inode: u64, is_new: bool) -> u64 {
        match is_new && inode > 0 {
            true => inode + self.number * 40_000,
            false => inode,
        }
    }

    /// An address of a mapping: where the loader put the image in this pass.
    fn address(&self, address: u64, process: &Process) -> u64 {
        match self.is_new(process.start_ns - self.shift_ns) {
            true => address ^ (self.hash(process.exec_id.0) & 0x0fff_ffff) << 12,
            false => address,
        }
    }

    fn connection(&self, connection: &Connection) -> Connection {
        let mut moved = *connection;
        for end in [&mut moved.local, &mut moved.peer] {
            if CHOSEN_PORTS.contains(&end.port()) {
                let span = u64::from(CHOSEN_PORTS.end() - CHOSEN_PORTS.start());
                let port = self.hash(connection.inode ^ u64::from(end.port())) % span;
                end.set_port(CHOSEN_PORTS.start() + port as u16);
            }
        }
        moved.inode = self.inode(connection.inode, true);
        moved
    }

    fn detail(&mut self, event: &Event, process: &Process) -> Detail {
        let mut detail = event.detail.clone();
        match &mut detail {
            Detail::Fork(Fork { child }) => *child = self.image(child),
            Detail::Connect(c) | Detail::Accept(c) => *c = self.connection(c),
            Detail::Network(action) => action.connection = self.connection(&action.connection),
            Detail::Open(f) | Detail::Memfd(f) => f.file = self.file(f.file),
            Detail::File(action) => action.file = self.file(action.file),
            Detail::Mmap(m) | Detail::Mprotect(m) | Detail::Shmat(m) => {
                m.file = self.file(m.file);
                m.address = self.address(m.address, process);
            }
            Detail::Target(action) => action.target = self.image(&action.target),
            Detail::Exit(exit) => {
                // No two runs take the same time.
                exit.run_ns += self.hash(exit.run_ns) % 1_000_000;
                exit.cpu_ns += self.hash(exit.cpu_ns) % 100_000;
            }
            Detail::Descriptor(action) => {
                action.object.inode = self.inode(action.object.inode, true);
            }
            Detail::Lost(lost) => lost.until_ns = self.time(lost.until_ns),
            _ => {}
        }
        detail
    }
}
