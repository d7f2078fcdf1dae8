//! One line of the format as a checked record: every key has its type, every
//! required key is there. Processes are still only numbers here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use sentinel_event::{
    Access, Backing, COLUMNS, Connection, Detail, Exit, FileAccess, FileIdentity, Flags, Kind,
    Lost, Memory, Prot, Protocol, Ring, Stdio, StdioKind,
};

use crate::action;
use crate::fields::{Fields, Reason, missing, socket_address};

/// Keys of our own export that are no column of an event.
const EXPORTED: [&str; 2] = ["ancestors", "lost_nearby"];

/// A checked line.
pub struct Line {
    pub time_ns: i64,
    pub host: Option<String>,
    pub pid: u32,
    pub tid: Option<u32>,
    pub result: i64,
    pub count: u64,
    pub flags: Flags,
    pub actor: Actor,
    pub what: What,
    pub unknown_keys: Vec<String>,
}

/// What any line may say about its process.
#[derive(Default)]
pub struct Actor {
    pub ppid: Option<u32>,
    pub exe: Option<String>,
    pub comm: Option<String>,
    pub uid: Option<u32>,
    pub user: Option<String>,
}

/// What happened.
pub enum What {
    Fork {
        child: u32,
    },
    Exec(Box<Image>),
    Process(Box<Image>),
    Exit(Exit),
    Connect(Connection),
    Accept(Connection),
    Open(FileAccess),
    Memfd(FileAccess),
    Mmap(Memory),
    Mprotect(Memory),
    Shmat(Memory),
    /// A kind that shares its shape with others.
    Action(Box<Detail>),
    Lost(Lost),
}

/// What an exec says about the new image; what it leaves out is inherited.
#[derive(Default)]
pub struct Image {
    pub argv: Vec<String>,
    pub filename: Option<String>,
    pub interpreter: Option<String>,
    pub previous_exe: Option<String>,
    pub file: FileIdentity,
    pub backing: Backing,
    pub euid: Option<u32>,
    pub gid: Option<u32>,
    pub egid: Option<u32>,
    pub auid: Option<u32>,
    pub session: Option<u32>,
    pub cap_effective: Option<u64>,
    pub tty: Option<bool>,
    pub tty_name: Option<String>,
    pub cwd: Option<String>,
    pub cgroup: Option<String>,
    /// mnt, pid, net, user, uts, ipc, cgroup.
    pub namespaces: [Option<u32>; 7],
    pub stdio: Option<[Stdio; 3]>,
}

impl Line {
    /// Reads one line; the reason names the key that is wrong.
    pub fn parse(text: &[u8]) -> Result<Line, Reason> {
        let mut fields = Fields::parse(text)?;
        let f = &mut fields;
        let time_ns = f.required_time("time")?;
        let kind = f.required_text("kind")?;
        let pid = match f.number("pid")? {
            None if kind == Kind::Lost.name() => 0,
            pid => pid.ok_or_else(|| missing("pid"))?,
        };
        let what = what(f, &kind, time_ns)?;
        let actor = Actor {
            ppid: f.number("ppid")?,
            exe: f.absolute_path("exe")?,
            comm: f.text("comm")?,
            uid: f.number("uid")?,
            user: f.text("user")?,
        };
        if matches!(what, What::Exec(_) | What::Process(_)) && actor.exe.is_none() {
            return Err(missing("exe"));
        }
        let names = f.texts("flags")?.unwrap_or_default();
        let line = Line {
            time_ns,
            host: f.text("host")?,
            pid,
            tid: f.number("tid")?,
            result: f.i64("result")?.unwrap_or(0),
            count: f.u64("count")?.unwrap_or(1),
            flags: Flags::from_names(names.iter().map(String::as_str)),
            actor,
            what,
            unknown_keys: Vec::new(),
        };
        // Our own export writes every column, also those that follow from others or say
        // nothing for the kind.
        f.ignore(COLUMNS.iter().map(|column| column.name).chain(EXPORTED));
        Ok(Line {
            unknown_keys: fields.left_over().map(str::to_owned).collect(),
            ..line
        })
    }
}

