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
    /// Bytes of its state, and their CRC-32.
    pub state_bytes: u64,
    /// See `state_bytes`.
    pub state_crc32: String,
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
        let mut refused = Vec::new();
        let state = self.root.join(STATE);
        let mut names = vec![("the learned state".to_owned(), state)];
        for generation in self.numbers().into_iter().rev() {
            names.push((
                format!("generation {generation}"),
                self.path(generation).join(STATE),
            ));
        }
        for (name, path) in names {
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => {
                    refused.push(format!("{name} cannot be read: {error}"));
                    continue;
                }
            };
            match baseline.restore(&bytes) {
                Ok(()) => {
                    if let Some(last) = refused.last_mut() {
                        *last += &format!("; going on with {name}");
                    }
                    return refused;
                }
                Err(error) => refused.push(format!("{name} is refused: {error}")),
            }
        }
        if let Some(last) = refused.last_mut() {
            *last += "; learning begins anew";
        }
        refused
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
            state_crc32: format!("{:08x}", sentinel_baseline::checksum(bytes)),
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

    /// Removes the generations after one, and makes that the current one.
    pub fn forget_after(&self, generation: u32) -> Result<()> {
        self.lead_to(generation)?;
        for later in self.numbers().into_iter().filter(|n| *n > generation) {
            let path = self.path(later);
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
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

    /// The bytes of a generation, checked against its manifest.
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
        let found = format!("{:08x}", sentinel_baseline::checksum(&bytes));
        anyhow::ensure!(
            found == manifest.state_crc32,
            "generation {generation} is damaged: its checksum is {found}, not {}",
            manifest.state_crc32
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
mod tests {
    use super::*;

    fn learned() -> (Vec<u8>, Standing) {
        let baseline = Baseline::new(Default::default());
        (baseline.to_bytes(), baseline.standing())
    }

    #[test]
    fn three_generations_are_kept_and_the_last_is_current() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(dir.path()).expect("opens");
        let (bytes, mut standing) = learned();
        for generation in 1..=5 {
            standing.generation = generation;
            folder.keep(&bytes, &standing).expect("keeps");
        }
        let list = folder.list();
        let numbers: Vec<u32> = list.iter().map(|(number, _)| *number).collect();
        assert_eq!((numbers, folder.current()), (vec![3, 4, 5], Some(5)));
        assert!(
            list.iter()
                .all(|(n, m)| m.as_ref().is_ok_and(|m| m.generation == *n))
        );
        assert_eq!(folder.read(4).expect("is whole"), bytes);
        assert!(folder.read(1).is_err());
    }

    #[test]
    fn what_is_damaged_or_newer_falls_back_with_a_sentence() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(dir.path()).expect("opens");
        let (bytes, mut standing) = learned();
        let load = || folder.load(&mut Baseline::new(Default::default()));
        assert!(load().is_empty(), "a new host has nothing to complain of");
        for generation in [1, 2] {
            standing.generation = generation;
            folder.keep(&bytes, &standing).expect("keeps");
        }
        folder.save(&bytes).expect("saves");
        assert!(load().is_empty());
        // The running state is cut, generation 2 is of a later version.
        folder.save(&bytes[..bytes.len() - 7]).expect("saves");
        let mut later = bytes.clone();
        later[8] += 1;
        replace(&folder.path(2).join(STATE), &later).expect("writes");
        let said = load();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].starts_with("the learned state is refused"),
            "{said:?}"
        );
        assert!(
            said[1].contains("format 2") && said[1].ends_with("; going on with generation 1"),
            "{said:?}"
        );
        assert!(folder.read(2).is_err());
        replace(&folder.path(1).join(STATE), b"nonsense").expect("writes");
        assert!(
            load()
                .last()
                .is_some_and(|last| last.ends_with("learning begins anew"))
        );
    }
}
