//! How Parquet is written; docs/store.md has the measurements behind the numbers.

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{BloomFilterPosition, EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::Table;

/// Rows per row group: large enough to compress, small enough to be skipped and to
/// bound the memory of writer and readers.
pub(crate) const ROW_GROUP_ROWS: usize = 131_072;
const ZSTD_LEVEL: i32 = 3;
/// Large enough for the distinct texts of a row group, so that a column never falls
/// back to plain values in the middle: replay handles each distinct text once.
const DICTIONARY_BYTES: usize = 16 << 20;
/// One lookup in a hundred reads a row group for nothing.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// Properties for the files of a table.
pub(super) fn properties(table: Table, host: &str) -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let metadata = table.metadata(host).into_iter();
    let metadata = metadata.map(|(key, value)| KeyValue::new(key, value));
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("sentinel ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(metadata.collect()))
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_bloom_filter_position(BloomFilterPosition::End);
    // Both grow from row to row, so differences are smaller than a dictionary.
    for column in ["time", "seq"] {
        builder = builder
            .set_column_dictionary_enabled(column.into(), false)
            .set_column_encoding(column.into(), Encoding::DELTA_BINARY_PACKED)
            .set_column_statistics_enabled(column.into(), EnabledStatistics::Page);
    }
    for column in table.searched_columns() {
        builder =
            builder.set_column_bloom_filter_fpp(ColumnPath::from(*column), BLOOM_FALSE_POSITIVES);
    }
    builder.set_sorting_columns(sorting(table)).build()
}

/// Rows lie in the order of `seq`, the order in which the sensor saw them.
fn sorting(table: Table) -> Option<Vec<SortingColumn>> {
    let column_idx = table.schema().index_of("seq").ok()?;
    Some(vec![SortingColumn {
        column_idx: i32::try_from(column_idx).ok()?,
        descending: false,
        nulls_first: false,
    }])
}
