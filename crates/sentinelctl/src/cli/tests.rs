//! The definitions, and every command line that help and documentation show.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;

use super::*;

#[test]
fn the_definitions_fit_together() {
    with_short_help(command()).debug_assert();
}

/// What a shell makes of a line: words with their quotes taken off, up to a comment, a
/// pipe or a redirection.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in line.chars().chain([' ']) {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            ('#' | '|' | '>', None) => break,
            (' ', None) if word.is_empty() => {}
            (' ', None) => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words
}

#[test]
fn every_help_fits_on_a_screen_and_its_examples_can_be_typed() {
    let mut command = with_short_help(command()).term_width(100);
    command.build();
    let visible =
        |command: &&mut clap::Command| !command.is_hide_set() && command.get_name() != "lab";
    let mut seen = 0;
    for command in command.get_subcommands_mut().filter(visible) {
        let (name, help) = (command.get_name().to_owned(), command.render_help());
        let help = help.to_string().replace("\\\n", " ");
        assert!(help.lines().count() <= 50, "{name} is long:\n{help}");
        let (_, examples) = help.split_once("\nExamples:\n").unwrap_or_default();
        let lines = examples
            .lines()
            .filter(|line| line.starts_with("  sentinelctl "));
        let lines: Vec<_> = lines.map(words).collect();
        assert!(!lines.is_empty(), "{name} has no examples");
        for line in lines {
            let parsed = Cli::try_parse_from(&line);
            assert!(parsed.is_ok(), "{line:?}: {}", parsed.unwrap_err());
            assert!(line.contains(&name), "{line:?} is of another command");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} examples");
    for (name, _) in examples::EXAMPLES {
        assert!(command.find_subcommand(name).is_some(), "no {name}");
    }
}

/// The README and everything below `docs`.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("is there").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|kind| kind == "md") => found.push(path),
                false => {}
            }
        }
    }
    found
}

/// The command lines of a document: those of its blocks of code, where a comment may follow, and
/// those in its sentences.
fn shown(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let (mut found, mut sentences, mut in_block) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        match line.trim_start().strip_prefix("```") {
            Some(_) => in_block = !in_block,
            None if in_block => found.push(line.trim().to_owned()),
            None => sentences += &format!("{line} "),
        }
    }
    found.extend(sentences.split('`').skip(1).step_by(2).map(str::to_owned));
    let all = found.into_iter();
    let all = all.map(|line| line.strip_prefix("sudo ").unwrap_or(&line).to_owned());
    all.filter(|line| line.starts_with("sentinelctl ") && !line.contains("..."))
        .collect()
}

#[test]
fn every_command_that_is_documented_can_be_typed() {
    // Words that stand for what is to be put there.
    let put = |word: String| match &*word {
        "ID" => "24e7775522daa79d".to_owned(),
        "GENERATION" | "N" | "PID" => "7".to_owned(),
        "TIME" => "2h".to_owned(),
        _ => word,
    };
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in documents() {
        let text = fs::read_to_string(&path).expect("reads");
        for line in shown(&text) {
            seen += 1;
            if let Err(error) = Cli::try_parse_from(words(&line).into_iter().map(put))
                && error.use_stderr()
                // A sentence may name a command without what it takes.
                && (error.kind() != ErrorKind::MissingRequiredArgument || words(&line).len() > 2)
            {
                wrong.push(format!("{}: {line}: {error}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 60, "{seen} lines");
}
