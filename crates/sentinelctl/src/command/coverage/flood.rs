//! Load: every processor opens files as fast as it can.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Different files: repeats of one are counted in the kernel and cost the daemon nothing.
const FILES: usize = 4096;
/// Whatever else happens, it ends then.
const LIMIT: Duration = Duration::from_secs(120);
/// Opens between two looks at the clock.
const STRIDE: usize = 256;

/// The flood; it ends when this is dropped or stopped.
pub struct Flood {
    folder: PathBuf,
    over: Arc<AtomicBool>,
    opened: Arc<AtomicU64>,
    began: Instant,
    threads: Vec<JoinHandle<()>>,
}

/// What a flood was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opens {
    /// Files opened.
    pub count: u64,
    /// For how long.
    pub took: Duration,
}

impl Flood {
    /// Makes the files, and starts.
    pub fn start() -> io::Result<Flood> {
        let folder = PathBuf::from(format!("/var/tmp/sentinel-flood-{}", std::process::id()));
        let mut flood = Flood {
            folder: folder.clone(),
            over: Arc::default(),
            opened: Arc::default(),
            began: Instant::now(),
            threads: Vec::new(),
        };
        fs::create_dir(&folder)?;
        let files: Arc<[PathBuf]> = (0..FILES).map(|i| folder.join(i.to_string())).collect();
        for file in files.iter() {
            File::create(file)?;
        }
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let (files, over, opened) = (files.clone(), flood.over.clone(), flood.opened.clone());
            flood.threads.push(thread::spawn(move || {
                let end = Instant::now() + LIMIT;
                for stride in files.chunks(STRIDE).cycle() {
                    if over.load(Ordering::Relaxed) || Instant::now() > end {
                        return;
                    }
                    let done = stride.iter().filter(|file| File::open(file).is_ok());
                    opened.fetch_add(done.count() as u64, Ordering::Relaxed);
                }
            }));
        }
        Ok(flood)
    }

    /// Ends it; how much it was.
    pub fn stop(mut self) -> Opens {
        self.end();
        Opens {
            count: self.opened.load(Ordering::Relaxed),
            took: self.began.elapsed(),
        }
    }

    fn end(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It cannot panic, and if it did the flood would be over all the same.
            let _ = thread.join();
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.end();
        // Empty files in a folder of our own: what stays is for the next clean-up of /var/tmp.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
