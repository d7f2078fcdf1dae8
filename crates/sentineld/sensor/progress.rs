//! How far the rings were read, and how far that is safe in the journal: kept in memory that
//! outlives the daemon, together with the rings that it is about.
//!
//! After each drain the draining thread notes the positions of both rings (a [`Slot`]), and
//! once the events of that drain have their numbers, the last of these is added. The journal
//! holds the events of a drain all or not at all, so the highest number in it tells a later
//! daemon where to go on reading.

use std::sync::atomic::Ordering;

use libbpf_rs::{MapHandle, Result};
use sentinel_event::Ring;

use super::shared::{self, Words};
use super::stats::{CELLS, KINDS};
use super::types;

/// Changes with the layout of this memory, and with what the words in it mean.
const LAYOUT: u64 = 1;
/// Drains that may be on their way to the journal at once.
pub const SLOTS: usize = 512;
/// Loss accounts that slots may refer to; a new one is begun once a second at most.
const ACCOUNTS: usize = 16;
const NOTE_WORDS: usize = 8192;

/// Counts by ring and kind.
pub type Cells = [u64; CELLS];

// The order of the words.
const HEAD: usize = 0;
const LIVE: usize = 16;
const ACCOUNT: usize = LIVE + 4 + CELLS;
const ACCOUNT_WORDS: usize = 2 * CELLS;
const NOTE: usize = ACCOUNT + ACCOUNTS * ACCOUNT_WORDS;
const SLOT: usize = NOTE + NOTE_WORDS;
const SLOT_WORDS: usize = 8 + CELLS;
/// All words.
const WORDS: usize = SLOT + SLOTS * SLOT_WORDS;

// Words of the head.
const VERSION: usize = HEAD;
const ABI: usize = HEAD + 1;
const PROGRAMS: usize = HEAD + 2;
const ACCOUNT_NUMBER: usize = HEAD + 3;
const SLOT_NUMBER: usize = HEAD + 4;
const NOTE_BYTES: usize = HEAD + 5;
const SAFE_SEQ: usize = HEAD + 6;
const REPEATS_DRAIN: usize = HEAD + 7;

/// What was lost other than in the kernel, and what of the kernel's losses was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Records that a daemon read and that never reached the journal.
    pub lost: Cells,
    /// The kernel's own counters of losses when they were last made into events.
    pub told: Cells,
}

impl Default for Account {
    fn default() -> Account {
        Account {
            lost: [0; CELLS],
            told: [0; CELLS],
        }
    }
}

/// A place between two drains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Grows by one with each drain.
    pub number: u64,
    /// The number of the last event until there; `None` while events have none.
    pub last_seq: Option<u64>,
    /// The positions of both rings.
    pub positions: [u64; 2],
    /// When it was noted, since boot.
    pub time_ns: u64,
    /// The account that held then.
    pub account: u64,
    /// Records read until there.
    pub consumed: Cells,
}

/// The memory.
#[derive(Clone, Copy)]
pub struct Progress {
    words: Words,
}

impl Progress {
    /// New memory, for programs of this fingerprint.
    pub fn create(programs: u64) -> Result<(Progress, MapHandle)> {
        let map = shared::create("progress", WORDS)?;
        let progress = Progress {
            words: shared::map(&map, 0, WORDS, true)?,
        };
        let abi = u64::from(types::sentinel_limit::SENTINEL_ABI_VERSION.0);
        progress.set(ABI, abi);
        progress.set(PROGRAMS, programs);
        progress.set(VERSION, LAYOUT);
        Ok((progress, map))
    }

    /// That of an earlier daemon; `None` when it is of another layout.
    pub fn open(memory: impl std::os::fd::AsFd) -> Option<Progress> {
        // One page first: the rest may not be there.
        let head = shared::map(&memory, 0, LIVE, false).ok()?;
        if head[VERSION].load(Ordering::Acquire) != LAYOUT {
            return None;
        }
        let words = shared::map(&memory, 0, WORDS, true).ok()?;
        Some(Progress { words })
    }

    /// Whether its rings hold records that this daemon can decode.
    pub fn is_readable(&self) -> bool {
        self.get(ABI) == u64::from(types::sentinel_limit::SENTINEL_ABI_VERSION.0)
    }

    /// What tells the programs from others.
    pub fn programs(&self) -> u64 {
        self.get(PROGRAMS)
    }

    /// Counts a record before it is taken. `position` is where it begins.
    pub fn consume(&self, ring: Ring, kind: u16, position: u64) {
        let (ring, kind) = (ring as usize, usize::from(kind));
        if kind >= KINDS {
            return;
        }
        let cell = &self.words[LIVE + 4 + ring * KINDS + kind];
        let count = cell.load(Ordering::Relaxed) + 1;
        // In this order, so that whoever finds the memory of a daemon that was killed in
        // between can tell whether the record was counted.
        self.words[LIVE + 2 * ring].store(count, Ordering::Release);
        self.words[LIVE + 2 * ring + 1].store(position << 6 | kind as u64, Ordering::Release);
        cell.store(count, Ordering::Release);
    }

