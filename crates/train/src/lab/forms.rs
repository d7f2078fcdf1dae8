//! What a command line looks like, whatever its words are.

/// How many numbers the form is.
pub(super) const FORM: usize = 24;

/// The form of a line: lengths and counts as their logarithm, shares as they are. Counts
/// stand beside shares since what is added to a line takes nothing from a count.
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
    let runs = Runs::of(bytes);
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
        logarithm(runs.numbers),
        logarithm(runs.dotted),
        logarithm(runs.calls),
        logarithm(runs.redirections),
        logarithm(quoted(bytes)),
        logarithm(count(|byte| byte == b'|')),
        logarithm(count(|byte| byte == b';')),
        logarithm(count(|byte| byte == b'&')),
        logarithm(count(|byte| byte == b'=')),
        logarithm(count(|byte| byte == b',')),
    ]
}

/// How often some bytes stand side by side.
struct Runs {
    /// Numbers, whatever their length.
    numbers: usize,
    /// Numbers that are joined by a dot to the one before, as in versions and addresses.
    dotted: usize,
    /// A word with a bracket right behind it.
    calls: usize,
    /// `>&`, `&>`, `<&`, `<(`, `>(`, and a number in front of `<` or `>`.
    redirections: usize,
}

impl Runs {
    fn of(bytes: &[u8]) -> Runs {
        let pairs = |wanted: fn(u8, u8) -> bool| {
            let pairs = bytes.windows(2);
            pairs.filter(|pair| wanted(pair[0], pair[1])).count()
        };
        let begins = bytes.first().is_some_and(u8::is_ascii_digit);
        let dotted = bytes.windows(3).filter(|three| {
            three[0].is_ascii_digit() && three[1] == b'.' && three[2].is_ascii_digit()
        });
        Runs {
            numbers: pairs(|a, b| !a.is_ascii_digit() && b.is_ascii_digit()) + usize::from(begins),
            dotted: dotted.count(),
            calls: pairs(|a, b| (a.is_ascii_alphanumeric() || a == b'_') && b == b'('),
            redirections: pairs(|a, b| match a {
                b'<' | b'>' => matches!(b, b'&' | b'('),
                b'&' => b == b'>',
                _ => a.is_ascii_digit() && matches!(b, b'<' | b'>'),
            }),
        }
    }
}

/// Bytes of the longest text between two equal quotation marks.
fn quoted(bytes: &[u8]) -> usize {
    let (mut longest, mut open) = (0, None);
    for (at, byte) in bytes.iter().enumerate() {
        match open {
            None if matches!(byte, b'"' | b'\'') => open = Some((*byte, at)),
            Some((mark, from)) if mark == *byte => {
                longest = longest.max(at - from - 1);
                open = None;
            }
            _ => (),
        }
    }
    longest
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_side_by_side_is_counted() {
        for (line, numbers, dotted, calls, redirections, longest) in [
            ("", 0, 0, 0, 0, 0),
            ("ls -la", 0, 0, 0, 0, 0),
            ("12 a1b", 2, 0, 0, 0, 0),
            ("ping 10.1.2.33", 4, 3, 0, 0, 0),
            ("f(1) && g (2)", 2, 0, 1, 0, 0),
            ("sh 2>&1 >&3 <(ls) &>x", 3, 0, 0, 5, 0),
            ("echo \"it's\" 'a b c'", 0, 0, 0, 0, 5),
            ("echo 'never closed", 0, 0, 0, 0, 0),
        ] {
            let runs = Runs::of(line.as_bytes());
            let found = [runs.numbers, runs.dotted, runs.calls, runs.redirections];
            assert_eq!(found, [numbers, dotted, calls, redirections], "{line}");
            assert_eq!(quoted(line.as_bytes()), longest, "{line}");
        }
    }
}
