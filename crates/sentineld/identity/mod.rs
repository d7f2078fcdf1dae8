//! What is known of an executable beyond what the kernel says with its exec: the digest
//! of its content and the package that owns it.
//!
//! The pipeline asks and never waits. The owner is looked up in memory; a digest that is
//! not known yet is computed later by a thread of the lowest priority and comes out as an
//! event of kind `digest`. Both are cached by the identity of the inode. Nothing here
//! decides what a digest or an owner means.

mod cache;
mod digest;
mod mounts;
mod packages;
mod stats;
mod worker;

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use sentinel_event::{Digest, FileIdentity, Process, Sha256};
use sentinel_process::{Executable, Image};
use serde::{Deserialize, Serialize};

use cache::{Cache, Known};
use mounts::Mounts;
use packages::Owners;
pub use stats::{Stats, StatsSnapshot};

/// What the operator decides about executables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether digests of executables are computed.
    pub digests: bool,
    /// Executables above this size get no digest, in bytes.
    pub digest_bytes_max: u64,
    /// Executables that may wait for their digest; those beyond are counted and asked for
    /// again when they are executed again.
    pub digest_queue: u32,
    /// Executables whose digest and package are remembered.
    pub executables_max: u32,
    /// Whether the databases of packages (dpkg, rpm) are read.
    pub packages: bool,
    /// The most files of packages that are remembered; 12 bytes each.
    pub package_files_max: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            digests: true,
            digest_bytes_max: 256 << 20,
            digest_queue: 1_024,
            executables_max: 16_384,
            packages: true,
            package_files_max: 1_000_000,
        }
    }
}

impl Config {
    /// Says in one sentence what is wrong with the values, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let bounds = [
            ("digest_bytes_max", self.digest_bytes_max, 1 << 40),
            ("digest_queue", self.digest_queue.into(), 65_536),
            ("executables_max", self.executables_max.into(), 1 << 20),
            ("package_files_max", self.package_files_max.into(), 1 << 24),
        ];
        match bounds.iter().find(|(_, v, most)| *v == 0 || v > most) {
            Some((name, value, most)) => Err(format!(
                "identity.{name} is {value}, but must be from 1 to {most}"
            )),
            None => Ok(()),
        }
    }
}

/// A digest that is wanted.
struct Job {
    process: Arc<Process>,
    /// When the image was seen to begin, in nanoseconds since the Unix epoch; `None` for
    /// one that ran before the sensor.
    began_ns: Option<i64>,
}

/// A digest that was computed, or could not be.
pub struct Finished {
    /// Who was the first to run the executable.
    pub process: Arc<Process>,
    /// The answer.
    pub digest: Digest,
}

/// What the pipeline and the worker share.
struct Shared {
    cache: Mutex<Cache>,
    owners: Mutex<Arc<Owners>>,
    finished: Mutex<Vec<Finished>>,
    stats: Stats,
}

/// Answers for executables. Cheap to ask; dropping it ends the worker.
pub struct Identity {
    shared: Arc<Shared>,
    jobs: Option<SyncSender<Job>>,
    mounts: Mounts,
}

impl Identity {
    /// Starts the worker, unless there is nothing for it to do.
    pub fn start(config: &Config) -> std::io::Result<Identity> {
        let (identity, jobs) = Identity::new(config);
        if config.digests || config.packages {
            worker::start(config, Arc::clone(&identity.shared), jobs)?;
        }
        Ok(identity)
    }

    /// Without a worker, whose end of the queue is given out.
    fn new(config: &Config) -> (Identity, Receiver<Job>) {
        let (sender, jobs) = sync_channel(config.digest_queue as usize);
        let shared = Arc::new(Shared {
            cache: Mutex::new(Cache::new(config.executables_max as usize)),
            owners: Mutex::default(),
            finished: Mutex::default(),
            stats: Stats::default(),
        });
        let identity = Identity {
            shared,
            jobs: config.digests.then_some(sender),
            mounts: Mounts::default(),
        };
        (identity, jobs)
    }

    /// The counters.
    pub fn stats(&self) -> impl Fn() -> StatsSnapshot + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.stats.snapshot(locked(&shared.cache).len())
    }

    /// What is known of an image's executable now.
    pub fn executable(&mut self, image: &Image) -> Executable {
        if image.file == FileIdentity::default() {
            return Executable::default();
        }
        let owners = Arc::clone(&locked(&self.shared.owners));
        let mut cache = locked(&self.shared.cache);
        let entry = cache.entry(&image.file);
        if entry.owners_seen != Some(owners.generation()) {
            entry.owners_seen = Some(owners.generation());
            entry.package = owner(&owners, image, &mut self.mounts);
        }
        Executable {
            package: entry.package.clone(),
            sha256: entry.known.sha256(),
        }
    }

    /// Asks for the digest of the image's executable, if nobody did before.
    pub fn ask(&mut self, process: &Arc<Process>, began_ns: Option<i64>) {
        let Some(jobs) = &self.jobs else {
            return;
        };
        if process.sha256.is_some() || process.file == FileIdentity::default() {
            return;
        }
        let mut cache = locked(&self.shared.cache);
        let entry = cache.entry(&process.file);
        if entry.known != Known::Nothing {
            return;
        }
        let job = Job {
            process: Arc::clone(process),
            began_ns,
        };
        match jobs.try_send(job) {
            Ok(()) => {
                entry.known = Known::Asked;
                self.shared.stats.count_waiting();
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.stats.count_dropped();
            }
        }
    }

    /// The digest of an executable that a process runs, when it is known by now.
    pub fn sha256(&self, process: &Process) -> Option<Sha256> {
        let cache = locked(&self.shared.cache);
        cache.find(&process.file)?.known.sha256()
    }

    /// The digests that were finished since the last call.
    pub fn finished(&self) -> Vec<Finished> {
        std::mem::take(&mut *locked(&self.shared.finished))
    }
}

/// The package that owns an executable. That a package has a file of this name says nothing
/// yet: the executable may be a container's, so it must be the very file that the name
/// leads to here.
fn owner(owners: &Owners, image: &Image, mounts: &mut Mounts) -> Option<Arc<str>> {
    let package = owners.find(&image.exe)?;
    let found = mounts.identity_of_path(&image.exe).ok()?;
    found.is_of(&image.file).then_some(package)
}

/// The value even after a panic elsewhere: what is in it is only a cache.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
