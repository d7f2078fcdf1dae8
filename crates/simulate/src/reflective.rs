//! Code that is brought into a running program without any execution.
//!
//! A page of memory is filled with machine code and then made executable. The
//! code is one return instruction and is never called: what the kernel sees is
//! the change of protection, which is the same for every loader of this sort.

use memmap2::MmapMut;
use sentinel_event::{Kind, Technique};

use crate::{Expected, Failure, Family, Place, Proof, Stage, Variant};

const PAGE: usize = 4096;

/// The return instruction, so that what is made executable is code.
#[cfg(target_arch = "aarch64")]
const RETURN: &[u8] = &[0xc0, 0x03, 0x5f, 0xd6];
#[cfg(not(target_arch = "aarch64"))]
const RETURN: &[u8] = &[0xc3];

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "reflective",
    summary: "code brought into a running program through memory alone",
    variants: &[Variant {
        name: "reflective/mprotect",
        summary: "anonymous memory, written and then made executable",
        steps: "mmap(rw-, MAP_ANONYMOUS), write, mprotect(r-x)",
        techniques: &[Technique {
            id: "T1620",
            legacy_id: "T1620",
            name: "Reflective Code Loading",
        }],
        expected: Expected::Event(Kind::Mprotect),
        place: Place::Nowhere,
        proof: Proof::AnonymousExecutable,
        act: write_then_execute,
    }],
};

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
