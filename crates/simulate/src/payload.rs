//! The harmless program that the attacks run: the host's own `cat`.
//!
//! `cat` does nothing but echo: the parent sends one line and sees it come back,
//! which proves that the payload runs, and ends it by closing its input.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::Failure;

/// Debian, Fedora and Alpine in turn; the last is GNU's where `cat` is another's.
const CANDIDATES: [&str; 3] = ["/usr/bin/cat", "/bin/cat", "/usr/bin/gnucat"];

const ELF_MAGIC: &[u8] = b"\x7fELF";

/// A script that does what the payload does, in the shell's own words.
pub(crate) const SCRIPT: &[u8] =
    b"#!/bin/sh\nwhile read -r line; do printf '%s\\n' \"$line\"; done\n";

/// The program and its image.
pub(crate) struct Payload {
    /// Where it is installed.
    pub path: PathBuf,
    /// What the file holds.
    pub image: Vec<u8>,
}

impl Payload {
    /// Reads the host's `cat`.
    pub(crate) fn find() -> Result<Payload, Failure> {
        for candidate in CANDIDATES {
            // The real path, so that /proc shows the same one.
            let Ok(path) = fs::canonicalize(candidate) else {
                continue;
            };
            let image = fs::read(&path).map_err(|error| {
                Failure::from_io(&format!("reading {}", path.display()), &error)
            })?;
            if image.starts_with(ELF_MAGIC) {
                return Ok(Payload { path, image });
            }
        }
        Err(Failure::NotPossible(format!(
            "none of {} is a program",
            CANDIDATES.join(", ")
        )))
    }

    /// The dynamic loader that the program asks for (its PT_INTERP).
    pub(crate) fn loader(&self) -> Result<CString, Failure> {
        interpreter(&self.image)
            .ok_or_else(|| Failure::NotPossible(format!("{} is static", self.path.display())))
    }

    /// Whether the program does its work whatever its first argument is. In one
    /// program with many names (busybox, uutils) that argument picks the name.
    pub(crate) fn is_single(&self) -> bool {
        self.path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().ends_with(b"cat"))
    }

    /// Writes the program to a new executable file.
    pub(crate) fn install(&self, path: &Path) -> Result<(), Failure> {
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o700)
            .open(path)
            .and_then(|mut file| file.write_all(&self.image))
            .map_err(|error| Failure::from_io("writing the payload", &error))
    }

    /// Writes the program into an open file.
    pub(crate) fn fill(&self, file: &mut File) -> Result<(), Failure> {
        fill(file, &self.image)
    }
}

pub(crate) fn fill(file: &mut File, image: &[u8]) -> Result<(), Failure> {
    file.write_all(image)
        .map_err(|error| Failure::from_io("writing the payload", &error))
}

/// The text of the PT_INTERP segment of a 64-bit ELF file in this machine's byte order.
fn interpreter(image: &[u8]) -> Option<CString> {
    const PT_INTERP: u32 = 3;
    let half = |at: usize| Some(u16::from_ne_bytes(image.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_ne_bytes(image.get(at..at + 4)?.try_into().ok()?));
    let long = |at: usize| {
        let value = u64::from_ne_bytes(image.get(at..at.checked_add(8)?)?.try_into().ok()?);
        usize::try_from(value).ok()
    };
    // e_ident[EI_CLASS] is 2 in 64-bit files; e_phoff, e_phentsize and e_phnum follow.
    if image.get(4) != Some(&2) {
        return None;
    }
    let (table, entry, count) = (long(32)?, usize::from(half(54)?), usize::from(half(56)?));
    let header = (0..count)
        .map(|i| table.checked_add(i * entry))
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .filter(|at| at.checked_add(40).is_some_and(|end| end <= image.len()))
        .find(|at| word(*at) == Some(PT_INTERP))?;
    let (start, size) = (long(header + 8)?, long(header + 32)?);
    let text = image.get(start..start.checked_add(size)?)?;
    CString::new(text.strip_suffix(b"\0")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_cat_is_a_program_with_a_loader_that_exists() {
        let payload = Payload::find().expect("this host has cat");
        let loader = payload.loader().expect("cat is dynamic");
        let path = Path::new(loader.to_str().expect("a plain path"));
        assert!(path.is_file(), "{}", path.display());
    }

    #[test]
    fn damaged_images_have_no_loader_and_do_no_harm() {
        let whole = Payload::find().expect("this host has cat").image;
        let loader = interpreter(&whole).expect("cat is dynamic");
        let text = loader.as_bytes_with_nul();
        let start = whole.windows(text.len()).position(|window| window == text);
        for length in 0..start.expect("the text is in the file") + text.len() {
            assert_eq!(interpreter(&whole[..length]), None, "{length} bytes");
        }
        let mut wild = whole.clone();
        wild[32..40].fill(0xff);
        assert_eq!(interpreter(&wild), None);
    }
}
