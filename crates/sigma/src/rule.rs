//! One rule, as its file says it and as it is used.

use std::path::PathBuf;
use std::sync::Arc;

use rsigma_eval::CompiledRule;
use rsigma_parser::{Level, Status};
use sentinel_event::{Severity, Technique};

use crate::Record;

/// Whether a rule can do what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is evaluated on these records.
    Evaluated(Vec<Record>),
    /// It counts what other rules match.
    Correlates,
    /// It changes other rules.
    Filters,
    /// It can never match here, and why.
    Unsupported(String),
}

impl Standing {
    /// The name in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Standing::Evaluated(_) | Standing::Correlates | Standing::Filters => "running",
            Standing::Unsupported(_) => "unsupported",
        }
    }

    /// Why it cannot match; empty when it can.
    pub fn reason(&self) -> &str {
        match self {
            Standing::Unsupported(reason) => reason,
            _ => "",
        }
    }
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The name in alerts: `sigma:` and the name of the file, with a number when the file
    /// holds several.
    pub name: Arc<str>,
    /// What it finds, as its author puts it.
    pub title: String,
    /// Its id; empty when it has none.
    pub id: String,
    /// Who wrote it; empty when it does not say.
    pub author: String,
    /// What it finds and why that matters; the first paragraph.
    pub description: String,
    /// How bad it is if it is true.
    pub severity: Severity,
    /// How sure it is, in percent, from its status.
    pub confidence: u8,
    /// ATT&CK techniques.
    pub techniques: Vec<Technique>,
    /// Where it comes from.
    pub file: PathBuf,
    /// The line on which it begins.
    pub line: usize,
    /// Whether it can match.
    pub standing: Standing,
    /// What the engine evaluates; `None` for rules that are not evaluated on events.
    pub(crate) compiled: Option<Arc<CompiledRule>>,
    /// Whether it speaks for itself: not when it only serves a correlation.
    pub(crate) alerts: bool,
}

/// The severity of a level. A rule that has none is meant for hunting.
pub fn severity(level: Option<Level>) -> Severity {
    match level {
        None | Some(Level::Low) => Severity::Low,
        Some(Level::Informational) => Severity::Info,
        Some(Level::Medium) => Severity::Medium,
        Some(Level::High) => Severity::High,
        Some(Level::Critical) => Severity::Critical,
    }
}

/// How sure a rule is, in percent: its authors' own word for how well it was tried.
pub fn confidence(status: Option<Status>) -> u8 {
    match status {
        Some(Status::Stable) => 85,
        Some(Status::Test) => 70,
        None | Some(Status::Experimental) => 50,
        Some(Status::Deprecated | Status::Unsupported) => 30,
    }
}

/// The first paragraph of a description, on one line.
pub fn first_paragraph(description: Option<&str>) -> String {
    let text = description.unwrap_or_default().trim();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
