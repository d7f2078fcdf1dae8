//! The columns of an alert that hold lists: arguments, and lists of structs.

use std::sync::Arc;

use arrow_array::builder::{
    ListBuilder, StringBuilder, StructBuilder, TimestampNanosecondBuilder, UInt64Builder,
};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray, types};
use arrow_schema::{DataType, Field, Fields};
use sentinel_event::{Evidence, ExecId};

use super::{AlertRecord, AncestorRecord, TechniqueRecord};
use crate::table::{list_type, text_list_type as text_list_data_type, time_type};

/// Arguments.
pub(super) mod text_list {
    use super::*;

    pub fn data_type() -> DataType {
        text_list_data_type()
    }

    pub fn encode(alerts: &[AlertRecord], get: fn(&AlertRecord) -> &Vec<Box<str>>) -> ArrayRef {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for alert in alerts {
            for item in get(alert) {
                builder.values().append_value(item);
            }
            builder.append(true);
        }
        Arc::new(builder.finish())
    }

    pub fn decode(
        array: &ArrayRef,
        alerts: &mut [AlertRecord],
        set: fn(&mut AlertRecord, Vec<Box<str>>),
    ) {
        let lists = array.as_list::<i32>();
        for (row, alert) in alerts.iter_mut().enumerate() {
            if lists.is_valid(row) {
                let items = lists.value(row);
                let items = items.as_string::<i32>();
                set(
                    alert,
                    items.iter().map(|i| i.unwrap_or_default().into()).collect(),
                );
            }
        }
    }
}

/// Defines one column module for a list of structs: its fields, how one item is
/// appended to the struct's builder, and how one is read back.
macro_rules! struct_list {
    ($module:ident $item:ty, $fields:expr, $append:expr, $read:expr) => {
        pub(super) mod $module {
            use super::*;

            fn fields() -> Fields {
                Fields::from($fields)
            }

            pub fn data_type() -> DataType {
                list_type(DataType::Struct(fields()))
            }

            pub fn encode(
                alerts: &[AlertRecord],
                get: fn(&AlertRecord) -> &Vec<$item>,
            ) -> ArrayRef {
                let append: fn(&mut StructBuilder, &$item) = $append;
                let mut builder = ListBuilder::new(StructBuilder::from_fields(fields(), 0));
                for alert in alerts {
                    for item in get(alert) {
                        append(builder.values(), item);
                        builder.values().append(true);
                    }
                    builder.append(true);
                }
                Arc::new(builder.finish())
            }

            pub fn decode(
                array: &ArrayRef,
                alerts: &mut [AlertRecord],
                set: fn(&mut AlertRecord, Vec<$item>),
            ) {
                let read: fn(&StructArray, usize) -> $item = $read;
                let lists = array.as_list::<i32>();
                for (row, alert) in alerts.iter_mut().enumerate() {
                    if lists.is_valid(row) {
                        let items = lists.value(row);
                        let items = items.as_struct();
                        set(alert, (0..items.len()).map(|i| read(items, i)).collect());
                    }
                }
            }
        }
    };
}

struct_list!(
    techniques TechniqueRecord,
    vec![text_field("id"), text_field("legacy_id"), text_field("name")],
    |builder, technique| {
        append_text(builder, 0, &technique.id);
        append_text(builder, 1, &technique.legacy_id);
        append_text(builder, 2, &technique.name);
    },
    |items, row| TechniqueRecord {
        id: text(items, 0, row).into(),
        legacy_id: text(items, 1, row).into(),
        name: text(items, 2, row).into(),
    }
);

struct_list!(
    ancestors AncestorRecord,
    vec![number_field("pid"), text_field("exec_id"), text_field("exe")],
    |builder, ancestor| {
        append_number(builder, 0, ancestor.pid.into());
        append_text(builder, 1, &ancestor.exec_id.to_string());
        append_text(builder, 2, &ancestor.exe);
    },
    |items, row| AncestorRecord {
        pid: number(items, 0, row) as u32,
        exec_id: ExecId::parse(text(items, 1, row)).unwrap_or_default(),
        exe: text(items, 2, row).into(),
    }
);

struct_list!(
    evidence Evidence,
    vec![number_field("seq"), Field::new("time", time_type(), true), text_field("text")],
    |builder, evidence| {
        append_number(builder, 0, evidence.seq);
        if let Some(times) = builder.field_builder::<TimestampNanosecondBuilder>(1) {
            times.append_value(evidence.time_ns);
        }
        append_text(builder, 2, &evidence.text);
    },
    |items, row| Evidence {
        seq: number(items, 0, row),
        time_ns: items
            .column(1)
            .as_primitive::<types::TimestampNanosecondType>()
            .value(row),
        text: text(items, 2, row).into(),
    }
);

fn text_field(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn number_field(name: &str) -> Field {
    Field::new(name, DataType::UInt64, true)
}

fn append_text(builder: &mut StructBuilder, field: usize, value: &str) {
    if let Some(texts) = builder.field_builder::<StringBuilder>(field) {
        texts.append_value(value);
    }
}

fn append_number(builder: &mut StructBuilder, field: usize, value: u64) {
    if let Some(numbers) = builder.field_builder::<UInt64Builder>(field) {
        numbers.append_value(value);
    }
}

fn text(items: &StructArray, field: usize, row: usize) -> &str {
    items.column(field).as_string::<i32>().value(row)
}

fn number(items: &StructArray, field: usize, row: usize) -> u64 {
    items
        .column(field)
        .as_primitive::<types::UInt64Type>()
        .value(row)
}
