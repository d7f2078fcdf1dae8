//! Texts parsed once per dictionary instead of once per row.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, DictionaryArray, types::Int32Type};

/// How many different texts are shared before all are forgotten and shared anew.
const INTERNED_MAX: usize = 1 << 18;

/// Gives equal texts one allocation.
#[derive(Default)]
pub(super) struct Interner {
    texts: HashSet<Arc<str>>,
}

impl Interner {
    pub fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.texts.get(text) {
            return Arc::clone(shared);
        }
        if self.texts.len() >= INTERNED_MAX {
            self.texts.clear();
        }
        let shared: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&shared));
        shared
    }
}

/// A text column whose distinct values are parsed to `T`.
pub(super) struct Parsed<T> {
    /// The dictionary that `values` was made from; held, so that its address is not
    /// used for another one.
    dictionary: Option<ArrayRef>,
    values: Vec<Option<T>>,
    keys: Option<DictionaryArray<Int32Type>>,
}

impl<T> Default for Parsed<T> {
    fn default() -> Parsed<T> {
        Parsed {
            dictionary: None,
            values: Vec::new(),
            keys: None,
        }
    }
}

impl<T> Parsed<T> {
    /// Takes the rows of the next batch. Batches of one row group share a dictionary,
    /// which is then not parsed again.
    pub fn load(&mut self, column: &ArrayRef, mut parse: impl FnMut(&str) -> Option<T>) {
        let Some(column) = column.as_dictionary_opt::<Int32Type>() else {
            self.keys = None;
            return;
        };
        let is_same = self
            .dictionary
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, column.values()));
        if !is_same {
            let values = column.values().as_string::<i32>();
            self.values = values
                .iter()
                .map(|text| text.and_then(&mut parse))
                .collect();
            self.dictionary = Some(Arc::clone(column.values()));
        }
        self.keys = Some(column.clone());
    }

    /// The value of a row; `None` where the column has none or it does not parse.
    pub fn get(&self, row: usize) -> Option<&T> {
        let key = self.keys.as_ref()?.key(row)?;
        self.values.get(key)?.as_ref()
    }
}
