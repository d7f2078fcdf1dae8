//! Where the time goes: in the kernel by the kernel's own statistics, in the daemon by
//! replaying records.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use libbpf_rs::query::{ProgInfoIter, ProgInfoQueryOptions};
use sentinel_process::{Enricher, NoLookup, Table};
use sentineld::sensor::raw;

use crate::monitor::Monitor;
use crate::work::{self, Work};

const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";
const SECONDS: f64 = 1.0;
const SHOWN: usize = 4;

/// Runs and time of each program under each storm.
pub fn programs(dir: &Path) -> Result<()> {
    if std::fs::write(SWITCH, "1").is_err() {
        println!("\nskipped: time in BPF programs: {SWITCH} cannot be set");
        return Ok(());
    }
    let _off = Off;
    println!("\nTime in BPF programs, by the kernel's statistics (which cost time themselves):");
    let monitor = Monitor::start()?;
    for storm in ["exec", "open", "connect"] {
        let before = statistics();
        let done = work::run(Work::Storm(storm), SECONDS, dir)?;
        let mut used: Vec<(String, u64, u64)> = statistics()
            .into_iter()
            .map(|(id, name, ns, runs)| {
                let old = before.iter().find(|old| old.0 == id);
                let (old_ns, old_runs) = old.map_or((0, 0), |old| (old.2, old.3));
                (name, ns - old_ns, runs - old_runs)
            })
            .filter(|(_, _, runs)| *runs > 0)
            .collect();
        used.sort_by_key(|(_, ns, _)| std::cmp::Reverse(*ns));
        let total: u64 = used.iter().map(|(_, ns, _)| ns).sum();
        let each = used.iter().take(SHOWN).map(|(name, ns, runs)| {
            format!(
                "{name} {:.1} x {} ns",
                *runs as f64 / done.count as f64,
                ns / runs
            )
        });
        println!(
            "  {storm:<8} {:>6.0} ns per operation: {}",
            total as f64 / done.count as f64,
            each.collect::<Vec<_>>().join(", ")
        );
    }
    drop(monitor);
    Ok(())
}

struct Off;

impl Drop for Off {
    fn drop(&mut self) {
        let _ = std::fs::write(SWITCH, "0");
    }
}

/// Id, name, nanoseconds and runs of every program that has a name.
fn statistics() -> Vec<(u32, String, u64, u64)> {
    ProgInfoIter::with_query_opts(ProgInfoQueryOptions::default())
        .map(|info| {
            let name = info.name.to_string_lossy().into_owned();
            (info.id, name, info.run_time_ns, info.run_cnt)
        })
        .collect()
}

/// How many recorded records one core decodes and puts in their place.
pub fn replay(dir: &Path) -> Result<()> {
    let records = raw::record(|| {
        for storm in ["exec", "open", "connect"] {
            // A storm that fails shows in the count below.
            let _ = work::run(Work::Storm(storm), 0.3, dir);
        }
    })
    .context("cannot record")?;
    anyhow::ensure!(!records.is_empty(), "nothing was recorded");
    let bytes: usize = records.iter().map(Vec::len).sum();
    let mut enricher = Enricher::new(Table::new(1, 0, 32_768), 1);
    let (begun, mut events) = (Instant::now(), 0u64);
    while begun.elapsed() < Duration::from_secs(3) {
        for record in &records {
            if let Some(observed) = raw::decode(record) {
                std::hint::black_box(enricher.enrich(observed, 0, &mut NoLookup));
                events += 1;
            }
        }
    }
    let rate = events as f64 / begun.elapsed().as_secs_f64();
    println!(
        "\nDecode and enrich: {:.0} events per second and core (goal 500,000), from {} records of {} bytes on average",
        rate,
        records.len(),
        bytes / records.len()
    );
    Ok(())
}
