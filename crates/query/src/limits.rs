//! What every part of a query shares: when to stop, and what went wrong in the store.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Error;
use sentinel_store::StoreError;

/// The limits on a query, and its state where the engine cannot carry it.
pub(crate) struct Limits {
    /// Bytes that the engine may take, and our own groups once more.
    pub memory_bytes: u64,
    /// Raised when the query is to end.
    pub stop: Arc<AtomicBool>,
    /// Tables and columns that the query names.
    reads: Mutex<BTreeSet<(String, String)>>,
    /// The engine only knows that a table failed; this is why.
    fault: Mutex<Option<StoreError>>,
}

impl Limits {
    pub fn new(memory_bytes: u64) -> Limits {
        Limits {
            memory_bytes,
            stop: Arc::default(),
            reads: Mutex::default(),
            fault: Mutex::default(),
        }
    }

    /// Notes that the query names a column.
    pub fn note_read(&self, table: &str, column: &str) {
        lock(&self.reads).insert((table.to_owned(), column.to_owned()));
    }

    /// Whether the query names a column.
    pub fn is_read(&self, table: &str, column: &str) -> bool {
        lock(&self.reads).contains(&(table.to_owned(), column.to_owned()))
    }

    /// Keeps the store's error and gives the engine one of its own.
    pub fn fail(&self, error: StoreError) -> Error {
        let sentence = error.to_string();
        lock(&self.fault).get_or_insert(error);
        Error::ModuleError(sentence)
    }

    /// The store's error, once.
    pub fn take_fault(&self) -> Option<StoreError> {
        lock(&self.fault).take()
    }

    /// An error when the query is to end.
    pub fn check(&self) -> rusqlite::Result<()> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Error::ModuleError("interrupted".to_owned())),
            false => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
