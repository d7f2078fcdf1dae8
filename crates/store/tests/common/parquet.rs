//! Reads what the store wrote with nothing but the Parquet library.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch, types};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sentinel_event::{ColumnType, Value};

/// Every partition of a table, by path.
pub fn partitions(data_dir: &Path, table: &str) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let Ok(days) = std::fs::read_dir(data_dir.join(table)) else {
        return paths;
    };
    for day in days {
        for file in std::fs::read_dir(day.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|e| e == "parquet") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
}

/// All rows of a table in the order of their numbers.
pub fn batches(data_dir: &Path, table: &str) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for path in partitions(data_dir, table) {
        let file = std::fs::File::open(path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        batches.extend(reader.build().unwrap().map(Result::unwrap));
    }
    batches.sort_by_key(|batch| seqs(batch)[0]);
    batches
}

/// The numbers of all rows of a table, in order.
pub fn all_seqs(data_dir: &Path, table: &str) -> Vec<u64> {
    let batches = batches(data_dir, table);
    batches
        .iter()
        .flat_map(|batch| seqs(batch).to_vec())
        .collect()
}

pub fn seqs(batch: &RecordBatch) -> &[u64] {
    let column = batch.column_by_name("seq").unwrap();
    column.as_primitive::<types::UInt64Type>().values()
}

/// The value of a column in a row, in the form in which events give it.
pub fn value<'a>(array: &'a dyn Array, kind: ColumnType, row: usize) -> Option<Value<'a>> {
    if array.is_null(row) {
        return None;
    }
    Some(match kind {
        ColumnType::Time => Value::Time(
            array
                .as_primitive::<types::TimestampNanosecondType>()
                .value(row),
        ),
        ColumnType::U64 => Value::U64(array.as_primitive::<types::UInt64Type>().value(row)),
        ColumnType::I64 => Value::I64(array.as_primitive::<types::Int64Type>().value(row)),
        ColumnType::Bool => Value::Bool(array.as_boolean().value(row)),
        ColumnType::Text => Value::Text(array.as_string::<i32>().value(row)),
        ColumnType::TextList => {
            let items = array.as_list::<i32>().value(row);
            let items = items.as_string::<i32>();
            Value::OwnedList(items.iter().map(|i| i.unwrap().to_owned()).collect())
        }
    })
}

/// Makes borrowed and owned texts comparable.
pub fn plain(value: Option<Value<'_>>) -> Option<Value<'_>> {
    value.map(|value| match value {
        Value::Text(text) => Value::Owned(text.to_owned()),
        Value::TextList(items) => Value::OwnedList(items.iter().map(|i| i.to_string()).collect()),
        other => other,
    })
}