fn what(f: &mut Fields, kind: &str, time_ns: i64) -> Result<What, Reason> {
    let known = Kind::from_name(kind).ok_or_else(|| format!("kind: \"{kind}\" is not known"))?;
    if let Some(group) = known.group() {
        return Ok(What::Action(Box::new(action::detail(f, group, known)?)));
    }
    Ok(match known {
        Kind::Process => What::Process(Box::new(image(f)?)),
        Kind::Exec => What::Exec(Box::new(image(f)?)),
        Kind::Fork => What::Fork {
            child: f.required_number("child")?,
        },
        Kind::Exit => What::Exit(Exit {
            code: f.number("code")?.unwrap_or(0),
            signal: f.number("signal")?.unwrap_or(0),
            run_ns: f.u64("run_ns")?.unwrap_or(0),
            cpu_ns: f.u64("cpu_ns")?.unwrap_or(0),
            peak_rss_bytes: f.u64("peak_rss_bytes")?.unwrap_or(0),
        }),
        Kind::Connect => What::Connect(connection(f, false)?),
        Kind::Accept => What::Accept(connection(f, true)?),
        Kind::Open => What::Open(file_access(f, Backing::File)?),
        Kind::Memfd => What::Memfd(file_access(f, Backing::Memfd)?),
        Kind::Mmap => What::Mmap(memory(f)?),
        Kind::Mprotect => What::Mprotect(memory(f)?),
        Kind::Shmat => What::Shmat(memory(f)?),
        Kind::Lost => What::Lost(lost(f, time_ns)?),
        _ => unreachable!("the kind has a group"),
    })
}

fn image(f: &mut Fields) -> Result<Image, Reason> {
    let backing = f.named("backing", Backing::from_name)?.unwrap_or_default();
    Ok(Image {
        argv: f.texts("argv")?.ok_or_else(|| missing("argv"))?,
        filename: f.text("filename")?,
        interpreter: f.text("interpreter")?,
        previous_exe: f.text("previous_exe")?,
        file: file_identity(f, backing)?,
        backing,
        euid: f.number("euid")?,
        gid: f.number("gid")?,
        egid: f.number("egid")?,
        auid: f.number("auid")?,
        session: f.number("session")?,
        cap_effective: f.u64("cap_effective")?,
        tty: f.bool("tty")?,
        tty_name: f.text("tty_name")?,
        cwd: f.absolute_path("cwd")?,
        cgroup: cgroup(f)?,
        namespaces: [
            f.number("mnt_ns")?,
            f.number("pid_ns")?,
            f.number("net_ns")?,
            f.number("user_ns")?,
            f.number("uts_ns")?,
            f.number("ipc_ns")?,
            f.number("cgroup_ns")?,
        ],
        stdio: stdio(f)?,
    })
}

/// The cgroup path; when only unit or container are given, one that names them in
/// the places where [`sentinel_event::Process::unit`] and `container` look.
fn cgroup(f: &mut Fields) -> Result<Option<String>, Reason> {
    let unit = f.text("unit")?;
    let container = f.text("container")?;
    if let Some(path) = f.text("cgroup")? {
        return Ok(Some(path));
    }
    Ok(match (unit, container) {
        (None, None) => None,
        (Some(unit), None) => Some(format!("/system.slice/{unit}")),
        (None, Some(container)) => Some(format!("/docker/{container}")),
        (Some(unit), Some(container)) => Some(format!("/system.slice/{unit}/{container}")),
    })
}

