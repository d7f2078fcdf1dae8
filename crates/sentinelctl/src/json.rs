//! JSON from protobuf messages, by their descriptors alone.
//!
//! Keys are the proto's field names in the proto's order, which are the columns
//! of the store too. It differs from protobuf's own JSON mapping where that
//! mapping is awkward for scripts: 64-bit integers are numbers, enum values are
//! short (`learn`, not `MODE_LEARN`), and a field without a value is absent only
//! if the proto can tell absent from zero.

use std::io;
use std::sync::LazyLock;

use jiff::Timestamp;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, ReflectMessage,
    Value,
};
use sentinel_event::text::escape;
use serde::ser::{Error, Serialize, SerializeMap, Serializer};

use crate::failure::Failure;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(sentinel_api::FILE_DESCRIPTOR_SET)
        .expect("the build script of sentinel-api wrote these descriptors")
});

/// A message of the API as one line of JSON. `name` is its name in the proto.
pub fn message(name: &str, message: &impl Message) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("{name}: {error}"));
    let descriptor = POOL
        .get_message_by_name(&format!("sentinel.v1.{name}"))
        .ok_or_else(|| failed(&"is not in the proto"))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|error| failed(&error))?;
    line(&Object(&dynamic)).map_err(|error| failed(&error))
}

/// Anything as one line of JSON that is harmless on a terminal.
pub fn line(value: &impl Serialize) -> serde_json::Result<String> {
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut out, Harmless,
    ))?;
    String::from_utf8(out).map_err(serde_json::Error::custom)
}

/// Writes what [`escape`] would escape as `\uXXXX`, which changes no data: JSON
/// itself asks for that only below U+0020, but U+009B starts a command as well.
struct Harmless;

