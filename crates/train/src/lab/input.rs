//! A Parquet file in memory, and the columns that are wanted of it.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchReader, UInt64Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// One file, by what it is for and where it lies.
pub(super) struct Frame {
    pub(super) name: String,
    batch: RecordBatch,
}

impl Frame {
    pub(super) fn read(purpose: &str, path: &Path) -> Result<Frame> {
        let shown = path.display();
        let name = format!("{purpose} ({shown})");
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        ensure!(
            !file.metadata()?.is_dir(),
            "{shown} is a folder, not a Parquet file"
        );
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.build())
            .with_context(|| format!("{shown} is not a Parquet file"))?;
        let schema = RecordBatchReader::schema(&reader);
        let batches = reader
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| format!("cannot read {shown}"))?;
        let batch = concat_batches(&schema, &batches)?;
        ensure!(batch.num_rows() > 0, "{name} has no rows");
        Ok(Frame { name, batch })
    }

    pub(super) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// Some of the rows, in the given order.
    pub(super) fn take(&self, rows: &[usize]) -> Result<Frame> {
        let indices: UInt64Array = rows.iter().map(|row| *row as u64).collect();
        let batch = take_record_batch(&self.batch, &indices)?;
        let name = self.name.clone();
        Ok(Frame { name, batch })
    }

    pub(super) fn names(&self) -> Vec<String> {
        let fields = self.batch.schema_ref().fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    pub(super) fn find(&self, column: &str) -> Option<&ArrayRef> {
        self.batch.column_by_name(column)
    }

    pub(super) fn column(&self, column: &str) -> Result<&ArrayRef> {
        self.find(column).with_context(|| {
            let names = self.names().join(", ");
            format!("{} has no column {column:?}; it has {names}", self.name)
        })
    }
}

/// Whether a column holds numbers or truth values.
pub(super) fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        other => other.is_numeric() || *other == DataType::Boolean || *other == DataType::Null,
    }
}

/// Whether a column holds strings, however they are kept.
pub(super) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        _ => false,
    }
}

/// Numbers, `None` where there is none or it is NaN.
pub(super) fn numbers(array: &ArrayRef) -> Result<Vec<Option<f64>>> {
    let array = cast(array, &DataType::Float64)?;
    let values = array.as_primitive::<Float64Type>().iter();
    Ok(values.map(|x| x.filter(|x| !x.is_nan())).collect())
}

/// Strings, `None` where there is none.
pub(super) fn strings(array: &ArrayRef) -> Result<Vec<Option<String>>> {
    let array = cast(array, &DataType::LargeUtf8)?;
    let values = array.as_string::<i64>().iter();
    Ok(values.map(|text| text.map(str::to_owned)).collect())
}

/// Lists of integers or strings, as strings; an empty list where there is none.
pub(super) fn lists(frame: &Frame, column: &str) -> Result<Vec<Vec<String>>> {
    let array = frame.column(column)?;
    let wrong = || {
        let data_type = array.data_type();
        let name = &frame.name;
        format!("column {column:?} of {name} holds {data_type}, not lists of integers or strings")
    };
    let item = match array.data_type() {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => item.data_type().clone(),
        _ => bail!(wrong()),
    };
    ensure!(is_text(&item) || item.is_integer(), wrong());
    let as_list = DataType::new_large_list(item, true);
    let array = cast(array, &as_list).with_context(wrong)?;
    let array = array.as_list::<i64>();
    let values = if is_text(array.values().data_type()) {
        strings(array.values())?
    } else {
        let integers = cast(array.values(), &DataType::Int64)?;
        let integers = integers.as_primitive::<Int64Type>();
        integers.iter().map(|x| x.map(|x| x.to_string())).collect()
    };
    let row = |at: usize| {
        let range = array.value_offsets()[at] as usize..array.value_offsets()[at + 1] as usize;
        let values = if array.is_null(at) {
            &[]
        } else {
            &values[range]
        };
        values.iter().flatten().cloned().collect()
    };
    Ok((0..array.len()).map(row).collect())
}

/// Whether a column holds lists.
pub(super) fn is_list(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::List(_)
            | DataType::LargeList(_)
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::FixedSizeList(..)
    )
}