fn stdio(f: &mut Fields) -> Result<Option<[Stdio; 3]>, Reason> {
    let kinds = f.three("stdio")?;
    let inodes = f.three("stdio_inode")?;
    let locals = f.three("stdio_local")?.unwrap_or_default();
    let peers = f.three("stdio_peer")?.unwrap_or_default();
    let Some(kinds) = kinds else {
        return Ok(None);
    };
    let mut stdio: [Stdio; 3] = Default::default();
    for (i, entry) in stdio.iter_mut().enumerate() {
        entry.kind = StdioKind::from_name(&kinds[i])
            .ok_or_else(|| format!("stdio: \"{}\" is not known", kinds[i]))?;
        entry.inode = match &inodes {
            None => 0,
            Some(inodes) => inodes[i]
                .parse()
                .map_err(|_| format!("stdio_inode: \"{}\" is not a number", inodes[i]))?,
        };
        entry.local = socket_address("stdio_local", &locals[i])?;
        entry.peer = socket_address("stdio_peer", &peers[i])?;
    }
    Ok(Some(stdio))
}

pub fn file_identity(f: &mut Fields, backing: Backing) -> Result<FileIdentity, Reason> {
    let named = matches!(backing, Backing::File | Backing::Tmpfs);
    Ok(FileIdentity {
        dev: f.number("dev")?.unwrap_or(0),
        inode: f.u64("inode")?.unwrap_or(0),
        ctime_ns: f.time("ctime")?.unwrap_or(0),
        nlink: f.number("nlink")?.unwrap_or(u32::from(named)),
        mode: f.number("mode")?.unwrap_or(0),
        uid: f.number("owner")?.unwrap_or(0),
    })
}

fn connection(f: &mut Fields, accepted: bool) -> Result<Connection, Reason> {
    let peer = f.address("addr")?.ok_or_else(|| missing("addr"))?;
    let served: u16 = f.required_number("port")?;
    let any = match peer {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let local = f.address("local_addr")?.unwrap_or(any);
    let local_port = f.number("local_port")?;
    let peer_port = f.number("peer_port")?;
    let (local_port, peer_port) = if accepted {
        (served, peer_port.unwrap_or(0))
    } else {
        (local_port.unwrap_or(0), served)
    };
    Ok(Connection {
        protocol: f.named("proto", Protocol::from_name)?.unwrap_or_default(),
        local: SocketAddr::new(local, local_port),
        peer: SocketAddr::new(peer, peer_port),
        inode: f.u64("inode")?.unwrap_or(0),
    })
}

fn file_access(f: &mut Fields, backing: Backing) -> Result<FileAccess, Reason> {
    let path = f.absolute_path("path")?.ok_or_else(|| missing("path"))?;
    let backing = f.named("backing", Backing::from_name)?.unwrap_or(backing);
    Ok(FileAccess {
        path: path.into(),
        file: file_identity(f, backing)?,
        backing,
        access: f.named("access", Access::from_name)?.unwrap_or_default(),
        open_flags: f.number("open_flags")?.unwrap_or(0),
        fd: f.number("fd")?.unwrap_or(-1),
    })
}

fn memory(f: &mut Fields) -> Result<Memory, Reason> {
    let path = f.absolute_path("path")?;
    let default = match path {
        Some(_) => Backing::File,
        None => Backing::Anonymous,
    };
    let backing = f.named("backing", Backing::from_name)?.unwrap_or(default);
    let prot = f.named("prot", Prot::from_name)?;
    Ok(Memory {
        address: f.u64("address")?.unwrap_or(0),
        length: f.u64("length")?.unwrap_or(0),
        prot: prot.ok_or_else(|| missing("prot"))?,
        old_prot: f.named("old_prot", Prot::from_name)?,
        map_flags: f.number("map_flags")?.unwrap_or(0),
        path: path.map_or_else(|| Arc::from(""), Arc::from),
        file: file_identity(f, backing)?,
        backing,
    })
}

fn lost(f: &mut Fields, time_ns: i64) -> Result<Lost, Reason> {
    let until_ns = f.time("until")?.unwrap_or(time_ns);
    if until_ns < time_ns {
        return Err("until: the gap ends before it begins".to_owned());
    }
    Ok(Lost {
        ring: f.named("ring", Ring::from_name)?,
        kind: f.named("lost_kind", Kind::from_name)?,
        // `count` is read once more as the event's own; it means the same.
        count: f.peek_u64("count")?.unwrap_or(0),
        until_ns,
    })
}
