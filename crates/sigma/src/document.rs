//! The text of a rule file as rules, or as the place where it is wrong.

use std::fmt;
use std::path::{Path, PathBuf};

use rsigma_eval::{CompiledRule, compile_rule};
use rsigma_parser::{CorrelationRule, FilterRule, SigmaCollection, SigmaRule, parse_sigma_yaml};

use crate::keywords;

/// A rule file larger than this is not one.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { file, line, reason } = self;
        match line {
            0 => write!(f, "{}: {reason}", file.display()),
            line => write!(f, "{}:{line}: {reason}", file.display()),
        }
    }
}

/// One document of a rule file.
#[derive(Debug, Clone)]
pub struct Document {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// What it is.
    pub content: Content,
}

/// What a document is.
#[derive(Debug, Clone)]
pub enum Content {
    /// A rule about events.
    Rule(Box<SigmaRule>, Box<CompiledRule>),
    /// A rule about what other rules match.
    Correlation(Box<CorrelationRule>),
    /// A change of other rules.
    Filter(Box<FilterRule>),
}

/// The documents of a file.
///
/// # Errors
/// What is wrong with it, and where. A file with one wrong document is wrong.
pub fn parse(file: &Path, text: &str) -> Result<Vec<Document>, Problem> {
    let problem = |line, reason: String| Problem {
        file: file.to_owned(),
        line,
        reason: one_line(&reason),
    };
    if text.len() > FILE_BYTES_MAX {
        return Err(problem(
            0,
            format!("it is larger than {FILE_BYTES_MAX} bytes"),
        ));
    }
    let mut documents = Vec::new();
    for (line, piece) in pieces(text) {
        let first = line + blank_lines(piece);
        let place = |reason: &str| line + place_of(piece, reason).unwrap_or(first - line);
        let collection = parse_sigma_yaml(piece).map_err(|error| {
            let reason = error.to_string();
            problem(place(&reason), reason)
        })?;
        if let Some(reason) = collection.errors.first() {
            return Err(problem(place(reason), without_place(reason)));
        }
        contents(collection, first, &mut documents)
            .map_err(|reason| problem(place(&reason), reason))?;
    }
    if documents.is_empty() {
        return Err(problem(1, "there is no rule in it".to_owned()));
    }
    Ok(documents)
}

fn contents(
    collection: SigmaCollection,
    line: usize,
    documents: &mut Vec<Document>,
) -> Result<(), String> {
    for mut rule in collection.rules {
        keywords::loosen(&mut rule);
        known_selections(&rule)?;
        let compiled = compile_rule(&rule).map_err(|error| error.to_string())?;
        documents.push(Document {
            line,
            content: Content::Rule(Box::new(rule), Box::new(compiled)),
        });
    }
    for rule in collection.correlations {
        let content = Content::Correlation(Box::new(rule));
        documents.push(Document { line, content });
    }
    for filter in collection.filters {
        let content = Content::Filter(Box::new(filter));
        documents.push(Document { line, content });
    }
    Ok(())
}

