//! Events as rows: one builder per entry of `COLUMNS`, so that the list of columns
//! is the only place that names them.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Int64Builder, ListBuilder, StringBuilder,
    TimestampNanosecondBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::{ArrowError, DataType};
use sentinel_event::{COLUMNS, ColumnType, Event, Value};

use crate::Table;

/// Events that wait to be written.
pub(crate) struct EventRows {
    columns: Vec<Column>,
    rows: usize,
}

/// A column and the gaps at its end. A column that says nothing of any waiting event takes
/// no memory: that are most of them, since few events are of many kinds.
struct Column {
    builder: ColumnBuilder,
    absent: usize,
}

impl EventRows {
    pub fn new() -> EventRows {
        EventRows {
            columns: COLUMNS.iter().map(|c| Column::new(c.kind)).collect(),
            rows: 0,
        }
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Adds events column by column: most columns say nothing of most events, and so the
    /// gaps are written at once.
    pub fn push(&mut self, events: &[Event]) {
        for (said, column) in COLUMNS.iter().zip(&mut self.columns) {
            for event in events {
                match (said.get)(event) {
                    None => column.absent += 1,
                    Some(value) => column.append(value),
                }
            }
        }
        self.rows += events.len();
    }

    /// All waiting events as one batch; none wait afterwards.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let schema = Table::Events.schema();
        let columns = self.columns.iter_mut().zip(schema.fields());
        let arrays = columns.map(|(column, field)| column.finish(field.data_type()));
        let arrays = arrays.collect();
        RecordBatch::try_new(schema, arrays)
    }
}

impl Column {
    fn new(kind: ColumnType) -> Column {
        Column {
            builder: ColumnBuilder::new(kind),
            absent: 0,
        }
    }

    fn append(&mut self, value: Value<'_>) {
        self.builder.append_nulls(std::mem::take(&mut self.absent));
        self.builder.append(value);
    }

    fn finish(&mut self, data_type: &DataType) -> ArrayRef {
        let absent = std::mem::take(&mut self.absent);
        if self.builder.is_empty() {
            return new_null_array(data_type, absent);
        }
        self.builder.append_nulls(absent);
        self.builder.finish()
    }
}

enum ColumnBuilder {
    Time(TimestampNanosecondBuilder),
    U64(UInt64Builder),
    I64(Int64Builder),
    Bool(BooleanBuilder),
    Text(StringBuilder),
    TextList(ListBuilder<StringBuilder>),
}

impl ColumnBuilder {
    fn new(kind: ColumnType) -> ColumnBuilder {
        match kind {
            ColumnType::Time => {
                ColumnBuilder::Time(TimestampNanosecondBuilder::new().with_timezone("UTC"))
            }
            ColumnType::U64 => ColumnBuilder::U64(UInt64Builder::new()),
            ColumnType::I64 => ColumnBuilder::I64(Int64Builder::new()),
            ColumnType::Bool => ColumnBuilder::Bool(BooleanBuilder::new()),
            ColumnType::Text => ColumnBuilder::Text(StringBuilder::new()),
            ColumnType::TextList => ColumnBuilder::TextList(ListBuilder::new(StringBuilder::new())),
        }
    }

    /// Appends a value. One of another type than the column's would be a fault in `COLUMNS`,
    /// which the round-trip test would show; it is written as null rather than ending the
    /// daemon.
    fn append(&mut self, value: Value<'_>) {
        match (self, value) {
            (ColumnBuilder::Time(b), Value::Time(v)) => b.append_value(v),
            (ColumnBuilder::U64(b), Value::U64(v)) => b.append_value(v),
            (ColumnBuilder::I64(b), Value::I64(v)) => b.append_value(v),
            (ColumnBuilder::Bool(b), Value::Bool(v)) => b.append_value(v),
            (ColumnBuilder::Text(b), Value::Text(v)) => b.append_value(v),
            (ColumnBuilder::Text(b), Value::Owned(v)) => b.append_value(v),
            (ColumnBuilder::TextList(b), Value::TextList(v)) => append_list(b, v),
            (ColumnBuilder::TextList(b), Value::OwnedList(v)) => append_list(b, &v),
            (other, _) => other.append_nulls(1),
        }
    }

    fn append_nulls(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        match self {
            ColumnBuilder::Time(b) => b.append_nulls(count),
            ColumnBuilder::U64(b) => b.append_nulls(count),
            ColumnBuilder::I64(b) => b.append_nulls(count),
            ColumnBuilder::Bool(b) => b.append_nulls(count),
            ColumnBuilder::Text(b) => b.append_nulls(count),
            ColumnBuilder::TextList(b) => b.append_nulls(count),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            ColumnBuilder::Time(b) => b.is_empty(),
            ColumnBuilder::U64(b) => b.is_empty(),
            ColumnBuilder::I64(b) => b.is_empty(),
            ColumnBuilder::Bool(b) => b.is_empty(),
            ColumnBuilder::Text(b) => b.is_empty(),
            ColumnBuilder::TextList(b) => b.is_empty(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Time(b) => ArrayBuilder::finish(b),
            ColumnBuilder::U64(b) => ArrayBuilder::finish(b),
            ColumnBuilder::I64(b) => ArrayBuilder::finish(b),
            ColumnBuilder::Bool(b) => ArrayBuilder::finish(b),
            ColumnBuilder::Text(b) => ArrayBuilder::finish(b),
            ColumnBuilder::TextList(b) => Arc::new(b.finish()),
        }
    }
}

fn append_list<T: AsRef<str>>(builder: &mut ListBuilder<StringBuilder>, items: &[T]) {
    for item in items {
        builder.values().append_value(item.as_ref());
    }
    builder.append(true);
}
