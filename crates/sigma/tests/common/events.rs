//! Events for tests: made at random, from words that rules look for.

use std::sync::Arc;

use sentinel_event::{
    Access, Connection, Detail, Event, Exec, ExecId, FileAccess, FileAction, FileIdentity, Flags,
    Kind, Memory, Namespaces, NetworkAction, Process, Prot, Protocol, Stdio,
};

/// SplitMix64: the same events in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

pub fn process(exe: &str, argv: &[&str], parent: Option<Arc<Process>>) -> Process {
    Process {
        exec_id: ExecId(7),
        pid: 4711,
        ppid: parent.as_ref().map_or(1, |p| p.pid),
        parent,
        start_ns: 0,
        exe: exe.into(),
        file: FileIdentity::default(),
        backing: Default::default(),
        comm: exe.rsplit('/').next().unwrap_or(exe).into(),
        argv: argv.iter().map(|a| Box::from(*a)).collect(),
        cwd: "/root".into(),
        uid: 0,
        euid: 0,
        gid: 0,
        egid: 0,
        auid: None,
        session: None,
        user: Some("root".into()),
        cap_effective: 0,
        tty: None,
        cgroup: "".into(),
        cgroup_id: 0,
        namespaces: Namespaces::default(),
        stdio: Arc::new([Stdio::default(), Stdio::default(), Stdio::default()]),
        package: None,
        sha256: None,
    }
}

pub fn event(process: Process, detail: Detail) -> Event {
    Event {
        time_ns: 1_700_000_000_000_000_000,
        seq: 1,
        tid: process.pid,
        process: Arc::new(process),
        result: 0,
        flags: Flags::default(),
        count: 1,
        detail,
    }
}

pub fn exec() -> Detail {
    Detail::Exec(Exec::default())
}

pub fn open(path: &str, access: Access) -> Detail {
    Detail::Open(FileAccess {
        path: path.into(),
        file: FileIdentity::default(),
        backing: Default::default(),
        access,
        open_flags: 0,
        fd: 3,
    })
}

pub fn connection(peer: &str) -> Connection {
    Connection {
        protocol: Protocol::Tcp,
        local: "10.0.0.1:40000".parse().expect("is an address"),
        peer: peer.parse().expect("is an address"),
        inode: 0,
    }
}

/// Whatever happens on a host that rules look at, made of `words`.
pub fn random(random: &mut Random, words: &[&str]) -> Event {
    let process = random_process(random, words);
    let path = |random: &mut Random| {
        let place = random.one(&["/etc", "/tmp", "/usr/lib/systemd/system", "/home/a", ""]);
        format!("{place}{}", text(random, words))
    };
    let detail = match random.below(8) {
        0..=2 => exec(),
        3 => open(&path(random), Access::ALL[random.below(Access::ALL.len())]),
        4 => Detail::File(FileAction {
            kind: [Kind::Rename, Kind::Unlink, Kind::Symlink, Kind::Chmod][random.below(4)],
            path: path(random).into(),
            to: path(random).into(),
            file: FileIdentity::default(),
            backing: Default::default(),
            operation: "".into(),
            argument: 0,
        }),
        5 => {
            let peers = [
                "127.0.0.1:4444",
                "8.8.8.8:4444",
                "[2001:db8::1]:2222",
                "9.9.9.9:80",
            ];
            Detail::Connect(connection(random.one(&peers)))
        }
        6 => Detail::Network(NetworkAction {
            kind: Kind::Dns,
            connection: connection("9.9.9.9:53"),
            bytes_sent: 0,
            bytes_received: 0,
            run_ns: 0,
            name: text(random, words).into(),
            operation: "A".into(),
        }),
        _ => Detail::Mmap(Memory {
            address: 0,
            length: 4096,
            prot: Prot(5),
            old_prot: None,
            map_flags: 0,
            path: path(random).into(),
            file: FileIdentity::default(),
            backing: Default::default(),
        }),
    };
    event(process, detail)
}

fn random_process(random: &mut Random, words: &[&str]) -> Process {
    let parent = (random.below(2) == 0).then(|| {
        let (exe, argv) = image(random, words);
        Arc::new(process(
            &exe,
            &argv.iter().map(|a| &**a).collect::<Vec<_>>(),
            None,
        ))
    });
    let (exe, argv) = image(random, words);
    process(&exe, &argv.iter().map(|a| &**a).collect::<Vec<_>>(), parent)
}

fn image(random: &mut Random, words: &[&str]) -> (String, Vec<String>) {
    let place = random.one(&["/usr/bin", "/tmp", "", "/opt/x"]);
    let exe = format!("{place}{}", text(random, words));
    let argv = (0..random.below(6)).map(|_| text(random, words)).collect();
    (exe, argv)
}

/// A word or two, sometimes with what is easily got wrong: case, letters beyond ASCII
/// that fold to ASCII ones, line breaks.
fn text(random: &mut Random, words: &[&str]) -> String {
    let mut text = random.one(words).to_owned();
    if random.below(3) == 0 {
        text.push_str(random.one(&[" ", "", "/", "\n", "x"]));
        text.push_str(random.one(words));
    }
    match random.below(12) {
        0 => text.to_uppercase(),
        1 => text.replace('k', "\u{212a}"),
        2 => text.replace('s', "\u{17f}"),
        3 => format!("\u{130}{text}\u{3a3}"),
        4 => text.chars().skip(1).collect(),
        _ => text,
    }
}
