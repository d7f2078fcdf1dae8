//! A made-up week of a busy host: services that serve, and jobs that come and go.
//!
//! What matters for size is entropy, so everything that is random on a real host is
//! random here: identities, times, addresses of mappings, ports, sizes, arguments.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sentinel_event::{
    Access, Backing, Connection, Detail, Event, Exec, ExecId, Exit, FileAccess, FileIdentity,
    Flags, Fork, Memory, Namespaces, Process, Prot, Protocol, Stdio, StdioKind,
};

use crate::files::{self, RealFile};

/// 2026-03-02T00:00:00Z, a Monday.
const START_NS: i64 = 1_772_409_600_000_000_000;
const WEEK_NS: f64 = 7.0 * 86_400e9;
const SERVICES: usize = 40;
/// Events of one job, about; decides how many jobs there are.
const SERVICE_SHARE: f64 = 0.35;

/// Gives the events of the week, in order.
pub struct Week {
    random: Random,
    left: u64,
    seq: u64,
    time_ns: i64,
    step_ns: f64,
    next_pid: u32,
    socket_inode: u64,
    programs: Vec<RealFile>,
    libraries: Vec<RealFile>,
    data: Vec<RealFile>,
    clients: Vec<IpAddr>,
    services: Vec<Arc<Process>>,
    ready: VecDeque<Event>,
}

impl Week {
    pub fn new(events: u64) -> Week {
        let mut random = Random(42);
        let clients = (0..3_000).map(|_| IpAddr::from((random.next() as u32).to_be_bytes()));
        let clients = clients.collect();
        let mut week = Week {
            random,
            left: events,
            seq: 0,
            time_ns: START_NS,
            step_ns: WEEK_NS / events as f64,
            next_pid: 1_000,
            socket_inode: 40_000,
            programs: files::below("/usr/bin", 400),
            libraries: files::below("/usr/lib", 3_000),
            data: files::below("/usr/share", 20_000),
            clients,
            services: Vec::new(),
            ready: VecDeque::new(),
        };
        week.boot();
        week
    }

    fn boot(&mut self) {
        let init = self.image(None, "/usr/lib/systemd/systemd", 1);
        self.push(&init, Detail::Process);
        for index in 0..SERVICES {
            let exe = self.programs[index * 7 % self.programs.len()].path.clone();
            let pid = 300 + index as u32;
            let service = self.image(Some(&init), &exe, pid);
            self.push(&service, Detail::Process);
            self.services.push(service);
        }
    }

    fn image(&mut self, parent: Option<&Arc<Process>>, exe: &str, pid: u32) -> Arc<Process> {
        let name = exe.rsplit('/').next().unwrap_or(exe);
        let uid = [0, 0, 33, 101, 1_000][self.random.below(5)];
        let file = self.programs.iter().find(|p| &*p.path == exe);
        let argument = format!("--id={:08x}", self.random.next() as u32);
        Arc::new(Process {
            exec_id: ExecId(self.random.next()),
            pid,
            parent: parent.cloned(),
            ppid: parent.map_or(0, |p| p.pid),
            start_ns: self.time_ns,
            exe: exe.into(),
            file: file.map(|p| p.file).unwrap_or_default(),
            backing: Backing::File,
            comm: name.chars().take(15).collect::<String>().into(),
            argv: [name.into(), "-c".into(), argument.into()].into(),
            cwd: ["/", "/root", "/srv/app", "/home/user/project"][self.random.below(4)].into(),
            uid,
            euid: uid,
            gid: uid,
            egid: uid,
            auid: (uid == 1_000).then_some(1_000),
            session: (uid == 1_000).then_some(3),
            user: Some(["root", "www-data", "user"][self.random.below(3)].into()),
            cap_effective: if uid == 0 { (1 << 41) - 1 } else { 0 },
            tty: None,
            cgroup: format!("/system.slice/{name}.service").into(),
            cgroup_id: 3_000 + u64::from(pid % 50),
            namespaces: Namespaces {
                mnt: 4_026_531_841,
                pid: 4_026_531_836,
                net: 4_026_531_840,
                user: 4_026_531_837,
                uts: 4_026_531_838,
                ipc: 4_026_531_839,
                cgroup: 4_026_531_835,
            },
            stdio: Arc::new(std::array::from_fn(|fd| Stdio {
                kind: [StdioKind::Null, StdioKind::Pipe, StdioKind::Pipe][fd],
                inode: if fd == 0 { 5 } else { self.socket_inode },
                ..Stdio::default()
            })),
        })
    }

    fn push(&mut self, process: &Arc<Process>, detail: Detail) {
        // Within a burst events follow each other by microseconds; bursts are spread
        // so that the week comes out right.
        self.time_ns += 1_000 + (self.random.next() % 60_000) as i64;
        self.seq += 1;
        self.ready.push_back(Event {
            time_ns: self.time_ns,
            seq: self.seq,
            process: Arc::clone(process),
            tid: process.pid,
            result: if let Detail::Open(open) = &detail {
                open.fd.into()
            } else {
                0
            },
            flags: Flags::default(),
            count: if self.random.below(20) == 0 {
                2 + self.random.next() % 9
            } else {
                1
            },
            detail,
        });
    }

