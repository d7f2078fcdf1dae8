//! Programs executed from something that is no ordinary file.
//!
//! What the attacker wants is code that no file scanner can open afterwards: from
//! memory, from a file without a name, or from a place that is gone at the next boot.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use sentinel_event::{Kind, Severity, Technique};

use crate::child::{
    MARK, become_descriptor, become_path, become_path_with, c_path, descriptor_path,
};
use crate::payload::{SCRIPT, fill};
use crate::{Act, Expected, Failure, Family, Place, Proof, Stage, Variant};

const REFLECTIVE: Technique = same("T1620", "Reflective Code Loading");
const STORAGE: Technique = same(
    "T1027.011",
    "Obfuscated Files or Information: Fileless Storage",
);
const SHELL: Technique = same("T1059.004", "Command and Scripting Interpreter: Unix Shell");

/// A technique that v19 did not renumber.
const fn same(id: &'static str, name: &'static str) -> Technique {
    Technique::new(id, id, name)
}

const FROM_MEMORY: &[Technique] = &[REFLECTIVE, STORAGE];
const FROM_SHARED: &[Technique] = &[STORAGE];

const fn alert(severity: Severity) -> Expected {
    Expected::Alert("fileless_execution", severity)
}

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "fileless",
    summary: "a program executed from memory, from a nameless file or by descriptor",
    variants: &[
        Variant {
            name: "fileless/memfd",
            summary: "a program in a memfd, executed by its /proc/self/fd path",
            steps: "memfd_create, write, execve(/proc/self/fd/N)",
            techniques: &[REFLECTIVE, STORAGE],
            expected: alert(Severity::High),
            place: Place::Nowhere,
            proof: Proof::MemfdExecuted,
            traces: &[],
            act: Act::Here(memfd_by_path),
            hidden: None,
        },
        Variant {
            name: "fileless/memfd-execveat",
            summary: "a program in a memfd, executed by descriptor alone",
            steps: "memfd_create, write, execveat(fd, \"\", AT_EMPTY_PATH), which is fexecve",
            techniques: &[REFLECTIVE, STORAGE],
            expected: alert(Severity::High),
            place: Place::Nowhere,
            proof: Proof::MemfdExecuted,
            traces: &[],
            act: Act::Here(memfd_by_descriptor),
            hidden: None,
        },
        Variant {
            name: "fileless/memfd-cloexec",
            summary: "a program in a memfd whose descriptor is closed by the execution itself",
            steps: "memfd_create(MFD_CLOEXEC), write, execveat(fd, \"\", AT_EMPTY_PATH)",
            techniques: &[REFLECTIVE, STORAGE],
            expected: alert(Severity::High),
            place: Place::Nowhere,
            proof: Proof::MemfdExecuted,
            traces: &[],
            act: Act::Here(memfd_cloexec),
            hidden: None,
        },
        Variant {
            name: "fileless/tmpfile-execveat",
            summary: "a program in a file that never had a name, executed by descriptor",
            steps: "open(O_TMPFILE), write, reopen for reading, execveat(fd, \"\", AT_EMPTY_PATH)",
            techniques: &[REFLECTIVE, STORAGE],
            expected: alert(Severity::High),
            place: Place::Disk,
            proof: Proof::NamelessExecuted,
            traces: &[],
            act: Act::Here(tmpfile_by_descriptor),
            hidden: None,
        },
        Variant {
            name: "fileless/tmpfile-proc",
            summary: "a program in a file that never had a name, executed by its /proc/self/fd path",
            steps: "open(O_TMPFILE), write, reopen for reading, execve(/proc/self/fd/N)",
            techniques: &[REFLECTIVE, STORAGE],
            expected: alert(Severity::High),
            place: Place::Disk,
            proof: Proof::NamelessExecuted,
            traces: &[],
            act: Act::Here(tmpfile_by_path),
            hidden: None,
        },
        Variant {
            name: "fileless/unlinked",
            summary: "a program whose file is removed before it is executed by descriptor",
            steps: "write a file, open, unlink, execveat(fd, \"\", AT_EMPTY_PATH)",
            techniques: &[REFLECTIVE, STORAGE],
            expected: alert(Severity::High),
            place: Place::Disk,
            proof: Proof::NamelessExecuted,
            traces: &[],
            act: Act::Here(unlinked),
            hidden: None,
        },
        Variant {
            name: "fileless/dev-shm",
            summary: "a program in /dev/shm, executed by its path",
            steps: "write a file below /dev/shm, execve(path)",
            techniques: &[STORAGE],
            expected: alert(Severity::Medium),
            place: Place::Shm,
            proof: Proof::ShmExecuted,
            traces: &[],
            act: Act::Here(shared_memory),
            hidden: None,
        },
        Variant {
            name: "fileless/fexecve-dropped",
            summary: "a program on a disk, freshly written and executed by descriptor",
            steps: "write a file, open, execveat(fd, \"\", AT_EMPTY_PATH)",
            techniques: &[REFLECTIVE],
            expected: alert(Severity::Low),
            place: Place::Disk,
            proof: Proof::DroppedExecuted,
            traces: &[],
            act: Act::Here(dropped),
            hidden: None,
        },
        Variant {
            name: "fileless/fexecve-regular",
            summary: "an installed program, executed by descriptor, as systemd does too",
            steps: "open an installed program, execveat(fd, \"\", AT_EMPTY_PATH)",
            techniques: &[REFLECTIVE],
            // Too common for an alert by itself.
            expected: Expected::Event(Kind::Exec),
            place: Place::Nowhere,
            proof: Proof::PayloadExecuted,
            traces: &[],
            act: Act::Here(regular),
            hidden: None,
        },
        Variant {
            name: "fileless/script-memfd",
            summary: "a shell script in a memfd, executed by its /proc/self/fd path",
            steps: "memfd_create, write \"#!/bin/sh ...\", execve(/proc/self/fd/N)",
            techniques: &[STORAGE, SHELL],
            expected: alert(Severity::High),
            place: Place::Nowhere,
            proof: Proof::DescriptorInterpreted,
            traces: &[],
            act: Act::Here(script_by_path),
            hidden: None,
        },
        Variant {
            name: "fileless/script-execveat",
            summary: "a shell script in a memfd, executed by descriptor alone",
            steps: "memfd_create, write \"#!/bin/sh ...\", execveat(fd, \"\", AT_EMPTY_PATH)",
            techniques: &[STORAGE, SHELL],
            expected: alert(Severity::High),
            place: Place::Nowhere,
            proof: Proof::DescriptorInterpreted,
            traces: &[],
            act: Act::Here(script_by_descriptor),
            hidden: None,
        },
        Variant {
            name: "fileless/loader-memfd",
            summary: "the dynamic loader, told to load a program from a memfd",
            steps: "memfd_create, write, execve(ld.so, [ld.so, /proc/self/fd/N])",
            techniques: &[REFLECTIVE, STORAGE],
            expected: alert(Severity::High),
            place: Place::Nowhere,
            proof: Proof::MemfdLoaded,
            traces: &[],
            act: Act::Here(loader),
            hidden: None,
        },
        Variant::of(
            "fileless/static",
            alert(Severity::High),
            FROM_MEMORY,
            "a static program without any library, in a memfd",
            "memfd_create, write, execve(/proc/self/fd/N)",
            &["memfd"],
        )
        .proven(Proof::MemfdExecuted),
        Variant::of(
            "fileless/memfd-i386",
            alert(Severity::High),
            FROM_MEMORY,
            "a 32-bit program in a memfd, executed by its path",
            "memfd_create, write, execve(/proc/self/fd/N), all by int 0x80",
            &["memfd"],
        )
        .narrow()
        .proven(Proof::MemfdExecuted),
        Variant::of(
            "fileless/memfd-execveat-i386",
            alert(Severity::High),
            FROM_MEMORY,
            "a 32-bit program in a memfd, executed by descriptor alone",
            "memfd_create, write, execveat(fd, \"\", AT_EMPTY_PATH), all by int 0x80",
            &["memfd-execveat"],
        )
        .narrow()
        .proven(Proof::MemfdExecuted),
        Variant::of(
            "fileless/tmpfile-i386",
            alert(Severity::High),
            FROM_MEMORY,
            "a 32-bit program in a file that never had a name",
            "open(O_TMPFILE), write, execveat(fd, \"\", AT_EMPTY_PATH), all by int 0x80",
            &["nameless", "{folder}"],
        )
        .narrow()
        .proven(Proof::NamelessExecuted),
        Variant::of(
            "fileless/unlinked-i386",
            alert(Severity::High),
            FROM_MEMORY,
            "a 32-bit program whose file is removed before it is executed",
            "open, write, unlink, execveat(fd, \"\", AT_EMPTY_PATH), all by int 0x80",
            &["unlinked", "{folder}/other"],
        )
        .narrow()
        .proven(Proof::NamelessExecuted),
        Variant::of(
            "fileless/dev-shm-i386",
            alert(Severity::Medium),
            FROM_SHARED,
            "a static 32-bit program in /dev/shm",
            "write a file below /dev/shm, execve(path)",
            &["echo"],
        )
        .narrow()
        .within(Place::Shm)
        .proven(Proof::ShmExecuted),
    ],
};

