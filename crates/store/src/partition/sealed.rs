//! A partition that is read in part: some columns, some row groups, some rows.
//!
//! The checksum over the whole file is not looked at, because that would read it all;
//! maintenance does so in the background.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions,
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::RowGroupMetaData;

use super::positioned::PositionedFile;
use super::reader::{BATCH_ROWS, guarded, with_dictionaries};
use crate::view::Filter;
use crate::{StoreError, Table, io};

/// An open partition. It can be read although the daemon deletes it meanwhile.
pub(crate) struct SealedFile {
    path: PathBuf,
    table: Table,
    file: PositionedFile,
    metadata: OnceLock<ArrowReaderMetadata>,
}

impl SealedFile {
    /// Opens the file; its footer is read when it is needed.
    pub fn open(path: &Path, table: Table) -> Result<SealedFile, StoreError> {
        let file = PositionedFile::new(io::open(path)?);
        Ok(SealedFile {
            path: path.to_owned(),
            table,
            file: file.map_err(|e| StoreError::io("read", path, e))?,
            metadata: OnceLock::new(),
        })
    }

    fn metadata(&self) -> Result<&ArrowReaderMetadata, StoreError> {
        if let Some(metadata) = self.metadata.get() {
            return Ok(metadata);
        }
        let options = ArrowReaderOptions::new();
        let plain = guarded(&self.path, || {
            ArrowReaderMetadata::load(&self.file, options)
        })?;
        self.table.check_schema(&self.path, Some(plain.schema()))?;
        let metadata = with_dictionaries(&self.path, &plain)?;
        Ok(self.metadata.get_or_init(|| metadata))
    }

    /// The row groups that may hold rows that pass all filters.
    pub fn groups(&self, filters: &[Filter]) -> Result<Vec<usize>, StoreError> {
        let metadata = self.metadata()?;
        let groups = metadata.metadata().row_groups();
        let mut wanted = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            if self.may_match(metadata.schema(), group, filters)? {
                wanted.push(index);
            }
        }
        Ok(wanted)
    }

    fn may_match(
        &self,
        schema: &Schema,
        group: &RowGroupMetaData,
        filters: &[Filter],
    ) -> Result<bool, StoreError> {
        let wanted = self.table.schema();
        // Statistics are at hand, bloom filters are read from the disk.
        let mut searched = Vec::new();
        for filter in filters {
            let field = wanted.field(filter.column);
            if schema.index_of(field.name()).is_err() {
                return Ok(false);
            }
            let mut chunks = group.columns().iter();
            let chunk = chunks.find(|c| c.column_path().string() == *field.name());
            let Some(chunk) = chunk else { continue };
            if let Some(statistics) = chunk.statistics()
                && !filter.test.may_pass(statistics, field.data_type())
            {
                return Ok(false);
            }
            searched.push((filter, chunk));
        }
        for (filter, chunk) in searched {
            let bloom = guarded(&self.path, || {
                Sbbf::read_from_column_chunk(chunk, &self.file)
            })?;
            if bloom.is_some_and(|bloom| !filter.test.may_be_in(&bloom)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The rows of one row group that pass all filters, with these columns of the
    /// table. Texts may come as dictionaries.
    pub fn read(
        &self,
        group: usize,
        columns: &[usize],
        filters: &[Filter],
    ) -> Result<SealedRows, StoreError> {
        let metadata = self.metadata()?.clone();
        let schema = Arc::clone(metadata.schema());
        let table = self.table.schema();
        let root = |column: usize| schema.index_of(table.field(column).name()).ok();
        let parquet = metadata.parquet_schema();
        let mask = |roots: Vec<usize>| ProjectionMask::roots(parquet, roots);
        let predicates = filters.iter().filter_map(|filter| {
            let roots = mask(vec![root(filter.column)?]);
            let test = filter.test.clone();
            let predicate = move |batch: RecordBatch| Ok(test.mask(batch.column(0)));
            let predicate = ArrowPredicateFn::new(roots, predicate);
            Some(Box::new(predicate) as Box<dyn ArrowPredicate>)
        });
        let filter = RowFilter::new(predicates.collect());
        let projection = mask(columns.iter().filter_map(|c| root(*c)).collect());
        let file = self.file.clone();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
            .with_batch_size(BATCH_ROWS)
            .with_row_groups(vec![group])
            .with_projection(projection)
            .with_row_filter(filter);
        Ok(SealedRows {
            path: self.path.clone(),
            batches: guarded(&self.path, || builder.build())?,
            names: columns
                .iter()
                .map(|c| table.field(*c).name().clone())
                .collect(),
            types: columns
                .iter()
                .map(|c| table.field(*c).data_type().clone())
                .collect(),
        })
    }

    /// How many rows the file holds; `None` while its footer has not been read.
    pub fn rows(&self) -> Option<u64> {
        let rows = self.metadata.get()?.metadata().file_metadata().num_rows();
        u64::try_from(rows).ok()
    }
}

/// Rows of one row group.
pub(crate) struct SealedRows {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    names: Vec<String>,
    types: Vec<DataType>,
}

impl SealedRows {
    /// The next rows; `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        let batches = &mut self.batches;
        let batch = guarded(&self.path, || Ok(batches.next().transpose()?))?;
        let ordered = batch.map(|batch| self.ordered(&batch)).transpose();
        ordered.map_err(|e| StoreError::damaged(&self.path, e))
    }

    /// The columns in the order in which they were asked for; those that the file does
    /// not have are empty.
    fn ordered(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns = self.names.iter().zip(&self.types);
        let columns = columns.map(|(name, kind)| match batch.column_by_name(name) {
            Some(column) => Arc::clone(column),
            None => new_null_array(kind, batch.num_rows()),
        });
        assemble(&self.names, columns.collect(), batch.num_rows())
    }
}

/// A batch of these columns, also when there are none.
pub(crate) fn assemble(
    names: &[String],
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let fields = names.iter().zip(&columns);
    let fields =
        fields.map(|(name, c)| arrow_schema::Field::new(name, c.data_type().clone(), true));
    let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
}
