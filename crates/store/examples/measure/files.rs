//! The files of this machine, so that paths, inodes and times are as real hosts have
//! them.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use sentinel_event::FileIdentity;

/// A file and its identity.
#[derive(Clone)]
pub struct RealFile {
    pub path: Arc<str>,
    pub file: FileIdentity,
}

/// Up to `count` regular files below `root`, in the order of the directory tree.
pub fn below(root: &str, count: usize) -> Vec<RealFile> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(root).to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let (Ok(metadata), path) = (entry.metadata(), entry.path()) else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(path);
            } else if let (true, Some(path)) = (metadata.is_file(), path.to_str()) {
                files.push(RealFile {
                    path: path.into(),
                    file: FileIdentity {
                        dev: metadata.dev() as u32,
                        inode: metadata.ino(),
                        ctime_ns: metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
                        nlink: metadata.nlink() as u32,
                        mode: metadata.mode(),
                        uid: metadata.uid(),
                    },
                });
            }
            if files.len() == count {
                return files;
            }
        }
    }
    files
}
