//! The thread that computes digests and reads the databases of packages, at the lowest
//! priority: nobody waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use sentinel_event::Outcome;

use super::cache::Known;
use super::digest::Computed;
use super::mounts::Mounts;
use super::packages::Packages;
use super::{Config, Finished, Job, Shared, digest, locked};

/// How often the databases are looked at for a change.
const PACKAGES_INTERVAL: Duration = Duration::from_secs(5);
/// The kernel's lowest priority among those that still get a share.
const NICE: i32 = 19;

/// Starts the thread; it ends when the other side of `jobs` is dropped.
pub fn start(config: &Config, shared: Arc<Shared>, jobs: Receiver<Job>) -> std::io::Result<()> {
    let config = config.clone();
    let thread = thread::Builder::new().name("identity".into());
    thread.spawn(move || {
        // Without an id it is the thread that asks whose priority is set.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::warn!("digests are computed at normal priority: {error}");
        }
        run(&config, &shared, &jobs);
    })?;
    Ok(())
}

fn run(config: &Config, shared: &Shared, jobs: &Receiver<Job>) {
    let mut packages = config
        .packages
        .then(|| Packages::of_host(config.package_files_max as usize));
    let mut mounts = Mounts::default();
    let mut looked: Option<Instant> = None;
    loop {
        if let Some(packages) = &mut packages
            && looked.is_none_or(|at| at.elapsed() >= PACKAGES_INTERVAL)
        {
            if let Some(owners) = packages.read_if_changed() {
                let (count, files) = (owners.packages(), owners.files());
                shared
                    .stats
                    .set_packages(count, files, owners.files_left_out());
                tracing::debug!("{files} files of {count} packages are known");
                *locked(&shared.owners) = Arc::new(owners);
            }
            looked = Some(Instant::now());
        }
        match jobs.recv_timeout(PACKAGES_INTERVAL) {
            Ok(job) => answer(job, config.digest_bytes_max, shared, &mut mounts),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Computes one digest and puts it where the pipeline finds it.
pub fn answer(job: Job, bytes_max: u64, shared: &Shared, mounts: &mut Mounts) {
    let Computed { digest, read_bytes } = digest::compute(&job, bytes_max, mounts);
    shared.stats.count_answer(digest.outcome, read_bytes);
    let mut cache = locked(&shared.cache);
    let entry = cache.entry(&digest.file);
    entry.known = match (digest.outcome, digest.sha256) {
        (Outcome::Hashed, Some(sha256)) => Known::Digest(sha256),
        _ => Known::No,
    };
    drop(cache);
    // At most as many as the queue holds: the pipeline takes them before it asks again.
    locked(&shared.finished).push(Finished {
        process: job.process,
        digest,
    });
}
