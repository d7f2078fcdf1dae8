//! What /proc shows of a process while its attack is happening.
//!
//! A simulator that believed itself would report attacks that never happened; so
//! each variant names its proof and the parent checks it from outside.

use std::fs;
use std::io;
use std::path::PathBuf;

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
    /// Another executable has our file below /dev/shm mapped executable.
    ShmLoaded,
    /// Another executable has a file from our folder on a disk mapped executable.
    DroppedLoaded,
    /// Anonymous memory is executable.
    AnonymousExecutable,
    /// The executable is the attack program, which answers only when the kernel has done
    /// all that it was asked for.
    Carried,
    /// The executable is the attack program under the name of another, in the attack's
    /// own folder.
    Posed,
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

    /// The first executable mapping of a file whose path is as wanted; anonymous
    /// memory has an empty one.
    fn executable_file(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let exe = self.exe.display();
        self.maps.lines().find_map(|line| {
            // address, protection, offset, device, inode and, after many blanks, the path
            let mut words = line.splitn(6, ' ');
            let protection = words.nth(1)?;
            let path = words.nth(3).unwrap_or_default().trim_start();
            let name = if path.is_empty() {
                "anonymous memory"
            } else {
                path
            };
            (protection.contains('x') && wanted(path))
                .then(|| format!("executable {exe}, {protection} {name}"))
        })
    }
}

impl Proof {
    /// What of the process proves it, such as `executable /memfd:x`; `None` when
    /// nothing does.
    pub(crate) fn shown_by(self, sight: &Sight) -> Option<String> {
        let exe = &*sight.exe.to_string_lossy();
        let memfd = &*format!("/memfd:{MARK}");
        let is_memfd = exe.starts_with("/memfd:");
        let is_deleted = exe.ends_with(" (deleted)");
        let is_shm = exe.starts_with("/dev/shm/");
        let executable = |holds: bool| holds.then(|| format!("executable {exe}"));
        match self {
            Proof::MemfdExecuted => executable(exe.starts_with(memfd)),
            Proof::NamelessExecuted => executable(!is_memfd && is_deleted),
            Proof::ShmExecuted => executable(is_shm && exe.ends_with(MARK)),
            Proof::DroppedExecuted | Proof::Carried => {
                executable(exe.starts_with('/') && exe.ends_with(MARK) && !is_shm)
            }
            Proof::Posed => executable(
                exe.contains(&format!("/{MARK}-")) && !exe.ends_with(MARK) && !is_deleted,
            ),
            Proof::PayloadExecuted => {
                executable(Payload::find().is_ok_and(|payload| payload.path == sight.exe))
            }
            Proof::DescriptorInterpreted => {
                let argument = sight.argv.iter().skip(1).find(|argument| {
                    argument.starts_with("/proc/self/fd/") || argument.starts_with("/dev/fd/")
                });
                argument
                    .filter(|_| !is_memfd)
                    .map(|argument| format!("executable {exe}, argument {argument}"))
            }
            Proof::MemfdLoaded => sight
                .executable_file(|path| path.starts_with(memfd))
                .filter(|_| !is_memfd),
            Proof::ShmLoaded => sight
                .executable_file(|path| path.starts_with("/dev/shm/") && path.ends_with(MARK))
                .filter(|_| !is_shm),
            Proof::DroppedLoaded => {
                let folder = format!("/{MARK}-");
                sight
                    .executable_file(|path| {
                        path.contains(&folder) && !path.starts_with("/dev/shm/")
                    })
                    .filter(|_| !exe.contains(&folder))
            }
            Proof::AnonymousExecutable => sight.executable_file(str::is_empty),
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
                Proof::ShmLoaded,
                sight(
                    "/bin/x",
                    &["x"],
                    "7f00-7f01 r-xp 00000000 00:01 7 /dev/shm/x/sentinel-simulation",
                ),
            ),
            (
                Proof::DroppedLoaded,
                sight(
                    "/bin/x",
                    &["x"],
                    "7f00-7f01 r-xp 00000000 08:01 7 /var/tmp/sentinel-simulation-1/libc.so.6",
                ),
            ),
            (
                Proof::AnonymousExecutable,
                sight("/bin/x", &["x"], "7f00-7f01 r-xp 00000000 00:00 0 "),
            ),
        ];
        for (wanted, _) in &cases {
            for (other, seen) in &cases {
                assert_eq!(
                    wanted.shown_by(seen).is_some(),
                    wanted == other,
                    "{wanted:?} for {seen:?}"
                );
            }
        }
    }

    #[test]
    fn memory_that_is_not_executable_proves_nothing() {
        let maps = "7f00-7f01 rw-p 00000000 00:00 0\n7f02-7f03 r-xp 00000000 00:00 0 [vdso]";
        assert!(
            Proof::AnonymousExecutable
                .shown_by(&sight("/bin/x", &["x"], maps))
                .is_none()
        );
    }

    #[test]
    fn this_process_is_seen_as_it_is() {
        let seen = Sight::of(std::process::id()).expect("/proc is mounted");
        assert_eq!(seen.exe, std::env::current_exe().expect("a path"));
        assert_eq!(seen.argv, std::env::args().collect::<Vec<_>>());
        assert!(seen.maps.contains("[stack]"));
    }
}
