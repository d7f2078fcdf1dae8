//! The store's columns as the engine's values.

use arrow_array::cast::AsArray;
use arrow_array::cast::as_dictionary_array;
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, PrimitiveArray, StringArray, types,
};
use arrow_schema::DataType;
use rusqlite::vtab::Context;
use serde_json::{Map, Value as Json};

use crate::time;

/// A value of one row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Cell<Text> {
    Null,
    Integer(i64),
    /// An integer of 2^63 or more, which the engine has no integers for.
    Unsigned(u64),
    Time(i64),
    Text(Text),
}

impl<Text: AsRef<str>> Cell<Text> {
    /// Gives the value to the engine.
    pub fn set(&self, context: &mut Context) -> rusqlite::Result<()> {
        match self {
            Cell::Null => context.set_result(rusqlite::types::Null),
            Cell::Integer(value) => context.set_result(value),
            Cell::Unsigned(value) => context.set_result(value.to_string()),
            Cell::Time(time_ns) => context.set_result(time::format(*time_ns)),
            Cell::Text(text) => context.set_result(text.as_ref()),
        }
    }
}

impl Cell<&str> {
    /// The same with its text owned.
    pub fn owned(&self) -> Cell<Box<str>> {
        match self {
            Cell::Null => Cell::Null,
            Cell::Integer(value) => Cell::Integer(*value),
            Cell::Unsigned(value) => Cell::Unsigned(*value),
            Cell::Time(value) => Cell::Time(*value),
            Cell::Text(text) => Cell::Text((*text).into()),
        }
    }
}

/// The values of one column of a batch.
pub(crate) enum Column {
    Time(PrimitiveArray<types::TimestampNanosecondType>),
    Unsigned(PrimitiveArray<types::UInt64Type>),
    Signed(PrimitiveArray<types::Int64Type>),
    Boolean(BooleanArray),
    Text(StringArray),
    Dictionary(DictionaryArray<types::Int32Type>, StringArray),
    /// Lists, already as JSON.
    Json(Vec<Option<String>>),
}

impl Column {
    pub fn new(array: &ArrayRef) -> Column {
        match array.data_type() {
            DataType::Timestamp(..) => Column::Time(array.as_primitive().clone()),
            DataType::UInt64 => Column::Unsigned(array.as_primitive().clone()),
            DataType::Int64 => Column::Signed(array.as_primitive().clone()),
            DataType::Boolean => Column::Boolean(array.as_boolean().clone()),
            DataType::Utf8 => Column::Text(array.as_string().clone()),
            DataType::Dictionary(..) => {
                let dictionary = as_dictionary_array::<types::Int32Type>(array).clone();
                let values = dictionary.values().as_string().clone();
                Column::Dictionary(dictionary, values)
            }
            _ => Column::Json((0..array.len()).map(|row| json_text(array, row)).collect()),
        }
    }

    pub fn get(&self, row: usize) -> Cell<&str> {
        match self {
            Column::Time(a) if a.is_valid(row) => Cell::Time(a.value(row)),
            Column::Unsigned(a) if a.is_valid(row) => match i64::try_from(a.value(row)) {
                Ok(value) => Cell::Integer(value),
                Err(_) => Cell::Unsigned(a.value(row)),
            },
            Column::Signed(a) if a.is_valid(row) => Cell::Integer(a.value(row)),
            Column::Boolean(a) if a.is_valid(row) => Cell::Integer(a.value(row).into()),
            Column::Text(a) if a.is_valid(row) => Cell::Text(a.value(row)),
            Column::Dictionary(a, values) => match a.key(row) {
                Some(key) => Cell::Text(values.value(key)),
                None => Cell::Null,
            },
            Column::Json(texts) => match &texts[row] {
                Some(text) => Cell::Text(text),
                None => Cell::Null,
            },
            _ => Cell::Null,
        }
    }
}

fn json_text(array: &ArrayRef, row: usize) -> Option<String> {
    array.is_valid(row).then(|| json(array, row).to_string())
}

fn json(array: &ArrayRef, row: usize) -> Json {
    if array.is_null(row) {
        return Json::Null;
    }
    match array.data_type() {
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|item| json(&items, item)).collect()
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter();
            let members = fields.iter().zip(columns);
            let members = members.map(|(f, column)| (f.name().clone(), json(column, row)));
            Json::Object(members.collect::<Map<_, _>>())
        }
        DataType::UInt64 => array.as_primitive::<types::UInt64Type>().value(row).into(),
        DataType::Timestamp(..) => {
            let times = array.as_primitive::<types::TimestampNanosecondType>();
            time::format(times.value(row)).into()
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        _ => Json::Null,
    }
}
