//! What became of harmless attacks on this host, as somebody who carried them out has
//! reported it. Kept on disk, one result for each attack: the latest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The most attacks that results are kept of; there are some two hundred.
pub const RESULTS_MAX: usize = 1000;

/// How an attack ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The sensor said what it should.
    Caught,
    /// It did not.
    Missed,
    /// This host cannot be attacked in this way.
    NotPossible,
    /// The attack itself went wrong.
    Failed,
}

impl Outcome {
    /// Every outcome with its name in the API.
    pub const ALL: [(Outcome, &'static str); 4] = [
        (Outcome::Caught, "caught"),
        (Outcome::Missed, "missed"),
        (Outcome::NotPossible, "not_possible"),
        (Outcome::Failed, "failed"),
    ];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        let mut all = Outcome::ALL.iter();
        all.find(|(outcome, _)| *outcome == self)
            .map_or("", |(_, name)| name)
    }

    /// The outcome of this name.
    pub fn from_name(name: &str) -> Option<Outcome> {
        let mut all = Outcome::ALL.iter();
        all.find(|(_, known)| *known == name)
            .map(|(outcome, _)| *outcome)
    }
}

/// What became of one attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// How it ended.
    pub outcome: Outcome,
    /// What the sensor was to say.
    pub expected: String,
    /// Why it was not caught; empty when it was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
    /// The alert's id; empty where there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alert: String,
    /// The alert's severity; empty where there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub severity: String,
    /// Microseconds from the system call to whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// When it was reported, Unix time in nanoseconds.
    pub time_ns: i64,
    /// Version of the daemon that was attacked.
    pub version: String,
}

/// What is kept: by the attack's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// When the latest report came, Unix time in nanoseconds; 0 before the first.
    pub time_ns: i64,
    /// Who reported, as the audit names them.
    pub reported_by: String,
    /// Every attack.
    pub results: BTreeMap<String, Kept>,
}

impl Matrix {
    /// How many attacks ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        let results = self.results.values();
        results.filter(|kept| kept.outcome == outcome).count() as u64
    }
}

/// The matrix, in memory and on disk.
pub struct CoverageFile {
    path: PathBuf,
    matrix: Mutex<Matrix>,
    /// Held while the disk is waited for, so that reading never waits for it.
    writing: Mutex<()>,
}

impl CoverageFile {
    /// Reads `coverage.json` in `data_dir`. A damaged one is forgotten: it can be made
    /// again within seconds.
    pub fn open(data_dir: &Path) -> Result<CoverageFile> {
        let path = data_dir.join("coverage.json");
        let matrix = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!("{} is damaged ({error}) and forgotten", path.display());
                Matrix::default()
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Matrix::default(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        Ok(CoverageFile {
            path,
            matrix: Mutex::new(matrix),
            writing: Mutex::default(),
        })
    }

    /// What is kept.
    pub fn get(&self) -> Matrix {
        self.matrix().clone()
    }

    /// Takes results over what is kept; with `whole`, nothing else stays. On the disk when
    /// this returns.
    pub fn report(&self, report: Matrix, whole: bool) -> Result<Matrix> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut matrix = report;
        if !whole {
            for (name, kept) in self.get().results {
                matrix.results.entry(name).or_insert(kept);
            }
        }
        anyhow::ensure!(
            matrix.results.len() <= RESULTS_MAX,
            "{RESULTS_MAX} results are the most that are kept; report all at once, with `whole`"
        );
        write(&self.path, &matrix)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        *self.matrix() = matrix.clone();
        Ok(matrix)
    }

    fn matrix(&self) -> MutexGuard<'_, Matrix> {
        self.matrix.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(path: &Path, matrix: &Matrix) -> std::io::Result<()> {
    let temporary = path.with_extension("json.new");
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec(matrix)?)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(time_ns: i64, results: &[(&str, Outcome)]) -> Matrix {
        let kept = |outcome| Kept {
            outcome,
            expected: "high alert".to_owned(),
            because: String::new(),
            alert: String::new(),
            severity: String::new(),
            latency_us: None,
            time_ns,
            version: "1".to_owned(),
        };
        let results = results.iter();
        Matrix {
            time_ns,
            reported_by: "root".to_owned(),
            results: results
                .map(|(name, o)| ((*name).to_owned(), kept(*o)))
                .collect(),
        }
    }

    #[test]
    fn the_latest_of_each_counts_and_survives_a_restart() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = CoverageFile::open(dir.path()).expect("opens");
        assert_eq!(file.get(), Matrix::default());
        let first = report(1, &[("a", Outcome::Caught), ("b", Outcome::Missed)]);
        file.report(first, true).expect("is kept");
        let second = report(2, &[("b", Outcome::Caught), ("c", Outcome::Failed)]);
        file.report(second, false).expect("is kept");
        let again = CoverageFile::open(dir.path()).expect("opens again").get();
        let times: Vec<i64> = again.results.values().map(|kept| kept.time_ns).collect();
        assert_eq!((again.time_ns, times), (2, vec![1, 2, 2]));
        let counts = Outcome::ALL.map(|(outcome, _)| again.count(outcome));
        assert_eq!(counts, [2, 0, 0, 1]);
        let whole = file.report(report(3, &[("d", Outcome::Missed)]), true);
        assert_eq!(whole.expect("is kept").results.len(), 1);
    }

    #[test]
    fn no_more_than_the_most_and_a_damaged_file_is_forgotten() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = CoverageFile::open(dir.path()).expect("opens");
        let names: Vec<String> = (0..RESULTS_MAX).map(|i| i.to_string()).collect();
        let all: Vec<(&str, Outcome)> = names.iter().map(|n| (&**n, Outcome::Caught)).collect();
        file.report(report(1, &all), true).expect("just fits");
        let more = file.report(report(2, &[("x", Outcome::Caught)]), false);
        assert!(
            more.expect_err("too many")
                .to_string()
                .contains("1000 results")
        );
        assert_eq!(file.get().time_ns, 1, "nothing was changed");
        fs::write(dir.path().join("coverage.json"), "{\"time").expect("writes");
        let again = CoverageFile::open(dir.path()).expect("opens");
        assert_eq!(again.get(), Matrix::default());
    }
}
