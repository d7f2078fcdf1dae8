//! The two clocks: the kernel's records count from boot, people count from 1970.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds since boot, including sleep.
pub fn boot_ns() -> u64 {
    read(ClockId::CLOCK_BOOTTIME) as u64
}

/// Nanoseconds since the Unix epoch.
pub fn unix_ns() -> i64 {
    read(ClockId::CLOCK_REALTIME)
}

/// The Unix time of boot as of now; it moves when somebody sets the clock. The two clocks
/// cannot be read at once, so a reading that was interrupted in between is repeated.
pub fn wall_of_boot_ns() -> i64 {
    const INTERRUPTED_NS: i64 = 50_000;
    const ATTEMPTS: usize = 5;
    let mut best = (i64::MAX, 0);
    for _ in 0..ATTEMPTS {
        let before = read(ClockId::CLOCK_BOOTTIME);
        let unix = unix_ns();
        let took = read(ClockId::CLOCK_BOOTTIME) - before;
        best = best.min((took, unix - before - took / 2));
        if took < INTERRUPTED_NS {
            break;
        }
    }
    best.1
}

fn read(clock: ClockId) -> i64 {
    // These clocks exist on every kernel that can run the sensor.
    clock_gettime(clock).map_or(0, |time| time.tv_sec() * 1_000_000_000 + time.tv_nsec())
}