    /// Records read so far.
    pub fn consumed(&self) -> Cells {
        std::array::from_fn(|cell| self.consumed_of(cell))
    }

    /// The same of one ring and kind.
    pub fn consumed_of(&self, cell: usize) -> u64 {
        self.get(LIVE + 4 + cell)
    }

    /// Records read when the rings stood at these positions, where a daemon left them: one
    /// that was counted and not taken is not among them.
    pub fn consumed_until(&self, positions: [u64; 2]) -> Cells {
        let mut consumed = self.consumed();
        for (ring, position) in positions.into_iter().enumerate() {
            let record = self.get(LIVE + 2 * ring + 1);
            let cell = ring * KINDS + (record & 63) as usize;
            if record != 0 && record >> 6 == position && consumed[cell] >= self.get(LIVE + 2 * ring)
            {
                consumed[cell] -= 1;
            }
        }
        consumed
    }

    /// Goes on counting from there.
    pub fn set_consumed(&self, consumed: &Cells) {
        for ring in 0..2 {
            self.set(LIVE + 2 * ring + 1, 0);
        }
        for (cell, count) in consumed.iter().enumerate() {
            self.set(LIVE + 4 + cell, *count);
        }
    }

    /// The number of the account that holds now.
    pub fn account_number(&self) -> u64 {
        self.get(ACCOUNT_NUMBER)
    }

    /// The account with this number; the present one where it is gone.
    pub fn account(&self, number: u64) -> Account {
        let now = self.account_number();
        let wanted = match now.saturating_sub(number) < ACCOUNTS as u64 {
            true => number,
            false => now,
        };
        let first = ACCOUNT + wanted as usize % ACCOUNTS * ACCOUNT_WORDS;
        Account {
            lost: std::array::from_fn(|cell| self.get(first + cell)),
            told: std::array::from_fn(|cell| self.get(first + CELLS + cell)),
        }
    }

    /// What was lost other than in the kernel, of one ring and kind.
    pub fn lost_of(&self, cell: usize) -> u64 {
        let number = self.account_number() as usize % ACCOUNTS;
        self.get(ACCOUNT + number * ACCOUNT_WORDS + cell)
    }

    /// Begins a new account.
    pub fn set_account(&self, account: &Account) {
        let number = self.account_number() + 1;
        let first = ACCOUNT + number as usize % ACCOUNTS * ACCOUNT_WORDS;
        for cell in 0..CELLS {
            self.set(first + cell, account.lost[cell]);
            self.set(first + CELLS + cell, account.told[cell]);
        }
        self.set(ACCOUNT_NUMBER, number);
    }

    /// Notes the end of a drain, and gives it a number.
    pub fn note_drain(&self, positions: [u64; 2], time_ns: u64) -> u64 {
        let number = self.get(SLOT_NUMBER) + 1;
        let first = first_of(number);
        // A slot without a number is none, until all of it is written.
        self.set(first, 0);
        self.set(first + 1, 0);
        self.set(first + 2, positions[0]);
        self.set(first + 3, positions[1]);
        self.set(first + 4, time_ns);
        self.set(first + 5, self.account_number());
        for cell in 0..CELLS {
            self.set(first + 8 + cell, self.consumed_of(cell));
        }
        self.set(first, number);
        self.set(SLOT_NUMBER, number);
        number
    }

    /// Adds the number of the last event until the end of a drain.
    pub fn number_drain(&self, number: u64, last_seq: Option<u64>) {
        if self.get(first_of(number)) == number {
            let word = last_seq.map_or(0, |seq| seq.saturating_add(1));
            self.set(first_of(number) + 1, word);
        }
    }

    /// Everything up to the event of this number is in the journal.
    pub fn note_safe(&self, seq: u64) {
        self.set(SAFE_SEQ, seq);
    }

    /// Whether all that was read until the end of a drain is in the journal. What is so old
    /// that nothing is known of it is taken to be.
    pub fn is_safe(&self, drain: u64) -> bool {
        let first = first_of(drain);
        let last_seq = self.get(first + 1).checked_sub(1);
        self.get(first) != drain || last_seq.is_some_and(|seq| seq <= self.get(SAFE_SEQ))
    }

    /// The drain with which the window of repeats was read that is not cleared yet; 0 when
    /// there is none.
    pub fn repeats_drain(&self) -> u64 {
        self.get(REPEATS_DRAIN)
    }

    /// Notes it.
    pub fn set_repeats_drain(&self, drain: u64) {
        self.set(REPEATS_DRAIN, drain);
    }

