//! Rule files in folders. The only part of the crate that touches the file system.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::document::{Document, FILE_BYTES_MAX, Problem, parse};
use crate::set::RuleSet;

/// Folders within folders are followed this far.
const DEPTH_MAX: usize = 8;
/// More files than this are not rules that somebody chose.
const FILES_MAX: usize = 10_000;

/// What became of the files.
pub struct Loaded {
    /// The rules of all files that are good.
    pub set: RuleSet,
    /// What is wrong with the others.
    pub problems: Vec<Problem>,
}

/// The rules of all files in the folders.
pub fn load(folders: &[PathBuf]) -> Loaded {
    let mut problems = Vec::new();
    let files = files_in(folders, &mut problems);
    let mut loaded = load_files(&files);
    problems.append(&mut loaded.problems);
    Loaded {
        set: loaded.set,
        problems,
    }
}

/// The rules of these files. A file that is wrong by itself, or only beside the others, is
/// left out and named.
pub fn load_files(files: &[PathBuf]) -> Loaded {
    let mut problems = Vec::new();
    let mut good: Vec<(PathBuf, Vec<Document>)> = Vec::new();
    for file in files {
        match read(file).and_then(|text| parse(file, &text)) {
            Ok(documents) => good.push((file.clone(), documents)),
            Err(problem) => problems.push(problem),
        }
    }
    loop {
        match RuleSet::new(good.clone()) {
            Ok(set) => return Loaded { set, problems },
            Err(problem) => {
                let before = good.len();
                good.retain(|(file, _)| *file != problem.file);
                problems.push(problem);
                if good.len() == before {
                    good.clear();
                }
            }
        }
    }
}

/// The rule files of the folders, by their names. A file in a later folder stands in for
/// one of the same name in an earlier folder; an empty one switches it off.
pub fn files_in(folders: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut found = BTreeMap::new();
    for folder in folders {
        walk(folder, Path::new(""), 0, &mut found, problems);
    }
    let is_empty = |path: &PathBuf| fs::metadata(path).is_ok_and(|m| m.len() == 0);
    found.into_values().filter(|path| !is_empty(path)).collect()
}

fn walk(
    folder: &Path,
    below: &Path,
    depth: usize,
    found: &mut BTreeMap<PathBuf, PathBuf>,
    problems: &mut Vec<Problem>,
) {
    let mut problem = |reason: String| {
        problems.push(Problem {
            file: folder.to_owned(),
            line: 0,
            reason,
        });
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // A host without rules of its own.
        Err(error) if error.kind() == ErrorKind::NotFound && depth == 0 => return,
        Err(error) => return problem(format!("cannot read the folder: {error}")),
    };
    if depth > DEPTH_MAX {
        return problem(format!("it is more than {DEPTH_MAX} folders deep"));
    }
    let mut entries: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    entries.sort();
    for name in entries {
        let (path, below) = (folder.join(&name), below.join(&name));
        let hidden = name.to_string_lossy().starts_with('.');
        let extension = path.extension().unwrap_or_default();
        if hidden {
            continue;
        }
        if path.is_dir() {
            walk(&path, &below, depth + 1, found, problems);
        } else if extension == "yml" || extension == "yaml" {
            if found.len() == FILES_MAX {
                problems.push(Problem {
                    file: path,
                    line: 0,
                    reason: format!("more than {FILES_MAX} rule files are not loaded"),
                });
                return;
            }
            found.insert(below, path);
        }
    }
}

fn read(file: &Path) -> Result<String, Problem> {
    let problem = |reason: String| Problem {
        file: file.to_owned(),
        line: 0,
        reason,
    };
    let cannot = |error: std::io::Error| problem(format!("cannot read it: {error}"));
    let opened = fs::File::open(file).map_err(cannot)?;
    if !opened.metadata().map_err(cannot)?.is_file() {
        return Err(problem("it is not a file".to_owned()));
    }
    let mut text = String::new();
    // One byte more than is allowed, so that a larger file is known to be one.
    let limit = FILE_BYTES_MAX as u64 + 1;
    opened
        .take(limit)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    Ok(text)
}
