//! Records as they cross the rings, for benchmarks and for feeding the decoder what no
//! kernel would send. Nothing of this is part of the daemon's work.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use libbpf_rs::RingBufferBuilder;
use sentinel_event::{COLUMNS, Kind};
use sentinel_process::{Enricher, NoLookup, Observed, Table};

use super::keep::Place;
use super::load::load;
use super::stats::kind_of;
use super::{Config, Host, LoadError, decode};
use crate::line;

/// The most bytes that are recorded.
const BYTES_MAX: usize = 64 << 20;
const PAGE_BYTES: u64 = 4096;

/// Decodes one record as the daemon does.
pub fn decode(record: &[u8]) -> Option<Observed> {
    decode::decode(record, PAGE_BYTES)
}

/// The kind that a record says it is of.
pub fn kind(record: &[u8]) -> Option<Kind> {
    kind_of(decode::kind_number(record)?)
}

/// Takes a record all the way that it would go: decoded, put in its place, made into
/// columns and into a line of the console. Whatever the bytes are, nothing may panic and
/// nothing may come out that steers a terminal.
pub fn exercise(record: &[u8]) {
    // The rings hold records at multiples of eight; so does memory from the allocator.
    let aligned = record.to_vec();
    let Some(observed) = decode(&aligned) else {
        return;
    };
    let mut enricher = Enricher::new(Table::new(1, 0, 16), 1);
    let gained = enricher.gain(&observed, 0, &mut NoLookup);
    let event = enricher.enrich(observed, 0, &mut NoLookup);
    let mut shown = String::new();
    for event in gained.iter().chain([&event]) {
        for column in COLUMNS {
            std::hint::black_box((column.get)(event));
        }
        line::write_event(&mut shown, event, false);
    }
    let bad = shown.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(bad, None, "{shown:?}");
    let lines = 1 + usize::from(gained.is_some());
    assert_eq!(shown.lines().count(), lines, "{shown:?}");
}

/// Attaches the programs, does something, and gives back the records that came meanwhile,
/// those of both rings in the order in which they were taken.
pub fn record(during: impl FnOnce() + Send) -> Result<Vec<Vec<u8>>, LoadError> {
    let place = Place::Nowhere(String::new());
    let loaded = load(&Config::default(), &Host::read()?, &place, 0)?;
    let records = Rc::new(RefCell::new((Vec::new(), 0)));
    let mut builder = RingBufferBuilder::new();
    for map in [&loaded.skel.maps.priority_ring, &loaded.skel.maps.bulk_ring] {
        let records = Rc::clone(&records);
        let take = move |record: &[u8]| {
            let (records, bytes) = &mut *records.borrow_mut();
            if *bytes + record.len() <= BYTES_MAX {
                *bytes += record.len();
                records.push(record.to_vec());
            }
            0
        };
        builder.add(map, take).map_err(LoadError::Refused)?;
    }
    let rings = builder.build().map_err(LoadError::Refused)?;
    thread::scope(|scope| {
        let work = scope.spawn(during);
        while !work.is_finished() {
            rings.consume_raw();
            thread::sleep(Duration::from_millis(1));
        }
        rings.consume_raw();
    });
    drop(rings);
    let (records, _) = records.take();
    Ok(records)
}
