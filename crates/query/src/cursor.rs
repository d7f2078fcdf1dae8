//! Goes through the rows of a table for the engine, one by one.

use std::sync::Arc;

use rusqlite::Error;
use rusqlite::vtab::Context;
use sentinel_store::view::{Filter, Scan, View};

use crate::cells::{Cell, Column};
use crate::group::GroupedRows;
use crate::limits::Limits;
use crate::plan::{Plan, ROW_ID};
use crate::tables::TableInfo;

/// What a table's rows come from.
pub(crate) struct Rows {
    pub table: &'static TableInfo,
    pub view: View,
    pub limits: Arc<Limits>,
}

impl Rows {
    /// Begins a scan of some columns, given as positions in the table.
    pub fn scan(&self, columns: &[usize], filters: Vec<Filter>) -> Scan {
        let sources = columns.iter().map(|c| self.table.columns[*c].source);
        let sources: Vec<usize> = sources.collect();
        let stop = Arc::clone(&self.limits.stop);
        self.view.scan(&sources, filters, stop)
    }
}

/// The place in a table at which the engine is.
pub(crate) struct RowCursor {
    rows: Arc<Rows>,
    /// Where each column of the table lies among those of the batch.
    slots: Vec<Option<usize>>,
    state: State,
    passed: i64,
}

enum State {
    Done,
    Batches(Batches),
    Grouped(GroupedRows),
}

/// Rows as they lie in the store.
struct Batches {
    scan: Scan,
    columns: Vec<Column>,
    row: usize,
    rows: usize,
}

impl RowCursor {
    pub fn new(rows: Arc<Rows>) -> RowCursor {
        RowCursor {
            rows,
            slots: Vec::new(),
            state: State::Done,
            passed: 0,
        }
    }

    /// Goes to the first row.
    pub fn begin(&mut self, plan: &Plan, filters: Vec<Filter>) -> rusqlite::Result<()> {
        self.passed = 0;
        self.slots = vec![None; self.rows.table.columns.len()];
        for (slot, column) in plan.columns.iter().enumerate() {
            self.slots[*column] = Some(slot);
        }
        self.state = match plan.grouping {
            Some(grouping) => {
                let rows = Arc::clone(&self.rows);
                State::Grouped(GroupedRows::new(rows, plan, grouping, filters))
            }
            None => State::Batches(Batches {
                scan: self.rows.scan(&plan.columns, filters),
                columns: Vec::new(),
                row: 0,
                rows: 0,
            }),
        };
        self.settle()
    }

    /// Goes to the next row.
    pub fn advance(&mut self) -> rusqlite::Result<()> {
        self.passed += 1;
        match &mut self.state {
            State::Done => {}
            State::Batches(batches) => {
                batches.row += 1;
                if batches.row < batches.rows {
                    return Ok(());
                }
            }
            State::Grouped(groups) => groups.advance(),
        }
        self.settle()
    }

    /// Fetches rows until there is one to stand on, or none at all.
    fn settle(&mut self) -> rusqlite::Result<()> {
        let limits = &self.rows.limits;
        let is_there = match &mut self.state {
            State::Done => true,
            State::Batches(batches) => batches.settle(limits)?,
            State::Grouped(groups) => groups.settle()?,
        };
        if !is_there {
            self.state = State::Done;
        }
        Ok(())
    }

    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Gives the value of a column to the engine.
    pub fn value(&self, context: &mut Context, column: usize) -> rusqlite::Result<()> {
        let slot =
            self.slots.get(column).copied().flatten().ok_or_else(|| {
                Error::ModuleError(format!("column {column} was not planned for"))
            })?;
        match &self.state {
            State::Done => Ok(()),
            State::Batches(batches) => batches.columns[slot].get(batches.row).set(context),
            State::Grouped(groups) => groups.value(slot).set(context),
        }
    }

    /// What identifies the row: its number, which is read wherever the engine relies on
    /// it, or how many rows lie before it.
    pub fn row_id(&self) -> i64 {
        let mut columns = self.rows.table.columns.iter();
        let column = columns.position(|column| column.name == ROW_ID);
        let slot = column.and_then(|c| self.slots.get(c).copied().flatten());
        match (&self.state, slot) {
            (State::Batches(batches), Some(slot)) => match batches.columns[slot].get(batches.row) {
                Cell::Integer(number) => number,
                _ => self.passed,
            },
            _ => self.passed,
        }
    }
}

impl Batches {
    fn settle(&mut self, limits: &Limits) -> rusqlite::Result<bool> {
        while self.row >= self.rows {
            limits.check()?;
            let Some(batch) = self.scan.next() else {
                // A scan that was told to stop ends like one that is through.
                return limits.check().map(|()| false);
            };
            let batch = batch.map_err(|error| limits.fail(error))?;
            self.columns = batch.columns().iter().map(Column::new).collect();
            (self.row, self.rows) = (0, batch.num_rows());
        }
        Ok(true)
    }
}
