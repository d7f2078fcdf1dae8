//! Events as rows: one builder per entry of `COLUMNS`, so that the list of columns
//! is the only place that names them.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Int64Builder, ListBuilder, StringBuilder,
    TimestampNanosecondBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use sentinel_event::{COLUMNS, ColumnType, Event, Value};

use crate::Table;

/// Events that wait to be written.
pub(crate) struct EventRows {
    columns: Vec<ColumnBuilder>,
    rows: usize,
}

impl EventRows {
    pub fn new() -> EventRows {
        EventRows {
            columns: COLUMNS.iter().map(|c| ColumnBuilder::new(c.kind)).collect(),
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
        for (column, builder) in COLUMNS.iter().zip(&mut self.columns) {
            let mut absent = 0;
            for event in events {
                match (column.get)(event) {
                    None => absent += 1,
                    Some(value) => {
                        builder.append_nulls(std::mem::take(&mut absent));
                        builder.append(value);
                    }
                }
            }
            builder.append_nulls(absent);
        }
        self.rows += events.len();
    }

    /// All waiting events as one batch; none wait afterwards.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        RecordBatch::try_new(Table::Events.schema(), arrays)
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
