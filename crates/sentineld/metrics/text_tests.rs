use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, Value};
use sentinel_api::v1::{KindCount, Queue};

use super::*;

#[test]
fn every_line_is_a_sample_under_its_help_and_type() {
    let status = StatusResponse {
        version: "1\"\\\n2".to_owned(),
        kinds: vec![KindCount {
            kind: "exec".to_owned(),
            seen: 7,
            ..KindCount::default()
        }],
        queues: vec![Queue {
            name: "store".to_owned(),
            dropped_total: 3,
            ..Queue::default()
        }],
        ..StatusResponse::default()
    };
    let page = page(&status);
    let has = |line: &str| assert!(page.lines().any(|l| l == line), "{line}\n{page}");
    has("sentinel_build_info{version=\"1\\\"\\\\\\n2\",kernel=\"\",host=\"\"} 1");
    has("# TYPE sentinel_events_total counter");
    has("sentinel_events_total{kind=\"exec\"} 7");
    has("sentinel_queue_dropped_total{queue=\"store\"} 3");
    has("# TYPE sentinel_queue_depth gauge");
    assert!(!page.contains("hook_running"), "nothing runs");
}

/// Gives every number of a message a value of its own, and notes where.
fn fill(kind: &MessageDescriptor, path: &str, noted: &mut Vec<(String, u64)>) -> DynamicMessage {
    let mut message = DynamicMessage::new(kind.clone());
    for field in kind.fields() {
        let path = format!("{path}.{}", field.name());
        let number = 1_000_001 + noted.len() as u64;
        let value = match field.kind() {
            Kind::Uint64 | Kind::Uint32 => {
                noted.push((path, number));
                match field.kind() {
                    Kind::Uint64 => Value::U64(number),
                    _ => Value::U32(number as u32),
                }
            }
            // Times end in fractions, which are of no use here.
            Kind::Message(inner) if inner.name() == "Timestamp" => {
                noted.push((path, number));
                let mut time = DynamicMessage::new(inner);
                time.set_field_by_name("seconds", Value::I64(number as i64));
                Value::Message(time)
            }
            Kind::Message(inner) => Value::Message(fill(&inner, &path, noted)),
            Kind::String => Value::String("x".to_owned()),
            _ => continue,
        };
        let value = match field.is_list() {
            true => Value::List(vec![value]),
            false => value,
        };
        message.set_field(&field, value);
    }
    message
}

/// Whatever the status counts is on the page.
#[test]
fn every_number_of_the_status_is_a_sample() {
    let pool = DescriptorPool::decode(sentinel_api::FILE_DESCRIPTOR_SET).expect("is valid");
    let kind = pool.get_message_by_name("sentinel.v1.StatusResponse");
    let mut noted = Vec::new();
    let filled = fill(&kind.expect("is there"), "", &mut noted);
    let status = StatusResponse::decode(&*filled.encode_to_vec()).expect("decodes");
    let page = page(&status);
    // Said in other words, or of no use to whoever draws curves.
    let told = [
        ".mode.since",
        ".mode.until",
        ".learning.fitted",
        ".learning.saved",
    ];
    for (path, number) in noted {
        let value = format!(" {number}");
        let is_there = page.lines().any(|line| line.ends_with(&value));
        assert!(
            is_there || told.contains(&&*path),
            "{path} is missing:\n{page}"
        );
    }
}
