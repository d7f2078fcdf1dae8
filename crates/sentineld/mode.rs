//! The mode and when it began, kept on disk so that it survives a restart.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::clock;

/// What is done with anomalies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Learn what is normal; alert on fixed detections only.
    Learn,
    /// Alert on anomalies too.
    Detect,
}

impl Mode {
    /// The name shown to people.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Learn => "learn",
            Mode::Detect => "detect",
        }
    }
}

/// A mode and when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeState {
    /// The mode.
    pub mode: Mode,
    /// Unix time in nanoseconds.
    pub since_ns: i64,
    /// When the other mode begins, where somebody said for how long; Unix time in
    /// nanoseconds.
    #[serde(default)]
    pub until_ns: Option<i64>,
}

/// The mode, in memory and on disk.
pub struct ModeFile {
    path: PathBuf,
    state: Mutex<ModeState>,
    /// Held while the disk is waited for, so that reading the mode never waits for it.
    switching: Mutex<()>,
}

impl ModeFile {
    /// Reads `mode.json` in `data_dir`. Where there is none, a new host begins to learn.
    pub fn open(data_dir: &Path) -> Result<ModeFile> {
        let path = data_dir.join("mode.json");
        let state = match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(state) => state,
                Err(error) => {
                    // A damaged file must not keep the sensor from starting; learning is
                    // the mode that cannot do harm.
                    tracing::warn!("{} is damaged ({error}); learning anew", path.display());
                    begin(&path, Mode::Learn, None)?
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => begin(&path, Mode::Learn, None)?,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        Ok(ModeFile {
            path,
            state: Mutex::new(state),
            switching: Mutex::new(()),
        })
    }

    /// The mode now.
    pub fn get(&self) -> ModeState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches the mode, for `for_ns` nanoseconds or for good; the new state is on disk
    /// before it holds. Switching to the present mode for good changes nothing.
    pub fn set(&self, mode: Mode, for_ns: Option<i64>) -> Result<ModeState> {
        let _turn = self
            .switching
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let state = self.get();
        if state.mode == mode && for_ns.is_none() && state.until_ns.is_none() {
            return Ok(state);
        }
        let state = begin(&self.path, mode, for_ns)?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(state)
    }
}

fn begin(path: &Path, mode: Mode, for_ns: Option<i64>) -> Result<ModeState> {
    let since_ns = clock::unix_ns();
    let state = ModeState {
        mode,
        since_ns,
        until_ns: for_ns.map(|for_ns| since_ns.saturating_add(for_ns)),
    };
    let temporary = path.with_extension("json.new");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(&state)?)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_survives_a_restart_and_a_repeat_keeps_its_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = ModeFile::open(dir.path()).expect("opens");
        assert_eq!(file.get().mode, Mode::Learn);
        let switched = file.set(Mode::Detect, None).expect("switches");
        assert_eq!(file.set(Mode::Detect, None).expect("repeats"), switched);
        let again = ModeFile::open(dir.path()).expect("opens again");
        assert_eq!(again.get(), switched);
        let for_a_while = file.set(Mode::Detect, Some(5)).expect("is limited");
        assert_eq!(for_a_while.until_ns, Some(for_a_while.since_ns + 5));
        let again = ModeFile::open(dir.path()).expect("opens again");
        assert_eq!(again.get(), for_a_while);
    }

    #[test]
    fn a_damaged_file_means_learning() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("mode.json"), "{\"mode\":").expect("writes");
        let file = ModeFile::open(dir.path()).expect("opens");
        assert_eq!(file.get().mode, Mode::Learn);
    }
}
