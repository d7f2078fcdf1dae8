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
/// No further turn begins after this: what follows takes half a minute.
const TIME_MAX: Duration = Duration::from_secs(200);

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
    // What is done, and the kind of event and the program by which history knows it.
    let known = |kind, program| Some((kind, program));
    for (name, work, recorded, turns) in [
        (
            "exec storm",
            Work::Storm("exec"),
            known("exec", "true"),
            TURNS,
        ),
        (
            "open storm",
            Work::Storm("open"),
            known("open", "load"),
            TURNS,
        ),
        (
            "connect storm",
            Work::Storm("connect"),
            known("connect", "load"),
            TURNS,
        ),
        ("make -j2", Work::Compile, None, COMPILE_TURNS),
    ] {
        let mut load = Load::new(name, recorded.is_some());
        for _ in 0..turns {
            if begun.elapsed() > TIME_MAX {
                println!("{name}: turns are left out, time is up");
                break;
            }
            load.turns.push(turn(work, recorded, dir)?);
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
fn turn(work: Work, recorded: Option<(&str, &str)>, dir: &Path) -> Result<Turn> {
    let alone = work::run(work, STORM_S, dir)?;
    let floor = Floor::start(dir)?;
    let above_floor = work::run(work, STORM_S, dir)?;
    drop(floor);
    let monitor = Monitor::start()?;
    let before = monitor.settled()?;
    let watched = work::run(work, STORM_S, dir)?;
    let after = monitor.settled()?;
    let peak_bytes = monitor.peak_bytes();
    let seen = match recorded {
        Some((kind, program)) => monitor.recorded(kind, program)?,
        None => 0,
    };
    Ok(Turn {
        floor: above_floor.rate() / alone.rate(),
        ratio: watched.rate() / alone.rate(),
        alone_rate: alone.rate(),
        done: watched.count,
        seconds: after.seconds() - before.seconds(),
        threads: report::grown(&before.threads, &after.threads),
        seen,
        received: after.ring("received") - before.ring("received"),
        aggregated: after.ring("aggregated") - before.ring("aggregated"),
        lost: after.ring("lost") - before.ring("lost"),
        peak_bytes,
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
