//! Alerts as rows: what is kept of an alert, and the one list of its columns.

mod columns;
mod lists;

pub use columns::{ALERT_COLUMNS, AlertColumn};

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use sentinel_event::{Alert, Evidence, ExecId, Severity, Sha256};

use crate::Table;

/// An alert as the store keeps it: whole, but with its texts owned and its process
/// reduced to what an alert shows.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRecord {
    /// When the triggering event happened, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Position in this host's alert history.
    pub seq: u64,
    /// Stable identity, 16 hexadecimal digits.
    pub id: Box<str>,
    /// The incident that it belongs to, 16 hexadecimal digits.
    pub incident: Box<str>,
    /// Findings of the incident so far.
    pub count: u64,
    /// Name of the detection.
    pub detection: Box<str>,
    /// How bad it is if it is true.
    pub severity: Severity,
    /// How sure the detection is, in percent.
    pub confidence: u8,
    /// What happened, in one sentence.
    pub summary: Box<str>,
    /// Why the detection concluded so.
    pub reason: Box<str>,
    /// ATT&CK techniques.
    pub techniques: Vec<TechniqueRecord>,
    /// Process id of the process at fault.
    pub pid: u32,
    /// Identity of its image.
    pub exec_id: ExecId,
    /// Absolute path of its executable.
    pub exe: Box<str>,
    /// The package that owns it, when one does.
    pub package: Option<Box<str>>,
    /// Its digest, when that was known as the alert was raised.
    pub exe_sha256: Option<Sha256>,
    /// Its arguments.
    pub argv: Vec<Box<str>>,
    /// Its real user id.
    pub uid: u32,
    /// The name of that user, when known.
    pub user: Option<Box<str>>,
    /// Its ancestors, parent first.
    pub ancestors: Vec<AncestorRecord>,
    /// The events that it rests on, oldest first.
    pub evidence: Vec<Evidence>,
    /// How many events were lost in the minute before the alert.
    pub lost_nearby: u64,
    /// Commands that show more.
    pub suggestions: Vec<Box<str>>,
    /// For an anomaly, the numbers behind it.
    pub anomaly: Vec<Box<str>>,
}

/// An ATT&CK technique with owned texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TechniqueRecord {
    /// Id in ATT&CK v19.
    pub id: Box<str>,
    /// Id before v19; the same where v19 kept it.
    pub legacy_id: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

/// One ancestor of the process at fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AncestorRecord {
    /// Process id.
    pub pid: u32,
    /// Identity of its image.
    pub exec_id: ExecId,
    /// Absolute path of its executable.
    pub exe: Box<str>,
}

impl From<&Alert> for AlertRecord {
    fn from(alert: &Alert) -> AlertRecord {
        let process = &alert.process;
        let techniques = alert.techniques.iter().map(|t| TechniqueRecord {
            id: (*t.id).into(),
            legacy_id: (*t.legacy_id).into(),
            name: (*t.name).into(),
        });
        let ancestors = process.ancestors().map(|p| AncestorRecord {
            pid: p.pid,
            exec_id: p.exec_id,
            exe: (*p.exe).into(),
        });
        AlertRecord {
            time_ns: alert.time_ns,
            seq: alert.seq,
            id: alert.id.clone(),
            incident: alert.incident.clone(),
            count: alert.count,
            detection: (*alert.detection).into(),
            severity: alert.severity,
            confidence: alert.confidence,
            summary: alert.summary.clone(),
            reason: alert.reason.clone(),
            techniques: techniques.collect(),
            pid: process.pid,
            exec_id: process.exec_id,
            exe: (*process.exe).into(),
            package: process.package.as_deref().map(Box::from),
            exe_sha256: process.sha256,
            argv: process.argv.to_vec(),
            uid: process.uid,
            user: process.user.as_deref().map(Box::from),
            ancestors: ancestors.collect(),
            evidence: alert.evidence.clone(),
            lost_nearby: alert.lost_nearby,
            suggestions: alert.suggestions.clone(),
            anomaly: alert.anomaly.clone(),
        }
    }
}

impl AlertRecord {
    /// A record in which nothing is set, to be filled column by column.
    fn empty() -> AlertRecord {
        AlertRecord {
            time_ns: 0,
            seq: 0,
            id: Box::default(),
            incident: Box::default(),
            count: 0,
            detection: Box::default(),
            severity: Severity::Info,
            confidence: 0,
            summary: Box::default(),
            reason: Box::default(),
            techniques: Vec::new(),
            pid: 0,
            exec_id: ExecId::default(),
            exe: Box::default(),
            package: None,
            exe_sha256: None,
            argv: Vec::new(),
            uid: 0,
            user: None,
            ancestors: Vec::new(),
            evidence: Vec::new(),
            lost_nearby: 0,
            suggestions: Vec::new(),
            anomaly: Vec::new(),
        }
    }
}

/// Alerts as one batch.
pub(crate) fn encode(alerts: &[AlertRecord]) -> Result<RecordBatch, ArrowError> {
    let arrays = ALERT_COLUMNS.iter().map(|c| (c.encode)(alerts)).collect();
    RecordBatch::try_new(Table::Alerts.schema(), arrays)
}

/// The alerts in a batch whose columns are those of the table.
pub(crate) fn decode(batch: &RecordBatch) -> Result<Vec<AlertRecord>, ArrowError> {
    let mut alerts = vec![AlertRecord::empty(); batch.num_rows()];
    for column in ALERT_COLUMNS {
        let array = batch.column_by_name(column.name).ok_or_else(|| {
            ArrowError::SchemaError(format!("there is no column {}", column.name))
        })?;
        if array.data_type() != &(column.data_type)() {
            let found = array.data_type();
            return Err(ArrowError::SchemaError(format!(
                "column {} is of type {found}",
                column.name
            )));
        }
        (column.decode)(array, &mut alerts);
    }
    Ok(alerts)
}
