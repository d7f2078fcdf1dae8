//! What must be in an event for a rule to match: a few clauses, each a list of texts of
//! which at least one occurs, with case ignored. They follow from the rule's positive
//! conditions; what is excluded, compared by number or not a text gives none. A rule
//! whose clauses all hold may still not match: the engine decides.

use std::collections::HashMap;

use rsigma_eval::matcher::GroupMode;
use rsigma_eval::{CompiledDetection, CompiledDetectionItem, CompiledMatcher, CompiledRule};
use rsigma_parser::{ConditionExpr, Quantifier};

use crate::Record;
use crate::fields::{Values, fields_of};
use crate::{reach, regexes};

/// Clauses kept of one rule; each costs a bit while an event is looked at.
const CLAUSES_MAX: usize = 3;
/// Texts shorter than this occur everywhere.
const TELLING_LENGTH: usize = 3;

/// Where in a field a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Anchor {
    /// Anywhere.
    Any,
    /// At its beginning.
    Start,
    /// At its end.
    End,
    /// It is the field.
    Whole,
}

/// A text in a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Literal {
    /// Position of the field in the record's table.
    pub field: usize,
    /// The text, ASCII, in small letters.
    pub text: String,
    /// Where it stands.
    pub anchor: Anchor,
}

/// At least one of these occurs.
pub type Clause = Vec<Literal>;

/// The clauses of the rule for `record`, at most [`CLAUSES_MAX`]; none means that nothing
/// is known and the rule has to be evaluated each time.
pub fn of_rule(rule: &CompiledRule, record: Record) -> Vec<Clause> {
    let side = Side {
        record,
        named: &rule.detections,
    };
    let parts: Vec<_> = rule.conditions.iter().map(|c| side.condition(c)).collect();
    let mut all = any(parts);
    for clause in &mut all {
        clause.sort();
        clause.dedup();
    }
    all.sort_by_key(|clause| std::cmp::Reverse(worth(clause)));
    all.dedup();
    let telling = all
        .iter()
        .take_while(|clause| shortest(clause) >= TELLING_LENGTH)
        .count();
    all.truncate(telling.clamp(1, CLAUSES_MAX));
    all
}

/// How much a clause tells: long texts, few of them.
fn worth(clause: &Clause) -> (usize, usize) {
    (shortest(clause).min(12), usize::MAX - clause.len())
}

fn shortest(clause: &Clause) -> usize {
    let anchored = |literal: &Literal| usize::from(literal.anchor != Anchor::Any);
    let lengths = clause.iter().map(|l| l.text.len() + anchored(l));
    lengths.min().unwrap_or(0)
}

/// All of the parts hold.
fn all(parts: impl IntoIterator<Item = Vec<Clause>>) -> Vec<Clause> {
    parts.into_iter().flatten().collect()
}

/// One of the parts holds, and with it the best of its clauses.
fn any(parts: Vec<Vec<Clause>>) -> Vec<Clause> {
    if parts.len() == 1 {
        return parts.into_iter().next().unwrap_or_default();
    }
    let mut union = Clause::new();
    for part in parts {
        match part.into_iter().max_by_key(worth) {
            Some(best) => union.extend(best),
            None => return Vec::new(),
        }
    }
    match union.is_empty() {
        true => Vec::new(),
        false => vec![union],
    }
}

struct Side<'a> {
    record: Record,
    named: &'a HashMap<String, CompiledDetection>,
}

