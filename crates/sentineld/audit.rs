//! The audit: who asked for which change, when, and what came of it. JSON lines in the
//! data folder, forced to the disk before and after each change, two files of bounded
//! size. Only changes that were let through are here: whoever is refused must not be
//! able to push the others out.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::clock;

/// A file that has grown to this size is put aside, in the place of the one before it.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// What a detail or a reason may take; the rest is cut off.
const TEXT_CHARS_MAX: usize = 1000;

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It has not ended; or the daemon died in between.
    Begun,
    /// It holds.
    Done,
    /// It was not made.
    Failed,
}

impl Outcome {
    /// The name in the file and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Begun => "begun",
            Outcome::Done => "done",
            Outcome::Failed => "failed",
        }
    }
}

/// The user id of callers of other hosts, which is nobody's: the kernel's own way to say
/// that there is none.
pub const NO_USER: u32 = u32::MAX;

/// Who asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Effective user id; [`NO_USER`] where a certificate was shown.
    pub uid: u32,
    /// The name of that user, when known.
    pub user: Option<String>,
    /// Effective group id; [`NO_USER`] where a certificate was shown.
    pub gid: u32,
    /// Process id; 0 where a certificate was shown.
    pub pid: u32,
    /// Absolute path of the executable; empty when it could not be told.
    pub exe: String,
    /// The names in the certificate of a caller of another host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Address and port that such a caller called from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Display for Who {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (&self.certificate, &self.address) {
            (Some(names), Some(address)) => write!(f, "{names} from {address}"),
            (Some(names), None) => f.write_str(names),
            (None, _) => write!(f, "uid {}, pid {}", self.uid, self.pid),
        }
    }
}

/// One change. It is written when it begins and again when it ends, with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Position in the audit.
    pub seq: u64,
    /// Unix time in nanoseconds of this outcome.
    pub time_ns: i64,
    /// What kind of change.
    pub action: String,
    /// What was asked for.
    pub detail: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who asked.
    #[serde(flatten)]
    pub who: Who,
}

/// The audit of one data folder.
pub struct Audit {
    path: PathBuf,
    tail: Mutex<Tail>,
}

/// Where the next line goes.
struct Tail {
    file: File,
    bytes: u64,
    last_seq: u64,
}

impl Audit {
    /// Opens `audit.jsonl` in `data_dir`, and ends the line that a crash may have cut off.
    pub fn open(data_dir: &Path) -> Result<Audit> {
        let path = data_dir.join("audit.jsonl");
        let last_seq = entries(&path).keys().next_back().copied().unwrap_or(0);
        let tail = open_tail(&path, last_seq)
            .with_context(|| format!("cannot open the audit {}", path.display()))?;
        Ok(Audit {
            path,
            tail: Mutex::new(tail),
        })
    }

    /// Records that a change begins; on the disk when this returns.
    pub fn begin(&self, who: Who, action: &str, detail: &str) -> Result<Entry> {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry {
            seq: tail.last_seq + 1,
            time_ns: clock::unix_ns(),
            action: action.to_owned(),
            detail: shortened(detail),
            outcome: Outcome::Begun,
            reason: String::new(),
            who,
        };
        self.write(&mut tail, &entry)?;
        tail.last_seq = entry.seq;
        Ok(entry)
    }

    /// Records how it ended.
    pub fn end(&self, entry: Entry, failure: Option<&str>) -> Result<()> {
        let entry = Entry {
            time_ns: clock::unix_ns(),
            outcome: match failure {
                None => Outcome::Done,
                Some(_) => Outcome::Failed,
            },
            reason: shortened(failure.unwrap_or_default()),
            ..entry
        };
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&mut tail, &entry)
    }

    /// The latest `limit` changes within `times_ns`, oldest first, and whether there are
    /// earlier ones in it.
    pub fn latest(&self, limit: usize, times_ns: Range<i64>) -> (Vec<Entry>, bool) {
        // No lock: lines are appended whole, and half a line is left out.
        let mut found: Vec<Entry> = entries(&self.path).into_values().collect();
        found.retain(|entry| times_ns.contains(&entry.time_ns));
        let surplus = found.len().saturating_sub(limit);
        found.drain(..surplus);
        (found, surplus > 0)
    }

    fn write(&self, tail: &mut Tail, entry: &Entry) -> Result<()> {
        let mut line = serde_json::to_vec(entry).context("cannot write an audit entry as JSON")?;
        line.push(b'\n');
        if tail.bytes + line.len() as u64 > FILE_BYTES_MAX && tail.bytes > 0 {
            *tail = rotate(&self.path, tail.last_seq)
                .with_context(|| format!("cannot put {} aside", self.path.display()))?;
        }
        let written = tail
            .file
            .write_all(&line)
            .and_then(|()| tail.file.sync_data());
        if written.is_err() {
            // A piece of a line would spoil the next one.
            let _ = tail.file.set_len(tail.bytes);
        } else {
            tail.bytes += line.len() as u64;
        }
        written.with_context(|| format!("cannot write the audit {}", self.path.display()))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

fn put_aside(path: &Path) -> PathBuf {
    path.with_extension("1.jsonl")
}

fn rotate(path: &Path, last_seq: u64) -> std::io::Result<Tail> {
    fs::rename(path, put_aside(path))?;
    let tail = open_tail(path, last_seq)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()?;
    Ok(tail)
}

fn open_tail(path: &Path, last_seq: u64) -> std::io::Result<Tail> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .open(path)?;
    let mut bytes = file.metadata()?.len();
    if bytes > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
            bytes += 1;
        }
    }
    Ok(Tail {
        file,
        bytes,
        last_seq,
    })
}

