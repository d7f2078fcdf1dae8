//! Many small partitions become few, with the same rows, whatever happens meanwhile.

mod common;
#[path = "common/parquet.rs"]
mod parquet;

use std::fs;
use std::path::Path;

use common::{DAY_NS, START_NS, alert, config, events};
use sentinel_store::replay::{Source, TimeRange};
use sentinel_store::{Config, Store, reader};

/// Seals a partition of 100 events, and one of an alert, at each tick.
fn write(folder: &Path, config: Config, days: &[i64]) {
    let (mut store, _) = Store::open(
        folder,
        "host",
        Config {
            seal_interval_s: 0,
            ..config
        },
    )
    .unwrap();
    let (last_event, last_alert) = store.last_seq();
    for (index, day) in days.iter().enumerate() {
        let mut batch = events(last_event + 1 + index as u64 * 100, 100);
        batch
            .iter_mut()
            .for_each(|e| e.time_ns = START_NS + day * DAY_NS);
        store.append_events(&batch).unwrap();
        store
            .append_alerts(&[alert(last_alert + 1 + index as u64)])
            .unwrap();
        store.flush().unwrap();
        store.tick(START_NS).unwrap();
        assert_eq!(store.stats().problem, None);
    }
    store.close().unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let paths = parquet::partitions(folder, "events");
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(name).collect()
}

#[test]
fn small_partitions_are_merged_without_a_change_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let days: Vec<i64> = (0..30).map(|i| i / 12).collect();
    write(folder.path(), config(), &days);
    // Two days that are over are one file each; of the third, six small ones wait.
    let merged = names(folder.path());
    assert_eq!(merged.len(), 8, "{merged:?}");
    assert_eq!(
        merged[0],
        "00000000000000000001-00000000000000001200.parquet"
    );
    assert_eq!(
        merged[1],
        "00000000000000001201-00000000000000002400.parquet"
    );
    let rows = parquet::all_seqs(folder.path(), "events");
    assert_eq!(rows, (1..=3_000).collect::<Vec<_>>());
    let replayed: Vec<u64> = Source::open(folder.path(), TimeRange::ALL)
        .unwrap()
        .flat_map(|batch| batch.unwrap().iter().map(|e| e.seq).collect::<Vec<_>>())
        .collect();
    assert_eq!(replayed, rows);
    let alerts = reader::alerts_after(folder.path(), 0, 100).unwrap();
    assert_eq!(alerts.len(), 30);
    assert!(parquet::partitions(folder.path(), "alerts").len() < 10);
}

#[test]
fn nothing_is_merged_when_that_is_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let off = Config {
        compact_bytes: 0,
        ..config()
    };
    write(folder.path(), off, &[0; 12]);
    assert_eq!(names(folder.path()).len(), 12);
}

#[test]
fn a_crash_before_the_parts_are_removed_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let off = Config {
        compact_bytes: 0,
        ..config()
    };
    write(folder.path(), off, &[0; 7]);
    let parts: Vec<_> = parquet::partitions(folder.path(), "events")
        .into_iter()
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    write(folder.path(), config(), &[0]);
    assert_eq!(names(folder.path()).len(), 1);
    for (bytes, path) in &parts {
        fs::write(path, bytes).unwrap();
    }
    // Readers leave the parts out already, the next start removes them.
    let replayed: usize = Source::open(folder.path(), TimeRange::ALL)
        .unwrap()
        .map(|batch| batch.unwrap().len())
        .sum();
    assert_eq!(replayed, 800);
    let (store, problems) = Store::open(folder.path(), "host", config()).unwrap();
    assert_eq!(problems, []);
    store.close().unwrap();
    assert_eq!(
        parquet::all_seqs(folder.path(), "events"),
        (1..=800).collect::<Vec<_>>()
    );
}

#[test]
fn a_flipped_byte_in_a_partition_is_found_and_the_file_set_aside() {
    for place in [4, 1_000, 5_000, 9_000] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), config(), &[0, 1, 2]);
        let path = &parquet::partitions(folder.path(), "events")[1];
        let mut bytes = fs::read(path).unwrap();
        bytes[place] ^= 1;
        fs::write(path, bytes).unwrap();
        write(folder.path(), config(), &[3]);
        let rows = parquet::all_seqs(folder.path(), "events");
        let expected: Vec<u64> = (1..=100).chain(201..=400).collect();
        assert_eq!(rows, expected, "byte {place} flipped");
        let aside = folder.path().join("quarantine");
        assert_eq!(fs::read_dir(aside).unwrap().count(), 1);
    }
}

#[test]
fn a_part_with_a_flipped_byte_is_set_aside_and_the_rest_is_merged() {
    let folder = tempfile::tempdir().unwrap();
    let off = Config {
        compact_bytes: 0,
        ..config()
    };
    write(folder.path(), off, &[0; 9]);
    let path = &parquet::partitions(folder.path(), "events")[3];
    let mut bytes = fs::read(path).unwrap();
    // Within the first column's compressed page: the footer stays whole.
    bytes[40..60].fill(0xaa);
    fs::write(path, bytes).unwrap();
    write(folder.path(), config(), &[1]);
    let rows = parquet::all_seqs(folder.path(), "events");
    let expected: Vec<u64> = (1..=300).chain(401..=1_000).collect();
    assert_eq!(rows, expected);
    let aside = fs::read_dir(folder.path().join("quarantine"))
        .unwrap()
        .count();
    assert_eq!(aside, 1);
}
