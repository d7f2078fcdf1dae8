use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, UInt64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{Daemon, Trigger};

/// All Parquet files below `dir`.
fn partitions(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(partitions(&path));
        } else if path.extension().is_some_and(|e| e == "parquet") {
            found.push(path);
        }
    }
    found
}

fn rows(data: &Path) -> Vec<RecordBatch> {
    partitions(&data.join("events"))
        .iter()
        .flat_map(|path| {
            let file = File::open(path).expect("opens");
            let reader = ParquetRecordBatchReaderBuilder::try_new(file)
                .and_then(|builder| builder.build())
                .expect("is Parquet");
            reader
                .map(|batch| batch.expect("is whole"))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Process id and exit code of every end of the program `exe`.
pub fn exits(data: &Path, exe: &str) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for batch in rows(data) {
        let text = |name: &str| {
            let column = batch.column_by_name(name).expect(name);
            column.as_string::<i32>().clone()
        };
        let number = |name: &str| {
            let column = batch.column_by_name(name).expect(name);
            column.as_primitive::<UInt64Type>().clone()
        };
        let (kinds, exes) = (text("kind"), text("exe"));
        let (pids, codes) = (number("pid"), number("code"));
        found.extend(
            (0..batch.num_rows())
                .filter(|row| kinds.value(*row) == "exit" && exes.value(*row) == exe)
                .map(|row| (pids.value(row), codes.value(row))),
        );
    }
    found
}

fn now_ns() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    since.as_nanos() as i64
}

#[test]
fn a_known_command_is_found_in_parquet() {
    let Some(daemon) = Daemon::start("a_known_command_is_found_in_parquet") else {
        return;
    };
    let trigger = Trigger::new();
    let before = now_ns();
    let Some((pid, _)) = trigger.run(&["exit", "0", "needle in a haystack"]) else {
        return;
    };
    let after = now_ns();
    let dir = daemon.stop();
    let mut found = 0;
    for batch in rows(&dir.path().join("data")) {
        let column = |name: &str| batch.column_by_name(name).expect(name).clone();
        let (kinds, pids, ppids, times) = (
            column("kind").as_string::<i32>().clone(),
            column("pid").as_primitive::<UInt64Type>().clone(),
            column("ppid").as_primitive::<UInt64Type>().clone(),
            column("time")
                .as_primitive::<TimestampNanosecondType>()
                .clone(),
        );
        for row in 0..batch.num_rows() {
            if kinds.value(row) != "exec" || pids.value(row) != u64::from(pid) {
                continue;
            }
            found += 1;
            let argv = column("argv").as_list::<i32>().value(row);
            let argv: Vec<&str> = argv.as_string::<i32>().iter().flatten().collect();
            assert_eq!(
                argv,
                [trigger.path().as_str(), "exit", "0", "needle in a haystack"]
            );
            assert_eq!(ppids.value(row), u64::from(std::process::id()));
            let time = times.value(row);
            assert!(
                (before..=after).contains(&time),
                "{before} <= {time} <= {after}"
            );
            let start = column("start")
                .as_primitive::<TimestampNanosecondType>()
                .value(row);
            // The start is given by another clock, which may differ by the drift of a second.
            assert!(
                (start - before).abs() < 2_000_000_000,
                "{start} is not near {before}"
            );
            assert!(!column("parent_exec_id").is_null(row));
        }
    }
    assert_eq!(found, 1, "the exec of pid {pid} is there once");
}
