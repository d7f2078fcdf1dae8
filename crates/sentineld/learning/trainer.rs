//! Lets the training program fit the networks: one run at a time, at the lowest priority,
//! with a limit on its memory and its time. The daemon never waits for it.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Bytes of address space that a run may take.
const MEMORY_MAX: u64 = 300_000_000;
/// A run that takes longer is ended.
const TIME_MAX: Duration = Duration::from_secs(1_800);

/// What a network is fitted on.
pub struct Job {
    /// Which of the baseline's networks it becomes.
    pub network: usize,
    /// Row after row.
    pub values: Vec<f32>,
    /// Values in a row.
    pub columns: usize,
}

struct Run {
    network: usize,
    child: Child,
    begun: Instant,
}

/// Runs the training program.
pub struct Trainer {
    folder: PathBuf,
    waiting: Vec<Job>,
    run: Option<Run>,
}

impl Trainer {
    /// Keeps its files in `folder`, which is made when it is needed.
    pub fn new(folder: PathBuf) -> Trainer {
        Trainer {
            folder,
            waiting: Vec::new(),
            run: None,
        }
    }

    /// Whether nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.run.is_none()
    }

    /// Lets these be trained, one after the other.
    pub fn order(&mut self, jobs: Vec<Job>) {
        self.waiting = jobs;
    }

    /// Looks after the run, and starts the next. A network that is ready is returned with
    /// its place.
    ///
    /// # Errors
    /// Where a run failed; the next call goes on with the next one.
    pub fn step(&mut self) -> Result<Option<(usize, Vec<u8>)>> {
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
                    "training took longer than {} minutes",
                    TIME_MAX.as_secs() / 60
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
            return Ok(Some((run.network, bytes)));
        }
        if let Some(job) = self.waiting.pop() {
            let network = job.network;
            let child = self.start(&job)?;
            self.run = Some(Run {
                network,
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
        let program = sentinel_api::trainer()
            .with_context(|| format!("the program {} is not installed", sentinel_api::TRAINER))?;
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot make {}", self.folder.display()))?;
        let input = self.folder.join("rows.safetensors");
        write_rows(&input, job).with_context(|| format!("cannot write {}", input.display()))?;
        let _ = fs::remove_file(self.output());
        Command::new(&program)
            .arg("autoencoder")
            .arg(&input)
            .arg(self.output())
            .args(["--memory-max", &MEMORY_MAX.to_string()])
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

/// A safetensors file with one matrix: the length of its header, the header, the values.
fn write_rows(path: &Path, job: &Job) -> std::io::Result<()> {
    let bytes = job.values.len() * 4;
    let rows = job.values.len() / job.columns.max(1);
    let mut header = format!(
        r#"{{"rows":{{"dtype":"F32","shape":[{rows},{}],"data_offsets":[0,{bytes}]}}}}"#,
        job.columns
    );
    // The values begin at a multiple of eight.
    while header.len() % 8 != 0 {
        header.push(' ');
    }
    let mut file = std::io::BufWriter::new(fs::File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for value in &job.values {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()
}
