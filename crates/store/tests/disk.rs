//! Disks that fill up, turn read-only or belong to a clock that leaps: the store counts
//! what it loses, says why, and writes again by itself.

mod common;
#[path = "common/parquet.rs"]
mod parquet;
#[path = "common/pressure.rs"]
mod pressure;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{DAY_NS, START_NS, alert, config, events};
use pressure::{offer_until, quick};
use sentinel_event::{Detail, Event};
use sentinel_store::replay::{Source, TimeRange};
use sentinel_store::{Config, Store, Writer};

/// A file system in memory, unmounted when dropped.
struct Mount {
    folder: tempfile::TempDir,
}

impl Mount {
    /// `None`, with the reason printed, when this machine does not allow it.
    fn new(size: &str) -> Option<Mount> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", size, "tmpfs"]);
        match mount.arg(folder.path()).output() {
            Ok(output) if output.status.success() => Some(Mount { folder }),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr);
                eprintln!("skipped, needs the right to mount: {}", reason.trim());
                None
            }
            Err(error) => {
                eprintln!("skipped, mount cannot be run: {error}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The kernel refuses to make a file system read-only while a journal is open for
    /// writing, so this tries until it is not.
    fn remount(&self, options: &str) {
        let begun = Instant::now();
        loop {
            let mut mount = Command::new("mount");
            mount.args(["-o", &format!("remount,{options}")]);
            let output = mount.arg(self.path()).output().unwrap();
            if output.status.success() {
                return;
            }
            let reason = String::from_utf8_lossy(&output.stderr);
            assert!(begun.elapsed() < Duration::from_secs(30), "{reason}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_costs_counted_rows_and_writing_resumes() {
    let Some(mount) = Mount::new("size=1m") else {
        return;
    };
    let (store, _) = Store::open(mount.path(), "host", quick()).unwrap();
    let writer = Writer::start(store).unwrap();
    let seq = offer_until(&writer, 1, |stats| stats.dropped_total > 0);
    let stats = writer.stats();
    let problem = stats.problem.expect("a problem is shown");
    assert!(problem.ends_with("the disk is full"), "{problem}");
    assert!(stats.written_total > 0);

    mount.remount("size=64m");
    let seq = offer_until(&writer, seq, |stats| stats.problem.is_none());
    let lost = writer.stats().dropped_total;
    let written = writer.stats().written_total;
    let seq = offer_until(&writer, seq, |stats| stats.written_total > written);
    writer.stop().unwrap();

    let rows = parquet::all_seqs(mount.path(), "events");
    assert!(rows.windows(2).all(|w| w[0] < w[1]), "rows are doubled");
    assert_eq!(
        rows.len() as u64 + lost,
        seq - 1,
        "every event is on disk or counted"
    );
    let aside = mount.path().join("quarantine");
    assert!(!aside.exists(), "half a batch was left in a journal");
}

#[test]
fn sealing_on_a_full_disk_loses_nothing_and_is_done_later() {
    let Some(mount) = Mount::new("size=600k") else {
        return;
    };
    let (mut store, _) = Store::open(mount.path(), "host", config()).unwrap();
    let mut seq = 1;
    while store.append_events(&events(seq, 500)).is_ok() && store.flush().is_ok() {
        seq += 500;
    }
    let lost = store.stats().dropped_total;
    let error = store.close().unwrap_err().to_string();
    assert!(error.ends_with("the disk is full"), "{error}");
    mount.remount("size=64m");
    let (store, problems) = Store::open(mount.path(), "host", config()).unwrap();
    assert_eq!(problems, []);
    store.close().unwrap();
    let rows = parquet::all_seqs(mount.path(), "events");
    assert_eq!(rows, (1..=seq + 499 - lost).collect::<Vec<_>>());
}

#[test]
fn a_read_only_remount_is_survived() {
    let Some(mount) = Mount::new("size=64m") else {
        return;
    };
    let quick_to_seal = Config {
        seal_interval_s: 0,
        ..quick()
    };
    let (store, _) = Store::open(mount.path(), "host", quick_to_seal).unwrap();
    let writer = Writer::start(store).unwrap();
    let seq = offer_until(&writer, 1, |stats| stats.partitions > 0);
    mount.remount("ro");
    let seq = offer_until(&writer, seq, |stats| stats.dropped_total > 0);
    let problem = writer.stats().problem.expect("a problem is shown");
    assert!(
        problem.ends_with("the file system is mounted read-only"),
        "{problem}"
    );
    mount.remount("rw");
    let seq = offer_until(&writer, seq, |stats| stats.problem.is_none());
    let lost = writer.stats().dropped_total;
    writer.stop().unwrap();
    let rows = parquet::all_seqs(mount.path(), "events");
    assert_eq!(
        rows.len() as u64 + lost,
        seq - 1,
        "every event is on disk or counted"
    );
}

#[test]
fn the_reserve_of_free_space_is_never_touched() {
    let Some(mount) = Mount::new("size=16m") else {
        return;
    };
    let reserving = Config {
        min_free_bytes: 32 << 20,
        ..config()
    };
    let (mut store, _) = Store::open(mount.path(), "host", reserving).unwrap();
    store.append_events(&events(1, 10)).unwrap();
    let error = store.flush().unwrap_err().to_string();
    assert!(
        error.contains("less than the reserve of 33554432"),
        "{error}"
    );
    assert_eq!(store.stats().dropped_total, 10);
    assert_eq!(store.stats().problem, Some(error));
}

#[test]
fn a_clock_that_leaps_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let keeping = Config {
        retention_days: 2,
        seal_interval_s: 0,
        ..config()
    };
    let (mut store, _) = Store::open(folder.path(), "host", keeping).unwrap();
    // An hour back, a day forward, ten days forward, then right again.
    let leaps = [0, -3_600_000_000_000, DAY_NS, 10 * DAY_NS, 0];
    for (index, leap) in leaps.into_iter().enumerate() {
        let mut batch = events(index as u64 * 10 + 1, 10);
        let shift = |event: &mut Event| event.time_ns += leap;
        batch.iter_mut().for_each(shift);
        store.append_events(&batch).unwrap();
        store.append_alerts(&[alert(index as u64 + 1)]).unwrap();
        store.flush().unwrap();
        store.tick(START_NS + leap).unwrap();
    }
    assert_eq!(store.stats().problem, None);
    store.close().unwrap();
    let rows = parquet::all_seqs(folder.path(), "events");
    assert_eq!(
        rows,
        (1..=50).collect::<Vec<_>>(),
        "a wrong clock deleted history"
    );
    let days = std::fs::read_dir(folder.path().join("events"))
        .unwrap()
        .count();
    assert_eq!(days, 4);
}

#[test]
fn a_full_queue_drops_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = Config {
        queue_batches: 1,
        queue_alerts: 1,
        ..quick()
    };
    let (store, _) = Store::open(folder.path(), "host", tiny).unwrap();
    let writer = Writer::start(store).unwrap();
    let (mut others, mut offered) = (0, 0);
    for round in 0..200 {
        let batch = events(1 + round * 2_000, 2_000);
        others += (batch.len() - lost_of(&batch).count()) as u64;
        offered += lost_of(&batch).sum::<u64>();
        writer.offer_events(Arc::new(batch));
    }
    let refused = writer.stats().queue_dropped_total;
    assert!(refused > 0, "the queue was never full");
    writer.stop().unwrap();
    // What tells of losses finds a place when nothing else does, several of a kind as one.
    let source = Source::open(folder.path(), TimeRange::ALL).unwrap();
    let (mut rows, mut told) = (0, 0);
    for batch in source {
        let batch = batch.unwrap();
        let losses = lost_of(&batch).count();
        rows += (batch.len() - losses) as u64;
        told += lost_of(&batch).sum::<u64>();
    }
    assert_eq!(told, offered);
    assert_eq!(rows + refused, others);
}

/// What events tell of losses.
fn lost_of(events: &[Event]) -> impl Iterator<Item = u64> {
    events.iter().filter_map(|event| match event.detail {
        Detail::Lost(lost) => Some(lost.count),
        _ => None,
    })
}
