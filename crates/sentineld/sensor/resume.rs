//! Where to go on reading in rings that another daemon has read before.
//!
//! What lies between the last place that is safe in the journal and the place where the
//! other daemon stopped is still in the ring, unless the programs have written over it: it
//! is read once more. What was written over is lost, and counted.

use std::thread;
use std::time::Duration;

use super::progress::{Cells, Progress, Slot};
use super::shared::Positions;
use super::stats::{CELLS, KINDS};

/// A program that was about to write when the place was set back has written by then.
const SETTLE: Duration = Duration::from_millis(5);

/// What a ring lost, by kind, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// Records that the other daemon read, that never reached the journal, and that are not
    /// in the rings any more.
    pub lost: Cells,
    /// Whether nothing is known of what reached the journal.
    pub is_uncertain: bool,
    /// The time of the last place that is safe, since boot.
    pub since_ns: u64,
}

/// Sets the rings back to where the journal ends, of which `last_seq` is the last event.
pub fn resume(
    progress: Progress,
    rings: [Positions; 2],
    sizes: [u64; 2],
    last_seq: u64,
) -> Resumed {
    let slots = progress.slots();
    let consumer = rings.map(|ring| ring.consumer());
    let base = slots
        .iter()
        .rev()
        .find(|slot| slot.last_seq.is_some_and(|seq| seq <= last_seq));
    let stopped = progress.consumed_until(consumer);
    // Numbers of events that never reached the journal mean nothing any more.
    for slot in &slots {
        if slot.last_seq.is_some_and(|seq| seq > last_seq) {
            progress.number_drain(slot.number, None);
        }
    }
    progress.note_safe(last_seq);
    let mut account = progress.account(base.map_or(progress.account_number(), |slot| slot.account));
    let mut lost = [0; CELLS];
    let mut begin = stopped;
    for ring in 0..2 {
        let from = base.map_or(consumer[ring], |slot| slot.positions[ring]);
        // From now on the programs write over nothing from there on.
        rings[ring].rewind(from);
        let start = loop {
            thread::sleep(SETTLE);
            let oldest = rings[ring].producer().saturating_sub(sizes[ring]);
            let start = first_whole(&slots, ring, from, consumer[ring], oldest);
            let now = rings[ring].consumer();
            if start == now {
                break start;
            }
            rings[ring].rewind(start);
        };
        let at_start = consumed_at(&slots, ring, start, consumer[ring], &stopped);
        let cells = ring * KINDS..(ring + 1) * KINDS;
        if let Some(base) = base {
            for cell in cells.clone() {
                lost[cell] = at_start[cell].saturating_sub(base.consumed[cell]);
            }
        }
        begin[cells.clone()].copy_from_slice(&at_start[cells]);
    }
    for (total, count) in account.lost.iter_mut().zip(lost) {
        *total += count;
    }
    progress.set_consumed(&begin);
    progress.set_account(&account);
    Resumed {
        lost,
        is_uncertain: base.is_none(),
        since_ns: base.map_or(0, |slot| slot.time_ns),
    }
}

/// The first place from `from` on, where a record begins, that was not written over.
fn first_whole(slots: &[Slot], ring: usize, from: u64, consumer: u64, oldest: u64) -> u64 {
    let places = slots.iter().map(|slot| slot.positions[ring]);
    places
        .chain([from])
        .filter(|place| (from..consumer).contains(place) && *place >= oldest)
        .min()
        .unwrap_or(consumer)
}

/// Records read when the ring stood there.
fn consumed_at<'a>(
    slots: &'a [Slot],
    ring: usize,
    position: u64,
    consumer: u64,
    stopped: &'a Cells,
) -> &'a Cells {
    if position == consumer {
        return stopped;
    }
    let found = slots.iter().find(|slot| slot.positions[ring] == position);
    found.map_or(stopped, |slot| &slot.consumed)
}

#[cfg(test)]
mod tests {
    use sentinel_event::Ring;

    use super::*;

    const SIZE: u64 = 1024;
    const BYTES: u64 = 64;

    /// A ring of which records of kind 1 were read in drains that end at the given records
    /// and whose events ended with those numbers; it was then written up to `written`.
    struct World {
        drains: &'static [(u64, Option<u64>)],
        read: u64,
        written: u64,
    }

    /// Where reading goes on, and how many records are lost, when the journal ends with
    /// event `last_seq`.
    fn check(world: &World, last_seq: u64, start: u64, lost: u64) {
        let progress = Progress::in_memory();
        let first = progress.note_drain([0, 0], 5);
        progress.number_drain(first, Some(0));
        let mut record = 0;
        let mut consume = |until| {
            while record < until {
                progress.consume(Ring::Priority, 1, record * BYTES);
                record += 1;
            }
        };
        for (until, seq) in world.drains {
            consume(*until);
            let number = progress.note_drain([until * BYTES, 0], 6);
            progress.number_drain(number, *seq);
        }
        consume(world.read);
        let rings = [
            Positions::in_memory(world.read * BYTES, world.written * BYTES),
            Positions::in_memory(0, 0),
        ];
        let resumed = resume(progress, rings, [SIZE; 2], last_seq);
        let found = (rings[0].consumer() / BYTES, resumed.lost.iter().sum());
        assert_eq!(found, (start, lost), "after event {last_seq}");
        // What was read, less what is lost, is what the journal has.
        let account = progress.account(progress.account_number());
        let consumed: u64 = progress.consumed().iter().sum();
        assert_eq!(consumed, start, "after event {last_seq}");
        assert_eq!(account.lost.iter().sum::<u64>(), lost);
        // To do it again changes nothing.
        let again = resume(progress, rings, [SIZE; 2], last_seq);
        assert_eq!(rings[0].consumer() / BYTES, start);
        assert_eq!(again.lost.iter().sum::<u64>(), lost);
    }

    #[test]
    fn reading_goes_on_where_the_journal_ends() {
        let world = World {
            drains: &[(3, Some(30)), (5, Some(50)), (8, None)],
            read: 9,
            written: 12,
        };
        check(&world, 0, 0, 0);
        check(&world, 30, 3, 0);
        check(&world, 50, 5, 0);
        check(&world, 77, 5, 0);
    }

    #[test]
    fn what_was_written_over_is_lost() {
        // The ring holds sixteen records, so those before the fourth are gone.
        let world = World {
            drains: &[(3, Some(30)), (5, Some(50)), (8, None)],
            read: 9,
            written: 20,
        };
        check(&world, 30, 5, 2);
        check(&world, 50, 5, 0);
        // All of them are, except those that nobody has read.
        let full = World {
            written: 25,
            ..world
        };
        check(&full, 30, 9, 6);
        check(&full, 50, 9, 4);
    }

    #[test]
    fn without_a_place_that_is_safe_reading_goes_on_where_it_stopped() {
        let progress = Progress::in_memory();
        let number = progress.note_drain([128, 64], 5);
        progress.number_drain(number, Some(9));
        let rings = [Positions::in_memory(128, 512), Positions::in_memory(64, 64)];
        let resumed = resume(progress, rings, [SIZE; 2], 8);
        assert!(resumed.is_uncertain);
        assert_eq!(rings.map(|ring| ring.consumer()), [128, 64]);
    }
}
