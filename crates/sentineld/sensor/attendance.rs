//! The lease: the kernel programs outlive a daemon that is killed, but only for so long as
//! somebody may still come back to read what they write.

use std::mem::offset_of;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use super::shared::{self, Words};
use super::types;
use crate::clock;

/// How often the lease is renewed.
const INTERVAL: Duration = Duration::from_secs(1);
const WORD: usize = size_of::<u64>();

/// `struct sentinel_attendance`, where the programs read it.
pub struct Attendance {
    words: Words,
    lease: Duration,
    renewed: Instant,
}

/// A time in which the programs did nothing, in nanoseconds since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    pub begin_ns: u64,
    pub end_ns: u64,
}

impl Attendance {
    /// Of the programs whose variables are in `bss`.
    pub fn of(bss: impl AsFd, lease: Duration) -> std::io::Result<Attendance> {
        let place = offset_of!(types::bss, attendance);
        let all = shared::map(bss, 0, place / WORD + 2, true)?;
        Ok(Attendance {
            words: &all[place / WORD..],
            lease,
            renewed: Instant::now(),
        })
    }

    /// Lets the programs work for this daemon. Says for how long they had been left alone,
    /// if they were.
    pub fn begin(&mut self) -> Option<Absence> {
        let daemon_pid = u64::from(std::process::id());
        self.words[1].store(daemon_pid, Relaxed);
        let absence = self.absence();
        self.renew();
        absence
    }

    /// To be called often. Says for how long the programs did nothing because this was not
    /// called.
    pub fn keep_up(&mut self) -> Option<Absence> {
        if self.renewed.elapsed() < INTERVAL.min(self.lease / 4) {
            return None;
        }
        let absence = self.absence();
        self.renew();
        absence
    }

    fn renew(&mut self) {
        let until_ns = monotonic_ns() + self.lease.as_nanos() as u64;
        self.words[0].store(until_ns, Relaxed);
        self.renewed = Instant::now();
    }

    fn absence(&self) -> Option<Absence> {
        let (until_ns, now_ns) = (self.words[0].load(Relaxed), monotonic_ns());
        let is_over = until_ns > 0 && now_ns > until_ns;
        let end_ns = clock::boot_ns();
        is_over.then(|| Absence {
            begin_ns: end_ns.saturating_sub(now_ns - until_ns),
            end_ns,
        })
    }
}

/// The clock by which the lease counts: it stands still while the host sleeps.
fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC);
    time.map_or(0, |time| {
        time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
    })
}
