//! What an executable is known to do, by identity of its file, never by name: device,
//! inode and change time, so an upgrade starts anew and a look-alike has no history.

use sentinel_event::Process;

use super::Config;
use crate::bounded::Bounded;
use crate::stable_hash::StableHash;

const HOUR_NS: i64 = 3_600 * 1_000_000_000;

/// The habits of all executables seen.
pub struct Habits {
    table: Bounded<u64, Habit>,
    settled_images: u32,
    regular_images: u32,
    regular_hours: u32,
}

#[derive(Default)]
struct Habit {
    /// Images started.
    started: u32,
    /// Images that made memory executable without being suspicious otherwise.
    with_code: u32,
    /// Images that loaded a library from memory.
    with_library: u32,
    /// The first of these, in nanoseconds since the Unix epoch.
    library_since_ns: i64,
    /// The last image counted, so that each counts once.
    last_library: u64,
}

impl Habits {
    pub fn new(config: &Config) -> Habits {
        Habits {
            table: Bounded::new(config.remembered as usize),
            settled_images: config.settled_images,
            regular_images: config.regular_images,
            regular_hours: config.regular_hours,
        }
    }

    /// Another image of the executable was started.
    pub fn note_start(&mut self, process: &Process) {
        let habit = self.table.entry(key(process), Habit::default);
        habit.started = habit.started.saturating_add(1);
    }

    /// An image made memory executable, as a compiler does.
    pub fn note_code(&mut self, process: &Process) {
        let habit = self.table.entry(key(process), Habit::default);
        habit.with_code = habit.with_code.saturating_add(1);
    }

    /// An image loaded a library from memory. Says that it is the executable's habit
    /// when enough images did so before, over a time in which someone had to see the
    /// alerts that the first ones raised.
    pub fn note_library(&mut self, process: &Process, time_ns: i64) -> Option<String> {
        let (images, hours) = (self.regular_images, self.regular_hours);
        let habit = self.table.entry(key(process), Habit::default);
        let before = habit.with_library;
        if before == 0 {
            habit.library_since_ns = time_ns;
        }
        if habit.last_library != process.exec_id.0 {
            habit.last_library = process.exec_id.0;
            habit.with_library = before.saturating_add(1);
        }
        let known_hours = (time_ns - habit.library_since_ns) / HOUR_NS;
        (before >= images && known_hours >= i64::from(hours)).then(|| {
            format!("{before} images of this executable did so over the last {known_hours} hours")
        })
    }

    /// What the history says against an image that makes memory executable: that many
    /// images of the executable were started and none did so.
    pub fn against(&self, process: &Process) -> Option<String> {
        let habit = self.table.peek(&key(process))?;
        // The image at hand was counted at its start.
        let before = habit.started.saturating_sub(1);
        (habit.with_code == 0 && before >= self.settled_images)
            .then(|| format!("the {before} images of this executable before it never did so"))
    }

    pub fn evicted_total(&self) -> u64 {
        self.table.evicted_total()
    }
}

fn key(process: &Process) -> u64 {
    let file = &process.file;
    let hash = StableHash::new();
    // Imported events may not know the inode.
    if file.inode == 0 {
        return hash.text(&process.exe).finish();
    }
    hash.number(file.dev.into())
        .number(file.inode)
        .number(file.ctime_ns as u64)
        .finish()
}
