//! Measures the store on a week of a busy host: how many bytes an event takes, column by
//! column, and how fast it is written and replayed.
//!
//! `cargo run --release -p sentinel-store --example measure -- DIR RECORDING [EVENTS]`
//!
//! An empty DIR is filled first, from RECORDING, a data folder of a daemon that watched
//! a host for some minutes. The figures in docs/store.md come from here.

mod report;
mod week;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use sentinel_store::replay::{Source, TimeRange};
use sentinel_store::{Config, Store, Writer};

const EVENTS: u64 = 10_000_000;
const BATCH_EVENTS: usize = 2_000;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(folder), Some(recording)) = (args.next(), args.next()) else {
        eprintln!("usage: measure DIR RECORDING [EVENTS]");
        return ExitCode::FAILURE;
    };
    let events = args.next().and_then(|n| n.parse().ok()).unwrap_or(EVENTS);
    let folder = Path::new(&folder);
    if !folder.join("events").exists() {
        fill(folder, Path::new(&recording), events);
    }
    seal_rest(folder);
    report::sizes(folder);
    replay(folder);
    ExitCode::SUCCESS
}

/// Writes the week as the daemon would, but without dropping anything.
fn fill(folder: &Path, recording: &Path, events: u64) {
    let config = Config {
        retention_days: 0,
        retention_bytes: 0,
        ..Config::default()
    };
    let (store, _) = Store::open(folder, "host", config).expect("the folder can be used");
    let writer = Writer::start(store).expect("a thread");
    let begun = Instant::now();
    let mut week = week::Week::new(recording, events);
    let mut made = std::time::Duration::ZERO;
    loop {
        let making = Instant::now();
        let batch: Vec<_> = week.by_ref().take(BATCH_EVENTS).collect();
        made += making.elapsed();
        if batch.is_empty() {
            break;
        }
        let batch = Arc::new(batch);
        while writer.stats().queue_depth >= writer.stats().queue_capacity {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(writer.offer_events(batch), "there was room");
    }
    writer.stop().expect("everything was written");
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "written: {events} events in {seconds:.1} s, {:.0} events/s, of which {:.1} s to make them up",
        events as f64 / seconds,
        made.as_secs_f64()
    );
}

/// Seals what the end of the writer left, which takes no longer than it may.
fn seal_rest(folder: &Path) {
    let waits = || std::fs::read_dir(folder.join("journal")).is_ok_and(|mut d| d.next().is_some());
    while waits() {
        let (store, _) = Store::open(folder, "host", Config::default()).expect("the store opens");
        store.close().expect("everything is sealed");
    }
}

fn replay(folder: &Path) {
    let begun_s = processor_seconds();
    let (mut events, mut sum) = (0u64, 0i64);
    for batch in Source::open(folder, TimeRange::ALL).expect("a history") {
        let batch = batch.expect("whole files");
        events += batch.len() as u64;
        sum = batch.iter().fold(sum, |sum, e| sum ^ e.time_ns);
    }
    let seconds = processor_seconds() - begun_s;
    println!(
        "replayed: {events} events in {seconds:.1} s of one core, {:.0} events/s (checksum {sum:x})",
        events as f64 / seconds
    );
}

/// Processor time of this thread; the machine may be busy with other things.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|n| n.parse::<f64>().ok());
    nanos.unwrap_or_default() / 1e9
}
