//! What goes in comes out: every column of every kind, through journal and partition.

mod common;
#[path = "common/parquet.rs"]
mod parquet;

use std::sync::Arc;

use common::{DAY_NS, START_NS, alert, config, events};
use sentinel_event::COLUMNS;
use sentinel_store::replay::TimeRange;
use sentinel_store::view::{Filter, Test, View};
use sentinel_store::{AlertRecord, Store, Table, reader};

#[test]
fn every_column_survives_with_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let written = events(1, 1_000);
    let (mut store, problems) = Store::open(folder.path(), "host", config()).unwrap();
    assert_eq!(problems, []);
    store.append_events(&written).unwrap();
    store.close().unwrap();

    let batches = parquet::batches(folder.path(), "events");
    let mut seen = vec![0; COLUMNS.len()];
    let mut rows = written.iter();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let event = rows.next().expect("more rows than events");
            for (index, column) in COLUMNS.iter().enumerate() {
                let array = batch.column_by_name(column.name).unwrap();
                let found = parquet::plain(parquet::value(array, column.kind, row));
                let expected = parquet::plain((column.get)(event));
                assert_eq!(found, expected, "{} of event {}", column.name, event.seq);
                seen[index] += usize::from(found.is_some());
            }
        }
    }
    assert_eq!(rows.next(), None, "fewer rows than events");
    for (column, count) in COLUMNS.iter().zip(seen) {
        // No container is in the sample's cgroup path; all else must occur.
        assert!(
            count > 0 || column.name.starts_with("container"),
            "{} never set",
            column.name
        );
    }
}

#[test]
fn rows_lie_in_the_partition_of_their_day() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    let mut written = events(1, 10);
    for (index, event) in written.iter_mut().enumerate() {
        // The clock leaps a day forwards and back again.
        event.time_ns = START_NS + if index % 2 == 0 { 0 } else { DAY_NS };
    }
    store.append_events(&written).unwrap();
    store.close().unwrap();

    let name = |path: &std::path::PathBuf| {
        let inner = path.strip_prefix(folder.path()).unwrap();
        inner.to_str().unwrap().to_owned()
    };
    let names: Vec<_> = parquet::partitions(folder.path(), "events")
        .iter()
        .map(name)
        .collect();
    assert_eq!(
        names,
        [
            "events/date=2026-03-01/00000000000000000001-00000000000000000010.parquet",
            "events/date=2026-03-02/00000000000000000001-00000000000000000010.parquet",
        ]
    );
    let batches = parquet::batches(folder.path(), "events");
    assert_eq!(parquet::seqs(&batches[0]), [1, 3, 5, 7, 9]);
    assert_eq!(parquet::seqs(&batches[1]), [2, 4, 6, 8, 10]);
}

#[test]
fn alerts_survive_whole_and_are_read_from_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let expected: Vec<AlertRecord> = (1..=30).map(|seq| (&alert(seq)).into()).collect();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    for seq in 1..=10 {
        store.append_alerts(&[alert(seq)]).unwrap();
    }
    store.close().unwrap();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    assert_eq!(store.last_seq(), (0, 10));
    for seq in 11..=30 {
        store.append_alerts(&[alert(seq)]).unwrap();
        store.flush().unwrap();
    }
    // Ten alerts are in a partition now, twenty in a live journal.
    let check = || {
        for (after, limit) in [
            (0, 100),
            (0, 7),
            (5, 10),
            (10, 3),
            (12, 100),
            (30, 5),
            (99, 1),
        ] {
            let from = after.min(expected.len());
            let to = (from + limit).min(expected.len());
            let found = reader::alerts_after(folder.path(), after as u64, limit).unwrap();
            assert_eq!(found, expected[from..to], "after {after}, at most {limit}");
        }
    };
    check();
    store.close().unwrap();
    check();
}

#[test]
fn a_row_is_either_in_a_partition_or_live() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    store.append_events(&events(1, 500)).unwrap();
    store.flush().unwrap();
    let journal = folder
        .path()
        .join("journal/events-00000000000000000001.arrow");
    let copy = std::fs::read(&journal).unwrap();
    store.close().unwrap();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    store.append_events(&events(501, 20)).unwrap();
    store.flush().unwrap();
    // As seen between the rename of a partition and the removal of its journal.
    std::fs::write(&journal, copy).unwrap();
    let whole = View::take(folder.path(), Table::Events, TimeRange::ALL).unwrap();
    // What is sealed or deleted later does not change what was seen.
    store.close().unwrap();
    std::fs::remove_dir_all(folder.path()).unwrap();
    for _ in 0..2 {
        assert_eq!(scanned(&whole, vec![]), (1..=520).collect::<Vec<_>>());
    }
    let some = Filter {
        column: Table::Events.schema().index_of("seq").unwrap(),
        test: Test::Ranges(vec![(-1, 2), (500, 501), (i128::from(u64::MAX), i128::MAX)]),
    };
    assert_eq!(scanned(&whole, vec![some]), [1, 2, 500, 501]);
}

/// The numbers that a scan finds, which must come in order.
fn scanned(view: &View, filters: Vec<Filter>) -> Vec<u64> {
    let seq = Table::Events.schema().index_of("seq").unwrap();
    let kind = Table::Events.schema().index_of("kind").unwrap();
    let rows = view.scan(&[kind, seq], filters, Arc::default());
    let seqs = rows.flat_map(|batch| parquet::seqs(&batch.unwrap()).to_vec());
    let seqs = seqs.collect();
    assert_eq!(view.problems(), Vec::<String>::new());
    seqs
}

#[test]
fn numbers_continue_and_must_grow() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    assert_eq!(store.last_seq(), (0, 0));
    store.append_events(&events(1, 50)).unwrap();
    store.append_alerts(&[alert(3)]).unwrap();
    let refused = store.append_events(&events(50, 2)).unwrap_err();
    let sentence = "event number 50 does not follow 50: numbers must grow";
    assert_eq!(refused.to_string(), sentence);
    assert_eq!(store.stats().dropped_total, 2);
    store.close().unwrap();
    let (store, _) = Store::open(folder.path(), "host", config()).unwrap();
    assert_eq!(store.last_seq(), (50, 3));
}
