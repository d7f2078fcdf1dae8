//! Lets the training program fit the networks: one run at a time, at the lowest priority,
//! with a limit on its memory and its time. The daemon never waits for it.
//!
//! Owns the files between the two programs, and the process.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sentinel_baseline::{Tokens, Trained, Training};

/// Bytes of address space that a run may take.
const MEMORY_MAX: u64 = 300_000_000;
/// A run that takes longer is ended. It takes minutes of an idle processor, and hours of one
/// on which everything else comes first.
const TIME_MAX: Duration = Duration::from_secs(6 * 3_600);

/// What a network is fitted on.
pub struct Job {
    /// Which of the baseline's networks it becomes.
    pub network: usize,
    /// What it is trained on.
    pub training: Training,
}

struct Run {
    network: usize,
    programs: Tokens,
    child: Child,
    begun: Instant,
}

/// Runs the training program.
pub struct Trainer {
    folder: PathBuf,
    /// `None` where it is not installed.
    pub(super) program: Option<PathBuf>,
    /// Somebody waits for it.
    eager: bool,
    waiting: Vec<Job>,
    run: Option<Run>,
}

impl Trainer {
    /// Keeps its files in `folder`, which is made when it is needed.
    pub fn new(folder: PathBuf) -> Trainer {
        Trainer {
            folder,
            program: sentinel_api::trainer(),
            eager: false,
            waiting: Vec::new(),
            run: None,
        }
    }

    /// Lets training take the processor from others, for who waits for it.
    pub fn hurry(mut self) -> Trainer {
        self.eager = true;
        self
    }

    /// Whether nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.run.is_none()
    }

    /// Lets these be trained, one after the other.
    pub fn order(&mut self, jobs: Vec<Job>) {
        self.waiting = jobs;
    }

    /// Looks after the run, and starts the next. Once a run has ended, its network is
    /// returned, or why there is none; the next call goes on with the next one.
    pub fn step(&mut self) -> Option<(usize, Result<Trained>)> {
        let run = self.run.as_ref().map(|run| run.network);
        let network = run.or_else(|| self.waiting.last().map(|job| job.network))?;
        let done = self.go_on().transpose()?;
        Some((network, done))
    }

    fn go_on(&mut self) -> Result<Option<Trained>> {
        if let Some(mut run) = self.run.take() {
            let Some(status) = run
                .child
                .try_wait()
                .context("cannot wait for the training")?
            else {
                if run.begun.elapsed() < TIME_MAX {
                    self.run = Some(run);
                    return Ok(None);
                }
                let _ = run.child.kill();
                let _ = run.child.wait();
                bail!(
                    "training took longer than {} hours",
                    TIME_MAX.as_secs() / 3_600
                );
            };
            let mut said = String::new();
            if let Some(mut stderr) = run.child.stderr.take() {
                let _ = stderr.read_to_string(&mut said);
            }
            if !status.success() {
                let line = said.lines().last().unwrap_or("it said nothing").to_owned();
                bail!("training failed with {status}: {line}");
            }
            let path = self.output();
            let bytes =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            return Ok(Some(Trained {
                network: run.network,
                bytes,
                programs: run.programs,
            }));
        }
        if let Some(job) = self.waiting.pop() {
            let network = job.network;
            let child = self.start(&job)?;
            let programs = match job.training {
                Training::Sequences { programs, .. } => programs,
                Training::Rows { .. } => Tokens::default(),
            };
            self.run = Some(Run {
                network,
                programs,
                child,
                begun: Instant::now(),
            });
        }
        Ok(None)
    }

    fn output(&self) -> PathBuf {
        self.folder.join("network.safetensors")
    }

    fn start(&self, job: &Job) -> Result<Child> {
        let program = self
            .program
            .as_ref()
            .with_context(|| format!("the program {} is not installed", sentinel_api::TRAINER))?;
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make {}", self.folder.display()))?;
        let input = self.folder.join("input.safetensors");
        fs::write(&input, job.training.to_bytes())
            .with_context(|| format!("cannot write {}", input.display()))?;
        let _ = fs::remove_file(self.output());
        let mut command = Command::new(program);
        match &job.training {
            Training::Rows { .. } => command.arg("autoencoder"),
            Training::Sequences { vocabulary, .. } => {
                let vocabulary = vocabulary.to_string();
                command.args(["lstm", "--vocabulary", &vocabulary])
            }
        };
        command
            .arg(&input)
            .arg(self.output())
            .args(["--memory-max", &MEMORY_MAX.to_string()])
            .args(self.eager.then_some("--eager"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        if let Some(run) = &mut self.run {
            let _ = run.child.kill();
            let _ = run.child.wait();
        }
    }
}
