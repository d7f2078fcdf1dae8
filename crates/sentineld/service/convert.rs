//! From our words to the API's: the only place that knows both.

use prost_types::Timestamp;
use sentinel_api::v1;
use sentinel_detect::Counted;
use sentinel_event::{COLUMNS, Event, Value};
use sentinel_store::AlertRecord;

use crate::acknowledgements::Acknowledgement;
use crate::identity::StatsSnapshot;
use crate::mode::{Mode, ModeState};

/// Nanoseconds since the Unix epoch as the API writes times.
pub fn timestamp(time_ns: i64) -> Timestamp {
    Timestamp {
        seconds: time_ns.div_euclid(1_000_000_000),
        nanos: time_ns.rem_euclid(1_000_000_000) as i32,
    }
}

/// A time of the API in nanoseconds since the Unix epoch.
pub fn unix_ns(time: &Timestamp) -> i64 {
    let seconds = time.seconds.saturating_mul(1_000_000_000);
    seconds.saturating_add(time.nanos.into())
}

/// A technique of ATT&CK.
pub fn technique(technique: &sentinel_event::Technique) -> v1::Technique {
    v1::Technique {
        id: technique.id.to_string(),
        legacy_id: technique.legacy_id.to_string(),
        name: technique.name.to_string(),
    }
}

/// An event with every field that its kind has.
pub fn event(event: &Event, host: &str) -> v1::Event {
    let mut message = v1::Event {
        host: host.to_owned(),
        ancestors: event
            .process
            .ancestors()
            .map(|process| v1::Ancestor {
                pid: process.pid,
                exec_id: process.exec_id.to_string(),
                exe: process.exe.to_string(),
            })
            .collect(),
        ..v1::Event::default()
    };
    for column in COLUMNS.iter().filter(|c| c.name != "ancestors") {
        if let Some(value) = (column.get)(event) {
            set(&mut message, column.name, value);
        }
    }
    message
}

/// Writes a column's value into the field of the same name.
macro_rules! fields {
    ($message:ident, $name:ident, $value:ident;
     time: $($time:ident)*; number: $($number:ident)*; optional: $($optional:ident)*;
     signed: $($signed:ident)*; optional_signed: $($optional_signed:ident)*;
     optional_bool: $($optional_bool:ident)*; text: $($text:ident)*;
     optional_text: $($optional_text:ident)*; list: $($list:ident)*;) => {
        match $name {
            $(stringify!($time) => $message.$time = $value.time().map(timestamp),)*
            $(stringify!($number) => $message.$number = $value.number().unwrap_or_default(),)*
            $(stringify!($optional) => $message.$optional = $value.number(),)*
            $(stringify!($signed) => $message.$signed = $value.signed().unwrap_or_default(),)*
            $(stringify!($optional_signed) => $message.$optional_signed = $value.signed(),)*
            $(stringify!($optional_bool) => $message.$optional_bool = $value.truth(),)*
            $(stringify!($text) => $message.$text = $value.text().unwrap_or_default(),)*
            $(stringify!($optional_text) => $message.$optional_text = $value.text(),)*
            $(stringify!($list) => $message.$list = $value.list(),)*
            unknown => debug_assert!(false, "the API has no field {unknown}"),
        }
    };
}

fn set(message: &mut v1::Event, name: &str, value: Value<'_>) {
    fields! { message, name, value;
        time: time ctime start child_start until;
        number: seq pid tid ppid uid count;
        optional: dev inode nlink mode owner euid gid egid auid session cap_effective cgroup_id
            mnt_ns pid_ns net_ns user_ns uts_ns ipc_ns cgroup_ns child code signal run_ns cpu_ns
            peak_rss_bytes port local_port peer_port open_flags address length map_flags argument
            target_pid object_inode bytes_sent bytes_received old_uid old_euid old_gid old_egid
            old_cap_effective new_uid new_euid new_gid new_egid new_cap_effective;
        signed: result;
        optional_signed: fd old_fd;
        optional_bool: tty;
        text: kind exec_id exe comm;
        optional_text: parent_exec_id user cwd filename interpreter previous_exe backing tty_name
            cgroup unit container child_exec_id proto addr local_addr path access prot old_prot
            ring lost_kind to operation target_exec_id target_exe object object_local object_peer name
            container_runtime package exe_sha256;
        list: flags argv stdio stdio_inode stdio_local stdio_peer;
    }
}

