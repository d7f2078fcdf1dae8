//! Reaching into another process. The target is the host's own `cat`, started by the
//! attack beside the process that reaches into it; what is written is what was there.

use sentinel_event::{Severity, Technique};

use crate::traces::Trace::Made;
use crate::{Act, Expected, Family, Proof, Variant, reflective};

const PTRACE: &[Technique] = &[Technique::new(
    "T1055.008",
    "T1055.008",
    "Process Injection: Ptrace System Calls",
)];
const MEMORY: &[Technique] = &[Technique::new(
    "T1055.009",
    "T1055.009",
    "Process Injection: Proc Memory",
)];
const INJECTION: &[Technique] = &[Technique::new("T1055", "T1055", "Process Injection")];
const LINKER: &[Technique] = &[Technique::new(
    "T1574.006",
    "T1574.006",
    "Hijack Execution Flow: Dynamic Linker Hijacking",
)];

const DUMPING: &[Technique] = &[Technique::new(
    "T1003.007",
    "T1003.007",
    "OS Credential Dumping: Proc Filesystem",
)];
const READ: Expected = Expected::Alert("process_injection", Severity::Medium);
const EXPECTED: Expected = Expected::Alert("process_injection", Severity::High);

const PRELOAD: &str = "/etc/ld.so.preload";

macro_rules! into_cat {
    ($name:literal, $techniques:ident, $what:literal, $steps:literal, $way:literal) => {
        into_cat!($name, EXPECTED, $techniques, $what, $steps, $way)
    };
    ($name:literal, $expected:ident, $techniques:ident, $what:literal, $steps:literal, $way:literal) => {
        Variant::of(
            concat!("process-injection/", $name),
            $expected,
            $techniques,
            $what,
            $steps,
            &["inject", $way, "{cat}"],
        )
    };
}

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "process-injection",
    summary: "a process changes another that is not its child, or takes from it",
    variants: &[
        into_cat!(
            "attach",
            PTRACE,
            "a process stopped by ptrace",
            "ptrace(PTRACE_ATTACH)",
            "attach"
        ),
        into_cat!(
            "attach-i386",
            PTRACE,
            "a process stopped by ptrace, by 32-bit system calls",
            "ptrace(PTRACE_ATTACH) by int 0x80",
            "attach"
        )
        .narrow(),
        into_cat!(
            "seize",
            PTRACE,
            "a process seized by ptrace",
            "ptrace(PTRACE_SEIZE), ptrace(PTRACE_INTERRUPT)",
            "seize"
        ),
        into_cat!(
            "poke",
            PTRACE,
            "a word of memory written by ptrace",
            "ptrace(PTRACE_ATTACH), ptrace(PTRACE_PEEKTEXT), ptrace(PTRACE_POKETEXT)",
            "poke"
        ),
        into_cat!(
            "registers",
            PTRACE,
            "registers set by ptrace",
            "ptrace(PTRACE_ATTACH), ptrace(PTRACE_GETREGS), ptrace(PTRACE_SETREGS)",
            "registers"
        ),
        into_cat!(
            "process-vm-writev",
            INJECTION,
            "memory written by process_vm_writev",
            "process_vm_readv, process_vm_writev",
            "writev"
        ),
        into_cat!(
            "memory-file",
            MEMORY,
            "memory written through /proc/PID/mem",
            "open(/proc/PID/mem, O_RDWR), pread, pwrite",
            "memory-file"
        ),
        into_cat!(
            "memory-file-i386",
            MEMORY,
            "memory written through /proc/PID/mem, by 32-bit system calls",
            "open(/proc/PID/mem, O_RDWR), pread64, pwrite64, by int 0x80",
            "memory-file"
        )
        .narrow(),
        Variant::of(
            "process-injection/own-memory",
            EXPECTED,
            MEMORY,
            "a shell that opens its own memory for what it starts to write there",
            "bash -c 'exec 3<>/proc/self/mem', and nothing written",
            &["run", "{find bash}", "-c", "exec 3<>/proc/self/mem"],
        ),
        into_cat!(
            "readv",
            READ,
            DUMPING,
            "memory read by process_vm_readv, as for passwords in it",
            "process_vm_readv",
            "readv"
        ),
        into_cat!(
            "memory-file-read",
            READ,
            DUMPING,
            "memory read through /proc/PID/mem",
            "open(/proc/PID/mem, O_RDONLY), pread",
            "memory-file-read"
        ),
        into_cat!(
            "descriptor",
            INJECTION,
            "a descriptor taken out of another process",
            "pidfd_open, pidfd_getfd",
            "descriptor"
        ),
        Variant {
            act: Act::Here(reflective::preload_dropped),
            ..Variant::of(
                "process-injection/ld-preload",
                Expected::Alert("process_injection", Severity::Medium),
                LINKER,
                "an installed program, made to load a library from /var/tmp by its environment",
                "write a file, execve(program, LD_PRELOAD=path)",
                &[],
            )
        }
        .proven(Proof::DroppedLoaded),
        Variant {
            act: Act::Here(reflective::search_dropped),
            ..Variant::of(
                "process-injection/library-path",
                Expected::Alert("process_injection", Severity::Medium),
                LINKER,
                "an installed program, made to search its C library in /var/tmp first",
                "write libc.so.6, execve(program, LD_LIBRARY_PATH=folder)",
                &[],
            )
        }
        .proven(Proof::DroppedLoaded),
        Variant::of(
            "process-injection/ld-so-preload",
            EXPECTED,
            LINKER,
            "the list of libraries that every program loads",
            "open(/etc/ld.so.preload, O_WRONLY|O_CREAT), write a comment",
            &["write", PRELOAD],
        )
        .leaving(&[Made(PRELOAD)]),
    ],
};
