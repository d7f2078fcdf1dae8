//! Files in places that the sensor watches: made by an attack or before it, and gone
//! when it is over, whatever became of the attack.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::child::MARK;

/// What is in files that are there before an attack.
const CONTENT: &str = "# sentinel-simulation, removed at once\n";

/// What is locked meanwhile, so that two simulators do not remove each other's files: a
/// folder that every host has, which leaves nothing behind.
const LOCKED: &str = "/var/lib";
/// An attack is over in milliseconds, and its limit is ten seconds.
const LOCK_LIMIT: Duration = Duration::from_secs(20);

/// A file that an attack uses outside its own folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// The attack makes it; one that is there already is not the attack's and stays.
    Made(&'static str),
    /// It is there before the attack, which changes, reads or removes it.
    Prepared(&'static str),
}

/// The files of one attack; dropped, they are removed.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    files: Vec<PathBuf>,
    /// Folders that were missing, the outermost first.
    folders: Vec<PathBuf>,
    /// Held until everything is gone.
    _turn: Option<File>,
}

impl Traces {
    /// Makes what must be there before.
    pub(crate) fn prepare(traces: &[Trace]) -> Result<Traces, Failure> {
        if traces.is_empty() {
            return Ok(Traces::default());
        }
        let mut own = Traces {
            files: Vec::new(),
            folders: Vec::new(),
            _turn: Some(turn()?),
        };
        for trace in traces {
            let (Trace::Made(path) | Trace::Prepared(path)) = trace;
            let path = Path::new(path);
            own.make_folders(path)?;
            if own.take_over(path)? && matches!(trace, Trace::Prepared(_)) {
                fs::write(path, CONTENT).map_err(|error| failed("writing", path, &error))?;
            }
        }
        Ok(own)
    }

    /// Whether the path is the attack's to make and remove. What an attack left behind
    /// that was killed bears the mark and is removed first.
    fn take_over(&mut self, path: &Path) -> Result<bool, Failure> {
        let there = path.symlink_metadata().is_ok();
        if there && !path.to_string_lossy().contains(MARK) {
            return Ok(false);
        }
        if there {
            fs::remove_file(path).map_err(|error| failed("removing", path, &error))?;
        }
        self.files.push(path.to_owned());
        Ok(true)
    }

    fn make_folders(&mut self, path: &Path) -> Result<(), Failure> {
        let missing: Vec<_> = path
            .ancestors()
            .skip(1)
            .take_while(|folder| !folder.exists())
            .collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).map_err(|error| failed("making", folder, &error))?;
            self.folders.push(folder.to_owned());
        }
        Ok(())
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // The attack may have removed some itself, which is as good.
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn turn() -> Result<File, Failure> {
    let folder =
        File::open(LOCKED).map_err(|error| failed("opening", Path::new(LOCKED), &error))?;
    let deadline = Instant::now() + LOCK_LIMIT;
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Broken(format!(
                    "{LOCKED} is locked by another program"
                )));
            }
            Err(TryLockError::Error(error)) => {
                return Err(failed("locking", Path::new(LOCKED), &error));
            }
        }
    }
}

fn failed(step: &str, path: &Path, error: &io::Error) -> Failure {
    let step = format!("{step} {}", path.display());
    match error.kind() {
        // Without root, or on a read-only /etc, there is nothing to be done.
        io::ErrorKind::ReadOnlyFilesystem => Failure::NotPossible(format!("{step}: {error}")),
        _ => Failure::from_io(&step, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FAMILIES;

    #[test]
    fn what_is_made_and_what_was_missing_is_gone_afterwards() {
        let base = std::env::temp_dir().join(format!("{MARK}-traces-{}", std::process::id()));
        let file: &'static str = format!("{}/a/b/file", base.display()).leak();
        let kept: &'static str = "/etc/passwd";
        let traces = Traces::prepare(&[Trace::Prepared(file), Trace::Made(kept)]).expect("made");
        assert_eq!(fs::read_to_string(file).expect("is there"), CONTENT);
        drop(traces);
        assert!(!base.exists());
        assert!(Path::new(kept).exists());
    }

    /// Whatever is prepared is written over, and what bears the mark is removed: neither
    /// may ever be somebody's own file.
    #[test]
    fn only_marked_files_are_prepared() {
        for variant in FAMILIES.iter().flat_map(|family| family.variants) {
            for trace in variant.traces {
                let (Trace::Made(path) | Trace::Prepared(path)) = trace;
                assert!(path.starts_with('/'), "{path}");
                let is_prepared = matches!(trace, Trace::Prepared(_));
                assert!(!is_prepared || path.contains(MARK), "{path}");
            }
        }
    }
}
