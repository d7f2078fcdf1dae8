//! Code for the kernel, which does nothing there.

use sentinel_event::{Severity, Technique};

use crate::{Expected, Family, Variant};

const ROOTKIT: &[Technique] = &[Technique::new("T1014", "T1014", "Rootkit")];

const EXPECTED: Expected = Expected::Alert("kernel_loading", Severity::Medium);

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "kernel-loading",
    summary: "code gets into the kernel",
    variants: &[
        Variant::of(
            "kernel-loading/bpf",
            EXPECTED,
            ROOTKIT,
            "a BPF program of two instructions, attached to nothing",
            "bpf(BPF_PROG_LOAD)",
            &["bpf"],
        ),
        Variant::of(
            "kernel-loading/bpf-i386",
            EXPECTED,
            ROOTKIT,
            "the same by a 32-bit system call",
            "bpf(BPF_PROG_LOAD) by int 0x80",
            &["bpf"],
        )
        .narrow(),
        Variant::of(
            "kernel-loading/memory",
            EXPECTED,
            ROOTKIT,
            "the machine's memory, opened for writing and not written",
            "open(/dev/mem, O_WRONLY)",
            &["visit", "/dev/mem"],
        ),
    ],
};
