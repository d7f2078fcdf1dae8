//! Where each file lies and what its name says.
//!
//! `journal/TABLE-FIRST.arrow` grows; `TABLE/date=YYYY-MM-DD/FIRST-LAST.parquet` never
//! changes. FIRST and LAST are the sequence numbers of the journal that a partition
//! was made from, so a name alone tells what was sealed and what is still to do.

use std::path::{Path, PathBuf};

use jiff::civil;

use crate::{StoreError, Table};

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// A day in UTC, as the number of days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Day(pub i64);

impl Day {
    /// The day of a time in nanoseconds since the Unix epoch.
    pub fn of(time_ns: i64) -> Day {
        Day(time_ns.div_euclid(NANOS_PER_DAY))
    }

    fn parse(text: &str) -> Option<Day> {
        let date: civil::Date = text.parse().ok()?;
        let days = (date - EPOCH).get_days();
        Some(Day(days.into()))
    }
}

const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Days come from 64-bit nanoseconds, so they lie within the years 1677 to 2262.
        let span = jiff::Span::new().try_days(self.0).unwrap_or_default();
        write!(f, "{}", EPOCH.saturating_add(span))
    }
}

/// An unbroken run of sequence numbers, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SeqRange {
    pub first: u64,
    pub last: u64,
}

impl SeqRange {
    /// Whether every number of `other` is in this range.
    pub fn covers(self, other: SeqRange) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Whether `seq` is in this range.
    pub fn contains(self, seq: u64) -> bool {
        (self.first..=self.last).contains(&seq)
    }
}

/// A partition as its path describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartitionFile {
    pub day: Day,
    pub seqs: SeqRange,
    pub path: PathBuf,
    pub size_bytes: u64,
}

/// A journal as its path describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JournalFile {
    pub first_seq: u64,
    pub path: PathBuf,
    pub size_bytes: u64,
}

/// The data folder.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn new(root: &Path) -> Layout {
        Layout {
            root: root.to_owned(),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub fn journals(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    pub fn table(&self, table: Table) -> PathBuf {
        self.root.join(table.name())
    }

    pub fn journal(&self, table: Table, first_seq: u64) -> PathBuf {
        self.journals()
            .join(format!("{}-{first_seq:020}.arrow", table.name()))
    }

    pub fn day(&self, table: Table, day: Day) -> PathBuf {
        self.table(table).join(format!("date={day}"))
    }

    pub fn partition(&self, table: Table, day: Day, seqs: SeqRange) -> PathBuf {
        let name = format!("{:020}-{:020}.parquet", seqs.first, seqs.last);
        self.day(table, day).join(name)
    }

    /// The journals of a table, oldest first.
    pub fn list_journals(&self, table: Table) -> Result<Vec<JournalFile>, StoreError> {
        let mut journals = Vec::new();
        for (name, path) in entries(&self.journals())? {
            let Some(first_seq) = parse_journal_name(table, &name) else {
                continue;
            };
            let Some(size_bytes) = size(&path) else {
                continue;
            };
            journals.push(JournalFile {
                first_seq,
                path,
                size_bytes,
            });
        }
        journals.sort();
        Ok(journals)
    }

    /// The partitions of a table by day and number.
    pub fn list_partitions(&self, table: Table) -> Result<Vec<PartitionFile>, StoreError> {
        let mut partitions = Vec::new();
        for (folder, path) in entries(&self.table(table))? {
            let Some(day) = folder.strip_prefix("date=").and_then(Day::parse) else {
                continue;
            };
            for (name, path) in entries(&path)? {
                let Some(seqs) = parse_partition_name(&name) else {
                    continue;
                };
                let Some(size_bytes) = size(&path) else {
                    continue;
                };
                partitions.push(PartitionFile {
                    day,
                    seqs,
                    path,
                    size_bytes,
                });
            }
        }
        partitions.sort();
        Ok(partitions)
    }
}

/// Names and paths in a folder; nothing when the folder does not exist.
pub(crate) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let list = match std::fs::read_dir(folder) {
        Ok(list) => list,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(StoreError::io("list", folder, e)),
    };
    let mut entries = Vec::new();
    for entry in list {
        let entry = entry.map_err(|e| StoreError::io("list", folder, e))?;
        // Names that are not text are not ours.
        if let Ok(name) = entry.file_name().into_string() {
            entries.push((name, entry.path()));
        }
    }
    Ok(entries)
}

/// The size of a file; `None` when it vanished since it was listed.
fn size(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|m| m.len())
}

fn parse_journal_name(table: Table, name: &str) -> Option<u64> {
    let rest = name.strip_prefix(table.name())?.strip_prefix('-')?;
    rest.strip_suffix(".arrow")?.parse().ok()
}

fn parse_partition_name(name: &str) -> Option<SeqRange> {
    let (first, last) = name.strip_suffix(".parquet")?.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(SeqRange { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_by_the_calendar() {
        let cases = [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (1_767_225_599_999_999_999, "2025-12-31"),
            (1_767_225_600_000_000_000, "2026-01-01"),
            (i64::MAX, "2262-04-11"),
            (i64::MIN, "1677-09-21"),
        ];
        for (time_ns, name) in cases {
            assert_eq!(Day::of(time_ns).to_string(), name);
            assert_eq!(Day::parse(name), Some(Day::of(time_ns)));
        }
    }

    #[test]
    fn names_survive() {
        let layout = Layout::new(Path::new("/d"));
        let seqs = SeqRange {
            first: 7,
            last: u64::MAX,
        };
        let path = layout.partition(Table::Events, Day(0), seqs);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(parse_partition_name(name), Some(seqs));
        let path = layout.journal(Table::Alerts, 9);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(parse_journal_name(Table::Alerts, name), Some(9));
        assert_eq!(parse_journal_name(Table::Events, name), None);
    }

    #[test]
    fn foreign_names_are_left_alone() {
        for name in [
            "x.parquet",
            "2-1.parquet",
            ".1-2.parquet.tmp",
            "1-2.parquet.bak",
        ] {
            assert_eq!(parse_partition_name(name), None, "{name}");
        }
    }
}
