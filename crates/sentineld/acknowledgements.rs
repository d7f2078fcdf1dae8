//! Alerts that somebody has dealt with: who, when, and what they said. JSON lines in the
//! data folder, appended and forced to the disk; the latest line about an alert counts.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What is remembered; beyond it the oldest are forgotten at the next start.
const ENTRIES_MAX: usize = 100_000;

/// One alert that was dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The alert's id.
    pub id: String,
    /// Unix time in nanoseconds.
    pub time_ns: i64,
    /// Who did; [`NO_USER`](crate::audit::NO_USER) where a certificate was shown.
    pub uid: u32,
    /// The name of that user, when known.
    pub user: Option<String>,
    /// The names in the certificate of a caller of another host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// What they said.
    pub note: String,
}

/// All of one data folder.
pub struct Acknowledgements {
    path: PathBuf,
    known: Mutex<HashMap<String, Acknowledgement>>,
    /// Held while the disk is waited for, so that reading never waits for it.
    writing: Mutex<()>,
}

impl Acknowledgements {
    /// Reads `acknowledged.jsonl` in `data_dir`; lines that are none are left out.
    pub fn open(data_dir: &Path) -> Result<Acknowledgements> {
        let path = data_dir.join("acknowledged.jsonl");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let lines: Vec<Acknowledgement> = bytes
            .split(|&b| b == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        let kept = &lines[lines.len().saturating_sub(ENTRIES_MAX)..];
        let torn = bytes.last().is_some_and(|&b| b != b'\n');
        if kept.len() < lines.len() || torn {
            rewrite(&path, kept).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let known = kept.iter().map(|a| (a.id.clone(), a.clone())).collect();
        Ok(Acknowledgements {
            path,
            known: Mutex::new(known),
            writing: Mutex::default(),
        })
    }

    /// What is known about an alert.
    pub fn get(&self, id: &str) -> Option<Acknowledgement> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).cloned()
    }

    /// Adds one; on the disk when this returns.
    pub fn add(&self, new: Acknowledgement) -> Result<()> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        append(&self.path, &new)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(new.id.clone(), new);
        Ok(())
    }
}

fn append(path: &Path, new: &Acknowledgement) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(new)?;
    line.push(b'\n');
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    let written = file.write_all(&line).and_then(|()| file.sync_data());
    if written.is_err() {
        // A piece of a line would spoil the next one.
        let _ = file.set_len(before);
    }
    written
}

fn rewrite(path: &Path, lines: &[Acknowledgement]) -> std::io::Result<()> {
    let temporary = path.with_extension("jsonl.new");
    let mut file = File::create(&temporary)?;
    for line in lines {
        serde_json::to_writer(&mut file, line)?;
        file.write_all(b"\n")?;
    }
    file.sync_all()?;
    fs::rename(temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(id: &str, note: &str) -> Acknowledgement {
        Acknowledgement {
            id: id.to_owned(),
            time_ns: 1,
            uid: 0,
            certificate: None,
            user: Some("root".to_owned()),
            note: note.to_owned(),
        }
    }

    #[test]
    fn the_latest_counts_and_survives_restarts_and_crashes() {
        let dir = tempfile::tempdir().expect("a folder");
        let all = Acknowledgements::open(dir.path()).expect("opens");
        for (id, note) in [("a", "first"), ("b", "other"), ("a", "second")] {
            all.add(new(id, note)).expect("adds");
        }
        let path = dir.path().join("acknowledged.jsonl");
        let mut file = OpenOptions::new().append(true).open(&path).expect("opens");
        file.write_all(b"{\"id\":\"c\",\"ti")
            .expect("writes half a line");
        let again = Acknowledgements::open(dir.path()).expect("opens again");
        again.add(new("d", "later")).expect("adds");
        let again = Acknowledgements::open(dir.path()).expect("opens again");
        let notes = ["a", "b", "c", "d"].map(|id| again.get(id).map(|a| a.note));
        let expected = [Some("second"), Some("other"), None, Some("later")];
        assert_eq!(notes, expected.map(|note| note.map(str::to_owned)));
    }
}
