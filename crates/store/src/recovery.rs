//! Puts the data folder in order after whatever ended the last run.

use std::path::{Path, PathBuf};

use crate::journal::{JournalReader, TEMPORARY_EXTENSION};
use crate::layout::{JournalFile, Layout, PartitionFile, entries};
use crate::partition::{self, TEMPORARY_SUFFIX};
use crate::seal::{seal, seqs};
use crate::{Problem, StoreError, Table, io};

/// The highest sequence numbers of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LastSeqs {
    /// That was given out.
    pub last_used: u64,
    /// Whose row is in a file.
    pub last_stored: u64,
}

/// Checks every file of a table.
///
/// Journals that are whole stay where they are and are sealed later; damaged ones are
/// sealed as far as they can be read and set aside now.
pub(crate) fn recover(
    layout: &Layout,
    table: Table,
    host: &str,
    problems: &mut Vec<Problem>,
) -> Result<LastSeqs, StoreError> {
    let mut last_used = 0;
    let mut last_stored = 0;
    for partition in layout.list_partitions(table)? {
        // The name counts even when the file is of no use: its numbers were given out.
        last_used = last_used.max(partition.seqs.last);
        last_stored = last_stored.max(partition.seqs.last);
        match partition::check(&partition.path, table) {
            Ok(()) => {}
            Err(error) if error.is_unusable() => {
                problems.push(set_aside(layout, &partition.path, &error.to_string())?);
            }
            Err(error) => return Err(error),
        }
    }
    remove_leftovers(layout, table)?;
    for journal in layout.list_journals(table)? {
        let found = recover_journal(layout, table, &journal, host, problems)?;
        last_used = last_used.max(journal.first_seq).max(found);
        last_stored = last_stored.max(found);
    }
    Ok(LastSeqs {
        last_used,
        last_stored,
    })
}

fn recover_journal(
    layout: &Layout,
    table: Table,
    journal: &JournalFile,
    host: &str,
    problems: &mut Vec<Problem>,
) -> Result<u64, StoreError> {
    let scanned = JournalReader::open(&journal.path, table)
        .and_then(|mut reader| Ok((reader.last_batch()?, reader.damage().is_some())));
    let (last_batch, damaged) = match scanned {
        Ok(found) => found,
        Err(error) if error.is_unusable() => {
            problems.push(set_aside(layout, &journal.path, &error.to_string())?);
            return Ok(0);
        }
        Err(error) => return Err(error),
    };
    if damaged {
        // When sealing fails now, on a full disk for example, it is tried again later.
        match seal(layout, table, journal, host) {
            Ok(problem) => problems.extend(problem),
            Err(error) => problems.push(Problem {
                path: journal.path.clone(),
                sentence: error.to_string(),
            }),
        }
    }
    let last_seq = last_batch.and_then(|batch| seqs(&batch).last().copied());
    Ok(last_seq.unwrap_or_default())
}

/// Removes journals and partitions that never got their name, and partitions whose rows
/// are all in a larger one because a crash came between the two steps of a compaction.
fn remove_leftovers(layout: &Layout, table: Table) -> Result<(), StoreError> {
    for (_, path) in entries(&layout.journals())? {
        if path.extension().is_some_and(|e| e == TEMPORARY_EXTENSION) {
            io::remove(&path)?;
        }
    }
    for (_, folder) in entries(&layout.table(table))? {
        if !folder.is_dir() {
            continue;
        }
        for (name, path) in entries(&folder)? {
            if name.starts_with('.') && name.ends_with(TEMPORARY_SUFFIX) {
                io::remove(&path)?;
            }
        }
    }
    for partition in superseded(&layout.list_partitions(table)?) {
        io::remove(&partition.path)?;
    }
    Ok(())
}

/// The partitions whose rows are all in another one of the same day.
pub(crate) fn superseded(partitions: &[PartitionFile]) -> Vec<&PartitionFile> {
    let is_superseded = |p: &&PartitionFile| {
        partitions
            .iter()
            .any(|other| other.day == p.day && other.seqs != p.seqs && other.seqs.covers(p.seqs))
    };
    partitions.iter().filter(is_superseded).collect()
}

/// Moves a file to the quarantine, where nothing reads it, and says so.
pub(crate) fn set_aside(layout: &Layout, path: &Path, what: &str) -> Result<Problem, StoreError> {
    let target = quarantine_path(layout, path)?;
    io::rename(path, &target)?;
    Ok(Problem {
        path: path.to_owned(),
        sentence: format!("{what}; the file was set aside as {}", target.display()),
    })
}

/// A free path in the quarantine that keeps the file's place in its name.
fn quarantine_path(layout: &Layout, path: &Path) -> Result<PathBuf, StoreError> {
    let folder = layout.quarantine();
    io::create_folder(&folder)?;
    let inner = path.strip_prefix(layout.root()).unwrap_or(path);
    let name = inner.to_string_lossy().replace('/', "_");
    let mut target = folder.join(&name);
    let mut copy = 1;
    while target.exists() {
        copy += 1;
        target = folder.join(format!("{name}.{copy}"));
    }
    Ok(target)
}
