//! Finds the rules worth evaluating for an event: one pass over each text of it finds which
//! clauses of which rules hold, in whichever records they see that text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use rsigma_eval::EventValue;

use crate::Record;
use crate::clauses::{Anchor, Clause};
use crate::fields::fields_of;
use crate::view::{Lines, View};

/// Beyond this many bytes of patterns the faster automaton would take too much memory.
const DENSE_BYTES_MAX: usize = 40_000;

/// Where a text stands: a record, and the position of a field in its table.
pub type Spot = (Record, usize);

/// The rules of some records, by what must be in them. Rules are numbered from 0.
pub struct Index {
    scans: Vec<Scan>,
    /// Rules of which nothing is known.
    always: Vec<u32>,
    /// For each rule, the bits of its clauses.
    full: Vec<u8>,
    /// For each rule, the bits of the clauses that hold.
    held: Vec<u8>,
    /// Rules of which a clause holds.
    touched: Vec<u32>,
    round: u64,
}

/// The search in one text.
struct Scan {
    spot: Spot,
    automaton: AhoCorasick,
    patterns: Vec<Pattern>,
}

#[derive(Default)]
struct Pattern {
    length: usize,
    /// The round in which it was last found, for those that may be anywhere.
    found: u64,
    any: Vec<Post>,
    start: Vec<Post>,
    end: Vec<Post>,
    whole: Vec<Post>,
}

/// A clause of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Post {
    rule: u32,
    bit: u8,
}

impl Index {
    /// The index of rules with these clauses, each in its record. `spot` says where a text is
    /// to be read that several records have.
    ///
    /// # Errors
    /// When the patterns make an automaton that is too large.
    pub fn new(
        rules: &[(Record, Vec<Clause>)],
        spot: impl Fn(Spot) -> Spot,
    ) -> Result<Index, String> {
        let mut texts: BTreeMap<Spot, BTreeMap<&str, Pattern>> = BTreeMap::new();
        let mut full = vec![0u8; rules.len()];
        let mut always = Vec::new();
        for (rule, (record, clauses)) in (0u32..).zip(rules) {
            if clauses.is_empty() {
                always.push(rule);
            }
            for (i, clause) in clauses.iter().enumerate() {
                let post = Post { rule, bit: 1 << i };
                full[rule as usize] |= post.bit;
                for literal in clause {
                    let spot = spot((*record, literal.field));
                    let patterns = texts.entry(spot).or_default();
                    let pattern = patterns.entry(&literal.text).or_default();
                    let posts = match literal.anchor {
                        Anchor::Any => &mut pattern.any,
                        Anchor::Start => &mut pattern.start,
                        Anchor::End => &mut pattern.end,
                        Anchor::Whole => &mut pattern.whole,
                    };
                    posts.push(post);
                }
            }
        }
        let mut scans = Vec::new();
        for (spot, patterns) in texts {
            scans.push(Scan::new(spot, patterns)?);
        }
        Ok(Index {
            scans,
            always,
            held: vec![0; full.len()],
            full,
            touched: Vec::new(),
            round: 0,
        })
    }

    /// Whether there is nothing to find.
    pub fn is_empty(&self) -> bool {
        self.full.is_empty()
    }

    /// The rules that may match, in their order.
    pub fn candidates(&mut self, lines: &Lines<'_>, out: &mut Vec<u32>) {
        self.round = self.round.wrapping_add(1);
        for scan in &mut self.scans {
            let (record, field) = scan.spot;
            let value = View::new(lines, record).get(&fields_of(record)[field]);
            if let Some(EventValue::Str(text)) = value {
                scan.look(&text, self.round, &mut self.held, &mut self.touched);
            }
        }
        out.extend_from_slice(&self.always);
        for rule in self.touched.drain(..) {
            let held = std::mem::take(&mut self.held[rule as usize]);
            if held == self.full[rule as usize] {
                out.push(rule);
            }
        }
        out.sort_unstable();
    }
}

impl Scan {
    fn new(spot: Spot, texts: BTreeMap<&str, Pattern>) -> Result<Scan, String> {
        let bytes: usize = texts.keys().map(|text| text.len()).sum();
        let kind = match bytes <= DENSE_BYTES_MAX {
            true => AhoCorasickKind::DFA,
            false => AhoCorasickKind::ContiguousNFA,
        };
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(kind))
            .build(texts.keys())
            .map_err(|error| format!("the rules' texts are too many: {error}"))?;
        let patterns = texts.into_iter().map(|(text, mut pattern)| {
            pattern.length = text.len();
            pattern
        });
        Ok(Scan {
            spot,
            automaton,
            patterns: patterns.collect(),
        })
    }

    fn look(&mut self, text: &str, round: u64, held: &mut [u8], touched: &mut Vec<u32>) {
        let text = folded(text);
        let mut hold = |posts: &[Post]| {
            for post in posts {
                let bits = &mut held[post.rule as usize];
                if *bits == 0 {
                    touched.push(post.rule);
                }
                *bits |= post.bit;
            }
        };
        for found in self.automaton.find_overlapping_iter(&*text) {
            let pattern = &mut self.patterns[found.pattern().as_usize()];
            // A text that repeats a pattern ten thousand times costs no more for it.
            if pattern.found != round {
                pattern.found = round;
                hold(&pattern.any);
            }
            let at_end = found.end() == text.len();
            if found.start() == 0 {
                hold(&pattern.start);
            }
            if at_end {
                hold(&pattern.end);
            }
            if at_end && pattern.length == text.len() {
                hold(&pattern.whole);
            }
        }
    }
}

/// The text in the form in which it is searched. The search ignores the case of ASCII
/// letters by itself, and all patterns are ASCII; what remains is letters beyond ASCII
/// that the engine, or a regular expression that ignores case, takes for ASCII ones.
pub fn folded(text: &str) -> Cow<'_, str> {
    match text.is_ascii() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().flat_map(folded_char).collect()),
    }
}

/// The small form of a letter; the long s, which is one already, becomes an s.
pub fn folded_char(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| match c {
        '\u{17f}' => 's',
        c => c,
    })
}
