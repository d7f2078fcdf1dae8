//! Old and large histories: the oldest rows go, the numbering stays.

mod common;
#[path = "common/parquet.rs"]
mod parquet;

use common::{DAY_NS, START_NS, config, events};
use sentinel_store::{Config, Store};

/// A history of one partition of 500 events for each of ten days.
fn ten_days(folder: &std::path::Path) {
    for day in 0..10 {
        let (mut store, _) = Store::open(folder, "host", config()).unwrap();
        let mut batch = events(day * 500 + 1, 500);
        batch
            .iter_mut()
            .for_each(|e| e.time_ns = START_NS + day as i64 * DAY_NS);
        store.append_events(&batch).unwrap();
        store.close().unwrap();
    }
    assert_eq!(parquet::partitions(folder, "events").len(), 10);
}

/// Opens the store under `limits`, writes one row and lets maintenance run.
fn maintain(folder: &std::path::Path, limits: Config, now_ns: i64) -> u64 {
    let now_and_then = Config {
        seal_interval_s: 0,
        ..limits
    };
    let (mut store, _) = Store::open(folder, "host", now_and_then).unwrap();
    let next = store.last_seq().0 + 1;
    let mut batch = events(next, 1);
    batch[0].time_ns = START_NS + 9 * DAY_NS;
    store.append_events(&batch).unwrap();
    store.flush().unwrap();
    store.tick(now_ns).unwrap();
    let stats = store.stats();
    assert_eq!(stats.problem, None);
    store.close().unwrap();
    stats.size_bytes
}

#[test]
fn days_past_their_age_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    ten_days(folder.path());
    let limits = Config {
        retention_days: 3,
        ..config()
    };
    maintain(folder.path(), limits, START_NS + 9 * DAY_NS + 1);
    let rows = parquet::all_seqs(folder.path(), "events");
    assert_eq!(rows, (3_001..=5_001).collect::<Vec<_>>());
    let days = std::fs::read_dir(folder.path().join("events"))
        .unwrap()
        .count();
    assert_eq!(days, 4, "empty folders of deleted days are left");
}

#[test]
fn the_oldest_partitions_make_room() {
    let folder = tempfile::tempdir().unwrap();
    ten_days(folder.path());
    let all: u64 = parquet::partitions(folder.path(), "events")
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    let limits = Config {
        retention_bytes: all / 2,
        ..config()
    };
    let size = maintain(folder.path(), limits, START_NS);
    assert!(size <= all / 2 && size > all / 4, "{size} of {all}");
    let rows = parquet::all_seqs(folder.path(), "events");
    assert_eq!(rows.last(), Some(&5_001));
    assert!(
        rows.windows(2).all(|w| w[0] + 1 == w[1]),
        "a hole in the middle"
    );
}

#[test]
fn the_numbering_survives_the_strictest_limits() {
    let folder = tempfile::tempdir().unwrap();
    ten_days(folder.path());
    let limits = Config {
        retention_days: 1,
        retention_bytes: 1,
        ..config()
    };
    maintain(folder.path(), limits, START_NS + 100 * DAY_NS);
    let (store, _) = Store::open(folder.path(), "host", config()).unwrap();
    assert_eq!(store.last_seq().0, 5_001);
}