    /// A service handles something: a client, a few files, another service.
    fn serve(&mut self) {
        let index = self.random.zipf(SERVICES);
        let service = Arc::clone(&self.services[index]);
        let client = self.clients[self.random.zipf(self.clients.len())];
        let port = 32_768 + self.random.below(28_000) as u16;
        self.socket_inode += 1 + self.random.next() % 3;
        let connection = Connection {
            protocol: Protocol::Tcp,
            local: SocketAddr::new([10, 0, 0, 5].into(), 443),
            peer: SocketAddr::new(client, port),
            inode: self.socket_inode,
        };
        self.push(&service, Detail::Accept(connection));
        for _ in 0..self.random.below(4) {
            let file = self.data[(index * 211 + self.random.zipf(200)) % self.data.len()].clone();
            self.open(&service, &file, 10 + self.random.clone().below(30) as i32);
        }
        let backend = SocketAddr::new([10, 0, 1, index as u8 % 5].into(), 5_432);
        let connection = Connection {
            local: SocketAddr::new([10, 0, 0, 5].into(), port),
            peer: backend,
            ..connection
        };
        self.push(&service, Detail::Connect(connection));
    }

    /// A job: fork, exec, the loader's opens and mappings, a few files, exit.
    fn job(&mut self) {
        let parent = Arc::clone(&self.services[self.random.zipf(6)]);
        let pid = self.next_pid;
        self.next_pid = if pid > 4_000_000 { 1_000 } else { pid + 1 };
        let child = Arc::new(Process {
            exec_id: ExecId(self.random.next()),
            pid,
            ppid: parent.pid,
            parent: Some(Arc::clone(&parent)),
            start_ns: self.time_ns,
            ..(*parent).clone()
        });
        self.push(&parent, Detail::Fork(Fork { child }));
        let program = self.programs[self.random.zipf(self.programs.len())].clone();
        let image = self.image(Some(&parent), &program.path, pid);
        let exec = Exec {
            filename: (*program.path).into(),
            interpreter: None,
            previous_exe: parent.exe.clone(),
        };
        self.push(&image, Detail::Exec(exec));
        let start = self.random.zipf(50) * 7;
        for step in 0..4 + self.random.below(6) {
            let library = self.libraries[(start + step) % self.libraries.len()].clone();
            self.open(&image, &library, 3);
            if step % 2 == 0 {
                self.map(&image, &library);
            }
        }
        for _ in 0..self.random.below(6) {
            let file = self.data[self.random.zipf(self.data.len())].clone();
            self.open(&image, &file, 3 + self.random.clone().below(3) as i32);
        }
        if self.random.below(3) == 0 {
            let scratch = RealFile {
                path: format!("/tmp/job-{:012x}", self.random.next() >> 16).into(),
                file: FileIdentity {
                    inode: self.random.next() >> 40,
                    ctime_ns: self.time_ns,
                    nlink: 1,
                    mode: 0o100_600,
                    ..program.file
                },
            };
            self.open(&image, &scratch, 4);
        }
        let run_ns = 1_000_000 + self.random.next() % 900_000_000;
        let exit = Exit {
            code: u8::from(self.random.below(20) == 0),
            signal: 0,
            run_ns,
            cpu_ns: run_ns / 4 / 10_000 * 10_000,
            peak_rss_bytes: (500 + self.random.next() % 20_000) * 4_096,
        };
        self.push(&image, Detail::Exit(exit));
    }

    fn open(&mut self, process: &Arc<Process>, file: &RealFile, fd: i32) {
        let access = if self.random.below(8) == 0 {
            Access::Write
        } else {
            Access::Read
        };
        let detail = Detail::Open(FileAccess {
            path: Arc::clone(&file.path),
            file: file.file,
            backing: Backing::File,
            access,
            open_flags: if access == Access::Write {
                0o1_001
            } else {
                0o2_000_000
            },
            fd,
        });
        self.push(process, detail);
    }

    fn map(&mut self, process: &Arc<Process>, library: &RealFile) {
        let detail = Detail::Mmap(Memory {
            // The loader's address is random in 28 bits, page by page.
            address: 0x7f00_0000_0000 + ((self.random.next() >> 36) << 12),
            length: 4_096 * (1 + library.file.inode % 300),
            prot: Prot(5),
            old_prot: None,
            map_flags: 0x812,
            path: Arc::clone(&library.path),
            file: library.file,
            backing: Backing::File,
        });
        self.push(process, detail);
    }
}

impl Iterator for Week {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        if self.ready.is_empty() {
            let due = START_NS + (self.seq as f64 * self.step_ns) as i64;
            self.time_ns = self.time_ns.max(due) + (self.random.next() % 50_000_000) as i64;
            match self.random.chance(SERVICE_SHARE) {
                true => (0..5).for_each(|_| self.serve()),
                false => self.job(),
            }
        }
        self.ready.pop_front()
    }
}

/// xorshift64* by Vigna: quick, and random enough not to be compressed.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 11) as usize % limit
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// An index below `count`, small ones far more often: the rank of Zipf's law with
    /// exponent 1, drawn through its continuous form.
    fn zipf(&mut self, count: usize) -> usize {
        let rank = (count as f64 + 1.0).powf(self.unit()) - 1.0;
        (rank as usize).min(count - 1)
    }
}
