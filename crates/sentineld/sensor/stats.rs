//! The sensor's counters: the kernel's, read from its map when asked, and the daemon's.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use libbpf_rs::{MapCore, MapFlags, MapHandle};
use sentinel_event::{Kind, Ring};

use super::progress::{Cells, Progress};
use super::types;

pub(super) const KINDS: usize = types::sentinel_kind::SENTINEL_KIND_COUNT.0 as usize;
const RINGS: usize = types::sentinel_ring::SENTINEL_RING_COUNT.0 as usize;
/// Kinds of both rings.
pub(super) const CELLS: usize = RINGS * KINDS;

/// Counters shared between the draining thread and whoever asks.
pub struct Stats {
    counters: MapHandle,
    progress: Progress,
    used_bytes: [AtomicU64; RINGS],
    size_bytes: [u64; RINGS],
    undecodable_total: AtomicU64,
}

/// What one ring carried of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RingStats {
    /// Events that the hooks produced.
    pub sent: u64,
    /// Events that the daemon took.
    pub received: u64,
    /// Events counted into earlier records.
    pub aggregated: u64,
    /// Events that found no room, or that a daemon took which was killed before they were
    /// safe.
    pub lost: u64,
    /// Events that a filter kept from being sent.
    pub filtered: u64,
}

/// All counters at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// By ring and kind, where anything was sent.
    pub kinds: Vec<(Ring, Kind, RingStats)>,
    /// By ring: all kinds, size and bytes in use.
    pub rings: Vec<(Ring, RingStats, u64, u64)>,
    /// Records that could not be decoded.
    pub undecodable_total: u64,
}

impl Stats {
    pub(super) fn new(counters: MapHandle, progress: Progress, size_bytes: [u64; RINGS]) -> Stats {
        Stats {
            counters,
            progress,
            used_bytes: Default::default(),
            size_bytes,
            undecodable_total: AtomicU64::new(0),
        }
    }

    pub(super) fn count_undecodable(&self) {
        self.undecodable_total.fetch_add(1, Relaxed);
    }

    pub(super) fn set_used_bytes(&self, ring: Ring, bytes: u64) {
        self.used_bytes[ring as usize].store(bytes, Relaxed);
    }

    /// Whether the kernel lets the thread that asks read its counters.
    pub(super) fn are_readable(&self) -> bool {
        self.counters
            .lookup_percpu(&0u32.to_ne_bytes(), MapFlags::ANY)
            .is_ok()
    }

    /// Events of this kind that were counted into earlier records so far.
    pub(super) fn aggregated(&self, ring: Ring, kind: Kind) -> u64 {
        (0..KINDS)
            .filter(|number| kind_of(*number as u16) == Some(kind))
            .map(|number| self.kernel(ring as usize, number).aggregated)
            .sum()
    }

    /// Events that found no room so far, by ring and kind.
    pub(super) fn lost(&self) -> Cells {
        std::array::from_fn(|cell| self.kernel(cell / KINDS, cell % KINDS).lost)
    }

    /// All counters now.
    pub fn snapshot(&self) -> StatsSnapshot {
        let mut snapshot = StatsSnapshot {
            undecodable_total: self.undecodable_total.load(Relaxed),
            ..StatsSnapshot::default()
        };
        for ring in Ring::ALL {
            let mut all = RingStats::default();
            for number in 0..KINDS {
                // Received first: a record that arrives in between is then missing from
                // both rather than received without having been sent.
                let cell = ring as usize * KINDS + number;
                let consumed = self.progress.consumed_of(cell);
                let unkept = self.progress.lost_of(cell);
                let kernel = self.kernel(ring as usize, number);
                let stats = RingStats {
                    sent: kernel.sent,
                    received: consumed.saturating_sub(unkept),
                    aggregated: kernel.aggregated,
                    lost: kernel.lost + unkept,
                    filtered: kernel.filtered,
                };
                all.sent += stats.sent;
                all.received += stats.received;
                all.aggregated += stats.aggregated;
                all.lost += stats.lost;
                all.filtered += stats.filtered;
                if let Some(kind) = kind_of(number as u16).filter(|_| stats.sent > 0) {
                    snapshot.kinds.push((ring, kind, stats));
                }
            }
            let used = self.used_bytes[ring as usize].load(Relaxed);
            snapshot
                .rings
                .push((ring, all, self.size_bytes[ring as usize], used));
        }
        snapshot
    }

