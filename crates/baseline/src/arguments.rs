//! What the arguments of a program look like, by themselves and against those that it
//! usually gets. At most 4 KiB are looked at, so that a long command line costs no more
//! than a short one.

use crate::hash;
use crate::moment::Moment;
use crate::relation::{BITS_MAX, Relation};

/// Bytes that are looked at.
const BYTES_MAX: usize = 4_096;
/// Pairs of words that are looked up and learned.
const WORDS_MAX: usize = 24;
/// Words that any program might get.
const WORDS: f64 = 1.0 / 65_536.0;

/// Numbers about a command line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Shape {
    /// ln(1 + bytes).
    pub(crate) length: f32,
    /// Bits per byte.
    pub(crate) entropy: f32,
    /// Of the bytes, neither letter nor digit nor blank.
    pub(crate) symbols: f32,
    /// ln(1 + bytes of the longest word).
    pub(crate) longest: f32,
}

/// The pairs of neighbouring words, as hashes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    pairs: [u64; WORDS_MAX],
    count: usize,
}

/// Looks once at the arguments after the first.
pub(crate) fn look(argv: &[Box<str>]) -> (Shape, Words) {
    let (mut histogram, mut total, mut longest) = ([0_u16; 256], 0_usize, 0_usize);
    let mut symbols = 0_usize;
    let mut words = Words::default();
    let mut before = 1;
    let whole: usize = argv.iter().skip(1).map(|argument| argument.len() + 1).sum();
    for argument in argv.iter().skip(1) {
        let bytes = argument.as_bytes();
        let bytes = &bytes[..bytes.len().min(BYTES_MAX - total)];
        for byte in bytes {
            histogram[usize::from(*byte)] += 1;
            symbols += usize::from(byte.is_ascii_punctuation() || !byte.is_ascii());
        }
        total += bytes.len();
        for word in bytes
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
        {
            longest = longest.max(word.len());
            if words.count < WORDS_MAX {
                let word = plain(word);
                words.pairs[words.count] = hash::pair(before, word);
                words.count += 1;
                before = word;
            }
        }
        if total == BYTES_MAX {
            break;
        }
    }
    let shape = Shape {
        length: (whole as f32).ln_1p(),
        entropy: entropy(&histogram, total),
        symbols: symbols as f32 / total.max(1) as f32,
        longest: (longest as f32).ln_1p(),
    };
    (shape, words)
}

/// The word with digits left out, as a hash.
fn plain(word: &[u8]) -> u64 {
    let mut short = [0; 64];
    let mut length = 0;
    for byte in word {
        let byte = if byte.is_ascii_digit() { b'#' } else { *byte };
        if byte == b'#' && length > 0 && short[length - 1] == b'#' {
            continue;
        }
        if length == short.len() {
            break;
        }
        short[length] = byte;
        length += 1;
    }
    hash::bytes(&short[..length])
}

fn entropy(histogram: &[u16; 256], total: usize) -> f32 {
    if total == 0 {
        return 0.0;
    }
    let n = total as f32;
    // Most bytes never occur, and blocks without any are passed over at once.
    let blocks = histogram.as_chunks::<16>().0.iter();
    let blocks = blocks.filter(|block| **block != [0; 16]);
    let counts = blocks.flatten().filter(|count| **count > 0);
    let sum: f32 = counts
        .map(|count| f32::from(*count))
        .map(|c| c * c.log2())
        .sum();
    (n.log2() - sum / n).max(0.0)
}

impl Words {
    /// The mean of the three largest surprises: a mean over all is made small by padding.
    pub(crate) fn top3(&self, learned: &Relation, program: u64, at: &Moment) -> f32 {
        let mut top = [0.0_f32; 3];
        for pair in &self.pairs[..self.count] {
            let bits = learned.surprise(program, *pair, WORDS, at).min(BITS_MAX);
            let least = if top[0] <= top[1] && top[0] <= top[2] {
                0
            } else if top[1] <= top[2] {
                1
            } else {
                2
            };
            top[least] = top[least].max(bits);
        }
        top.iter().sum::<f32>() / self.count.clamp(1, 3) as f32
    }

    pub(crate) fn learn(&self, learned: &mut Relation, program: u64, at: &Moment, trusted: bool) {
        for pair in &self.pairs[..self.count] {
            learned.observe(program, *pair, at, trusted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Calendar;

    fn argv(line: &str) -> Vec<Box<str>> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn shapes_of_command_lines() {
        let (none, _) = look(&argv("ls"));
        assert_eq!(none, Shape::default());
        let (shape, words) = look(&argv("sh -c aaaa"));
        assert_eq!(words.count, 2);
        assert!((shape.longest - 5.0_f32.ln()).abs() < 1e-6);
        assert!((shape.symbols - 1.0 / 6.0).abs() < 1e-6);
        let (long, _) = look(&argv(&format!("x {}", "ab".repeat(100_000))));
        assert!((long.entropy - 1.0).abs() < 1e-3 && long.length > 12.0);
    }

    #[test]
    fn padding_does_not_hide_what_is_unusual() {
        let at = Calendar::default().moment(0, 1);
        let mut learned = Relation::new();
        for n in 0..300 {
            look(&argv(&format!("x -v -o out{n}.txt")))
                .1
                .learn(&mut learned, 5, &at, false);
        }
        let top3 = |line: &str| look(&argv(line)).1.top3(&learned, 5, &at);
        assert!(top3("x -v -o out999.txt") < 2.0);
        let bare = top3("x -e /bin/sh 10.0.0.1");
        assert!(bare > 15.0, "{bare}");
        assert!(
            top3(&format!(
                "x {}-e /bin/sh 10.0.0.1",
                "-v -o out1.txt ".repeat(5)
            )) > bare - 3.0
        );
    }
}
