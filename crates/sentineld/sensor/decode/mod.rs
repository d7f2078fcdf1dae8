//! From the bytes of a record to an observation: the one place where the kernel's
//! shapes and ours meet. A record that makes no sense is refused, never guessed at.

mod action;
mod exec;
mod names;
mod question;

use std::mem::{align_of, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use sentinel_event::{
    Access, Backing, Connection, FileAccess, FileIdentity, Flags, Memory, Prot, Protocol, Stdio,
    StdioKind,
};
use sentinel_process::{Actor, Observed, What};

use names::path_of;

use super::types::{self, sentinel_kind as kind};

/// Decodes one record. `None` when its kind is unknown or its size is not that kind's.
pub fn decode(record: &[u8], page_bytes: u64) -> Option<Observed> {
    let header: &types::sentinel_header = view(record)?;
    if header.size as usize > record.len() {
        return None;
    }
    let record = &record[..header.size as usize];
    let what = match kind(u32::from(header.kind)) {
        kind::SENTINEL_KIND_EXEC => What::Exec(Box::new(exec::exec(record)?)),
        kind::SENTINEL_KIND_FORK => fork(record)?,
        kind::SENTINEL_KIND_EXIT => exit(record, page_bytes)?,
        kind::SENTINEL_KIND_CONNECT => What::Connect(connection(record)?),
        kind::SENTINEL_KIND_ACCEPT => What::Accept(connection(record)?),
        kind::SENTINEL_KIND_OPEN => What::Open(open(record)?),
        kind::SENTINEL_KIND_MEMFD => What::Memfd(open(record)?),
        kind::SENTINEL_KIND_MMAP => What::Mmap(memory(record)?),
        kind::SENTINEL_KIND_MPROTECT => What::Mprotect(Memory {
            old_prot: old_prot(record)?,
            ..memory(record)?
        }),
        kind::SENTINEL_KIND_SHMAT => What::Shmat(memory(record)?),
        other => action::what(other, record)?,
    };
    Some(observed(header, what))
}

/// Decodes how often a thing was done again; `None` when it was not, or makes no sense.
pub fn decode_repeat(value: &[u8], page_bytes: u64) -> Option<Observed> {
    // A copy, because what comes out of a map is aligned for bytes only.
    let mut repeat = types::sentinel_repeat::default();
    let length = size_of::<types::sentinel_repeat>();
    bytes_of(&mut repeat).copy_from_slice(value.get(..length)?);
    if repeat.count == 0 {
        return None;
    }
    let mut observed = decode(bytes_of(&mut repeat.record), page_bytes)?;
    observed.count = repeat.count;
    observed.time_ns = repeat.last_ns;
    if let What::Network(action) = &mut observed.what {
        action.bytes_sent = repeat.bytes_sent;
        action.bytes_received = repeat.bytes_received;
        action.run_ns = repeat.run_ns;
    }
    Some(observed)
}

/// The kind number of a record, for counting before anything else is believed.
pub fn kind_number(record: &[u8]) -> Option<u16> {
    view::<types::sentinel_header>(record).map(|header| header.kind)
}

/// A type of the ABI: made of integers only, without padding.
///
/// # Safety
/// Every bit pattern must be a value of the type.
unsafe trait Wire: Copy {}

macro_rules! wire {
    ($($name:ident)*) => {
        $(
            // SAFETY: bpf/sentinel.h allows integers and arrays of integers only, and
            // -Wpadded refuses holes there.
            unsafe impl Wire for types::$name {}
        )*
    };
}

wire! {
    sentinel_header sentinel_exec_small sentinel_exec_medium sentinel_exec_large sentinel_fork
    sentinel_exit sentinel_connection sentinel_open_head sentinel_open_small sentinel_open_large
    sentinel_memory_head sentinel_memory_small sentinel_memory_large sentinel_action_head
    sentinel_redirect sentinel_endpoint sentinel_close sentinel_dns sentinel_credentials
    sentinel_repeat
}

/// Looks at the beginning of `bytes` as a `T`.
fn view<T: Wire>(bytes: &[u8]) -> Option<&T> {
    let aligned = bytes.as_ptr().align_offset(align_of::<T>()) == 0;
    if bytes.len() < size_of::<T>() || !aligned {
        return None;
    }
    // SAFETY: length and alignment were checked above, any bit pattern is a `T`, and the
    // reference borrows `bytes`.
    Some(unsafe { &*bytes.as_ptr().cast::<T>() })
}

/// The bytes of a `T`, to be written into.
fn bytes_of<T: Wire>(value: &mut T) -> &mut [u8] {
    // SAFETY: a `T` has no padding and any bit pattern is one; the slice borrows `value`.
    unsafe { std::slice::from_raw_parts_mut(std::ptr::from_mut(value).cast(), size_of::<T>()) }
}

fn observed(header: &types::sentinel_header, what: What) -> Observed {
    // Every field, no `..`: a change of the ABI must be looked at here.
    let types::sentinel_header {
        time_ns,
        start_ns,
        result,
        size: _,
        kind: _,
        flags,
        pid,
        tid,
        ppid,
        exec_seq,
        uid,
        euid,
        gid,
        egid,
    } = *header;
    Observed {
        time_ns,
        actor: Actor {
            pid,
            tid,
            ppid,
            start_ns,
            exec_seq,
            uid,
            euid,
            gid,
            egid,
        },
        result,
        flags: flags_of(flags),
        count: 1,
        what,
    }
}

fn flags_of(bits: u16) -> Flags {
    let pairs = [
        (
            types::sentinel_flag::SENTINEL_FLAG_TRUNCATED,
            Flags::TRUNCATED,
        ),
        (types::sentinel_flag::SENTINEL_FLAG_COMPAT, Flags::COMPAT),
        (
            types::sentinel_flag::SENTINEL_FLAG_THREAD_EXEC,
            Flags::THREAD_EXEC,
        ),
        (
            types::sentinel_flag::SENTINEL_FLAG_UNCERTAIN_FILE,
            Flags::UNCERTAIN_FILE,
        ),
        (
            types::sentinel_flag::SENTINEL_FLAG_USER_MEMORY,
            Flags::USER_MEMORY,
        ),
    ];
    pairs
        .into_iter()
        .filter(|(wire, _)| u32::from(bits) & wire.0 != 0)
        .fold(Flags::default(), |all, (_, flag)| all.with(flag))
}

fn fork(record: &[u8]) -> Option<What> {
    let fork: &types::sentinel_fork = view(record)?;
    Some(What::Fork {
        child_pid: fork.child_pid,
        child_ppid: fork.child_ppid,
        child_start_ns: fork.child_start_ns,
    })
}

fn exit(record: &[u8], page_bytes: u64) -> Option<What> {
    let exit: &types::sentinel_exit = view(record)?;
    Some(What::Exit {
        status: exit.status,
        cpu_ns: exit.cpu_ns,
        peak_rss_bytes: exit.peak_rss_pages.saturating_mul(page_bytes),
    })
}

fn connection(record: &[u8]) -> Option<Connection> {
    let connection: &types::sentinel_connection = view(record)?;
    let (local, peer) = addresses(&connection.socket)?;
    Some(Connection {
        protocol: Protocol::Tcp,
        local,
        peer,
        inode: connection.socket.inode,
    })
}

fn open(record: &[u8]) -> Option<FileAccess> {
    const O_ACCMODE: u32 = 3;
    let open: &types::sentinel_open_head = view(record)?;
    let names = record.get(size_of::<types::sentinel_open_head>()..)?;
    let backing = backing_of(&open.file);
    Some(FileAccess {
        path: path_of(names, &open.path, backing)?,
        file: file_of(&open.file),
        backing,
        access: match (open.created, open.open_flags & O_ACCMODE) {
            (1, _) => Access::Create,
            (_, 0) => Access::Read,
            (_, 1) => Access::Write,
            _ => Access::ReadWrite,
        },
        open_flags: open.open_flags,
        fd: open.fd,
    })
}

fn memory(record: &[u8]) -> Option<Memory> {
    let memory: &types::sentinel_memory_head = view(record)?;
    let names = record.get(size_of::<types::sentinel_memory_head>()..)?;
    let mapped = memory.file.inode != 0;
    let backing = if mapped {
        backing_of(&memory.file)
    } else {
        Backing::Anonymous
    };
    Some(Memory {
        address: memory.address,
        length: memory.length,
        prot: Prot(memory.prot),
        old_prot: None,
        map_flags: memory.map_flags,
        path: if mapped {
            path_of(names, &memory.path, backing)?
        } else {
            Arc::default()
        },
        file: file_of(&memory.file),
        backing,
    })
}

/// What the protection was before; not known when the area could not be looked at.
fn old_prot(record: &[u8]) -> Option<Option<Prot>> {
    let memory: &types::sentinel_memory_head = view(record)?;
    let uncertain = flags_of(memory.header.flags).contains(Flags::UNCERTAIN_FILE);
    Some((!uncertain).then_some(Prot(memory.old_prot)))
}

fn file_of(file: &types::sentinel_file) -> FileIdentity {
    FileIdentity {
        dev: file.dev,
        inode: file.inode,
        ctime_ns: file.ctime_ns,
        nlink: file.nlink,
        mode: file.mode,
        uid: file.uid,
    }
}

fn backing_of(file: &types::sentinel_file) -> Backing {
    const TMPFS_MAGIC: u32 = 0x0102_1994;
    const RAMFS_MAGIC: u32 = 0x8584_58f6;
    let has = |flag: types::sentinel_file_flag| file.flags & flag.0 != 0;
    if has(types::sentinel_file_flag::SENTINEL_FILE_MEMFD) {
        Backing::Memfd
    } else if file.nlink == 0 || has(types::sentinel_file_flag::SENTINEL_FILE_UNHASHED) {
        Backing::Unlinked
    } else if file.fs_magic == TMPFS_MAGIC || file.fs_magic == RAMFS_MAGIC {
        Backing::Tmpfs
    } else {
        Backing::File
    }
}

fn stdio_of(stdio: &types::sentinel_stdio) -> Stdio {
    let addresses = addresses(&stdio.socket);
    Stdio {
        kind: stdio_kind(stdio.mode, stdio.rdev),
        inode: stdio.inode,
        local: addresses.map(|(local, _)| local),
        peer: addresses
            .map(|(_, peer)| peer)
            .filter(|peer| peer.port() != 0),
    }
}

/// From a file's type and, for character devices, its number in the kernel's form.
fn stdio_kind(mode: u32, rdev: u32) -> StdioKind {
    const DEV_NULL: (u32, u32) = (1, 3);
    let device = (rdev >> 20, rdev & 0xf_ffff);
    match mode & 0o170_000 {
        0 if mode == 0 => StdioKind::Closed,
        0o010_000 => StdioKind::Pipe,
        0o140_000 => StdioKind::Socket,
        0o100_000 | 0o040_000 | 0o060_000 => StdioKind::File,
        0o020_000 if device == DEV_NULL => StdioKind::Null,
        // Documentation/admin-guide/devices.txt: ttys, their aliases, ptys.
        0o020_000 if matches!(device.0, 4 | 5 | 136..=143) => StdioKind::Tty,
        _ => StdioKind::Other,
    }
}

/// Both ends of an internet socket; `None` for other families. An IPv4 address that
/// travels in an IPv6 socket is given as what it is.
fn addresses(socket: &types::sentinel_socket) -> Option<(SocketAddr, SocketAddr)> {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    let ip = |bytes: [u8; 16]| match socket.family {
        AF_INET => Some(IpAddr::from(Ipv4Addr::new(
            bytes[0], bytes[1], bytes[2], bytes[3],
        ))),
        AF_INET6 => Some(Ipv6Addr::from(bytes).to_canonical()),
        _ => None,
    };
    Some((
        SocketAddr::new(ip(socket.local_addr)?, socket.local_port),
        SocketAddr::new(ip(socket.peer_addr)?, socket.peer_port),
    ))
}

/// The kernel writes an unset audit id as all ones.
fn set(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}
