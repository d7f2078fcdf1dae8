//! The process in which an attack happens.
//!
//! It never forks: where the attack replaces the program, this process becomes
//! the payload, so that the pid which the parent knows is the attacker's.

use std::ffi::{CStr, CString};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use nix::fcntl::AtFlags;
use nix::unistd::{execve, execveat};

use crate::payload::Payload;
use crate::{Act, Failure, Variant, program};

/// The name of everything that the attacks make, so that whoever meets it in an
/// event or an alert knows where it comes from.
pub(crate) const MARK: &str = "sentinel-simulation";

/// The payload is called by its own name; a program with many names goes by it.
const ARGV: [&CStr; 1] = [c"cat"];
/// Nothing of the environment is needed, and nothing of it is to be seen in events.
const ENV: [&CStr; 0] = [];

/// What an attack has to work with.
pub struct Stage {
    scratch: Option<PathBuf>,
}

/// Carries out a variant in this process, with the folder that its place asks
/// for. Returns only if the attack failed or once its parent has closed the input.
pub fn perform(variant: &Variant, scratch: Option<PathBuf>) -> Result<(), Failure> {
    let stage = Stage { scratch };
    match variant.act {
        Act::Here(act) => act(&stage),
        Act::Program(width, words) => program::become_it(&stage, width, words),
    }
}

impl Stage {
    #[cfg(test)]
    pub(crate) fn at(folder: &Path) -> Stage {
        Stage {
            scratch: Some(folder.to_owned()),
        }
    }

    /// The path of a file that the attack may make; the parent removes it.
    pub(crate) fn file(&self) -> Result<PathBuf, Failure> {
        self.folder().map(|folder| folder.join(MARK))
    }

    /// The folder that the parent made for this attack.
    pub(crate) fn folder(&self) -> Result<&Path, Failure> {
        self.scratch
            .as_deref()
            .ok_or_else(|| Failure::Broken("a folder is needed and was not given".to_owned()))
    }

    /// The payload of this attack.
    pub(crate) fn payload(&self) -> Result<Payload, Failure> {
        Payload::find()
    }

    /// Stays in this process, as harmless as the payload: echoes its input to its end.
    pub(crate) fn echo(&self) -> Result<(), Failure> {
        let mut output = io::stdout().lock();
        for line in io::stdin().lines() {
            line.and_then(|line| writeln!(output, "{line}"))
                .and_then(|()| output.flush())
                .map_err(|error| Failure::from_io("echoing", &error))?;
        }
        Ok(())
    }
}

/// Becomes the program behind the descriptor, named by no path at all.
pub(crate) fn become_descriptor(file: &impl AsFd) -> Result<(), Failure> {
    match execveat(file, c"", &ARGV, &ENV, AtFlags::AT_EMPTY_PATH) {
        Ok(never) => match never {},
        Err(errno) => Err(Failure::from_errno("execveat with an empty path", errno)),
    }
}

/// Becomes the program at a path.
pub(crate) fn become_path(path: &CStr) -> Result<(), Failure> {
    become_path_with(path, &ARGV)
}

/// Becomes the program at a path, with arguments.
pub(crate) fn become_path_with(path: &CStr, argv: &[&CStr]) -> Result<(), Failure> {
    execute(path, argv, &ENV)
}

/// Becomes the program at a path, with one setting in its environment.
pub(crate) fn become_path_with_env(path: &CStr, setting: &CStr) -> Result<(), Failure> {
    execute(path, &ARGV, &[setting])
}

fn execute(path: &CStr, argv: &[&CStr], env: &[&CStr]) -> Result<(), Failure> {
    match execve(path, argv, env) {
        Ok(never) => match never {},
        Err(errno) => {
            let step = format!("executing {}", path.to_string_lossy());
            Err(Failure::from_errno(&step, errno))
        }
    }
}

/// The path by which /proc shows this process's descriptor.
pub(crate) fn descriptor_path(file: &impl AsRawFd) -> CString {
    c_path(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
}

/// A path for the kernel. Ours come from /proc and from folders that exist, which
/// the kernel itself gave us, so they hold no zero byte.
pub(crate) fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).unwrap_or_default()
}
