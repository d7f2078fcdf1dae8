//! What a process did before an exec: the anonymous files that it holds and the
//! image that it was. Bounded; what is forgotten is counted.

use std::sync::Arc;

use sentinel_event::{Backing, Event, Evidence, Exec, FileAccess, FileIdentity, Process};

use crate::bounded::Bounded;
use crate::facts::Image;
use crate::{paths, words};

/// Anonymous files remembered per process, the youngest ones.
const FILES_MAX: usize = 32;

/// How many ancestors can have handed down a descriptor.
const HERITAGE_MAX: usize = 8;

pub struct History {
    files: Bounded<ProcessKey, Vec<AnonymousFile>>,
    images: Bounded<ProcessKey, Image>,
}

/// Pid and start: exec replaces the image, the process and its descriptors stay.
type ProcessKey = (u32, i64);

fn key(process: &Process) -> ProcessKey {
    (process.pid, process.start_ns)
}

/// A file without a name that a process made or opened.
#[derive(Debug, Clone)]
pub struct AnonymousFile {
    pub path: Arc<str>,
    pub backing: Backing,
    pub file: FileIdentity,
    fd: i32,
    seq: u64,
    time_ns: i64,
}

impl History {
    pub fn new(limit: usize) -> History {
        History {
            files: Bounded::new(limit),
            images: Bounded::new(limit),
        }
    }

    /// Remembers a descriptor of a file that has no name; of other files only that
    /// their number no longer means an anonymous one.
    pub fn note_file(&mut self, event: &Event, file: &FileAccess) {
        if event.result < 0 {
            return;
        }
        let owner = key(&event.process);
        // A number that is handed out again now means the new file; an open that is told late,
        // as its ring was full, was before.
        let is_kept = |known: &AnonymousFile| known.fd != file.fd || known.time_ns > event.time_ns;
        if let Some(files) = self.files.peek_mut(&owner) {
            files.retain(is_kept);
        }
        if !matches!(file.backing, Backing::Memfd | Backing::Unlinked) {
            return;
        }
        let files = self.files.entry(owner, Vec::new);
        if files.len() == FILES_MAX {
            files.remove(0);
        }
        files.push(AnonymousFile {
            path: file.path.clone(),
            backing: file.backing,
            file: file.file,
            fd: file.fd,
            seq: event.seq,
            time_ns: event.time_ns,
        });
        files.sort_by_key(|file| file.time_ns);
    }

    pub fn note_image(&mut self, process: &Process) {
        self.images.insert(key(process), Image::of(process));
    }

    /// The image that the exec replaced. A child that has not run a program yet is
    /// still a copy of its parent's image.
    pub fn previous_image<'a>(&'a self, process: &'a Process, exec: &Exec) -> Option<Image> {
        if let Some(image) = self.images.peek(&key(process)) {
            return Some(image.clone());
        }
        let parent = process.parent.as_ref()?;
        (parent.exe == exec.previous_exe).then(|| Image::of(parent))
    }

    /// What is known about descriptor `fd` of `process`: the youngest anonymous file
    /// that it or a near ancestor got under this number.
    pub fn descriptor(&self, process: &Process, fd: u32) -> Option<&AnonymousFile> {
        let fd = i32::try_from(fd).ok()?;
        self.lineage(process)
            .find_map(|files| files.iter().rev().find(|file| file.fd == fd))
    }

    /// The creation of the file with this identity by `process` or a near ancestor.
    pub fn by_inode(&self, process: &Process, file: &FileIdentity) -> Option<&AnonymousFile> {
        self.lineage(process).find_map(|files| {
            let same = |known: &&AnonymousFile| crate::facts::same_inode(&known.file, file);
            files.iter().rev().find(same)
        })
    }

    fn lineage<'h, 'p>(
        &'h self,
        process: &'p Process,
    ) -> impl Iterator<Item = &'h Vec<AnonymousFile>> + use<'h, 'p> {
        std::iter::once(key(process))
            .chain(process.ancestors().take(HERITAGE_MAX).map(|p| key(p)))
            .filter_map(|key| self.files.peek(&key))
    }

    pub fn evicted_total(&self) -> u64 {
        self.files.evicted_total() + self.images.evicted_total()
    }
}

impl AnonymousFile {
    /// The event that made it, as evidence for what happened at `time_ns`.
    pub fn evidence(&self, time_ns: i64) -> Evidence {
        let deed = match self.backing {
            Backing::Memfd => "memfd_create",
            _ if paths::is_nameless(&self.path) => "open with O_TMPFILE",
            _ => "open of an unlinked file",
        };
        let before = words::span(time_ns - self.time_ns);
        Evidence {
            seq: self.seq,
            time_ns: self.time_ns,
            text: format!("{deed} {} {before} before", words::shown(&self.path)).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sentinel_event::{Access, Detail};

    use super::*;
    use crate::testing;

    /// One process gets descriptor 3 for a memfd at the time 20, and for a file on a disk at
    /// the time that is given, of which is told later.
    fn kept(other_ns: i64) -> bool {
        let process = Arc::new(testing::process("/bin/x", 10));
        let mut history = History::new(16);
        for (backing, time_ns) in [(Backing::Memfd, 20), (Backing::File, other_ns)] {
            let file = FileAccess {
                path: "memfd:x".into(),
                file: FileIdentity::default(),
                backing,
                access: Access::ReadWrite,
                open_flags: 0,
                fd: 3,
            };
            let detail = Detail::Open(file.clone());
            history.note_file(&testing::event(process.clone(), time_ns, detail), &file);
        }
        history.descriptor(&process, 3).is_some()
    }

    #[test]
    fn a_number_means_the_file_that_got_it_last_whenever_that_is_told() {
        assert!(kept(10), "the file on a disk was closed before");
        assert!(!kept(30), "the memfd was");
    }
}
