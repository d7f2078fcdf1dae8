//! A set of rules at work: which of them an event matches.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rsigma_eval::{EvaluationResult, evaluate_rule};
use sentinel_detect::{Engine as DetectEngine, KindSet};
use sentinel_event::{Alert, Event};

use crate::correlation::{Correlations, Fired};
use crate::document::{Document, Problem};
use crate::index::Index;
use crate::plan::Plan;
use crate::rule::Rule;
use crate::{Lines, Record, View};

/// A match of one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Position of the rule in [`RuleSet::rules`].
    pub rule: usize,
    /// On which record.
    pub record: Record,
    /// What matched: fields and values; what was counted, for a correlation.
    pub matched: Vec<(String, String)>,
}

/// Rules, and the index over them.
pub struct RuleSet {
    rules: Arc<Vec<Rule>>,
    tables: Vec<Table>,
    groups: Vec<Group>,
    wanted: KindSet,
    correlations: Option<Counted>,
    hits: Arc<Vec<AtomicU64>>,
    candidates: Vec<u32>,
    chosen: Vec<(Record, u32)>,
    evaluated_total: u64,
    found: Vec<Hit>,
}

/// What a set is made of.
pub struct Parts {
    /// Every rule.
    pub rules: Vec<Rule>,
    /// A table for each record that rules look at.
    pub tables: Vec<Table>,
    /// Every table's rules, in groups that are searched at once.
    pub groups: Vec<Group>,
    /// The rules about what other rules match.
    pub correlations: Option<Counted>,
}

/// The rules of one record.
pub struct Table {
    /// The record.
    pub record: Record,
    /// The kinds of event that have it.
    pub kinds: KindSet,
    /// Positions in the set.
    pub rules: Vec<u32>,
}

/// Rules of the records that an event has at the same time.
pub struct Group {
    /// The kinds of event.
    pub kinds: KindSet,
    /// Their records, sorted; an event that shows one of them shows all.
    pub records: Vec<Record>,
    /// The record and the position in the set of each rule, sorted by the record.
    pub members: Vec<(Record, u32)>,
    /// Finds those worth evaluating; it numbers them as `members` does.
    pub index: Index,
}

/// Rules about what other rules match.
pub struct Counted {
    /// Counts.
    pub engine: Correlations,
    /// Rules whose matches are counted.
    pub rules: BTreeSet<usize>,
    /// Correlations by their id.
    pub by_id: BTreeMap<String, usize>,
}

impl RuleSet {
    /// The set of these files' documents.
    ///
    /// # Errors
    /// What is wrong with the files together: two rules of one id, a correlation of rules
    /// that are not there.
    pub fn new(files: Vec<(PathBuf, Vec<Document>)>) -> Result<RuleSet, Problem> {
        let mut plan = Plan::default();
        for (file, documents) in files {
            plan.add(&file, documents)?;
        }
        let parts = plan.finish()?;
        let kinds = parts.tables.iter().map(|table| table.kinds);
        Ok(RuleSet {
            wanted: kinds.fold(KindSet::default(), KindSet::union),
            hits: Arc::new(parts.rules.iter().map(|_| AtomicU64::new(0)).collect()),
            rules: Arc::new(parts.rules),
            tables: parts.tables,
            groups: parts.groups,
            correlations: parts.correlations,
            candidates: Vec::new(),
            chosen: Vec::new(),
            evaluated_total: 0,
            found: Vec::new(),
        })
    }

    /// No rules.
    pub fn empty() -> RuleSet {
        RuleSet {
            rules: Arc::default(),
            tables: Vec::new(),
            groups: Vec::new(),
            wanted: KindSet::default(),
            correlations: None,
            hits: Arc::default(),
            candidates: Vec::new(),
            chosen: Vec::new(),
            evaluated_total: 0,
            found: Vec::new(),
        }
    }

    /// Every rule, those that cannot match included, in the order of their files.
    pub fn rules(&self) -> &Arc<Vec<Rule>> {
        &self.rules
    }

    /// How often each rule matched, in the order of [`RuleSet::rules`].
    pub fn hits(&self) -> &Arc<Vec<AtomicU64>> {
        &self.hits
    }

    /// Goes on counting where `old` was, for the rules that are in both.
    pub fn carry_over(&self, old: &RuleSet) {
        let before: BTreeMap<&str, &AtomicU64> = old
            .rules
            .iter()
            .map(|rule| &*rule.name)
            .zip(old.hits.iter())
            .collect();
        for (rule, hits) in self.rules.iter().zip(self.hits.iter()) {
            if let Some(count) = before.get(&*rule.name) {
                hits.store(count.load(Relaxed), Relaxed);
            }
        }
    }

    /// Evaluations by the engine, of which the index lets few through.
    pub fn evaluated_total(&self) -> u64 {
        self.evaluated_total
    }

