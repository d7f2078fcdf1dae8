//! One batch of rows with its columns by position, as `COLUMNS` lists them.

use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int64Array, ListArray, RecordBatch, TimestampNanosecondArray,
    UInt64Array,
};
use arrow_schema::ArrowError;
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

/// A column of which the type is known, so that a cell is read without asking.
enum Typed {
    U64(UInt64Array),
    I64(Int64Array),
    Time(TimestampNanosecondArray),
    List(ListArray),
    /// Texts are in [`Rows::texts`] and beside it; truth values follow from texts.
    Other,
}

/// The rows of the current batch.
#[derive(Default)]
pub(super) struct Rows {
    columns: Vec<Typed>,
    len: usize,
    texts: Vec<Parsed<Arc<str>>>,
    pub kind: Parsed<Kind>,
    pub backing: Parsed<Backing>,
    pub exec_id: Parsed<ExecId>,
    pub parent_exec_id: Parsed<ExecId>,
    pub child_exec_id: Parsed<ExecId>,
    pub target_exec_id: Parsed<ExecId>,
    pub addr: Parsed<IpAddr>,
    pub local_addr: Parsed<IpAddr>,
    interner: Interner,
}

impl Rows {
    /// Takes the next batch; its columns are those of the table.
    pub fn load(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.columns.clear();
        self.len = batch.num_rows();
        self.texts.resize_with(COLUMNS.len(), Parsed::default);
        for (index, (column, array)) in COLUMNS.iter().zip(batch.columns()).enumerate() {
            let typed = match column.kind {
                ColumnType::U64 => Typed::U64(array.as_primitive().clone()),
                ColumnType::I64 => Typed::I64(array.as_primitive().clone()),
                ColumnType::Time => Typed::Time(array.as_primitive().clone()),
                ColumnType::TextList => Typed::List(array.as_list().clone()),
                ColumnType::Text => {
                    self.load_text(index, &as_dictionary(array)?);
                    Typed::Other
                }
                ColumnType::Bool => Typed::Other,
            };
            self.columns.push(typed);
        }
        Ok(())
    }

    /// Texts of a few columns mean something else, which is parsed here.
    fn load_text(&mut self, index: usize, array: &ArrayRef) {
        match index {
            KIND => self.kind.load(array, Kind::from_name),
            BACKING => self.backing.load(array, Backing::from_name),
            EXEC_ID => self.exec_id.load(array, ExecId::parse),
            PARENT_EXEC_ID => self.parent_exec_id.load(array, ExecId::parse),
            CHILD_EXEC_ID => self.child_exec_id.load(array, ExecId::parse),
            TARGET_EXEC_ID => self.target_exec_id.load(array, ExecId::parse),
            ADDR => self.addr.load(array, |text| text.parse().ok()),
            LOCAL_ADDR => self.local_addr.load(array, |text| text.parse().ok()),
            _ => {
                let interner = &mut self.interner;
                self.texts[index].load(array, |text| Some(interner.share(text)));
            }
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn u64(&self, column: usize, row: usize) -> Option<u64> {
        match &self.columns[column] {
            Typed::U64(array) if array.is_valid(row) => Some(array.value(row)),
            _ => None,
        }
    }

    /// A number that was 32 bits wide when it was written; 0 where there is none.
    pub fn u32(&self, column: usize, row: usize) -> u32 {
        self.u64(column, row).unwrap_or_default() as u32
    }

    /// A number; 0 where there is none.
    pub fn i64(&self, column: usize, row: usize) -> i64 {
        match &self.columns[column] {
            Typed::I64(array) if array.is_valid(row) => array.value(row),
            _ => 0,
        }
    }

    /// A time; 0 where there is none.
    pub fn time(&self, column: usize, row: usize) -> i64 {
        match &self.columns[column] {
            Typed::Time(array) if array.is_valid(row) => array.value(row),
            _ => 0,
        }
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
        let items = match &self.columns[column] {
            Typed::List(lists) if lists.is_valid(row) => lists.value(row),
            _ => return Vec::new(),
        };
        let items = items.as_string::<i32>();
        items.iter().map(|i| i.unwrap_or_default().into()).collect()
    }
}

const KIND: usize = position("kind");
const BACKING: usize = position("backing");
const EXEC_ID: usize = position("exec_id");
const PARENT_EXEC_ID: usize = position("parent_exec_id");
const CHILD_EXEC_ID: usize = position("child_exec_id");
const TARGET_EXEC_ID: usize = position("target_exec_id");
const ADDR: usize = position("addr");
const LOCAL_ADDR: usize = position("local_addr");

fn as_dictionary(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if array.as_dictionary_opt::<Int32Type>().is_some() {
        return Ok(Arc::clone(array));
    }
    let texts = array.as_string_opt::<i32>();
    let texts = texts.ok_or_else(|| ArrowError::CastError("a text is expected".to_owned()))?;
    let dictionary: DictionaryArray<Int32Type> = texts.iter().collect();
    Ok(Arc::new(dictionary))
}
