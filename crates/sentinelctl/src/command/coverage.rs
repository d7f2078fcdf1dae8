//! `sentinelctl coverage`: carries out safe attacks against the running daemon and holds
//! what it says against what it should say.

mod flood;
mod judge;
mod keep;
mod watch;

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use sentinel_simulate::{Report, Variant, launch, select};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::client::Target;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::coverage::{Coverage, Row};
use crate::{json, render};

use super::attack_name::AttackName;
use super::simulate;
use flood::Flood;
use watch::Watch;

pub use flood::Opens;
pub use judge::Verdict;

/// How long an answer may take after the last attack before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same under load; both are several times what is promised.
const PATIENCE_UNDER_LOAD: Duration = Duration::from_secs(15);
/// Under load every attack is carried out this often, for latencies worth comparing.
/// What one process tree may raise at once is spent by then; the rest is counted, and
/// judged by that.
const ROUNDS_UNDER_LOAD: usize = 3;

/// What is promised of 99 in 100 alerts, from the system call to the subscriber.
const GOAL: Duration = Duration::from_millis(50);
/// The same while every processor opens files as fast as it can.
const GOAL_UNDER_LOAD: Duration = Duration::from_secs(1);

/// Arguments of `coverage`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do it while every processor opens files as fast as it can, for two minutes at most.
    #[arg(long)]
    under_load: bool,
    /// Show what the daemon keeps of the last time, and attack nobody.
    #[arg(long, conflicts_with_all = ["under_load", "name"])]
    last: bool,
    /// What to carry out: families such as `fileless`, or variants such as
    /// `fileless/memfd`; all unless named.
    #[arg(value_parser = AttackName::parser(), hide_possible_values = true)]
    name: Vec<String>,
}

/// One attack that is over.
pub struct Run {
    /// What became of it.
    pub report: Report,
    /// When it was over.
    pub ended: SystemTime,
}

/// Carries out what was named and prints what the daemon made of it.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<ExitCode, Failure> {
    if args.last {
        keep::show(target, output).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Target::Remote(_) = target {
        return Err(Failure::usage("coverage attacks the host it runs on")
            .hint("run it there; 'coverage --last' shows what the daemon keeps of it"));
    }
    let variants = chosen(&args.name);
    let mut watch = Watch::open(target, &variants).await?;
    let flood = match args.under_load {
        true => Some(Flood::start().map_err(|error| Failure::failed(error.to_string()))?),
        false => None,
    };
    let rounds = if args.under_load {
        ROUNDS_UNDER_LOAD
    } else {
        1
    };
    let runs = attack(variants, rounds, &mut watch, output).await?;
    let patience = match args.under_load {
        true => PATIENCE_UNDER_LOAD,
        false => PATIENCE,
    };
    wait(&runs, &mut watch, patience).await?;
    let opens = flood.map(Flood::stop);
    let lost = watch.lost().await?;
    let rows: Vec<Row> = runs
        .into_iter()
        .map(|run| Row {
            verdict: judge::judge(&run, &watch.seen),
            variant: run.report.variant,
        })
        .collect();
    let kept = keep::report(target, &rows).await;
    let goal = match args.under_load {
        true => GOAL_UNDER_LOAD,
        false => GOAL,
    };
    let coverage = Coverage::new(rows, goal, opens, lost);
    if output.json {
        let text = json::line(&coverage.json());
        output.line(&text.map_err(|error| Failure::failed(error.to_string()))?)?;
    } else {
        output.print(&render::coverage::text(&coverage, &output.look))?;
    }
    // Whether it is kept says nothing of what was caught.
    if let Err(failure) = kept {
        output.note(&format!("the daemon does not keep this: {failure}"));
    }
    Ok(ExitCode::from(coverage.exit_code()))
}

/// What the names stand for, each variant once, in the order of the registry.
fn chosen(names: &[String]) -> Vec<&'static Variant> {
    let all = select("all").unwrap_or_default();
    if names.is_empty() {
        return all;
    }
    let named: Vec<&str> = names
        .iter()
        .flat_map(|name| select(name).unwrap_or_default())
        .map(|variant| variant.name)
        .collect();
    all.into_iter()
        .filter(|variant| named.contains(&variant.name))
        .collect()
}

/// Carries out the attacks one after the other and takes in what the daemon says
/// meanwhile, so that its times are those of its arrival.
async fn attack(
    variants: Vec<&'static Variant>,
    rounds: usize,
    watch: &mut Watch,
    output: &Output,
) -> Result<Vec<Run>, Failure> {
    let (sender, mut over) = mpsc::unbounded_channel();
    let total = variants.len() * rounds;
    let worker = tokio::task::spawn_blocking(move || {
        let launcher = simulate::launcher();
        for variant in std::iter::repeat_n(variants, rounds).flatten() {
            let report = launch(variant, &launcher);
            let ended = SystemTime::now();
            // Nobody listens any more when the daemon is gone.
            if sender.send(Run { report, ended }).is_err() {
                return;
            }
        }
    });
    let mut runs = Vec::with_capacity(total);
    loop {
        tokio::select! {
            run = over.recv() => match run {
                Some(run) => runs.push(run),
                None => break,
            },
            answer = watch.next() => answer?,
        }
        output.progress(runs.len(), total);
    }
    worker
        .await
        .map_err(|error| Failure::failed(format!("carrying out the attacks: {error}")))?;
    Ok(runs)
}

/// Waits until nothing is missing any more, or no longer to be expected.
async fn wait(runs: &[Run], watch: &mut Watch, patience: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + patience;
    let missing = |watch: &Watch| {
        runs.iter()
            .any(|run| matches!(judge::judge(run, &watch.seen), Verdict::Missed { .. }))
    };
    while missing(watch) {
        match timeout_at(deadline, watch.next()).await {
            Ok(answer) => answer?,
            Err(_) => break,
        }
    }
    Ok(())
}
