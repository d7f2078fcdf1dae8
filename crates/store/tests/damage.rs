//! What a crash or a bad disk leaves behind: reported in one sentence, set aside, and
//! never the end of the store.

mod common;
#[path = "common/parquet.rs"]
mod parquet;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use common::{alert, config, events};
use sentinel_store::{Problem, Store, StoreError};

/// Writes `batches` batches of ten events each and leaves them in a journal, as a
/// killed daemon does. Returns the journal and the file size after each batch.
fn crashed(folder: &Path, batches: u64) -> (PathBuf, Vec<u64>) {
    let (mut store, problems) = Store::open(folder, "host", config()).unwrap();
    assert_eq!(problems, []);
    let journal = folder.join("journal/events-00000000000000000001.arrow");
    let mut sizes = Vec::new();
    for batch in 0..batches {
        store.append_events(&events(batch * 10 + 1, 10)).unwrap();
        store.flush().unwrap();
        sizes.push(fs::metadata(&journal).unwrap().len());
    }
    // Dropped without being closed.
    drop(store);
    (journal, sizes)
}

/// Opens and closes the store; returns what it found wrong.
fn reopen(folder: &Path) -> Vec<Problem> {
    let (store, problems) = Store::open(folder, "host", config()).unwrap();
    store.close().unwrap();
    problems
}

fn expect_one(problems: &[Problem], beginning: &str) {
    assert_eq!(problems.len(), 1, "{problems:?}");
    let sentence = &problems[0].sentence;
    assert!(sentence.contains(beginning), "{sentence}");
    let target = sentence.rsplit_once("set aside as ").expect("says where").1;
    assert!(Path::new(target).is_file(), "{target} is missing");
    assert!(
        !problems[0].path.exists(),
        "{} is still there",
        problems[0].path.display()
    );
}

/// One way to damage a file.
type Change = fn(&Path);

fn change(path: &Path, offset: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset as usize] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

#[test]
fn a_whole_journal_is_sealed_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = crashed(folder.path(), 3);
    assert_eq!(reopen(folder.path()), []);
    assert_eq!(
        parquet::all_seqs(folder.path(), "events"),
        (1..=30).collect::<Vec<_>>()
    );
    assert!(!journal.exists());
}

#[test]
fn a_torn_tail_is_cut_at_the_last_whole_batch_wherever_it_tears() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, sizes) = crashed(folder.path(), 3);
    let whole = fs::read(&journal).unwrap();
    let step = ((sizes[2] - sizes[1]) / 40) as usize;
    for length in (sizes[1] + 1..sizes[2]).step_by(step.max(1)) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("journal")).unwrap();
        let journal = folder
            .path()
            .join("journal/events-00000000000000000001.arrow");
        fs::write(&journal, &whole[..length as usize]).unwrap();
        expect_one(&reopen(folder.path()), "ends within a batch: cut at byte");
        let rows = parquet::all_seqs(folder.path(), "events");
        assert_eq!(rows, (1..=20).collect::<Vec<_>>(), "torn at byte {length}");
    }
}

#[test]
fn a_flipped_byte_costs_its_batch_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, sizes) = crashed(folder.path(), 3);
    let whole = fs::read(&journal).unwrap();
    let step = ((sizes[1] - sizes[0]) / 40) as usize;
    for offset in (sizes[0]..sizes[1]).step_by(step.max(1)) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("journal")).unwrap();
        let journal = folder
            .path()
            .join("journal/events-00000000000000000001.arrow");
        fs::write(&journal, &whole).unwrap();
        change(&journal, offset);
        expect_one(&reopen(folder.path()), &format!("at byte {}", sizes[0]));
        let rows = parquet::all_seqs(folder.path(), "events");
        let expected: Vec<u64> = (1..=10).chain(21..=30).collect();
        assert_eq!(rows, expected, "byte {offset} flipped");
    }
}

#[test]
fn a_journal_without_its_beginning_is_set_aside() {
    for length in [1, 7, 8, 100] {
        let folder = tempfile::tempdir().unwrap();
        let (journal, _) = crashed(folder.path(), 1);
        cut(&journal, length);
        expect_one(&reopen(folder.path()), "is damaged: its header ends within");
    }
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = crashed(folder.path(), 1);
    cut(&journal, 0);
    expect_one(&reopen(folder.path()), "is damaged: it is empty");
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = crashed(folder.path(), 1);
    change(&journal, 40);
    expect_one(&reopen(folder.path()), "is damaged: its header");
}

