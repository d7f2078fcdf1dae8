//! The attack program: what it is, and how a variant's words become its arguments.

use std::ffi::{CStr, CString};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::child::{MARK, become_path_with, c_path};
use crate::{Failure, Stage};

/// `attack/`, compiled for x86-64 and for 32-bit x86; empty on other machines.
const WIDE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/attack64"));
const NARROW: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/attack32"));

/// Where programs are looked for that a variant needs; not in PATH, which is anybody's.
const TOOL_FOLDERS: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin"];

/// Which build of the attack program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 64 bits.
    Wide,
    /// 32 bits, whose system calls have other numbers and another way into the kernel.
    Narrow,
}

/// Becomes the attack program, written to the attack's folder.
pub(crate) fn become_it(stage: &Stage, width: Width, words: &[&str]) -> Result<(), Failure> {
    let image = match width {
        Width::Wide => WIDE,
        Width::Narrow => NARROW,
    };
    if image.is_empty() {
        return Err(Failure::NotPossible("it is made for x86-64".to_owned()));
    }
    let path = stage.file()?;
    let words: Vec<CString> = words
        .iter()
        .map(|word| spell(word, stage))
        .collect::<Result<_, _>>()?;
    install(image, &path)?;
    let name = CString::new(MARK).unwrap_or_default();
    let argv: Vec<&CStr> = std::iter::once(&*name)
        .chain(words.iter().map(|word| &**word))
        .collect();
    match become_path_with(&c_path(&path), &argv) {
        Err(Failure::Broken(why)) if why.ends_with(nix::errno::Errno::ENOEXEC.desc()) => Err(
            Failure::NotPossible("this kernel runs no 32-bit programs".to_owned()),
        ),
        answer => answer,
    }
}

fn install(image: &[u8], path: &Path) -> Result<(), Failure> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o700)
        .open(path)
        .and_then(|mut file| file.write_all(image))
        .map_err(|error| Failure::from_io("writing the attack program", &error))
}

/// A word with what only the running attack knows: `{folder}`, its folder; `{program}`,
/// the attack program; `{cat}`, the payload; `{find NAME}`, an installed program.
fn spell(word: &str, stage: &Stage) -> Result<CString, Failure> {
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, hole, after)) = split(rest) {
        text.push_str(before);
        text.push_str(&fill(hole, stage)?);
        rest = after;
    }
    text.push_str(rest);
    CString::new(text).map_err(|_| Failure::Broken("a word holds a zero byte".to_owned()))
}

/// The first `{...}` and what is around it.
fn split(word: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = word.split_once('{')?;
    let (hole, after) = rest.split_once('}')?;
    Some((before, hole, after))
}

fn fill(hole: &str, stage: &Stage) -> Result<String, Failure> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    match hole {
        "folder" => Ok(text(stage.folder()?)),
        "program" => Ok(text(&stage.file()?)),
        "cat" => Ok(text(&stage.payload()?.path)),
        _ => match hole.strip_prefix("find ") {
            Some(name) => {
                tool(name).ok_or_else(|| Failure::NotPossible(format!("{name} is not installed")))
            }
            None => Err(Failure::Broken(format!("{{{hole}}} means nothing"))),
        },
    }
}

fn tool(name: &str) -> Option<String> {
    TOOL_FOLDERS
        .iter()
        .map(|folder| format!("{folder}/{name}"))
        .find(|path| Path::new(path).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Act;
    use crate::{FAMILIES, Place};

    #[test]
    fn every_word_can_be_spelled_and_has_a_place() {
        let folder = Place::Disk.make().expect("a disk").expect("a folder");
        let stage = Stage::at(folder.path());
        for variant in FAMILIES.iter().flat_map(|family| family.variants) {
            let Act::Program(_, words) = &variant.act else {
                continue;
            };
            assert_ne!(variant.place, Place::Nowhere, "{}", variant.name);
            for word in *words {
                let spelled = spell(word, &stage);
                let missing_tool =
                    word.contains("{find ") && matches!(&spelled, Err(Failure::NotPossible(_)));
                assert!(
                    spelled.is_ok() || missing_tool,
                    "{}: {spelled:?}",
                    variant.name
                );
            }
        }
        assert!(spell("{nonsense}", &stage).is_err());
        assert!(spell("{find no-such-program}", &stage).is_err());
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn both_builds_are_static_programs_of_their_width() {
        // e_ident[EI_CLASS]: 2 is 64 bits, 1 is 32.
        assert_eq!((&WIDE[..4], WIDE[4]), (&b"\x7fELF"[..], 2));
        assert_eq!((&NARROW[..4], NARROW[4]), (&b"\x7fELF"[..], 1));
    }
}
