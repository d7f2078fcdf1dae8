//! The engine with our tables, its limits, and one query.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Statement};
use sentinel_event::text::from_bytes;
use sentinel_store::Table;
use sentinel_store::replay::TimeRange;
use sentinel_store::view::View;

use crate::cursor::Rows;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::tables::{self, ColumnKind};
use crate::{time, vtab};

/// What a query may use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which part of the history its tables hold.
    pub range: TimeRange,
    /// Bytes that the engine may take for itself, and groups of rows once more.
    pub memory_bytes: u64,
    /// When it is cancelled.
    pub timeout: Option<Duration>,
}

/// A value of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// An integer.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text; bytes that are no text are mapped as the store maps them.
    Text(std::borrow::Cow<'a, str>),
}

/// A column of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutColumn {
    /// Its name.
    pub name: String,
    /// What it holds, where it is a column of a table and not computed.
    pub kind: Option<ColumnKind>,
}

/// Where the answer goes.
pub trait Sink {
    /// Why it does not take more, or why there is no answer.
    type Error: From<Fault>;

    /// Takes the columns, once, before all rows.
    fn begin(&mut self, columns: &[OutColumn]) -> Result<(), Self::Error>;

    /// Takes a row.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Self::Error>;
}

/// The history of a host at one moment, ready to be asked.
pub struct History {
    connection: Connection,
    limits: Arc<Limits>,
    options: Options,
    views: Vec<View>,
    /// What the last query wanted to do and was not allowed to.
    refused: Arc<Mutex<Option<String>>>,
}

impl History {
    /// Opens the history below `data_dir`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(data_dir: &Path, options: Options) -> Result<History, Fault> {
        let views =
            [Table::Events, Table::Alerts].map(|table| View::take(data_dir, table, options.range));
        let [events, alerts] = views;
        let views = vec![events?, alerts?];
        let limits = Arc::new(Limits::new(options.memory_bytes));
        let refused = Arc::default();
        let history = History {
            connection: connect(&views, &limits, &refused)
                .map_err(|error| Fault::of(&error, options.memory_bytes))?,
            limits,
            options,
            views,
            refused,
        };
        Ok(history)
    }

    /// Runs one query and gives its rows away as they come.
    ///
    /// # Errors
    /// When the query is wrong or refused, reaches a limit, or the sink takes no more.
    pub fn run<S: Sink>(&self, sql: &str, sink: &mut S) -> Result<(), S::Error> {
        let (done, ended) = channel::<()>();
        if let Some(timeout) = self.options.timeout {
            let stop = Arc::clone(&self.limits.stop);
            let interrupt = self.connection.get_interrupt_handle();
            thread::spawn(move || {
                if ended.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                    stop.store(true, Ordering::Relaxed);
                    interrupt.interrupt();
                }
            });
        }
        let result = self.answer(sql, sink);
        drop(done);
        result
    }

    /// How far the queries so far are: the files that were begun, and all that are wanted.
    pub fn progress(&self) -> impl Fn() -> (u64, u64) + Send + 'static {
        let views: Vec<_> = self.views.iter().map(View::progress).collect();
        move || {
            let counts = views.iter().map(|view| view.files());
            counts.fold((0, 0), |sum, (begun, all)| (sum.0 + begun, sum.1 + all))
        }
    }

    /// What was left out because it is damaged, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        self.views.iter().flat_map(View::problems).collect()
    }

    fn answer<S: Sink>(&self, sql: &str, sink: &mut S) -> Result<(), S::Error> {
        let mut statement = self.connection.prepare(sql).map_err(|e| self.fault(&e))?;
        if statement.column_count() == 0 {
            return Err(Fault::Sql(
                "there is no query; try \"select * from events limit 5\"".into(),
            )
            .into());
        }
        let columns = columns(&statement);
        sink.begin(&columns)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|e| self.fault(&e))? {
            let mut cells = Vec::with_capacity(columns.len());
            for i in 0..columns.len() {
                cells.push(cell(row.get_ref(i).map_err(|e| self.fault(&e))?));
            }
            sink.row(&cells)?;
        }
        Ok(())
    }

    fn fault(&self, error: &rusqlite::Error) -> Fault {
        if self.limits.stop.load(Ordering::Relaxed) {
            let timeout = self.options.timeout.unwrap_or_default();
            return Fault::Timeout(timeout.as_secs_f64());
        }
        if let Some(fault) = self.limits.take_fault() {
            return Fault::Store(fault);
        }
        let refused = self.refused.lock();
        if let Some(refused) = refused.unwrap_or_else(PoisonError::into_inner).take() {
            return Fault::ReadOnly(refused);
        }
        Fault::of(error, self.options.memory_bytes)
    }
}

fn connect(
    views: &[View],
    limits: &Arc<Limits>,
    refused: &Arc<Mutex<Option<String>>>,
) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_in_memory_with_flags(flags)?;
    let bytes = i64::try_from(limits.memory_bytes).unwrap_or(i64::MAX);
    // What does not fit into the cache is sorted in files without a name.
    connection.pragma_update(None, "cache_size", -(bytes >> 13))?;
    connection.pragma_update(None, "hard_heap_limit", bytes)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Without it, a misspelt column in double quotes would be taken for a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.create_collation(time::COLLATION, time::compare)?;
    for table in tables::all() {
        let Some(view) = views.iter().find(|view| view.table() == table.source) else {
            continue;
        };
        let rows = Rows {
            table,
            view: view.clone(),
            limits: Arc::clone(limits),
        };
        vtab::register(&connection, rows)?;
    }
    let (limits, refused) = (Arc::clone(limits), Arc::clone(refused));
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        authorize(&context.action, &limits, &refused)
    }))?;
    Ok(connection)
}

/// Allows what a query consists of and nothing else.
fn authorize(
    action: &AuthAction<'_>,
    limits: &Limits,
    refused: &Mutex<Option<String>>,
) -> Authorization {
    let what = match action {
        AuthAction::Read {
            table_name,
            column_name,
        } => {
            limits.note_read(table_name, column_name);
            return Authorization::Allow;
        }
        AuthAction::Select | AuthAction::Recursive => return Authorization::Allow,
        AuthAction::Function { function_name } if !is_dangerous(function_name) => {
            return Authorization::Allow;
        }
        AuthAction::Function { function_name } => format!("the function {function_name}"),
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => "ATTACH".to_owned(),
        AuthAction::Pragma { .. } => "PRAGMA".to_owned(),
        AuthAction::Insert { .. } => "INSERT, CREATE or another change".to_owned(),
        AuthAction::Update { .. } => "UPDATE or another change".to_owned(),
        AuthAction::Delete { .. } => "DELETE, DROP or another change".to_owned(),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => "a transaction".to_owned(),
        _ => "this statement".to_owned(),
    };
    let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
    refused.get_or_insert(what);
    Authorization::Deny
}

/// Functions that reach beyond the tables.
fn is_dangerous(function: &str) -> bool {
    ["load_extension", "fts3_tokenizer"].contains(&function.to_ascii_lowercase().as_str())
}

fn columns(statement: &Statement<'_>) -> Vec<OutColumn> {
    let columns = statement.columns();
    columns
        .map(|column| OutColumn {
            name: column.name().to_owned(),
            kind: column.decl_type().and_then(ColumnKind::declared),
        })
        .collect()
}

fn cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cell::Text(match str::from_utf8(bytes) {
            // The store's texts are mapped already.
            Ok(text) => text.into(),
            Err(_) => from_bytes(bytes),
        }),
    }
}