/// The engine takes a pattern that no selection fits as one that never holds: a slip of
/// the pen would make a rule that never matches.
fn known_selections(rule: &SigmaRule) -> Result<(), String> {
    use rsigma_parser::ConditionExpr::{And, Identifier, Not, Or, Selector};
    let mut open: Vec<_> = rule.detection.conditions.iter().collect();
    while let Some(part) = open.pop() {
        match part {
            And(parts) | Or(parts) => open.extend(parts),
            Not(part) => open.push(part),
            Identifier(name) => {
                if !rule.detection.named.contains_key(name) {
                    return Err(format!(
                        "the condition names '{name}', which is not defined"
                    ));
                }
            }
            Selector { pattern, .. } => {
                let mut names = rule.detection.named.keys();
                if !names.any(|name| pattern.matches_detection_name(name)) {
                    return Err(format!(
                        "no selection is named like '{pattern}' in the condition"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// The documents of a text, each with the line on which it begins. Documents that share
/// parts by `action: global` stay together.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    if text.lines().any(|line| line.starts_with("action:")) {
        return vec![(1, text)];
    }
    let mut pieces = Vec::new();
    let (mut begin, mut line) = (0, 1);
    let mut at = 0;
    for (number, row) in (1..).zip(text.split_inclusive('\n')) {
        let end = at + row.len();
        if row.trim_end() == "---" {
            pieces.push((line, &text[begin..at]));
            (begin, line) = (end, number + 1);
        }
        at = end;
    }
    pieces.push((line, &text[begin..]));
    let holds = |piece: &str| {
        piece
            .lines()
            .any(|line| !line.trim().is_empty() && !line.starts_with('#'))
    };
    pieces.retain(|(_, piece)| holds(piece));
    pieces
}

fn blank_lines(piece: &str) -> usize {
    piece
        .lines()
        .take_while(|line| line.trim().is_empty() || line.starts_with('#'))
        .count()
}

/// The line of the piece, from 0, that a reason is about: the one that it names, else
/// the first with a word that it quotes, else that of the condition.
fn place_of(piece: &str, reason: &str) -> Option<usize> {
    if let Some(line) = named_line(reason).filter(|_| reason.starts_with("YAML")) {
        return Some(line.saturating_sub(1));
    }
    let find = |wanted: &str| piece.lines().position(|line| line.contains(wanted));
    let quoted = |mark: char| {
        let mut parts = reason.split(mark);
        parts.nth(1).filter(|word| !word.is_empty())
    };
    let condition = || find("condition:");
    if reason.starts_with("Condition") || reason.contains("condition") {
        return condition();
    }
    if reason.contains("regex") {
        return find("|re");
    }
    let words = [quoted('\''), quoted('`'), quoted('"')];
    words.into_iter().flatten().find_map(find)
}

fn named_line(reason: &str) -> Option<usize> {
    let rest = reason.split_once("line ")?.1;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// The reason without the place, which is said before it.
fn without_place(reason: &str) -> String {
    match reason.split_once(" at line ") {
        Some((before, _)) if reason.starts_with("YAML") => before.to_owned(),
        _ => reason.to_owned(),
    }
}

fn one_line(reason: &str) -> String {
    reason.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "title: T\nlogsource:\n    category: process_creation\ndetection:\n    s:\n        Image: /x\n    condition: s\n";

    fn check_refused(text: &str, expected: &str) {
        let problem = parse(Path::new("x.yml"), text).expect_err("is refused");
        let shown = problem.to_string();
        assert!(shown.starts_with(expected), "{shown:?} is not {expected:?}");
        assert_eq!(shown.lines().count(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        assert_eq!(parse(Path::new("x.yml"), GOOD).expect("is good").len(), 1);
        let two = format!("{GOOD}---\n{GOOD}");
        let lines = parse(Path::new("x.yml"), &two).expect("is good");
        let lines: Vec<usize> = lines.iter().map(|d| d.line).collect();
        assert_eq!(lines, [1, 9]);
        let cases = [
            ("", "x.yml:1: there is no rule in it"),
            ("title: [a\nb: c\n", "x.yml:2: YAML"),
            ("- a\n", "x.yml:1: Document is not a YAML mapping"),
            (
                &GOOD.replace("condition: s", "condition: s and and"),
                "x.yml:7: Condition parse error",
            ),
            (
                &GOOD.replace("condition: s", "condition: s and t"),
                "x.yml:7: the condition names 't'",
            ),
            (
                &GOOD.replace("condition: s", "condition: 1 of t*"),
                "x.yml:7: no selection is named like 't*'",
            ),
            (
                &GOOD.replace("Image:", "Image|contain:"),
                "x.yml:6: Unknown modifier 'contain'",
            ),
            (&GOOD.replace("Image: /x", "Image|re: '('"), "x.yml:6: "),
            (
                &format!("{GOOD}level: hihg\n"),
                "x.yml:8: invalid level: 'hihg'",
            ),
            (
                &format!("{GOOD}---\n\n{}", GOOD.replace("Image:", "Image|foo:")),
                "x.yml:15: Unknown modifier 'foo'",
            ),
            (&format!("{GOOD}---\ntitle: [\n"), "x.yml:10: YAML"),
            (
                "title: T\nlogsource:\n    product: linux\n",
                "x.yml:1: Missing required field 'detection'",
            ),
        ];
        for (text, expected) in cases {
            check_refused(text, expected);
        }
    }
}