fn memfd_by_path(stage: &Stage) -> Result<(), Failure> {
    let file = memfd(&stage.payload()?.image, MFdFlags::empty())?;
    become_path(&descriptor_path(&file))
}

fn memfd_by_descriptor(stage: &Stage) -> Result<(), Failure> {
    become_descriptor(&memfd(&stage.payload()?.image, MFdFlags::empty())?)
}

fn memfd_cloexec(stage: &Stage) -> Result<(), Failure> {
    become_descriptor(&memfd(&stage.payload()?.image, MFdFlags::MFD_CLOEXEC)?)
}

fn tmpfile_by_descriptor(stage: &Stage) -> Result<(), Failure> {
    become_descriptor(&nameless(stage)?)
}

fn tmpfile_by_path(stage: &Stage) -> Result<(), Failure> {
    let file = nameless(stage)?;
    become_path(&descriptor_path(&file))
}

fn unlinked(stage: &Stage) -> Result<(), Failure> {
    let path = stage.file()?;
    stage.payload()?.install(&path)?;
    let file = open(&path)?;
    fs::remove_file(&path).map_err(|error| Failure::from_io("unlinking the payload", &error))?;
    become_descriptor(&file)
}

fn shared_memory(stage: &Stage) -> Result<(), Failure> {
    let path = stage.file()?;
    stage.payload()?.install(&path)?;
    become_path(&c_path(&path))
}