    /// The kinds of event that any rule looks at.
    pub fn wanted(&self) -> KindSet {
        self.wanted
    }

    /// Appends what the event matches, in the order of the rules.
    pub fn observe(&mut self, event: &Event, out: &mut Vec<Hit>) {
        if !self.wanted.contains(event.kind()) {
            return;
        }
        let begin = out.len();
        let lines = Lines::new(event);
        let mut chosen = std::mem::take(&mut self.chosen);
        for group in &mut self.groups {
            let mut records = group.records.iter();
            if group.kinds.contains(event.kind()) && records.any(|record| record.shows(event)) {
                self.candidates.clear();
                group.index.candidates(&lines, &mut self.candidates);
                let candidates = self.candidates.iter();
                chosen.extend(candidates.map(|&at| group.members[at as usize]));
            }
        }
        self.evaluated_total += chosen.len() as u64;
        for run in chosen.chunk_by(|one, next| one.0 == next.0) {
            self.evaluate_each(run, &lines, begin, out);
        }
        chosen.clear();
        self.chosen = chosen;
        let rules = &self.rules;
        let mut position = 0;
        out.retain(|hit| {
            position += 1;
            position <= begin || rules[hit.rule].alerts
        });
        out[begin..].sort_by_key(|hit| hit.rule);
    }

    /// Evaluates the chosen rules of one record, and counts what they match.
    fn evaluate_each(
        &mut self,
        chosen: &[(Record, u32)],
        lines: &Lines<'_>,
        begin: usize,
        out: &mut Vec<Hit>,
    ) {
        let Some(&(record, _)) = chosen.first() else {
            return;
        };
        let view = View::new(lines, record);
        let mut counted = Vec::new();
        for &(_, rule) in chosen {
            let rule = rule as usize;
            let Some(result) = evaluate(&self.rules[rule], &view) else {
                continue;
            };
            if out[begin..].iter().any(|hit| hit.rule == rule) {
                continue;
            }
            self.hits[rule].fetch_add(1, Relaxed);
            out.push(Hit {
                rule,
                record,
                matched: matched(&result),
            });
            let wanted = self.correlations.as_ref();
            if wanted.is_some_and(|c| c.rules.contains(&rule)) {
                counted.push(result);
            }
        }
        let Some(correlations) = self.correlations.as_mut().filter(|_| !counted.is_empty()) else {
            return;
        };
        for fired in correlations.engine.observe(&view, counted) {
            if let Some(&rule) = correlations.by_id.get(&fired.id) {
                self.hits[rule].fetch_add(1, Relaxed);
                out.push(Hit {
                    rule,
                    record,
                    matched: measured(&fired),
                });
            }
        }
    }

    /// The rules that match by evaluating every one of them: what [`RuleSet::observe`]
    /// is measured by, and held to in tests. Correlations are left out.
    pub fn evaluate_all(&self, event: &Event) -> Vec<usize> {
        let lines = Lines::new(event);
        let mut found = BTreeSet::new();
        for table in &self.tables {
            if table.kinds.contains(event.kind()) && table.record.shows(event) {
                let view = View::new(&lines, table.record);
                let hits = table.rules.iter().map(|&rule| rule as usize);
                found.extend(hits.filter(|&rule| evaluate(&self.rules[rule], &view).is_some()));
            }
        }
        found.into_iter().collect()
    }
}

fn evaluate(rule: &Rule, view: &View<'_>) -> Option<EvaluationResult> {
    evaluate_rule(rule.compiled.as_deref()?, view)
}

fn matched(result: &EvaluationResult) -> Vec<(String, String)> {
    let Some(detection) = result.as_detection() else {
        return Vec::new();
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for field in &detection.matched_fields {
        let value = match &field.value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        found.push((field.field.clone(), value));
    }
    // The engine names them in the order of a hash map, which differs from run to run.
    found.sort();
    found.dedup_by(|later, earlier| later.0 == earlier.0);
    found
}

fn measured(fired: &Fired) -> Vec<(String, String)> {
    let value = format!("{} within {} s", fired.value, fired.seconds);
    let mut found = vec![("matches".to_owned(), value)];
    found.extend(fired.group.iter().cloned());
    found
}

impl RuleSet {
    /// Appends an alert for each match that the engine of detections wants raised, under
    /// the same grouping and rationing as its own findings.
    pub fn conclude(&mut self, event: &Event, engine: &mut DetectEngine, out: &mut Vec<Alert>) {
        let mut found = std::mem::take(&mut self.found);
        self.observe(event, &mut found);
        for hit in found.drain(..) {
            let rule = &self.rules[hit.rule];
            let finding = crate::finding::finding(rule, &hit, event);
            out.extend(engine.conclude(&rule.name, hit.record.kinds(), finding, event));
        }
        self.found = found;
    }
}
