//! Groups that do not fit into memory are counted in parts.

#[path = "../../store/tests/common/mod.rs"]
mod common;

use sentinel_query::{Cell, Fault, History, Options, OutColumn, Sink, TimeRange};
use sentinel_store::Store;

/// Keeps the rows.
#[derive(Default)]
struct Rows(Vec<Vec<i64>>);

impl Sink for Rows {
    type Error = Fault;

    fn begin(&mut self, _: &[OutColumn]) -> Result<(), Fault> {
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Fault> {
        let numbers = cells.iter().map(|cell| match cell {
            Cell::Integer(number) => *number,
            other => panic!("{other:?} is no integer"),
        });
        self.0.push(numbers.collect());
        Ok(())
    }
}

#[test]
fn groups_beyond_the_memory_are_counted_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), "host", common::config()).unwrap();
    for first in (1..40_001).step_by(2_000) {
        store.append_events(&common::events(first, 2_000)).unwrap();
    }
    store.close().unwrap();
    // A group takes more than 100 bytes.
    for memory_bytes in [3 << 20, 512 << 20] {
        let options = Options {
            range: TimeRange::ALL,
            memory_bytes,
            timeout: None,
        };
        let history = History::open(folder.path(), options).unwrap();
        let mut rows = Rows::default();
        let sql = "select seq, count(*) from events group by seq";
        history.run(sql, &mut rows).unwrap();
        rows.0.sort_unstable();
        let expected = (1..40_001).map(|seq| vec![seq, 1]);
        assert!(rows.0.iter().cloned().eq(expected), "{memory_bytes} bytes");
    }
}
