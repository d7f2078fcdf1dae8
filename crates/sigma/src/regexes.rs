//! Texts without which a regular expression cannot match.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use regex_syntax::hir::{Class, Hir, HirKind};

/// More alternatives than this are not worth searching for.
const ALTERNATIVES_MAX: usize = 64;
/// More texts than this are not spelled out.
const SPELLED_MAX: usize = 16;

/// Texts of which at least one is in whatever `pattern` matches, folded as
/// [`crate::index::folded`] does it; `None` when there are none to name.
pub fn required(pattern: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    of(&hir).filter(|texts| !texts.is_empty() && texts.len() <= ALTERNATIVES_MAX)
}

fn of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(_) | HirKind::Class(_) => of_run(std::slice::from_ref(hir)),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) => match repetition.min {
            0 => None,
            _ => of(&repetition.sub),
        },
        HirKind::Concat(parts) => of_run(parts),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(of(part)?);
            }
            Some(all)
        }
    }
}

/// The most telling of what stands side by side: parts that can be spelled out make longer
/// texts together.
fn of_run(parts: &[Hir]) -> Option<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut run = vec![String::new()];
    let end = |run: &mut Vec<String>, found: &mut Vec<Vec<String>>| {
        let texts = std::mem::replace(run, vec![String::new()]);
        if texts.iter().all(|text| !text.is_empty()) {
            found.push(texts);
        }
    };
    for part in parts {
        if let HirKind::Literal(literal) = part.kind() {
            match std::str::from_utf8(&literal.0) {
                Ok(text) => {
                    for c in text.chars() {
                        match c.is_ascii() {
                            true => run.iter_mut().for_each(|t| t.push(c.to_ascii_lowercase())),
                            false => end(&mut run, &mut found),
                        }
                    }
                }
                Err(_) => end(&mut run, &mut found),
            }
            continue;
        }
        match spelled(part).and_then(|texts| joined(&run, &texts)) {
            Some(texts) => run = texts,
            _ => {
                end(&mut run, &mut found);
                if !matches!(part.kind(), HirKind::Class(_)) {
                    found.extend(of(part));
                }
            }
        }
    }
    end(&mut run, &mut found);
    let worth = |texts: &Vec<String>| {
        let shortest = texts.iter().map(String::len).min().unwrap_or(0);
        (shortest, Reverse(texts.len()))
    };
    found.into_iter().max_by_key(worth)
}

/// Every text of the first followed by every one of the second, where they are few.
fn joined(begins: &[String], ends: &[String]) -> Option<Vec<String>> {
    let pairs = ends
        .iter()
        .flat_map(|end| begins.iter().map(move |begin| format!("{begin}{end}")));
    (begins.len() * ends.len() <= SPELLED_MAX).then(|| pairs.collect())
}

/// All texts that the expression stands for, folded, where they are few and ASCII.
fn spelled(hir: &Hir) -> Option<Vec<String>> {
    let texts = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![String::new()],
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            vec![text.is_ascii().then(|| text.to_ascii_lowercase())?]
        }
        HirKind::Class(class) => letters(class)?,
        HirKind::Capture(capture) => spelled(&capture.sub)?,
        HirKind::Alternation(parts) => {
            let parts: Option<Vec<_>> = parts.iter().map(spelled).collect();
            parts?.concat()
        }
        HirKind::Concat(parts) => {
            let mut texts = vec![String::new()];
            for part in parts {
                texts = joined(&texts, &spelled(part)?)?;
            }
            texts
        }
        HirKind::Repetition(_) => return None,
    };
    (texts.len() <= SPELLED_MAX).then_some(texts)
}

/// The ASCII characters that the members of the class fold to, where they are few.
fn letters(class: &Class) -> Option<Vec<String>> {
    let Class::Unicode(class) = class else {
        return None;
    };
    let mut letters = BTreeSet::new();
    for range in class.iter() {
        if range.len() > SPELLED_MAX * 2 {
            return None;
        }
        for c in range.start()..=range.end() {
            let mut folded = crate::index::folded_char(c);
            let (first, rest) = (folded.next()?, folded.next());
            if rest.is_some() || !first.is_ascii() {
                return None;
            }
            letters.insert(first);
        }
    }
    Some(letters.into_iter().map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::required;

    #[test]
    fn what_a_pattern_cannot_do_without_is_found() {
        let cases: [(&str, Option<&[&str]>); 14] = [
            (r"(?i)^.*SomeThing.*x$", Some(&["something"])),
            (r"\s-O\s", Some(&["-o"])),
            (
                r"(?:\s-[^-\s]{0,20}d|\s--directory\s)",
                Some(&["d", "--directory"]),
            ),
            (r"(.){200,}", None),
            (r"a*", None),
            (r"(abc)+", Some(&["abc"])),
            (r"foo|bar", Some(&["foo", "bar"])),
            (r"fo?obar", Some(&["obar"])),
            (r"[ab]c", Some(&["ac", "bc"])),
            (r"-(W|R)\s?x", Some(&["-r", "-w"])),
            (r"(?i)-(put|get)[0-9a-z]", Some(&["-put", "-get"])),
            (r"a[0-9a-f]{2}", Some(&["a"])),
            (r"\bkill\b", Some(&["kill"])),
            (r"(?i)stra\u{df}e", Some(&["stra"])),
        ];
        for (pattern, expected) in cases {
            let expected = expected.map(|texts| texts.iter().map(|t| (*t).to_owned()).collect());
            assert_eq!(required(pattern), expected, "{pattern}");
        }
    }
}
