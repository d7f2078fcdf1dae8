//! What an event changes about a named file, whichever operation does it: so that a rule
//! about a file need not know how many ways there are to change one.

use std::borrow::Cow;

use sentinel_event::{Access, Detail, Event, FileAction, FileIdentity, Kind};

use crate::{KindSet, paths};

/// `O_TRUNC` and `O_APPEND` of the open flags.
const CUTTING: u32 = 0o1000;
const APPENDING: u32 = 0o2000;

/// What is done to a name or to the file behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// The file is made by an open.
    Create,
    /// It is opened for writing.
    Write,
    /// It is opened for writing at its end only.
    Append,
    /// Its content is cut off.
    Cut,
    /// The name is removed.
    Remove,
    /// The name is given up for another.
    MoveAway,
    /// Another file gets the name.
    Replace,
    /// The name is made as a further one of a file.
    Link,
    /// The name is made as a symbolic link.
    Symlink,
    /// The permission bits are changed.
    Mode,
    /// The owner or group is changed.
    Owner,
    /// An extended attribute is set or removed.
    Attribute,
    /// Something is mounted over it.
    Mount,
    /// What was mounted there is taken away.
    Unmount,
}

/// One change of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    /// What is done.
    pub deed: Deed,
    /// The name, absolute and plain.
    pub path: Cow<'a, str>,
    /// The other name: where to or from (rename), what it leads to (link, symlink), the
    /// source (mount), the attribute; empty for other deeds.
    pub other: &'a str,
    /// The file, as far as known.
    pub file: &'a FileIdentity,
}

impl Deed {
    /// The deed as it stands between actor and file in a sentence.
    pub fn verb(self) -> &'static str {
        match self {
            Deed::Create => "created",
            Deed::Write => "opened to write into",
            Deed::Append => "opened to append to",
            Deed::Cut => "emptied",
            Deed::Remove => "removed",
            Deed::MoveAway => "moved away",
            Deed::Replace => "replaced",
            Deed::Link => "linked another file as",
            Deed::Symlink => "made a symbolic link of",
            Deed::Mode => "changed the permissions of",
            Deed::Owner => "changed the owner of",
            Deed::Attribute => "changed an attribute of",
            Deed::Mount => "mounted something over",
            Deed::Unmount => "unmounted",
        }
    }

    /// Whether what stood there is no longer there, or no longer the same.
    pub fn destroys(self) -> bool {
        matches!(
            self,
            Deed::Cut
                | Deed::Remove
                | Deed::MoveAway
                | Deed::Replace
                | Deed::Link
                | Deed::Symlink
                | Deed::Mount
        )
    }
}

/// The changes that the event makes; none when it failed or changes no file.
pub fn of(event: &Event) -> impl Iterator<Item = Change<'_>> {
    let pair = match &event.detail {
        _ if event.result < 0 => [None, None],
        Detail::Open(file) => {
            let deed = match file.access {
                Access::Read => None,
                Access::Create => Some(Deed::Create),
                _ if file.open_flags & CUTTING != 0 => Some(Deed::Cut),
                _ if file.open_flags & APPENDING != 0 => Some(Deed::Append),
                _ => Some(Deed::Write),
            };
            let change = deed.map(|deed| Change {
                deed,
                path: Cow::Borrowed(&*file.path),
                other: "",
                file: &file.file,
            });
            [change, None]
        }
        Detail::File(action) => named(action, &event.process.cwd),
        _ => [None, None],
    };
    pair.into_iter().flatten()
}

fn named<'a>(action: &'a FileAction, cwd: &str) -> [Option<Change<'a>>; 2] {
    let change = |deed, path: &'a str, other: &'a str| {
        Some(Change {
            deed,
            path: paths::plain(path, cwd),
            other,
            file: &action.file,
        })
    };
    let (path, to) = (&*action.path, &*action.to);
    let deed = match action.kind {
        Kind::Unlink => Deed::Remove,
        Kind::Link => Deed::Link,
        Kind::Symlink => Deed::Symlink,
        Kind::Truncate => Deed::Cut,
        Kind::Chmod => Deed::Mode,
        Kind::Chown => Deed::Owner,
        Kind::Setxattr => Deed::Attribute,
        Kind::Mount => Deed::Mount,
        Kind::Umount => Deed::Unmount,
        Kind::Rename => {
            let begin = match &*action.operation {
                "exchange" => Deed::Replace,
                _ => Deed::MoveAway,
            };
            return [change(begin, path, to), change(Deed::Replace, to, path)];
        }
        _ => return [None, None],
    };
    [change(deed, path, to), None]
}

/// The kinds of event that change files.
pub const KINDS: KindSet =
    KindSet::of(&[Kind::Open, Kind::Mount, Kind::Umount]).union(KindSet::of(&Kind::FILE_CHANGES));