#[test]
fn a_damaged_partition_is_set_aside_and_the_others_stay() {
    let damages: [(&str, Change); 3] = [
        ("truncated", |path| {
            cut(path, fs::metadata(path).unwrap().len() / 2)
        }),
        ("empty", |path| cut(path, 0)),
        ("changed footer", |path| {
            change(path, fs::metadata(path).unwrap().len() - 1)
        }),
    ];
    for (name, damage) in damages {
        let folder = tempfile::tempdir().unwrap();
        for first in [1, 11] {
            let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
            store.append_events(&events(first, 10)).unwrap();
            store.close().unwrap();
        }
        let partitions = parquet::partitions(folder.path(), "events");
        assert_eq!(partitions.len(), 2);
        damage(&partitions[1]);
        let (store, problems) = Store::open(folder.path(), "host", config()).unwrap();
        expect_one(&problems, "is damaged");
        assert_eq!(
            store.last_seq().0,
            20,
            "{name}: numbers must not be given out twice"
        );
        assert_eq!(store.stats().partitions, 1);
        assert_eq!(
            parquet::all_seqs(folder.path(), "events"),
            (1..=10).collect::<Vec<_>>()
        );
    }
}

#[test]
fn files_of_an_older_schema_are_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), "host", config()).unwrap();
    store.append_events(&events(1, 10)).unwrap();
    store.append_alerts(&[alert(1)]).unwrap();
    store.close().unwrap();
    let path = &parquet::partitions(folder.path(), "events")[0];
    parquet::rewrite_with_version(path, "0");
    let problems = reopen(folder.path());
    expect_one(
        &problems,
        "has schema version 0, this Sentinel reads version 3",
    );
    assert_eq!(parquet::partitions(folder.path(), "events").len(), 0);
    assert_eq!(parquet::partitions(folder.path(), "alerts").len(), 1);
}

#[test]
fn a_journal_of_an_older_schema_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = crashed(folder.path(), 1);
    // A stream of another writer: whole, but it says nothing about its version.
    let batch = &parquet::sample_batch();
    let file = fs::File::create(&journal).unwrap();
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    expect_one(&reopen(folder.path()), "is damaged");
}

#[test]
fn a_crash_between_rename_and_removal_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = crashed(folder.path(), 3);
    let copy = fs::read(&journal).unwrap();
    assert_eq!(reopen(folder.path()), []);
    // The journal is back, as if the crash had come just before its removal, and a
    // partition under its temporary name beside the finished one.
    fs::write(&journal, copy).unwrap();
    let day = folder.path().join("events/date=2026-03-01");
    fs::write(day.join(".00000000000000000001.parquet.tmp"), b"PAR1half").unwrap();
    assert_eq!(reopen(folder.path()), []);
    assert_eq!(
        parquet::all_seqs(folder.path(), "events"),
        (1..=30).collect::<Vec<_>>()
    );
    assert_eq!(fs::read_dir(day).unwrap().count(), 1);
    assert!(!journal.exists());
}

#[test]
fn numbers_leap_after_a_crash_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    crashed(folder.path(), 2);
    let (store, _) = Store::open(folder.path(), "host", config()).unwrap();
    assert_eq!(store.last_seq(), (20 + (1 << 20), 1 << 10));
    store.close().unwrap();
    let (store, _) = Store::open(folder.path(), "host", config()).unwrap();
    assert_eq!(store.last_seq().0, 20);
}

#[test]
fn a_second_instance_and_bad_folders_are_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), "host", config()).unwrap();
    let error = Store::open(folder.path(), "host", config()).err().unwrap();
    let pid = std::process::id();
    let path = folder.path().display();
    assert!(matches!(error, StoreError::Locked { .. }));
    let sentence = format!("the data folder {path} is in use by another Sentinel (process {pid})");
    assert_eq!(error.to_string(), sentence);
    store.close().unwrap();

    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    for (bad, reason) in [
        (
            file.join("x"),
            "cannot be created: a part of the path is not a folder",
        ),
        (
            PathBuf::from("/proc/sentinel"),
            "cannot be created: no such file or folder",
        ),
    ] {
        let error = Store::open(&bad, "host", config()).err().unwrap();
        assert_eq!(
            error.to_string(),
            format!("the data folder {} {reason}", bad.display())
        );
    }
}
