//! Reads what the store wrote with nothing but the Parquet library.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int32Array, RecordBatch, types};
use arrow_schema::Schema;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::file::properties::WriterProperties;
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
    let mut all = Vec::new();
    for path in partitions(data_dir, table) {
        let file = std::fs::File::open(path).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let only_seq = ProjectionMask::columns(builder.parquet_schema(), ["seq"]);
        for batch in builder.with_projection(only_seq).build().unwrap() {
            all.extend_from_slice(seqs(&batch.unwrap()));
        }
    }
    all.sort_unstable();
    all
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

/// Writes a partition anew with another schema version in its metadata.
pub fn rewrite_with_version(path: &Path, version: &str) {
    let file = std::fs::File::open(path).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let metadata = builder
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .unwrap();
    let mut metadata = metadata.clone();
    metadata.retain(|entry| entry.key != "ARROW:schema");
    for entry in &mut metadata {
        if entry.key == "sentinel.schema_version" {
            entry.value = Some(version.to_owned());
        }
    }
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(metadata))
        .build();
    let file = std::fs::File::create(path).unwrap();
    let schema = Arc::new(Schema::new(batches[0].schema().fields().clone()));
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).unwrap();
    for batch in batches {
        let columns = batch.columns().to_vec();
        writer
            .write(&RecordBatch::try_new(schema.clone(), columns).unwrap())
            .unwrap();
    }
    writer.close().unwrap();
}

/// A batch that has nothing to do with the store.
pub fn sample_batch() -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    RecordBatch::try_from_iter([("a", numbers)]).unwrap()
}
