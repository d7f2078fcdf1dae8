//! The words that summaries are made of. Names in them come from whoever is being
//! watched, so every one passes through [`shown`].

use sentinel_event::{Process, text};

/// Longest name within a sentence, in characters.
const NAME_MAX: usize = 80;

/// Ancestors named in a sentence.
const CHAIN_MAX: usize = 4;

/// A name as it may stand in a sentence: one line, nothing that could steer a
/// terminal, at most [`NAME_MAX`] characters.
pub fn shown(name: &str) -> String {
    let safe = text::escape(name);
    match safe.char_indices().nth(NAME_MAX) {
        Some((cut, _)) => format!("{}...", &safe[..cut]),
        None => safe.into_owned(),
    }
}

/// The last component of a path, without the mark of a deleted file.
pub fn program(path: &str) -> &str {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    // A memfd's name may itself hold slashes and is no path.
    if path.trim_start_matches('/').starts_with("memfd:") {
        return path.trim_start_matches('/');
    }
    path.rsplit('/').next().unwrap_or(path)
}

/// The user of a process: `root`, `www-data`, `uid 1001`.
pub fn user(process: &Process) -> String {
    match (&process.user, process.uid) {
        (Some(user), _) => shown(user),
        (None, 0) => "root".to_owned(),
        (None, uid) => format!("uid {uid}"),
    }
}

/// Who acts: `python3.11 (pid 4711, root)`. `exe` is the program that acted, which
/// after an exec is the image that was replaced.
pub fn actor(exe: &str, process: &Process) -> String {
    let name = program(exe);
    let name = if name.is_empty() { "a process" } else { name };
    let user = user(process);
    let raised = if process.euid == 0 && process.uid != 0 {
        " as root"
    } else {
        ""
    };
    format!("{} (pid {}, {user}{raised})", shown(name), process.pid)
}

/// Where it came from: `, started by sshd > bash > python3.11`, the farthest first,
/// and the container when there is one. Empty when nothing is known.
pub fn origin(process: &Process) -> String {
    let mut names: Vec<String> = process
        .ancestors()
        .filter(|ancestor| ancestor.pid != 1 && !ancestor.exe.is_empty())
        .take(CHAIN_MAX + 1)
        .map(|ancestor| shown(program(&ancestor.exe)))
        .collect();
    if names.is_empty()
        && let Some(parent) = &process.parent
        && !parent.exe.is_empty()
    {
        names.push(shown(program(&parent.exe)));
    }
    if names.len() > CHAIN_MAX {
        names[CHAIN_MAX] = "...".to_owned();
    }
    names.reverse();
    let mut origin = match names.is_empty() {
        true => String::new(),
        false => format!(", started by {}", names.join(" > ")),
    };
    if let Some(container) = process.container() {
        // Names of OCI containers are cut as their own tools cut them.
        let id = match container.id.len() {
            64 => &container.id[..12],
            _ => &*container.id,
        };
        origin.push_str(&format!(", in container {}", shown(id)));
    }
    origin
}

/// A time span for a sentence: `12 ms`, `3 s`, `5 min`.
pub fn span(ns: i64) -> String {
    let ms = ns.max(0) / 1_000_000;
    match ms {
        0..=9_999 => format!("{ms} ms"),
        10_000..=599_999 => format!("{} s", ms / 1_000),
        _ => format!("{} min", ms / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_named_without_path_and_mark() {
        let cases = [
            ("/usr/bin/python3.11", "python3.11"),
            ("/usr/sbin/sshd (deleted)", "sshd"),
            ("memfd:a/b", "memfd:a/b"),
            (
                "/memfd:runc_cloned:/proc/self/exe (deleted)",
                "memfd:runc_cloned:/proc/self/exe",
            ),
            ("", ""),
        ];
        for (path, expected) in cases {
            assert_eq!(program(path), expected);
        }
    }

    #[test]
    fn hostile_names_are_tamed() {
        assert_eq!(shown("a\nb\u{202e}"), "a\\nb\\u{202e}");
        assert_eq!(shown(&"x".repeat(300)).len(), NAME_MAX + 3);
    }
}