    /// One kernel counter, summed over the processors.
    fn kernel(&self, ring: usize, kind: usize) -> types::sentinel_counter {
        let index = (ring * KINDS + kind) as u32;
        let values = self
            .counters
            .lookup_percpu(&index.to_ne_bytes(), MapFlags::ANY)
            .ok()
            .flatten()
            .unwrap_or_default();
        let mut sum = types::sentinel_counter::default();
        for value in values {
            let word = |i: usize| {
                value
                    .get(i * 8..i * 8 + 8)
                    .and_then(|bytes| bytes.try_into().ok())
                    .map_or(0, u64::from_ne_bytes)
            };
            // The order of the fields of sentinel_counter; all of them are 64 bits wide.
            sum.sent += word(0);
            sum.lost += word(1);
            sum.aggregated += word(2);
            sum.last_lost_ns = sum.last_lost_ns.max(word(3));
            sum.filtered += word(4);
        }
        sum
    }
}

/// The kind that the kernel's number means; `None` for numbers of a newer object.
pub(super) fn kind_of(number: u16) -> Option<Kind> {
    use types::sentinel_kind as wire;
    Some(match wire(u32::from(number)) {
        wire::SENTINEL_KIND_EXEC => Kind::Exec,
        wire::SENTINEL_KIND_FORK => Kind::Fork,
        wire::SENTINEL_KIND_EXIT => Kind::Exit,
        wire::SENTINEL_KIND_CONNECT => Kind::Connect,
        wire::SENTINEL_KIND_ACCEPT => Kind::Accept,
        wire::SENTINEL_KIND_OPEN => Kind::Open,
        wire::SENTINEL_KIND_MEMFD => Kind::Memfd,
        wire::SENTINEL_KIND_MMAP => Kind::Mmap,
        wire::SENTINEL_KIND_MPROTECT => Kind::Mprotect,
        wire::SENTINEL_KIND_BIND => Kind::Bind,
        wire::SENTINEL_KIND_LISTEN => Kind::Listen,
        wire::SENTINEL_KIND_CLOSE => Kind::Close,
        wire::SENTINEL_KIND_SEND => Kind::Send,
        wire::SENTINEL_KIND_DNS => Kind::Dns,
        wire::SENTINEL_KIND_UNIX_CONNECT => Kind::UnixConnect,
        wire::SENTINEL_KIND_EXEC_FAILED => Kind::ExecFailed,
        wire::SENTINEL_KIND_UNLINK => Kind::Unlink,
        wire::SENTINEL_KIND_RENAME => Kind::Rename,
        wire::SENTINEL_KIND_LINK => Kind::Link,
        wire::SENTINEL_KIND_SYMLINK => Kind::Symlink,
        wire::SENTINEL_KIND_TRUNCATE => Kind::Truncate,
        wire::SENTINEL_KIND_CHMOD => Kind::Chmod,
        wire::SENTINEL_KIND_CHOWN => Kind::Chown,
        wire::SENTINEL_KIND_SETXATTR => Kind::Setxattr,
        wire::SENTINEL_KIND_MOUNT => Kind::Mount,
        wire::SENTINEL_KIND_UMOUNT => Kind::Umount,
        wire::SENTINEL_KIND_SHMAT => Kind::Shmat,
        wire::SENTINEL_KIND_REDIRECT => Kind::Redirect,
        wire::SENTINEL_KIND_PTRACE => Kind::Ptrace,
        wire::SENTINEL_KIND_PROCESS_WRITE => Kind::ProcessWrite,
        wire::SENTINEL_KIND_PROCESS_READ => Kind::ProcessRead,
        wire::SENTINEL_KIND_PROCESS_MADVISE => Kind::ProcessMadvise,
        wire::SENTINEL_KIND_PIDFD_GETFD => Kind::PidfdGetfd,
        wire::SENTINEL_KIND_KILL => Kind::Kill,
        wire::SENTINEL_KIND_CREDENTIALS => Kind::Credentials,
        wire::SENTINEL_KIND_NAMESPACE => Kind::Namespace,
        wire::SENTINEL_KIND_MODULE => Kind::Module,
        wire::SENTINEL_KIND_BPF => Kind::Bpf,
        wire::SENTINEL_KIND_KEXEC => Kind::Kexec,
        wire::SENTINEL_KIND_IO_URING => Kind::IoUring,
        _ => return None,
    })
}
