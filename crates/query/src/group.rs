//! Equal rows one after the other, so that the engine need not sort them: it groups by
//! comparing neighbours, and sorting ten million rows takes far longer than counting.
//!
//! Rows are counted by their values. When these take more memory than a query may, only
//! a part of the groups, chosen by their hashes, is counted at a time, and the history
//! is read once for each part.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use rusqlite::Error;
use sentinel_store::view::Filter;

use crate::cells::{Cell, Column};
use crate::cursor::Rows;
use crate::plan::{Grouping, Plan};

/// So many parts are not worth reading the history for.
const MODULUS_MAX: u64 = 1 << 8;
/// What a group takes beside its texts, with room for growing maps.
const GROUP_BYTES: u64 = 96;

type Value = Cell<Box<str>>;

/// The values of a group, and how often they occur.
type Group = (Box<[Value]>, u64);

/// Groups of rows, and where among them the engine is.
pub(crate) struct GroupedRows {
    rows: Arc<Rows>,
    columns: Vec<usize>,
    filters: Vec<Filter>,
    grouping: Grouping,
    /// Parts of the groups that are still to be counted.
    parts: Vec<Part>,
    /// The groups of one part and how often each occurs.
    groups: Vec<Group>,
    group: usize,
    repeated: u64,
}

/// The groups whose hashes leave this remainder.
#[derive(Clone, Copy)]
struct Part {
    modulus: u64,
    remainder: u64,
}

impl Part {
    fn has(self, hash: u64) -> bool {
        hash % self.modulus == self.remainder
    }
}

impl GroupedRows {
    pub fn new(
        rows: Arc<Rows>,
        plan: &Plan,
        grouping: Grouping,
        filters: Vec<Filter>,
    ) -> GroupedRows {
        GroupedRows {
            rows,
            columns: plan.columns.clone(),
            filters,
            grouping,
            parts: vec![Part {
                modulus: 1,
                remainder: 0,
            }],
            groups: Vec::new(),
            group: 0,
            repeated: 0,
        }
    }

    pub fn advance(&mut self) {
        self.repeated += 1;
        let often = match self.grouping {
            Grouping::Distinct => 1,
            Grouping::Counted => self.groups.get(self.group).map_or(0, |group| group.1),
        };
        if self.repeated >= often {
            self.group += 1;
            self.repeated = 0;
        }
    }

    /// Counts until there is a group to stand on; false when there is none.
    pub fn settle(&mut self) -> rusqlite::Result<bool> {
        while self.group >= self.groups.len() {
            let Some(part) = self.parts.pop() else {
                return Ok(false);
            };
            self.groups = Vec::new();
            (self.group, self.repeated) = (0, 0);
            match self.count(part)? {
                Some(groups) => self.groups = groups,
                None => self.split(part)?,
            }
        }
        Ok(true)
    }

    pub fn value(&self, slot: usize) -> &Value {
        &self.groups[self.group].0[slot]
    }

    fn split(&mut self, Part { modulus, remainder }: Part) -> rusqlite::Result<()> {
        if modulus >= MODULUS_MAX {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOMEM);
            return Err(Error::SqliteFailure(code, None));
        }
        for remainder in [remainder, remainder + modulus] {
            self.parts.push(Part {
                modulus: modulus * 2,
                remainder,
            });
        }
        Ok(())
    }

    /// The groups of a part, in the order in which they first occur; `None` when they
    /// take too much memory.
    fn count(&self, part: Part) -> rusqlite::Result<Option<Vec<Group>>> {
        let limits = &self.rows.limits;
        let mut groups = Groups::new(part, self.columns.len());
        let mut scan = self.rows.scan(&self.columns, self.filters.clone());
        loop {
            limits.check()?;
            let Some(batch) = scan.next() else {
                limits.check()?;
                return Ok(Some(groups.counted));
            };
            groups.add(&batch.map_err(|error| limits.fail(error))?);
            if groups.bytes > limits.memory_bytes {
                return Ok(None);
            }
        }
    }
}

/// Groups that are being counted.
struct Groups {
    part: Part,
    counted: Vec<Group>,
    places: HashMap<Box<[Value]>, usize>,
    /// For a single column of texts: the group of each entry of the last dictionary.
    dictionary: Option<(arrow_array::ArrayRef, Vec<Place>)>,
    columns: usize,
    bytes: u64,
}

#[derive(Clone, Copy)]
enum Place {
    Unknown,
    /// It belongs to another part.
    Elsewhere,
    At(usize),
}

impl Groups {
    fn new(part: Part, columns: usize) -> Groups {
        Groups {
            part,
            counted: Vec::new(),
            places: HashMap::new(),
            dictionary: None,
            columns,
            bytes: 0,
        }
    }

    fn add(&mut self, batch: &RecordBatch) {
        let columns: Vec<Column> = batch.columns().iter().map(Column::new).collect();
        if let [Column::Dictionary(array, values)] = &columns[..] {
            let known = self.dictionary.take();
            let same = known.filter(|(known, _)| Arc::ptr_eq(known, array.values()));
            let fresh = || {
                (
                    Arc::clone(array.values()),
                    vec![Place::Unknown; values.len()],
                )
            };
            let (dictionary, mut places) = same.unwrap_or_else(fresh);
            for row in 0..array.len() {
                let Some(key) = array.key(row) else {
                    self.row(&columns, row);
                    continue;
                };
                if let Place::Unknown = places[key] {
                    places[key] = self.place(&columns, row);
                }
                if let Place::At(place) = places[key] {
                    self.counted[place].1 += 1;
                }
            }
            self.dictionary = Some((dictionary, places));
            return;
        }
        (0..batch.num_rows()).for_each(|row| self.row(&columns, row));
    }

    fn row(&mut self, columns: &[Column], row: usize) {
        if let Place::At(place) = self.place(columns, row) {
            self.counted[place].1 += 1;
        }
    }

    /// The group of a row, which is a new one when there is none yet.
    fn place(&mut self, columns: &[Column], row: usize) -> Place {
        let cells = columns.iter().map(|column| column.get(row));
        let mut hasher = DefaultHasher::new();
        cells.clone().for_each(|cell| cell.hash(&mut hasher));
        if !self.part.has(hasher.finish()) {
            return Place::Elsewhere;
        }
        let mut values = Vec::with_capacity(self.columns);
        values.extend(cells.map(|cell| cell.owned()));
        let values: Box<[Value]> = values.into();
        let next = self.counted.len();
        match self.places.entry(values) {
            Entry::Occupied(entry) => Place::At(*entry.get()),
            Entry::Vacant(entry) => {
                let texts = entry.key().iter().map(|value| match value {
                    Cell::Text(text) => text.len() as u64,
                    _ => 0,
                });
                self.bytes += 2 * texts.sum::<u64>() + GROUP_BYTES;
                self.bytes += 2 * (self.columns * size_of::<Value>()) as u64;
                self.counted.push((entry.key().clone(), 0));
                entry.insert(next);
                Place::At(next)
            }
        }
    }
}
