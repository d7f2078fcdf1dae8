//! Opens partitions for reading and refuses those that are not what they should be.

use std::path::Path;

use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use crate::{StoreError, Table, io};

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