    /// All slots that are whole, the earliest first.
    pub fn slots(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = (0..SLOTS)
            .map(|index| SLOT + index * SLOT_WORDS)
            .filter(|first| self.get(*first) > 0)
            .map(|first| Slot {
                number: self.get(first),
                last_seq: self.get(first + 1).checked_sub(1),
                positions: [self.get(first + 2), self.get(first + 3)],
                time_ns: self.get(first + 4),
                account: self.get(first + 5),
                consumed: std::array::from_fn(|cell| self.get(first + 8 + cell)),
            })
            .collect();
        slots.sort_by_key(|slot| slot.number);
        slots
    }

    /// Leaves bytes for whoever comes next; what does not fit is cut.
    pub fn leave_note(&self, note: &[u8]) {
        let note = &note[..note.len().min(NOTE_WORDS * size_of::<u64>())];
        for (index, bytes) in note.chunks(size_of::<u64>()).enumerate() {
            let mut word = [0; size_of::<u64>()];
            word[..bytes.len()].copy_from_slice(bytes);
            self.set(NOTE + index, u64::from_ne_bytes(word));
        }
        self.set(NOTE_BYTES, note.len() as u64);
    }

    /// The bytes that were left.
    pub fn note(&self) -> Vec<u8> {
        let length = self.get(NOTE_BYTES) as usize;
        let words = NOTE..NOTE + length.div_ceil(size_of::<u64>()).min(NOTE_WORDS);
        let mut note: Vec<u8> = words.flat_map(|w| self.get(w).to_ne_bytes()).collect();
        note.truncate(length);
        note
    }

    fn get(&self, word: usize) -> u64 {
        self.words[word].load(Ordering::Acquire)
    }

    fn set(&self, word: usize, value: u64) {
        self.words[word].store(value, Ordering::Release);
    }
}

fn first_of(number: u64) -> usize {
    SLOT + number as usize % SLOTS * SLOT_WORDS
}

/// What goes with a drain to wherever its events get their numbers.
#[derive(Clone, Copy)]
pub struct Mark {
    progress: Progress,
    number: u64,
}

impl Mark {
    /// Everything up to the event of this number is in the journal.
    pub fn safe(&self, seq: u64) {
        self.progress.note_safe(seq);
    }

    /// Of the drain with this number.
    pub fn new(progress: Progress, number: u64) -> Mark {
        Mark { progress, number }
    }

    /// The events of the drain, and all before, have numbers up to this one.
    pub fn numbered(&self, last_seq: u64) {
        self.progress.number_drain(self.number, Some(last_seq));
    }
}

/// Memory without a kernel behind it, for tests.
#[cfg(test)]
impl Progress {
    pub fn in_memory() -> Progress {
        let words: Vec<_> = (0..WORDS).map(|_| Default::default()).collect();
        Progress {
            words: Box::leak(words.into_boxed_slice()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_found_again_with_all_that_was_noted() {
        let progress = Progress::in_memory();
        progress.consume(Ring::Bulk, 6, 40);
        let number = progress.note_drain([8, 48], 7);
        let mark = Mark::new(progress, number);
        assert_eq!(progress.slots()[0].last_seq, None);
        mark.numbered(0);
        let [slot] = &progress.slots()[..] else {
            panic!("one slot");
        };
        assert_eq!(slot.last_seq, Some(0));
        assert_eq!((slot.positions, slot.time_ns), ([8, 48], 7));
        assert_eq!(slot.consumed[KINDS + 6], 1);
        assert_eq!(slot.consumed.iter().sum::<u64>(), 1);
    }

    #[test]
    fn the_oldest_slots_give_way() {
        let progress = Progress::in_memory();
        for number in 1..=SLOTS as u64 + 3 {
            assert_eq!(progress.note_drain([number * 8; 2], number), number);
        }
        // An answer that comes too late changes no other slot.
        progress.number_drain(2, Some(9));
        let slots = progress.slots();
        assert_eq!((slots.len(), slots[0].number), (SLOTS, 4));
        assert!(slots.iter().all(|slot| slot.last_seq.is_none()));
    }

    #[test]
    fn a_record_that_was_counted_and_not_taken_is_not_counted() {
        let progress = Progress::in_memory();
        progress.consume(Ring::Priority, 1, 0);
        progress.consume(Ring::Priority, 2, 64);
        let sum = |positions| progress.consumed_until(positions).iter().sum::<u64>();
        assert_eq!(sum([128, 0]), 2);
        assert_eq!(sum([64, 0]), 1);
        // The same position of the other ring is another record.
        assert_eq!(sum([128, 64]), 2);
    }

    #[test]
    fn accounts_and_notes_are_kept() {
        let progress = Progress::in_memory();
        let mut account = Account::default();
        account.lost[3] = 5;
        progress.set_account(&account);
        let number = progress.account_number();
        progress.set_account(&Account::default());
        assert_eq!(progress.account(number), account);
        assert_eq!(progress.lost_of(3), 0);
        for note in [&b"more than eight bytes"[..], b"", b"12345678"] {
            progress.leave_note(note);
            assert_eq!(progress.note(), note);
        }
    }
}
