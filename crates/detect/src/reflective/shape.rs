//! What kind of executable memory it is: a pure function of one mapping.

use sentinel_event::{Backing, Kind, Memory, Process, Prot, Severity};

use crate::facts::same_inode;
use crate::{paths, words};

/// `MAP_SHARED` and `MAP_SHARED_VALIDATE` have the lowest bit set, `MAP_PRIVATE` not.
const MAP_SHARED: u32 = 1;

/// A kind of executable memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Mapped privately from a file without a name, as a loader maps a library.
    Library(Severity),
    /// A file without a name mapped shared, so that it can be written through another
    /// mapping; or such a mapping made executable later.
    DualMapping,
    /// No file.
    Anonymous,
    /// Pages of a named file that were, or are, writable.
    PatchedFile,
}

/// The shape of `memory`; none for what every program has: its own segments and
/// libraries from named files.
pub fn of(process: &Process, kind: Kind, memory: &Memory) -> Option<Shape> {
    if memory.prot.0 & Prot::EXEC == 0 {
        return None;
    }
    let own = same_inode(&process.file, &memory.file) || memory.path == process.exe;
    let shared = memory.map_flags & MAP_SHARED != 0;
    // mprotect events do not say how the memory was mapped; a library's code is
    // mapped executable from the start.
    let as_library = !shared && kind == Kind::Mmap;
    match memory.backing {
        Backing::Anonymous => Some(Shape::Anonymous),
        // The kernel backs shared anonymous memory by a file of its own.
        Backing::Unlinked if is_shared_anonymous(&memory.path) => Some(Shape::Anonymous),
        Backing::Memfd | Backing::Unlinked if own => None,
        Backing::Memfd if as_library => Some(Shape::Library(Severity::High)),
        Backing::Unlinked if as_library => {
            // Between a library's opening and its mapping an upgrade may delete it.
            let severity = match paths::is_nameless(&memory.path) {
                true => Severity::High,
                false => Severity::Medium,
            };
            Some(Shape::Library(severity))
        }
        Backing::Memfd | Backing::Unlinked => Some(Shape::DualMapping),
        Backing::Tmpfs if !own && as_library && paths::within(&memory.path, "/dev/shm") => {
            Some(Shape::Library(Severity::Medium))
        }
        Backing::File | Backing::Tmpfs => was_written(memory).then_some(Shape::PatchedFile),
    }
}

fn is_shared_anonymous(path: &str) -> bool {
    matches!(path, "/dev/zero" | "/dev/zero (deleted)")
}

fn was_written(memory: &Memory) -> bool {
    let old = memory.old_prot.unwrap_or_default();
    (old.0 | memory.prot.0) & Prot::WRITE != 0
}

impl Shape {
    /// The branch of the rule.
    pub fn variant(self) -> &'static str {
        match self {
            Shape::Library(_) => "library",
            Shape::DualMapping => "dual_mapping",
            Shape::Anonymous => "anonymous",
            Shape::PatchedFile => "patched_file",
        }
    }

    /// What the memory is, for a sentence.
    pub fn noun(self, memory: &Memory) -> String {
        match self {
            Shape::Anonymous => "anonymous memory".to_owned(),
            Shape::PatchedFile => format!("written code of {}", words::shown(&memory.path)),
            Shape::DualMapping | Shape::Library(_) => {
                format!("a file without a name ({})", words::shown(&memory.path))
            }
        }
    }

    /// What the shape itself says against the process. Anonymous memory says nothing:
    /// every just-in-time compiler has it.
    pub fn against(self, memory: &Memory) -> Option<String> {
        match self {
            Shape::Anonymous | Shape::Library(_) => None,
            Shape::DualMapping => Some(format!(
                "{} has no name and can be written through another mapping, which is not seen",
                words::shown(&memory.path)
            )),
            Shape::PatchedFile => Some("the code of a mapped file was changed".to_owned()),
        }
    }
}