/// The value of a column as one of the API's types.
trait Cell {
    fn time(&self) -> Option<i64>;
    fn number(&self) -> Option<u64>;
    fn signed(&self) -> Option<i64>;
    fn truth(&self) -> Option<bool>;
    fn text(&self) -> Option<String>;
    fn list(&self) -> Vec<String>;
}

impl Cell for Value<'_> {
    fn time(&self) -> Option<i64> {
        match self {
            Value::Time(ns) => Some(*ns),
            _ => None,
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Value::U64(number) => Some(*number),
            _ => None,
        }
    }

    fn signed(&self) -> Option<i64> {
        match self {
            Value::I64(number) => Some(*number),
            _ => None,
        }
    }

    fn truth(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Value::Text(text) => Some((*text).to_owned()),
            Value::Owned(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn list(&self) -> Vec<String> {
        match self {
            Value::TextList(list) => list.iter().map(|text| text.to_string()).collect(),
            Value::OwnedList(list) => list.clone(),
            _ => Vec::new(),
        }
    }
}

/// A finding that was only counted.
pub fn counted(finding: &Counted) -> v1::CountedFinding {
    v1::CountedFinding {
        detection: finding.source.to_string(),
        severity: finding.severity.name().to_owned(),
        time: Some(timestamp(finding.time_ns)),
        pid: finding.process.pid,
        ancestors: finding.process.ancestors().map(|a| a.pid).collect(),
        incident: finding.incident.to_string(),
        count: finding.count,
    }
}

/// An alert, from the store or fresh.
pub fn alert(alert: &AlertRecord, host: &str) -> v1::Alert {
    let texts = |list: &[Box<str>]| list.iter().map(|text| text.to_string()).collect();
    v1::Alert {
        time: Some(timestamp(alert.time_ns)),
        id: alert.id.to_string(),
        seq: alert.seq,
        host: host.to_owned(),
        detection: alert.detection.to_string(),
        severity: alert.severity.name().to_owned(),
        confidence: alert.confidence.into(),
        summary: alert.summary.to_string(),
        reason: alert.reason.to_string(),
        techniques: alert
            .techniques
            .iter()
            .map(|technique| v1::Technique {
                id: technique.id.to_string(),
                legacy_id: technique.legacy_id.to_string(),
                name: technique.name.to_string(),
            })
            .collect(),
        pid: alert.pid,
        exec_id: alert.exec_id.to_string(),
        exe: alert.exe.to_string(),
        argv: texts(&alert.argv),
        uid: alert.uid,
        user: alert.user.as_ref().map(|user| user.to_string()),
        ancestors: alert
            .ancestors
            .iter()
            .map(|ancestor| v1::Ancestor {
                pid: ancestor.pid,
                exec_id: ancestor.exec_id.to_string(),
                exe: ancestor.exe.to_string(),
            })
            .collect(),
        evidence: alert
            .evidence
            .iter()
            .map(|evidence| v1::Evidence {
                seq: evidence.seq,
                time: Some(timestamp(evidence.time_ns)),
                text: evidence.text.to_string(),
            })
            .collect(),
        lost_nearby: alert.lost_nearby,
        acknowledged: None,
        incident: alert.incident.to_string(),
        count: alert.count,
        suggestions: texts(&alert.suggestions),
        package: alert.package.as_ref().map(|package| package.to_string()),
        exe_sha256: alert.exe_sha256.map(|sha256| sha256.to_string()),
        anomaly: texts(&alert.anomaly),
    }
}

/// What is known of executables.
pub fn executables(stats: &StatsSnapshot) -> v1::Executables {
    v1::Executables {
        known: stats.executables,
        waiting: stats.waiting,
        dropped_total: stats.dropped_total,
        digests: stats
            .outcomes
            .iter()
            .map(|(outcome, count)| v1::OutcomeCount {
                outcome: outcome.name().to_owned(),
                count: *count,
            })
            .collect(),
        hashed_bytes_total: stats.hashed_bytes_total,
        packages: stats.packages,
        package_files: stats.package_files,
        package_files_left_out: stats.package_files_left_out,
    }
}

/// What somebody said of an alert.
pub fn acknowledgement(known: Acknowledgement) -> v1::Acknowledgement {
    v1::Acknowledgement {
        time: Some(timestamp(known.time_ns)),
        uid: known.uid,
        certificate: known.certificate,
        user: known.user,
        note: known.note,
    }
}

/// Nanoseconds since the epoch, which a time far off may be too many of.
pub fn nanoseconds(time: &Timestamp) -> i64 {
    let seconds = i128::from(time.seconds) * 1_000_000_000;
    (seconds + i128::from(time.nanos)).clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// The mode and when it began.
pub fn mode_state(state: ModeState) -> v1::ModeState {
    let mode = match state.mode {
        Mode::Learn => v1::Mode::Learn,
        Mode::Detect => v1::Mode::Detect,
    };
    v1::ModeState {
        mode: mode.into(),
        since: Some(timestamp(state.since_ns)),
        until: state.until_ns.map(timestamp),
        warnings: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_reflect::{DescriptorPool, DynamicMessage, Kind};
    use sentinel_event::ColumnType;

    /// A field for every column, of a type that can hold it, and no field without one.
    #[test]
    fn the_api_has_exactly_the_columns() {
        let pool = DescriptorPool::decode(sentinel_api::FILE_DESCRIPTOR_SET).expect("decodes");
        let event = pool
            .get_message_by_name("sentinel.v1.Event")
            .expect("is there");
        let mut fields: Vec<String> = event.fields().map(|f| f.name().to_owned()).collect();
        for column in COLUMNS {
            let field = event
                .get_field_by_name(column.name)
                .unwrap_or_else(|| panic!("no field {}", column.name));
            let fits = match column.kind {
                ColumnType::U64 => field.kind() == Kind::Uint64,
                ColumnType::I64 => field.kind() == Kind::Int64,
                ColumnType::Bool => field.kind() == Kind::Bool,
                ColumnType::Text => field.kind() == Kind::String && !field.is_list(),
                ColumnType::TextList => field.is_list(),
                ColumnType::Time => matches!(field.kind(), Kind::Message(_)),
            };
            assert!(fits, "{} has another type", column.name);
            fields.retain(|name| name != column.name);
        }
        assert_eq!(fields, ["host"]);
        // Setting an unknown field panics in tests; this walks every name through.
        for column in COLUMNS.iter().filter(|c| c.name != "ancestors") {
            let value = match column.kind {
                ColumnType::Time => Value::Time(1),
                ColumnType::U64 => Value::U64(1),
                ColumnType::I64 => Value::I64(1),
                ColumnType::Bool => Value::Bool(true),
                ColumnType::Text => Value::Text("x"),
                ColumnType::TextList => Value::OwnedList(vec!["x".to_owned()]),
            };
            let mut message = v1::Event::default();
            set(&mut message, column.name, value);
            let bytes = prost::Message::encode_to_vec(&message);
            let dynamic = DynamicMessage::decode(event.clone(), &bytes[..]).expect("decodes");
            let written: Vec<String> = dynamic.fields().map(|(f, _)| f.name().to_owned()).collect();
            assert_eq!(written, [column.name], "the value went elsewhere");
        }
    }

    #[test]
    fn times_before_the_epoch_are_written_correctly() {
        let time = timestamp(-1);
        assert_eq!((time.seconds, time.nanos), (-1, 999_999_999));
    }
}
