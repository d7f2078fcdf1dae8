//! From documents to a set: what the files say together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rsigma_eval::{CompiledRule, Engine};
use rsigma_parser::{CorrelationRule, CorrelationType, FilterRule, SigmaRule};
use sentinel_detect::KindSet;
use sentinel_event::Kind;

use crate::correlation::Correlations;
use crate::document::{Content, Document, Problem};
use crate::index::Index;
use crate::rule::{Rule, Standing, confidence, first_paragraph, severity};
use crate::set::{Counted, Group, Parts, Table};
use crate::{Record, clauses, fields, reach, tags};

/// What is to become a set.
#[derive(Default)]
pub struct Plan {
    rules: Vec<Rule>,
    parsed: BTreeMap<usize, SigmaRule>,
    compiled: Vec<(usize, CompiledRule)>,
    correlations: Vec<(usize, CorrelationRule)>,
    filters: Vec<(usize, FilterRule)>,
    by_id: BTreeMap<String, usize>,
}

impl Plan {
    /// Takes over the documents of a file.
    pub fn add(&mut self, file: &Path, documents: Vec<Document>) -> Result<(), Problem> {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let many = documents.len() > 1;
        for (i, document) in documents.into_iter().enumerate() {
            let name = match many {
                true => format!("sigma:{stem}#{}", i + 1),
                false => format!("sigma:{stem}"),
            };
            self.document(file, name, document)?;
        }
        Ok(())
    }

    fn document(&mut self, file: &Path, name: String, document: Document) -> Result<(), Problem> {
        let at = self.rules.len();
        let mut rule = Rule {
            name: name.clone().into(),
            title: String::new(),
            id: String::new(),
            author: String::new(),
            description: String::new(),
            severity: severity(None),
            confidence: confidence(None),
            techniques: Vec::new(),
            file: file.to_owned(),
            line: document.line,
            standing: Standing::Filters,
            compiled: None,
            alerts: true,
        };
        match document.content {
            Content::Rule(mut parsed, mut compiled) => {
                rule.title = parsed.title.clone();
                rule.id = parsed.id.clone().unwrap_or_default();
                rule.author = parsed.author.clone().unwrap_or_default();
                rule.description = first_paragraph(parsed.description.as_deref());
                rule.severity = severity(parsed.level);
                rule.confidence = confidence(parsed.status);
                rule.techniques = tags::techniques(&parsed.tags);
                // The engine knows rules by their ids only.
                let id = parsed
                    .id
                    .get_or_insert_with(|| parsed.name.clone().unwrap_or(name));
                compiled.id = Some(id.clone());
                self.compiled.push((at, *compiled));
                self.parsed.insert(at, *parsed);
            }
            Content::Correlation(mut parsed) => {
                rule.title = parsed.title.clone();
                rule.id = parsed.id.clone().unwrap_or_default();
                rule.author = parsed.author.clone().unwrap_or_default();
                rule.description = first_paragraph(parsed.description.as_deref());
                rule.severity = severity(parsed.level);
                rule.confidence = confidence(parsed.status);
                rule.techniques = tags::techniques(&parsed.tags);
                rule.standing = Standing::Correlates;
                parsed
                    .id
                    .get_or_insert_with(|| parsed.name.clone().unwrap_or(name));
                self.correlations.push((at, *parsed));
            }
            Content::Filter(parsed) => {
                rule.title = parsed.title.clone();
                rule.id = parsed.id.clone().unwrap_or_default();
                rule.author = parsed.author.clone().unwrap_or_default();
                self.filters.push((at, *parsed));
            }
        }
        if !rule.id.is_empty()
            && let Some(&other) = self.by_id.get(&rule.id)
        {
            let other: &Rule = &self.rules[other];
            let reason = format!(
                "the id {} is that of the rule in {}:{} too",
                rule.id,
                other.file.display(),
                other.line
            );
            return Err(problem(&rule, reason));
        }
        self.by_id.insert(rule.id.clone(), at);
        self.rules.push(rule);
        Ok(())
    }

