//! What a command line looks like, whatever its words are.

/// How many numbers the form is.
pub(super) const FORM: usize = 14;

/// The form of a line: lengths and counts as their logarithm, shares as they are.
pub(super) fn form(line: &str) -> [f32; FORM] {
    let bytes = line.as_bytes();
    let count = |wanted: fn(u8) -> bool| bytes.iter().filter(|byte| wanted(**byte)).count();
    let share = |wanted| count(wanted) as f32 / bytes.len().max(1) as f32;
    let logarithm = |n: usize| (n as f32).ln_1p();
    let words = line.split_ascii_whitespace();
    let symbol = |byte: &u8| byte.is_ascii_punctuation();
    let mut kinds: Vec<u8> = bytes.iter().copied().filter(symbol).collect();
    kinds.sort_unstable();
    kinds.dedup();
    [
        logarithm(bytes.len()),
        logarithm(words.clone().count()),
        logarithm(words.map(str::len).max().unwrap_or(0)),
        entropy(bytes),
        share(|byte| byte.is_ascii_punctuation()),
        share(|byte| byte.is_ascii_digit()),
        share(|byte| byte.is_ascii_uppercase()),
        share(|byte| byte.is_ascii_whitespace()),
        logarithm(kinds.len()),
        logarithm(count(|byte| {
            matches!(byte, b'|' | b'&' | b';' | b'<' | b'>')
        })),
        logarithm(count(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\'))),
        logarithm(count(|byte| {
            matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}')
        })),
        logarithm(count(|byte| matches!(byte, b'/' | b'.' | b':'))),
        share(|byte| !(32..127).contains(&byte)),
    ]
}

/// Bits per byte.
fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u32; 256];
    bytes
        .iter()
        .for_each(|byte| counts[usize::from(*byte)] += 1);
    let n = bytes.len().max(1) as f32;
    let bits = |count: &u32| -(*count as f32 / n) * (*count as f32 / n).log2();
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}