impl serde_json::ser::Formatter for Harmless {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut buffer = [0; 4];
        for c in fragment.chars() {
            let text = &*c.encode_utf8(&mut buffer);
            if escape(text) == text {
                writer.write_all(text.as_bytes())?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

struct Object<'a>(&'a DynamicMessage);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let descriptor = self.0.descriptor();
        if descriptor.full_name() == "google.protobuf.Timestamp" {
            return timestamp(self.0)
                .map_err(S::Error::custom)?
                .serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        for field in descriptor.fields() {
            if field.supports_presence() && !self.0.has_field(&field) {
                continue;
            }
            let value = self.0.get_field(&field);
            map.serialize_entry(field.name(), &Item(&value, &field))?;
        }
        map.end()
    }
}

struct Item<'a>(&'a Value, &'a FieldDescriptor);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I32(value) => serializer.serialize_i32(*value),
            Value::I64(value) => serializer.serialize_i64(*value),
            Value::U32(value) => serializer.serialize_u32(*value),
            Value::U64(value) => serializer.serialize_u64(*value),
            Value::F32(value) => serializer.serialize_f32(*value),
            Value::F64(value) => serializer.serialize_f64(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => {
                serializer.collect_seq(value.iter()) // a list of numbers, as serde_json does
            }
            Value::EnumNumber(number) => match self.1.kind() {
                Kind::Enum(descriptor) => short_name(&descriptor, *number).serialize(serializer),
                _ => serializer.serialize_i32(*number),
            },
            Value::Message(value) => Object(value).serialize(serializer),
            Value::List(values) => {
                serializer.collect_seq(values.iter().map(|value| Item(value, self.1)))
            }
            Value::Map(values) => {
                let value_field = match self.1.kind() {
                    Kind::Message(entry) => entry.map_entry_value_field(),
                    _ => return Err(S::Error::custom("a map without entries")),
                };
                let mut entries: Vec<_> = values.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                serializer.collect_map(
                    entries
                        .into_iter()
                        .map(|(key, value)| (key_text(key), Item(value, &value_field))),
                )
            }
        }
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

fn timestamp(message: &DynamicMessage) -> Result<String, String> {
    let field = |name| message.get_field_by_name(name);
    let (Some(seconds), Some(nanos)) = (
        field("seconds").and_then(|value| value.as_i64()),
        field("nanos").and_then(|value| value.as_i32()),
    ) else {
        return Err("a time without seconds".to_owned());
    };
    Timestamp::new(seconds, nanos)
        .map(|time| time.to_string())
        .map_err(|error| error.to_string())
}

/// The name of an enum value without the prefix that protobuf's style asks for:
/// `learn` for `MODE_LEARN` of `Mode`. The number if it has no name here.
fn short_name(descriptor: &EnumDescriptor, number: i32) -> String {
    let Some(value) = descriptor.get_value(number) else {
        return number.to_string();
    };
    let mut prefix = String::new();
    for (i, c) in descriptor.name().chars().enumerate() {
        if i > 0 && c.is_ascii_uppercase() {
            prefix.push('_');
        }
        prefix.push(c.to_ascii_uppercase());
    }
    let name = value.name();
    name.strip_prefix(&prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .unwrap_or(name)
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Timestamp as Time;
    use sentinel_api::v1;
    use sentinel_event::{COLUMNS, ColumnType};

    fn check(name: &str, value: &impl Message, expected: &str) {
        assert_eq!(message(name, value).expect("it can be written"), expected);
    }

    #[test]
    fn modes_are_short_and_times_are_rfc_3339() {
        let state = v1::ModeState {
            mode: v1::Mode::Detect.into(),
            since: Some(Time {
                seconds: 1_700_000_000,
                nanos: 5_000_000,
            }),
            ..Default::default()
        };
        check(
            "ModeState",
            &state,
            r#"{"mode":"detect","since":"2023-11-14T22:13:20.005Z","warnings":[]}"#,
        );
        let unknown = v1::ModeState {
            mode: 9,
            ..Default::default()
        };
        check("ModeState", &unknown, r#"{"mode":"9","warnings":[]}"#);
    }

    #[test]
    fn big_numbers_are_numbers_and_zeros_are_there() {
        let ring = v1::Ring {
            sent: u64::MAX,
            ..Default::default()
        };
        let expected = r#"{"sent":18446744073709551615,"received":0,"aggregated":0,"lost":0,"size_bytes":0,"used_bytes":0,"filtered":0}"#;
        check("Ring", &ring, expected);
    }

    #[test]
    fn an_impossible_time_is_an_error() {
        let state = v1::ModeState {
            mode: 1,
            since: Some(Time {
                seconds: i64::MAX,
                nanos: 0,
            }),
            ..Default::default()
        };
        let failure = message("ModeState", &state).expect_err("no such year");
        assert!(failure.to_string().starts_with("ModeState: "), "{failure}");
    }

    #[test]
    fn escapes_are_neutralised_and_nothing_is_lost() {
        let text = "\x1b[2J \u{9b}31m \u{7f} \u{202e} \u{efff} \u{1f600} \"\\ é";
        let queue = v1::Queue {
            name: text.to_owned(),
            ..Default::default()
        };
        let json = message("Queue", &queue).expect("it can be written");
        assert_eq!(escape(&json), json);
        let back: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(back["name"], text);
    }

    /// The keys of an event are the columns of the store, in one list.
    #[test]
    fn the_fields_of_an_event_are_the_columns() {
        let event = POOL
            .get_message_by_name("sentinel.v1.Event")
            .expect("it exists");
        for column in COLUMNS {
            let field = event
                .get_field_by_name(column.name)
                .unwrap_or_else(|| panic!("the proto has no {}", column.name));
            let fits = match (column.kind, field.kind()) {
                (ColumnType::Time, Kind::Message(m)) => {
                    m.full_name() == "google.protobuf.Timestamp"
                }
                (ColumnType::U64, Kind::Uint64) | (ColumnType::I64, Kind::Int64) => {
                    !field.is_list()
                }
                (ColumnType::Bool, Kind::Bool) | (ColumnType::Text, Kind::String) => {
                    !field.is_list()
                }
                (ColumnType::TextList, Kind::String) => field.is_list(),
                // Texts in the store, objects here.
                (ColumnType::TextList, Kind::Message(m)) => {
                    m.full_name() == "sentinel.v1.Ancestor" && field.is_list()
                }
                _ => false,
            };
            assert!(fits, "{} has another type in the proto", column.name);
        }
    }
}
