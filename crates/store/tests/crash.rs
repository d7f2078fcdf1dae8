//! Kills a writing process with SIGKILL at 100 random moments under load, and checks
//! that what it said was flushed is there, once.
//!
//! The test binary is its own victim: started with `child DIR` it appends for ever.

mod common;
#[path = "common/parquet.rs"]
mod parquet;

use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{alert, config, events};
use sentinel_store::{Config, Store, Writer, reader};

const KILLS: u64 = 100;
/// Kills per data folder, so that the checks stay quick.
const KILLS_PER_FOLDER: u64 = 10;
const LIFE_MS_MAX: u64 = 250;
const BATCH_EVENTS: u64 = 500;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, child, folder] = &args[..]
        && child == "child"
    {
        write_for_ever(Path::new(folder));
    }
    // Anything else comes from `cargo test` and names tests: all there is runs.
    if args.iter().any(|arg| arg == "--list") {
        println!("kill_at_random_moments: test");
        return ExitCode::SUCCESS;
    }
    let seed = std::env::var("SENTINEL_CRASH_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("repeat with SENTINEL_CRASH_SEED={seed}");
    kill_at_random_moments(seed);
    ExitCode::SUCCESS
}

/// Appends without a pause and says how far it is on disk.
fn write_for_ever(folder: &Path) -> ! {
    let config = Config {
        flush_interval_ms: 10,
        // Small enough that sealing never stops.
        segment_rows: 10_000,
        queue_batches: 8,
        ..config()
    };
    let (store, _) = Store::open(folder, "host", config).unwrap();
    let (first_event, first_alert) = store.last_seq();
    let writer = Writer::start(store).unwrap();
    let (mut event_seq, mut alert_seq) = (first_event + 1, first_alert + 1);
    let mut said = Instant::now();
    loop {
        let before = writer.stats();
        if before.queue_depth < before.queue_capacity {
            writer.offer_events(Arc::new(events(event_seq, BATCH_EVENTS)));
            event_seq += BATCH_EVENTS;
            if writer.offer_alert(Arc::new(alert(alert_seq))) {
                alert_seq += 1;
            }
        } else {
            std::thread::sleep(Duration::from_millis(1));
        }
        if said.elapsed() > Duration::from_millis(2) {
            said = Instant::now();
            let stats = writer.stats();
            let (events, alerts) = (stats.written_total, stats.alerts_written_total);
            assert_eq!(stats.problem, None);
            println!("{first_event} {events} {first_alert} {alerts}");
            std::io::stdout().flush().unwrap();
        }
    }
}

fn kill_at_random_moments(seed: u64) {
    let mut random = seed;
    let (mut torn, mut flushed_total) = (0, 0);
    for _ in 0..KILLS / KILLS_PER_FOLDER {
        let folder = tempfile::tempdir().unwrap();
        let mut runs = Vec::new();
        for _ in 0..KILLS_PER_FOLDER {
            // Knuth's linear congruential generator; its high bits are random enough.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let life = Duration::from_millis((random >> 33) % LIFE_MS_MAX);
            let run = run_and_kill(folder.path(), life);
            flushed_total += run.events;
            runs.push(run);
            torn += check(folder.path(), &runs);
        }
    }
    assert!(
        flushed_total > 10_000,
        "only {flushed_total} events: that was no load"
    );
    println!("{KILLS} kills, {flushed_total} events flushed, {torn} torn tails: ok");
}

/// What one child said last.
struct Run {
    first_event: u64,
    events: u64,
    first_alert: u64,
    alerts: u64,
}

fn run_and_kill(folder: &Path, life: Duration) -> Run {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("child")
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().expect("the child says something").unwrap();
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    let last = lines.map_while(Result::ok).last().unwrap_or(first);
    let numbers: Vec<u64> = last.split(' ').map(|n| n.parse().unwrap()).collect();
    let [first_event, events, first_alert, alerts] = numbers[..] else {
        panic!("the child said {last:?}");
    };
    Run {
        first_event,
        events,
        first_alert,
        alerts,
    }
}

/// Opens the folder as the next daemon would and compares. Returns how many journals
/// had to be cut.
fn check(folder: &Path, runs: &[Run]) -> usize {
    let (store, problems) = Store::open(folder, "host", config()).unwrap();
    store.close().unwrap();
    for problem in &problems {
        let sentence = problem.to_string();
        assert!(sentence.contains("ends within a batch"), "{sentence}");
    }
    let seqs = parquet::all_seqs(folder, "events");
    assert!(seqs.windows(2).all(|w| w[0] < w[1]), "events are doubled");
    let alerts = reader::alerts_after(folder, 0, usize::MAX).unwrap();
    assert!(
        alerts.windows(2).all(|w| w[0].seq < w[1].seq),
        "alerts are doubled"
    );
    for run in runs {
        let from = seqs.partition_point(|seq| *seq <= run.first_event);
        let there = &seqs[from..(from + run.events as usize).min(seqs.len())];
        let expected = run.first_event + 1..=run.first_event + run.events;
        assert!(
            there.iter().copied().eq(expected),
            "flushed events are missing"
        );
        let from = alerts.partition_point(|alert| alert.seq <= run.first_alert);
        for (found, seq) in alerts[from..]
            .iter()
            .zip(run.first_alert + 1..)
            .take(run.alerts as usize)
        {
            assert_eq!(*found, (&alert(seq)).into());
        }
        assert!(
            alerts.len() - from >= run.alerts as usize,
            "flushed alerts are missing"
        );
    }
    problems.len()
}
