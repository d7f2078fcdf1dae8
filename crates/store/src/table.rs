//! The two tables and what their files say about themselves.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sentinel_event::{COLUMNS, ColumnType};

use crate::StoreError;
use crate::alerts::ALERT_COLUMNS;

/// Version of the files; a file of another version is set aside, never guessed at.
/// Raise it with every change to the columns.
pub const SCHEMA_VERSION: u32 = 3;

/// Key of the schema version in a file's metadata.
pub(crate) const VERSION_KEY: &str = "sentinel.schema_version";
/// Key of the table's name in a file's metadata.
pub(crate) const TABLE_KEY: &str = "sentinel.table";
/// Key of the host's name in a file's metadata.
pub(crate) const HOST_KEY: &str = "sentinel.host";

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// What happened.
    Events,
    /// What was concluded.
    Alerts,
}

impl Table {
    /// Both tables.
    pub const ALL: [Table; 2] = [Table::Events, Table::Alerts];

    /// The name used for folders, files and SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Events => "events",
            Table::Alerts => "alerts",
        }
    }

    /// The columns as Arrow sees them.
    pub fn schema(self) -> SchemaRef {
        static EVENTS: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(event_schema()));
        static ALERTS: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(alert_schema()));
        match self {
            Table::Events => EVENTS.clone(),
            Table::Alerts => ALERTS.clone(),
        }
    }

    /// What a file of this table says about itself.
    pub(crate) fn metadata(self, host: &str) -> HashMap<String, String> {
        HashMap::from([
            (VERSION_KEY.to_owned(), SCHEMA_VERSION.to_string()),
            (TABLE_KEY.to_owned(), self.name().to_owned()),
            (HOST_KEY.to_owned(), host.to_owned()),
        ])
    }

    /// Refuses a file whose columns this version does not know.
    pub(crate) fn check_schema(
        self,
        path: &Path,
        found: Option<&Schema>,
    ) -> Result<(), StoreError> {
        let Some(found) = found else {
            return Err(StoreError::damaged(path, "it has no schema"));
        };
        let version = found.metadata().get(VERSION_KEY);
        if version != Some(&SCHEMA_VERSION.to_string()) {
            return Err(StoreError::Schema {
                path: path.to_owned(),
                found: version.cloned().unwrap_or_else(|| "none".to_owned()),
                expected: SCHEMA_VERSION,
            });
        }
        if found.fields() != self.schema().fields() {
            let reason = "its columns are not those of its version";
            return Err(StoreError::damaged(path, reason));
        }
        Ok(())
    }

    /// Columns that people search for one value of; they get bloom filters.
    pub(crate) const fn searched_columns(self) -> &'static [&'static str] {
        match self {
            Table::Events => &["exec_id", "exe", "addr", "path"],
            Table::Alerts => &["id", "incident", "exec_id", "exe"],
        }
    }
}

/// The type of time columns: nanoseconds since the Unix epoch.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// The type of lists of texts.
pub(crate) fn text_list_type() -> DataType {
    list_type(DataType::Utf8)
}

/// The type of lists of `item`.
pub(crate) fn list_type(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

fn event_schema() -> Schema {
    let fields = COLUMNS.iter().map(|column| {
        let kind = match column.kind {
            ColumnType::Time => time_type(),
            ColumnType::U64 => DataType::UInt64,
            ColumnType::I64 => DataType::Int64,
            ColumnType::Bool => DataType::Boolean,
            ColumnType::Text => DataType::Utf8,
            ColumnType::TextList => text_list_type(),
        };
        Field::new(column.name, kind, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn alert_schema() -> Schema {
    let fields = ALERT_COLUMNS
        .iter()
        .map(|column| Field::new(column.name, (column.data_type)(), true));
    Schema::new(fields.collect::<Vec<_>>())
}
