//! Learning from recorded history, as if the daemon had watched it: for a host whose
//! learned state was lost or refused, or whose history comes from elsewhere.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sentinel_baseline::{Baseline, Phase};
use sentinel_store::replay::{Source, TimeRange};
use sentinel_store::{Config, Store};

use super::Folder;

/// Learns from the history in `data_dir`, keeps what was learned beside it, and says how
/// far it came. Networks are trained by the daemon, once it runs.
///
/// # Errors
/// Where the folder is in use, cannot be read or written, or has a learned state already
/// that `replace` does not allow to go.
pub fn relearn(
    data_dir: &Path,
    host: &str,
    config: sentinel_baseline::Config,
    store: Config,
    replace: bool,
) -> Result<()> {
    ensure!(
        data_dir.is_dir(),
        "there is no folder {}",
        data_dir.display()
    );
    // Holds the folder's lock: a daemon that runs would write over what is learned here.
    let (store, _) = Store::open(data_dir, host, store)?;
    let folder = Folder::open(data_dir)?;
    ensure!(
        replace || !folder.has_state(),
        "{} has a learned state already; --replace gives it up",
        data_dir.display()
    );
    folder.clear()?;
    let mut baseline = Baseline::new(config);
    baseline.set_phase(Phase::Learn);
    let (mut events, mut found, mut generation) = (0_u64, Vec::new(), 0);
    for batch in Source::open(data_dir, TimeRange::ALL)? {
        let batch = batch.with_context(|| format!("cannot read {}", data_dir.display()))?;
        for event in batch.iter() {
            baseline.observe(event, &mut found);
            events += 1;
        }
        found.clear();
        let standing = baseline.standing();
        if standing.generation != generation {
            generation = standing.generation;
            folder.keep(&baseline.to_bytes(), &standing)?;
        }
    }
    folder.save(&baseline.to_bytes())?;
    drop(store);
    give_to_owner(data_dir, data_dir)?;
    let (standing, progress) = (baseline.standing(), baseline.progress());
    println!(
        "learned from {events} events: {} programs, generation {}",
        standing.programs, standing.generation
    );
    match progress.missing.is_empty() {
        true => println!("learning is complete"),
        false => println!("learning goes on: {}", progress.missing.join(", ")),
    }
    Ok(())
}

/// Lets everything below `path` belong to whom `data_dir` belongs to: the daemon runs as
/// its own user, and whoever relearns is another.
fn give_to_owner(data_dir: &Path, path: &Path) -> Result<()> {
    let owner = fs::metadata(data_dir)?;
    let own = fs::symlink_metadata(path)?;
    if (own.uid(), own.gid()) != (owner.uid(), owner.gid()) {
        lchown(path, Some(owner.uid()), Some(owner.gid())).with_context(|| {
            format!("cannot give {} to the owner of its folder", path.display())
        })?;
    }
    if own.is_dir() {
        for entry in fs::read_dir(path)? {
            give_to_owner(data_dir, &entry?.path())?;
        }
    }
    Ok(())
}
