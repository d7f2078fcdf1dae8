//! One batch of rows with its columns by position, as `COLUMNS` lists them.

use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::types::{Int32Type, Int64Type, TimestampNanosecondType, UInt64Type};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use sentinel_event::{Backing, COLUMNS, ColumnType, ExecId, Kind};

use super::cache::{Interner, Parsed};

/// The position of a column. Used for constants only, where an unknown name does not
/// compile.
pub(super) const fn position(name: &str) -> usize {
    let mut index = 0;
    while index < COLUMNS.len() {
        if is_equal(COLUMNS[index].name.as_bytes(), name.as_bytes()) {
            return index;
        }
        index += 1;
    }
    panic!("there is no column of this name")
}

const fn is_equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// The rows of the current batch.
#[derive(Default)]
pub(super) struct Rows {
    columns: Vec<ArrayRef>,
    texts: Vec<Parsed<Arc<str>>>,
    pub kind: Parsed<Kind>,
    pub backing: Parsed<Backing>,
    pub exec_id: Parsed<ExecId>,
    pub parent_exec_id: Parsed<ExecId>,
    pub child_exec_id: Parsed<ExecId>,
    pub addr: Parsed<IpAddr>,
    pub local_addr: Parsed<IpAddr>,
    interner: Interner,
}

impl Rows {
    /// Takes the next batch; its columns are those of the table.
    pub fn load(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.columns.clear();
        self.texts.resize_with(COLUMNS.len(), Parsed::default);
        for (column, array) in COLUMNS.iter().zip(batch.columns()) {
            self.columns.push(match column.kind {
                ColumnType::Text => as_dictionary(array)?,
                _ => Arc::clone(array),
            });
        }
        self.kind.load(&self.columns[KIND], Kind::from_name);
        self.backing
            .load(&self.columns[BACKING], Backing::from_name);
        self.exec_id.load(&self.columns[EXEC_ID], ExecId::parse);
        self.parent_exec_id
            .load(&self.columns[PARENT_EXEC_ID], ExecId::parse);
        self.child_exec_id
            .load(&self.columns[CHILD_EXEC_ID], ExecId::parse);
        self.addr
            .load(&self.columns[ADDR], |text| text.parse().ok());
        self.local_addr
            .load(&self.columns[LOCAL_ADDR], |text| text.parse().ok());
        for (index, column) in COLUMNS.iter().enumerate() {
            if column.kind == ColumnType::Text && !PARSED.contains(&index) {
                let interner = &mut self.interner;
                self.texts[index].load(&self.columns[index], |text| Some(interner.share(text)));
            }
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.len())
    }

    pub fn u64(&self, column: usize, row: usize) -> Option<u64> {
        let array = self.columns[column].as_primitive::<UInt64Type>();
        array.is_valid(row).then(|| array.value(row))
    }

    /// A number that was 32 bits wide when it was written; 0 where there is none.
    pub fn u32(&self, column: usize, row: usize) -> u32 {
        self.u64(column, row).unwrap_or_default() as u32
    }

    pub fn i64(&self, column: usize, row: usize) -> i64 {
        self.columns[column].as_primitive::<Int64Type>().value(row)
    }

    pub fn time(&self, column: usize, row: usize) -> i64 {
        self.columns[column]
            .as_primitive::<TimestampNanosecondType>()
            .value(row)
    }

    pub fn text(&self, column: usize, row: usize) -> Option<&Arc<str>> {
        self.texts[column].get(row)
    }

    /// A text, empty where there is none.
    pub fn shared(&self, column: usize, row: usize) -> Arc<str> {
        self.text(column, row).cloned().unwrap_or_default()
    }

    /// The items of a list; none where there is no list.
    pub fn list(&self, column: usize, row: usize) -> Vec<Box<str>> {
        let lists = self.columns[column].as_list::<i32>();
        if !lists.is_valid(row) {
            return Vec::new();
        }
        let items = lists.value(row);
        let items = items.as_string::<i32>();
        items.iter().map(|i| i.unwrap_or_default().into()).collect()
    }
}

const KIND: usize = position("kind");
const BACKING: usize = position("backing");
const EXEC_ID: usize = position("exec_id");
const PARENT_EXEC_ID: usize = position("parent_exec_id");
const CHILD_EXEC_ID: usize = position("child_exec_id");
const ADDR: usize = position("addr");
const LOCAL_ADDR: usize = position("local_addr");

/// Columns that are parsed to something else than text.
const PARSED: [usize; 7] = [
    KIND,
    BACKING,
    EXEC_ID,
    PARENT_EXEC_ID,
    CHILD_EXEC_ID,
    ADDR,
    LOCAL_ADDR,
];

fn as_dictionary(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if array.as_dictionary_opt::<Int32Type>().is_some() {
        return Ok(Arc::clone(array));
    }
    let dictionary = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    cast(array, &dictionary)
}
