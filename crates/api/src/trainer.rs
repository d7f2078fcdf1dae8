//! Where the training program is.
//!
//! The daemon and the command line both start it, and neither links it. Owns the places
//! to look in, so that both find the same one.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The file name of the program that trains networks and measures models.
pub const TRAINER: &str = "sentinel-train";

/// Finds the training program: beside the running one, as in a checkout; in the libexec
/// folder of its installation; or in PATH. `None` where it is not installed, which only
/// leaves the networks untrained.
pub fn trainer() -> Option<PathBuf> {
    let running = env::current_exe().ok()?;
    find(running.parent()?, env::var_os("PATH").as_deref())
}

fn find(folder: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    let installed = folder
        .parent()
        .map(|prefix| prefix.join("libexec/sentinel"));
    let named: Vec<PathBuf> = path.map(env::split_paths).into_iter().flatten().collect();
    let folders = std::iter::once(folder.to_owned())
        .chain(installed)
        .chain(named);
    folders
        .map(|folder| folder.join(TRAINER))
        .find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn looks_beside_then_in_libexec_then_in_path() {
        let root = env::temp_dir().join(format!("sentinel-trainer-{}", std::process::id()));
        let folders = ["usr/bin", "usr/libexec/sentinel", "opt"].map(|name| root.join(name));
        let path = env::join_paths([&root, &folders[2]]).expect("joins");
        let found = || find(&folders[0], Some(&path));
        for folder in &folders {
            fs::create_dir_all(folder).expect("is made");
        }
        assert_eq!(found(), None);
        for folder in folders.iter().rev() {
            fs::write(folder.join(TRAINER), "").expect("is written");
            assert_eq!(found(), Some(folder.join(TRAINER)));
        }
        fs::remove_dir_all(&root).expect("is removed");
    }
}
