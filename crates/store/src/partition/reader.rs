//! Opens partitions for reading and refuses those that are not what they should be.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use crate::{StoreError, Table, io};

/// Rows per batch: enough to spread the cost per batch, few enough to stay in cache.
const BATCH_ROWS: usize = 8_192;

/// Checks that a partition is whole and of this version, by its footer.
pub(crate) fn check(path: &Path, table: Table) -> Result<(), StoreError> {
    read(path, table).map(drop)
}

/// Opens a partition.
///
/// # Errors
/// [`StoreError::Io`] when it cannot be read, [`StoreError::Schema`] when it is of
/// another version, [`StoreError::Damaged`] when it is cut or changed.
pub(crate) fn read(
    path: &Path,
    table: Table,
) -> Result<ParquetRecordBatchReaderBuilder<std::fs::File>, StoreError> {
    let file = io::open(path)?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
        .map_err(|e| StoreError::damaged(path, e))?;
    table.check_schema(path, Some(metadata.schema()))?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(
        file, metadata,
    ))
}

/// Opens a partition of events with texts as dictionaries, so that a reader handles
/// each distinct text once.
///
/// # Errors
/// As for [`read`].
pub(crate) fn read_dictionaries(
    path: &Path,
    table: Table,
) -> Result<ParquetRecordBatchReaderBuilder<std::fs::File>, StoreError> {
    check(path, table)?;
    let plain = table.schema();
    let fields = plain.fields().iter().map(|field| {
        let kind = match field.data_type() {
            DataType::Utf8 => DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()),
            other => other.clone(),
        };
        Field::new(field.name(), kind, field.is_nullable())
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    ParquetRecordBatchReaderBuilder::try_new_with_options(io::open(path)?, options)
        .map(|builder| builder.with_batch_size(BATCH_ROWS))
        .map_err(|e| StoreError::damaged(path, e))
}
