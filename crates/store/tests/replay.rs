//! What was recorded comes back as the events that were seen: whole, in order, the same
//! each time.

mod common;
#[path = "common/parquet.rs"]
mod parquet;

use std::path::Path;
use std::sync::Arc;

use common::{DAY_NS, SECOND_NS, START_NS, config, event, events, process};
use sentinel_event::{COLUMNS, Detail, Event, ExecId, Fork, Kind, Process};
use sentinel_store::replay::{Source, TimeRange};
use sentinel_store::{Config, Store, StoreError};

/// Events of all kinds as a sensor sees them: every process is introduced before it
/// acts, and a child begins as a copy of its parent.
fn story(count: u64) -> Vec<Event> {
    let mut story = Vec::new();
    let mut introduce = |process: &Arc<Process>| {
        let seq = story.len() as u64 + 1;
        story.push(Event {
            seq,
            process: Arc::clone(process),
            detail: Detail::Process,
            ..event(seq)
        });
    };
    let ancestors: Vec<_> = process(0).ancestors().cloned().collect();
    ancestors.iter().rev().for_each(&mut introduce);
    (0..40).map(process).for_each(|image| introduce(&image));
    while (story.len() as u64) < count {
        let mut event = event(story.len() as u64 + 1);
        if event.kind() == Kind::Lost {
            event.count = 1;
        }
        if event.kind() == Kind::Fork {
            let pid = 50_000 + event.seq as u32;
            let child = Arc::new(Process {
                exec_id: ExecId::new(7, pid, event.seq, 0),
                pid,
                ppid: event.process.pid,
                parent: Some(Arc::clone(&event.process)),
                start_ns: event.time_ns,
                ..(*event.process).clone()
            });
            event.detail = Detail::Fork(Fork { child });
        }
        // Another process is one that was introduced.
        if let Detail::Target(action) = &mut event.detail {
            action.target = process(event.seq % 40);
        }
        story.push(event);
    }
    story
}

fn replay(folder: &Path, range: TimeRange) -> Vec<Event> {
    let batches = Source::open(folder, range).unwrap().map(Result::unwrap);
    batches.flat_map(|batch| batch.to_vec()).collect()
}

/// Compares event by event, so that a failure shows one event and not thousands.
fn assert_same(found: &[Event], expected: &[Event]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn events_come_back_whole_with_their_ancestry() {
    let folder = tempfile::tempdir().unwrap();
    let story = story(30_000);
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    let (sealed, live) = story.split_at(20_000);
    store.append_events(sealed).unwrap();
    store.close().unwrap();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    store.append_events(live).unwrap();
    store.flush().unwrap();
    // Two thirds are in a partition, one in a live journal.
    assert_same(&replay(folder.path(), TimeRange::ALL), &story);
    store.close().unwrap();
    assert_same(&replay(folder.path(), TimeRange::ALL), &story);
}

#[test]
fn every_column_survives_even_when_processes_are_not_introduced() {
    let folder = tempfile::tempdir().unwrap();
    let written = events(1, 3_000);
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    store.append_events(&written).unwrap();
    store.close().unwrap();
    let found = replay(folder.path(), TimeRange::ALL);
    for (found, written) in found.iter().zip(&written) {
        for column in COLUMNS {
            let value = parquet::plain((column.get)(found));
            let expected = parquet::plain((column.get)(written));
            // Only rows that introduce a process and its end tell when it began.
            assert_eq!(value, expected, "{} of event {}", column.name, written.seq);
        }
    }
    assert_eq!(found.len(), written.len());
}

#[test]
fn the_order_is_that_of_the_sensor_whatever_the_clock_did() {
    let folder = tempfile::tempdir().unwrap();
    let mut story = story(5_000);
    for event in &mut story {
        // The clock is a day ahead for every third hundred of events.
        if (event.seq / 100).is_multiple_of(3) {
            event.time_ns += DAY_NS;
        }
    }
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    store.append_events(&story).unwrap();
    store.close().unwrap();
    assert_eq!(parquet::partitions(folder.path(), "events").len(), 2);
    assert_same(&replay(folder.path(), TimeRange::ALL), &story);
}

#[test]
fn a_range_keeps_what_is_known_of_processes_from_before() {
    let folder = tempfile::tempdir().unwrap();
    let story = story(5_000);
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    store.append_events(&story).unwrap();
    store.close().unwrap();
    let range = TimeRange {
        from_ns: START_NS + 20 * SECOND_NS,
        until_ns: START_NS + 30 * SECOND_NS,
    };
    let expected: Vec<Event> = story
        .into_iter()
        .filter(|e| (range.from_ns..range.until_ns).contains(&e.time_ns))
        .collect();
    assert_eq!(expected.len(), 1_000);
    assert_same(&replay(folder.path(), range), &expected);
}

#[test]
fn files_that_are_sealed_meanwhile_are_read_to_the_end_once() {
    let folder = tempfile::tempdir().unwrap();
    let story = story(40_000);
    let small = Config {
        seal_interval_s: 0,
        ..config()
    };
    let (mut store, _) = Store::open(folder.path(), "host", small).unwrap();
    // Several journals lie there when the replay begins, and are sealed before it
    // comes to them.
    let mut parts = story.chunks(5_000);
    for part in parts.by_ref().take(2) {
        store.append_events(part).unwrap();
        store.flush().unwrap();
        store.tick(START_NS).unwrap();
    }
    let mut rest = parts.next().unwrap().to_vec();
    rest.extend_from_slice(parts.next().unwrap());
    store.append_events(&rest).unwrap();
    store.flush().unwrap();
    let mut source = Source::open(folder.path(), TimeRange::ALL).unwrap();
    let mut found = source.next().unwrap().unwrap().to_vec();
    store.tick(START_NS).unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path().join("journal"))
            .unwrap()
            .count(),
        0
    );
    found.extend(source.flat_map(|batch| batch.unwrap().to_vec()));
    assert_same(&found, &story[..20_000]);
    store.close().unwrap();
}

#[test]
fn a_damaged_file_is_reported_and_the_others_follow() {
    let folder = tempfile::tempdir().unwrap();
    let story = story(3_000);
    for part in story.chunks(1_000) {
        let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
        store.append_events(part).unwrap();
        store.close().unwrap();
    }
    let path = &parquet::partitions(folder.path(), "events")[1];
    std::fs::write(path, b"not Parquet at all").unwrap();
    let (mut errors, mut found) = (Vec::new(), Vec::new());
    for batch in Source::open(folder.path(), TimeRange::ALL).unwrap() {
        match batch {
            Ok(batch) => found.extend(batch.iter().map(|event| event.seq)),
            Err(error) => errors.push(error),
        }
    }
    assert!(
        matches!(&errors[..], [StoreError::Damaged { .. }]),
        "{errors:?}"
    );
    assert_eq!(found, (1..=1_000).chain(2_001..=3_000).collect::<Vec<_>>());
}

#[test]
fn a_folder_without_history_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = Source::open(&folder.path().join("x"), TimeRange::ALL)
        .err()
        .unwrap();
    assert!(
        error.to_string().ends_with("no such file or folder"),
        "{error}"
    );
}
