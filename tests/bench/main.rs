//! `make bench`: what Sentinel costs on this machine, measured as its peers were.
//!
//! Each load runs alone, with empty BPF programs on the hooks that Sentinel uses here, and
//! with Sentinel at its default configuration, in turns, several times. A ratio is
//! operations per second with the monitor over those without, of one turn; the table has
//! the median of the turns and, in brackets, the least and the most. Read ratios, and small
//! differences not at all. docs/performance.md says what the figures mean.

mod floor;
mod monitor;
mod profile;
mod report;
mod work;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use floor::Floor;
use monitor::Monitor;
use report::{Load, Turn};
use work::Work;

/// Seconds that a storm lasts.
const STORM_S: f64 = 2.0;
const TURNS: usize = 3;
const COMPILE_TURNS: usize = 2;
/// Another second of a storm before the clock runs.
const TIME_MAX: Duration = Duration::from_secs(230);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "loading kernel programs needs root; run it with sudo"
    );
    let begun = Instant::now();
    let dir = tempfile::tempdir_in("target").context("cannot make a folder in target")?;
    let dir = dir.path();
    work::prepare(dir)?;
    let hooks = sentineld::sensor::probe().context("this kernel cannot be watched")?;
    floor::compile(&hooks, dir)?;
    report::machine();
    let mut loads = Vec::new();
    for (name, kinds, work, turns) in [
        ("exec storm", &["exec"][..], Work::Storm("exec"), TURNS),
        ("open storm", &["open"], Work::Storm("open"), TURNS),
        ("connect storm", &["connect"], Work::Storm("connect"), TURNS),
        ("make -j2", &[], Work::Compile, COMPILE_TURNS),
    ] {
        let mut load = Load::new(name, kinds);
        for _ in 0..turns {
            if begun.elapsed() > TIME_MAX {
                println!("{name}: turns are left out, time is up");
                break;
            }
            load.turns.push(turn(work, kinds, dir)?);
        }
        eprintln!("{name} is measured ({} s)", begun.elapsed().as_secs());
        loads.push(load);
    }
    report::loads(&loads);
    report::threads(&loads);
    paced(dir)?;
    profile::programs(dir)?;
    profile::replay(dir)?;
    println!("\nmeasured in {} s", begun.elapsed().as_secs());
    Ok(())
}

/// One load alone, above the floor, and with Sentinel.
fn turn(work: Work, kinds: &[&str], dir: &Path) -> Result<Turn> {
    let alone = work::run(work, STORM_S, dir)?;
    let floor = Floor::start(dir)?;
    let above_floor = work::run(work, STORM_S, dir)?;
    drop(floor);
    let monitor = Monitor::start()?;
    let before = monitor.settled()?;
    let watched = work::run(work, STORM_S, dir)?;
    let after = monitor.settled()?;
    Ok(Turn {
        floor: above_floor.rate() / alone.rate(),
        ratio: watched.rate() / alone.rate(),
        alone_rate: alone.rate(),
        done: watched.count,
        seconds: after.seconds() - before.seconds(),
        threads: report::grown(&before.threads, &after.threads),
        seen: kinds.iter().map(|k| after.seen(k) - before.seen(k)).sum(),
        received: after.ring("received") - before.ring("received"),
        aggregated: after.ring("aggregated") - before.ring("aggregated"),
        lost: after.ring("lost") - before.ring("lost"),
        peak_bytes: monitor.peak_bytes(),
    })
}

/// 800 starts of programs per second, as busy build machines have.
fn paced(dir: &Path) -> Result<()> {
    const RATE: u32 = 800;
    const SECONDS: f64 = 6.0;
    let monitor = Monitor::start()?;
    let before = monitor.settled()?;
    let done = work::run(Work::Execs(RATE), SECONDS, dir)?;
    let after = monitor.settled()?;
    println!(
        "\n{:.0} execs per second: {:.1} % of one core (goal 5 % or less)",
        done.rate(),
        (after.seconds() - before.seconds()) / done.seconds * 100.0
    );
    Ok(())
}
