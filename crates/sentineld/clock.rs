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

/// The Unix time of boot as of now; it moves when somebody sets the clock.
pub fn wall_of_boot_ns() -> i64 {
    unix_ns() - read(ClockId::CLOCK_BOOTTIME)
}

fn read(clock: ClockId) -> i64 {
    // These clocks exist on every kernel that can run the sensor.
    clock_gettime(clock).map_or(0, |time| time.tv_sec() * 1_000_000_000 + time.tv_nsec())
}
