//! Code that is brought into a running program without any execution of it.
//!
//! Either a page of memory is filled with machine code and then made executable:
//! the code is one return instruction and is never called, for what the kernel
//! sees is the change of protection. Or the dynamic loader is told to load a
//! library that no file holds: the library is a copy of one that the host has.

use std::fs;

use memmap2::MmapMut;
use nix::sys::memfd::MFdFlags;
use sentinel_event::{Kind, Severity, Technique};

use crate::child::{become_path_with_env, c_path, descriptor_path};
use crate::fileless::memfd;
use crate::payload::Payload;
use crate::{Act, Expected, Failure, Family, Place, Proof, Stage, Variant};

const PAGE: usize = 4096;

/// The return instruction, so that what is made executable is code.
#[cfg(target_arch = "aarch64")]
const RETURN: &[u8] = &[0xc0, 0x03, 0x5f, 0xd6];
#[cfg(not(target_arch = "aarch64"))]
const RETURN: &[u8] = &[0xc3];

const REFLECTIVE: Technique = Technique::new("T1620", "T1620", "Reflective Code Loading");
const PRELOAD: Technique = Technique::new(
    "T1574.006",
    "T1574.006",
    "Hijack Execution Flow: Dynamic Linker Hijacking",
);

const CODE: &[Technique] = &[REFLECTIVE];

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "reflective",
    summary: "code brought into a program other than from a named file on a disk",
    variants: &[
        Variant {
            name: "reflective/mprotect",
            summary: "anonymous memory, written and then made executable",
            steps: "mmap(rw-, MAP_ANONYMOUS), write, mprotect(r-x)",
            techniques: &[REFLECTIVE],
            // By itself the act is what every just-in-time compiler does.
            expected: Expected::Event(Kind::Mprotect),
            place: Place::Nowhere,
            proof: Proof::AnonymousExecutable,
            traces: &[],
            act: Act::Here(write_then_execute),
            hidden: None,
        },
        Variant {
            name: "reflective/preload-memfd",
            summary: "an installed program, made to load a library from a memfd",
            steps: "memfd_create, write, execve(program, LD_PRELOAD=/proc/self/fd/N)",
            techniques: &[REFLECTIVE, PRELOAD],
            expected: alert(Severity::High),
            place: Place::Nowhere,
            proof: Proof::MemfdLoaded,
            traces: &[],
            act: Act::Here(preload_memfd),
            hidden: None,
        },
        Variant {
            name: "reflective/preload-dev-shm",
            summary: "an installed program, made to load a library from /dev/shm",
            steps: "write a file below /dev/shm, execve(program, LD_PRELOAD=path)",
            techniques: &[REFLECTIVE, PRELOAD],
            expected: alert(Severity::Medium),
            place: Place::Shm,
            proof: Proof::ShmLoaded,
            traces: &[],
            act: Act::Here(preload_shared_memory),
            hidden: None,
        },
        own(
            "reflective/mprotect-dropped",
            Severity::Low,
            "memory made executable by a program that is not installed",
            "mmap(rw-, MAP_ANONYMOUS), write, mprotect(r-x)",
            &["mprotect"],
        ),
        own(
            "reflective/mprotect-i386",
            Severity::Low,
            "the same by 32-bit system calls",
            "mmap2(rw-, MAP_ANONYMOUS), write, mprotect(r-x), by int 0x80",
            &["mprotect"],
        )
        .narrow(),
        own(
            "reflective/pkey-mprotect",
            Severity::Low,
            "the same with a protection key",
            "mmap(rw-, MAP_ANONYMOUS), write, pkey_mprotect(r-x)",
            &["pkey-mprotect"],
        ),
        own(
            "reflective/mmap",
            Severity::Low,
            "memory that is writable and executable from the beginning",
            "mmap(rwx, MAP_ANONYMOUS)",
            &["mmap"],
        ),
        own(
            "reflective/mmap-i386",
            Severity::Low,
            "the same by 32-bit system calls",
            "mmap2(rwx, MAP_ANONYMOUS) by int 0x80",
            &["mmap"],
        )
        .narrow(),
        own(
            "reflective/dual",
            Severity::Medium,
            "a memfd mapped twice, to write to and to execute",
            "memfd_create, mmap(rw-, MAP_SHARED), mmap(r-x, MAP_SHARED)",
            &["dual"],
        ),
        own(
            "reflective/dual-mprotect",
            Severity::Medium,
            "a mapped memfd, written and then made executable",
            "memfd_create, mmap(rw-, MAP_SHARED), mprotect(r-x)",
            &["dual-mprotect"],
        ),
        own(
            "reflective/library",
            Severity::High,
            "a memfd mapped as the dynamic loader maps a library",
            "memfd_create, mmap(r-x, MAP_PRIVATE)",
            &["library"],
        ),
        own(
            "reflective/library-i386",
            Severity::High,
            "the same by 32-bit system calls",
            "memfd_create, mmap2(r-x, MAP_PRIVATE), by int 0x80",
            &["library"],
        )
        .narrow(),
        own(
            "reflective/patched-file",
            Severity::Medium,
            "pages of an installed program, changed in memory and made executable",
            "open, mmap(rw-, MAP_PRIVATE), write, mprotect(r-x)",
            &["patched", "{cat}"],
        ),
        own(
            "reflective/shmat",
            Severity::Low,
            "shared memory attached executable",
            "shmget, shmat(SHM_EXEC)",
            &["shmat"],
        ),
    ],
};

