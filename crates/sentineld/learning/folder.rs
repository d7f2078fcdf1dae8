//! What was learned, on disk: the running state, and a generation for each day on which
//! models were fitted, of which the last three are kept.
//!
//! ```text
//! baseline/state.bin                  written at least every 30 seconds
//! baseline/generations/000012/        manifest.json, state.bin
//! baseline/current                    leads to the generation in use
//! ```
//!
//! Every file appears whole or not at all. One that is damaged or of another version is
//! refused with a sentence, and the one before it is used.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sentinel_baseline::{Baseline, Standing};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Generations that are kept.
pub const KEPT: usize = 3;
const STATE: &str = "state.bin";
const MANIFEST: &str = "manifest.json";
const CURRENT: &str = "current";

/// The folder `baseline` of a data folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

/// What a generation says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Its number.
    pub generation: u32,
    /// The hash of the names and the order of the features.
    pub schema: String,
    /// When its models were fitted, in nanoseconds since the Unix epoch.
    pub fitted_ns: i64,
    /// Programs that it knows.
    pub programs: u64,
    /// Rows that its models were fitted on: program starts and connections.
    pub rows: [u64; 2],
    /// The version of the program that made it.
    pub version: String,
    /// Bytes of its state, and their SHA-256 in hexadecimal digits.
    pub state_bytes: u64,
    /// See `state_bytes`.
    pub state_sha256: String,
}

