//! rpm: a table of headers in SQLite, where each header is a list of tagged values
//! (rpm's documentation, "RPM V4 package format", header structure). The older Berkeley
//! and NDB databases are not read.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::Reading;

/// What changes with every change of the database.
pub const FILES: &[&str] = &[
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite-wal",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
];

const FOLDERS: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];

/// rpm refuses headers beyond this (rpmio/header.c: HEADER_DATA_MAX).
const HEADER_BYTES_MAX: usize = 256 << 20;

/// Reads all headers; none where there is no rpm.
pub fn read(root: &str, reading: &mut Reading) -> Result<(), String> {
    let Some(folder) = FOLDERS
        .iter()
        .map(|folder| format!("{root}{folder}"))
        .find(|folder| Path::new(&format!("{folder}/rpmdb.sqlite")).exists())
    else {
        let other = FOLDERS
            .iter()
            .find_map(|folder| other_database(root, folder));
        return other.map_or(Ok(()), |name| Err(format!("{name} is of another format")));
    };
    let path = format!("{folder}/rpmdb.sqlite");
    let connection = open(&path).map_err(|error| format!("{path}: {error}"))?;
    let mut statement = connection
        .prepare("select blob from Packages order by hnum")
        .map_err(|error| format!("{path}: {error}"))?;
    let mut rows = statement
        .query([])
        .map_err(|error| format!("{path}: {error}"))?;
    loop {
        let row = rows.next().map_err(|error| format!("{path}: {error}"))?;
        let Some(row) = row else {
            return Ok(());
        };
        if let Ok(blob) = row.get_ref(0)
            && let Ok(blob) = blob.as_blob()
            && Header::parse(blob)
                .and_then(|header| add(&header, reading))
                .is_none()
        {
            tracing::debug!("{path} has a header that makes no sense");
        }
    }
}

/// Read only. While rpm works there is a write-ahead log, which SQLite reads only where
/// it may write beside it; then the state before that work is read, and again after it.
fn open(path: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let name: String = path
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02x}"),
        })
        .collect();
    Connection::open_with_flags(format!("file:{name}?mode=ro&immutable=1"), flags)
}

fn other_database(root: &str, folder: &str) -> Option<String> {
    ["Packages", "Packages.db"]
        .iter()
        .map(|name| format!("{root}{folder}/{name}"))
        .find(|path| fs::metadata(path).is_ok())
}

/// A header: an index of tags and the store that they point into.
struct Header<'a> {
    index: &'a [u8],
    store: &'a [u8],
}

/// rpmtag.h
const TAG_NAME: u32 = 1000;
const TAG_DIR_INDEXES: u32 = 1116;
const TAG_BASE_NAMES: u32 = 1117;
const TAG_DIR_NAMES: u32 = 1118;
const TAG_OLD_FILE_NAMES: u32 = 1027;
/// rpmtag.h: rpmTagType.
const TYPE_INT32: u32 = 4;
const ENTRY_BYTES: usize = 16;

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

impl<'a> Header<'a> {
    fn parse(blob: &'a [u8]) -> Option<Header<'a>> {
        let (entries, bytes) = (number(blob, 0)? as usize, number(blob, 4)? as usize);
        if blob.len() > HEADER_BYTES_MAX {
            return None;
        }
        let (index, store) = blob[8..].split_at_checked(entries.checked_mul(ENTRY_BYTES)?)?;
        Some(Header {
            index,
            store: store.get(..bytes)?,
        })
    }

    /// Type, count and values of a tag.
    fn tag(&self, wanted: u32) -> Option<(u32, usize, &'a [u8])> {
        let entry = self
            .index
            .chunks_exact(ENTRY_BYTES)
            .find(|entry| number(entry, 0) == Some(wanted))?;
        let count = number(entry, 12)? as usize;
        let values = self.store.get(number(entry, 8)? as usize..)?;
        Some((number(entry, 4)?, count, values))
    }

    /// The texts of a tag, each ended by a NUL.
    fn texts(&self, wanted: u32) -> Option<impl Iterator<Item = &'a [u8]>> {
        let (_, count, values) = self.tag(wanted)?;
        Some(values.split(|&byte| byte == 0).take(count))
    }

    fn numbers(&self, wanted: u32) -> Option<impl Iterator<Item = u32> + 'a> {
        let (kind, count, values) = self.tag(wanted)?;
        let values = values.chunks_exact(4).take(count);
        (kind == TYPE_INT32).then(|| values.filter_map(|value| number(value, 0)))
    }
}

/// Adds a package and its files; `None` for a header without a name.
fn add(header: &Header<'_>, reading: &mut Reading) -> Option<()> {
    let name = header.texts(TAG_NAME)?.next()?;
    reading.package(std::str::from_utf8(name).ok()?);
    if let Some(paths) = header.texts(TAG_OLD_FILE_NAMES) {
        for path in paths {
            reading.file(&String::from_utf8_lossy(path));
        }
    }
    let (Some(names), Some(folders)) = (header.texts(TAG_BASE_NAMES), header.texts(TAG_DIR_NAMES))
    else {
        // A package without files, of which there are many.
        return Some(());
    };
    let folders: Vec<&[u8]> = folders.collect();
    for (name, folder) in names.zip(header.numbers(TAG_DIR_INDEXES)?) {
        if let Some(folder) = folders.get(folder as usize) {
            reading.file(&String::from_utf8_lossy(&[folder, name].concat()));
        }
    }
    Some(())
}
