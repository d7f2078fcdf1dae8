//! What is allowed: alerts that are counted and not raised. `allow.json` in the data
//! folder, replaced as a whole; a damaged file is set aside and said so. What each rule
//! suppressed stands in `allow-counts.json`, written now and then and at the end.

mod rule;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::{Context, Result};
use sentinel_detect::Allowance;
use sentinel_event::{Event, Process};
use serde::{Deserialize, Serialize};

pub use rule::{Rule, Scope};

use crate::clock;

/// More rules than this are not kept: each alert is held against all of them.
pub const RULES_MAX: usize = 1000;

/// Beside `allow.json`.
const COUNTS_FILE: &str = "allow-counts.json";

/// All that is allowed on one host.
pub struct Allowed {
    path: PathBuf,
    rules: RwLock<Vec<Arc<Entry>>>,
    suppressed_total: AtomicU64,
    /// The counts as they stand on the disk.
    kept: Mutex<Counts>,
    /// Held while the disk is waited for, so that the pipeline never waits for it.
    writing: Mutex<()>,
}

/// A rule and what it did.
pub struct Entry {
    /// The rule.
    pub rule: Rule,
    scope: Scope,
    suppressed_total: AtomicU64,
    suppressed_last_ns: AtomicI64,
}

impl Entry {
    fn new(rule: Rule) -> Result<Arc<Entry>, String> {
        Ok(Arc::new(Entry {
            scope: rule.scope()?,
            rule,
            suppressed_total: AtomicU64::new(0),
            suppressed_last_ns: AtomicI64::new(0),
        }))
    }

    /// Goes on counting where an earlier run left off.
    fn resume(&self, counts: &Counts) {
        if let Some(count) = counts.get(&self.rule.id) {
            self.suppressed_total.store(count.total, Relaxed);
            self.suppressed_last_ns.store(count.last_ns, Relaxed);
        }
    }

    /// Alerts that it kept from being raised since it was added, and when it last did.
    pub fn suppressed(&self) -> (u64, Option<i64>) {
        let total = self.suppressed_total.load(Relaxed);
        (
            total,
            (total > 0).then(|| self.suppressed_last_ns.load(Relaxed)),
        )
    }
}

impl Allowed {
    /// Reads `allow.json` in `data_dir`. A damaged file is set aside: what it allowed is
    /// alerted on again, which cannot do harm.
    pub fn open(data_dir: &Path) -> Result<Allowed> {
        let path = data_dir.join("allow.json");
        let rules = match fs::read(&path) {
            Ok(bytes) => match parse(&bytes) {
                Ok(rules) => rules,
                Err(reason) => {
                    let aside = path.with_extension(format!("damaged-{}.json", clock::unix_ns()));
                    fs::rename(&path, &aside)
                        .with_context(|| format!("cannot set {} aside", path.display()))?;
                    tracing::warn!(
                        "{} is damaged ({reason}) and was set aside as {}; nothing is allowed",
                        path.display(),
                        aside.display()
                    );
                    Vec::new()
                }
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let counts = path.with_file_name(COUNTS_FILE);
        match read_counts(&counts) {
            Ok(kept) => rules.iter().for_each(|entry| entry.resume(&kept)),
            Err(reason) => tracing::warn!(
                "{} is not used ({reason}); allow rules count from 0",
                counts.display()
            ),
        }
        Ok(Allowed {
            path,
            kept: Mutex::default(),
            rules: RwLock::new(rules),
            suppressed_total: AtomicU64::new(0),
            writing: Mutex::new(()),
        })
    }

    /// Every rule, the oldest first.
    pub fn list(&self) -> Vec<Arc<Entry>> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.clone()
    }

    /// Alerts that were kept from being raised since the start.
    pub fn suppressed_total(&self) -> u64 {
        self.suppressed_total.load(Relaxed)
    }

    /// Whether what `detection` concluded from `event` about `process` is allowed; counted by
    /// the rule that says so if it is new.
    pub fn allows(&self, detection: &str, process: &Process, event: &Event, is_new: bool) -> bool {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let mut fitting = rules.iter();
        let Some(entry) = fitting.find(|entry| entry.scope.fits(detection, process, event)) else {
            return false;
        };
        if is_new {
            entry.suppressed_total.fetch_add(1, Relaxed);
            entry.suppressed_last_ns.store(event.time_ns, Relaxed);
            self.suppressed_total.fetch_add(1, Relaxed);
        }
        true
    }

    /// Adds a rule; on the disk when this returns. The rule gets its id here.
    ///
    /// # Errors
    /// What is wrong with the rule, or why it cannot be kept.
    pub fn add(&self, mut rule: Rule) -> Result<Arc<Entry>, AddError> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rules = self.list();
        if rules.len() >= RULES_MAX {
            return Err(AddError::Refused(format!(
                "{RULES_MAX} allow rules are the most; remove some first"
            )));
        }
        rule.id = rule.identity(rules.iter().map(|entry| &*entry.rule.id));
        let entry = Entry::new(rule).map_err(AddError::Refused)?;
        rules.push(Arc::clone(&entry));
        self.keep(rules).map_err(AddError::Unkept)?;
        Ok(entry)
    }

    /// Removes the rule with this id; `None` when there is none.
    pub fn remove(&self, id: &str) -> Result<Option<Arc<Entry>>> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rules = self.list();
        let Some(at) = rules.iter().position(|entry| entry.rule.id == id) else {
            return Ok(None);
        };
        let removed = rules.remove(at);
        self.keep(rules)?;
        Ok(Some(removed))
    }

    /// Puts on the disk what the rules suppressed, if that has changed.
    ///
    /// # Errors
    /// Why the disk would not have it.
    pub fn keep_counts(&self) -> Result<()> {
        let counts: Counts = self
            .list()
            .iter()
            .filter(|entry| entry.suppressed_total.load(Relaxed) > 0)
            .map(|entry| {
                let last_ns = entry.suppressed_last_ns.load(Relaxed);
                let total = entry.suppressed_total.load(Relaxed);
                (entry.rule.id.clone(), Count { total, last_ns })
            })
            .collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if *kept == counts {
            return Ok(());
        }
        let path = self.path.with_file_name(COUNTS_FILE);
        let text = serde_json::to_vec_pretty(&counts).context("cannot write counts as JSON")?;
        write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        *kept = counts;
        Ok(())
    }

    fn keep(&self, rules: Vec<Arc<Entry>>) -> Result<()> {
        let plain: Vec<&Rule> = rules.iter().map(|entry| &entry.rule).collect();
        let text = serde_json::to_vec_pretty(&plain).context("cannot write rules as JSON")?;
        write(&self.path, &text)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
        Ok(())
    }
}

impl Allowance for Allowed {
    fn allows(&self, detection: &str, event: &Event, is_new: bool) -> bool {
        Allowed::allows(self, detection, &event.process, event, is_new)
    }
}

/// Why a rule was not added.
#[derive(Debug)]
pub enum AddError {
    /// It makes no sense.
    Refused(String),
    /// The disk would not have it.
    Unkept(anyhow::Error),
}

/// What rules suppressed, by their ids.
type Counts = BTreeMap<String, Count>;

/// What one rule suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    total: u64,
    last_ns: i64,
}

fn read_counts(path: &Path) -> Result<Counts, String> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Counts::new()),
        Err(error) => Err(error.to_string()),
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Arc<Entry>>, String> {
    let rules: Vec<Rule> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    rules.into_iter().map(Entry::new).collect()
}

/// Replaces the file; the old one stays until the new one is on the disk.
fn write(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("json.new");
    let mut file = File::create(&temporary)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
