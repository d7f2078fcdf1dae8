//! Code for the kernel, which does nothing there.

use sentinel_event::{Severity, Technique};

use crate::{Expected, Family, Variant};

const ROOTKIT: &[Technique] = &[Technique::new("T1014", "T1014", "Rootkit")];

const MODULE: &[Technique] = &[Technique::new(
    "T1547.006",
    "T1547.006",
    "Boot or Logon Autostart Execution: Kernel Modules and Extensions",
)];

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
            "kernel-loading/module",
            EXPECTED,
            MODULE,
            "a file that is no module, given to the kernel, which refuses it",
            "finit_module of the attack program",
            &["module", "{program}"],
        ),
        Variant::of(
            "kernel-loading/module-i386",
            EXPECTED,
            MODULE,
            "the same by a 32-bit system call",
            "finit_module of the attack program by int 0x80",
            &["module", "{program}"],
        )
        .narrow(),
        Variant::of(
            "kernel-loading/module-from-memory",
            EXPECTED,
            MODULE,
            "memory that is no module, given to the kernel, which refuses it",
            "init_module of zeros",
            &["module-memory"],
        ),
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