impl Side<'_> {
    fn condition(&self, condition: &ConditionExpr) -> Vec<Clause> {
        match condition {
            ConditionExpr::And(parts) => all(parts.iter().map(|part| self.condition(part))),
            ConditionExpr::Or(parts) => {
                any(parts.iter().map(|part| self.condition(part)).collect())
            }
            ConditionExpr::Not(_) => Vec::new(),
            ConditionExpr::Identifier(name) => match self.named.get(name) {
                Some(detection) => self.detection(detection),
                None => Vec::new(),
            },
            ConditionExpr::Selector {
                quantifier,
                pattern,
            } => {
                let parts = self
                    .named
                    .iter()
                    .filter(|(name, _)| pattern.matches_detection_name(name))
                    .map(|(_, detection)| detection);
                match quantifier {
                    Quantifier::Count(0) => Vec::new(),
                    Quantifier::All => all(parts.map(|part| self.detection(part))),
                    Quantifier::Any | Quantifier::Count(_) => self.one_of(parts),
                }
            }
        }
    }

    /// One of the parts that can hold here at all.
    fn one_of<'d>(&self, parts: impl Iterator<Item = &'d CompiledDetection>) -> Vec<Clause> {
        let possible = parts.filter(|part| reach::of_detection(part, self.record).can_hold);
        any(possible.map(|part| self.detection(part)).collect())
    }

    fn detection(&self, detection: &CompiledDetection) -> Vec<Clause> {
        match detection {
            CompiledDetection::AllOf(items) => all(items.iter().map(|item| self.item(item))),
            CompiledDetection::And(parts) => all(parts.iter().map(|part| self.detection(part))),
            CompiledDetection::AnyOf(parts) => self.one_of(parts.iter()),
            CompiledDetection::Keywords(matcher) => self.anywhere(matcher),
            CompiledDetection::Conditional { .. } | CompiledDetection::ArrayMatch { .. } => {
                Vec::new()
            }
        }
    }

    fn item(&self, item: &CompiledDetectionItem) -> Vec<Clause> {
        if item.exists.is_some() {
            return Vec::new();
        }
        let Some(name) = &item.field else {
            return self.anywhere(&item.matcher);
        };
        let fields = fields_of(self.record);
        let position = |name: &str| {
            fields
                .iter()
                .position(|field| field.name == name && field.values == Values::Text)
        };
        // An argument that is not the first is a part of the line that they form.
        let (field, whole) = match (position(name), self.record) {
            (Some(field), _) => (field, true),
            (None, Record::AuditExecve) if crate::view::argument_number(name).is_some() => {
                match position("proctitle") {
                    Some(field) => (field, false),
                    None => return Vec::new(),
                }
            }
            (None, _) => return Vec::new(),
        };
        let mut clauses = needs(&item.matcher);
        for (text, anchor) in clauses.iter_mut().flatten() {
            if !whole {
                *anchor = Anchor::Any;
                // Line breaks within arguments are blanks in the line.
                *text = text.replace(['\n', '\r'], " ");
            }
        }
        let placed = |clause: Need| -> Clause {
            let literals = clause.into_iter();
            literals
                .map(|(text, anchor)| Literal {
                    field,
                    text,
                    anchor,
                })
                .collect()
        };
        clauses.into_iter().map(placed).collect()
    }

    /// Any text of the record may hold it.
    fn anywhere(&self, matcher: &CompiledMatcher) -> Vec<Clause> {
        let texts: Vec<usize> = fields_of(self.record)
            .iter()
            .enumerate()
            .filter(|(_, field)| field.values == Values::Text)
            .map(|(position, _)| position)
            .collect();
        let spread = |clause: Need| -> Clause {
            let literals = clause.into_iter().flat_map(|(text, anchor)| {
                texts.iter().map(move |&field| Literal {
                    field,
                    text: text.clone(),
                    anchor,
                })
            });
            literals.collect()
        };
        needs(matcher).into_iter().map(spread).collect()
    }
}

/// Texts of which one is in the value, and where.
type Need = Vec<(String, Anchor)>;

/// What a value must hold for the matcher to hold.
fn needs(matcher: &CompiledMatcher) -> Vec<Need> {
    match matcher {
        CompiledMatcher::Exact { value, .. } => literal(value, Anchor::Whole),
        CompiledMatcher::Contains { value, .. } => literal(value, Anchor::Any),
        CompiledMatcher::StartsWith { value, .. } => literal(value, Anchor::Start),
        CompiledMatcher::EndsWith { value, .. } => literal(value, Anchor::End),
        CompiledMatcher::AhoCorasickSet { needles, .. } => {
            one_need(needles.iter().map(|n| literal(n, Anchor::Any)))
        }
        CompiledMatcher::Regex(regex) => of_pattern(regex.as_str()),
        CompiledMatcher::RegexSetMatch { set, mode } => {
            let parts = set.patterns().iter().map(|pattern| of_pattern(pattern));
            match mode {
                GroupMode::Any => one_need(parts),
                GroupMode::All => parts.flatten().collect(),
            }
        }
        CompiledMatcher::AnyOf(parts) => one_need(parts.iter().map(needs)),
        CompiledMatcher::AllOf(parts) => parts.iter().flat_map(needs).collect(),
        CompiledMatcher::CaseInsensitiveGroup { children, mode } => match mode {
            GroupMode::Any => one_need(children.iter().map(needs)),
            GroupMode::All => children.iter().flat_map(needs).collect(),
        },
        _ => Vec::new(),
    }
}

fn of_pattern(pattern: &str) -> Vec<Need> {
    let Some(texts) = regexes::required(pattern) else {
        return Vec::new();
    };
    let any = texts.into_iter().map(|text| (text, Anchor::Any));
    vec![any.collect()]
}

/// One of the parts holds, and with it the need of it with the longest texts.
fn one_need(parts: impl Iterator<Item = Vec<Need>>) -> Vec<Need> {
    let length = |need: &Need| need.iter().map(|(text, _)| text.len()).min().unwrap_or(0);
    let mut union = Need::new();
    for part in parts {
        match part.into_iter().max_by_key(length) {
            Some(best) => union.extend(best),
            None => return Vec::new(),
        }
    }
    vec![union]
}

/// The text itself, or its longest piece that is ASCII.
fn literal(text: &str, anchor: Anchor) -> Vec<Need> {
    if text.is_ascii() {
        return match text.is_empty() {
            true => Vec::new(),
            false => vec![vec![(text.to_ascii_lowercase(), anchor)]],
        };
    }
    let piece = text.split(|c: char| !c.is_ascii()).max_by_key(|p| p.len());
    match piece {
        Some(piece) if !piece.is_empty() => {
            vec![vec![(piece.to_ascii_lowercase(), Anchor::Any)]]
        }
        _ => Vec::new(),
    }
}
