//! Writes what was learned, on a thread of its own: the disk never delays detection. Of
//! states that wait, only the latest is written.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use sentinel_baseline::Standing;

use super::Folder;
use crate::clock;

enum Work {
    State(Vec<u8>),
    Generation(Vec<u8>, Box<Standing>),
}

#[derive(Default)]
struct Outcome {
    saved_ns: AtomicI64,
    problem: Mutex<Option<String>>,
}

/// The thread that writes.
pub struct Saver {
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    outcome: Arc<Outcome>,
}

impl Saver {
    /// Starts the thread.
    pub fn start(folder: Folder) -> Result<Saver> {
        let (work, waiting) = channel();
        let outcome = Arc::new(Outcome::default());
        let shared = Arc::clone(&outcome);
        let thread = thread::Builder::new()
            .name("baseline".into())
            .spawn(move || run(&folder, &waiting, &shared))
            .context("cannot start the thread that keeps what was learned")?;
        Ok(Saver {
            work: Some(work),
            thread: Some(thread),
            outcome,
        })
    }

    /// Replaces the running state soon.
    pub fn save(&self, bytes: Vec<u8>) {
        self.send(Work::State(bytes));
    }

    /// Keeps a generation soon.
    pub fn keep_generation(&self, bytes: Vec<u8>, standing: Standing) {
        self.send(Work::Generation(bytes, Box::new(standing)));
    }

    fn send(&self, work: Work) {
        // Fails only where the thread has panicked; its problem is told by then.
        let sent = self.work.as_ref().map(|sender| sender.send(work));
        if !matches!(sent, Some(Ok(()))) {
            self.outcome
                .tell(Some("what is learned is not saved any more".to_owned()));
        }
    }

    /// When something was last written, in nanoseconds since the Unix epoch; 0 for never.
    pub fn saved_ns(&self) -> i64 {
        self.outcome.saved_ns.load(Relaxed)
    }

    /// Why the last write failed, if it did.
    pub fn problem(&self) -> Option<String> {
        let problem = self.outcome.problem.lock();
        problem.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for everything to be written.
    pub fn stop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that keeps what was learned ended with a panic");
        }
    }
}

impl Outcome {
    fn tell(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

fn run(folder: &Folder, waiting: &Receiver<Work>, outcome: &Outcome) {
    while let Ok(first) = waiting.recv() {
        let mut state = None;
        for work in std::iter::once(first).chain(waiting.try_iter()) {
            match work {
                Work::State(bytes) => state = Some(bytes),
                Work::Generation(bytes, standing) => {
                    note(outcome, folder.keep(&bytes, &standing));
                    tracing::info!("generation {} of the models is in use", standing.generation);
                }
            }
        }
        if let Some(bytes) = state {
            note(outcome, folder.save(&bytes));
        }
    }
}

fn note(outcome: &Outcome, result: Result<()>) {
    match result {
        Ok(()) => {
            outcome.saved_ns.store(clock::unix_ns(), Relaxed);
            outcome.tell(None);
        }
        Err(error) => {
            tracing::error!(target: "health", "what was learned is not saved: {error:#}");
            outcome.tell(Some(format!("what was learned is not saved: {error:#}")));
        }
    }
}
