//! The answer to a query: aligned columns, JSON, or comma-separated values.

use std::fmt::Write;

use sentinel_event::text::escape;
use sentinel_query::tables::{ColumnKind, TableInfo};
use sentinel_query::{Cell, OutColumn};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::table::{self, Row};
use super::{BOLD, Look};
use crate::json;

/// Rows that are looked at to find out how wide columns are. Wider values in later
/// rows stand out to the right.
const MEASURED_ROWS: usize = 1_000;
const GAP: &str = "  ";

/// Aligned columns, whose widths the first rows decide.
pub struct Table {
    look: Look,
    names: Vec<String>,
    /// Columns that stand on the right, because they hold numbers.
    right: Vec<bool>,
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    has_begun: bool,
    is_empty: bool,
}

impl Table {
    /// A table that is yet to begin.
    pub fn new(look: Look) -> Table {
        Table {
            look,
            names: Vec::new(),
            right: Vec::new(),
            waiting: Vec::new(),
            widths: None,
            has_begun: false,
            is_empty: true,
        }
    }

    /// Whether there was no row.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Takes the columns.
    pub fn begin(&mut self, columns: &[OutColumn]) {
        let names = columns.iter().map(|c| escape(&c.name).into_owned());
        self.names = names.collect();
        self.right = vec![true; columns.len()];
        self.has_begun = true;
    }

    /// Takes a row and gives what can be printed by now.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> String {
        self.is_empty = false;
        let texts = cells.iter().map(|cell| escape(&text(cell)).into_owned());
        let texts: Vec<String> = texts.collect();
        if let Some(widths) = &self.widths {
            return self.line(&texts, widths);
        }
        for (right, cell) in self.right.iter_mut().zip(cells) {
            *right &= !matches!(cell, Cell::Text(_));
        }
        self.waiting.push(texts);
        match self.waiting.len() < MEASURED_ROWS {
            true => String::new(),
            false => self.finish(),
        }
    }

    /// What was not printed yet: the header at least.
    pub fn finish(&mut self) -> String {
        if self.widths.is_some() || !self.has_begun {
            return String::new();
        }
        let waiting = std::mem::take(&mut self.waiting);
        let width = |i: usize| {
            let column = waiting.iter().map(|row| &row[i]);
            let all = column.chain([&self.names[i]]);
            all.map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.names.len()).map(width).collect();
        let header = self.line(&self.names, &widths);
        let mut out = self.look.paint(BOLD, header.trim_end_matches('\n')) + "\n";
        waiting
            .iter()
            .for_each(|row| out += &self.line(row, &widths));
        self.widths = Some(widths);
        out
    }

    fn line(&self, texts: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (i, (text, width)) in texts.iter().zip(widths).enumerate() {
            let gap = if i > 0 { GAP } else { "" };
            // Writing to a string cannot fail.
            let _ = match self.right[i] {
                true => write!(line, "{gap}{text:>width$}"),
                false => write!(line, "{gap}{text:width$}"),
            };
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

/// The names of the columns as RFC 4180 has them.
pub fn csv_header(columns: &[OutColumn]) -> String {
    csv_line(columns.iter().map(|c| c.name.clone()))
}

/// A row as RFC 4180 has it. On a terminal, what could steer it is escaped; anywhere
/// else data stay as they are.
pub fn csv(cells: &[Cell<'_>], terminal: bool) -> String {
    csv_line(cells.iter().map(|cell| match terminal {
        true => escape(&text(cell)).into_owned(),
        false => text(cell),
    }))
}

fn csv_line(texts: impl Iterator<Item = String>) -> String {
    let quoted = texts.map(|text| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

/// A row as one line of JSON. Lists are lists, and not texts that hold lists.
pub fn json(columns: &[OutColumn], cells: &[Cell<'_>]) -> serde_json::Result<String> {
    Ok(json::line(&Object { columns, cells })? + "\n")
}

struct Object<'a> {
    columns: &'a [OutColumn],
    cells: &'a [Cell<'a>],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.cells.len()))?;
        for (column, cell) in self.columns.iter().zip(self.cells) {
            map.serialize_key(&column.name)?;
            match (cell, column.kind) {
                (Cell::Null, _) => map.serialize_value(&())?,
                (Cell::Integer(value), Some(ColumnKind::Boolean)) => {
                    map.serialize_value(&(*value != 0))?;
                }
                (Cell::Integer(value), _) => map.serialize_value(value)?,
                (Cell::Real(value), _) => map.serialize_value(value)?,
                (Cell::Text(value), Some(ColumnKind::Json)) => {
                    let parsed: Result<serde_json::Value, _> = serde_json::from_str(value);
                    match parsed {
                        Ok(parsed) => map.serialize_value(&parsed)?,
                        Err(_) => map.serialize_value(value)?,
                    }
                }
                // What does not fit the engine's integers is one in JSON all the same.
                (Cell::Text(value), Some(ColumnKind::Integer)) => match value.parse::<u64>() {
                    Ok(number) => map.serialize_value(&number)?,
                    Err(_) => map.serialize_value(value)?,
                },
                (Cell::Text(value), _) => map.serialize_value(value)?,
            }
        }
        map.end()
    }
}

/// Every table with its columns and what they mean.
pub fn describe(tables: &[TableInfo], look: &Look) -> String {
    let mut out = String::new();
    for info in tables {
        if !out.is_empty() {
            out.push('\n');
        }
        let kinds: Vec<&str> = info.kinds.iter().map(|kind| kind.name()).collect();
        out += &look.paint(BOLD, info.name);
        out += &format!(": {}", info.doc);
        if !kinds.is_empty() {
            out += &format!(" (kind {})", kinds.join(", "));
        }
        out.push('\n');
        let columns = info.columns.iter().map(|column| {
            Row::from(vec![
                table::text(&format!("  {}", column.name)),
                table::text(column.kind.name()),
                table::text(column.doc),
            ])
        });
        out += &table::table(look, &["  COLUMN", "TYPE", "MEANING"], columns.collect()).text();
    }
    out
}

fn text(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(value) => value.to_string(),
        Cell::Real(value) => format!("{value:?}"),
        Cell::Text(text) => text.clone().into_owned(),
    }
}