    /// Puts the set together.
    pub fn finish(mut self) -> Result<Parts, Problem> {
        self.filter()?;
        for (at, compiled) in std::mem::take(&mut self.compiled) {
            let tags = &self.parsed[&at].tags;
            self.rules[at].standing = standing(&compiled, tags);
            self.rules[at].compiled = Some(Arc::new(compiled));
        }
        let correlations = self.correlate()?;
        let mut tables = Vec::new();
        for record in Record::ALL {
            let on = |rule: &Rule| matches!(&rule.standing, Standing::Evaluated(r) if r.contains(&record));
            let members: Vec<u32> = (0..)
                .zip(&self.rules)
                .filter(|(_, r)| on(r))
                .map(|(i, _)| i)
                .collect();
            if !members.is_empty() {
                tables.push(Table {
                    record,
                    kinds: record.kinds(),
                    rules: members,
                });
            }
        }
        let groups = group(&tables, &self.rules).map_err(|reason| Problem {
            file: PathBuf::from("rules"),
            line: 0,
            reason,
        })?;
        Ok(Parts {
            rules: self.rules,
            tables,
            groups,
            correlations,
        })
    }

    /// Applies the filters to the rules that they name.
    fn filter(&mut self) -> Result<(), Problem> {
        if self.filters.is_empty() {
            return Ok(());
        }
        let mut engine = Engine::new();
        engine.extend_compiled_rules(self.compiled.iter().map(|(_, rule)| rule.clone()));
        for (at, filter) in &self.filters {
            let applied = engine.apply_filter(filter);
            applied.map_err(|error| problem(&self.rules[*at], error.to_string()))?;
        }
        for ((_, rule), filtered) in self.compiled.iter_mut().zip(engine.rules()) {
            *rule = filtered.clone();
        }
        Ok(())
    }

    fn correlate(&mut self) -> Result<Option<Counted>, Problem> {
        if self.correlations.is_empty() {
            return Ok(None);
        }
        let referenced = |rule: &SigmaRule| {
            let named = |name: &Option<String>, r: &String| name.as_ref() == Some(r);
            let mut refs = self.correlations.iter().flat_map(|(_, c)| &c.rules);
            refs.any(|r| named(&rule.id, r) || named(&rule.name, r))
        };
        let used: Vec<usize> = (self.parsed.iter())
            .filter(|(_, rule)| referenced(rule))
            .map(|(&at, _)| at)
            .collect();
        let mut engine = Correlations::new();
        let parsed = used.iter().map(|at| self.parsed[at].clone()).collect();
        let first = self.correlations[0].0;
        engine
            .count(parsed)
            .map_err(|reason| problem(&self.rules[first], reason))?;
        for (at, correlation) in &self.correlations {
            engine
                .add_rule(correlation)
                .map_err(|reason| problem(&self.rules[*at], reason))?;
        }
        for at in &used {
            let rule = &self.parsed[at];
            let is = |r: &String| rule.id.as_ref() == Some(r) || rule.name.as_ref() == Some(r);
            let mut users = self
                .correlations
                .iter()
                .filter(|(_, c)| c.rules.iter().any(is));
            self.rules[*at].alerts = users.any(|(_, c)| c.generate);
        }
        for (at, correlation) in &self.correlations {
            let can = |r: &String| {
                let detections = used.iter().any(|u| {
                    let parsed = &self.parsed[u];
                    let is = parsed.id.as_ref() == Some(r) || parsed.name.as_ref() == Some(r);
                    is && matches!(self.rules[*u].standing, Standing::Evaluated(_))
                });
                let others = self
                    .correlations
                    .iter()
                    .any(|(_, c)| c.id.as_ref() == Some(r) || c.name.as_ref() == Some(r));
                detections || others
            };
            let needs_all = matches!(
                correlation.correlation_type,
                CorrelationType::Temporal | CorrelationType::TemporalOrdered
            );
            let possible = match needs_all {
                true => correlation.rules.iter().all(can),
                false => correlation.rules.iter().any(can),
            };
            if !possible {
                let reason = "the rules that it counts cannot match".to_owned();
                self.rules[*at].standing = Standing::Unsupported(reason);
            }
        }
        let by_id = self.correlations.iter();
        Ok(Some(Counted {
            by_id: by_id
                .filter_map(|(at, c)| Some((c.id.clone()?, *at)))
                .collect(),
            rules: used.into_iter().collect(),
            engine,
        }))
    }
}

