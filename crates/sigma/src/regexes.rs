//! Texts without which a regular expression cannot match.

use regex_syntax::hir::{Class, Hir, HirKind};

/// More alternatives than this are not worth searching for.
const ALTERNATIVES_MAX: usize = 64;

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

/// The most telling of what stands side by side.
fn of_run(parts: &[Hir]) -> Option<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut run = String::new();
    let end = |run: &mut String, found: &mut Vec<Vec<String>>| {
        if !run.is_empty() {
            found.push(vec![std::mem::take(run)]);
        }
    };
    for part in parts {
        match part.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => {
                    for c in text.chars() {
                        match c.is_ascii() {
                            true => run.push(c.to_ascii_lowercase()),
                            false => end(&mut run, &mut found),
                        }
                    }
                }
                Err(_) => end(&mut run, &mut found),
            },
            HirKind::Class(class) => match one_letter(class) {
                Some(c) => run.push(c),
                None => end(&mut run, &mut found),
            },
            _ => {
                end(&mut run, &mut found);
                found.extend(of(part));
            }
        }
    }
    end(&mut run, &mut found);
    let shortest = |texts: &Vec<String>| texts.iter().map(String::len).min().unwrap_or(0);
    found.into_iter().max_by_key(shortest)
}

/// The ASCII letter that every member of the class folds to.
fn one_letter(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else {
        return None;
    };
    let mut letter = None;
    for range in class.iter() {
        for c in range.start()..=range.end() {
            let mut folded = crate::index::folded_char(c);
            let (first, rest) = (folded.next()?, folded.next());
            if rest.is_some() || !first.is_ascii() || letter.is_some_and(|known| known != first) {
                return None;
            }
            letter = Some(first);
        }
    }
    letter
}

#[cfg(test)]
mod tests {
    use super::required;

    #[test]
    fn what_a_pattern_cannot_do_without_is_found() {
        let cases: [(&str, Option<&[&str]>); 10] = [
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
            (r"[ab]c", Some(&["c"])),
            (r"(?i)stra\u{df}e", Some(&["stra"])),
        ];
        for (pattern, expected) in cases {
            let expected = expected.map(|texts| texts.iter().map(|t| (*t).to_owned()).collect());
            assert_eq!(required(pattern), expected, "{pattern}");
        }
    }
}
