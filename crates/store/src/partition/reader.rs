//! Opens partitions for reading and refuses those that are not what they should be.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::checksum;
use crate::{StoreError, Table, io};

/// Rows per batch: enough to spread the cost per batch, few enough to stay in cache.
pub(super) const BATCH_ROWS: usize = 8_192;

/// The rows of a partition, in order.
pub(crate) struct PartitionReader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
}

impl PartitionReader {
    /// Opens a partition after checking it byte by byte.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be read, [`StoreError::Schema`] when it is of
    /// another version, [`StoreError::Damaged`] when it is cut or changed.
    pub fn open(path: &Path, table: Table) -> Result<PartitionReader, StoreError> {
        PartitionReader::with_metadata(path, load(path, table)?)
    }

    /// Opens a partition with texts as dictionaries, so that a reader handles each
    /// distinct text once. Texts that hardly occur stay plain: the Parquet reader takes
    /// long to make dictionaries of nothing.
    ///
    /// # Errors
    /// As for [`PartitionReader::open`].
    pub fn open_dictionaries(path: &Path, table: Table) -> Result<PartitionReader, StoreError> {
        let metadata = with_dictionaries(path, &load(path, table)?)?;
        PartitionReader::with_metadata(path, metadata)
    }

    fn with_metadata(
        path: &Path,
        metadata: ArrowReaderMetadata,
    ) -> Result<PartitionReader, StoreError> {
        checksum::verify(path, metadata.metadata())?;
        let file = io::open(path)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_batch_size(BATCH_ROWS);
        Ok(PartitionReader {
            path: path.to_owned(),
            batches: guarded(path, || builder.build())?,
        })
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when they cannot be decoded.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        let batches = &mut self.batches;
        guarded(&self.path, || Ok(batches.next().transpose()?))
    }
}

/// Checks that a partition is whole and of this version, by its footer.
pub(crate) fn check(path: &Path, table: Table) -> Result<(), StoreError> {
    load(path, table).map(drop)
}

/// Checks a partition byte by byte.
pub(crate) fn verify(path: &Path, table: Table) -> Result<(), StoreError> {
    checksum::verify(path, load(path, table)?.metadata())
}

fn load(path: &Path, table: Table) -> Result<ArrowReaderMetadata, StoreError> {
    let file: File = io::open(path)?;
    let options = ArrowReaderOptions::new();
    let metadata = guarded(path, || ArrowReaderMetadata::load(&file, options))?;
    table.check_schema(path, Some(metadata.schema()))?;
    Ok(metadata)
}

/// The same file with dense texts as dictionaries.
pub(super) fn with_dictionaries(
    path: &Path,
    plain: &ArrowReaderMetadata,
) -> Result<ArrowReaderMetadata, StoreError> {
    let fields = plain.schema().fields().iter().map(|field| {
        let kind = match field.data_type() {
            DataType::Utf8 if is_dense(plain.metadata(), field.name()) => {
                DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into())
            }
            other => other.clone(),
        };
        Field::new(field.name(), kind, field.is_nullable())
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    let metadata = Arc::clone(plain.metadata());
    guarded(path, || ArrowReaderMetadata::try_new(metadata, options))
}

/// Runs the Parquet library, which panics on some damaged files instead of refusing
/// them. What it was working on is dropped with its reader.
pub(super) fn guarded<T>(
    path: &Path,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|e| StoreError::damaged(path, e)),
        Err(_) => Err(StoreError::damaged(path, "it cannot be decoded")),
    }
}

/// Whether at least a quarter of a column's rows have a value.
fn is_dense(metadata: &ParquetMetaData, column: &str) -> bool {
    let chunks = metadata.row_groups().iter().flat_map(|g| g.columns());
    let chunks = chunks.filter(|chunk| chunk.column_path().string() == column);
    let (mut rows, mut nulls) = (0, 0);
    for chunk in chunks {
        let statistics = chunk.statistics();
        rows += u64::try_from(chunk.num_values()).unwrap_or_default();
        nulls += statistics
            .and_then(|s| s.null_count_opt())
            .unwrap_or_default();
    }
    rows - nulls.min(rows) >= rows / 4
}