/// Searches at once for the rules of all records that a started program has; for those of
/// other events one record after the other, since each has texts of its own.
fn group(tables: &[Table], rules: &[Rule]) -> Result<Vec<Group>, String> {
    let started = KindSet::of(&[Kind::Exec]);
    let others = |table: &Table| {
        let kinds = Kind::ALL.iter().copied();
        let others = kinds.filter(|kind| *kind != Kind::Exec && table.kinds.contains(*kind));
        others.fold(KindSet::default(), |all, kind| {
            all.union(KindSet::of(&[kind]))
        })
    };
    let of_started: Vec<&Table> = tables
        .iter()
        .filter(|table| table.kinds.contains(Kind::Exec))
        .collect();
    let mut groups = vec![one_group(&of_started, started, rules)?];
    for table in tables {
        groups.push(one_group(&[table], others(table), rules)?);
    }
    groups.retain(|group| !group.index.is_empty() && group.kinds != KindSet::default());
    Ok(groups)
}

fn one_group(tables: &[&Table], kinds: KindSet, rules: &[Rule]) -> Result<Group, String> {
    let members = tables.iter().flat_map(|table| {
        let rules = table.rules.iter();
        rules.map(|&rule| (table.record, rule))
    });
    let members: Vec<(Record, u32)> = members.collect();
    let known = members.iter().map(|&(record, rule)| {
        let compiled = rules[rule as usize].compiled.as_deref();
        let clauses = compiled.map(|compiled| clauses::of_rule(compiled, record));
        (record, clauses.unwrap_or_default())
    });
    let known: Vec<_> = known.collect();
    let is_started = kinds.contains(Kind::Exec);
    let index = Index::new(&known, |(record, field)| {
        let same = fields::same_when_started(record, field).filter(|_| is_started);
        same.map_or((record, field), |field| (Record::ProcessCreation, field))
    })?;
    Ok(Group {
        kinds,
        records: tables.iter().map(|table| table.record).collect(),
        members,
        index,
    })
}

fn problem(rule: &Rule, reason: String) -> Problem {
    Problem {
        file: rule.file.clone(),
        line: rule.line,
        reason,
    }
}

/// Where the rule can match.
fn standing(rule: &CompiledRule, tags: &[String]) -> Standing {
    let records = match Record::of_source(&rule.logsource) {
        Ok(records) => records,
        Err(reason) => return Standing::Unsupported(reason),
    };
    let mut possible = Vec::new();
    let mut reason = String::new();
    for &record in records {
        let asked_for = match record {
            Record::AuditCall => reach::mentions(rule, "SYSCALL"),
            Record::AuditRead => tags::wants_reads(tags),
            Record::NameConnection => reach::mentions(rule, "DestinationHostname"),
            _ => true,
        };
        if !asked_for {
            continue;
        }
        let found = reach::of_rule(rule, record);
        if found.can_hold {
            possible.push(record);
        } else if reason.is_empty() || reason.starts_with("`type`") {
            // That a rule is about another record says least.
            reason = found.why;
        }
    }
    match possible.is_empty() {
        true => Standing::Unsupported(reason),
        false => Standing::Evaluated(possible),
    }
}