fn dropped(stage: &Stage) -> Result<(), Failure> {
    let path = stage.file()?;
    stage.payload()?.install(&path)?;
    become_descriptor(&open(&path)?)
}

fn regular(stage: &Stage) -> Result<(), Failure> {
    become_descriptor(&open(&stage.payload()?.path)?)
}

// The interpreter opens the script by its descriptor after the execution, so the
// descriptor must outlive it: no MFD_CLOEXEC in these two.

fn script_by_path(_: &Stage) -> Result<(), Failure> {
    let file = memfd(SCRIPT, MFdFlags::empty())?;
    become_path(&descriptor_path(&file))
}

fn script_by_descriptor(_: &Stage) -> Result<(), Failure> {
    become_descriptor(&memfd(SCRIPT, MFdFlags::empty())?)
}

fn loader(stage: &Stage) -> Result<(), Failure> {
    let payload = stage.payload()?;
    if !payload.is_single() {
        return Err(Failure::NotPossible(format!(
            "{} picks its work by the name that the loader replaces",
            payload.path.display()
        )));
    }
    let loader = payload.loader()?;
    let file = memfd(&payload.image, MFdFlags::empty())?;
    become_path_with(&loader, &[&loader, &descriptor_path(&file)])
}

/// A memfd that holds the image. Asks for an executable one, which hosts with
/// vm.memfd_noexec=1 want to hear; kernels before 6.3 do not know that flag.
pub(crate) fn memfd(image: &[u8], flags: MFdFlags) -> Result<File, Failure> {
    let name = CString::new(MARK).unwrap_or_default();
    let executable = MFdFlags::from_bits_retain(libc::MFD_EXEC);
    let fd: OwnedFd = match memfd_create(name.as_c_str(), flags | executable) {
        Err(Errno::EINVAL) => memfd_create(name.as_c_str(), flags),
        answer => answer,
    }
    .map_err(|errno| match errno {
        Errno::EACCES => Failure::NotPossible("vm.memfd_noexec forbids it".to_owned()),
        errno => Failure::from_errno("memfd_create", errno),
    })?;
    let mut file = File::from(fd);
    fill(&mut file, image)?;
    Ok(file)
}

/// A file that never had a name, holding the payload and open for reading only:
/// the kernel executes nothing that somebody could still write to.
fn nameless(stage: &Stage) -> Result<File, Failure> {
    let mut writer = OpenOptions::new()
        .write(true)
        .mode(0o700)
        .custom_flags(OFlag::O_TMPFILE.bits())
        .open(stage.folder()?)
        .map_err(|error| Failure::from_io("open with O_TMPFILE", &error))?;
    stage.payload()?.fill(&mut writer)?;
    open(Path::new(&*descriptor_path(&writer).to_string_lossy()))
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::from_io("opening the payload", &error))
}