/// Both files, by number; of two lines with one number the later counts. What is not an
/// entry is left out.
fn entries(path: &Path) -> BTreeMap<u64, Entry> {
    let mut found = BTreeMap::new();
    for path in [put_aside(path), path.to_owned()] {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                if error.kind() != ErrorKind::NotFound {
                    tracing::warn!("cannot read the audit {}: {error}", path.display());
                }
                continue;
            }
        };
        for line in bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
                found.insert(entry.seq, entry);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

    fn change(audit: &Audit, detail: &str, failure: Option<&str>) {
        let entry = audit.begin(Who::default(), "mode", detail).expect("begins");
        audit.end(entry, failure).expect("ends");
    }

    #[test]
    fn changes_survive_a_restart_with_their_outcome() {
        let dir = tempfile::tempdir().expect("a folder");
        let audit = Audit::open(dir.path()).expect("opens");
        change(&audit, "detect", None);
        change(&audit, "learn", Some("the disk is full"));
        audit.begin(Who::default(), "reload", "").expect("begins");
        drop(audit);
        let audit = Audit::open(dir.path()).expect("opens again");
        change(&audit, "detect", None);
        let (found, more) = audit.latest(10, ALWAYS);
        let seen: Vec<(u64, Outcome)> = found.iter().map(|e| (e.seq, e.outcome)).collect();
        let expected = [
            Outcome::Done,
            Outcome::Failed,
            Outcome::Begun,
            Outcome::Done,
        ];
        assert_eq!(seen, (1..=4).zip(expected).collect::<Vec<_>>());
        assert_eq!(found[1].reason, "the disk is full");
        assert!(!more);
        let (found, more) = audit.latest(1, ALWAYS);
        assert_eq!((found.len(), found[0].seq, more), (1, 4, true));
        let last_ns = found[0].time_ns;
        let (found, more) = audit.latest(1, i64::MIN..last_ns);
        assert_eq!((found[0].seq, more), (3, true));
        assert_eq!(audit.latest(9, last_ns + 1..i64::MAX), (Vec::new(), false));
    }

    #[test]
    fn a_line_that_a_crash_cut_off_spoils_no_other() {
        let dir = tempfile::tempdir().expect("a folder");
        change(&Audit::open(dir.path()).expect("opens"), "detect", None);
        let path = dir.path().join("audit.jsonl");
        let whole = fs::read(&path).expect("reads");
        fs::write(&path, &whole[..whole.len() - 9]).expect("cuts");
        let audit = Audit::open(dir.path()).expect("opens again");
        change(&audit, "learn", None);
        let outcomes: Vec<Outcome> = audit
            .latest(9, ALWAYS)
            .0
            .iter()
            .map(|e| e.outcome)
            .collect();
        assert_eq!(outcomes, [Outcome::Begun, Outcome::Done]);
    }

    #[test]
    fn it_takes_no_more_than_two_files() {
        let dir = tempfile::tempdir().expect("a folder");
        let audit = Audit::open(dir.path()).expect("opens");
        // As if it had been written to for years.
        let full = vec![b'\n'; FILE_BYTES_MAX as usize - 10];
        fs::write(dir.path().join("audit.jsonl"), &full).expect("fills");
        let audit_path = audit.path.clone();
        drop(audit);
        for round in 0..3 {
            let audit = Audit::open(dir.path()).expect("opens");
            change(&audit, &"x".repeat(5000), None);
            let newest = audit.latest(1, ALWAYS).0.pop().expect("is there");
            assert_eq!(
                (newest.seq, newest.detail.len()),
                (round + 1, TEXT_CHARS_MAX)
            );
            assert!(fs::metadata(&audit_path).expect("is there").len() < FILE_BYTES_MAX);
        }
        let files = fs::read_dir(dir.path()).expect("reads").count();
        assert_eq!(files, 2);
    }
}
