//! Sigma rules in the daemon: which files they come from, the set at work, and what the
//! control plane tells of it. The set itself belongs to the pipeline.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use sentinel_detect::Engine;
use sentinel_event::{Alert, Event};
use sentinel_sigma::{Loaded, Problem, Rule, RuleSet, Standing};
use serde::{Deserialize, Serialize};

use crate::clock;

/// Where rules are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folders of rule files. A file in a later folder stands in for one of the same name
    /// in an earlier folder; an empty one switches it off.
    pub folders: Vec<PathBuf>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            folders: vec![
                "/usr/share/sentinel/rules".into(),
                "/usr/local/share/sentinel/rules".into(),
                "/etc/sentinel/rules".into(),
            ],
        }
    }
}

/// The rules at work, in the pipeline.
pub struct Rules {
    set: RuleSet,
    book: Arc<Book>,
}

impl Rules {
    /// Works with `set`, of which `book` tells.
    pub fn new(set: RuleSet, book: Arc<Book>) -> Rules {
        Rules { set, book }
    }

    /// Appends the alerts of the rules that match the event.
    pub fn observe(&mut self, event: &Event, engine: &mut Engine, out: &mut Vec<Alert>) {
        if !self.set.wanted().contains(event.kind()) {
            return;
        }
        let set = &mut self.set;
        let before = out.len();
        // A set that panicked is dropped and never asked again, so its half-changed state
        // cannot be seen; the engine only counts after it has decided.
        let outcome = catch_unwind(AssertUnwindSafe(|| set.conclude(event, engine, out)));
        if outcome.is_err() {
            out.truncate(before);
            self.set = RuleSet::empty();
            self.book.broke();
        }
    }

    /// Works with another set from now on.
    pub fn replace(&mut self, set: RuleSet) {
        set.carry_over(&self.set);
        self.set = set;
    }
}

/// What is known about the rules at work.
#[derive(Default)]
pub struct Book {
    page: Mutex<Page>,
}

/// The rules that were read last.
#[derive(Clone, Default)]
pub struct Page {
    /// Every rule.
    pub rules: Arc<Vec<Rule>>,
    /// How often each matched.
    pub hits: Arc<Vec<AtomicU64>>,
    /// Files that are not in use, or why no rule is.
    pub problems: Vec<String>,
    /// Unix time in nanoseconds.
    pub loaded_ns: i64,
}

impl Page {
    /// What is to be told of `set`, and of the files that are not in it.
    pub fn of(set: &RuleSet, problems: &[Problem]) -> Page {
        Page {
            rules: Arc::clone(set.rules()),
            hits: Arc::clone(set.hits()),
            problems: problems.iter().map(Problem::to_string).collect(),
            loaded_ns: clock::unix_ns(),
        }
    }

    /// Rules that are evaluated, rules that cannot match, and matches.
    pub fn counts(&self) -> (u64, u64, u64) {
        let rules = self.rules.iter();
        let unsupported = rules.filter(|r| matches!(r.standing, Standing::Unsupported(_)));
        let unsupported = unsupported.count() as u64;
        let hits = self.hits.iter().map(|hits| hits.load(Relaxed)).sum();
        (self.rules.len() as u64 - unsupported, unsupported, hits)
    }
}

impl Book {
    /// What is known now.
    pub fn page(&self) -> Page {
        self.lock().clone()
    }

    /// Turns to what was read.
    pub fn turn_to(&self, page: Page) {
        *self.lock() = page;
    }

    fn broke(&self) {
        let problem = "the rules broke and were switched off; the log says where";
        self.lock().problems.push(problem.to_owned());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rules for recorded history.
pub fn for_replay(config: &Config) -> Rules {
    Rules::new(read(config).set, Arc::default())
}

/// Reads the rules for a start: files that are wrong are left out and named in the log.
pub fn read(config: &Config) -> Loaded {
    let loaded = sentinel_sigma::load(&config.folders);
    for problem in &loaded.problems {
        tracing::warn!(target: "rules", "not in use: {problem}");
    }
    loaded
}

/// Reads the rules for a reload: one file that is wrong refuses all of them.
///
/// # Errors
/// What is wrong, in one sentence.
pub fn read_all(config: &Config) -> Result<RuleSet, String> {
    let loaded = sentinel_sigma::load(&config.folders);
    match &*loaded.problems {
        [] => Ok(loaded.set),
        [problem] => Err(format!("the rules stay as they are: {problem}")),
        [problem, others @ ..] => Err(format!(
            "the rules stay as they are: {problem}; and {} more files are wrong",
            others.len()
        )),
    }
}
