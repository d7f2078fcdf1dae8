//! A store that is written to until its disk gives way or heals.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sentinel_store::{Config, Stats, Writer};

use super::common::{config, events};

/// Offers events until the store's state is as wished. Returns the next number.
pub fn offer_until(writer: &Writer, mut seq: u64, wished: impl Fn(&Stats) -> bool) -> u64 {
    let begun = Instant::now();
    while !wished(&writer.stats()) {
        // What tells of losses would stay of a batch that found no room.
        if has_room(writer) {
            writer.offer_events(Arc::new(events(seq, 100)));
            seq += 100;
        }
        std::thread::sleep(Duration::from_millis(5));
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{:?}",
            writer.stats()
        );
    }
    seq
}

/// Whether the next batch finds a place.
pub fn has_room(writer: &Writer) -> bool {
    let stats = writer.stats();
    stats.queue_depth < stats.queue_capacity
}

pub fn quick() -> Config {
    Config {
        flush_interval_ms: 20,
        ..config()
    }
}
