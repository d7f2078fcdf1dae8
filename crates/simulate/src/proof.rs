//! What /proc shows of a process while its attack is happening.
//!
//! A simulator that believed itself would report attacks that never happened; so
//! each variant names its proof and the parent checks it from outside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::child::MARK;
use crate::payload::Payload;

/// What must be seen for a variant to have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The executable is our memfd.
    MemfdExecuted,
    /// The executable is a file without a name.
    NamelessExecuted,
    /// The executable is a file below /dev/shm.
    ShmExecuted,
    /// The executable is a file on a disk that the attack wrote.
    DroppedExecuted,
    /// The executable is the payload where it is installed.
    PayloadExecuted,
    /// The executable is an interpreter whose argument is a descriptor path.
    DescriptorInterpreted,
    /// Another executable has our memfd mapped executable.
    MemfdLoaded,
    /// Anonymous memory is executable.
    AnonymousExecutable,
}

/// A process as /proc shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Its executable, with the kernel's ` (deleted)` for nameless files.
    pub exe: PathBuf,
    /// Its arguments.
    pub argv: Vec<String>,
    /// Its memory map.
    pub maps: String,
}

impl Sight {
    /// Looks at a process of our own.
    pub(crate) fn of(pid: u32) -> io::Result<Sight> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let argv = fs::read(folder.join("cmdline"))?;
        Ok(Sight {
            exe: fs::read_link(folder.join("exe"))?,
            argv: argv
                .split_inclusive(|byte| *byte == 0)
                .map(|arg| String::from_utf8_lossy(arg.strip_suffix(b"\0").unwrap_or(arg)).into())
                .collect(),
            maps: fs::read_to_string(folder.join("maps"))?,
        })
    }

    /// The lines of the memory map that describe executable memory.
    fn executable_maps(&self) -> impl Iterator<Item = &str> {
        self.maps.lines().filter(|line| {
            let protection = line.split_whitespace().nth(1);
            protection.is_some_and(|protection| protection.contains('x'))
        })
    }
}

impl Proof {
    /// Whether a process that looks so is what this proof asks for.
    pub(crate) fn holds(self, sight: &Sight) -> bool {
        let exe = sight.exe.to_string_lossy();
        let memfd = format!("/memfd:{MARK}");
        match self {
            Proof::MemfdExecuted => exe.starts_with(&memfd),
            Proof::NamelessExecuted => !exe.starts_with("/memfd:") && exe.ends_with(" (deleted)"),
            Proof::ShmExecuted => exe.starts_with("/dev/shm/") && exe.ends_with(MARK),
            Proof::DroppedExecuted => {
                sight.exe.is_absolute() && exe.ends_with(MARK) && !exe.starts_with("/dev/shm/")
            }
            Proof::PayloadExecuted => Payload::find().is_ok_and(|p| p.path == Path::new(&*exe)),
            Proof::DescriptorInterpreted => {
                let by_descriptor =
                    |arg: &String| arg.starts_with("/proc/self/fd/") || arg.starts_with("/dev/fd/");
                !exe.contains("memfd:") && sight.argv.iter().skip(1).any(by_descriptor)
            }
            Proof::MemfdLoaded => {
                !exe.contains("memfd:") && sight.executable_maps().any(|line| line.contains(&memfd))
            }
            // address, protection, offset, device and inode, and no name after them
            Proof::AnonymousExecutable => sight
                .executable_maps()
                .any(|line| line.split_whitespace().count() == 5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(exe: &str, argv: &[&str], maps: &str) -> Sight {
        Sight {
            exe: exe.into(),
            argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
            maps: maps.to_owned(),
        }
    }

    #[test]
    fn each_proof_holds_for_its_own_sight_only() {
        let cat = Payload::find().expect("this host has cat").path;
        let code = "7f00-7f01 r-xp 00000000 00:01 7 /memfd:sentinel-simulation (deleted)";
        let cases = [
            (
                Proof::MemfdExecuted,
                sight("/memfd:sentinel-simulation (deleted)", &["cat"], ""),
            ),
            (
                Proof::NamelessExecuted,
                sight("/var/tmp/#77 (deleted)", &["cat"], ""),
            ),
            (
                Proof::ShmExecuted,
                sight("/dev/shm/x/sentinel-simulation", &["cat"], ""),
            ),
            (
                Proof::DroppedExecuted,
                sight("/var/tmp/x/sentinel-simulation", &["cat"], ""),
            ),
            (
                Proof::PayloadExecuted,
                sight(&cat.to_string_lossy(), &["cat"], ""),
            ),
            (
                Proof::DescriptorInterpreted,
                sight("/usr/bin/dash", &["sh", "/dev/fd/3"], ""),
            ),
            (
                Proof::MemfdLoaded,
                sight("/lib/ld.so", &["ld.so", "x"], code),
            ),
            (
                Proof::AnonymousExecutable,
                sight("/bin/x", &["x"], "7f00-7f01 r-xp 00000000 00:00 0 "),
            ),
        ];
        for (wanted, _) in &cases {
            for (other, seen) in &cases {
                assert_eq!(
                    wanted.holds(seen),
                    wanted == other,
                    "{wanted:?} for {seen:?}"
                );
            }
        }
    }

    #[test]
    fn memory_that_is_not_executable_proves_nothing() {
        let maps = "7f00-7f01 rw-p 00000000 00:00 0\n7f02-7f03 r-xp 00000000 00:00 0 [vdso]";
        assert!(!Proof::AnonymousExecutable.holds(&sight("/bin/x", &["x"], maps)));
    }

    #[test]
    fn this_process_is_seen_as_it_is() {
        let seen = Sight::of(std::process::id()).expect("/proc is mounted");
        assert_eq!(seen.exe, std::env::current_exe().expect("a path"));
        assert_eq!(seen.argv, std::env::args().collect::<Vec<_>>());
        assert!(seen.maps.contains("[stack]"));
    }
}
