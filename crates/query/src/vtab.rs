//! A table as the engine's C interface wants it. All unsafe code of this crate is here.

#![allow(
    unsafe_code,
    reason = "SQLite's two traits for virtual tables are unsafe"
)]

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_int};
use std::sync::Arc;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::{FromSql, Value};
use rusqlite::vtab::{
    Context, Filters, IndexInfo, Module, VTab, VTabConfig, VTabConnection, VTabCursor,
    sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error};
use sentinel_store::view::Filter;

use crate::cursor::{RowCursor, Rows};
use crate::plan::Plan;
use crate::tables::{ColumnKind, TableInfo};
use crate::time;

/// Makes a table known to the engine.
pub(crate) fn register(connection: &Connection, rows: Rows) -> rusqlite::Result<()> {
    const MODULE: &Module<'_, HistoryTable> = &Module::eponymous_only_module();
    connection.create_module(rows.table.name, MODULE, Some(Arc::new(rows)))
}

/// A table within the engine.
#[repr(C)]
struct HistoryTable {
    /// The engine's part; it must be first.
    base: sqlite3_vtab,
    rows: Arc<Rows>,
    /// Every way to go through the table that the engine was offered.
    plans: RefCell<Vec<Plan>>,
}

// SAFETY: the structure has C's layout and begins with the engine's part, as the trait
// demands; everything else is ours and reached through safe references only.
unsafe impl<'vtab> VTab<'vtab> for HistoryTable {
    type Aux = Arc<Rows>;
    type Cursor = HistoryCursor<'vtab>;

    fn connect(
        connection: &mut VTabConnection,
        rows: Option<&Arc<Rows>>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _arguments: &[&[u8]],
    ) -> rusqlite::Result<(Cow<'static, CStr>, HistoryTable)> {
        let rows = rows.ok_or_else(|| Error::ModuleError("a table without rows".to_owned()))?;
        connection.config(VTabConfig::Innocuous)?;
        let table = HistoryTable {
            base: sqlite3_vtab::default(),
            rows: Arc::clone(rows),
            plans: RefCell::default(),
        };
        Ok((Cow::Owned(declaration(rows.table)?), table))
    }

    fn best_index(&self, info: &mut IndexInfo) -> rusqlite::Result<bool> {
        let Rows {
            table,
            view,
            limits,
        } = &*self.rows;
        let is_read = |column: &str| limits.is_read(table.name, column);
        let plan = Plan::choose(info, table, view.rows_estimate(), is_read)?;
        let mut plans = self.plans.borrow_mut();
        info.set_idx_num(c_int::try_from(plans.len()).unwrap_or(c_int::MAX));
        plans.push(plan);
        Ok(true)
    }

    fn open(&'vtab mut self) -> rusqlite::Result<HistoryCursor<'vtab>> {
        Ok(HistoryCursor {
            base: sqlite3_vtab_cursor::default(),
            cursor: RowCursor::new(Arc::clone(&self.rows)),
            table: self.rows.table,
            plans: &self.plans,
        })
    }
}

/// A cursor within the engine.
#[repr(C)]
struct HistoryCursor<'vtab> {
    /// The engine's part; it must be first.
    base: sqlite3_vtab_cursor,
    cursor: RowCursor,
    table: &'static TableInfo,
    plans: &'vtab RefCell<Vec<Plan>>,
}

impl HistoryCursor<'_> {
    fn filters(&self, plan: &Plan, arguments: &Filters<'_>) -> rusqlite::Result<Vec<Filter>> {
        let mut values = Vec::new();
        for (i, condition) in plan.conditions.iter().enumerate() {
            let mut sides = Vec::new();
            if condition.is_list {
                let mut list = arguments.in_values(i)?;
                while let Some(value) = list.next()? {
                    sides.push(Value::column_result(value).map_err(|_| unreadable())?);
                }
            } else {
                sides.push(arguments.get(i)?);
            }
            values.push(sides);
        }
        Ok(plan.filters(self.table, &values))
    }
}

// SAFETY: as for the table.
unsafe impl VTabCursor for HistoryCursor<'_> {
    fn filter(
        &mut self,
        plan: c_int,
        _: Option<&str>,
        arguments: &Filters<'_>,
    ) -> rusqlite::Result<()> {
        let plans = self.plans.borrow();
        let plan = usize::try_from(plan).ok().and_then(|plan| plans.get(plan));
        let plan = plan.ok_or_else(|| Error::ModuleError("an unknown plan".to_owned()))?;
        let filters = self.filters(plan, arguments)?;
        self.cursor.begin(plan, filters)
    }

    fn next(&mut self) -> rusqlite::Result<()> {
        self.cursor.advance()
    }

    fn eof(&self) -> bool {
        self.cursor.is_done()
    }

    fn column(&self, context: &mut Context, column: c_int) -> rusqlite::Result<()> {
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        self.cursor.value(context, column)
    }

    fn rowid(&self) -> rusqlite::Result<i64> {
        Ok(self.cursor.row_id())
    }
}

fn unreadable() -> Error {
    Error::ModuleError("a list holds a text that is not UTF-8".to_owned())
}

/// The table as SQL declares it.
fn declaration(table: &TableInfo) -> rusqlite::Result<CString> {
    let columns = table.columns.iter().map(|column| {
        let collation = match column.kind {
            ColumnKind::Time => time::COLLATION,
            _ => "BINARY",
        };
        let kind = column.kind.declaration();
        format!("\"{}\" {kind} COLLATE {collation}", column.name)
    });
    let columns: Vec<String> = columns.collect();
    Ok(CString::new(format!(
        "CREATE TABLE x({})",
        columns.join(", ")
    ))?)
}
