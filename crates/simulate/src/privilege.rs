//! Files marked so that whoever runs them gets rights: they hold a comment and cannot be
//! executed, or are the attack program itself, and lie where nobody else can reach them.

use sentinel_event::{Severity, Technique};

use crate::{Expected, Family, Variant};

const SETUID: &[Technique] = &[Technique::new(
    "T1548.001",
    "T1548.001",
    "Abuse Elevation Control Mechanism: Setuid and Setgid",
)];

macro_rules! marked {
    ($name:literal, $what:literal, $steps:literal, $($word:literal),+) => {
        Variant::of(
            concat!("privilege-escalation/", $name),
            Expected::Alert("privilege_escalation", Severity::Medium),
            SETUID,
            $what,
            $steps,
            &[$($word),+],
        )
    };
}

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "privilege-escalation",
    summary: "a file is marked so that whoever runs it gets rights, or they are taken",
    variants: &[
        marked!(
            "setuid",
            "a setuid file",
            "open, chmod(4755)",
            "mark",
            "chmod",
            "{folder}/file",
            "4755"
        ),
        marked!(
            "setuid-i386",
            "a setuid file, by 32-bit system calls",
            "open, chmod(4755), by int 0x80",
            "mark",
            "chmod",
            "{folder}/file",
            "4755"
        )
        .narrow(),
        marked!(
            "setuid-fchmod",
            "a setuid file, by its descriptor",
            "open, fchmod(4755)",
            "mark",
            "fchmod",
            "{folder}/file",
            "4755"
        ),
        marked!(
            "setuid-fchmodat2",
            "a setuid file, by the youngest call",
            "open, fchmodat2(4755)",
            "mark",
            "fchmodat2",
            "{folder}/file",
            "4755"
        ),
        marked!(
            "setuid-creation",
            "a file that is setuid from its creation",
            "open(O_CREAT, 4755)",
            "mark",
            "open",
            "{folder}/file",
            "4755"
        ),
        marked!(
            "setuid-used",
            "a setuid program that is not installed, started by a user",
            "fchmod(4755), setresuid(65534), execveat",
            "lend",
            "setuid"
        ),
        marked!(
            "capability-used",
            "a program that is not installed becomes root by its capability",
            "fsetxattr(security.capability), setresuid(65534), execveat, setresuid(0)",
            "lend",
            "capability"
        ),
        marked!(
            "capability",
            "a file with a capability",
            "open, setxattr(security.capability)",
            "capability",
            "{folder}/file"
        ),
    ],
};