/// A variant of the attack program, which lies in a place where anybody may put programs.
const fn own(
    name: &'static str,
    severity: Severity,
    summary: &'static str,
    steps: &'static str,
    words: &'static [&'static str],
) -> Variant {
    Variant::of(name, alert(severity), CODE, summary, steps, words)
}

const fn alert(severity: Severity) -> Expected {
    Expected::Alert("reflective_loading", severity)
}

fn write_then_execute(stage: &Stage) -> Result<(), Failure> {
    let mut memory = MmapMut::map_anon(PAGE).map_err(|error| Failure::from_io("mmap", &error))?;
    memory[..RETURN.len()].copy_from_slice(RETURN);
    let code = memory
        .make_exec()
        .map_err(|error| Failure::from_io("mprotect", &error))?;
    let ended = stage.echo();
    // The mapping has to outlive the echo, during which the parent looks at it.
    drop(code);
    ended
}

fn preload_memfd(stage: &Stage) -> Result<(), Failure> {
    let library = memfd(&library()?, MFdFlags::empty())?;
    preload(&stage.payload()?, descriptor_path(&library).to_bytes())
}

fn preload_shared_memory(stage: &Stage) -> Result<(), Failure> {
    let path = stage.file()?;
    fs::write(&path, library()?)
        .map_err(|error| Failure::from_io("writing the library", &error))?;
    preload(&stage.payload()?, path.as_os_str().as_encoded_bytes())
}

/// The same from a file on a disk.
pub(crate) fn preload_dropped(stage: &Stage) -> Result<(), Failure> {
    preload_shared_memory(stage)
}

/// Becomes the installed payload, whose C library is a copy in the attack's folder.
pub(crate) fn search_dropped(stage: &Stage) -> Result<(), Failure> {
    let installed = loaded(&["/libc.so.6"])?;
    let folder = stage.folder()?;
    fs::copy(installed, folder.join("libc.so.6"))
        .map_err(|error| Failure::from_io("copying the C library", &error))?;
    become_with(
        &stage.payload()?,
        b"LD_LIBRARY_PATH=",
        folder.as_os_str().as_encoded_bytes(),
    )
}

/// Becomes the installed payload with a library that is loaded before its own.
fn preload(payload: &Payload, library: &[u8]) -> Result<(), Failure> {
    become_with(payload, b"LD_PRELOAD=", library)
}

/// Becomes the installed payload with a setting for its loader.
fn become_with(payload: &Payload, variable: &[u8], value: &[u8]) -> Result<(), Failure> {
    // A static program loads no library: without a loader this is not possible.
    payload.loader()?;
    let setting = [variable, value].concat();
    let setting = std::ffi::CString::new(setting).unwrap_or_default();
    become_path_with_env(&c_path(&payload.path), &setting)
}

/// The image of a small library that is installed here and that this program itself
/// has loaded, so that it fits this host for sure.
fn library() -> Result<Vec<u8>, Failure> {
    let path = loaded(&["/libgcc_s.so", "/libm.so", "/libc.so"])?;
    fs::read(&path).map_err(|error| Failure::from_io(&format!("reading {path}"), &error))
}

/// The path of the first of these libraries that this program has loaded.
fn loaded(names: &[&str]) -> Result<String, Failure> {
    let maps = fs::read_to_string("/proc/self/maps")
        .map_err(|error| Failure::from_io("reading /proc/self/maps", &error))?;
    names
        .iter()
        .find_map(|name| maps.split_whitespace().find(|word| word.contains(name)))
        .map(str::to_owned)
        .ok_or_else(|| Failure::NotPossible("this program has loaded no such library".to_owned()))
}
