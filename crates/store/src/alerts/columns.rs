//! The one list of an alert's columns: name, type, meaning, and both directions.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray, UInt64Array};
use arrow_array::{TimestampNanosecondArray, types};
use arrow_schema::DataType;
use sentinel_event::{ExecId, Severity, Sha256};

use super::{AlertRecord, lists};
use crate::table::time_type;

/// One field of an alert.
pub struct AlertColumn {
    /// Its name everywhere.
    pub name: &'static str,
    /// What it means, with unit.
    pub doc: &'static str,
    /// Its type.
    pub data_type: fn() -> DataType,
    pub(crate) encode: fn(&[AlertRecord]) -> ArrayRef,
    pub(crate) decode: fn(&ArrayRef, &mut [AlertRecord]),
}

macro_rules! columns {
    ($($name:ident $kind:ident $doc:literal $get:expr, $set:expr;)*) => {
        &[$(AlertColumn {
            name: stringify!($name),
            doc: $doc,
            data_type: $kind::data_type,
            encode: |alerts| $kind::encode(alerts, $get),
            decode: |array, alerts| $kind::decode(array, alerts, $set),
        }),*]
    };
}

/// Every field of an alert.
pub const ALERT_COLUMNS: &[AlertColumn] = columns! {
    time time "when the triggering event happened" |a| a.time_ns, |a, v| a.time_ns = v;
    seq number "position in the host's alert history" |a| a.seq, |a, v| a.seq = v;
    id text "stable identity, 16 hexadecimal digits" |a| Some(a.id.as_ref().into()), |a, v| a.id = v.into();
    incident text "the incident that it belongs to, 16 hexadecimal digits" |a| Some(a.incident.as_ref().into()), |a, v| a.incident = v.into();
    count number "findings of the incident so far, those that were only counted included" |a| a.count, |a, v| a.count = v;
    detection text "name of the detection" |a| Some(a.detection.as_ref().into()), |a, v| a.detection = v.into();
    severity text "info, low, medium, high or critical" |a| Some(a.severity.name().into()), |a, v| a.severity = Severity::from_name(v).unwrap_or(Severity::Info);
    confidence number "how sure the detection is, in percent" |a| a.confidence.into(), |a, v| a.confidence = v as u8;
    summary text "what happened, in one sentence" |a| Some(a.summary.as_ref().into()), |a, v| a.summary = v.into();
    reason text "why the detection concluded so" |a| Some(a.reason.as_ref().into()), |a, v| a.reason = v.into();
    techniques techniques "ATT&CK techniques: id in v19, id before it, name" |a| &a.techniques, |a, v| a.techniques = v;
    pid number "process id of the process at fault" |a| a.pid.into(), |a, v| a.pid = v as u32;
    exec_id text "identity of its image, 16 hexadecimal digits" |a| Some(a.exec_id.to_string().into()), |a, v| a.exec_id = ExecId::parse(v).unwrap_or_default();
    exe text "absolute path of its executable" |a| Some(a.exe.as_ref().into()), |a, v| a.exe = v.into();
    argv text_list "its arguments" |a| &a.argv, |a, v| a.argv = v;
    uid number "its real user id" |a| a.uid.into(), |a, v| a.uid = v as u32;
    user text "name of the real user" |a| a.user.as_deref().map(Into::into), |a, v| a.user = Some(v.into());
    ancestors ancestors "its ancestors, parent first" |a| &a.ancestors, |a, v| a.ancestors = v;
    evidence evidence "the events that it rests on, oldest first" |a| &a.evidence, |a, v| a.evidence = v;
    lost_nearby number "events lost in the minute before the alert" |a| a.lost_nearby, |a, v| a.lost_nearby = v;
    suggestions text_list "commands that show more" |a| &a.suggestions, |a, v| a.suggestions = v;
    package text "package that owns the executable" |a| a.package.as_deref().map(Into::into), |a, v| a.package = Some(v.into());
    exe_sha256 text "SHA-256 of the executable, when it was known as the alert was raised" |a| a.exe_sha256.map(|s| s.to_string().into()), |a, v| a.exe_sha256 = Sha256::parse(v);
    anomaly text_list "for an anomaly, the numbers behind it: p-values, features with their usual ranges, model" |a| &a.anomaly, |a, v| a.anomaly = v;
};

use lists::{ancestors, evidence, techniques, text_list};

/// Nanoseconds since the Unix epoch.
mod time {
    use super::*;

    pub fn data_type() -> DataType {
        time_type()
    }

    pub fn encode(alerts: &[AlertRecord], get: fn(&AlertRecord) -> i64) -> ArrayRef {
        let values = alerts.iter().map(get);
        Arc::new(TimestampNanosecondArray::from_iter_values(values).with_timezone("UTC"))
    }

    pub fn decode(array: &ArrayRef, alerts: &mut [AlertRecord], set: fn(&mut AlertRecord, i64)) {
        let values = array.as_primitive::<types::TimestampNanosecondType>();
        for (alert, value) in alerts.iter_mut().zip(values) {
            set(alert, value.unwrap_or_default());
        }
    }
}

/// Unsigned integers.
mod number {
    use super::*;

    pub fn data_type() -> DataType {
        DataType::UInt64
    }

    pub fn encode(alerts: &[AlertRecord], get: fn(&AlertRecord) -> u64) -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(alerts.iter().map(get)))
    }

    pub fn decode(array: &ArrayRef, alerts: &mut [AlertRecord], set: fn(&mut AlertRecord, u64)) {
        let values = array.as_primitive::<types::UInt64Type>();
        for (alert, value) in alerts.iter_mut().zip(values) {
            set(alert, value.unwrap_or_default());
        }
    }
}

/// Texts; null where there is none.
mod text {
    use std::borrow::Cow;

    use super::*;

    pub fn data_type() -> DataType {
        DataType::Utf8
    }

    pub fn encode(
        alerts: &[AlertRecord],
        get: fn(&AlertRecord) -> Option<Cow<'_, str>>,
    ) -> ArrayRef {
        Arc::new(alerts.iter().map(get).collect::<StringArray>())
    }

    pub fn decode(array: &ArrayRef, alerts: &mut [AlertRecord], set: fn(&mut AlertRecord, &str)) {
        let values = array.as_string::<i32>();
        for (row, alert) in alerts.iter_mut().enumerate() {
            if values.is_valid(row) {
                set(alert, values.value(row));
            }
        }
    }
}