impl Folder {
    /// The folder below `data_dir`, made where there is none; for its owner alone.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn open(data_dir: &Path) -> Result<Folder> {
        let root = data_dir.join("baseline");
        let generations = root.join("generations");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&generations)
            .with_context(|| format!("cannot make {}", generations.display()))?;
        Ok(Folder { root })
    }

    /// The folder below `data_dir` as it is, for reading.
    pub fn at(data_dir: &Path) -> Folder {
        let root = data_dir.join("baseline");
        Folder { root }
    }

    /// Takes the newest state that is whole into `baseline`; each that is not is one
    /// sentence.
    pub fn load(&self, baseline: &mut Baseline) -> Vec<String> {
        let mut refused: Vec<String> = Vec::new();
        let state = match fs::read(self.root.join(STATE)) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            read => Some((None, read.context("it cannot be read"))),
        };
        let generations = self.numbers().into_iter().rev();
        let generations = generations.map(|number| (Some(number), self.read(number)));
        for (number, bytes) in state.into_iter().chain(generations) {
            let name = number.map_or_else(
                || "the learned state".to_owned(),
                |number| format!("generation {number}"),
            );
            let taken = bytes.and_then(|bytes| Ok(baseline.restore(&bytes)?));
            let Err(error) = taken else {
                if let Some(last) = refused.last_mut() {
                    last.push_str(&format!("; going on with {name}"));
                }
                // What is listed as in use is what is in use.
                if let Some(number) = number.filter(|_| !refused.is_empty()) {
                    let _ = self.lead_to(number);
                }
                return refused;
            };
            refused.push(format!("{name} is refused: {error:#}"));
        }
        if let Some(last) = refused.last_mut() {
            *last += "; learning begins anew";
        }
        refused
    }

    /// Whether anything was learned here.
    pub fn has_state(&self) -> bool {
        self.root.join(STATE).exists() || !self.numbers().is_empty()
    }

    /// Gives up everything that was learned.
    pub fn clear(&self) -> Result<()> {
        let _ = fs::remove_file(self.root.join(CURRENT));
        let _ = fs::remove_file(self.root.join(STATE));
        for number in self.numbers() {
            let path = self.path(number);
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    /// Replaces the running state.
    pub fn save(&self, bytes: &[u8]) -> Result<()> {
        replace(&self.root.join(STATE), bytes)
    }

    /// Keeps a generation, makes it the current one, and removes those beyond the last
    /// three.
    pub fn keep(&self, bytes: &[u8], standing: &Standing) -> Result<()> {
        let manifest = Generation {
            generation: standing.generation,
            schema: format!("{:016x}", sentinel_baseline::schema_hash()),
            fitted_ns: standing.fitted_ns,
            programs: standing.programs as u64,
            rows: standing.rows.map(|rows| rows as u64),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state_bytes: bytes.len() as u64,
            state_sha256: hash(bytes),
        };
        let whole = self.path(standing.generation);
        let begun = whole.with_extension("new");
        let _ = fs::remove_dir_all(&begun);
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&begun)
            .with_context(|| format!("cannot make {}", begun.display()))?;
        replace(&begun.join(STATE), bytes)?;
        replace(
            &begun.join(MANIFEST),
            &serde_json::to_vec_pretty(&manifest)?,
        )?;
        let _ = fs::remove_dir_all(&whole);
        fs::rename(&begun, &whole).with_context(|| format!("cannot name {}", whole.display()))?;
        self.lead_to(standing.generation)?;
        let numbers = self.numbers();
        for old in &numbers[..numbers.len().saturating_sub(KEPT)] {
            let _ = fs::remove_dir_all(self.path(*old));
        }
        Ok(())
    }

    /// Lets `current` lead to a generation.
    pub fn lead_to(&self, generation: u32) -> Result<()> {
        let link = self.root.join("current.new");
        let _ = fs::remove_file(&link);
        let target = format!("generations/{generation:06}");
        std::os::unix::fs::symlink(target, &link)
            .and_then(|()| fs::rename(&link, self.root.join(CURRENT)))
            .and_then(|()| File::open(&self.root)?.sync_all())
            .with_context(|| format!("cannot change {}", self.root.join(CURRENT).display()))
    }

    /// Removes the generations after one, whose numbers are given back, and makes that one the
    /// current one.
    pub fn forget_after(&self, generation: u32) -> Result<Vec<u32>> {
        self.lead_to(generation)?;
        let mut later = self.numbers();
        later.retain(|number| *number > generation);
        for number in &later {
            let path = self.path(*number);
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(later)
    }

    /// The generations with what they say about themselves, oldest first; or what is
    /// wrong with them.
    pub fn list(&self) -> Vec<(u32, Result<Generation>)> {
        let read = |generation: u32| -> Result<Generation> {
            let path = self.path(generation).join(MANIFEST);
            let bytes =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))
        };
        self.numbers().into_iter().map(|n| (n, read(n))).collect()
    }

    /// The generation that `current` leads to.
    pub fn current(&self) -> Option<u32> {
        let target = fs::read_link(self.root.join(CURRENT)).ok()?;
        target.file_name()?.to_str()?.parse().ok()
    }

    /// The bytes of a generation, whose hash is that of its manifest.
    ///
    /// # Errors
    /// Where there is none, or it is damaged.
    pub fn read(&self, generation: u32) -> Result<Vec<u8>> {
        let list = self.list();
        let (_, manifest) = list
            .into_iter()
            .find(|(number, _)| *number == generation)
            .with_context(|| format!("there is no generation {generation}"))?;
        let manifest = manifest?;
        let path = self.path(generation).join(STATE);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let (found, expected) = (hash(&bytes), &manifest.state_sha256);
        anyhow::ensure!(
            found == *expected,
            "its SHA-256 is {}..., and its manifest says {}...",
            brief(&found),
            brief(expected)
        );
        Ok(bytes)
    }

    fn path(&self, generation: u32) -> PathBuf {
        self.root
            .join("generations")
            .join(format!("{generation:06}"))
    }

    /// The numbers of all generations, ascending.
    fn numbers(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(self.root.join("generations")) else {
            return Vec::new();
        };
        let name =
            |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
        let mut numbers: Vec<u32> = entries
            .filter_map(name)
            .filter_map(|name| name.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
    }
}

/// The SHA-256 of bytes in hexadecimal digits.
fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The first digits of a hash, enough to tell two apart.
fn brief(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// Writes beside the file, forces it to disk, and gives it its name.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
