//! Learning in the daemon: shows events to the baseline, keeps what was learned, and goes
//! over to detecting when enough was learned.
//!
//! Owns the folder `baseline` in the data folder. What is normal is `sentinel-baseline`'s
//! to say.

mod folder;
mod relearn;
mod saver;
mod trainer;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sentinel_baseline::{
    Baseline, Config, Delivery, NETWORK_NAMES, NETWORKS, Phase, Progress, Standing,
};
use sentinel_event::{Alert, Event, Process};

use crate::anomaly;
use crate::clock;
use crate::mode::{Mode, ModeFile, ModeState};
pub use folder::{Folder, Generation};
pub use relearn::relearn;
use saver::Saver;
use trainer::{Job, Trainer};

/// Generations are made once a day; without a new one for so long something is wrong.
const STALE_NS: i64 = 2 * 86_400_000_000_000;

/// Takes a generation that is kept in a data folder, which may be in use.
///
/// # Errors
/// Where there is none of that number, or it cannot be used.
pub fn read_generation(data_dir: &Path, generation: u32, baseline: &mut Baseline) -> Result<()> {
    let bytes = Folder::at(data_dir).read(generation)?;
    let refused = || format!("generation {generation} is refused");
    baseline.restore(&bytes).with_context(refused)
}

/// Trains all networks that there is enough for, and waits for them; those that pass the
/// gate are in use afterwards. What became of each is one sentence.
///
/// # Errors
/// Where a training failed.
pub fn train_all(baseline: &mut Baseline, time_ns: i64) -> Result<Vec<String>> {
    let folder = tempfile::tempdir().context("cannot make a folder to train in")?;
    let mut trainer = Trainer::new(folder.path().to_owned()).hurry();
    let jobs = (0..NETWORKS).filter_map(|network| {
        let training = baseline.training(network)?;
        Some(Job { network, training })
    });
    trainer.order(jobs.collect());
    let mut said = Vec::new();
    while !trainer.is_idle() {
        match trainer.step() {
            Some((_, trained)) => {
                let taken = baseline.take_network(trained?, time_ns);
                said.push(taken.unwrap_or_else(|refused| refused));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    Ok(said)
}

/// How learning fares, for whoever asks.
#[derive(Debug, Clone, Default)]
pub struct LearningStatus {
    /// How far learning is; `None` before the first step.
    pub progress: Option<Progress>,
    /// What is known and how well it is calibrated.
    pub standing: Standing,
    /// Previews and what the budget had no room for, since the start.
    pub previews_total: u64,
    /// Anomalies beyond the budget, since the start.
    pub digest_total: u64,
    /// Anomalies that were alerted since the start.
    pub alerts_total: u64,
    /// When it was last saved, in nanoseconds since the Unix epoch; 0 for never.
    pub saved_ns: i64,
    /// How the last training of each network ended; empty where none did.
    pub outcomes: [String; NETWORKS],
    /// What is wrong, one sentence each.
    pub problems: Vec<String>,
}

/// The status, shared with the control plane.
#[derive(Debug, Default)]
pub struct LearningBoard(Mutex<LearningStatus>);

impl LearningBoard {
    /// The status now.
    pub fn get(&self) -> LearningStatus {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, LearningStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Learns; lives in the pipeline's thread.
pub struct Learning {
    config: Config,
    baseline: Baseline,
    mode: Arc<ModeFile>,
    folder: Folder,
    saver: Saver,
    trainer: Trainer,
    /// Why the last training of each network failed, if it did.
    untrained: [Option<String>; NETWORKS],
    /// How the last training of each network ended.
    outcomes: [String; NETWORKS],
    /// What was said of the models before.
    verdict: String,
    board: Arc<LearningBoard>,
    saved_at: Instant,
    generation: u32,
    found: Vec<sentinel_baseline::Anomaly>,
    /// What the folder said at the start.
    trouble: Vec<String>,
    newest_ns: i64,
    newest_process: Option<Arc<Process>>,
    stall_told: bool,
    untrained_told: bool,
}

impl Learning {
    /// Goes on from what is in the data folder.
    ///
    /// # Errors
    /// Where the folder cannot be made or the saving thread not be started.
    pub fn open(
        data_dir: &Path,
        config: Config,
        mode: Arc<ModeFile>,
        board: Arc<LearningBoard>,
    ) -> Result<Learning> {
        let folder = Folder::open(data_dir)?;
        let mut baseline = Baseline::new(config.clone());
        let trouble = folder.load(&mut baseline);
        for sentence in &trouble {
            tracing::warn!(target: "health", "{sentence}");
        }
        let Standing {
            generation,
            verdict,
            ..
        } = baseline.standing();
        Ok(Learning {
            saver: Saver::start(folder.clone())?,
            trainer: Trainer::new(data_dir.join("baseline/training")),
            untrained: Default::default(),
            outcomes: Default::default(),
            verdict,
            config,
            baseline,
            mode,
            folder,
            board,
            saved_at: Instant::now(),
            generation,
            found: Vec::new(),
            trouble,
            newest_ns: 0,
            newest_process: None,
            stall_told: false,
            untrained_told: false,
        })
    }

    /// Shows one event to the baseline; what is unusual is appended to `out`.
    pub fn observe(&mut self, event: &Event, out: &mut Vec<Alert>) {
        self.newest_ns = self.newest_ns.max(event.time_ns);
        // An alert about the sensor itself names the process by which it saw that time pass.
        if self.newest_process.is_none() {
            self.newest_process = Some(Arc::clone(&event.process));
        }
        self.baseline.observe(event, &mut self.found);
        if self.found.is_empty() {
            return;
        }
        let mut status = self.board.lock();
        for found in self.found.drain(..) {
            match found.delivery {
                Delivery::Alert => status.alerts_total += 1,
                Delivery::Preview => status.previews_total += 1,
                Delivery::Digest => status.digest_total += 1,
            }
            out.push(anomaly::alert(&found));
        }
    }

    /// An anomaly was found, and is allowed: nobody is told of it.
    pub fn suppressed(&mut self, alert: &Alert) {
        if &*alert.detection == anomaly::DETECTION {
            self.baseline.give_back(alert.time_ns);
            self.board.lock().alerts_total -= 1;
        }
    }

    /// A detection told of this process: what its tree does is not learned for a while.
    pub fn distrust(&mut self, process: &Process, time_ns: i64) {
        self.baseline.distrust(process, time_ns);
    }

    /// Between two batches: follows the mode, ends learning when it is over, saves.
    pub fn step(&mut self, out: &mut Vec<Alert>) {
        let state = self.end_of_time(self.mode.get());
        self.baseline.set_phase(match state.mode {
            Mode::Learn => Phase::Learn,
            Mode::Detect => Phase::Detect,
        });
        let progress = self.baseline.progress();
        self.end_learning(state, &progress);
        let standing = self.baseline.standing();
        if self.keep_generation() {
            self.order_networks();
        } else if standing.verdict != self.verdict {
            tracing::warn!(target: "health", "{}", standing.verdict);
        }
        self.verdict.clone_from(&standing.verdict);
        self.train();
        if self.saved_at.elapsed().as_secs() >= self.config.save_interval_s {
            self.saved_at = Instant::now();
            self.saver.save(self.baseline.to_bytes());
        }
        self.tell_stall(&standing, out);
        let mut status = self.board.lock();
        status.problems = self.problems(&standing);
        status.progress = Some(progress);
        status.standing = standing;
        status.saved_ns = self.saver.saved_ns();
        status.outcomes.clone_from(&self.outcomes);
    }

    /// Lets the networks be trained on what the new generation was fitted on; gives their
    /// names.
    fn order_networks(&mut self) -> Vec<&'static str> {
        if !self.trainer.is_idle() {
            return Vec::new();
        }
        let jobs = (0..NETWORKS).filter_map(|network| {
            let training = self.baseline.training(network)?;
            Some(Job { network, training })
        });
        let jobs: Vec<Job> = jobs.collect();
        let ordered = jobs.iter().map(|job| job.network);
        let ordered: Vec<usize> = ordered.collect();
        for network in &ordered {
            self.baseline.owe_training(*network, self.newest_ns);
        }
        self.trainer.order(jobs);
        ordered.into_iter().map(|at| NETWORK_NAMES[at]).collect()
    }

    /// Looks after the training, and puts a network into use that passes the gate.
    fn train(&mut self) {
        let Some((network, trained)) = self.trainer.step() else {
            return;
        };
        let trained = trained.map_err(|error| {
            let name = NETWORK_NAMES[network];
            format!("the {name} was not trained: {error:#}")
        });
        let taken = trained.and_then(|trained| self.baseline.take_network(trained, self.newest_ns));
        self.outcomes[network] = match taken {
            Ok(sentence) => {
                tracing::info!("{sentence}");
                self.untrained[network] = None;
                sentence
            }
            Err(sentence) => {
                tracing::warn!(target: "health", "{sentence}");
                self.untrained[network] = Some(sentence.clone());
                sentence
            }
        };
    }

    /// Fits models now instead of in the coming night, and lets networks be trained; gives
    /// what was said of the models, and the names of the networks.
    ///
    /// # Errors
    /// Where too little was seen, in a sentence.
    pub fn fit_now(&mut self) -> Result<(String, Vec<&'static str>), String> {
        let verdict = self.baseline.fit_now(self.newest_ns)?;
        self.keep_generation();
        Ok((verdict, self.order_networks()))
    }

    /// Keeps the models on disk where they are new, and says what was said of them.
    fn keep_generation(&mut self) -> bool {
        let standing = self.baseline.standing();
        if standing.generation == self.generation {
            return false;
        }
        self.generation = standing.generation;
        tracing::info!("{}", standing.verdict);
        self.saver
            .keep_generation(self.baseline.to_bytes(), standing);
        true
    }

    /// Goes over to the other mode where this one was for a time that has passed.
    fn end_of_time(&self, state: ModeState) -> ModeState {
        if state.until_ns.is_none_or(|until| clock::unix_ns() < until) {
            return state;
        }
        let other = match state.mode {
            Mode::Learn => Mode::Detect,
            Mode::Detect => Mode::Learn,
        };
        match self.mode.set(other, None) {
            Ok(state) => {
                tracing::info!("the time is over: mode {} from now on", other.name());
                state
            }
            Err(error) => {
                tracing::error!(target: "health", "the mode should change, but: {error:#}");
                state
            }
        }
    }

    fn end_learning(&mut self, state: ModeState, progress: &Progress) {
        let over = progress.missing.is_empty() || progress.thin;
        let by_itself = self.config.auto_detect && state.until_ns.is_none();
        if state.mode != Mode::Learn || !by_itself || !over {
            return;
        }
        match self.mode.set(Mode::Detect, None) {
            Ok(_) if progress.thin => tracing::warn!(
                "learning ended with thin data ({}); anomalies have to be twice as clear",
                progress.missing.join(", ")
            ),
            Ok(_) => tracing::info!("learning is over; anomalies are alerted from now on"),
            Err(error) => tracing::error!(target: "health", "learning is over, but: {error:#}"),
        }
    }

    /// Alerts once that models are not fitted any more, as they would otherwise grow old
    /// unnoticed.
    fn tell_stall(&mut self, standing: &Standing, out: &mut Vec<Alert>) {
        let stalled = standing.fitted_ns > 0 && self.newest_ns - standing.fitted_ns > STALE_NS;
        let process = self.newest_process.clone();
        if let Some(process) = process.filter(|_| stalled && !self.stall_told) {
            out.push(anomaly::stalled(self.newest_ns, standing, process));
        }
        self.stall_told = stalled;
        let untrained = self.untrained_days();
        let process = self.newest_process.clone();
        if let (Some(days), Some(process), false) = (untrained, process, self.untrained_told) {
            let why = self.untrained.iter().flatten().next();
            let why = why.map_or("none has ended yet", String::as_str);
            out.push(anomaly::untrained(self.newest_ns, days, why, process));
        }
        self.untrained_told = untrained.is_some();
    }

    /// For how many days a training was owed that did not succeed; `None` below two.
    fn untrained_days(&self) -> Option<i64> {
        let owed_ns = self.newest_ns - self.baseline.untrained_since_ns()?;
        (owed_ns > STALE_NS).then_some(owed_ns / 86_400_000_000_000)
    }

    fn problems(&self, standing: &Standing) -> Vec<String> {
        let mut problems = self.trouble.clone();
        problems.extend(self.saver.problem());
        problems.extend(self.untrained.iter().flatten().cloned());
        problems.extend(
            self.untrained_days()
                .map(|days| format!("no training of the networks has succeeded for {days} days")),
        );
        let age_ns = self.newest_ns - standing.fitted_ns;
        if standing.fitted_ns > 0 && age_ns > STALE_NS {
            let days = age_ns / 86_400_000_000_000;
            problems.push(format!(
                "the models have not been fitted anew for {days} days"
            ));
        }
        problems
    }

    /// Saves a last time, and waits for it.
    pub fn close(mut self) {
        self.saver.save(self.baseline.to_bytes());
        self.saver.stop();
    }

    /// Goes back to a generation and removes later ones, whose numbers are given back.
    ///
    /// # Errors
    /// Where there is none of that number, or it cannot be used; nothing is changed then.
    pub fn roll_back(&mut self, generation: u32) -> Result<Vec<u32>> {
        let bytes = self.folder.read(generation)?;
        self.baseline
            .go_back(&bytes, self.newest_ns)
            .with_context(|| format!("generation {generation} is refused"))?;
        self.generation = self.baseline.standing().generation;
        self.verdict = self.baseline.standing().verdict;
        let removed = self.folder.forget_after(generation)?;
        self.folder.save(&self.baseline.to_bytes())?;
        Ok(removed)
    }

    /// The folder of generations.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What is learned.
    pub fn baseline(&mut self) -> &mut Baseline {
        &mut self.baseline
    }
}

#[cfg(test)]
mod tests;
